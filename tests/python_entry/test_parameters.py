"""Arguments are put in their places natively, as Python binds them."""

from __future__ import annotations

import functools
import random
import sys
from inspect import Parameter, Signature, signature
from typing import Any

import pytest

from tests.calls.warm import assert_same
from tests.python_entry.cores import NOTHING
from tracejit.abi import AnyParam, Container
from tracejit.abi import Signature as NativeSignature
from tracejit.ir.results import ArgOut
from tracejit.python_entry import entry
from tracejit.python_entry.parameters import CallParameters


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
    outs = tuple(ArgOut(k) for k in range(count))
    structure = Container("tuple", tuple(range(count)))
    wanted = NativeSignature((AnyParam(),) * count, (), outs, structure)
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
