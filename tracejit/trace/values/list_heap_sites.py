"""Which heap holds the lists that became items at a place of the program, and in what form."""

from __future__ import annotations

from typing import Any

from tracejit.trace.session.frames import Restart, RestartKind
from tracejit.trace.session.registry import LIST_HEAPS
from tracejit.trace.session.session import Session, current, user_lines, where
from tracejit.trace.values.dynamic_list import joined_forms
from tracejit.trace.values.list_heaps import Heap
from tracejit.trace.values.list_kinds import ElementKinds, Kind, ListsOf, joined, with_kinds_of


def heap_at(site: Any) -> Heap:
    """The heap of the lists that became items at a place."""
    session = current()
    if site not in session.heaps:
        first = _first(session, site)
        if first != site:
            session.heaps[site] = heap_at(first)
        else:
            heap = session.heaps[site] = Heap(site)
            heap.must_hold(known_form(session, site))
    found: Heap = session.heaps[site]
    return found


def _first(session: Session, site: Any) -> Any:
    """Of the places of which lists met in an earlier trace, the first."""
    group, pending = {site}, [site]
    pairs = [key[1] for key, how in session.loops if how == "lists" and key[0] == "one"]
    while pending:
        place = pending.pop()
        more = {p for pair in pairs if place in pair for p in pair} - group
        group |= more
        pending += more
    return min(group, key=_order)


def _order(site: Any) -> tuple[bool, str]:
    """Of places at which lists meet, arguments come first, as their lists are there first."""
    return "argument" not in site, repr(site)


def known_form(session: Session, site: Any) -> ElementKinds | None:
    """What holds all items that an earlier trace found in the lists of a heap."""
    found: ElementKinds | None = None
    for key, how in session.loops:
        if how == "lists" and key[0] == "lists" and _first(session, key[1]) == site:
            form = _with_first(session, key[2])
            found = form if found is None else joined_forms(found, form)
    return found


def _with_first(session: Session, form: ElementKinds) -> ElementKinds:
    """A form that an earlier trace found, with the heaps as they are in this one."""
    kinds = [
        k if k.lists is None else reference_kind(ListsOf(_first(session, k.lists.site)))
        for k in form[0]
    ]
    return tuple(kinds), form[1]


def one_heap(a: Heap, b: Heap) -> None:
    """Lists of two heaps are in one list."""
    if a is not b:
        lent: list[tuple[Any, RestartKind]] = []
        for heap in (a, b):
            if heap.frozen is None or not current().may_lend(heap.lendable):
                heap.must_change()
            else:
                lent.append((heap.lendable, "lists"))
        reason = f"{where()}: lists of several kinds meet"
        raise Restart(meeting(a.site, b.site), "lists", reason, lent)


def meeting(a: Any, b: Any) -> tuple[str, Any]:
    """Names two places whose lists are in one heap."""
    return "one", tuple(sorted((a, b), key=_order))


def resolved(form: ElementKinds, within: Any = None) -> ElementKinds:
    """A form in which each kind of lists has its heap. ``within``: names the one that has lists of
    this form."""
    kinds = [_resolved(kind, part, within) for part, kind in enumerate(form[0])]
    return tuple(kinds), form[1]


def _resolved(kind: Kind, part: int, within: Any) -> Kind:
    if kind.lists is None or kind.lists.site is not None:
        return kind
    site = tuple((code.co_name, line) for code, line in user_lines()) if within is None else within
    if part or within is not None:  # lists that become items at one place are apart by what for
        site = (("items", part), *site)
    heap = heap_at(site)
    while not _on_one_level(heap.form, kind.lists.items):
        site = (("around", part), *site)
        heap = heap_at(site)
    heap.must_hold(kind.lists.items)
    return reference_kind(ListsOf(heap.site))


def _on_one_level(a: ElementKinds | None, b: ElementKinds | None) -> bool:
    """Whether neither of two forms is of lists, or both are."""
    if a is None or b is None:
        return True
    of_lists = [form[1] is list or any(k.row or k.lists for k in form[0]) for form in (a, b)]
    return of_lists[0] == of_lists[1]


def by_reference(form: ElementKinds, *, every: bool = False, within: Any = None) -> ElementKinds:
    """A form in which lists are by reference, those of a length that is known only if ``every``."""
    kinds, make = form
    lists = _as_lists(form) if make is list else None
    if lists is not None:
        return resolved(((reference_kind(lists),), None), within)
    return resolved((tuple(_by_reference(k, every) for k in kinds), make), within)


def _by_reference(kind: Kind, every: bool) -> Kind:
    known = all(type(n) is int for n in kind.shape or ())
    return reference_kind(_as_lists(((kind,), None))) if kind.row and (every or not known) else kind


def reference_kind(lists: ListsOf | None) -> Kind:
    return Kind("int", shape=(), lists=lists)


def _as_lists(form: ElementKinds) -> ListsOf | None:
    """What the lists are that items of a form are; None where they are no lists, or none holds
    their items."""
    kinds, make = form
    if make is list:
        items: Kind | None = kinds[0]
        for kind in kinds[1:]:
            items = None if items is None else joined(items, kind)
        return None if items is None else ListsOf(None, ((items,), None))
    if make is not None:
        return None
    (kind,) = kinds
    if kind.row:
        return ListsOf(None, ((Kind(*kind.kinds),), None))
    return kind.lists


def _joined(a: Kind, b: Kind) -> Kind | None:
    """What holds two kinds that differ, of which one is of lists."""
    if a.row and b.row and a.shape == b.shape:
        return with_kinds_of(a, b)
    return _joined_lists(*(_as_lists(((k,), None)) for k in (a, b)))


def _joined_lists(a: ListsOf | None, b: ListsOf | None) -> Kind | None:
    if a is None or b is None:
        return None
    if a.site is not None and b.site is not None:
        one_heap(heap_at(a.site), heap_at(b.site))
        return reference_kind(a)
    for one, other in ((a, b), (b, a)):
        if one.site is not None:
            heap_at(one.site).must_hold(other.items)
            return reference_kind(one)
    if a.items is None or b.items is None:
        return reference_kind(b if a.items is None else a)
    items = joined_forms(a.items, b.items)
    return None if items is None else reference_kind(ListsOf(None, items))


def _joined_as_lists(a: ElementKinds, b: ElementKinds) -> ElementKinds | None:
    """What holds items of two forms that are lists otherwise."""
    kind = _joined_lists(_as_lists(a), _as_lists(b))
    return None if kind is None else ((kind,), None)


LIST_HEAPS.update(joined=_joined, as_lists=_joined_as_lists)
LIST_HEAPS.update(resolved=resolved, by_reference=by_reference)
