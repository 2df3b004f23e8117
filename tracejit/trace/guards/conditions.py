"""What a guard asks of what it finds: steps at the end of a path.

These are classes, not closures, so that a version with its guards can be stored.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, Literal

from tracejit.records import dataclass
from tracejit.trace.guards.guard_equality import kinds, same_contents
from tracejit.trace.session.plain import Missing, class_attribute, held_attributes, plain_attribute
from tracejit.trace.values.exporters import frozen


@dataclass(frozen=True, eq=False)
class Known:
    """An object that the caller has anyhow: a static argument, the function itself."""

    value: Any

    def __call__(self) -> Any:
        return self.value


@dataclass(frozen=True, eq=False)
class FunctionField:
    """The code or the defaults of a function, which tools that reload modules replace."""

    function: FunctionType
    field: Literal["Code", "Defaults", "KwDefaults"]

    def __call__(self) -> Any:
        return getattr(self.function, f"__{self.field.lower()}__")


@dataclass(frozen=True, eq=False)
class MemberOf:
    """What a class or the first of its bases that has it holds under a name, or ``ABSENT``."""

    cls: type
    name: str

    def __call__(self) -> Any:
        return class_attribute(self.cls, self.name, Missing.ABSENT)


@dataclass(frozen=True, eq=False)
class Environment:
    """All of ``os.environ``."""

    def __call__(self) -> dict[str, str]:
        return dict(os.environ)


@dataclass(frozen=True, eq=False)
class IsDefined:
    """Whether there is a global variable, or something built in, of this name."""

    name: str
    namespace: dict[str, Any]

    def __call__(self) -> bool:
        return self.name in self.namespace or hasattr(builtins, self.name)


@dataclass(frozen=True, eq=False)
class IsBound:
    """Whether a variable of an enclosing function has a value."""

    cell: CellType

    def __call__(self) -> bool:
        try:
            self.cell.cell_contents  # noqa: B018  (raises where there is nothing)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, eq=False)
class HasAttribute:
    """Whether an object has an attribute, whatever the program's ``__getattr__`` would say."""

    name: str

    def __call__(self, x: Any) -> bool:
        try:
            plain_attribute(x, self.name)
        except AttributeError:
            return False
        return True


@dataclass(frozen=True, eq=False)
class HasOwnAttribute:
    """Whether an attribute is the object's own, not that of its class."""

    name: str

    def __call__(self, x: Any) -> bool:
        return self.name in vars(x)


@dataclass(frozen=True, eq=False)
class HasJust:
    """Whether an object has attributes of these names, and no others."""

    names: frozenset[str]

    def __call__(self, x: Any) -> bool:
        return self.names == held_attributes(x).keys()


@dataclass(frozen=True, eq=False)
class IsSubclass:
    """What Python says of a class and others, which programs can register with some of those."""

    kind: type
    kinds: Any

    def __call__(self) -> bool:
        return issubclass(self.kind, self.kinds)


@dataclass(frozen=True, eq=False)
class IsInstance:
    """What Python says of an object and a protocol."""

    kind: type

    def __call__(self, x: Any) -> bool:
        return isinstance(x, self.kind)


@dataclass(frozen=True, eq=False)
class Dispatched:
    """What ``singledispatch`` has for a class."""

    dispatch: Callable[[type], Any]
    kind: type

    def __call__(self) -> Any:
        return self.dispatch(self.kind)


@dataclass(frozen=True, eq=False)
class HasItem:
    """Whether a container has this key or index."""

    key: Any

    def __call__(self, container: Any) -> bool:
        try:
            container[self.key]
        except (LookupError, TypeError):
            return False
        return True


@dataclass(frozen=True, eq=False)
class SameContents:
    """``held`` where a container holds the same things, None elsewhere."""

    held: Any

    def __call__(self, now: Any) -> Any:
        return self.held if same_contents(self.held, now) else None


@dataclass(frozen=True, eq=False)
class SameKinds:
    """``held`` where a container holds things of the same kinds, None elsewhere."""

    held: Any
    numbers: bool

    def __call__(self, now: Any) -> Any:
        return self.held if kinds(now, numbers=self.numbers) == self.held else None


@dataclass(frozen=True, eq=False)
class SameElements:
    """Whether an array or polynomial has the elements it had."""

    held: Any

    def __call__(self, now: Any) -> bool:
        return bool(frozen(now) == self.held)


@dataclass(frozen=True, eq=False)
class StateRead:
    """What a function of the process's state says now."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self) -> Any:
        return self.function(*self.args, **self.kwargs)
