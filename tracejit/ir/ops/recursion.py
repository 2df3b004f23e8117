"""Functions that call themselves: `recursion` runs a region, in which `recur` runs it again.

Arguments and results are scalars, and arrays that each call has in turn: it takes them as the call
before left them, and gives them as it leaves them. What else the region reads is the same in every
call.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Function, Instr, Primitive, Value, row
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


def in_turn(instr: Instr) -> int:
    """How many arrays a `recursion` or `recur` takes and gives, the last of both."""
    return int(instr.attrs.get("arrays", 0))


def turned(instr: Instr) -> tuple[tuple[Value, Value], ...]:
    """Those arrays as they are taken and as they are given."""
    count = in_turn(instr)
    taken, given = instr.operands[-count:], instr.results[-count:]
    return tuple(zip(taken, given, strict=True)) if count else ()


def _recursion(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (body,), count, arrays = regions, attrs["args"], attrs.get("arrays", 0)
    outer = len(operands) - arrays
    require(0 <= count <= outer, "recursion has fewer operands than args", count)
    check_params(body, operands, "recursion body")
    types = tuple(attrs["types"])
    require(all(map(_is_scalar, types)), "a recursion gives scalars", types)
    require(all(_is_scalar(v.type) for v in operands[:count]), "a recursion takes scalars")
    takes = [p.type for p in (*body.params[:count], *body.params[outer:])]
    gives = (*types, *takes[count:])
    if not body.diverges:
        yields = tuple(r.type for r in body.results)
        require(yields == gives, "recursion yields another type", yields, gives)
    kinds = list(map(_kind, takes))
    for instr in calls_in(body):
        taken = [_kind(v.type) for v in instr.operands]
        require(taken == kinds, "recur takes what recursion takes")
        same = tuple(instr.attrs["types"]) == types and in_turn(instr) == arrays
        require(same, "recur gives what recursion gives")
    return (*types, *(v.type for v in operands[outer:]))


def _recur(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arrays = attrs.get("arrays", 0)
    return (*attrs["types"], *(v.type for v in operands[len(operands) - arrays :]))


def _kind(type_: Type) -> Type | tuple[object, ...]:
    """The type of a scalar; of an array what does not depend on the region that it is in."""
    if not isinstance(type_, TensorType) or _is_scalar(type_):
        return type_
    fixed = tuple(n if isinstance(n, int) else None for n in type_.shape)
    return type_.dtype, fixed


def _is_scalar(type_: Type) -> bool:
    return isinstance(type_, TensorType) and not type_.shape


row(
    Primitive(
        "recursion",
        "control",
        _recursion,
        opaque=lambda results: any(is_inexact(r.dtype) for r in results),
        traits=frozenset([Trait.RECURSION, Trait.HEAVY, Trait.REPEATS_REGION]),
        doc="recursion(*args, *outer, *arrays) {args, types, arrays} body(*args, *outer, *arrays) "
        "-> scalars, then arrays: a function that calls itself by recur(*args, *arrays).",
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
        doc="recur(*args, *arrays) {types, arrays}: the innermost recursion around it, with other "
        "args, and arrays as they are now; RecursionError where the stack is used up.",
    )
)
