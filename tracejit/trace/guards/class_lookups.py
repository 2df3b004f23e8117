"""What Python looks up in the classes of objects, found or absent: each is a guard of a trace."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType, UnionType
from typing import TYPE_CHECKING, Any

from tracejit.trace.guards.changes import Changes
from tracejit.trace.guards.conditions import (
    Dispatched,
    HasJust,
    HasOwnAttribute,
    IsInstance,
    IsSubclass,
    Known,
    MemberOf,
)
from tracejit.trace.guards.guards import Getter, Guard
from tracejit.trace.guards.paths import Path, as_path
from tracejit.trace.session.plain import (
    Missing,
    class_attribute,
    goes_before,
    is_of_library,
    module_of,
)

if TYPE_CHECKING:
    from tracejit.trace.session.session import Session


class ClassLookups(Changes):
    """Guards on classes of the program's."""

    def __init__(self, session: Session, args: Any, static: Sequence[Any]) -> None:
        super().__init__(session, args, static)
        self.guards: list[Guard] = []
        self._guarded: set[tuple[int, str, int]] = set()
        self._owners: list[Any] = []  # alive, so that their ids stay theirs

    def member(self, cls: type, name: str) -> None:
        """A method or property that a class of the program's has under a name, or that it has
        none."""
        found = class_attribute(cls, name, Missing.ABSENT)
        place = (id(cls), name, id(found))
        if place in self._guarded or is_ours(cls):
            return
        self._guarded.add(place)
        self._owners += [cls, found]
        self.guards.append(Guard(Path(MemberOf(cls, name)), found, False, f"{cls.__name__}.{name}"))

    def answers(self, kind: type, kinds: Any, obj: Any = None) -> None:
        """What ``issubclass`` says of a class and of others, or ``isinstance`` of an object of it;
        programs can decide it for those, or register with them."""
        if isinstance(kinds, UnionType):
            kinds = kinds.__args__
        for one in kinds if isinstance(kinds, tuple) else (kinds,):
            if isinstance(one, tuple | UnionType):
                self.answers(kind, one, obj)
                continue
            for name in ("__instancecheck__", "__subclasscheck__"):
                self.member(type(one), name)
            if isinstance(one, ABCMeta) and not (is_ours(one) and is_ours(kind)):
                asks: Path = Path(IsSubclass(kind, one))
                if obj is not None and getattr(one, "_is_protocol", False):
                    asks = as_path(self.way_to(obj)).then(IsInstance(one))
                title = f"whether {kind.__name__} is of {one.__name__}"
                self.guards.append(Guard(asks, asks(), True, title))

    def dispatched(self, dispatch: Callable[[type], Any], kind: type) -> Any:
        """The function that ``singledispatch`` has for a class."""
        asks = Dispatched(dispatch, kind)
        found = asks()
        self.guards.append(Guard(asks, found, False, f"the function for {kind.__name__}"))
        return found

    def own_first(self, obj: Any, name: str) -> None:
        """An attribute is the object's own, which its class may come to go before."""
        cls = type(obj)
        found = class_attribute(cls, name, Missing.ABSENT)
        if found is Missing.ABSENT or goes_before(found):
            self.member(cls, name)
        elif not is_ours(cls) and (place := (id(cls), name, id(type(found)))) not in self._guarded:
            # a default, which may be another one
            self._guarded.add(place)
            self._owners += [cls, type(found)]
            kind, title = Path(MemberOf(cls, name)).then(type), f"{cls.__name__}.{name}"
            self.guards.append(Guard(kind, type(found), False, f"the class of {title}"))

    def not_its_own(self, obj: Any, name: str) -> None:
        """What the class has under a name is found in an object from outside: it must not get an
        attribute of its own that goes before that."""
        if self.is_outside(obj) and hasattr(obj, "__dict__") and not isinstance(obj, type):
            path, title = self._getters[id(obj)][1:]
            shadowed = path.then(HasOwnAttribute(name))
            self._absent(shadowed, f"{title}.{name} of the object itself", obj)

    def just_these(self, obj: Any, names: Iterable[str]) -> None:
        """All attributes of an object from outside are read."""
        path, title = self._getters[id(obj)][1:]
        place = (id(obj), "attributes", id(None))
        if place not in self._guarded:
            self._guarded.add(place)
            self._owners.append(obj)
            just = HasJust(frozenset(names))
            self.guards.append(Guard(path.then(just), True, True, f"the attributes of {title}"))

    def _absent(self, is_there: Callable[[], bool], name: str, owner: Any) -> None:
        place = (id(owner), name, id(None))
        if place not in self._guarded:
            self._guarded.add(place)
            self._owners.append(owner)
            self.guards.append(Guard(is_there, False, True, name))

    def way_to(self, obj: Any) -> Getter:
        """What gives an object that was found outside, or came up in a container."""
        return self._getters[id(obj)][1] if self.is_outside(obj) else Known(obj)


def is_ours(x: FunctionType | type) -> bool:
    """Whether a function or class is not the program's."""
    return is_of_library(module_of(x))
