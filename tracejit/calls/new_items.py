"""New items for the caller's containers: what is left to do after a core has run, in Python and as
a native row."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Sequence
from itertools import compress, count
from operator import and_, eq, not_, truth
from typing import Any, TypeAlias

import numpy as np

from tracejit import trees
from tracejit.abi import Unflatten
from tracejit.ir.results import FIELDS, Lent
from tracejit.records import dataclass
from tracejit.trace.session.plain import put_attribute

#: The keys of a change of a dict where the run decides them.
_UNTOLD = (trees.Entries,)


@dataclass(frozen=True)
class Pending:
    """What native code returned, before the caller's containers and attributes are changed."""

    finish: Callable[[Any, Any], Any]
    raw: Any


@dataclass(frozen=True)
class GivenBack:
    """A container of the caller's, by its path in (args, kwargs)."""

    path: tuple[Any, ...]


@dataclass(frozen=True)
class ReturnedTuple:
    """A tuple of what is returned."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class ReturnedChoice:
    """One of two things that are returned, by a part that is a bool."""

    flag: int
    then: Any
    other: Any


@dataclass(frozen=True)
class NewItems:
    """A container of the caller's gets the items of a part; or each of the lists in it that are
    ``lent`` does.
    ``others_stay``: a dict keeps what it has under other keys."""

    path: tuple[Any, ...]
    lent: Lent | None = None
    others_stay: bool = False


@dataclass(frozen=True)
class NewAttribute:
    """A part is the attribute ``name`` of the argument of this number, an object of the program's
    that lies at ``path``; of what is found from there by the attributes ``steps``; or of ``owner``,
    which finds an object outside."""

    path: tuple[Any, ...]
    number: int
    name: str
    owner: Callable[[], Any] | None = None
    steps: tuple[str, ...] = ()


#: What is returned: the number of a part, or what is above.
Returned: TypeAlias = int | GivenBack | ReturnedTuple | ReturnedChoice


@dataclass(frozen=True, eq=False)
class ItemsBuilder:
    """Changes of the caller's lists, dicts, deques and objects where native code makes what is new,
    and what is returned.

    ``changes``: what is done with the parts of the same numbers. Native code does the same where it
    knows the containers (``python_entry/changing.py``).
    """

    changes: tuple[NewItems | NewAttribute, ...]
    result: Returned

    def __call__(self, parts: tuple[Any, ...]) -> Any:
        return Pending(self.apply, parts)

    def apply(self, call: tuple[Any, Any], parts: tuple[Any, ...]) -> Any:
        """Change them; then the result."""

        def made(x: Returned) -> Any:
            if isinstance(x, ReturnedTuple):
                return tuple(map(made, x.items))
            if isinstance(x, ReturnedChoice):
                return made(x.then if parts[x.flag] else x.other)
            return container_at(call, x.path) if isinstance(x, GivenBack) else parts[x]

        targets = [_target(call, change) for change in self.changes]
        result = made(self.result)
        for target, change, items in zip(targets, self.changes, parts, strict=False):
            if isinstance(change, NewAttribute):
                put_attribute(target, change.name, items)
            elif change.lent is not None:
                for x, held in zip(lent_lists(target, change.lent), items, strict=True):
                    refill(x, held)
            elif isinstance(target, dict):
                fill(target, tuple(items), items.values(), others_stay=change.others_stay)
            else:
                fill(target, None, items)
        return result


def _target(call: Any, change: NewItems | NewAttribute) -> Any:
    """What is changed."""
    if isinstance(change, NewItems):
        return container_at(call, change.path)
    if change.owner is not None:
        return change.owner()
    return functools.reduce(getattr, change.steps, container_at(call, change.path))


def changing(entry: Any, call: Any, changeable: Sequence[Any]) -> Any:
    """A row that changes the caller's containers natively, where an entry leaves only that to do;
    else None. ``call``: (args, kwargs) of some call; ``changeable``: what it has that can be
    changed, in the order in which native code notes it."""
    from tracejit.python_entry.changing import Changing, ListChanges

    spec = getattr(entry, "of", entry)
    structure = getattr(getattr(spec, "signature", None), "structure", None)
    build = structure.build if isinstance(structure, Unflatten) else None
    if not isinstance(build, ItemsBuilder) or spec.unbuilt is None:
        return None
    try:
        changes = [_change(change, call, changeable) for change in build.changes]
        words = _words(build.result, lambda path: _number(call, path, changeable))
    except _Unknown:
        return None
    return Changing(
        spec.unbuilt, spec.portable, ListChanges(tuple(changes), tuple(words), len(changeable))
    )


def _change(change: NewItems | NewAttribute, call: Any, changeable: Sequence[Any]) -> Any:
    """What ``ListChanges`` has of a change."""
    from tracejit.python_entry.changing import DICT, ENTRIES, INSIDE, LIST, RECORD, AttributeSet

    if isinstance(change, NewAttribute):
        owner = None if change.owner is None else change.owner()
        return AttributeSet(change.number, change.name, owner, change.steps)
    if change.path[-1] is FIELDS:
        if not change.others_stay:
            raise _Unknown
        return RECORD, _number(call, change.path[:-1], changeable), 0
    place = _number(call, change.path, changeable)
    container = changeable[place]
    kind = LIST if type(container) is not dict else ENTRIES if change.others_stay else DICT
    if change.lent is not None and kind != LIST:
        raise _Unknown
    before = container.array + 1 if isinstance(container, trees.Numbers) else 0
    return kind if change.lent is None else INSIDE, place, before


def _words(x: Returned, number: Callable[[tuple[Any, ...]], int], at: int = 0) -> list[int]:
    """What is returned in words, from word ``at`` on, as ``changing_text`` reads them."""
    if isinstance(x, int):
        return [0, x]
    if isinstance(x, GivenBack):
        return [1, number(x.path)]
    inner = x.items if isinstance(x, ReturnedTuple) else (x.then, x.other)
    found = [2, len(inner)] if isinstance(x, ReturnedTuple) else [3, x.flag]
    places = len(found)
    found += [0] * len(inner)
    for k, item in enumerate(inner):
        found[places + k] = at + len(found)
        found += _words(item, number, at + len(found))
    return found


class _Unknown(Exception):  # noqa: N818  (Python changes it)
    """Native code does not note a container."""


def _number(call: Any, path: tuple[Any, ...], changeable: Sequence[Any]) -> int:
    """Which one of these containers lies at a path."""
    try:
        target = container_at(call, path)
    except (LookupError, TypeError):
        raise _Unknown from None
    for k, x in enumerate(changeable):
        if x is target:
            return k
    raise _Unknown


def fill(
    target: Any, keys: tuple[Any, ...] | None, items: Any, *, others_stay: bool = False
) -> None:
    """Give a list, dict or deque of the caller these items; ``others_stay``: besides those that it
    has under other keys."""
    if isinstance(items, np.ndarray):
        items = items.tolist()
    if isinstance(target, dict):
        if not others_stay:
            target.clear()
        told = items[0] if keys == _UNTOLD else zip(keys or (), items, strict=True)
        # One by one: a Counter's update would add to what is there.
        for key, value in told.items() if isinstance(told, dict) else told:
            target[key] = value
    elif isinstance(target, deque):
        target.clear()
        target.extend(items)
    else:
        refill(target, items)


def refill(target: list[Any], items: Sequence[Any]) -> None:
    """Give a list these items. One that stays what it was stays the same object."""
    had = len(target)
    kinds = set(map(type, target))
    if kinds in ({int}, {float}) and kinds.issuperset(map(type, items)):
        # What differs, and zeros, which may have another sign: few of many.
        kept = map(and_, map(eq, target, items), map(truth, items))
        places = list(compress(count(), map(not_, kept)))
    else:
        places = list(range(min(had, len(items))))
    for k in places:
        if not _is_as_good(target[k], items[k]):
            target[k] = items[k]
    del target[len(items) : had]
    target.extend(items[had:])


def _is_as_good(old: Any, new: Any) -> bool:
    """Whether an item need not be replaced by another object."""
    if old is new:
        return True
    if type(old) is not type(new) or type(old) not in (int, float, complex):
        return False
    if old != new and type(old) is not complex:
        return bool(old != old and new != new)
    return type(old) is int or repr(old) == repr(new)


def lent_lists(container: Any, lent: Lent) -> list[list[Any]]:
    """The lists of a container of the caller's that are lent."""
    found: list[Any] = [container.values() if isinstance(container, dict) else container]
    for but in lent.but:
        found = list({id(x): x for row in found for x in row}.values())
        found = [x for k, x in enumerate(found) if k not in but] if but else found
    return found


def container_at(call: tuple[Any, Any], path: Sequence[Any]) -> Any:
    """The container of the caller that lies at a path in the arguments."""
    target: Any = call
    for key in path:
        target = vars(target) if key is FIELDS else target[key]
    return target
