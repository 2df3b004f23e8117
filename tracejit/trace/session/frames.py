"""What a trace consists of while it is under way: builders, frames, and reasons to begin again.

A *frame* is a region being traced (the function itself, a branch, a loop body). Each frame has its
own builder and remembers which storage cells it touched, so that leaving it can restore them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.builder import Builder
from tracejit.ir.core import Constant, Loc, Value
from tracejit.ir.types import DTypeLike, dtype_of
from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.trace.session.storage import Cell

FrameKind = Literal["root", "branch", "loop", "recursion"]


#: Values in the message of an exception, or what makes them where it is raised.
Payload = Sequence[Value] | Callable[[], Sequence[Value]]


class TraceBuilder(Builder):
    """A builder that notes which values are literals, for all frames of one trace."""

    def __init__(self, name: str, literals: dict[Value, Constant], loc: Loc | None = None) -> None:
        super().__init__(name, loc)
        self.literals = literals

    def const(self, value: Any, dtype: DTypeLike | None = None) -> Value:
        constant = Constant(value, None if dtype is None else dtype_of(dtype))
        made = super().const(constant.array, constant.array.dtype)
        self.literals[made] = constant
        return made

    def swap(self, other: TraceBuilder) -> None:
        """Exchange what two builders have made; code that holds on to one goes on in the other."""
        self.name, other.name = other.name, self.name
        self.params, other.params = other.params, self.params
        self.instrs, other.instrs = other.instrs, self.instrs
        self._constants, other._constants = other._constants, self._constants


@dataclass(eq=False)
class Frame:
    """A region being traced."""

    kind: FrameKind
    builder: TraceBuilder
    depth: int
    touched: dict[Cell, Value] = field(default_factory=dict)
    placeholders: dict[Cell, Value] = field(default_factory=dict)
    checked: dict[Any, Any] = field(default_factory=dict)
    containers: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    own: set[Value] = field(default_factory=set)
    #: Objects made here that may change, by identity.
    made: dict[int, Any] = field(default_factory=dict)
    #: Where keys are in tables, by the slots and the parts of the key.
    found: dict[tuple[Value, ...], Any] = field(default_factory=dict)
    #: The key of a loop that can be unrolled.
    unroll: Any = None
    attributes: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    """Of each object that was there at the start, its attributes, and what they were then."""


RestartKind: TypeAlias = Literal[
    "unroll", "rolled", "exact", "recursion", "in line", "lists", "buffer", "shared"
]


#: Every list that is an item is one by reference (``values.list_heaps``).
EVERY_LIST: tuple[str, RestartKind] = ("every list", "lists")


class Restart(BaseException):
    """The trace must begin again, with what is at ``key`` done otherwise:

    - ``unroll``: the loop unrolled; ``rolled``: as one, since unrolled it is too much code, or
      its test is decided at run time.
    - ``exact``: the loop exact about storage.
    - ``lists``: lists that names of the loop are bound to as ones that others share, or what
      ``key`` says of lists that are items (see ``values.list_heaps``).
    - ``buffer``: lists that are gone through there as buffers.
    - ``recursion``: the calls of that code as a recursion of the run; ``in line``: in line,
      whatever they are.

    ``also``: what is certain to be asked for then.
    """

    def __init__(
        self,
        key: Any,
        how: RestartKind,
        reason: str,
        also: Iterable[tuple[Any, RestartKind]] = (),
    ) -> None:
        super().__init__(reason)
        self.key = (key, how)
        self.also = frozenset(also)


class SharedResults(Restart):
    """A loop must be exact about storage for the results' sake: they may be, or be views of, one
    array."""


class Catching(Protocol):
    """A ``try`` under way (see ``control.try_regions``)."""

    @property
    def keeps(self) -> bool:
        """Whether a handler uses the exception itself."""

    def kinds(self) -> tuple[type, ...]:
        """What its handlers match."""

    def described(self) -> tuple[tuple[tuple[type, ...], bool], ...]:
        """What each handler matches, and whether it uses the exception itself."""

    def catches(self, kind: type[BaseException]) -> bool:
        """Whether it, or one around it, catches such an exception."""

    def takes(
        self, ok: Value, exc: type[BaseException] | str, message: str, payload: Payload
    ) -> bool:
        """Take a check over, if what it raises is caught; whether it is."""

    def split_at(
        self, ok: Value, kind: type[BaseException], error: Callable[[], BaseException]
    ) -> bool:
        """As ``takes``, of an exception that ``error`` makes."""
