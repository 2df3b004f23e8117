"""Calls with containers as arguments: flattened, then dispatched natively on their leaves.

Each structure of arguments has a native chain of its own over the leaves. Whatever it does not
take (keywords, defaults, changed globals, a first call) goes to the ``Dispatcher``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tracejit import trees

_MISSED = object()
#: Native chains kept; with more structures than this the slow path serves all the others.
LIMIT = 64


def _missed(*args: Any, **kwargs: Any) -> Any:
    return _MISSED


@cache
def _leaf_type() -> type:
    from tracejit.python_entry.entry import callable_type

    return callable_type("LeafCall", __name__, {"__doc__": "A native chain over leaves."})


@dataclass(frozen=True)
class Pending:
    """What native code returned, before the caller's containers and attributes are changed."""

    finish: Callable[[Any, Any], Any]
    raw: Any


class TreeCalls:
    """Sits between the native chain over plain arguments and the slow path."""

    def __init__(self, chain: Callable[[Sequence[Any]], None]) -> None:
        self._chain = chain
        self._inner: dict[Any, Any] = {}
        self.dispatcher: Any = None

    def chain(self, fast: Sequence[Any]) -> None:
        """New versions exist: rebuild every chain."""
        from tracejit.python_entry.entry import set_chain, set_miss

        self._chain(fast)
        found: dict[Any, list[Any]] = {}
        for structure, version in self.dispatcher.leaf_calls():
            found.setdefault(structure, []).append(version)
        inner: dict[Any, Any] = {}
        for structure, versions in list(found.items())[:LIMIT]:
            call = _leaf_type()()
            set_miss(call, _missed)
            set_chain(call, versions)
            inner[structure] = call
        self._inner = inner

    def miss(self, *args: Any, **kwargs: Any) -> Any:
        """A call that the plain chain did not take."""
        if self._inner and not kwargs:
            call = (args, kwargs)
            seen = self.dispatcher.packed(call)
            leaves, treedef = trees.flatten(seen)
            inner = self._inner.get((treedef, trees.key_orders(seen)))
            if inner is not None:
                result = inner(*leaves)
                if type(result) is Pending:
                    return result.finish(call, result.raw)
                if result is not _MISSED:
                    return result
        return self.dispatcher.miss(*args, **kwargs)
