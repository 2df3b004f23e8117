"""Where a value outside of the trace is found again in each call.

A path begins at something that gives a value by itself (a global, a variable of an enclosing
function) or at an object that is an argument, and goes on through attributes and items.
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import local
from types import CellType
from typing import Any, NoReturn

from tracejit.records import dataclass

_bound = local()


@contextmanager
def bound(leaves: Sequence[Any]) -> Iterator[None]:
    """While a call is prepared: what paths begin at that start at an argument."""
    before = getattr(_bound, "leaves", ())
    _bound.leaves = leaves
    try:
        yield
    finally:
        _bound.leaves = before


@dataclass(frozen=True)
class ArgumentLeaf:
    """The object that is argument leaf ``number``, which lies at ``where`` in (args, kwargs)."""

    number: int
    where: tuple[Any, ...]

    def __call__(self) -> Any:
        return _bound.leaves[self.number]


@dataclass(frozen=True, eq=False)
class GlobalVariable:
    """Where a function finds a global variable, or else something built in."""

    namespace: dict[str, Any]
    name: str

    def __call__(self) -> Any:
        if self.name in self.namespace:
            return self.namespace[self.name]
        return getattr(builtins, self.name)


@dataclass(frozen=True, eq=False)
class ImportedModule:
    """The module that an import in a function finds; it imports it where nobody has yet."""

    name: str

    def __call__(self) -> Any:
        return sys.modules.get(self.name) or import_module(self.name)


@dataclass(frozen=True, eq=False)
class EnclosingVariable:
    """Where a function finds a variable of one around it."""

    cell: CellType

    def __call__(self) -> Any:
        return self.cell.cell_contents


@dataclass(frozen=True)
class PlainAttribute:
    """The step to an attribute of an object whose class has a ``__getattribute__`` of its own."""

    name: str

    def __call__(self, obj: Any) -> Any:
        return object.__getattribute__(obj, self.name)


@dataclass(frozen=True)
class Path:
    """``start()``, and ``steps`` from there."""

    start: Callable[[], Any]
    steps: tuple[Callable[[Any], Any], ...] = ()

    def __call__(self) -> Any:
        return self.of(self.start())

    def of(self, found: Any) -> Any:
        """What is at the end of the path that begins with ``found``."""
        for step in self.steps:
            found = step(found)
        return found

    @property
    def leaf(self) -> ArgumentLeaf | None:
        """The argument at which it begins, if it does at one."""
        return self.start if isinstance(self.start, ArgumentLeaf) else None

    @property
    def is_variable(self) -> bool:
        """Whether it is a variable, which can be bound to something else."""
        return isinstance(self.start, GlobalVariable | EnclosingVariable) and not self.steps

    def then(self, step: Callable[[Any], Any]) -> Path:
        """One step further."""
        return Path(self.start, (*self.steps, step))

    def attribute(self, name: str, *, plain: bool = False) -> Path:
        """To an attribute; ``plain``: as ``object`` finds it, whatever the class says."""
        return self.then(PlainAttribute(name) if plain else operator.attrgetter(name))

    def item(self, key: Any) -> Path:
        """To an item of a container."""
        return self.then(operator.itemgetter(key))


class NeedsIdentity(BaseException):
    """The code depends on which object of class ``kind`` an argument is."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind.__name__)
        self.kind = kind


def need_identity(path: Path) -> NoReturn:
    """The trace is for the very argument at which a path begins."""
    assert path.leaf is not None
    raise NeedsIdentity(type(path.leaf()))


def as_path(getter: Callable[[], Any]) -> Path:
    """A path from whatever gives a value."""
    return getter if isinstance(getter, Path) else Path(getter)
