"""The decorator: how it is called, what it takes, and that its answers are never stale."""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.calls.comparing import assert_same
from tracejit import UnsupportedError, grad, jit

X = np.arange(5.0)
Pair = collections.namedtuple("Pair", "u v")


def check(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """The compiled function gives what Python gives and leaves arguments as Python leaves them."""
    plain, compiled = copy.deepcopy((args, kwargs)), copy.deepcopy((args, kwargs))
    want = f(*plain[0], **plain[1])
    assert_same(jit(f)(*compiled[0], **compiled[1]), want)
    assert_same(compiled, plain)


def plus_one(x: Any) -> Any:
    return x + 1


@pytest.mark.parametrize(
    "decorate",
    [jit, jit(), jit("f8[:](f8[:])"), jit(["f8[:](f8[:])", "f4[:](f4[:])"], opt_level=2)],
    ids=["plain", "called", "signature", "signatures"],
)
def test_call_forms(decorate: Any) -> None:
    f = decorate(plus_one)
    assert_same(f(X), X + 1)
    assert_same(f(x=X), X + 1)
    assert f.py_func is plus_one
    assert f.__name__ == "plus_one"


def test_signatures_compile_at_once() -> None:
    f = jit(["f8[:](f8[:])", "f4[:](f4[:])"])(plus_one)
    assert f.stats().compilations == 2
    f(X)
    f(X.astype("f4"))
    f(np.ones(9))
    assert f.stats().compilations == 2
    assert len(f.signatures) == 2


def test_inspection() -> None:
    f = jit(plus_one)
    assert "f64" in f.inspect_ir(X)
    assert "define" in f.inspect_llvm(X)
    assert "core" in f.inspect_asm(X)
    assert f.inspect_program(X)
    assert isinstance(f.explain(X), str)
    assert list(f.inspect_ir()) == f.signatures
    f.recompile()
    assert f.signatures == []
    assert_same(f(X), X + 1)


@pytest.mark.parametrize("signature", ["i8[:](f8[:])", "f8(f8, f8)"])
def test_signature_that_does_not_fit(signature: str) -> None:
    with pytest.raises(TypeError):
        jit(signature)(lambda x: x)


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="f9"):
        jit("f9(f8)")(plus_one)
    with pytest.raises(ValueError, match="opt_level"):
        jit(opt_level=9)
    with pytest.raises(ValueError, match="not parameters"):
        jit(static_argnames="zz")(plus_one)
    with pytest.raises(ValueError, match="static_argnums"):
        jit(static_argnums=4)(plus_one)
    with pytest.raises(TypeError):
        jit(3)


@pytest.mark.parametrize("level", ["0", "2"])
def test_the_environment_says_how_much_is_optimised(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEJIT_OPT_LEVEL", level)

    def double(x: np.ndarray) -> np.ndarray:
        return 2 * x

    for how, wanted in (({}, int(level)), ({"opt_level": 3}, 3)):
        f = jit(double, cache=False, **how)
        f(np.ones(3))
        (version,) = f._dispatcher.versions()
        assert version.artefacts.spec.module.opt_level == wanted


@pytest.mark.parametrize("level", ["4", "fast", "-1"])
def test_a_level_that_there_is_not(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_OPT_LEVEL", level)
    with pytest.raises(ValueError, match="TRACEJIT_OPT_LEVEL is 0, 1, 2 or 3"):
        jit(np.sin)


def test_generators_are_refused() -> None:
    def f(x: Any) -> Any:
        yield x

    with pytest.raises(UnsupportedError, match="generator"):
        jit(f)


def test_static_arguments() -> None:
    f = jit(static_argnums=-1)(lambda x, axes: x.transpose(axes))
    assert_same(f(np.ones((2, 3)), (1, 0)), np.ones((3, 2)))
    with pytest.raises(TypeError, match="hashable"):
        f(np.ones((2, 3)), [1, 0])


def test_keywords_and_defaults() -> None:
    def f(a: Any, b: Any = 2.0, *rest: Any, c: Any, d: Any = 4.0, **more: Any) -> Any:
        return a + b * sum(rest) + c * d + more.get("z", 0.0)

    check(f, X, c=1.0)
    check(f, X, 3.0, 1.0, X, c=2.0, z=X)
    check(f, a=X, c=1.0, d=X)


@pytest.mark.parametrize(("args", "kwargs"), [((1,), {}), ((1, 2, 3), {}), ((1,), {"a": 2})])
def test_wrong_calls_raise_what_python_raises(args: Any, kwargs: Any) -> None:
    def f(a: Any, b: Any) -> Any:
        return a + b

    with pytest.raises(TypeError) as want:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as found:
        jit(f)(*args, **kwargs)
    assert str(found.value) == str(want.value)


def test_pytrees() -> None:
    def f(d: Any) -> Any:
        pair = Pair(d["c"].v, 3)
        return {"z": d["a"] + 1, "y": [d["b"][0], (d["b"][1], d["c"].u)], "n": None, "p": pair}

    check(f, {"b": [X, 2.0], "a": np.float32(3), "c": Pair(1, np.ones((2, 2)))})


NAMES = ("self", "args", "kwargs", "function", "call", "f", "name", "key")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_may_have_any_name(name: str) -> None:
    space: dict[str, Any] = {}
    exec(
        f"def taken({name}, x=1.0): return {name} * x\ndef rest(x, **k): return x + k['{name}']",
        space,
    )
    for function, args in ((space["taken"], ()), (space["rest"], (3.0,))):
        f = jit(function)
        for _ in range(3):
            assert f(*args, **{name: 2.0}) == function(*args, **{name: 2.0})
            with pytest.raises(TypeError) as want:
                function(*args, 1.0, 2.0, **{name: 2.0})
            with pytest.raises(TypeError) as got:
                f(*args, 1.0, 2.0, **{name: 2.0})
            assert str(got.value) == str(want.value)


EQUAL_KEYS: list[tuple[Any, ...]] = [
    (1, True, 1.0, np.int64(1), np.True_, 1 + 0j),
    (0.0, -0.0, 0, False),
    ((1, 2), (True, 2), (1.0, 2)),
    (((1,),), ((True,),)),
    (frozenset([1]), frozenset([True])),
]


@pytest.mark.parametrize("keys", EQUAL_KEYS, ids=repr)
@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"inner": [d]}], ids=["d", "inside"])
def test_keys_that_are_equal_are_not_one_key(keys: tuple[Any, ...], wrap: Any) -> None:
    def listed(d: Any) -> Any:
        inner = d["inner"][0] if "inner" in d else d
        return [(k, 2 * v) for k, v in inner.items()]

    f = jit(listed)
    for key in keys * 3:
        made = wrap({key: 1.5, "b": 2.0})
        assert repr(f(made)) == repr(listed(made))


def test_order_of_dict_keys_is_part_of_the_argument() -> None:
    f = jit(lambda d: list(d.values()))
    assert f({"a": 1.0, "z": 2.0}) == [1.0, 2.0]
    assert f({"z": 1.0, "a": 2.0}) == [1.0, 2.0]
    assert f({"a": 1.0, "z": 2.0}) == [1.0, 2.0]


@dataclasses.dataclass
class State:
    x: np.ndarray
    t: float = 0.0
    tag: str = "q"

    def advance(self, dt: float) -> None:
        self.x = self.x + dt
        self.t += dt


def test_dataclasses_are_pytrees() -> None:
    def doubled(s: State) -> State:
        return State(s.x * 2, s.t + 1.0, s.tag)

    check(doubled, State(X))
    check(State.advance, State(X), 0.5)
    f = jit(doubled)
    for k in range(4):
        f(State(X + k, float(k)))
    assert f.stats().compilations == 1
    gradient = grad(lambda s: (s.x**2).sum() * s.t)(State(X, 3.0, 1.0))
    assert_same(gradient.x, 6 * X)


@pytest.mark.parametrize(
    "value",
    [True, 3, 2.5, 1j, np.float32(2), np.int8(3), np.bool_(True), None, "q", 10**30, 2**63, (), {}],
    ids=repr,
)
def test_any_value_passes_through(value: Any) -> None:
    check(lambda a: a, value)


def test_python_ints_do_not_wrap() -> None:
    f = jit(lambda a: a + a)
    assert [f(1), f(2), f(3)] == [2, 4, 6]
    with pytest.raises(OverflowError):
        f(2**62)


def test_bools_may_decide_structure() -> None:
    def f(x: Any, keepdims: bool = False) -> Any:
        return x.sum(keepdims=keepdims) if keepdims else (x.sum(), keepdims)

    g = jit(f)
    for keepdims in (False, True, False, True):
        assert_same(g(X, keepdims), f(X, keepdims))


SETTINGS: dict[str, Any] = {"a": 1.0, "l": [1, 2]}


def _shown(x: Any, k: float = 1.0) -> Any:
    return x * k


@functools.wraps(_shown)
def _wrapper(x: Any, k: float = 2.0, *, m: float = 3.0) -> Any:
    return x * k + m


@functools.wraps(_shown)
def _passes_on(*args: Any, **kwargs: Any) -> Any:
    return _wrapper(*args, **kwargs) + _shown(*args, **kwargs)


def test_a_wrapper_has_its_own_defaults() -> None:
    """``inspect.signature`` shows those of what it wraps."""
    for f in (_wrapper, _passes_on):
        g = jit(f)
        assert_same(g(X), f(X))
        assert_same(g(X, k=4.0), f(X, k=4.0))
        assert_same(g(X, 4.0), f(X, 4.0))
    assert_same(jit(_wrapper)(X, m=1.0), _wrapper(X, m=1.0))
    static = jit(_passes_on, static_argnames="k")
    assert_same(static(X, 4.0), _passes_on(X, 4.0))
    assert_same(static(X, k=4.0), _passes_on(X, k=4.0))


def test_defaults_of_a_function_that_calls_itself() -> None:
    def f(x: Any, k: float = 2.0, n: int = 2) -> Any:
        return x * k if n == 0 else f(x, n=n - 1) + k

    g = jit(f)
    for given in ((2.0, 2), (5.0, 2)):
        f.__defaults__ = given
        assert_same(g(X, 1.0), f(X, 1.0))


class Methods:
    k = 2.0

    @jit
    @staticmethod
    def static(x: Any) -> Any:
        return x + 1

    @jit
    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * cls.k

    @jit
    def plain(self, x: Any) -> Any:
        return x - self.k


def test_methods() -> None:
    for owner in (Methods, Methods()):
        assert_same(owner.static(X), X + 1)
        assert_same(owner.of_class(X), X * 2.0)
    assert_same(Methods().plain(X), X - 2.0)
    assert_same(jit(Methods().plain)(X), X - 2.0)
    assert_same(jit(lambda m, x: m.plain(x))(Methods(), X), X - 2.0)


def test_attributes_are_set() -> None:
    class Optimizer:
        def __init__(self) -> None:
            self.w, self.steps = np.ones(5), 0.0

        @jit
        def step(self, g: Any) -> None:
            self.w -= 0.5 * g
            self.steps = self.steps + 1.0

    optimizer = Optimizer()
    for _ in range(3):
        optimizer.step(np.ones(5))
    assert_same(optimizer.w, np.full(5, -0.5))
    assert optimizer.steps == 3.0


def test_nesting() -> None:
    f = jit(lambda x: x * 2)
    assert_same(jit(lambda x: f(x) + f(x + 1))(X), X * 4 + 2)
    assert jit(grad(jit(grad(jit(lambda z: z**4)))))(2.0) == 48.0

    @jit
    def power(x: Any, n: int) -> Any:
        return x if n == 0 else x * power(x, n - 1)

    assert_same(power(X, 3), X**4)
