"""Whether a loop may carry an array by value: only where nobody can tell it from the storage.

By value, a name has storage of its own in each iteration. That is wrong where the name's storage is
seen elsewhere (by the caller, another name, a container) and one of them is written.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.trace.control.carried_storage import leaves
from tracejit.trace.control.fixpoint import layout
from tracejit.trace.control.loop_attempt import Attempt, StagedLoop, variables
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.storage import Cell, Link
from tracejit.trace.values.all import Array
from tracejit.trace.values.selected_storage import Select, storage_of


def alone(loop: StagedLoop) -> frozenset[str]:
    """Names bound to arrays that nothing else refers to, not even to a part: when the name lets go,
    nobody is left."""
    state: list[Any] = list(loop.get_state())
    loose = [v.kind == "local" and isinstance(x, Array) for v, x in zip(loop.names, state)]
    loop.set_state(tuple(UNDEFINED if free else x for free, x in zip(loose, state, strict=True)))
    found = set()
    for k, info in enumerate(loop.names):
        if loose[k]:
            x = state[k]
            cell, *view = x.cell, x.layers, x.dims, x.element_strides, x.dtype
            elsewhere = weakref.ref(x)
            del x
            state[k] = None
            if cell.users == 0 and _only_here(cell):
                found.add(info.name)
            same = elsewhere()  # the object itself, where something else holds it
            state[k] = Array(cell, *view) if same is None else same
            del same
    loop.set_state(tuple(state))
    return frozenset(found)


def _only_here(cell: Cell | Select) -> bool:
    """Whether the storage under a binding is used by that binding alone."""
    uses: dict[Cell | Select, int] = {}

    def count(of: Cell | Select) -> None:
        if isinstance(of, Select):
            for side in (of.then, of.other):
                uses[side.cell] = uses.get(side.cell, 0) + 1
                if uses[side.cell] == 1:
                    count(side.cell)

    count(cell)
    if any(isinstance(c, Cell) and (c.arg is not None or c.may_be()) for c in (cell, *uses)):
        return False
    return all(c.users == n for c, n in uses.items())


class CarriedByValue:
    """The arrays that one trace of a body carries by value, and who shares them."""

    def __init__(self, loop: StagedLoop, attempt: Attempt, entry: Sequence[Any]) -> None:
        self.loop = loop
        self.attempt = attempt
        self.opened = opened = {cell: value for cell, value, _ in attempt.opened.cells}
        self.placeholders: dict[str, Cell] = {}
        self.entries: dict[str, Array] = {}
        self.live: set[str] = set()
        rows = zip(variables(loop), attempt.start, entry, strict=True)
        for info, start, before in rows:
            for name, x in leaves(info.name, start):
                if isinstance(x.cell, Cell) and x.cell in opened:
                    self.placeholders[name] = x.cell
            self.entries.update(leaves(info.name, before))
        for info, end in zip(variables(loop), attempt.end, strict=not attempt.raised):
            if info.live_in:
                self.live.update(name for name, _ in leaves(info.name, end))
        self.written = {n for n, c in self.placeholders.items() if c.value is not opened[c]}

    def clash(self) -> Literal["", "first", "always"]:
        """Whether carrying by value is wrong: not, in the first iteration only, or always."""
        found: Literal["", "first"] = ""
        for name, cell in self.placeholders.items():
            ends = self._ends(name)
            if self._entry_shared(name) and self._entry_changes(name):
                if self.loop.peeled or cell in ends:
                    return "always"
                found = "first"
            if self._entry_lies_otherwise(name, cell):
                if self.loop.peeled:
                    return "always"
                found = "first"
            if name in self.live and any(self._wrong_at_end(name, c) for c in ends):
                return "always"
        return found

    def _ends(self, name: str) -> set[Cell]:
        """Storage that a name may be bound to when an iteration ends."""
        end = self.attempt.storage.arrays.get(name)
        own = set() if end is None else set(storage_of(end))
        return own.union(*(cell.may_be() for cell in own))

    def _entry_shared(self, name: str) -> bool:
        return name in self.entries and name not in self.loop.alone

    def _entry_changes(self, name: str) -> bool:
        """Whether what a name is bound to at first is written, through it or otherwise."""
        cells = storage_of(self.entries[name])
        return name in self.written or any(self._changes(c) for c in cells)

    def _entry_lies_otherwise(self, name: str, cell: Cell) -> bool:
        """Whether memory order makes another view or copy of the first iteration's array."""
        entry = self.entries.get(name)
        return cell.layout_matters and entry is not None and layout(entry) != cell.order

    def _wrong_at_end(self, name: str, cell: Cell) -> bool:
        storage = self.attempt.storage
        if not storage.made_here(cell):
            return name in self.written or self._changes(cell)
        holders = [h for h in storage.holders.get(cell, ()) if h in self.live]
        return len(holders) > 1 and any(h in self.written for h in holders)

    def _changes(self, cell: Cell) -> bool:
        """Whether the body writes to existing storage."""
        final = self.attempt.final.get(cell)
        return final is not None and final is not self.attempt.frame.placeholders.get(cell)

    def moved(self) -> set[Value]:
        """Placeholders of names that an iteration may bind to other storage."""
        found = {n: c for n, c in self.placeholders.items() if self._ends(n) - {c}}
        return {self.opened[cell] for cell in found.values()}

    def must_not_be_kept(self) -> None:
        """UnsupportedError where an iteration may write to what an earlier one made an item of a
        list."""
        for name in self.written:
            for cell in self._ends(name):
                if cell.kept is not None:
                    raise UnsupportedError(cell.kept)
        contents = self.attempt.storage.contents() or {}
        for slot, cell in self.attempt.opened.slots.items():
            if cell.value in self.attempt.opened.values or slot not in contents:
                continue
            for end in storage_of(contents[slot]):
                if end.kept is not None:
                    raise UnsupportedError(end.kept)

    # After the loop -------------------------------------------------------------------------------

    def link(self, state: Sequence[Any]) -> None:
        """Remember which storage may be one and the same, in case it is written later."""
        groups: dict[Cell, set[Cell]] = {}
        for name, result in self._results(state):
            for cell in self._may_be(name, result):
                groups.setdefault(cell, set()).add(result)
        for cell, results in groups.items():
            outer = () if self.attempt.storage.made_here(cell) else (cell,)
            for result in results:
                result.replaces(cell)
            if len({*results, *outer}) > 1:
                Link(self.loop.key, [*results, *outer])

    def _results(self, state: Sequence[Any]) -> Iterator[tuple[str, Cell]]:
        for info, x in zip(variables(self.loop), state, strict=True):
            for name, result in leaves(info.name, x):
                if name in self.placeholders and isinstance(result.cell, Cell):
                    yield name, result.cell

    def _may_be(self, name: str, result: Cell) -> set[Cell]:
        """Storage that a name may be bound to after the loop, as others know it."""
        owners = {cell: owner for owner, cell in self.placeholders.items()}
        found: set[Cell] = set()
        for cell in self._ends(name):
            found.add(cell)
            if cell in owners and self._entry_shared(owners[cell]):
                found.update(storage_of(self.entries[owners[cell]]))
        if not self.loop.runs and self._entry_shared(name):
            cells = list(storage_of(self.entries[name]))
            found.update(c for c in cells if c.arg is None)
        return found - {result}
