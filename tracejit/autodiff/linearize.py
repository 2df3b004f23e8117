"""Reverse mode on a straight line: emit the primal, collect linear steps, transpose them backwards.

Each instruction's JVP rule is emitted on fresh linear values; what depends on them is moved to a
list of steps, the rest stays with the primal. Residuals are plain values of the same function.
Loops and branches are steps of their own (``loops.py``, ``branches.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from itertools import compress
from typing import Protocol

from tracejit.autodiff import masking
from tracejit.autodiff.accumulator import CotangentSum
from tracejit.autodiff.cut import recomputable
from tracejit.autodiff.masking import Mask
from tracejit.autodiff.region_rules import rules_of
from tracejit.autodiff.settled import Settled
from tracejit.autodiff.tangents import expansion, has_tangent, makes_tape, push_forward
from tracejit.autodiff.undoing import updated_operand
from tracejit.autodiff.usefulness import doubtful_values, useful_values
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, is_reshape, uses
from tracejit.ir.ops.derivatives_linear import is_tape
from tracejit.records import dataclass


class Step(Protocol):
    """One linear step of a linearized function."""

    def transpose(self, reverse: Reverse) -> None:
        """Read the cotangents of its results, add to those of its operands."""


@dataclass
class Reverse:
    """State of a transposition: cotangents by linear value, and the tape of residuals.

    ``restored`` maps a primal array to the value that equals it again, from the moment on that a
    reverse loop has undone its updates. ``wholes``: linear values by their reshapes.
    """

    b: Builder
    tape: Value | None = None
    sums: dict[Value, CotangentSum] = field(default_factory=dict)
    restored: dict[Value, Value] = field(default_factory=dict)
    wholes: dict[Value, Value] = field(default_factory=dict)

    def sum(self, linear: Value) -> CotangentSum:
        """The accumulator of a linear value."""
        found = self.sums.get(linear)
        if found is None:
            whole = self.wholes.get(linear)
            of = None if whole is None else self.sum(whole)
            found = self.sums[linear] = CotangentSum(self.b, linear, whole=of)
        return found

    def cotangent(self, linear: Value | None) -> Value | None:
        """The cotangent that has arrived at a linear value, or None."""
        found = None if linear is None else self.sums.get(linear)
        return None if found is None else found.value


@dataclass
class LinearInstr:
    """A linear instruction; operands that are linear values are in ``linear``.

    ``finite``: primal values that are finite for any arguments. What a mask left out stays zero in
    a product with any other (``masking.py``).
    """

    instr: Instr
    linear: set[Value]
    finite: set[Value]

    def transpose(self, reverse: Reverse) -> None:
        instr = self.instr
        cts = [reverse.cotangent(r) for r in instr.results]
        if all(ct is None for ct in cts):
            return
        accs = [reverse.sum(v) if v in self.linear else None for v in instr.operands]
        b, outer = reverse.b, reverse.b.loc
        b.loc = instr.loc
        mask = reverse.sum(instr.results[0]).mask() if len(cts) == 1 else None
        before = [None if acc is None else acc.masks for acc in accs]
        self._transpose(b, cts, accs, mask)
        for k, acc in enumerate(accs):
            if acc is not None and not is_tape(instr.operands[k]):
                again = any(acc is other for other in accs[:k])  # one value as two operands
                there = acc.masks if again else before[k]
                acc.note(there, masking.of_operand(b, instr, k, mask))
        b.loc = outer

    def _transpose(
        self,
        b: Builder,
        cts: list[Value | None],
        accs: list[CotangentSum | None],
        mask: Mask | None,
    ) -> None:
        instr = self.instr
        ((k, acc), *_) = ((k, a) for k, a in enumerate(accs) if a is not None)
        if mask is not None and masking.guards(instr, k, self.finite):
            (ct,) = cts
            assert ct is not None
            product = b.op(instr.name, ct, instr.operands[1 - k])
            acc.add(b.op("select", masking.whole(b, mask), product, b.zeros_like(product)))
            return
        assert instr.prim.transpose is not None, f"{instr.name} is not linear"
        instr.prim.transpose(b, cts, instr.operands, accs, instr.attrs)


class Linearizer:
    """Emits a function's primal into ``b`` and collects the linear steps of its derivative.

    ``undone``: results of its loops and branches that their reverse has to undo. ``versions``:
    values of the function that the reverse around has again, undoing what updated them.
    ``settled``: what the loop nest around reads in the end as it is (None: not in a nest).
    ``at_hand``: values of the function that have been computed before, and are not computed again.
    """

    def __init__(
        self,
        b: Builder,
        tape: Value | None = None,
        undone: frozenset[Value] = frozenset(),
        versions: frozenset[Value] = frozenset(),
        settled: Settled | None = None,
    ) -> None:
        self.b = b
        self.tape = tape
        self.undone = undone
        self.versions = versions
        self.settled = settled
        #: Emitted versions of settled arrays, what is read of them in the end, bytes on the tape.
        self.final: set[Value] = set()
        self.readable: set[Value] = set()
        self.taped = 0
        self.free: set[Value] = set()
        self.steps: list[Step] = []
        self.linear: set[Value] = set()
        self.tangents: dict[Value, Value] = {}
        self.finite: set[Value] = set()
        self.at_hand: dict[Value, Value] = {}
        #: Of the function being linearized, what its wanted results depend on.
        self.useful: set[Value] = set()
        #: Of that function, what the run may leave out.
        self.doubtful: set[Value] = set()
        #: Linear values that a factor which may not be finite made: masks of theirs matter.
        self.guarded: set[Value] = set()

    def fresh(self, primal: Value) -> Value:
        """A new linear value: the tangent of a primal value."""
        linear = Value(primal.type)
        self.linear.add(linear)
        self.tangents[primal] = linear
        return linear

    def tangent(self, primal: Value) -> Value | None:
        """The linear value that is the tangent of a primal one, or None."""
        return self.tangents.get(primal)

    def thread_tape(self) -> Value:
        """The tape that residuals of unknown number go to, made when first needed."""
        if self.tape is None:
            self.tape = self.b.op("tape")
        assert self.tape is not None
        return self.tape

    def run(
        self,
        function: Function,
        args: Sequence[Value],
        wanted: Sequence[bool] | None = None,
        doubtful: Sequence[bool] = (),
    ) -> list[Value]:
        """Linearize ``function`` at ``args``; its primal results (none if it always raises).

        ``wanted``: which results may have a cotangent, all if None; ``doubtful``: which the run
        may leave out."""
        around = self.useful, self.doubtful
        ends = function.results if wanted is None else compress(function.results, wanted)
        self.useful = useful_values(function, ends)
        self.doubtful = doubtful_values(function, compress(function.results, doubtful))
        try:
            return self._run(function, args)
        finally:
            self.useful, self.doubtful = around

    def _run(self, function: Function, args: Sequence[Value]) -> list[Value]:
        mapping = dict(zip(function.params, args, strict=True))
        self.free.update(mapping[p] for p in function.params if p in self.versions)
        final = self.settled.versions if self.settled else set()
        self.final.update(mapping[p] for p in function.params if p in final)
        for instr in function.instrs:
            active = any(mapping.get(v, v) in self.tangents for v in instr.operands)
            rules = rules_of(instr) if active else None
            if rules is not None:
                rules.linearize(self, instr, mapping)
            else:
                self._emit(instr, mapping, active)
            for r in instr.results if self.at_hand else ():
                self._take(r, mapping)
            self._note_free(instr, mapping)
        return [] if function.diverges else [mapping[r] for r in function.results]

    def _take(self, result: Value, mapping: dict[Value, Value]) -> None:
        """What is at hand of a result is read in place of what was emitted for it."""
        known, made = self.at_hand.get(result), mapping[result]
        if known is not None:
            mapping[result] = known
            if made in self.tangents:
                self.tangents[known] = self.tangents[made]

    def _emit(self, instr: Instr, mapping: dict[Value, Value], active: bool) -> None:
        expanded = expansion(instr, mapping) if active else None
        if expanded is not None:
            unsure = [any(r in self.doubtful for r in instr.results)] * len(instr.results)
            mapping.update(zip(instr.results, self.run(*expanded, None, unsure), strict=True))
            return
        new = self.b.clone(instr, mapping)
        self._note(new)
        if makes_tape(instr):
            self.fresh(new.result)
        if not active:
            return
        b, mark, outer = self.b, len(self.b.instrs), self.b.loc
        b.loc = instr.loc
        tangents = [self.tangents.get(v) for v in new.operands]
        found = push_forward(b, new, new.operands, tangents, new.results)
        b.loc = outer
        emitted = b.instrs[mark:]
        del b.instrs[mark:]
        for step in emitted:
            through = [k for k, v in enumerate(step.operands) if v in self.linear]
            if through:
                self.steps.append(LinearInstr(step, self.linear, self.finite))
                self.linear.update(step.results)
                if self._is_guarded(step, through):
                    self.guarded.update(step.results)
            else:
                b.instrs.append(step)
                self._note(step)
        for primal, t in zip(new.results, found, strict=True):
            if t is not None and t in self.linear and has_tangent(primal):
                self.tangents[primal] = t

    def _is_guarded(self, step: Instr, through: Sequence[int]) -> bool:
        below = any(step.operands[k] in self.guarded for k in through)
        return below or masking.guards(step, through[0], self.finite)

    def _note(self, instr: Instr) -> None:
        if masking.stays_finite(instr, self.finite):
            self.finite.add(instr.result)

    def _note_free(self, instr: Instr, mapping: dict[Value, Value]) -> None:
        """What the reverse has, or computes again at no cost in memory, where it comes by.

        An earlier version of an array is there until the update that overwrites it.
        """
        for r in instr.results:
            earlier = updated_operand(instr, r) if r in self.versions else None
            if earlier is not None:
                self.free.discard(mapping.get(earlier, earlier))
        if self.settled is not None:
            final = self.settled.versions
            self.final.update(mapping[r] for r in instr.results if r in final)
            if instr in self.settled.reads:
                self.readable.update(mapping[r] for r in instr.results)
        again = recomputable(instr) and all(mapping.get(v, v) in self.free for v in uses(instr))
        self.free.update(mapping[r] for r in instr.results if again or r in self.versions)

    def transpose(self, reverse: Reverse) -> None:
        """Emit the reverse code of all steps into ``reverse.b``."""
        for step in self.steps:
            if isinstance(step, LinearInstr) and is_reshape(step.instr):
                reverse.wholes[step.instr.result] = step.instr.operands[0]
        for step in reversed(self.steps):
            step.transpose(reverse)
