"""Once compiled, calls stay native for parameters of every kind, and bind as Python does."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import X, Y, Z, assert_same, assert_warm, outcome
from tracejit import grad, jit
from tracejit.python_entry import entry


def all_kinds(
    a: Any, /, b: Any, c: Any = 1.5, *rest: Any, d: Any, e: Any = 2.0, **more: Any
) -> Any:
    total = a + b * c + d * e
    for x in rest:
        total = total + x
    for name in more:
        total = total * 2 + more[name]
    return total, c, e


def with_defaults(x: Any, y: Any = 1.0, z: Any = None, *, scale: Any = 2, mode: Any = "add") -> Any:
    x = x + y if mode == "add" else x - y
    return x * scale if z is None else x * scale + z


PARAMETERS: list[tuple[Any, list[Any]]] = [
    (with_defaults, [(X,), (X, 2.0), (X, 2.0, Y)]),
    (with_defaults, [dict(x=X), dict(x=X, y=3.0), dict(y=3.0, x=X), dict(x=X, z=Y, y=Y)]),
    (with_defaults, [dict(x=X, scale=3), dict(x=X, mode="sub"), dict(x=X, mode="sub", scale=4)]),
    (all_kinds, [((X, Y), dict(d=2.0)), ((X,), dict(b=Y, d=1.0)), ((X, Y, 2.0, Z), dict(d=Z))]),
    (all_kinds, [((X, Y), dict(d=2.0, a=Z)), ((X, Y), dict(d=1.0, q=Z, p=X)),
                 ((X, Y), dict(d=1.0, p=X, q=Z))]),
    (lambda *xs: xs[0] + len(xs), [(X,), (X, Y), (X, Y, Z)]),
    (lambda **xs: list(xs.values()), [dict(a=X), dict(a=X, b=Y), dict(b=Y, a=X), dict()]),
    (lambda *, b, a=3.0: b / a, [dict(b=X), dict(a=2.0, b=X), dict(b=X, a=Y)]),
]  # fmt: skip


def as_call(given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(given, dict):
        return (), given
    return given if len(given) == 2 and isinstance(given[1], dict) else (given, {})


@pytest.mark.parametrize("number", range(len(PARAMETERS)))
def test_parameters_of_every_kind(number: int) -> None:
    function, calls = PARAMETERS[number]
    assert_warm(jit(function), *map(as_call, calls))


WRONG: list[Any] = [
    (), (X, Y, Z, X), ((X,), dict(x=Y)), ((X,), dict(unknown=1)), dict(y=X), dict(scale=1),
    ((X,), dict(y=1.0, scale=2, q=3)), ((X, 1.0, None, 5), dict(scale=1)),
]  # fmt: skip


def test_wrong_calls_raise_what_python_says() -> None:
    f = jit(with_defaults)
    f(X, y=1.0)
    for args, kwargs in map(as_call, WRONG):
        with pytest.raises(TypeError) as want:
            with_defaults(*args, **kwargs)
        with pytest.raises(TypeError) as got:
            f(*args, **kwargs)
        assert str(got.value) == str(want.value)
    assert_warm(f, ((X,), {"y": 1.0}))


def test_a_wrong_call_of_a_wrapper_says_what_the_wrapper_takes() -> None:
    @functools.wraps(with_defaults)
    def wrapper(x: Any, and_more: Any) -> Any:
        return x + and_more

    for f in (wrapper, jit(wrapper)):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'and_more'"):
            f(X)


def test_defaults_are_those_of_the_moment() -> None:
    def f(x: Any, y: Any = 1.0, *, z: Any = 2.0) -> Any:
        return x * y + z

    g = jit(f)
    assert_warm(g, ((X,), {}))
    f.__defaults__ = (5.0,)
    assert_warm(g, ((X,), {}))
    f.__kwdefaults__["z"] = 7.0
    assert_warm(g, ((X,), {}))
    f.__kwdefaults__ = {"z": Y}
    assert_warm(g, ((X,), {}))
    f.__defaults__ = (1.0, 2.0)
    assert_warm(g, ((), {}), ((3.0,), {}))
    f.__defaults__ = None
    f.__kwdefaults__ = None
    for args, kwargs in [((X,), {}), ((X, 1.0), {})]:
        with pytest.raises(TypeError) as want:
            f(*args, **kwargs)
        with pytest.raises(TypeError) as got:
            g(*args, **kwargs)
        assert str(got.value) == str(want.value)
    assert_warm(g, ((X, 1.0), {"z": 2.0}))


def test_a_default_that_changes_is_one_object() -> None:
    def f(x: Any, seen: Any = [], table: Any = {"n": 0.0}) -> Any:
        seen.append(x * 2)
        table["n"] = table["n"] + 1.0
        return seen

    def again(x: Any, seen: Any = [], table: Any = {"n": 0.0}) -> Any:
        seen.append(x * 2)
        table["n"] = table["n"] + 1.0
        return seen

    g = jit(f)
    for k in range(4):
        got = g(X + k)
        assert_same(got, again(X + k))
        assert got is f.__defaults__[0]
    assert f.__defaults__[1] == {"n": 4.0}
    mine: list[Any] = []
    assert g(X, mine) is mine
    assert len(mine) == 1
    assert len(f.__defaults__[0]) == 4


class Owner:
    scale = 2.0

    @jit
    def method(self, x: Any, y: Any = 1.0, *, z: Any = 0.0) -> Any:
        return x * self.scale + y + z

    @classmethod
    @jit
    def made(cls, x: Any, y: Any = 1.0) -> Any:
        return x * cls.scale + y

    @staticmethod
    @jit
    def free(x: Any, y: Any = 1.0) -> Any:
        return x + y

    def __call__(self, x: Any, y: Any = 3.0) -> Any:
        return x * self.scale + y


class Inherits(Owner):
    scale = 5.0


def test_methods() -> None:
    for kind, owner in itertools.product(["method", "made", "free"], [Owner(), Inherits()]):
        bound = getattr(owner, kind)
        scale = 1.0 if kind == "free" else owner.scale
        for _ in range(3):
            assert_same(bound(X), X * scale + 1.0)
            assert_same(bound(X, y=2.0), X * scale + 2.0)
            assert_same(bound(y=2.0, x=X), X * scale + 2.0)
    owner = Owner()
    before = Owner.method.stats().slow_calls
    for _ in range(5):
        owner.method(X, z=4.0)
        owner.method(x=X)
    if entry.uses_native_entry():
        assert Owner.method.stats().slow_calls <= before + 2


def weighted(x: Any, k: Any = 1.0, *, w: Any = 2.0) -> Any:
    return x * k + w


@functools.wraps(weighted)
def wrapped(*args: Any, **kwargs: Any) -> Any:
    return weighted(*args, **kwargs)


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(weighted, k=3.0),
        functools.partial(weighted, X),
        Owner(),
        Owner().__call__,
        wrapped,
    ],
    ids=["partial of a keyword", "partial of an argument", "callable", "bound method", "wrapper"],
)
def test_callables_that_are_no_plain_functions(function: Any) -> None:
    f = jit(function)
    for args, kwargs in [((), {}), ((Y,), {}), ((Y, 4.0), {}), ((), {"x": Y}), ((Y,), {"w": 1.0})]:
        for _ in range(3):
            got = outcome(lambda a=args, k=kwargs: f(*a, **k))
            want = outcome(lambda a=args, k=kwargs: function(*a, **k))
            if isinstance(want, np.ndarray):
                assert_same(got, want)
            else:
                assert got[0] is want[0] is TypeError
    before = f.stats().slow_calls
    f(*(() if function.__class__ is functools.partial and function.args else (Y,)))
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_numpy_functions_themselves() -> None:
    square = np.array([[4.0, 1.0], [1.0, 3.0]])
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (np.linalg.cholesky, (square,), {}),
        (np.linalg.solve, (square, np.ones(2)), {}),
        (np.clip, (X, 0.5, 1.5), {}),
        (np.sum, (square,), {"axis": 0}),
        (np.add, (X, Y), {}),
    ]
    for function, args, kwargs in calls:
        f = jit(function)
        f(*args, **kwargs)
        before = f.stats().slow_calls
        np.testing.assert_array_equal(f(*args, **kwargs), function(*args, **kwargs))
        if entry.uses_native_entry():
            assert f.stats().slow_calls == before, function


def test_transforms_count_the_arguments_that_are_passed() -> None:
    def loss(x: Any, y: Any = 2.0, *, k: Any = 3.0) -> Any:
        return (x * y * k).sum()

    f = jit(grad(loss))
    for args, kwargs in [((X,), {}), ((X, 4.0), {}), ((), {"x": X}), ((X,), {"y": 5.0})]:
        for _ in range(3):
            np.testing.assert_allclose(f(*args, **kwargs), grad(loss)(*args, **kwargs))


def part(x: Any, key: Any) -> Any:
    return x[key] + 1.0


def chosen(x: Any, mode: Any) -> Any:
    return x + 1 if mode == "add" else -x


def test_equal_statics_that_are_made_anew() -> None:
    """Texts and slices of ints that are equal are one argument to native code, too."""
    x = np.arange(9.0)
    f = jit(part)
    g = jit(chosen)
    before = 0
    for turn in range(4):
        for stop in (5, 500, None):
            f(x, slice(0, stop, 2))
        for letters in (["ad", "d"], ["su", "b"]):
            g(x, "".join(letters))
        slow = f.stats().slow_calls + g.stats().slow_calls
        assert turn < 2 or slow == before or not entry.uses_native_entry()
        before = slow
    with pytest.raises(TypeError):
        f(x, slice(0, 5.0, 2))
    for key in (slice(0, 5), slice(0, True), slice(False, 5), "no", slice(0, 5)):
        assert_same(outcome(lambda key=key: f(x, key)), outcome(lambda key=key: part(x, key)))
    f = jit(chosen)
    for odd in ("add", np.str_("add"), "sub", b"add", None, "add"):
        assert_same(outcome(lambda odd=odd: f(x, odd)), outcome(lambda odd=odd: chosen(x, odd)))
