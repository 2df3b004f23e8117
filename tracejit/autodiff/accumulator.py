"""Sums of cotangents: a symbolic zero first, then a value that windows are added into."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.masking import Mask, Used, any_of, reshaped, used_by_any
from tracejit.autodiff.tangents import zero
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.traits import Trait
from tracejit.ir.types import TapeType


class CotangentSum:
    """The cotangent of one linear value; see ``derivatives_linear.Accumulator``.

    ``masks``: those of everything that was added; None where a zero may be a number.
    ``whole``: the sum of what this value is a reshape of. Where nothing is here yet, windows are
    added there, not into zeros of their own that would be added later.
    """

    __slots__ = ("b", "beneath", "cleared", "given", "like", "masks", "taken", "value", "whole")

    def __init__(
        self,
        b: Builder,
        like: Value,
        value: Value | None = None,
        whole: CotangentSum | None = None,
    ) -> None:
        self.b, self.like, self.value, self.whole = b, like, value, whole
        self.taken = False  # the whole sum, reshaped: what is added next belongs there
        self.given: tuple[tuple[Mask, ...] | None] | None = None  # the masks that were there
        self.masks: tuple[Mask, ...] | None = () if value is None else None
        #: What was added last but for a window of zeros: that value, the sum with it, and the
        #: window: what stood there, and where it is. ``beneath``: the sum without it.
        self.cleared: tuple[Value, Value, Value, Sequence[Value]] | None = None
        self.beneath: Value | None = None

    def add(self, ct: Value) -> None:
        if self.taken:
            self._give(ct)
            return
        self.masks = None
        if self.value is None:
            self.value = ct
        else:
            assert not isinstance(ct.type, TapeType), "a tape of cotangents has one source"
            self.value = self.b.op("add", self.value, ct)

    def add_masked(self, ct: Value, mask: Mask | None) -> None:
        """``add``, of a cotangent that has a mask."""
        before = self.masks
        self.add(ct)
        self.note(before, mask)

    def add_slice(self, ct: Value, bounds: Sequence[Value]) -> None:
        """What is added into a window that was just left out is all that there is: an update such
        as ``x[w] = x[w] + v`` is transposed without a pass over ``x``."""
        if self._take_whole():
            self._give(self.b.op("add_slice", self.dense(), ct, *bounds))
            return
        self.masks, cleared = None, self.cleared
        if cleared is None or cleared[1] is not self.value or not _same(ct, bounds, *cleared[2:]):
            self.value = self.b.op("add_slice", self.dense(), ct, *bounds)
        else:
            added = cleared[0]
            if not self._is_window(ct, added, bounds):
                added = self.b.op("put_slice", added, ct, *bounds)
            beneath = self.beneath
            self.value = added if beneath is None else self.b.op("add", beneath, added)

    def add_outside(self, ct: Value, window: Value, bounds: Sequence[Value]) -> None:
        before = self.value
        self.add(self.b.op("put_slice", ct, self.b.zeros_like(window), *bounds))
        if self.value is not None:
            self.cleared, self.beneath = (ct, self.value, window, bounds), before

    def _is_window(self, ct: Value, whole: Value, bounds: Sequence[Value]) -> bool:
        made = next((i for i in reversed(self.b.instrs) if ct in i.results), None)
        if made is None or not made.has(Trait.WINDOW) or made.prim.updates:
            return False
        return made.operands[0] is whole and _same(ct, made.operands[1:], ct, bounds)

    def add_at(self, ct: Value, index: Sequence[Value], axes: Sequence[int]) -> None:
        whole = self._take_whole()
        made = self.b.op("scatter", self.dense(), ct, *index, axes=tuple(axes), mode="add")
        self.masks = None
        if whole:
            self._give(made)
        else:
            self.value = made

    def note(self, before: tuple[Mask, ...] | None, mask: Mask | None) -> None:
        """What was added last has this mask; ``before`` are the masks of what was there."""
        if self.given is not None:
            (there,), self.given, self.masks = self.given, None, before
            assert self.whole is not None
            shape = self.whole.like.shape
            back = None if mask is None else reshaped(mask, self.like.shape, shape)
            self.whole.note(there, back)
            return
        known = before is not None and mask is not None
        self.masks = tuple(dict.fromkeys((*before, mask))) if known else None  # type: ignore[misc,arg-type]

    def mask(self) -> Mask | None:
        """Where the sum is not zero by a choice or a window; None: its zeros are numbers."""
        if not self.masks or self.value is None:
            return None
        return any_of(self.masks, self.like.shape)

    def used(self) -> Used:
        """Bool scalars: where none holds, branches left out all of the sum; None: not known."""
        return None if self.masks is None else used_by_any(self.masks)

    def dense(self) -> Value:
        """The sum with a symbolic zero materialised."""
        return zero(self.b, self.like) if self.value is None else self.value

    def take(self) -> Value:
        """``dense``, leaving a symbolic zero behind: whoever takes it adds the result back."""
        self._take_whole()
        value, self.value = self.dense(), None
        return value

    def put_back(self, value: Value) -> None:
        """What was taken, to which nothing was added. The masks here are still of it too."""
        if self.taken:
            assert self.whole is not None
            there = self.whole.masks
            self._give(value)
            self.given, self.whole.masks = None, there
        elif self.value is None:
            self.value = value
        else:  # what took it was given this linear value as another operand also
            self.value = self.b.op("add", self.value, value)

    def _take_whole(self) -> bool:
        """Whether this is empty and the sum of what it is a reshape of is not: that moves here."""
        whole = self.whole
        if whole is None or self.value is not None or not whole.begun():
            return False
        self.value, self.taken = self.b.reshape(whole.take(), self.like.shape), True
        return True

    def _give(self, ct: Value) -> None:
        """Move the whole sum back."""
        assert self.whole is not None
        self.given = (self.whole.masks,)
        self.whole.add(self.b.reshape(ct, self.whole.like.shape))
        self.value, self.taken = None, False

    def begun(self) -> bool:
        """Whether there is a sum, here or where windows of this are added."""
        return self.value is not None or (self.whole is not None and self.whole.begun())


def _same(a: Value, bounds: Sequence[Value], b: Value, others: Sequence[Value]) -> bool:
    """Whether two windows are provably the same: as large, at the same place."""
    pairs = zip(bounds, others, strict=True)
    return a.shape == b.shape and all(
        x is y or (x.expr is not None and x.expr == y.expr) for x, y in pairs
    )
