"""The C function of a lowered function: its parameters, and the slots of the core they go to.

Arguments come first, each array followed by the extents that it is the first to name; then results,
each a pointer; then where an error is described. An array result whose extents follow from those of
the arguments is memory of the caller's. Of another one the caller gets a pointer, and its extents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import partial
from typing import Any

import numpy as np

from tracejit import abi, trees
from tracejit.calls.argument_layouts import param_slots
from tracejit.calls.calling_convention import SignatureBuilder
from tracejit.calls.compiler import result_slots
from tracejit.dtypes import is_complex
from tracejit.export.c_names import c_name
from tracejit.export.c_types import c_type, passed_as
from tracejit.export.lowered import LoweredFunction
from tracejit.export.signatures import distinct_name
from tracejit.ir.arguments import ArrayArg, ScalarArg, SymDim, places_of_extents
from tracejit.ir.results import StaticOut
from tracejit.records import dataclass


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name and C type, its type in LLVM, and the slots that hold it.

    ``part``: which argument leaf, or with ``result`` which result it is of, or None for an extent.
    """

    name: str
    declaration: str
    llvm: str
    slots: tuple[int, ...] = ()
    low: int | None = None


@dataclass(frozen=True)
class Result:
    """One result. ``shape`` is of numbers and expressions in C over extents and integers, and
    ``python_shape`` the same in Python.

    ``kind``: ``"scalar"``, ``"array"`` in memory of the caller's, or ``"owned"``: the caller gets
    the memory and its extents.
    """

    name: str
    dtype: np.dtype[Any]
    kind: str
    shape: tuple[str, ...]
    slots: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    python_shape: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interface:
    """``slot_count``: of the core. ``param_slots`` and ``result_slots``: as it is lowered with."""

    function: LoweredFunction
    arguments: tuple[Parameter, ...]
    results: tuple[Result, ...]
    slot_count: int
    param_slots: Sequence[int] = field(repr=False)
    result_slots: Sequence[int] = field(repr=False)

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All of them in order, but for the last."""
        return (*self.arguments, *(p for r in self.results for p in r.parameters))


def interface(function: LoweredFunction) -> Interface:
    """The C function. Raises UnsupportedError for numbers that C cannot be given."""
    traced, program = function.traced, function.program
    builder = SignatureBuilder(traced, traced.function, program)
    count = len(program.results)
    signature = abi.Signature(
        tuple(map(builder.param, range(len(traced.args)))), tuple(map(builder.raw, range(count)))
    )
    layout = abi.layout(signature)
    arguments = _arguments(function, layout)
    taken = {"error", *(p.name for p in arguments)}
    results = []
    for k, wanted in enumerate(_result_names(function)):
        name = distinct_name(wanted, partial(_parameters_of, of=signature.results[k]), taken)
        results.append(_result(function, name, signature.results[k], layout.results[k]))
    return Interface(
        function,
        arguments,
        tuple(results),
        layout.count,
        param_slots(traced, program, layout),
        result_slots(program, layout),
    )


def _arguments(function: LoweredFunction, layout: abi.SlotLayout) -> tuple[Parameter, ...]:
    args, names = function.traced.args, function.types.names
    places, extents = places_of_extents(args), function.types.extents
    met: set[str] = set()
    found: list[Parameter] = []
    for k, (arg, name) in enumerate(zip(args, names, strict=True)):
        at = layout.params[k]
        if isinstance(arg, ArrayArg):
            const = "" if k in function.writes else "const "
            pointer = f"{const}{c_type(arg.dtype)} *restrict {name}"
            found.append(Parameter(name, pointer, "ptr", _known(at.data)))
            for dim in arg.shape:
                if isinstance(dim, SymDim) and dim.name not in met:
                    met.add(dim.name)
                    slots = [layout.params[leaf].extents[axis] for leaf, axis in places[dim.name]]
                    found.append(_extent(dim, extents[dim.name], _known(*slots)))
        elif isinstance(arg, ScalarArg) and arg.is_parameter:
            kind, llvm = passed_as(arg.dtype)
            assert at.data is not None
            parts = ("_re", "_im") if is_complex(arg.dtype) else ("",)
            for n, part in enumerate(parts):
                found.append(Parameter(name + part, f"{kind} {name}{part}", llvm, (at.data + n,)))
    return tuple(found)


def _extent(dim: SymDim, name: str, slots: tuple[int, ...]) -> Parameter:
    return Parameter(name, f"int64_t {name}", "i64", slots, dim.low)


def _known(*slots: int | None) -> tuple[int, ...]:
    return tuple(s for s in slots if s is not None)


def _result_names(function: LoweredFunction) -> list[str]:
    """A name for each result of the program, after where it is first found in what is returned."""
    paths = function.tree.paths() if function.outs else []
    names: dict[int, str] = {}
    for out, path in zip(function.outs, paths, strict=True):
        if not isinstance(out, StaticOut):
            names.setdefault(out.index, c_name("_".join(["result", *map(str, path)])))
    count = len(function.program.results)
    return [names.get(k, f"result_{k}") for k in range(count)]


def _parameters_of(name: str, of: abi.Result) -> set[str]:
    rank = len(of.shape) if isinstance(of, abi.ArrayResult) and of.core_allocates else 0
    return {name, *(f"{name}_dim{k}" for k in range(rank))}


def _result(function: LoweredFunction, name: str, of: abi.Result, at: abi.Slots) -> Result:
    assert at.data is not None
    assert isinstance(of, abi.ArrayResult | abi.ScalarResult)
    element = c_type(of.dtype)
    pointer = Parameter(name, f"{element} *restrict {name}", "ptr", (at.data,))
    if isinstance(of, abi.ScalarResult):
        slots = tuple(range(at.data, at.data + 1 + is_complex(of.dtype)))
        return Result(name, of.dtype, "scalar", (), slots, (pointer,))
    if not of.core_allocates:
        shape = tuple(_in_c(function, e) for e in of.shape)
        python = tuple(_in_python(function, e) for e in of.shape)
        return Result(name, of.dtype, "array", shape, (at.data,), (pointer,), python)
    extents = [
        Parameter(f"{name}_dim{k}", f"int64_t *restrict {name}_dim{k}", "ptr")
        for k in range(len(of.shape))
    ]
    owned = Parameter(name, f"{element} **restrict {name}", "ptr")
    shape = tuple(f"*{p.name}" for p in extents)
    slots = (at.data, *_known(*at.extents))
    return Result(name, of.dtype, "owned", shape, slots, (owned, *extents), shape)


_OPERATORS = {"floordiv": "/", "mod": "%", "add": "+", "sub": "-", "mul": "*"}


def _in_c(function: LoweredFunction, e: Any) -> str:
    """An extent as C computes it; divisors and what is divided are positive."""
    if not isinstance(e, abi.BinOp):
        return _leaf(function, e)
    left, right = _in_c(function, e.left), _in_c(function, e.right)
    if e.op in ("min", "max"):
        return f"({left} {'<' if e.op == 'min' else '>'} {right} ? {left} : {right})"
    return f"({left} {_OPERATORS[e.op]} {right})"


def _in_python(function: LoweredFunction, e: Any) -> str:
    """An extent as Python computes it; no parameter begins with an underscore."""
    if not isinstance(e, abi.BinOp):
        return _leaf(function, e)
    left, right = _in_python(function, e.left), _in_python(function, e.right)
    if e.op in ("min", "max"):
        return f"_{e.op}({left}, {right})"
    return f"({left} {'//' if e.op == 'floordiv' else _OPERATORS[e.op]} {right})"


def _leaf(function: LoweredFunction, e: Any) -> str:
    names, args = function.types.names, function.traced.args
    if isinstance(e, int):
        return str(e)
    if isinstance(e, abi.AxisLength):
        arg = args[e.param]
        assert isinstance(arg, ArrayArg)
        dim = arg.shape[e.axis]
        return function.types.extents[dim.name] if isinstance(dim, SymDim) else str(dim)
    assert isinstance(e, abi.ScalarOf), e
    return names[e.param]


def tree_of(function: LoweredFunction, leaves: Sequence[Any]) -> Any:
    """What the function returns, of these leaves."""
    return trees.unflatten(function.tree, list(leaves))
