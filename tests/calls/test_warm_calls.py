"""Once compiled, calls stay in native code, whatever way their arguments travel; and answer,
change and raise what Python would."""

from __future__ import annotations

import functools
import gc
import itertools
import random
import sys
import threading
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.cores import NOTHING
from tracejit import grad, jit
from tracejit.abi import AnyParam, ArgResult, Container
from tracejit.abi import Signature as NativeSignature
from tracejit.bench import calls as bench
from tracejit.python_entry import entry
from tracejit.python_entry.parameters import CallParameters

NATIVE = pytest.mark.skipif(not entry.uses_native_entry(), reason="portable entry in use")
X, Y, Z = np.arange(3.0), np.array([4.0, 5.0, 6.0]), np.array([0.5, 0.25, 2.0])


def outcome(call: Any) -> Any:
    """The value, or what was raised."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def assert_same(got: Any, want: Any) -> None:
    assert type(got) is type(want), (got, want)
    if isinstance(want, tuple | list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype
        assert got.strides == want.strides
        assert got.flags.writeable == want.flags.writeable
        np.testing.assert_array_equal(got, want)
    else:
        assert got == want


def assert_warm(f: Any, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    """``f`` answers like its function, and natively from the third time on."""
    for _ in range(2):
        for args, kwargs in calls:
            assert_same(
                outcome(lambda: f(*args, **kwargs)), outcome(lambda: f.py_func(*args, **kwargs))
            )
    before = f.stats().slow_calls
    for args, kwargs in calls:
        assert_same(f(*args, **kwargs), f.py_func(*args, **kwargs))
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


# Places ---------------------------------------------------------------------------------------


def any_signature(rng: random.Random) -> Signature:
    kinds = [Parameter.POSITIONAL_ONLY] * rng.randrange(3)
    kinds += [Parameter.POSITIONAL_OR_KEYWORD] * rng.randrange(3)
    kinds += [Parameter.VAR_POSITIONAL] * rng.randrange(2)
    kinds += [Parameter.KEYWORD_ONLY] * rng.randrange(3)
    kinds += [Parameter.VAR_KEYWORD] * rng.randrange(2)
    names = rng.sample(["a", "b", "c", "d", "e", "f", "g", "h", "i"], len(kinds))
    defaults = False
    made = []
    for name, kind in zip(names, kinds, strict=True):
        default: Any = Parameter.empty
        if kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            positional = kind != Parameter.KEYWORD_ONLY
            defaults = (positional and defaults) or rng.random() < 0.4
            default = f"default of {name}" if defaults else default
        made.append(Parameter(name, kind, default=default))
    return Signature(made)


def function_of(wanted: Signature) -> Any:
    """A Python function with this signature."""
    space: dict[str, Any] = {}
    exec(f"def f{wanted}: return locals()", space)
    return space["f"]


def any_call(rng: random.Random, wanted: Signature) -> tuple[tuple[Any, ...], dict[str, Any]]:
    names = rng.sample(["a", "b", "c", "d", "e", "f", "g", "h", "i"], rng.randrange(4))
    names += [n for n in wanted.parameters if rng.random() < 0.4]
    fresh = {"".join(list(n)): f"keyword {n}" for n in names}
    return tuple(f"argument {k}" for k in range(rng.randrange(5))), fresh


def expected_places(f: Any, wanted: Signature, args: Any, kwargs: Any) -> list[Any] | None:
    try:
        found = f(*args, **kwargs)
    except TypeError:
        return None
    parameters = wanted.parameters.values()

    def of(kind: Any) -> list[Any]:
        return [found[p.name] for p in parameters if p.kind == kind]

    places = of(Parameter.POSITIONAL_ONLY) + of(Parameter.POSITIONAL_OR_KEYWORD)
    places += [x for xs in of(Parameter.VAR_POSITIONAL) for x in xs]
    only = sorted(p.name for p in parameters if p.kind == Parameter.KEYWORD_ONLY)
    return [*places, *(found[n] for n in only), *of(Parameter.VAR_KEYWORD)]


@functools.cache
def returns_places(count: int) -> Any:
    """A row that takes so many places and returns them."""
    results = tuple(ArgResult(k) for k in range(count))
    structure = Container("tuple", tuple(range(count)))
    wanted = NativeSignature((AnyParam(),) * count, results, structure)
    return entry.specialise(NOTHING, wanted, opt_level=0)


@pytest.fixture(scope="module")
def placing() -> Any:
    """A callable that returns the places of its arguments, None for a call that has none."""
    kind = entry.callable_type("Placing", __name__, {})

    def make(parameters: CallParameters) -> Any:
        made = kind()
        entry.set_miss(made, lambda *args, **kwargs: None)
        entry.set_parameters(made, parameters)
        entry.set_chain(made, [returns_places(k) for k in range(12)])
        return made

    return make


@pytest.mark.parametrize("live", [True, False])
def test_places_are_those_that_python_binds(placing: Any, live: bool) -> None:
    rng = random.Random(7)
    for _ in range(400):
        wanted = any_signature(rng)
        f = function_of(wanted)
        parameters = CallParameters(f if live else object(), wanted, fills=True)
        native = placing(parameters)
        for _ in range(12):
            args, kwargs = any_call(rng, wanted)
            expected = expected_places(f, wanted, args, kwargs)
            assert parameters.placed(args, kwargs) == expected, (wanted, args, kwargs)
            got = native(*args, **kwargs)
            assert (None if got is None else list(got)) == expected, (wanted, args, kwargs)
            if expected is not None:
                again, named = parameters.call(expected)
                assert parameters.places(again, named) == expected
                assert_same(f(*again, **named), f(*args, **kwargs))


def test_places_without_defaults_are_a_prefix(placing: Any) -> None:
    rng = random.Random(8)
    for _ in range(300):
        wanted = any_signature(rng)
        parameters = CallParameters(object(), wanted, fills=False)
        native = placing(parameters)
        for _ in range(12):
            args, kwargs = any_call(rng, wanted)
            try:
                bound = wanted.bind(*args, **kwargs)
            except TypeError:
                continue  # nothing is compiled for such a call
            expected = None if bound.kwargs else list(bound.args)
            assert parameters.placed(args, kwargs) == expected, (wanted, args, kwargs)
            got = native(*args, **kwargs)
            assert (None if got is None else list(got)) == expected, (wanted, args, kwargs)


class Name(str):
    """A keyword that says it is another."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == "b"

    __hash__ = str.__hash__


def test_odd_keywords(placing: Any) -> None:
    def f(a: Any, b: Any = 1, **rest: Any) -> Any:
        return a, b, rest

    native = placing(CallParameters(f, signature(f), fills=True))
    assert native(1, **{"".join(["b"]): 2}) == (1, 2, {})
    assert native(1, ü=2) == (1, 1, {"ü": 2})
    if entry.uses_native_entry():
        assert native(1, **{Name("c"): 2}) is None  # Python decides
    assert native(1, a=2) is None
    assert native(*range(2000)) is None


def test_no_reference_is_kept(placing: Any) -> None:
    default, named = object(), object()

    def f(a: Any, b: Any = default, *rest: Any, c: Any = named, **more: Any) -> None:
        """Never called."""

    native = placing(CallParameters(f, signature(f), fills=True))
    x = object()
    watched = (default, named, x, None)
    calls = [((x,), {}), ((), {"a": x}), ((x, x, x), {"c": x, "z": x}), ((), {}), ((x,), {"a": x})]

    def run(times: int) -> None:
        for _ in range(times):
            for args, kwargs in calls:
                native(*args, **kwargs)

    run(3)
    before = [sys.getrefcount(o) for o in watched[:3]]
    run(200)
    assert [sys.getrefcount(o) for o in watched[:3]] == before


# Parameters -------------------------------------------------------------------------------------


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


# Containers -------------------------------------------------------------------------------------

Point = namedtuple("Point", "x y")
Other = namedtuple("Other", "x y")


@dataclass
class Record:
    x: Any
    y: Any = None


@dataclass
class Wider(Record):
    z: Any = 1.0


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any


@dataclass(frozen=True, slots=True)
class Slotted:
    x: Any
    y: Any


def total(tree: Any) -> Any:
    return tree["a"] + tree["b"][0] * tree["b"][1]["c"]


def of_point(p: Any) -> Any:
    return p.x - p.y, type(p).__name__


def in_order(d: Any) -> Any:
    return [d[key] * k for k, key in enumerate(d)], list(d)


def of_keys(d: Any) -> Any:
    return {key: d[key] + 1 for key in d}


CONTAINERS: list[tuple[str, Any, list[Any]]] = [
    ("nested", total, [{"a": X, "b": [Y, {"c": Z}]}, {"b": [Y, {"c": Z}], "a": X},
                       {"a": X, "b": (Y, {"c": Z})}, {"a": X, "b": [Y, {"c": Z, "d": X}]},
                       {"a": 1.0, "b": [2, {"c": Z}]}]),
    ("named tuples", of_point, [Point(X, Y), Other(X, Y), Point(1.0, Y)]),
    ("records", of_point, [Record(X, Y), Wider(X, Y), Wider(X, Y, None), Frozen(X, Y)]),
    ("order", in_order, [{"a": X, "b": Y}, {"b": X, "a": Y}, {"a": X}, {}]),
    ("keys", of_keys, [{1: X, 1000: Y}, {"a" * 3: X, 1: Y}, {(1, 2): X}, {None: X, b"k": Y}]),
    ("lists", lambda x: x[::-1], [[X, Y], [X, Y, Z], [], [[X], [Y, []]]]),
    ("tuples", lambda x: x[0] + x[1], [(X, Y), (1.0, Y), [X, Y], (1, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "trees"), [c[1:] for c in CONTAINERS], ids=[c[0] for c in CONTAINERS]
)
def test_containers(function: Any, trees: list[Any]) -> None:
    assert_warm(jit(function), *(((tree,), {}) for tree in trees))


@pytest.mark.parametrize(
    "tree",
    [
        OrderedDict(a=X, b=[Y, {"c": Z}]),
        defaultdict(list, a=X, b=[Y, {"c": Z}]),
    ],
    ids=lambda tree: type(tree).__name__,
)
def test_containers_that_are_flattened_in_python(tree: Any) -> None:
    f = jit(total)
    for _ in range(3):
        assert_same(f(tree), total(tree))


def test_slots() -> None:
    f = jit(of_point)
    for _ in range(3):
        assert_same(f(Slotted(X, Y)), of_point(Slotted(X, Y)))


@dataclass
class Asks:
    """Its attributes are read by code of its own."""

    x: Any
    y: Any

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)


def test_a_record_with_code_of_its_own() -> None:
    f = jit(of_point)
    for _ in range(3):
        assert_same(f(Asks(X, Y)), of_point(Asks(X, Y)))


def test_an_object_that_changes_between_calls() -> None:
    f = jit(of_point)
    record = Record(X, Y)
    assert_warm(f, ((record,), {}))
    record.y = Z
    assert_warm(f, ((record,), {}))
    record.extra = 3.0
    assert_warm(f, ((record,), {}))
    del record.extra
    record.x = 2.5
    assert_warm(f, ((record,), {}))
    record.__dict__ = {"y": X, "x": Y}
    assert_warm(f, ((record,), {}))
    record.__class__ = Wider
    assert_same(f(record), of_point(record))


def update(params: Any, step: Any = 0.5, *, log: Any = None) -> Any:
    for name in params:
        params[name] = params[name] - step
    if log is not None:
        log.append(params["w"].sum())
    params["count"] = params["count"] + 1
    return params


def test_containers_that_are_changed_stay_the_callers() -> None:
    f = jit(update)
    for k in range(4):
        got, want = {"w": X + k, "count": 1.0}, {"w": X + k, "count": 1.0}
        seen, expected = [], []
        assert f(got, log=seen) is got
        update(want, log=expected)
        assert_same(got, want)
        assert_same(seen, expected)
    before = f.stats().slow_calls
    f({"w": X, "count": 1.0}, log=[])
    f(params={"w": X, "count": 1.0}, log=[])
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_attributes_that_are_set() -> None:
    def raised(box: Any, by: Any = 1.0) -> None:
        box.n = box.n + by

    class Box:
        n = 1.0

    f, box = jit(raised), Box()
    for k in range(4):
        f(box)
        assert box.n == 2.0 + k
    f(box, by=2.0)
    assert box.n == 7.0
    before = f.stats().slow_calls
    f(by=2.0, box=box)
    assert box.n == 9.0
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_no_reference_to_arguments_is_kept() -> None:
    f = jit(total)
    good = {"a": X.copy(), "b": [Y.copy(), {"c": Z.copy()}]}
    bad = {"a": good["a"], "b": [good["b"][0], {"d": good["b"][1]["c"]}]}
    watched = [good, good["a"], good["b"], *good["b"], bad["b"][1]]

    def run(times: int) -> None:
        for _ in range(times):
            f(good)
            with pytest.raises(KeyError):
                f(bad)

    run(3)
    gc.collect()
    before = [sys.getrefcount(x) for x in watched]
    run(30)
    gc.collect()
    assert [sys.getrefcount(x) for x in watched] == before


def test_threads_change_containers_and_defaults_meanwhile() -> None:
    def f(tree: Any, scale: Any = 1.0) -> Any:
        return (tree["x"] * tree["n"][0]).sum() * scale

    g, stop = jit(f), threading.Event()
    tree: dict[str, Any] = {"x": np.ones(30_000), "n": [1.0]}
    g(tree), g({"x": np.ones(30_000), "n": [2.0, 1.0]})

    def change() -> None:
        k = 0
        while not stop.is_set():
            k += 1
            tree["x"] = np.ones(30_000)
            tree["n"] = [1.0] if k % 3 else [1.0, 2.0]
            f.__defaults__ = (1.0 + 0 * k,)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert g(tree) == 30_000.0
    finally:
        stop.set()
        thread.join()


# Results ----------------------------------------------------------------------------------------

VIEWS: list[tuple[str, Any]] = [
    ("slice", lambda x: x[1:]),
    ("backwards", lambda x: x[::-1]),
    ("steps", lambda x: x[::2, 1::3]),
    ("backwards by steps", lambda x: x[-1:0:-2, ::-1]),
    ("empty", lambda x: x[5:3]),
    ("nothing of an axis", lambda x: x[:, 9:]),
    ("one row", lambda x: x[-1]),
    ("one column", lambda x: x[:, 1]),
    ("one element", lambda x: x[1:2, 0:1]),
    ("rank 0", lambda x: x[1, 1, ...]),
    ("transposed", lambda x: x.T),
    ("transposed slice", lambda x: x[1:].T[::2]),
    ("new axes", lambda x: x[None, 1:, None]),
    ("new axes of a column", lambda x: x[:, 1][:, None]),
    ("broadcast", lambda x: np.broadcast_to(x[:1], x.shape)),
    ("broadcast of more", lambda x: np.broadcast_to(x, (2, *x.shape))),
    ("bits", lambda x: x.view(np.int64)),
    ("bits of a slice", lambda x: x[1:].view(np.uint64)[::-1]),
    ("diagonal", lambda x: np.diagonal(x)),
    ("several", lambda x: (x[1:], x, x[:-1], {"t": x.T, "again": x})),
    ("one object twice", lambda x: (lambda v: (v, v, x[1:]))(x[1:])),
    ("of a result", lambda x: (lambda y: (y, y[1:], y.T))(x + 1)),
    ("half of a result", lambda x: (x + 1)[1:]),
    ("beside numbers", lambda x: (x[0], x[0, 0], x.shape, 3, None, x.ndim)),
]
ARRAYS = {
    "C": np.arange(20.0).reshape(4, 5),
    "F": np.asfortranarray(np.arange(20.0).reshape(4, 5)),
    "strided": np.arange(80.0).reshape(8, 10)[::2, ::-2],
    "small": np.arange(4.0).reshape(2, 2),
    "large": np.arange(42.0).reshape(6, 7),
    "read only": np.arange(20.0).reshape(4, 5).copy(),
}
ARRAYS["read only"].flags.writeable = False


def arrays_in(result: Any) -> list[Any]:
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [a for r in result for a in arrays_in(r)]
    return [result] if isinstance(result, np.ndarray) else []


def assert_same_views(got: Any, want: Any, x: Any) -> None:
    ours, theirs = arrays_in(got), arrays_in(want)
    assert len(ours) == len(theirs)
    for g, w in zip(ours, theirs, strict=True):
        assert g.shape == w.shape
        assert g.flags.writeable == w.flags.writeable
        assert np.may_share_memory(g, x) == np.may_share_memory(w, x)
        assert (g is x) == (w is x)
        if g.size and np.may_share_memory(w, x):
            assert g.__array_interface__["data"] == w.__array_interface__["data"]
            assert [s for s, n in zip(g.strides, g.shape, strict=True) if n > 1] == [
                s for s, n in zip(w.strides, w.shape, strict=True) if n > 1
            ]
        np.testing.assert_array_equal(g, w)
    for a, b in itertools.combinations(range(len(ours)), 2):
        assert (ours[a] is ours[b]) == (theirs[a] is theirs[b])
        assert np.may_share_memory(ours[a], ours[b]) == np.may_share_memory(theirs[a], theirs[b])


@pytest.mark.parametrize(("name", "function"), VIEWS, ids=[v[0] for v in VIEWS])
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_views_that_are_returned(name: str, function: Any, shapes: Any) -> None:
    f = jit(shapes=shapes)(function)
    for _ in range(2):
        for x in ARRAYS.values():
            assert_same_views(f(x), function(x), x)
    before = f.stats().slow_calls
    for x in ARRAYS.values():
        assert_same_views(f(x), function(x), x)
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


PARTS: list[tuple[Any, Any]] = [
    (lambda z: (z.real, z.imag[1:]), np.arange(4) + 1j),
    (lambda z: z[::2].imag, (np.arange(8) - 2j).astype(np.complex64)),
    (lambda z: np.array(z[1]), np.arange(4) + 1j),
    (lambda z: np.array(z[1]), (np.arange(4) + 1j).astype(np.complex64)),
    (lambda z: np.array(z[1]), np.arange(4, dtype=np.int8) - 3),
    (lambda z: np.array(z[1]), np.arange(4, dtype=np.float32) / 3),
    (lambda z: np.array(z[1] > 2), np.arange(4)),
    (lambda z: (lambda a: (a, a[()], float(a)))(np.array(z[1])), np.arange(4.0)),
    (lambda z: z[z > 1][1:], np.arange(6.0)),
    (lambda z: (lambda a: (a, a[1:], a[::-1]))(z[z > 1]), np.arange(6.0)),
    (lambda z, k: (z[k:], z[:k], z[k:][::-1]), (np.arange(6.0), 2)),
    (lambda z, k: z[::k], (np.arange(6.0), 2)),
    (lambda x: (x.reshape(-1), x[1:].reshape(-1, 2)), np.arange(12.0).reshape(3, 4)),
    (lambda x: (x.reshape(4, 3).T, x[1:2].reshape(2, 2)[::-1]), np.arange(12.0).reshape(3, 4)),
]


@pytest.mark.parametrize("number", range(len(PARTS)))
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_parts_that_are_returned(number: int, shapes: Any) -> None:
    function, given = PARTS[number]
    args = given if isinstance(given, tuple) else (given,)
    f = jit(shapes=shapes)(function)
    for _ in range(3):
        got, want = f(*args), function(*args)
        assert_same_views(got, want, args[0])
        assert_same(got, want)
    before = f.stats().slow_calls
    f(*args)
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def test_what_is_written_to_a_view_is_seen() -> None:
    f, x = jit(lambda x: x[1::2]), np.zeros(6)
    for k in range(3):
        f(x)[:] = k
        assert list(x) == [0, k, 0, k, 0, k]
        view = f(x)
        assert view.base is x
        assert f(view).base is x


ONE_ROW: list[Any] = [
    lambda x, a, b: x[a:b].reshape(-1),
    lambda x, a, b: x[a:b].ravel(),
    lambda x, a, b: np.reshape(x[a:b], (1, -1)),
    lambda x, a, b: x[a:b][..., None].reshape(-1, 1),
]


@pytest.mark.parametrize("function", ONE_ROW, ids=["reshape", "ravel", "a row", "a column"])
@pytest.mark.parametrize("turned", [True, False])
def test_reshaped_is_a_view_where_the_run_leaves_one_row(function: Any, turned: bool) -> None:
    def written(x: Any, a: Any, b: Any) -> Any:
        y = function(x, a, b)
        y[...] = 9
        return y

    for f, g in ((function, jit(function)), (written, jit(written))):
        for a, b in [(0, 2), (0, 1), (1, 2), (0, 3), (2, 3), (1, 1)] * 2:
            wide = np.arange(24.0).reshape(4, 6)
            theirs = wide.T[:3] if turned else wide[:, ::2][:3]
            ours = theirs.copy("K") if turned else wide.copy()[:, ::2][:3]
            want, got = f(theirs, a, b), g(ours, a, b)
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(ours, theirs)
            assert np.shares_memory(got, ours) == np.shares_memory(want, theirs)


def test_views_of_arrays_that_others_stand_for(tmp_path: Path) -> None:
    swapped = np.arange(6.0).astype(">f8")
    np.save(tmp_path / "x.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    f = jit(lambda x: (x[1:], x))
    for x in [np.arange(6.0), swapped, mapped] * 2:
        view, itself = f(x)
        assert itself is x
        assert type(view) is type(x[1:])
        assert view.dtype == x.dtype
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(view, x[1:])


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_generators(kind: Any) -> None:
    def draw(rng: Any, n: Any = 1) -> Any:
        return rng.random() * n + rng.standard_normal()

    sources = [lambda: kind(3), lambda: kind(4)]
    if kind is np.random.default_rng:
        sources.append(lambda: np.random.Generator(np.random.MT19937(5)))
    f = jit(draw)
    for make in sources * 2:
        ours, theirs = make(), make()
        assert [f(ours) for _ in range(3)] == [draw(theirs) for _ in range(3)]
        assert f(rng=ours, n=2) == draw(theirs, 2)
    before = f.stats().slow_calls
    rng = sources[0]()
    count = sys.getrefcount(rng)
    for _ in range(20):
        f(rng), f(n=2, rng=rng)
    assert sys.getrefcount(rng) == count
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


# Memory that arguments share ---------------------------------------------------------------------


def add_into(x: Any, y: Any, by: Any = 1.0) -> Any:
    x += y * by
    return x


def sweep(x: Any, y: Any) -> None:
    for k in range(len(x)):
        x[k] = x[k] + y[k]


def in_tree(tree: Any, k: Any = 1) -> Any:
    tree["x"][:] = tree["y"] * 2 + k
    return tree["x"][1:], tree["y"]


def with_log(tree: Any) -> Any:
    tree["x"] += tree["y"]
    tree["count"] = tree["count"] + 1
    return tree


MEMORY = np.arange(60.0)
TABLE = np.arange(60.0).reshape(6, 10)
COMPLEX = np.arange(20) + 1j * np.arange(20)
LAYOUTS: list[tuple[str, Any, Any]] = [
    ("shifted", MEMORY, lambda m: (m[1:9], m[:8])),
    ("shifted the other way", MEMORY, lambda m: (m[:8], m[1:9])),
    ("further", MEMORY, lambda m: (m[4:12], m[:8])),
    ("backwards", MEMORY, lambda m: (m[:8], m[7::-1])),
    ("every second", MEMORY, lambda m: (m[:16:2], m[3:11])),
    ("a row and a column", TABLE, lambda m: (m[2, :6], m[:, 3])),
    ("blocks", TABLE, lambda m: (m[1:4, 1:4], m[:3, 2:5])),
    ("transposed", TABLE, lambda m: (m[:5, :5], m[:5, :5].T)),
    ("parts", COMPLEX, lambda m: (m.real, m.imag)),
    ("apart", MEMORY, lambda m: (m[:8], m[20:28])),
    ("the same", MEMORY, lambda m: (m[:8], m[:8])),
    ("bytes", np.frombuffer(bytearray(MEMORY.tobytes())), lambda m: (m[1:9], m[:8])),
]
OVERLAPPING: list[Any] = [
    lambda f, x, y: f(x, y),
    lambda f, x, y: f(y=y, x=x),
    lambda f, x, y: f({"x": x, "y": y}),
    lambda f, x, y: f({"x": x, "y": y, "count": 0.0}),
]
FUNCTIONS = [(add_into, 0), (add_into, 1), (sweep, 0), (in_tree, 2), (with_log, 3)]


@pytest.mark.parametrize(("function", "way"), FUNCTIONS, ids=lambda p: getattr(p, "__name__", p))
def test_overlapping_arguments(function: Any, way: int) -> None:
    f = jit(function)

    def check(memory: Any, views: Any) -> None:
        ours, theirs = memory.copy(), memory.copy()
        if type(memory.base) is bytearray:
            ours, theirs = (np.frombuffer(bytearray(memory.tobytes())) for _ in range(2))
        got = OVERLAPPING[way](f, *views(ours))
        want = OVERLAPPING[way](function, *views(theirs))
        np.testing.assert_array_equal(ours, theirs)
        for g, w in zip(arrays_in(got), arrays_in(want), strict=True):
            np.testing.assert_array_equal(g, w)
            assert np.shares_memory(g, ours)
            assert g.strides == w.strides

    for _ in range(3):
        for _, memory, views in LAYOUTS:
            check(memory, views)
    for name, memory, views in LAYOUTS:
        before = f.stats().slow_calls
        check(memory, views)
        if entry.uses_native_entry() and name != "bytes":
            assert f.stats().slow_calls == before, name


@pytest.mark.filterwarnings("ignore:.*is compiled for the 20th")
def test_arguments_that_lie_in_another_way_are_found_out() -> None:
    f, rng = jit(add_into), random.Random(3)
    for _ in range(300):
        ours = np.arange(40.0)
        theirs = ours.copy()
        n, at, other = rng.randrange(2, 6), rng.randrange(10), rng.randrange(10)
        step = rng.choice([1, 1, 1, 2, -1])

        def views(m: Any, n: int = n, at: int = at, other: int = other, step: int = step) -> Any:
            whole = m[5:] if at % 2 else m
            return whole[at : at + n], whole[other + 10 : other + 10 + step * n : step][::-1][:n]

        x, y = views(ours)
        if len(y) < n:
            continue
        if rng.random() < 0.2:
            y.flags.writeable = False
        f(x, y)
        add_into(*views(theirs))
        np.testing.assert_array_equal(ours, theirs)


def test_no_reference_to_shared_memory_is_kept() -> None:
    f, memory = jit(lambda x, y: add_into(x, y)[1:]), np.arange(30.0)
    x, y = memory[1:9], memory[:8]
    for _ in range(3):
        f(x, y)
    before = [sys.getrefcount(a) for a in (memory, x, y, np.dtype("f8"))]
    for _ in range(50):
        assert f(x, y).base is memory or not entry.uses_native_entry()
    assert [sys.getrefcount(a) for a in (memory, x, y, np.dtype("f8"))] == before


def test_a_view_keeps_the_memory_that_it_is_of() -> None:
    """Two groups of arguments that overlap, in memory of two owners: each result has its own."""

    def both(a: Any, b: Any, c: Any, d: Any) -> Any:
        b[0], d[0] = a[1] * 2, c[1] + 1
        return a[1:], c[1:], d[1:]

    f = jit(both)
    one, other = np.arange(6.0), np.arange(6.0) + 10
    for _ in range(4):
        held = f(one, one[1:], other, other[1:])
        if not entry.uses_native_entry():
            assert np.shares_memory(held[1], other)
    if entry.uses_native_entry():
        assert [x.base is one for x in held] == [True, False, False]
        assert [x.base is other for x in held] == [False, True, True]


# Variables outside -----------------------------------------------------------------------------


@NATIVE
def test_globals_and_enclosing_variables_are_read_natively() -> None:
    space: dict[str, Any] = {"scale": X, "shift": 2.0}
    exec("def f(x, y=1.0): return x * scale + shift + abs(y)", space)
    f, function = jit(space["f"]), space["f"]
    assert_warm(f, ((Y,), {}), ((Y,), {"y": -2.0}))
    for changed in ({"scale": Z}, {"shift": 5.0}, {"scale": X}):
        space.update(changed)
        assert_warm(f, ((Y,), {}), ((Y,), {"y": -2.0}))
    del space["scale"]
    for _ in range(2):
        with pytest.raises(NameError) as got:
            f(Y)
        with pytest.raises(NameError) as want:
            function(Y)
        assert str(got.value) == str(want.value)
    space["scale"] = Z
    assert_warm(f, ((Y,), {}))

    def around() -> tuple[Any, Any]:
        held, by = X, 2.0

        def inner(x: Any) -> Any:
            return x * held * by

        def change(new: Any, factor: Any) -> None:
            nonlocal held, by
            held, by = new, factor

        return inner, change

    inner, change = around()
    g = jit(inner)
    assert_warm(g, ((Y,), {}))
    for new in (Z, X):
        change(new, 2.0)
        assert_warm(g, ((Y,), {}))
    change(X, 7.0)
    assert_warm(g, ((Y,), {}))


# What versions assume ---------------------------------------------------------------------------

REAL, TURN = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
OUTSIDE = np.zeros(2)


def after_writes(a: Any, x: Any, rng: Any) -> Any:
    x += 1.0
    OUTSIDE[0] += x[0]
    x[0] += rng.random()
    values = np.linalg.eigvals(a)
    x *= 2.0
    return values, rng.random()


def test_what_was_written_and_drawn_before_is_put_back_natively() -> None:
    f = jit(after_writes)
    states = []
    for function in (after_writes, f):
        OUTSIDE[:] = 0
        x, rng = np.zeros(3), np.random.default_rng(1)
        seen = []
        for a in [REAL] * 12 + [TURN, REAL, TURN] + [TURN] * 30 + [REAL]:
            seen.append((function(a, x, rng), x.copy(), OUTSIDE.copy()))
        states.append(seen)
    for got, want in zip(*reversed(states), strict=True):
        np.testing.assert_array_equal(got[0][0], want[0][0])
        assert got[0][0].dtype == want[0][0].dtype
        assert got[0][1] == want[0][1]
        np.testing.assert_array_equal(got[1], want[1])
        np.testing.assert_array_equal(got[2], want[2])
    x, rng = np.zeros(3), np.random.default_rng(1)
    f(REAL, x, rng)
    for _ in range(40):
        f(REAL, x, rng)
    before = f.stats().slow_calls
    gc.collect()  # tracebacks
    counts = [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)]
    for _ in range(10):
        f(REAL, x, rng)
        f(a=REAL, rng=rng, x=x)
    assert [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)] == counts
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before
    for _ in range(5):
        f(TURN, x, rng)
    gc.collect()
    assert [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)] == counts


# Every row of the benchmark -----------------------------------------------------------------------

ROWS = bench.load(Path(__file__).resolve().parents[2] / "benchmarks")


@NATIVE
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "_"))
def test_no_call_of_the_benchmark_is_slow(row: Any) -> None:
    assert bench.cost(row, number=3, rounds=1).slow == 0
