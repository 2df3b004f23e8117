"""(Stacks of) matrices with operators, so that a derivative rule reads as mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracejit import dtypes
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


class Mat:
    """The matrices on the last two axes of a value; emits what its operators say."""

    __slots__ = ("b", "v")

    def __init__(self, b: Builder, v: Value) -> None:
        self.b, self.v = b, v

    def like(self, v: Value) -> Mat:
        return Mat(self.b, v)

    @property
    def lead(self) -> tuple[int, ...]:
        return tuple(range(self.v.rank - 2))

    @property
    def is_complex(self) -> bool:
        return dtypes.is_complex(self.v.dtype)

    def __matmul__(self, other: Mat) -> Mat:
        last = self.v.rank - 1
        pairs = ((last,), (last - 1,))
        return self.like(
            self.b.op("dot", self.v, other.v, contract=pairs, batch=(self.lead, self.lead))
        )

    def __add__(self, other: Mat) -> Mat:
        return self.like(self.b.op("add", self.v, other.v))

    def __sub__(self, other: Mat) -> Mat:
        return self.like(self.b.op("sub", self.v, other.v))

    def __mul__(self, other: Mat) -> Mat:
        return self.like(self.b.op("mul", self.v, other.v))

    def __neg__(self) -> Mat:
        return self.like(self.b.op("neg", self.v))

    @property
    def T(self) -> Mat:  # noqa: N802 (as arrays spell it)
        rank = self.v.rank
        return self.like(self.b.op("transpose", self.v, perm=(*self.lead, rank - 1, rank - 2)))

    @property
    def conj(self) -> Mat:
        return self.like(self.b.op("conj", self.v)) if self.is_complex else self

    @property
    def H(self) -> Mat:  # noqa: N802
        """The conjugate transpose."""
        return self.conj.T

    def to(self, dtype: np.dtype[np.generic]) -> Mat:
        return self.like(self.b.convert(self.v, dtype))

    # -- elements by position ------------------------------------------------------------------

    def where(self, relation: str) -> Mat:
        """Itself where ``row <relation> column`` holds, else zero."""
        return self.like(
            self.b.op("select", self.positions(relation), self.v, self.b.zeros_like(self.v))
        )

    def positions(self, relation: str) -> Value:
        """Where ``row <relation> column`` holds."""
        b, shape, rank = self.b, self.v.shape, self.v.rank
        places = [
            b.op("iota", shape=shape, axis=a, dtype=INDEX.dtype) for a in (rank - 2, rank - 1)
        ]
        return b.op(relation, *places)  # type: ignore[no-any-return]

    def triangle(self, lower: bool, strict: bool = False) -> Mat:
        relation = ("gt" if strict else "ge") if lower else ("lt" if strict else "le")
        return self.where(relation)

    def hermitian(self, lower: bool) -> Mat:
        """The Hermitian matrix of which one triangle is read, the diagonal's real part too."""
        strict = self.triangle(lower, strict=True)
        diagonal = self.where("eq")
        if self.is_complex:
            diagonal = diagonal.real.to(self.v.dtype)
        return strict + strict.H + diagonal

    @property
    def real(self) -> Mat:
        return self.like(self.b.op("real", self.v)) if self.is_complex else self

    @property
    def imaginary(self) -> Mat:
        """The imaginary part, as a complex matrix without real part."""
        part = self.b.op("imag", self.v)
        return self.like(self.b.op("complex", self.b.zeros_like(part), part))

    @property
    def diagonal(self) -> Value:
        """Vectors of the elements of the diagonals."""
        return self.where("eq").sum((self.v.rank - 1,))

    def sum(self, axes: tuple[int, ...]) -> Value:
        return self.b.op("reduce_sum", self.v, axes=axes)  # type: ignore[no-any-return]

    def total(self) -> Value:
        """The sum of each matrix's elements."""
        return self.sum((self.v.rank - 2, self.v.rank - 1))

    def columns(self, vector: Value) -> Mat:
        """Column ``j`` times element ``j``."""
        return self * self.spread(vector, self.v.rank - 1)

    def rows(self, vector: Value) -> Mat:
        """Row ``i`` times element ``i``."""
        return self * self.spread(vector, self.v.rank - 2)

    def spread(self, vector: Value, axis: int) -> Mat:
        """A matrix shaped as this one that repeats a vector along ``axis``, in this dtype."""
        vector = self.b.convert(vector, self.v.dtype)
        return self.like(self.b.broadcast(vector, self.v.shape, (*self.lead, axis)))

    def over_gaps(self, values: Value) -> Mat:
        """Element (i, j) over ``values[j] - values[i]``, zero on the diagonal."""
        gaps = self.spread(values, self.v.rank - 1) - self.spread(values, self.v.rank - 2)
        return self._over(gaps)

    def over_gaps_of_squares(self, values: Value) -> Mat:
        """Element (i, j) over ``values[j]**2 - values[i]**2``, zero on the diagonal."""
        column, row = self.spread(values, self.v.rank - 1), self.spread(values, self.v.rank - 2)
        return self._over((column - row) * (column + row))

    def _over(self, gaps: Mat) -> Mat:
        one, diagonal = self.b.lit(1, gaps.v), gaps.positions("eq")
        safe = self.b.op("select", diagonal, one, gaps.v)
        inverse = self.b.op("div", one, safe)
        zero = self.b.zeros_like(gaps.v)
        return self * self.like(self.b.op("select", diagonal, zero, inverse))

    # -- parts ---------------------------------------------------------------------------------

    def part(self, rows: tuple[Dim, Dim], columns: tuple[Dim, Dim]) -> Mat:
        """Rows and columns, each from a start and so many."""
        lead = self.v.shape[:-2]
        if (rows[1], columns[1]) == self.v.shape[-2:]:
            return self
        starts = [0 for _ in lead]
        shape = (*lead, rows[1], columns[1])
        return self.like(self.b.slice(self.v, [*starts, rows[0], columns[0]], shape))

    def first_columns(self, count: Dim) -> Mat:
        return self.part((0, self.v.shape[-2]), (0, count))

    def first_rows(self, count: Dim) -> Mat:
        return self.part((0, count), (0, self.v.shape[-1]))

    def columns_from(self, start: Dim) -> Mat:
        return self.part((0, self.v.shape[-2]), (start, self.v.shape[-1] - start))

    def rows_from(self, start: Dim) -> Mat:
        return self.part((start, self.v.shape[-2] - start), (0, self.v.shape[-1]))

    def beside(self, other: Mat) -> Mat:
        """The two next to each other."""
        return self.like(self.b.op("concatenate", self.v, other.v, axis=self.v.rank - 1))

    def above(self, other: Mat) -> Mat:
        """The two on top of each other."""
        return self.like(self.b.op("concatenate", self.v, other.v, axis=self.v.rank - 2))
