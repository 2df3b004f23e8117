"""When a compiled version is valid: guards on values, and relations between objects.

A guard is a way to fetch a value again and what it was; a version is valid while all guards hold.
Arrays are not guarded but passed (see ``captured_arrays``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.ir.arguments import number_arg
from tracejit.records import dataclass
from tracejit.trace.guards.guard_equality import same_value
from tracejit.trace.guards.paths import Path, as_path

Getter = Callable[[], Any]
_OTHER = object()


@dataclass(frozen=True)
class Guard:
    """``getter()`` must still give ``expected``: the same object, or an equal value and type.

    ``kind``: the class that the object must still be of, which a program may set.
    """

    getter: Getter
    expected: Any
    by_value: bool
    name: str
    kind: type | None = None

    @property
    def source(self) -> Path:
        """What gives the very object ``expected`` as long as the guard holds."""
        path = as_path(self.getter)
        made_anew = self.by_value and path() is not self.expected
        return path.then(self.kept) if made_anew else path

    @property
    def changed_number(self) -> bool:
        """Whether this is about a number, and another one of its type is there now."""
        if number_arg(self.expected) is None or not self.by_value:
            return False
        try:
            found = self.getter()
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False
        return found is not self.expected and type(found) is type(self.expected)

    def holds(self) -> bool:
        try:
            return self.now() is self.expected and self.is_of_its_class
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False

    @property
    def is_of_its_class(self) -> bool:
        """Whether nobody has given the object another class."""
        return self.kind is None or type(self.expected) is self.kind

    def now(self) -> Any:
        """What is there; the very object ``expected`` where it is equal to that."""
        return self.kept(self.getter())

    def kept(self, found: Any) -> Any:
        """``found``, or the very object ``expected`` where it is equal to that."""
        if found is self.expected or not self.by_value:
            return found
        return self.expected if same_value(found, self.expected) else _OTHER


@dataclass(frozen=True)
class Relation:
    """Two paths lead to the same object, or to different ones."""

    first: Path
    second: Path
    same: bool

    def holds(self) -> bool:
        try:
            return (self.first() is self.second()) is self.same
        except (NameError, AttributeError, LookupError, TypeError, ValueError):
            return False
