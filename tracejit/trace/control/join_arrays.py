"""Joining array bindings after a branch: which storage a name then denotes, through which view.

Storage made on both sides becomes one new cell, where all names that share it on one side share it
on the other too. A name that denotes existing storage on either side, or storage that is shared
otherwise on the other side, denotes a ``Select`` afterwards, so that writes reach the right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.control.array_plans import ArrayPlan
from tracejit.trace.control.choices import choice
from tracejit.trace.control.edges import TracedSide
from tracejit.trace.control.plans import passed
from tracejit.trace.session.session import Session, where
from tracejit.trace.values.all import Array, Cell, Select
from tracejit.trace.values.selected_storage import storage_of
from tracejit.trace.values.view_transforms import Gather, Layer
from tracejit.trace.views.parameters import aligned, empty_numbers, view_numbers, with_numbers
from tracejit.trace.views.views import agreed, writeability

Finish = Callable[[Sequence[Value]], Any]


class ArrayJoin:
    """Collects results of the ``cond`` pairwise."""

    def __init__(self, session: Session, pred: Value, then: TracedSide, other: TracedSide) -> None:
        self.session = session
        self.pred = pred
        self.sides = (then, other)
        self.results: tuple[list[Value], list[Value]] = ([], [])
        self._cells: dict[tuple[int, int], Callable[[Sequence[Value]], Cell]] = {}
        self._partners: dict[int, set[Any]] = {}
        self._names: Counter[int] = Counter()
        self._kept: list[Any] = []

    def pair(self, makers: Sequence[Callable[[Any], Value]]) -> int:
        """One result, made at the end of each side; its number."""
        for side, found, make in zip(self.sides, self.results, makers, strict=True):
            with side.inside() as b:
                found.append(make(b))
        return len(self.results[0]) - 1

    def pairs(self, one: Sequence[Value], two: Sequence[Value]) -> list[int]:
        """Results that are the values of either side; their numbers."""
        rows = zip(one, two, strict=True)
        return [self.pair([lambda _, v=v: v for v in row]) for row in rows]  # type: ignore[misc]

    def note_arrays(self, a: Array | None, b: Array | None) -> None:
        """Before anything is joined: storage that sides made will be paired like this."""
        for x in (a, b):
            self._names.update(() if x is None else {id(c) for c in storage_of(x)})
        if a is not None and b is not None:
            one, two = a.cell, b.cell
            alike = writeability(a) == writeability(b)
            if alike and all(s.is_fresh(c) for s, c in zip(self.sides, (one, two), strict=True)):
                match: Any = (id(one), id(two)) if _views_of_one_cell(a, b) else object()
                for cell in (one, two):
                    self._partners.setdefault(id(cell), set()).add(match)
                return
        for side, x in zip(self.sides, (a, b), strict=True):
            for cell in () if x is None else storage_of(x):
                if side.is_fresh(cell):
                    self._partners.setdefault(id(cell), set()).add(None)

    def _paired(self, a: Array, b: Array) -> bool:
        """Whether whatever shares ``a``'s storage on its side shares ``b``'s on the other."""
        partners = [self._partners[id(x.cell)] for x in (a, b)]
        return all(len(p) == 1 and None not in p for p in partners)

    def arrays(self, a: Array, b: Array) -> Finish:
        """One name, an array of one dtype and rank on each side."""
        if a.cell is b.cell and a.layers == b.layers:
            return lambda results: a
        fresh = [s.is_fresh(x.cell) for s, x in zip(self.sides, (a, b), strict=True)]
        if all(fresh) and self._paired(a, b):
            return self._fresh_pair(a, b)
        views = aligned(a, b) if a.cell is b.cell else None
        if views is not None:
            numbers = self._joined_numbers(*map(view_numbers, views))
            return lambda results: with_numbers(views[0], [n(results) for n in numbers])
        one, two = self.exported(a, 0), self.exported(b, 1)
        return lambda results: choice(self.pred, one(results), two(results))

    def _fresh_pair(self, a: Array, b: Array) -> Finish:
        """Storage made on both sides: one new cell; names that shared it share it still."""
        views = _views_of_one_cell(a, b)
        if views is None:
            return self._by_value([a, b])
        cell = self._new_cell(a.cell, b.cell)
        if not views[0].layers:
            return lambda results: Array(cell(results))
        numbers = self._joined_numbers(*map(view_numbers, views))
        return lambda results: with_numbers(views[0], [n(results) for n in numbers], cell(results))

    def _new_cell(self, a: Any, b: Any) -> Callable[[Sequence[Value]], Cell]:
        """The cell that stands for ``a`` or ``b`` afterwards, made once."""
        key = (id(a), id(b))
        if key not in self._cells:
            only = 1 if a is None else 0 if b is None else None
            arrays = [Array(a or b), Array(b or a)]
            k = self.array_value(arrays, only)
            made: list[Cell] = []
            order = (a or b).order
            writeable = agreed(c.writeable for c in (a, b) if c is not None)

            def cell(results: Sequence[Value]) -> Cell:
                if not made:
                    made.append(_in_place_of(Cell(results[k], order, writeable=writeable), a, b))
                return made[0]

            self._cells[key] = cell
            self._kept.append((a, b))
        return self._cells[key]

    # What one side alone has ----------------------------------------------------------------------

    def is_outer(self, x: Array, there: int) -> bool:
        """Whether an array of side ``there`` is one from before the branch."""
        cell = x.cell
        inner = cell.depth >= self.sides[there].frame.depth or any(
            isinstance(layer, Gather) and any(map(self.sides[there].defines, layer.index))
            for layer in x.layers
        )
        return not inner and all(map(self.outer_dim, (*x.dims, *view_numbers(x))))

    def exported(self, x: Array, there: int) -> Finish:
        """An array of side ``there`` as it is spoken of after the branch."""
        inner = isinstance(x.cell, Cell) and not all(map(self.outer_dim, x.cell.shape))
        if inner and x.layers and self._names[id(x.cell)] == 1:
            return self._by_value([x, x], there)
        numbers = [
            self._exported_number(n, there, inner, nothing)
            for n, nothing in zip(view_numbers(x), empty_numbers(x), strict=True)
        ]
        for layer in x.layers:
            self._refuse_inner_index(layer)
        cell = x.cell
        if isinstance(cell, Select):
            base = self._exported_choice(cell, there)
        elif self.sides[there].is_fresh(cell):
            pair = (cell, None) if there == 0 else (None, cell)
            base = self._new_cell(*pair)
        else:
            base = lambda results: cell  # noqa: E731
        if not x.layers:
            return lambda results: Array(base(results))
        return lambda results: with_numbers(x, [n(results) for n in numbers], base(results))

    def _exported_choice(self, cell: Select, there: int) -> Finish:
        if cell.depth < self.sides[there].frame.depth:
            return lambda results: cell
        then, other = self.exported(cell.then, there), self.exported(cell.other, there)
        pred = cell.pred
        if self.sides[there].defines(pred):
            makers: list[Callable[[Any], Value]] = [lambda b: b.const(False, "bool")] * 2
            makers[there] = lambda _: pred
            k = self.pair(makers)
            return lambda r: cell.between(then(r), other(r), pred=r[k])
        return lambda results: cell.between(then(results), other(results))

    def _exported_number(
        self, dim: Dim, there: int, inner: bool, nothing: int
    ) -> Callable[[Sequence[Value]], Dim]:
        """A number of a view that only side ``there`` has. Storage whose extents are ``inner`` is
        empty on the other side, and so must be what a view takes of it."""
        if not inner and self.outer_dim(dim):
            return lambda results: dim
        dims: list[Dim] = [nothing, nothing]
        dims[there] = dim
        return self._number_pair(dims)

    def _joined_numbers(
        self, a: Sequence[Dim], b: Sequence[Dim]
    ) -> list[Callable[[Sequence[Value]], Dim]]:
        found: list[Callable[[Sequence[Value]], Dim]] = []
        for x, y in zip(a, b, strict=True):
            if x == y and self.outer_dim(x):
                found.append(lambda results, x=x: x)  # type: ignore[misc]
            else:
                found.append(self._number_pair([x, y]))
        return found

    def _number_pair(self, dims: Sequence[Dim]) -> Callable[[Sequence[Value]], Dim]:
        makers = [lambda b, d=d: b.index(d) for d in dims]
        k = self.pair(makers)
        ranges = self.session.ranges
        positive = all(ranges.at_least(d, 0) for d in dims)
        return lambda results: ranges.bound(results[k], 0 if positive else None, None).dim

    def _refuse_inner_index(self, layer: Layer) -> None:
        if isinstance(layer, Gather) and any(s.defines(i) for s in self.sides for i in layer.index):
            raise UnsupportedError(
                f"{where()}: a diagonal taken inside a branch that is decided at run time is used "
                "after it; take it before the branch, or copy it"
            )

    def outer_dim(self, dim: Dim) -> bool:
        """Whether an extent does not depend on what either side makes."""
        return not any(
            s.defines(leaf)
            for s in self.sides
            for leaf in ex.leaves(dim)
            if isinstance(leaf, Value)
        )

    def _by_value(self, arrays: Sequence[Array], only: int | None = None) -> Finish:
        """An array that no other name shares: storage of its own afterwards."""
        k = self.array_value(arrays, only)
        own = [cell for x in arrays for cell in storage_of(x)]
        writeable = agreed(map(writeability, arrays))
        return lambda results: Array(_in_place_of(Cell(results[k], writeable=writeable), *own))

    # Contents -------------------------------------------------------------------------------------

    def array_value(self, arrays: Sequence[Array], only: int | None = None) -> int:
        """The contents of one array per side as one result. Extents that differ, or were made
        inside, are results too. ``only``: just that side has it."""
        one, two = (x.dims for x in arrays)
        same = (d if d == e and self.outer_dim(d) else None for d, e in zip(one, two, strict=True))
        plan = ArrayPlan(arrays[0].dtype, tuple(same))
        found = []
        for s, (side, x) in enumerate(zip(self.sides, arrays, strict=True)):
            with side.inside() as b:
                if only is not None and only != s:
                    shape = tuple(0 if d is None else d for d in plan.dims)
                    x = Array(Cell(b.op("empty", dtype=x.dtype, shape=shape)))
                found.append(passed(plan, plan.flatten(x), side))
        return self.pairs(*found)[-1]


def _views_of_one_cell(a: Array, b: Array) -> tuple[Array, Array] | None:
    """Two views as ones of one cell that is either's storage, where there can be one."""
    return None if a.layers and a.cell.shape != b.cell.shape else aligned(a, b)


def _in_place_of(new: Cell, *sides: Cell | None) -> Cell:
    """Storage after the branch, which may be whatever the sides' storage may be."""
    for old in sides:
        if old is not None:
            new.replaces(old)
    return new
