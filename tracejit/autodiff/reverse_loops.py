"""The reverse of a loop: its body, and the step that runs it.

The reverse loop carries, in this order: extents that change from iteration to iteration,
cotangents of carried values, sums of cotangents of loop constants, arrays being undone, flags that
are false where nothing of a cotangent was used (``masking.py``), the tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from tracejit.autodiff import storage
from tracejit.autodiff.linearize import Reverse
from tracejit.autodiff.masking import Mask, any_used, flag_of, of_branch
from tracejit.autodiff.regions import Joint, Replay, leaf_values, region_params
from tracejit.autodiff.residuals import Residuals
from tracejit.autodiff.storage import Layout
from tracejit.ir.builder import Builder, rename_attr, rename_type
from tracejit.ir.core import Function, Instr, Value, instr_effect, type_uses, uses
from tracejit.ir.extent import Dim
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.types import BOOL, INDEX, TapeType
from tracejit.records import dataclass


@dataclass
class DifferentiatedLoop:
    """One loop while it is differentiated; ``args`` are its operands in the outer function.

    ``moving``: carried values with a cotangent; ``fixed``: constants with one; ``guarded``: those
    whose cotangents' masks matter.
    """

    instr: Instr
    args: list[Value]
    moving: list[bool]
    fixed: list[bool]
    guarded: list[bool]
    joint: Joint

    @cached_property
    def op(self) -> RegionOp:
        return RegionOp(self.instr)

    @property
    def count(self) -> int:
        return self.op.count

    @property
    def first(self) -> int:
        """Where carried operands begin, and carried parameters of the body."""
        assert self.op.first == self.op.own
        return self.op.first

    @property
    def counted(self) -> bool:
        """Whether the number of trips is known on entry: the iteration number is at hand."""
        return self.op.trip is not None

    @property
    def carried(self) -> list[Value]:
        """Carried parameters of the joint body."""
        return self.op.split(self.joint.params)[1]

    @property
    def consts(self) -> list[Value]:
        """Constant parameters of the joint body."""
        return self.op.split(self.joint.params)[2]

    @property
    def const_args(self) -> list[Value]:
        return self.op.split(self.args)[2]

    @property
    def changing_extents(self) -> list[int]:
        """Carried positions that are extents in the type of another carried value."""
        mentioned = {u for p in self.carried for u in type_uses(p.type)}
        return [k for k, p in enumerate(self.carried) if p in mentioned]


def trip_dim(loop: DifferentiatedLoop, trip: Value) -> Dim:
    """The number of trips inside a body: known, or its parameter ``trip``."""
    n = loop.args[0].dim if loop.counted else 0
    return max(n, 0) if isinstance(n, int) else trip.dim


def asked_of(loop: DifferentiatedLoop) -> list[int]:
    """Constants of which the run says whether an iteration used anything."""
    used = loop.joint.used[loop.first + loop.count :]
    return [k for k, u in enumerate(used) if loop.fixed[k] and isinstance(u, Value)]


class ReverseBody:
    """The body of the reverse loop and what its operands stand for."""

    def __init__(self, loop: DifferentiatedLoop, choice: Residuals, plan: Layout) -> None:
        j = loop.joint
        self.loop, self.choice, self.plan = loop, choice, plan
        self.b = Builder(f"{j.name}_reverse")
        self.taped = j.uses_tape or plan.on_tape
        self.extents = loop.changing_extents
        self.active = [k for k, m in enumerate(loop.moving) if m]
        self.step, self.trip = Value(INDEX), Value(INDEX)
        made = region_params([*[loop.carried[k] for k in self.extents], *loop.consts])
        self.consts = {p: made[p] for p in loop.consts}
        self.ends = {loop.carried[k]: made[loop.carried[k]] for k in self.extents}
        outside = {**self.consts, **self.ends}
        self.cts = [Value(rename_type(loop.carried[k].type, outside)) for k in self.active]
        summed = [p for p, f in zip(loop.consts, loop.fixed, strict=True) if f]
        self.sums = [Value(rename_type(p.type, outside)) for p in summed]
        self.undone = [Value(rename_type(loop.carried[k].type, outside)) for k in choice.undone]
        self.tape = [Value(TapeType())] if self.taped else []
        marks = [j.marks[k] for k in self.active]
        self.marked = [k for k, m in zip(self.active, marks, strict=True) if m is not None]
        self.marks = [Value(BOOL) for _ in self.marked]
        self.asked = asked_of(loop)
        self.used = [Value(BOOL) for _ in self.asked]
        trip = trip_dim(loop, self.trip)
        self.stores = [Value(storage.row_type(v, trip, self.consts)) for v in plan.rows]
        self._finish(self._emit())

    def _at_hand(self) -> Replay:
        """A replay that knows what the parameters stand for and has loaded what was kept."""
        loop, j, b = self.loop, self.loop.joint, self.b
        mapping = dict(self.consts)
        for k in self.extents:
            if j.results[k].expr is None:
                mapping.setdefault(j.results[k], self.ends[loop.carried[k]])
        if loop.counted:
            last = b.index(trip_dim(loop, self.trip) - 1)
            mapping[j.params[0]] = b.op("sub", last, self.step)
        replay = Replay(b, j, mapping, self.choice.undos)
        for v, store in zip(self.plan.rows, self.stores, strict=True):
            mapping[v] = storage.get_row(b, store, mapping[j.params[0]])
        if self.taped:
            mapping[j.tape[1]] = storage.pop(replay, self.tape[0], self.plan)
        for k, value in zip(self.choice.undone, self.undone, strict=True):
            mapping[j.results[k]] = replay.typed(value, j.results[k])
        for k, ct in zip(self.active, self.cts, strict=True):
            end = j.cts[k]
            assert end is not None
            mapping[end] = replay.typed(ct, end)
        mapping.update(zip((s for s in j.sums if s is not None), self.sums, strict=True))
        mapping.update(zip((m for m in j.marks if m is not None), self.marks, strict=True))
        return replay

    def _emit(self) -> list[Value]:
        """The reverse code; what the iteration yields."""
        loop, j, replay = self.loop, self.loop.joint, self._at_hand()
        replay.run()
        results = [replay.get(loop.carried[k]) for k in self.extents]
        start = loop.first + loop.count
        places = [loop.first + k for k in self.active]
        places += [start + k for k, f in enumerate(loop.fixed) if f]
        for k in places:
            grad = j.grads[k]
            assert grad is not None
            results.append(replay.typed(replay.get(grad), j.params[k]))
        results += [replay.get(loop.carried[k]) for k in self.choice.undone]
        for k in self.marked:
            results.append(replay.flag(j.used[loop.first + k]))
        for k, before in zip(self.asked, self.used, strict=True):
            results.append(self.b.op("bitwise_or", before, replay.flag(j.used[start + k])))
        return [*results, replay.mapping[j.tape[2]]] if self.taped else results

    def _finish(self, results: list[Value]) -> None:
        """Order the parameters; constants that nothing uses are not operands."""
        ends = [self.ends[self.loop.carried[k]] for k in self.extents]
        flags = [*self.marks, *self.used]
        carried = [*ends, *self.cts, *self.sums, *self.undone, *flags, *self.tape]
        used = {u for i in self.b.instrs for u in uses(i)} | set(results)
        used |= {u for v in [*carried, *self.stores] for u in type_uses(v.type)}
        consts = [self.consts[p] for p in self.loop.consts]
        for _ in range(2):  # a used constant's extents are used
            used |= {u for p in consts if p in used for u in type_uses(p.type)}
        self.const_positions = [k for k, p in enumerate(consts) if p in used]
        self.uses_trip = self.trip in used
        trips = [self.trip] if self.uses_trip else []
        rest = [consts[k] for k in self.const_positions]
        self.b.params[:] = [self.step, *carried, *self.stores, *trips, *rest]
        self.carried = len(carried)
        self.function = self.b.build(results)


@dataclass
class LoopStep:
    """The reverse loop as a step of the outer function's reverse."""

    loop: DifferentiatedLoop
    choice: Residuals
    body: ReverseBody
    linear: list[Value | None]  # tangents of the loop's operands
    out: list[Value | None]  # tangents of its results
    results: list[Value]
    stores: list[Value]
    trips: Value
    taped: bool

    def _extent(self, k: int) -> Value:
        """A carried extent after the loop: types name one that never changes by what came in."""
        steady = self.loop.joint.results[k] is self.loop.carried[k]
        return self.loop.args[self.loop.first + k] if steady else self.results[k]

    def transpose(self, reverse: Reverse) -> None:
        arrived = any(reverse.cotangent(t) is not None for t in self.out)
        if not arrived and not self.taped:
            return
        b, loop, body = reverse.b, self.loop, self.body
        extents = [self._extent(k) for k in body.extents]
        cts = [reverse.sum(t).dense() for t in self.out if t is not None]
        start = loop.first + loop.count
        fixed = [t for t in self.linear[start:] if t is not None]
        begun, sums = [], []
        for t in fixed:
            begun.append(reverse.sum(t).begun())
            sums.append(reverse.sum(t).take())
        undone = [self.results[k] for k in self.choice.undone]
        tape = [reverse.tape] if self.taped and reverse.tape is not None else []
        flags = [self._given_flag(reverse, k) for k in body.marked]
        flags += [b.const(False, BOOL.dtype) for _ in body.asked]
        carried = [*extents, *cts, *sums, *undone, *flags, *tape]
        consts = [loop.const_args[k] for k in body.const_positions]
        trips = [self.trips] if body.uses_trip else []
        operands = [self.trips, *carried, *self.stores, *trips, *consts]
        used = self._used(reverse)
        if used is None:
            new = self._loop(b, operands)
        else:
            new = self._unless_zero(b, used, operands)
        before = len(extents) + len(cts) + len(sums) + len(undone)
        marks = dict(zip([*body.marked], new.results[before:], strict=False))
        asked = dict(zip(body.asked, new.results[before + len(marks) :], strict=False))
        got = iter(new.results[len(extents) :])
        active = [k for k, m in enumerate(loop.moving) if m]
        for k, ct in zip(active, got, strict=False):
            init = self.linear[loop.first + k]
            if init is not None:
                mask = of_branch(marks[k], init) if k in marks else None
                reverse.sum(init).add_masked(_as_type(b, ct, init), mask)
        places = [k for k, t in enumerate(self.linear[start:]) if t is not None]
        for k, t, total, full in zip(places, fixed, got, begun, strict=False):
            if loop.joint.used[start + k] is not False:
                reverse.sum(t).add_masked(total, self._mask(b, k, t, asked.get(k)))
            elif full:
                reverse.sum(t).put_back(total)
        for k, array in zip(self.choice.undone, got, strict=False):
            before_it = loop.args[loop.first + k]
            reverse.restored[before_it] = _as_type(b, array, before_it)
        if self.taped:
            reverse.tape = new.results[-1]

    def _given_flag(self, reverse: Reverse, k: int) -> Value:
        """Whether anything of the cotangent of result ``k`` was used, as far as is known."""
        t = self.out[k]
        flag = None if t is None else flag_of(reverse.b, reverse.sum(t).used())
        return reverse.b.const(True, BOOL.dtype) if flag is None else flag

    def _mask(self, b: Builder, k: int, linear: Value, used: Value | None) -> Mask | None:
        """The mask of the cotangent of constant ``k``: the loop used nothing where it ran no
        iteration, or where it says so."""
        loop = self.loop
        if used is None and loop.guarded[k] and not loop.op.known_trip and not is_tape(linear):
            used = b.op("gt", self.trips, b.const(0, INDEX.dtype))
        return None if used is None else of_branch(used, linear)

    def _loop(self, b: Builder, operands: Sequence[Value]) -> Instr:
        attrs, regions = {"carried": self.body.carried}, (self.body.function,)
        return b.append("for", operands, attrs, regions, self.loop.instr.loc)

    def _used(self, reverse: Reverse) -> Value | None:
        """A bool scalar: false where branches left out all that the loop makes, which then has a
        reverse that adds nothing. None: not known, or the reverse does more than add."""
        body = self.body
        if self.taped or body.extents or self.choice.undone or not _quiet(body.function):
            return None
        found: list[Value] = []
        for t in self.out:
            here = () if t is None else reverse.sum(t).used()
            if here is None:
                return None
            found += here
        return any_used(reverse.b, found) if found else None

    def _unless_zero(self, b: Builder, used: Value, operands: Sequence[Value]) -> Instr:
        """The reverse loop where ``used``; else what it carries is as before."""
        needed = [u for v in operands for u in (leaf_values(v) if v.expr is not None else [v])]
        given = list(dict.fromkeys([*needed, *(u for v in needed for u in type_uses(v.type))]))
        run, skip = Builder(f"{self.body.b.name}_used"), Builder(f"{self.body.b.name}_unused")
        made, kept = run.params_like(given), skip.params_like(given)
        # An extent that is arithmetic is so inside as well: types name what it is made of.
        inner = [
            run.index(rename_attr(v.dim, made)) if v not in made else made[v] for v in operands
        ]
        loop = self._loop(run, inner)
        carried = [kept[v] for v in operands[1 : 1 + self.body.carried]]
        sides = (run.build(loop.results), skip.build(carried))
        return b.append("cond", [used, *given], {"idle": True}, sides, self.loop.instr.loc)


def _quiet(function: Function) -> bool:
    return all(instr_effect(i) != "ordered" for i in function.instrs)


def _as_type(b: Builder, value: Value, like: Value) -> Value:
    if value.type == like.type:
        return value
    message = "a carried extent differs from its saved value"
    return b.op("cast_shape", value, shape=like.shape, exc="AssertionError", message=message)  # type: ignore[no-any-return]
