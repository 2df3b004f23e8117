"""Which storage the names of a loop are bound to at the end of an iteration, and who shares it.

Most arrays that a loop binds anew are carried by value: nobody else sees them. Where another name,
a container or the caller may see storage that is written, a name is carried with *what* it is bound
to instead: one of the storages from outside of the loop, or a *slot*, storage that some iteration
made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.choices import binding, pieces
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.objects import parts_of
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Cell, Select
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.selected_storage import holds, storage_of
from tracejit.trace.values.view_transforms import Layer


@dataclass(frozen=True)
class SlotName:
    """Storage that an iteration made: what the array ``name`` is bound to at the end. ``whole``:
    all of the storage, of which names may be views; else the array itself."""

    name: str
    whole: bool


@dataclass(frozen=True)
class Outer:
    """A view of storage from outside of the loop."""

    key: Any
    view: Array = field(compare=False)

    def array(self, slots: Mapping[SlotName, Cell]) -> Array:
        return self.view


@dataclass(frozen=True)
class SlotView:
    """A view of a slot."""

    slot: SlotName
    layers: tuple[Layer, ...]
    view: Array = field(compare=False)

    def array(self, slots: Mapping[SlotName, Cell]) -> Array:
        cell, view = slots[self.slot], self.view
        if not self.layers:
            return Array(cell)
        return Array(cell, self.layers, view.dims, view.element_strides, view.dtype)


Option: TypeAlias = Outer | SlotView


class EndStorage(Edge):
    """Who holds what at the end of an iteration. ``ends``: the bindings by name; ``depth``: the
    body's, storage made in it has at least this depth.

    Names that share storage in some run are all bound to the slot of the first of them then."""

    def __init__(self, ends: Sequence[tuple[str, Any]], depth: int) -> None:
        self.depth = depth
        self.arrays = {name: x for root, end in ends for name, x in leaves(root, end)}
        self.holders: dict[Cell, tuple[str, ...]] = {}
        for name, x in self.arrays.items():
            for cell in dict.fromkeys(storage_of(x)):
                self.holders[cell] = (*self.holders.get(cell, ()), name)

    def made_here(self, cell: Cell) -> bool:
        return cell.depth >= self.depth

    def options(self, piece: Array) -> list[Option]:
        """What a binding to one view may be called in the next iteration."""
        assert isinstance(piece.cell, Cell)
        if not self.made_here(piece.cell):
            return [Outer(binding(piece), piece)]
        piece.cell.must_be_known()
        found: list[Option] = []
        for name in self.holders[piece.cell]:
            whole = self._whole(name)
            found.append(SlotView(SlotName(name, whole), piece.layers if whole else (), piece))
            if not isinstance(self.arrays[name].cell, Select):
                break
        return found

    def _whole(self, name: str) -> bool:
        """Whether the slot of a name is all of the storage, since a part of it is shared."""
        own = [c for c in storage_of(self.arrays[name]) if self.made_here(c)]
        with_it = {h for c in own for h in self.holders[c]}
        if len(with_it) == 1:
            return False
        views = (p for h in with_it for p in pieces(self.arrays[h]) if p.cell in own)
        return any(p.layers for p in views)

    def contents(self) -> dict[SlotName, Array] | None:
        """What each slot holds at the end; None where it would be arrays of several ranks."""
        found: dict[SlotName, Array] = {}
        for name, x in self.arrays.items():
            own = [c for c in storage_of(x) if self.made_here(c)]
            if not own:
                continue
            whole = self._whole(name)
            if whole and len({(c.dtype, len(c.shape)) for c in own}) > 1:
                return None
            found[SlotName(name, whole)] = _whole_of(x, own) if whole else x
        return found

    def is_at(self, x: Array, option: Option) -> bool | Value:
        """Whether a binding is an option, given that it is none of the slots of earlier names."""
        if isinstance(option, Outer):
            return holds(x, lambda p: binding(p) == option.key)
        other = self.arrays.get(option.slot.name)
        if other is None:
            return False
        found: bool | Value = False
        for cell in dict.fromkeys(storage_of(x)):
            if self.made_here(cell):
                here = holds(x, lambda p, c=cell: p.cell is c and self._fits(p, option))  # type: ignore[misc]
                there = other is x or holds(other, lambda p, c=cell: p.cell is c)  # type: ignore[misc]
                found = _logic("bitwise_or", found, _logic("bitwise_and", here, there))
        return found

    def _fits(self, piece: Array, option: SlotView) -> bool:
        return not option.slot.whole or piece.layers == option.layers


def _logic(name: str, a: bool | Value, b: bool | Value) -> bool | Value:
    """``a and b`` or ``a or b``."""
    decides = name == "bitwise_or"
    for x, y in ((a, b), (b, a)):
        if isinstance(x, bool):
            return x if x is decides else y
    return current().b.op(name, a, b)  # type: ignore[no-any-return,arg-type]


def leaves(name: str, x: Any) -> Iterator[tuple[str, Array]]:
    """The arrays in a binding, each with the name it has in plans."""
    if isinstance(x, MaybeUnbound | MaybeNone):
        x = x.value
    if isinstance(x, Array):
        yield name, x
    else:
        for key, part in parts_of(x).items():
            yield from leaves(f"{name}[{key!r}]", part)


def _whole_of(x: Array, cells: Sequence[Cell]) -> Array:
    """Whichever of ``cells`` a binding lies in (anything where it lies in none)."""
    if not isinstance(x.cell, Select):
        return Array(x.cell if x.cell in cells else cells[0])
    then, other = _whole_of(x.cell.then, cells), _whole_of(x.cell.other, cells)
    return then if then.cell is other.cell else Array(Select(x.cell.pred, then, other))
