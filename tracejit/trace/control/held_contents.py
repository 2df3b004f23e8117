"""What lists, dicts and sets hold on each of several edges, and what holds all of it.

A list or dict whose items, length or keys are other on one edge than on another must hold what the
run decides: a ``ListBuffer``, a table, or the number of a list of a heap.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    become_buffer,
    form_of,
    is_grown,
    is_ref,
    joined_forms,
)
from tracejit.trace.values.entries import is_table, put_table, table_in
from tracejit.trace.values.list_heaps import Heap
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.list_references import put_where_lists_are, refer
from tracejit.trace.values.table_forms import TableForm, are_keyed, common_form
from tracejit.trace.values.tables import as_table

#: What holds the items of lists, or the entries of dicts, of the run.
Target: TypeAlias = Heap | ElementKinds | TableForm


class NotInHeap(UnsupportedError):  # noqa: N818
    """One side of a branch leaves a list of a heap, or a list or dict of lists of one, the other
    what is not so. ``target``: that heap, or the form that holds them. ``is_new``: that side made
    it, and binds it to a name, or to a part of what is bound to one."""

    def __init__(self, name: str, found: Any, target: Target, is_new: bool) -> None:
        super().__init__(
            f"{where()}: which list {name!r} is, is decided at run time, and one may be an item of "
            "another list or dict, or have lists as items: copy it (list(x))"
        )
        self.name = name
        self.found = found
        self.target = target
        self.is_new = is_new


def common_target(a: Any, b: Any) -> Target | None:
    """What holds what either of two lists or dicts does; None where each item stays by itself, or
    nothing holds all of them."""
    if isinstance(a, dict):
        tables = is_table(a) or is_table(b)
        return common_form(a, b) if tables or (list(a) != list(b) and are_keyed(a, b)) else None
    if is_ref(a) or is_ref(b):
        heap: Heap = (a if is_ref(a) else b)[0].heap
        return heap
    return form_of(a, b) if len(a) != len(b) or is_grown(a) or is_grown(b) else None


def is_held(held: Any, target: Target) -> bool:
    """Whether that is what a list or dict holds."""
    if isinstance(target, Heap):
        return is_ref(held)
    if isinstance(target, TableForm):
        return is_table(held) and table_in(held).form == target
    return len(held) == 1 and type(held[0]) is ListBuffer and held[0].form == target


def holds_texts_of(held: Any, target: Target) -> bool:
    """Whether a run without items is of texts, which an earlier attempt has found, and more of them
    than are put there now: some of what they say was known then."""
    if not (isinstance(target, tuple) and len(held) == 1 and type(held[0]) is ListBuffer):
        return False
    mine: ElementKinds = held[0].form
    if held[0].count != 0 or not any(k.kinds == ("text",) for k in mine[0]):
        return False
    pairs = list(zip(mine[0], target[0], strict=False))
    same = all(a == b or a.kinds == b.kinds == ("text",) for a, b in pairs)
    return same and joined_forms(mine, target) == mine


def refers(target: Target) -> bool:
    """Whether lists are among what is held, by reference."""
    if isinstance(target, Heap):
        return True
    form = target.values if isinstance(target, TableForm) else target
    return any(kind.lists is not None for kind in form[0])


def refers_below(target: Target) -> bool:
    """Whether lists are among what the items are, of a heap among what its lists hold."""
    form = target.form if isinstance(target, Heap) else target
    return form is not None and refers(form)


def make_hold(x: Any, target: Target | None) -> None:
    """Make a list or dict hold what it does so. None: a list, in whichever heap holds its items."""
    if target is None:
        if not put_where_lists_are(x, lend=True):
            raise UnsupportedError(
                f"{where()}: a list that is an argument, or of items that are not of one kind, may "
                "be bound to another name by a loop, and one of them is changed: copy it before "
                "the loop (list(x))"
            )
        return
    if isinstance(target, Heap):
        refer(x, target)
        return
    if not isinstance(target, TableForm):
        become_buffer(x, target)
        return
    found = as_table(x, target)
    containers.touch(current(), x)
    put_table(x, found)
