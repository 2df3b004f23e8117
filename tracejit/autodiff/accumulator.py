"""Sums of cotangents: a symbolic zero first, then a value that windows are added into."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.tangents import zero
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.types import TapeType


class Sum:
    """The cotangent of one linear value; see ``derivatives_linear.Accumulator``.

    ``masked``: all that was added has zeros put there by a mask or a window, where a factor that is
    not finite must not turn them into nan.
    """

    __slots__ = ("b", "like", "masked", "value")

    def __init__(self, b: Builder, like: Value, value: Value | None = None) -> None:
        self.b, self.like, self.value = b, like, value
        self.masked = False

    def add(self, ct: Value) -> None:
        if self.value is None:
            self.value = ct
        else:
            assert not isinstance(ct.type, TapeType), "a tape of cotangents has one source"
            self.value = self.b.op("add", self.value, ct)

    def add_slice(self, ct: Value, bounds: Sequence[Value]) -> None:
        self.value = self.b.op("add_slice", self.dense(), ct, *bounds)

    def add_at(self, ct: Value, index: Sequence[Value], axes: Sequence[int]) -> None:
        self.value = self.b.op("scatter", self.dense(), ct, *index, axes=tuple(axes), mode="add")

    def dense(self) -> Value:
        """The sum with a symbolic zero materialised."""
        return zero(self.b, self.like) if self.value is None else self.value

    def take(self) -> Value:
        """``dense``, leaving a symbolic zero behind: whoever takes it adds the result back."""
        value, self.value = self.dense(), None
        return value
