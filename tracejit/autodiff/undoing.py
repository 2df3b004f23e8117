"""Arrays that a region only updates: the way back from a result to a parameter, update by update.

What is undone is never kept: the reverse puts the overwritten elements back, and so has the array
again as it was. A loop or branch on the way has to do that for the array in its own reverse; it is
asked to (``ways``) before it is linearized.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, is_array
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.records import dataclass


@dataclass(frozen=True)
class Undo:
    """How ``earlier`` is had from ``later``: by putting ``old`` back, or by the reverse of a loop
    or branch (``old`` is None). With ``same`` the later one will do: what is read is in both."""

    earlier: Value
    later: Value
    update: Instr
    old: Value | None
    read: Instr | None
    same: bool = False


def window_read(b: Builder, update: Instr) -> Value:
    """The elements of its first operand that an update is about to overwrite."""
    x, v, *rest = update.operands
    if update.has(Trait.WINDOW):
        return b.op("slice", x, *rest, shape=v.shape)  # type: ignore[no-any-return]
    return b.op("gather", x, *rest, axes=update.attrs["axes"])  # type: ignore[no-any-return]


def put_back(b: Builder, update: Instr, later: Value, old: Value, rest: Sequence[Value]) -> Value:
    """The array before an update: those elements again where they were; ``rest`` says where."""
    if update.has(Trait.WINDOW):
        return b.op("put_slice", later, old, *rest)  # type: ignore[no-any-return]
    attrs = {"axes": update.attrs["axes"], "mode": "set"}
    return b.op("scatter", later, old, *rest, **attrs)  # type: ignore[no-any-return]


def updated_operand(instr: Instr, result: Value, *, strict: bool = False) -> Value | None:
    """The operand that ``result`` is an updated version of, None when it is not only updated.

    Arrays that a loop swaps are versions of one another; not if that is to be ``strict``.
    """
    if instr.prim.updates:
        return instr.operands[0]
    op = RegionOp(instr)
    if not (op.is_loop or op.is_branch) or not is_array(result):
        return None
    k = instr.results.index(result)
    tops = {_position(side, k, strict) for side in op.yielding if not side.diverges}
    top = tops.pop() if len(tops) == 1 else None
    if top is None or op.is_branch:
        return None if top is None else op.given[top]
    carried = op.own <= top < op.own + op.count and (top == op.own + k or not strict)
    return op.inits[k] if carried else None


def _position(region: Function, k: int, strict: bool) -> int | None:
    """The number of the parameter that result ``k`` of a region is an updated version of."""
    top = way(region, k, strict=strict)[-1]
    return region.params.index(top) if top in region.params else None


def way(region: Function, k: int, *, strict: bool = False) -> list[Value]:
    """Result ``k`` of a region, what it is an updated version of, and so on."""
    defs = {r: i for i in region.instrs for r in i.results}
    found = [region.results[k]]
    while found[-1] in defs:
        earlier = updated_operand(defs[found[-1]], found[-1], strict=strict)
        if earlier is None:
            break
        found.append(earlier)
    return found


def ways(region: Function, wanted: Iterable[int]) -> frozenset[Value]:
    """Results of loops and branches that have to restore an array, so that these results can."""
    if region.diverges:
        return frozenset()
    made = {r for i in region.instrs if i.regions for r in i.results}
    return frozenset(v for k in wanted for v in way(region, k) if v in made)


def versions(
    region: Function, undone: Collection[int], carried: Collection[int]
) -> frozenset[Value]:
    """Values that the reverse of a region has again: what ``undone`` results, and ``carried`` ones
    that need no help from inside, are versions of."""
    helped = blocked(region, carried) - set(undone)
    found = [way(region, k) for k in {*undone, *carried} - helped] if not region.diverges else []
    return frozenset(v for w in found if w[-1] in region.params and len(w) > 1 for v in w)


def blocked(region: Function, arrays: Iterable[int]) -> set[int]:
    """Those of these results that are restored only if something inside is asked to."""
    return {k for k in arrays if way(region, k)[-1] in region.params and ways(region, [k])}


def undo_chain(
    defs: Mapping[Value, Instr],
    restored: Mapping[Value, Value],
    params: Iterable[Value],
    result: Value,
    settled: Collection[Value] = (),
) -> tuple[list[Undo], Value] | None:
    """Undos from a result back to a parameter, or None where something else than updates.

    ``restored``: the arrays that the reverse of a loop or branch restores; ``settled``: versions
    of which only that is read which does not change any more.
    """
    chain: list[Undo] = []
    here = result
    while here in defs:
        instr = defs[here]
        earlier = updated_operand(instr, here)
        if earlier is None:
            return None
        if here in settled:
            undo = Undo(earlier, here, instr, None, None, same=True)
        elif instr.regions:
            if earlier not in restored:
                return None
            undo = Undo(earlier, here, instr, None, None)
        else:
            b = Builder()
            old = window_read(b, instr)
            undo = Undo(earlier, here, instr, old, b.instrs[-1])
        chain.append(undo)
        here = earlier
    return (chain, here) if here in set(params) else None
