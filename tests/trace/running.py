"""Runs a traced function: IR interpreter, results rebuilt, arguments written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from tracejit import trees
from tracejit.calls.epilogue import Epilogue
from tracejit.calls.many_numbers import Packing, packed
from tracejit.errors import StructureError, TracejitError, UnsupportedError
from tracejit.ir.arguments import ArrayArg, ScalarArg, StaticArg, SymDim
from tracejit.ir.interpret import interpreter
from tracejit.ir.verifier import verify
from tracejit.trace.driver import trace
from tracejit.trace.traced import Traced

Execute = Callable[[list[Any], Callable[[int, Any], None]], Sequence[Any]]

_KINDS = {bool: "bool", int: "int", float: "float", complex: "complex"}


def specs_of(args: Any, *, symbolic: bool = False, static_ints: bool = False) -> Any:
    """Argument specs for real arguments; equal objects alias."""
    groups: dict[int, int] = {}
    count = [0]

    def spec(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            group = groups.setdefault(id(x), len(groups))
            return ArrayArg(
                x.dtype, tuple(_dim(d, symbolic, count) for d in x.shape), _layout(x),
                bool(x.flags.writeable), None, group,
            )  # fmt: skip
        if type(x) in _KINDS and not (static_ints and type(x) is int):
            return ScalarArg.python(_KINDS[type(x)])
        if isinstance(x, np.generic):
            return ScalarArg(x.dtype)
        return StaticArg(x, itself=True)

    return optree.tree_map(spec, args, none_is_leaf=True)


def _dim(d: int, symbolic: bool, count: list[int]) -> int | SymDim:
    if not symbolic or d < 2:
        return d
    count[0] += 1
    return SymDim(f"n{count[0]}", d)


def _layout(x: np.ndarray[Any, Any]) -> Any:
    return "C" if x.flags.c_contiguous else "F" if x.flags.f_contiguous else "strided"


def call_traced(
    traced: Traced,
    args: Sequence[Any],
    execute: Execute | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Call a traced function as the compiled one would be called: `execute` runs it on the values
    of its parameters (default: the interpreter) and writes arguments or calls what it is given."""
    call = (tuple(args), dict(kwargs or {}))
    values = parameters(traced, args, kwargs)
    everything = [*trees.leaves_of(call), *(h.getter() for h in traced.hidden)]

    def write_back(k: int, value: Any) -> None:
        everything[k][...] = value

    if execute is None:
        found = interpreter.interpret(traced.function, values, write_back=write_back)
        # Values have no memory: each result gets its own, as native code gives it.
        results = [r.copy() if isinstance(r, np.ndarray) else r for r in found]
    else:
        results = execute(values, write_back)
    return Epilogue(traced).apply(call, (results, dict(enumerate(everything))))


def parameters(
    traced: Traced, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
) -> list[Any]:
    """Values of the parameters of the traced function for a call: extents, leaves, hidden ones."""
    call = (tuple(args), dict(kwargs or {}))
    ways = (trees.leaves_of(packed(call, packing)[0]) for packing in Packing)
    leaves = next(found for found in ways if len(found) == len(traced.args))
    extents: dict[str, int] = {}
    for leaf, spec in zip(leaves, traced.args, strict=True):
        if isinstance(spec, ArrayArg):
            for d, n in zip(spec.shape, leaf.shape, strict=True):
                if isinstance(d, SymDim):
                    extents.setdefault(d.name, n)
    given = [x for x, spec in zip(leaves, traced.args, strict=True) if spec.is_parameter]
    return [*extents.values(), *given, *(h.getter() for h in traced.hidden)]


def run_traced(fn: Callable[..., Any], args: Sequence[Any], **how: Any) -> Any:
    """Trace for these arguments, verify, and call. What fails in structure with symbolic extents
    is traced with static ones, as ``jit`` does."""
    try:
        traced = trace(fn, specs_of(tuple(args), **how))
    except (StructureError, UnsupportedError):
        if not how.get("symbolic"):
            raise
        traced = trace(fn, specs_of(tuple(args)))
    verify(traced.function)
    return call_traced(traced, args)


def assert_same(fn: Callable[..., Any], make_args: Callable[[], Sequence[Any]], **how: Any) -> None:
    """The traced function gives NumPy's results, exceptions and mutations."""
    expected_args, args = list(make_args()), list(make_args())
    expected, error = _outcome(lambda: fn(*expected_args))
    got, raised = _outcome(lambda: run_traced(fn, args, **how))
    if error is not None or raised is not None:
        if raised is None or error is None or isinstance(raised, TracejitError):
            raise AssertionError(f"NumPy: {error!r}, traced: {raised!r}, {got!r}") from raised
        assert isinstance(raised, type(error)) or issubclass(type(error), type(raised)), (
            error,
            raised,
        )
    else:
        assert_equal_trees(got, expected)
    assert_equal_trees(args, expected_args)


def _outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        with np.errstate(all="ignore"):
            return call(), None
    except Exception as error:
        return None, error


def assert_equal_trees(got: Any, expected: Any) -> None:
    """Structure, types, dtypes, shapes and values agree."""
    left, tree = optree.tree_flatten(got, none_is_leaf=True)
    right, wanted = optree.tree_flatten(expected, none_is_leaf=True)
    assert tree == wanted, (got, expected)
    for a, b in zip(left, right, strict=True):
        assert _same_type(a, b), (got, expected)
        if isinstance(b, np.ndarray | np.generic):
            assert a.dtype == b.dtype, (a, b)
            assert a.shape == b.shape, (a, b)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-300, equal_nan=True)
        else:
            assert a == b or (a != a and b != b), (a, b)


def _same_type(a: Any, b: Any) -> bool:
    """Equal types; a Python constant may have become a NumPy scalar of the same kind (what it was
    joined with in a branch or loop has that dtype)."""
    if type(a) is type(b):
        return True
    return isinstance(a, np.generic) and isinstance(b, type(a.item()))
