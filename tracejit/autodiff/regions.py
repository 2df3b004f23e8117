"""A region linearized and transposed in one straight line, before it is split in two.

``joint`` gives primal instructions, then reverse instructions that use primal values freely.
``Replay`` re-emits the reverse part somewhere else, where only some primal values are at hand:
those kept, those recomputed from them, and earlier versions of arrays whose updates are undone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field

from tracejit.autodiff.accumulator import CotangentSum
from tracejit.autodiff.cut import recomputable
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.masking import any_used, of_branch
from tracejit.autodiff.settled import Settled
from tracejit.autodiff.undoing import Undo, put_back, undo_chain, versions, ways
from tracejit.ir.builder import Builder, rename_attr
from tracejit.ir.core import Function, Instr, Value, instr_effect, type_uses, uses
from tracejit.ir.extent import ResultRef, leaves
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.ir.regions import needed, outer_values
from tracejit.ir.types import BOOL, TapeType
from tracejit.records import dataclass


@dataclass
class Joint:
    """Everything here is values of one straight line; ``None`` where a value has no tangent.

    ``marks`` are bool scalars that come in beside cotangents: false where all of one was left out.
    ``used`` go out beside those of parameters: a value, or what is known of what is added here.
    """

    name: str
    params: list[Value]
    primal: list[Instr]
    reverse: list[Instr]
    results: list[Value]
    cts: list[Value | None]  # incoming cotangents, per result
    sums: list[Value | None]  # incoming accumulators, per parameter
    grads: list[Value | None]  # outgoing cotangents, per parameter
    tape: tuple[Value, Value, Value]  # before the primal, between, after the reverse
    restored: dict[Value, Value]
    diverges: bool
    final: set[Value] = field(default_factory=set)  # versions of settled arrays
    readable: set[Value] = field(default_factory=set)  # what is read of them in the end
    marks: list[Value | None] = field(default_factory=list)
    used: list[Value | bool] = field(default_factory=list)
    taped: int = 0  # bytes that steps inside put on the tape, typically

    @property
    def uses_tape(self) -> bool:
        """Whether steps inside put residuals on the tape."""
        return self.tape[0] is not self.tape[1]

    @property
    def defs(self) -> dict[Value, Instr]:
        """The primal instruction that makes a value."""
        return {r: i for i in self.primal for r in i.results}

    def undo(self, k: int) -> tuple[list[Undo], Value] | None:
        """The way back from result ``k`` to a parameter, None where there is none."""
        return undo_chain(self.defs, self.restored, self.params, self.results[k], self.final)

    def not_undone(self, results: Iterable[int]) -> set[int]:
        """Those of the results that cannot be undone."""
        return {k for k in results if self.undo(k) is None}


def joint(
    region: Function,
    active: Sequence[bool],
    moving: Sequence[bool],
    summed: Sequence[bool],
    undone: Collection[int] = (),
    free: Sequence[bool] = (),
    carried: Collection[int] = (),
    settled: Settled | None = None,
    guarded: Sequence[bool] = (),
    doubtful: Sequence[bool] = (),
) -> Joint:
    """Linearize and transpose a region.

    ``active``: parameters with a tangent; ``moving``: results with a cotangent; ``summed``:
    parameters whose cotangent comes in as a running sum; ``undone``: results that the reverse is
    to undo, for which the loops and branches inside restore what they update. ``free``: parameters
    that the reverse has anyway; ``carried``: results that it may undo; ``settled``: of the nest.
    ``guarded``: parameters whose cotangents' masks matter; ``doubtful``: results that the run may
    leave out.
    """
    w = Builder(region.name)
    made = w.params_like(region.params)
    params = [made[p] for p in region.params]
    before = Value(TapeType())
    again = versions(region, undone, carried)
    lin = Linearizer(w, before, ways(region, undone), again, settled or Settled())
    lin.free.update(p for p, f in zip(params, free, strict=bool(free)) if f)
    linear = [lin.fresh(p) if a else None for p, a in zip(params, active, strict=True)]
    lin.guarded.update(t for t, g in zip(linear, guarded) if g and t is not None)
    results = lin.run(region, params, None if region.diverges else moving, doubtful)
    between = lin.tape or before
    mark = len(w.instrs)
    reverse = Reverse(w, between)
    sums: list[Value | None] = [None] * len(params)
    for k, (t, p) in enumerate(zip(linear, params, strict=True)):
        if t is not None and summed[k] and not is_tape(p):  # a tape has one source, no sum
            sums[k] = Value(p.type)
            reverse.sums[t] = CotangentSum(w, t, sums[k])
            reverse.sums[t].masks = ()  # of what is added here
    cts: list[Value | None] = []
    marks: list[Value | None] = [None] * len(results)
    for k, (r, m) in enumerate(zip(results, moving)):
        cts.append(Value(r.type) if m else None)
        t = lin.tangent(r)
        if m and t is not None:
            assert cts[-1] is not None
            if lin.guarded and doubtful and doubtful[k] and not is_tape(r):
                marks[k] = Value(BOOL)
            flag = marks[k]
            mask = None if flag is None else of_branch(flag, t)
            reverse.sum(t).add_masked(cts[-1], mask)
    lin.transpose(reverse)
    found = [None if t is None else reverse.sum(t) for t in linear]
    grads = [None if total is None else total.dense() for total in found]
    used: list[Value | bool] = []
    for k, added in enumerate(found):
        reached = added is not None and added.begun()
        reached = reached and (sums[k] is None or grads[k] is not sums[k])
        flags = added.used() if added is not None and guarded and guarded[k] else None
        used.append(reached and (flags is None or (bool(flags) and any_used(w, flags))))
    return Joint(
        region.name,
        params,
        w.instrs[:mark],
        w.instrs[mark:],
        results,
        cts,
        sums,
        grads,
        (before, between, reverse.tape or between),
        reverse.restored,
        region.diverges,
        lin.final,
        lin.readable,
        marks,
        used,
        lin.taped,
    )


def leaf_values(value: Value) -> list[Value]:
    """The extents an index value is arithmetic of."""
    assert value.expr is not None
    return [v for v in leaves(value.expr) if not isinstance(v, ResultRef)]


def emit_primal(
    b: Builder,
    j: Joint,
    reads: Mapping[Instr, Sequence[Instr]],
    wanted: Sequence[Value],
    mapping: dict[Value, Value],
) -> None:
    """The primal part, with reads of what the undo log keeps, without what nobody wants."""
    instrs: list[Instr] = []
    for instr in j.primal:
        instrs += [*reads.get(instr, ()), instr]
    kept_tape = [j.tape[1]] if j.uses_tape else []
    for instr in needed(instrs, [*wanted, *kept_tape], lambda i: instr_effect(i) != "none"):
        b.clone(instr, mapping)


def region_params(values: Sequence[Value]) -> dict[Value, Value]:
    """Parameters for ``values``, extents among them rebound, without entering them anywhere."""
    return Builder().params_like(values)


class NotSettledError(Exception):
    """A whole array is needed as it was, of which only settled elements were to be read."""


class NotRestoredError(Exception):
    """A version is asked for before the reverse loop that restores it; ``reader`` wanted it."""

    def __init__(self, version: Value, reader: Value | None) -> None:
        super().__init__("version not restored yet")
        self.version, self.reader = version, reader


class Replay:
    """Emits reverse code into ``b``; ``mapping`` starts with the primal values at hand."""

    def __init__(
        self,
        b: Builder,
        joint_: Joint,
        mapping: dict[Value, Value],
        undos: dict[Value, Undo],
    ) -> None:
        self.b, self.joint, self.mapping, self.undos = b, joint_, mapping, undos
        self.defs = joint_.defs
        self.restored: dict[Value, list[Value]] = {}
        for version, value in joint_.restored.items():
            self.restored.setdefault(value, []).append(version)

    def get(self, value: Value) -> Value:
        """A primal value here: at hand, undone, or recomputed (with all that it needs)."""
        stack: list[tuple[Value, Value | None]] = [(value, None)]
        while stack:
            v, reader = stack[-1]
            if v in self.mapping:
                stack.pop()
                continue
            missing = [u for u in self._sources(v, reader) if u not in self.mapping]
            if missing:
                # A version is only a step on the way: whoever reads it is the one to keep.
                stack += [(u, reader if v in self.undos else v) for u in missing]
            else:
                self._emit(v)
                stack.pop()
        return self.mapping[value]

    def _sources(self, v: Value, reader: Value | None) -> list[Value]:
        undo = self.undos.get(v)
        if undo is not None:
            if undo.same:
                return [undo.later]
            if undo.old is None:
                raise NotRestoredError(v, reader)
            return [undo.later, undo.old, *undo.update.operands[2:]]
        if v.expr is not None:
            return leaf_values(v)
        assert v in self.defs, f"{v.type} is neither kept nor computed"
        instr = self.defs[v]
        assert recomputable(instr), f"{instr.name} cannot be recomputed"
        return outer_values([instr])

    def _emit(self, v: Value) -> None:
        undo = self.undos.get(v)
        if undo is not None and undo.same:
            self.mapping[v] = self.mapping[undo.later]
        elif undo is not None:
            assert undo.old is not None
            later, old = self.mapping[undo.later], self.mapping[undo.old]
            rest = [self.mapping[u] for u in undo.update.operands[2:]]
            self.mapping[v] = put_back(self.b, undo.update, later, old, rest)
        elif v.expr is not None:
            self.mapping[v] = self.b.index(rename_attr(v.expr, self.mapping))
        else:
            self.b.clone(self.defs[v], self.mapping)

    def flag(self, used: Value | bool) -> Value:
        """What ``Joint.used`` says, as a value here."""
        return self.b.const(used, BOOL.dtype) if isinstance(used, bool) else self.get(used)

    def typed(self, value: Value, like: Value) -> Value:
        """``value`` with the type that ``like`` has here (carried extents agree at run time)."""
        for leaf in type_uses(like.type):
            self.get(leaf)
        if isinstance(like.type, TapeType):
            return value
        shape = rename_attr(like.shape, self.mapping)
        if value.shape == shape:
            return value
        message = "a carried extent differs from its saved value"
        return self.b.op(  # type: ignore[no-any-return]
            "cast_shape", value, shape=shape, exc="AssertionError", message=message
        )

    def run(self) -> None:
        """Emit the whole reverse part."""
        made = {r for i in self.joint.reverse for r in i.results}
        for instr in self.joint.reverse:
            for u in uses(instr):
                if u not in made:
                    self.get(u)
            self.b.clone(instr, self.mapping)
            for result in instr.results:
                for version in self.restored.get(result, ()):
                    self.mapping.setdefault(version, self.mapping[result])
