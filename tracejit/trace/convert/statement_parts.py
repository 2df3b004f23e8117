"""What converted code tells the operators of a statement: its variables, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CellType
from typing import Any, Final, Literal

from tracejit.records import dataclass

Thunk = Callable[[], Any]


GetState = Callable[[], tuple[Any, ...]]


SetState = Callable[[tuple[Any, ...]], None]


ExceptPart = tuple[Thunk | None, Callable[[BaseException], None], bool]


#: For one item of a generator: the test of its `if` (None without), and its expression.
Turn = tuple[Thunk | None, Thunk]


#: The turns of some items.
Turns = Callable[[Iterable[Any]], Iterator[Turn]]


#: Of a generator: whether it has an `if`, and whether calls in it see the numbers of its items.
Traits = tuple[bool, bool]


VarKind = Literal["local", "nonlocal", "global", "flag", "return_value"]


class _Undefined:
    """The state of a variable that is not bound."""

    _instance: _Undefined | None = None

    def __new__(cls) -> _Undefined:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = _Undefined()


@dataclass(frozen=True)
class VarInfo:
    """A variable that a statement may write.

    `live_in`: the statement may read the value from before it. `live_out`: code after the statement
    may read it. `kind`: "flag" is a generated bool (`break`, `continue`, `return` happened);
    "return_value" is meaningful only where the return flag is set; "nonlocal" and "global" are
    variables declared so by the user, always live.
    """

    name: str
    live_in: bool
    live_out: bool
    kind: VarKind = "local"

    @property
    def shown(self) -> str:
        """The name in messages."""
        return "what is returned" if self.kind == "return_value" else self.name

    @property
    def read_first(self) -> bool:
        return self.live_in


@dataclass(frozen=True)
class Site:
    """Where a statement stands in the user's file."""

    filename: str
    line: int
    segment: str
    function: str
    column: int = 0
    """Where in the line it begins: several comprehensions may stand in one."""

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Names a loop for the traces of the function, one after another."""
        return self.filename, self.line, self.segment, self.column

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}: {self.segment}"


@dataclass(frozen=True)
class Env:
    """What one converted function closes over: its real globals and closure cells, and its tables.

    `globals` and `cells` are the live originals, so a tracer can guard on what it read.
    """

    globals: dict[str, Any]
    cells: Mapping[str, CellType]
    sites: tuple[Site, ...]
    names: tuple[tuple[VarInfo, ...], ...]
