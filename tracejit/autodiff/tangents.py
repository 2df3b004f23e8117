"""What forward and reverse mode share: zero tangents, the rule of one instruction, activity.

A tangent is a value, or None for a symbolic zero. Inexact tensors and tapes have tangents, nothing
else does; the tangent of a tape is a tape that holds the tangents of what was pushed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracejit.autodiff.region_rules import rules_of
from tracejit.dtypes import is_inexact
from tracejit.errors import throw
from tracejit.ir.builder import Builder, rename_attr
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.ops.derivatives_linear import ALL
from tracejit.ir.ops.derivatives_reductions import Expand
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import TapeType, TensorType

Tangents = Sequence["Value | None"]


def has_tangent(value: Value) -> bool:
    """Whether a value of this type can carry a tangent."""
    if isinstance(value.type, TensorType):
        return is_inexact(value.type.dtype)
    return isinstance(value.type, TapeType)


def zero(b: Builder, like: Value) -> Value:
    """The materialised zero tangent of a value: zeros, or an empty tape."""
    if isinstance(like.type, TapeType):
        return b.op("tape")  # type: ignore[no-any-return]
    return b.zeros_like(like)


def makes_tape(instr: Instr) -> bool:
    """Whether an instruction begins a tape, which a tape of tangents mirrors from then on."""
    return not instr.operands and any(isinstance(r.type, TapeType) for r in instr.results)


def push_forward(
    b: Builder,
    instr: Instr,
    operands: Sequence[Value],
    tangents: Tangents,
    results: Sequence[Value],
) -> list[Value | None]:
    """Tangents of an instruction's results (already emitted); None for zeros.

    Raises TypeError for an operation without a derivative that an active value flows through.
    """
    if all(t is None for t in tangents):
        return [None] * len(results)
    refuse_opaque(instr)
    prim = instr.prim
    if not prim.differentiable or not any(map(has_tangent, results)):
        return [None] * len(results)
    if prim.jvp is not None:
        out: list[Value | None] = prim.jvp(b, operands, tangents, results, instr.attrs)
        return out
    assert prim.transpose is not None, f"{prim.name} has no derivative rule"
    return [_linear(b, instr, operands, tangents)]


def refuse_opaque(instr: Instr) -> None:
    """TypeError for an instruction with an active operand whose derivative no rule gives.

    Zero would be a silent wrong answer, also where the instruction is in a loop or branch.
    """
    opaque = instr.prim.opaque
    if opaque is None or not opaque(instr.results):
        return
    way = getattr(instr.attrs.get("fn"), "remedy", None) or "compose it of functions that have one"
    throw(
        TypeError(
            f"{where_of(instr)}{_as_written(instr)} has no derivative, and what is differentiated "
            f"goes through it; {way}"
        )
    )


def where_of(instr: Instr) -> str:
    """What an error about an instruction begins with."""
    return f"{instr.loc.shown}: " if instr.loc else ""


def _as_written(instr: Instr) -> str:
    """What the user calls an opaque instruction."""
    if instr.has(Trait.RECURSION):
        return "a function that calls itself"
    if instr.name == "bitcast":
        return f"a view of the bits of {instr.operands[0].dtype} as {instr.result.dtype}"
    function = instr.attrs.get("fn")
    name = getattr(function, "written", None) or getattr(function, "__qualname__", repr(function))
    return str(name) if getattr(function, "remedy", None) else f"{name} (a host_call)"


def _linear(
    b: Builder, instr: Instr, operands: Sequence[Value], tangents: Tangents
) -> Value | None:
    """A row that is linear in groups of operands: itself, group by group, on the tangents."""
    total: Value | None = None
    for group in instr.prim.linear:
        members = range(len(operands)) if group == (ALL,) else group
        present = [k for k in members if tangents[k] is not None]
        if not present:
            continue
        term = _group(b, instr, operands, tangents, list(members), present)
        total = term if total is None else b.op("add", total, term)
    return total


def _group(
    b: Builder,
    instr: Instr,
    operands: Sequence[Value],
    tangents: Tangents,
    members: list[int],
    present: list[int],
) -> Value:
    if instr.name in ("add", "sub") and len(present) == 1:
        t = tangents[present[0]]
        assert t is not None
        return t if instr.name == "add" or present == [0] else b.op("neg", t)
    args = list(operands)
    for k in members:
        t = tangents[k]
        args[k] = t if t is not None else zero(b, operands[k])
    return b.op(instr.prim, *args, **instr.attrs)  # type: ignore[no-any-return]


def active_results(function: Function, active: Sequence[bool]) -> list[bool]:
    """Which results may have a tangent when the given parameters have one (never too few)."""
    live = {p for p, a in zip(function.params, active, strict=True) if a and has_tangent(p)}
    for instr in function.instrs:
        flags = [v in live for v in instr.operands]
        if makes_tape(instr):
            live.add(instr.result)
        elif any(flags):
            found = _active_step(instr, flags)
            live |= {r for r, a in zip(instr.results, found, strict=True) if a and has_tangent(r)}
    if function.diverges:
        return []
    return [r in live for r in function.results]


def _active_step(instr: Instr, flags: list[bool]) -> list[bool]:
    rules = rules_of(instr)
    if rules is not None:
        return rules.active(instr, flags)
    refuse_opaque(instr)
    return [instr.prim.differentiable] * len(instr.results)


def active_branch(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Which results of a branch are active on one of its sides."""
    _, _, given = RegionOp(instr).split(flags)
    sides = [active_results(r, given) for r in instr.regions if not r.diverges]
    return [any(s[k] for s in sides) for k in range(len(instr.results))]


def active_carried(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Fixpoint of which carried values of a loop are active, given its operands' activity."""
    op = RegionOp(instr)
    carried = op.split(flags)[1] if op.body.diverges else op.flagged(flags, active_results)
    return [c and has_tangent(r) for c, r in zip(carried, instr.results, strict=True)]


def without_write_back(function: Function) -> Function:
    """The function without its writes to the caller's arrays: derivatives leave those alone."""
    instrs = tuple(
        Instr(
            i.prim,
            i.operands,
            i.attrs,
            tuple(without_write_back(r) for r in i.regions),
            i.results,
            i.loc,
        )
        for i in function.instrs
        if not i.has(Trait.WRITES_BACK)
    )
    return Function(function.name, function.params, instrs, function.results)


def expansion(instr: Instr, mapping: Mapping[Value, Value]) -> tuple[Function, list[Value]] | None:
    """The rows a row is differentiated through, with their arguments; None for most rows."""
    if not isinstance(instr.prim.jvp, Expand) or not instr.prim.jvp.applies(instr.attrs):
        return None
    operands = [mapping.get(v, v) for v in instr.operands]
    attrs = {k: rename_attr(v, mapping) for k, v in instr.attrs.items()}
    return instr.prim.jvp.function(instr.name, operands, attrs)
