"""Dicts and sets that hold one thing while they are traced, which stands for all their entries.

A dict holds it under the key ``Entries``, a set as its one item; ``tables`` says what it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import where
from tracejit.trace.session.tracer import Tracer
from tracejit.trees import Entries, children, is_record


def refuse(what: str) -> NoReturn:
    """Something cannot be done with a dict of which the run decides the keys."""
    raise UnsupportedError(
        f"{where()}: {what} of a dict or set whose keys are known at run time only: use its keys, "
        "values or items as a list (list(d.items())), or loop over it"
    )


class AllEntries(Tracer):
    """What stands for all entries. Whatever Python asks of it is refused, as it would take it for
    the one thing that the dict or set holds."""

    __slots__ = ()

    def __hash__(self) -> int:
        """A set holds it as its item; one of all, so that sets which meet ask whether theirs are
        equal."""
        return hash(AllEntries)

    def _refused(self, *_: Any) -> NoReturn:
        refuse("this operation")

    __bool__ = __iter__ = __len__ = __contains__ = __getitem__ = _refused
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __repr__ = __str__ = read = _refused

    def __format__(self, spec: str) -> str:
        refuse("this operation")


class OfEntries:
    """The base of the keys, values or items of a dict that holds entries."""


def is_table(x: Any) -> bool:
    """Whether ``x`` is a dict or set of which the run decides the keys."""
    if isinstance(x, dict):
        return Entries in x
    return isinstance(x, set) and len(x) == 1 and isinstance(next(iter(x)), AllEntries)


def is_view(x: Any) -> bool:
    """Whether ``x`` is such a dict or set, or the keys, values or items of one."""
    return isinstance(x, OfEntries) or is_table(x)


def holds_view(*roots: Any) -> bool:
    """Whether one of them is one, or holds one at any depth."""
    return holds(is_view, *roots)


def holds(asked: Callable[[Any], bool], *roots: Any) -> bool:
    """Whether something is true of one of them, or of what one holds at any depth."""
    pending, seen = list(roots), set()
    while pending:
        x = pending.pop()
        if asked(x):
            return True
        parts = _parts(x)
        if parts and id(x) not in seen:
            seen.add(id(x))
            pending += parts
    return False


def _parts(x: Any) -> list[Any]:
    """What a container, record or object holds."""
    if isinstance(x, dict):
        return list(x.values())
    if isinstance(x, list | tuple | deque):
        return list(x)
    if is_record(x):
        return list(children(x).values())
    held = getattr(x, "__dict__", None) if type(type(x)) is type and not callable(x) else None
    return list(held.values()) if type(held) is dict else []


def must_hold_none(what: str, *given: Any) -> None:
    """UnsupportedError where Python would look into what stands for all entries."""
    if holds_view(*given):
        refuse(what)


def table_in(contents: Any) -> Any:
    """What stands for the entries of such a dict or set."""
    if isinstance(contents, dict):
        return dict.__getitem__(contents, Entries)
    return next(iter(contents))


def put_table(x: Any, table: AllEntries) -> None:
    """Other entries for a dict or set (which a loop or branch under way must know to change)."""
    x.clear()
    if isinstance(x, set):
        x.add(table)
    else:
        x[Entries] = table
