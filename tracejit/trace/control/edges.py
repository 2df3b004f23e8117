"""The edges on which bindings reach the place where they meet: here the two sides of a branch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Any

from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.objects import is_object, read_parts
from tracejit.trace.session.frames import Frame
from tracejit.trace.session.session import Session
from tracejit.trace.values.all import Cell, Select


class Edge:
    """What is known where bindings are passed on."""

    def held_in(self, container: Any) -> Any:
        """What a list, dict or object holds there."""
        return container


@dataclass(eq=False)
class TracedSide(Edge):
    """One traced side: its frame, the bindings at its end, and what it left in storage."""

    session: Session
    frame: Frame
    state: tuple[Any, ...]
    value: Any
    final: dict[Cell, Value]
    raised: bool
    containers: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    _made: set[Value] = field(default_factory=set)
    _seen: int = 0

    @contextmanager
    def inside(self) -> Iterator[Any]:
        """Emit at the end of this side, storage as the side left it."""
        before = {cell: cell.value for cell in self.final}
        self.session.frames.append(self.frame)
        for cell, value in self.final.items():
            cell.value = value
        try:
            yield self.session.b
        finally:
            self.session.frames.pop()
            for cell, value in before.items():
                cell.value = value

    def held_in(self, container: Any) -> Any:
        found = self.containers.get(id(container))
        if found is None and is_object(container):
            if self.session.outside.is_outside(container):
                return self._attributes_of(container)
            if hasattr(container, "__dict__"):
                found = self.containers.get(id(vars(container)))
        return container if found is None else found[1]

    def _attributes_of(self, obj: Any) -> dict[str, Any]:
        """The attributes of an object from outside, as this side leaves them."""
        parts = read_parts(obj)
        for name in parts:
            found = self.containers.get(id(self.session.outside.set_to(obj, name)))
            if found is not None:
                parts[name] = found[1][name]
        return parts

    def defines(self, value: Value) -> bool:
        """Whether a value was made in this side."""
        instrs = self.frame.builder.instrs
        self._made.update(r for i in instrs[self._seen :] for r in i.results)
        self._seen = len(instrs)
        return value in self._made

    def is_fresh(self, cell: Cell | Select) -> bool:
        """Whether storage was made in this side."""
        return isinstance(cell, Cell) and cell.depth >= self.frame.depth
