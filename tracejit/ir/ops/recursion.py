"""Functions that call themselves: `recursion` runs a region, in which `recur` runs it again.

Arguments and results are scalars; what else the region reads is the same in every call.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Function, Instr, Primitive, row
from tracejit.ir.ops.control import check_params
from tracejit.ir.ops.rules import Attrs, Operands, Regions, require
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, Type


def calls_in(region: Function) -> Iterator[Instr]:
    """Each `recur` of a recursion's body; those of a recursion inside it are its own."""
    for instr in region.instrs:
        if instr.has(Trait.CALLS_ITSELF):
            yield instr
        if not instr.has(Trait.RECURSION):
            for inner in instr.regions:
                yield from calls_in(inner)


def _recursion(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (body,), count = regions, attrs["args"]
    require(0 <= count <= len(operands), "recursion has fewer operands than args", count)
    check_params(body, operands, "recursion body")
    types = tuple(attrs["types"])
    require(all(map(_is_scalar, types)), "a recursion gives scalars", types)
    require(all(_is_scalar(v.type) for v in operands[:count]), "a recursion takes scalars")
    if not body.diverges:
        yields = tuple(r.type for r in body.results)
        require(yields == types, "recursion yields another type", yields, types)
    takes = [p.type for p in body.params[:count]]
    for instr in calls_in(body):
        require([v.type for v in instr.operands] == takes, "recur takes what recursion takes")
        require(tuple(instr.attrs["types"]) == types, "recur gives what recursion gives")
    return types


def _recur(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return tuple(attrs["types"])


def _is_scalar(type_: Type) -> bool:
    return isinstance(type_, TensorType) and not type_.shape


row(
    Primitive(
        "recursion",
        "control",
        _recursion,
        opaque=lambda results: any(is_inexact(r.dtype) for r in results),
        traits=frozenset([Trait.RECURSION, Trait.HEAVY, Trait.REPEATS_REGION]),
        doc="recursion(*args, *outer) {args, types} body(*args, *outer) -> scalars: a function "
        "that calls itself by recur(*args).",
    )
)
row(
    Primitive(
        "recur",
        "effect",
        _recur,
        effect="check",
        differentiable=False,
        traits=frozenset([Trait.CALLS_ITSELF, Trait.HEAVY]),
        doc="recur(*args) {types}: the innermost recursion around it, with other args; "
        "RecursionError where the stack is used up.",
    )
)
