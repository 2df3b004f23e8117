"""``is`` between arrays, and between lists of a heap: which object it is, the run may decide."""

from __future__ import annotations

from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.session import current, where
from tracejit.trace.session.storage import Cell
from tracejit.trace.values.all import Array, PyScalar, Tracer
from tracejit.trace.values.dynamic_list import ListRef, is_ref
from tracejit.trace.values.selected_storage import Select, holds


def same_array(left: Array, right: Array) -> bool | PyScalar:
    """Whether two names are bound to one array."""
    if left is right:
        return True
    for x in (left, right):
        if isinstance(x.cell, Cell):
            _must_be_exact(x.cell)
    if not isinstance(left.cell, Select) and not isinstance(right.cell, Select):
        return False
    found = holds(left, lambda one: holds(right, lambda other: _is_same(one, other)))
    return found if isinstance(found, bool) else PyScalar("bool", found)


def same_list(left: ListRef, right: ListRef) -> bool | PyScalar:
    """Whether two references are to one list."""
    if left.heap is not right.heap:
        return False
    return PyScalar("bool", current().b.op("eq", left.number, right.number))


def must_be_certain(left: Any, right: Any) -> None:
    """UnsupportedError where it is not known whether two lists or tuples are one: one list was read
    of an argument, and may be that very list; or loops and lists hold values, not tuples."""
    if left is right or type(left) is not type(right):
        return
    if type(left) is list:
        for x in (left, right):
            if is_ref(x):
                x[0].heap.must_change()
    if type(left) is not tuple or len(left) != len(right):
        return
    if any(isinstance(x, Tracer | tuple) for x in (*left, *right)):
        raise UnsupportedError(
            f"{where()}: whether two names mean one tuple is decided at run time, and asked by "
            "`is`: compare them with =="
        )


def _must_be_exact(cell: Cell) -> None:
    """What a loop carried by value may be storage that others know."""
    cell.must_be_known()
    if cell.carried is not None:
        if current().loop_is(cell.carried, "exact"):
            raise UnsupportedError(
                f"{where()}: 'is' between arrays that a loop binds anew; keep a flag that says it"
            )
        raise Restart(cell.carried, "exact", "a loop decides what an array is compared with")


def _is_same(left: Array, right: Array) -> bool:
    for x in (left, right):
        assert isinstance(x.cell, Cell)
        _must_be_exact(x.cell)
    return left.cell is right.cell and left.layers == right.layers
