"""Arrays that are one of several views, as the run decides: which views, and which one it is."""

from __future__ import annotations

import functools
from typing import Any

from tracejit.ir.core import Value
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Select
from tracejit.trace.values.selected_storage import holds

#: Choices that are made anew wherever an array is read. What more of them give is computed once.
_MOST_ASKED = 8


def binding(x: Any) -> Any:
    """What identifies an array binding: its storage and layers."""
    return (id(x.cell), x.layers) if isinstance(x, Array) else None


def pieces(x: Array) -> list[Array]:
    """The views of cells that a binding may be, each once, those of the first side first."""
    found: dict[Any, Array] = {}
    rest = [x]
    while rest:
        view = rest.pop()
        if isinstance(view.cell, Select):
            rest += reversed(view.sides())
        else:
            found.setdefault(binding(view), view)
    return list(found.values())


def choice(pred: Value, then: Array, other: Array) -> Array:
    """One of two arrays, each view of storage in it once.

    Two names that are exchanged under conditions are both one of the same two arrays, however
    often that is done: a choice between choices would be twice as large each time.
    """
    cell = Select(pred, then, other)
    chosen = Array(cell)
    found = pieces(chosen)
    if _leaves(chosen) == len(found):
        if cell.both and _asked(chosen) > _MOST_ASKED:
            return Array(Select(pred, then, other, chosen.read()))
        return chosen
    b = current().b
    *most, result = found
    for piece in reversed(most):
        here = holds(chosen, functools.partial(_is, binding(piece)))
        flag = b.const(here, "bool") if isinstance(here, bool) else here
        result = Array(Select(flag, piece, result))
    return result


def _is(key: Any, piece: Array) -> bool:
    return bool(binding(piece) == key)


def _asked(x: Array) -> int:
    """How many choices a read of the array makes."""
    if not isinstance(x.cell, Select) or x.cell.contents() is not None:
        return 0
    return 1 + sum(map(_asked, x.sides()))


def _leaves(x: Array) -> int:
    return sum(map(_leaves, x.sides())) if isinstance(x.cell, Select) else 1
