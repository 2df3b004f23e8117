"""What Python does with deques of which the run decides how long they are (see ``deque_runs``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from tracejit.errors import throw
from tracejit.trace.python import dynamic_list_methods as lists
from tracejit.trace.python.builtin_functions import sized_by_the_run
from tracejit.trace.python.ordering import LIST_METHODS, builtin_list
from tracejit.trace.session.concretize import structural_int
from tracejit.trace.session.session import current
from tracejit.trace.values import containers
from tracejit.trace.values.deque_runs import added, shortened
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    is_grown,
    item_at,
    refuse,
    replace_items,
    run_of,
)

_KEEP_SHORT = "make it a static argument, or take an item from the left where there are too many"


def deque_of(items: Any = (), maxlen: Any = None) -> Any:
    """``collections.deque(...)``."""
    if maxlen is not None and not isinstance(maxlen, int):
        maxlen = structural_int(maxlen, "the maxlen of a deque", _KEEP_SHORT)
    made = containers.made(current(), deque(maxlen=maxlen))
    if is_grown(items) or sized_by_the_run(items):
        if maxlen is None:
            replace_items(made, run_of(builtin_list(items)))
        else:
            _extend(made, builtin_list(items))
        return made
    return containers.made(current(), deque(items, maxlen))


def is_of_the_run(owner: Any, name: str, args: tuple[Any, ...]) -> bool:
    """Whether a method is of a deque that the run makes as long as it is."""
    if type(owner) is not deque:
        return False
    adds = name in ("extend", "extendleft")
    return is_grown(owner) or (adds and any(is_grown(x) or sized_by_the_run(x) for x in args))


def method(x: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of such a deque."""
    getattr(deque(), name)  # an attribute that deques do not have is the program's error
    if kwargs:
        refuse(f"the method {name!r} with keywords")
    if name in _CHANGING:
        containers.must_be_known(current(), x)
        containers.touch(current(), x)
    found = _METHODS.get(name) or LIST_METHODS.get(name)
    return lists.method(x, name, args, kwargs) if found is None else found(x, *args)


def _append(x: Any, item: Any, /) -> None:
    _add(x, item, left=False)


def _appendleft(x: Any, item: Any, /) -> None:
    _add(x, item, left=True)


def _add(x: Any, item: Any, *, left: bool) -> None:
    if x.maxlen == 0:
        return
    run = run_of(x)
    if x.maxlen is not None:
        run = shortened(run, x.maxlen, left=not left)
    replace_items(x, added(run, item, left=left))


def _extend(x: Any, items: Any, /) -> None:
    _add_all(x, items, x.append)


def _extendleft(x: Any, items: Any, /) -> None:
    _add_all(x, items, x.appendleft)


def _add_all(x: Any, items: Any, add: Callable[[Any], None]) -> None:
    operators = current().operators
    items = builtin_list(items) if items is x else items
    operators.loop_over(items, lambda item: operators.call(add, item), [])


def _pop(x: Any, /) -> Any:
    run = _some(x)
    item = item_at(run, run.count - 1)
    replace_items(x, ListBuffer(run.columns, run.count - 1, run.form, run.begin))
    return item


def _popleft(x: Any, /) -> Any:
    run = _some(x)
    item = item_at(run, 0)
    replace_items(x, ListBuffer(run.columns, run.count - 1, run.form, run.begin + 1))
    return item


def _some(x: Any) -> ListBuffer:
    """The items, of which there must be one."""
    run = run_of(x)
    session = current()
    b = session.b
    if run.count == 0 and isinstance(run.count, int):
        throw(IndexError("pop from an empty deque"))
    some = b.op("gt", b.index(run.count), b.const(0, "i64"))
    session.check(some, IndexError, "pop from an empty deque")
    return run


def _copy(x: Any, /) -> Any:
    made = containers.made(current(), deque(maxlen=x.maxlen))
    replace_items(made, run_of(x))
    return made


def _rotate(x: Any, n: Any = 1, /) -> None:
    operators = current().operators

    def turned() -> None:
        count = lists.length(x)
        items = builtin_list(x)
        at = operators.binary("%", operators.unary("-", n), count)
        rest, first = (operators.getitem(items, s) for s in (slice(at, None), slice(None, at)))
        replace_items(x, run_of(operators.binary("+", rest, first)))

    some = operators.compare_one(">", lists.length(x), 0)
    operators.if_expr(some, turned, lambda: None, None)


_CHANGING = (
    *("append", "appendleft", "extend", "extendleft", "pop", "popleft", "rotate", "clear"),
    *("insert", "remove", "reverse"),
)
_METHODS: dict[str, Callable[..., Any]] = {
    "append": _append,
    "appendleft": _appendleft,
    "extend": _extend,
    "extendleft": _extendleft,
    "pop": _pop,
    "popleft": _popleft,
    "copy": _copy,
    "__copy__": _copy,
    "rotate": _rotate,
}
DEQUES: dict[Any, Callable[..., Any]] = {deque: deque_of}
