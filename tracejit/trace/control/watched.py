"""What code that is not compiled changes while a branch or loop is traced.

Such code (methods of a set or deque, ``heapq``, a library's Python) runs while tracing, once. What
it can reach is looked at before and after it ran: changes of lists, dicts, sets and deques that
were there before the branch or loop are carried by it like the program's own; any other is refused,
and so is a change of an object from outside. Why so:
docs/decisions/0010-what-tracing-may-change.md.
"""

from __future__ import annotations

import array
import builtins
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NoReturn

from tracejit.errors import UnsupportedError, asks
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.plain import is_plain_module, own_attributes
from tracejit.trace.session.session import Session, current, where
from tracejit.trace.values import containers
from tracejit.trace.values.dunder_methods import method_of
from tracejit.trace.values.entries import is_view, must_hold_none, refuse
from tracejit.trace.values.reach import Held, is_iterator, is_stateful, reached

#: What does not take items of an iterator that it is given.
_HOLDING: set[Any] = {builtins.isinstance, builtins.type, builtins.id, builtins.callable}
_HOLDING |= {builtins.getattr, builtins.hasattr, builtins.iter, builtins.bool}
_HOLDING_METHODS = ("append", "insert", "setdefault", "add", "get")

_INSTEAD: dict[type, str] = {
    bytearray: "write into an np.uint8 array",
    array.array: "write into a NumPy array",
}


def check_call(session: Session, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A call may take items of iterators that were there before, unless it is known not to."""
    owner = getattr(f, "__self__", None)
    given = [x for x in (owner, *args, *kwargs.values()) if is_iterator(x)]
    if not given or isinstance(f, FunctionType | MethodType | partial) or _holds(f):
        return
    for x in given:
        must_not_advance(session, x)


def _holds(f: Any) -> bool:
    if isinstance(f, type):
        return not is_plain_module(f.__module__)
    return getattr(f, "__name__", "") in _HOLDING_METHODS or any(f is g for g in _HOLDING)


def must_not_advance(session: Session, x: Any) -> None:
    """An item is about to be taken from ``x``: not from an iterator that was there before."""
    if not is_iterator(x) or method_of(x, "__next__") is not None:
        return
    kind = type(x).__name__
    if len(session.frames) > 1 and not containers.is_made_here(session, x):
        _unroll_or_refuse(
            session,
            x,
            f"{where()}: a {kind} that was there before a loop or branch that is decided at run "
            "time would be advanced in it once, when compiling; index a list or an array, or use "
            "the loop's own counter",
        )


def _unroll_or_refuse(session: Session, obj: Any, reason: str) -> NoReturn:
    if id(obj) in session.followable:
        raise Restart(session.followable[id(obj)][1], "unroll", reason)
    session.unroll_or_refuse(session.frames[containers.made_at(session, obj) + 1 :], reason)


@asks(Exception)
def as_is(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call what is not compiled."""
    owner = getattr(f, "__self__", None)
    _must_see_no_entries(f, owner, args, kwargs)
    if _changes_nothing_else(f, owner):
        return f(*args, **kwargs)
    name = f"{getattr(f, '__name__', type(f).__name__)}()"
    with watching(name, owner, *args, f, *kwargs.values()):
        return f(*args, **kwargs)


#: Methods of lists, dicts and deques that do not look into what is there, or what they are given.
_KEEPING = (
    *("append", "appendleft", "insert", "extend", "extendleft", "setdefault", "update", "get"),
    *("pop", "popleft", "popitem", "clear", "copy", "reverse", "rotate", "keys", "values"),
    *("items", "__getitem__", "__setitem__", "__len__"),
)
#: Classes that keep the items of what they are given.
_OF_ITEMS: tuple[Any, ...] = (list, tuple, dict, deque, OrderedDict, defaultdict)


def _must_see_no_entries(f: Any, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """UnsupportedError where what is not compiled could take what stands for the entries of a dict
    or set (``values/entries``) for the one thing that it holds."""
    if any(f is g for g in _HOLDING):
        return
    name = getattr(f, "__name__", type(f).__name__)
    given = (*args, *kwargs.values())
    if isinstance(owner, list | dict | deque) and name in _KEEPING:
        shallow = given if name in ("extend", "extendleft", "update") else ()
    elif any(f is g for g in _OF_ITEMS):
        shallow = args
    else:
        inside = owner if isinstance(owner, list | dict | deque | tuple | set) else None
        must_hold_none(f"{name}()", inside, *given)
        return
    if any(map(is_view, shallow)):
        refuse(f"{name}()")


def _changes_nothing_else(f: Any, owner: Any) -> bool:
    """Whether a call changes at most the list or dict that it is a method of, which is known."""
    if isinstance(f, type):
        return f.__module__ == "builtins"
    return type(owner) in (list, dict) and isinstance(f, BuiltinFunctionType)


@contextmanager
def watching(name: str, *roots: Any) -> Iterator[None]:
    """What runs inside can reach ``roots``: its changes are carried or refused."""
    session = current()
    if not any(map(is_stateful, roots)):
        yield
        return
    held = reached(roots, _asked_for(session))
    try:
        yield
    finally:
        refused = [one.obj for one in held if not _settled(session, one)]
        if refused:
            _refuse(session, name, refused[0])


def _asked_for(session: Session) -> Callable[[Any, bool | None], bool | None]:
    """Which objects must not just change: those from outside, and those that may be another; in a
    branch or loop, those that were not made in it."""
    outside = session.outside

    def at_root(x: Any, inherited: bool | None) -> bool | None:
        unknown = outside.is_outside(x) or containers.is_unsure(session, x)
        return True if inherited or unknown else None

    def in_region(x: Any, inherited: bool | None) -> bool:
        if containers.is_made_here(session, x):
            return containers.is_unsure(session, x)
        return inherited is not False or containers.is_made(session, x) or outside.is_outside(x)

    return in_region if len(session.frames) > 1 else at_root


def _settled(session: Session, held: Held) -> bool:
    """What a call made of an object that was there before is carried by the branch or loop; False
    where it cannot be, and the object is as it was."""
    obj = held.obj
    carried = len(session.frames) > 1 and not session.outside.is_outside(obj)
    if held.has_new_contents:
        if not carried and not containers.is_unsure(session, obj):
            held.put_back()
            return False
        containers.must_be_known(session, obj)
        if carried:
            containers.touch(session, obj, held.contents)
    changed = held.changed_attributes()
    if held.has_new_state or (changed and not (carried and _in_dict(obj, changed))):
        held.put_back()
        return False
    if changed:
        containers.touch_attributes(session, obj, changed[0], held.attributes)
    return True


def _in_dict(obj: Any, names: Sequence[str]) -> bool:
    held = own_attributes(obj)
    return all(name in held for name in names)


def _refuse(session: Session, name: str, obj: Any) -> NoReturn:
    kind = type(obj).__name__
    kind = f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
    if len(session.frames) > 1 and not session.outside.is_outside(obj):
        instead = _INSTEAD.get(type(obj), "change a list, a dict or an array, or do it outside")
        reason = (
            f"{where()}: {name} changes {kind} that was there before a loop or branch that is "
            f"decided at run time, which would happen once, when compiling; {instead}"
        )
        _unroll_or_refuse(session, obj, reason)
    if isinstance(obj, list | dict):
        raise UnsupportedError(
            f"{where()}: {name} would change {kind} that is not an argument once, when compiling; "
            f"{session.outside.instead_of_change(obj)}"
        )
    raise UnsupportedError(
        f"{where()}: {name} would change {kind} from outside once, when compiling; of arguments, "
        "arrays, lists and dicts can be changed, or return what it should hold"
    )
