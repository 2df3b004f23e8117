"""Rows of libraries as loops: a pass over a function that is exported.

An instruction of kind ``extern`` with an algorithm becomes what that one computes, traced for the
types of the operands. What has none is left, and refused where it is lowered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tracejit.export.algorithms import (
    bessel,
    fourier,
    least_squares,
    linear_systems,
    orthogonal,
    sorting,
    spectral,
)
from tracejit.ir.arguments import ArgType, ArrayArg, ScalarArg, StaticArg, SymDim
from tracejit.ir.core import TABLE, Function, Instr, Value, is_array
from tracejit.ir.extent import Dim, Extent
from tracejit.ir.results import ArrayOut, PythonOut, ScalarOut, StaticOut
from tracejit.passes.rebuild import Rebuild, each_region
from tracejit.trace.driver import trace

Algorithm = Callable[..., Any]

_MODULES = (bessel, fourier, least_squares, linear_systems, orthogonal, sorting, spectral)
ALGORITHMS: dict[str, Algorithm] = {
    name: found
    for name, row in TABLE.items()
    for module in _MODULES
    if row.kind == "extern" and (found := getattr(module, name, None)) is not None
}
"""By the name of a row."""


def without_libraries(function: Function) -> Function:
    """The function with algorithms in the place of a library's rows."""
    function = each_region(function, without_libraries)
    if not any(i.name in ALGORITHMS for i in function.instrs):
        return function
    re = Rebuild(function)
    for instr in function.instrs:
        if instr.name not in ALGORITHMS:
            re.emit(instr)
            continue
        now = re.renamed(instr)
        for old, new in zip(instr.results, _computed(re, now), strict=True):
            re.replace(old, new)
    return re.finish()


def _computed(re: Rebuild, instr: Instr) -> list[Value]:
    """The results of an instruction by its algorithm."""
    extents: dict[Dim, SymDim] = {}
    args = [_argument(v, extents) for v in instr.operands]
    attrs: dict[str, ArgType] = {}
    counts: list[Value] = []
    for name, value in instr.attrs.items():
        if isinstance(value, Extent):
            attrs[name] = ScalarArg.python("int")
            counts.append(re.b.index(value))
        else:
            attrs[name] = StaticArg(value)
    traced = trace(ALGORITHMS[instr.name], args, attrs)
    given = [*map(re.b.index, extents), *instr.operands, *counts]
    made = re.inline(_without_checks(traced.function), given)
    assert made is not None, f"{instr.name} raises"
    found: list[Value] = []
    for out, result in zip(traced.outs, instr.results, strict=True):
        if isinstance(out, StaticOut):
            found.append(re.full(out.value, result))
        else:
            assert isinstance(out, ArrayOut | ScalarOut | PythonOut), out
            found.append(made[out.index])
        assert found[-1].type == result.type, f"{instr.name}: {found[-1].type}, not {result.type}"
    return found


def _argument(operand: Value, extents: dict[Dim, SymDim]) -> ArgType:
    """An operand as an argument; ``extents``: those met so far, by what they are in the caller."""
    if not is_array(operand):
        return ScalarArg(operand.dtype)
    shape = [
        d if isinstance(d, int) else extents.setdefault(d, SymDim(f"n{len(extents)}", low=0))
        for d in operand.shape
    ]
    return ArrayArg(operand.dtype, tuple(shape))


def _without_checks(function: Function) -> Function:
    """A row has no effect: an algorithm keeps within its arrays by its own means."""
    function = each_region(function, _without_checks)
    kept = tuple(i for i in function.instrs if i.prim is not TABLE["check"])
    return replace(function, instrs=kept) if len(kept) < len(function.instrs) else function
