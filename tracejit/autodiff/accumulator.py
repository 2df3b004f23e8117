"""Sums of cotangents: a symbolic zero first, then a value that windows are added into."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.masking import Mask, Window
from tracejit.autodiff.tangents import zero
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.types import TapeType


class CotangentSum:
    """The cotangent of one linear value; see ``derivatives_linear.Accumulator``.

    ``masks``: those of everything that was added; None where a zero may be a number.
    """

    __slots__ = ("b", "like", "masks", "value")

    def __init__(self, b: Builder, like: Value, value: Value | None = None) -> None:
        self.b, self.like, self.value = b, like, value
        self.masks: tuple[Mask, ...] | None = () if value is None else None

    def add(self, ct: Value) -> None:
        self.masks = None
        if self.value is None:
            self.value = ct
        else:
            assert not isinstance(ct.type, TapeType), "a tape of cotangents has one source"
            self.value = self.b.op("add", self.value, ct)

    def add_slice(self, ct: Value, bounds: Sequence[Value]) -> None:
        self.value = self.b.op("add_slice", self.dense(), ct, *bounds)
        self.masks = None

    def add_at(self, ct: Value, index: Sequence[Value], axes: Sequence[int]) -> None:
        self.value = self.b.op("scatter", self.dense(), ct, *index, axes=tuple(axes), mode="add")
        self.masks = None

    def note(self, before: tuple[Mask, ...] | None, mask: Mask | None) -> None:
        """What was added last has this mask; ``before`` are the masks of what was there."""
        known = before is not None and mask is not None
        self.masks = tuple(dict.fromkeys((*before, mask))) if known else None  # type: ignore[misc,arg-type]

    def mask(self) -> Value | None:
        """Where the sum is not zero by a choice or a window; None: its zeros are numbers."""
        if not self.masks or self.value is None:
            return None
        one, *rest = [m.made(self.b) if isinstance(m, Window) else m for m in self.masks]
        for other in rest:
            one = self.b.op("bitwise_or", one, other)
        return one

    def dense(self) -> Value:
        """The sum with a symbolic zero materialised."""
        return zero(self.b, self.like) if self.value is None else self.value

    def take(self) -> Value:
        """``dense``, leaving a symbolic zero behind: whoever takes it adds the result back."""
        value, self.value = self.dense(), None
        return value
