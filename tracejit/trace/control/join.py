"""Joining two sides of a branch: what each name is bound to, and what storage holds, afterwards.

Values that differ become results of the ``cond``. A name bound to existing storage on one side and
to other storage on the other denotes a ``Select``: writing through it reaches the right one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.control.join_arrays import Finish, once
from tracejit.trace.control.join_numbers import NumberJoin, unlike
from tracejit.trace.control.objects import choose_among, is_object, is_older, made_object, parts_of
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, Cell, TaggedScalar, Tracer
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    ListRef,
    form_of,
    is_grown,
    is_ref,
    replace_items,
    run_of_items,
)
from tracejit.trace.values.entries import is_table, put_table, table_in
from tracejit.trace.values.iterables import Range
from tracejit.trace.values.list_heaps import Heap, one_heap
from tracejit.trace.values.list_kinds import ElementKinds
from tracejit.trace.values.list_references import refer
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.table_buffers import TableBuffer, empty_table, opened, own_parts
from tracejit.trace.values.table_forms import TableForm, common_form
from tracejit.trace.values.tables import as_table
from tracejit.trees import Entries


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


Target: TypeAlias = Heap | ElementKinds | TableForm


def put_in_heap(x: Any, target: Target) -> None:
    """Make a list one of a heap, or a list or dict one that holds references."""
    if isinstance(target, Heap):
        refer(x, target)
    elif isinstance(target, TableForm):
        containers.touch(current(), x)
        put_table(x, as_table(x, target))
    else:
        containers.touch(current(), x)
        replace_items(x, run_of_items(list(x), target))


def _is_in_heap(held: Any, target: Target) -> bool:
    """Whether what a list or dict holds is so."""
    if isinstance(target, Heap):
        return is_ref(held)
    if isinstance(target, TableForm):
        return is_table(held) and table_in(held).form == target
    return len(held) == 1 and type(held[0]) is ListBuffer and held[0].form == target


class Join(NumberJoin):
    """Collects results of the ``cond`` pairwise and says how to bind names to them."""

    # Bindings -------------------------------------------------------------------------------------

    def note(self, a: Any, b: Any) -> None:
        """Say, before anything is joined, that ``a`` and ``b`` will be: what shares storage on one
        side only must not become one on both."""
        a, b = (x.value if isinstance(x, MaybeUnbound) else x for x in (a, b))
        a, b = (x.value if isinstance(x, MaybeNone) else x for x in (a, b))
        if isinstance(a, Array) and isinstance(b, Array):
            self.note_arrays(a, b)
        elif isinstance(a, Array) or isinstance(b, Array):
            self.note_arrays(*(x if isinstance(x, Array) else None for x in (a, b)))
        for x, other in ((a, b), (b, a)):
            if isinstance(x, list | dict):
                known = id(other) if isinstance(other, list | dict) else None
                self._others.setdefault(id(x), set()).add(known)
        self.note_parts(a, b)

    def note_parts(self, a: Any, b: Any) -> None:
        """The same of what lists, dicts and objects hold."""
        parts = [parts_of(x) for x in (a, b)]
        for key in {**parts[0], **parts[1]}:
            self.note(*(p.get(key, UNDEFINED) for p in parts))

    def join(self, name: str, a: Any, b: Any, *, either: bool = False) -> Finish:
        """How to bind ``name`` after the branch. ``either``: an unbound side does not matter."""
        if a is b:
            return lambda results: a
        if a is UNDEFINED or b is UNDEFINED:
            return self._half_defined(name, a, b, either)
        if isinstance(a, MaybeUnbound) or isinstance(b, MaybeUnbound):
            return self._maybe(name, a, b)
        if any(x is None or isinstance(x, MaybeNone) for x in (a, b)):
            return self._optional(name, a, b)
        if isinstance(a, Array) and isinstance(b, Array):
            if a.dtype != b.dtype or a.ndim != b.ndim:
                raise unlike(name, a, b, "give both one dtype and rank")
            return self.arrays(a, b)
        if all(is_number(x) or isinstance(x, TaggedScalar) for x in (a, b)):
            return (lambda results: a) if _same_static(a, b) else self.numbers(name, a, b)
        if type(a) is type(b) and isinstance(a, list | dict):
            factories = [getattr(x, "default_factory", None) for x in (a, b)]
            if factories[0] is not factories[1]:
                raise unlike(name, a, b, "give both one default_factory")
            key = (id(a), id(b))
            found = self._joined.get(key) or self._containers(name, a, b)
            if found is not None:
                self._joined[key] = found
                self._kept.append((a, b))
                return found
        elif type(a) is type(b) and isinstance(a, tuple) and len(a) == len(b):
            return self._structures(name, a, b)
        if isinstance(a, StructuredArray) and isinstance(b, StructuredArray):
            if a.layout != b.layout:
                raise unlike(name, a, b, "give both one dtype and rank")
            parts = self._structures(name, a.parts, b.parts)
            return lambda results: StructuredArray(parts(results), a.layout)
        if isinstance(a, range | Range) and isinstance(b, range | Range):
            ends = [
                self.join(f"{name}.{end}", getattr(a, end), getattr(b, end))
                for end in ("start", "stop", "step")
            ]
            return lambda results: Range(*(end(results) for end in ends))
        if self._are_objects(a, b):
            return self._objects(name, a, b)
        if _same_static(a, b):
            return lambda results: a
        raise unlike(name, a, b, "make both the same kind")

    def _containers(self, name: str, one: Any, two: Any) -> Finish | None:
        """Two lists or dicts, with what the sides left in them, as a new one."""
        a, b = self.sides[0].held_in(one), self.sides[1].held_in(two)
        items: Finish | None = None
        if is_ref(a) or is_ref(b):
            ref = self.reference(name, (one, two), a, b)
            return lambda results: containers.made(self.session, [ref(results)])
        if type(one) is list and (len(a) != len(b) or is_grown(a) or is_grown(b)):
            run = self.runs(name, (one, two), a, b)
            if run is not None:
                items = lambda results: [run(results)]  # noqa: E731
        elif is_table(a) or is_table(b):
            table = self.tables(name, (one, two), a, b)
            items = lambda results: {Entries: table(results)}  # noqa: E731
        elif len(a) == len(b):
            items = self._structures(name, a, b)
        if items is None:
            return None
        session, finish = self.session, items
        root = name.partition("[")[0]
        known = any(
            containers.known_elsewhere(session, x, root) or len(self._others.get(id(x), ())) > 1
            for x in (one, two)
        )

        def made(results: Sequence[Value]) -> Any:
            found = containers.made(session, containers.like(one, finish(results)))
            return containers.joined(session, found, (one, two)) if known else found

        return once(made)

    def reference(self, name: str, lists: tuple[Any, Any], a: Any, b: Any) -> Finish:
        """What two lists hold of which one is in a heap, so that both must be."""
        self._must_be(name, lists, (a, b), (a if is_ref(a) else b)[0].heap)
        if a[0].heap is not b[0].heap:
            one_heap(a[0].heap, b[0].heap)
        number = self.pair([lambda _, x=x: x[0].number for x in (a, b)])  # type: ignore[misc]
        heap = a[0].heap
        return lambda results: ListRef(heap, results[number])

    def _must_be(
        self, name: str, lists: tuple[Any, Any], contents: tuple[Any, Any], target: Target
    ) -> None:
        """NotInHeap where a list or dict is not as it must be already before the sides end."""
        for side, x, held in zip(self.sides, lists, contents, strict=True):
            if not _is_in_heap(held, target):
                raise NotInHeap(name, x, target, side.frame.made.get(id(x)) is x)

    def runs(self, name: str, lists: tuple[Any, Any], a: list[Any], b: list[Any]) -> Finish | None:
        """Two lists as one of which the run decides how long it is; None where none holds both."""
        form = form_of(a, b)
        if form is None:
            return None
        if any(k.lists is not None for k in form[0]):
            self._must_be(name, lists, (a, b), form)
        found: list[ListBuffer] = []
        is_deque = type(lists[0]) is deque
        for side, items in zip(self.sides, (a, b), strict=True):
            with side.inside():
                found.append(run_of_items(items, form).of_deque(is_deque))
        return self._runs(found, form)

    def _runs(
        self, found: Sequence[ListBuffer], form: ElementKinds, only: int | None = None
    ) -> Finish:
        columns = [
            self.array_value([Array(Cell(c)) for c in pair], only)
            for pair in zip(*(r.columns for r in found), strict=True)
        ]
        extent = self.session.ranges.extent
        both = [(r.count, r.begin) for r in found]
        if only is not None:
            both[1 - only] = (0, 0)
        counts, begins = zip(*both, strict=True)
        if only is None and counts[0] == counts[1] and all(r.first is None for r in found):
            same = counts[0]  # also known after it
            return lambda results: ListBuffer([results[k] for k in columns], same, form)
        count = self._dims(counts)
        if all(r.first is None for r in found):
            return lambda results: ListBuffer(
                [results[k] for k in columns], extent(results[count]).dim, form
            )
        first = self._dims(begins)
        return lambda results: ListBuffer(
            [results[k] for k in columns],
            extent(results[count]).dim,
            form,
            extent(results[first]).dim,
        )

    def _dims(self, dims: Sequence[Dim]) -> int:
        """The number of the result that is one extent on one side, another on the other."""
        makers: list[Callable[[Any], Value]] = []
        for n in dims:
            makers.append(lambda b, n=n: b.op("copy", b.index(n)))  # type: ignore[misc]
        return self.pair(makers)

    def tables(self, name: str, tables: tuple[Any, Any], a: Any, b: Any) -> Finish:
        """Two dicts or sets as one of which the run decides the keys."""
        form = common_form(a, b)
        if any(k.lists is not None for k in form.values[0]):
            self._must_be(name, tables, (a, b), form)
        found: list[TableBuffer] = []
        for side, contents in zip(self.sides, (a, b), strict=True):
            with side.inside():
                found.append(as_table(contents, form))
        return self._tables(found, form)

    def _tables(self, found: Sequence[TableBuffer], form: TableForm) -> Finish:
        parts: list[list[Value]] = []
        for side, table in zip(self.sides, found, strict=True):
            with side.inside():
                parts.append(own_parts(table))
        numbers = [
            self.pair([lambda _, v=v: v for v in pair])  # type: ignore[misc]
            for pair in zip(*parts, strict=True)
        ]

        def finish(results: Sequence[Value]) -> TableBuffer:
            values = iter(numbers)
            return opened(form, lambda _: results[next(values)])

        return finish

    def _one_table(self, x: TableBuffer, there: int) -> Finish:
        """A table that only side ``there`` has."""
        found = [x, x]
        with self.sides[1 - there].inside():
            found[1 - there] = empty_table(x.form)
        return self._tables(found, x.form)

    def _structures(self, name: str, a: Any, b: Any) -> Finish:
        if isinstance(a, dict):
            if list(a) != list(b):
                raise StructureError(f"the sides of a branch give {name!r} different keys")
            parts = {k: self.join(f"{name}[{k!r}]", a[k], b[k]) for k in a}
            return lambda results: {k: part(results) for k, part in parts.items()}
        items = [self.join(f"{name}[{k}]", x, y) for k, (x, y) in enumerate(zip(a, b, strict=True))]
        if isinstance(a, list):
            return lambda results: [part(results) for part in items]
        if hasattr(a, "_fields"):
            return lambda results: type(a)(*(part(results) for part in items))
        return lambda results: tuple(part(results) for part in items)

    def _are_objects(self, a: Any, b: Any) -> bool:
        """Whether both are objects of one class of the user's, made inside or passed in."""
        session = self.session
        return (
            type(a) is type(b)
            and all(is_object(x) and not session.outside.is_outside(x) for x in (a, b))
            and vars(a).keys() == vars(b).keys()
        )

    def _objects(self, name: str, a: Any, b: Any) -> Finish:
        """An object whose attributes are joined. Those that were there before may not be changed
        from here on, nor may what stands for them."""
        session = self.session
        old = [x for x in (a, b) if is_older(session, x)]
        parts = {k: self.join(f"{name}.{k}", v, vars(b)[k]) for k, v in vars(a).items()}

        def finish(results: Any) -> Any:
            attributes = {k: part(results) for k, part in parts.items()}
            made = made_object(session, type(a), attributes)
            if old:
                choose_among(session, made, *old)
            return made

        return finish

    def _half_defined(self, name: str, a: Any, b: Any, either: bool) -> Finish:
        bound = b if a is UNDEFINED else a
        if isinstance(bound, MaybeUnbound):
            return self._maybe(name, a, b)
        there = 1 if a is UNDEFINED else 0
        value = self.one_sided(name, bound, there)
        if either:
            return value
        flag = self.pair(
            [lambda b: b.const(there == 0, "bool"), lambda b: b.const(there == 1, "bool")]
        )
        return lambda results: MaybeUnbound(name, results[flag], value(results))

    def _maybe(self, name: str, a: Any, b: Any) -> Finish:
        def flag_of(x: Any) -> Callable[[Any], Value]:
            if isinstance(x, MaybeUnbound):
                return lambda _: x.flag
            return lambda b: b.const(x is not UNDEFINED, "bool")

        inner = [x.value if isinstance(x, MaybeUnbound) else x for x in (a, b)]
        value = self.join(name, inner[0], inner[1], either=True)
        flag = self.pair([flag_of(a), flag_of(b)])
        return lambda results: MaybeUnbound(name, results[flag], value(results))

    def _optional(self, name: str, a: Any, b: Any) -> Finish:
        """A value on one side, None on the other, or either on either."""
        inner = [x.value if isinstance(x, MaybeNone) else x for x in (a, b)]
        if inner[0] is None or inner[1] is None:
            there = 1 if inner[0] is None else 0
            value = self.one_sided(name, inner[there], there)
        else:
            value = self.join(name, *inner)
        flag = self.pair([_there(a), _there(b)])
        return lambda results: MaybeNone(results[flag], value(results))

    def one_sided(self, name: str, x: Any, there: int) -> Finish:
        """A binding that only side ``there`` makes; the other yields zeros of its type."""
        if isinstance(x, Array):
            return self.exported(x, there)
        if isinstance(x, ListBuffer):
            return self._runs([x, x], x.form, there)
        if isinstance(x, ListRef):
            number = self.only(there, x.number)
            return lambda results: ListRef(x.heap, results[number])
        if isinstance(x, TableBuffer):
            return self._one_table(x, there)
        if isinstance(x, MaybeUnbound):
            flag, found = (
                self.only(there, x.flag),
                self.one_sided(name, x.value, there),
            )
            return lambda results: MaybeUnbound(x.name, results[flag], found(results))
        if isinstance(x, MaybeNone):
            flag, found = (
                self.only(there, x.flag),
                self.one_sided(name, x.value, there),
            )
            return lambda results: MaybeNone(results[flag], found(results))
        if isinstance(x, StructuredArray):
            each = [self.one_sided(f"{name}[{i}]", v, there) for i, v in enumerate(x.parts)]
            return lambda results: StructuredArray([p(results) for p in each], x.layout)
        if isinstance(x, Tracer):
            return self.one_sided_number(x, there)
        if isinstance(x, tuple | list | dict) or is_object(x):
            key = (id(x), there)
            if key not in self._joined:
                self._joined[key] = once(self._one_container(name, x, there))
                self._kept.append(x)
            return self._joined[key]
        return lambda results: x

    def _one_container(self, name: str, x: Any, there: int) -> Finish:
        """A tuple, list, dict or object that only side ``there`` binds. What was there before it
        stays the same object: what the side left in it is joined where that is stored."""
        if not isinstance(x, tuple) and is_older(self.session, x):
            return lambda results: x
        held: Any = self.sides[there].held_in(x)
        held = dict(enumerate(held)) if isinstance(x, tuple | list) else parts_of(held)
        if not _holds_tracer(list(held.values())):
            return lambda results: x
        parts = {k: self.one_sided(f"{name}[{k!r}]", v, there) for k, v in held.items()}

        def finish(results: Sequence[Value]) -> Any:
            found = {k: part(results) for k, part in parts.items()}
            if is_object(x):
                return made_object(self.session, type(x), found)
            if hasattr(x, "_fields"):
                return type(x)(*found.values())
            if isinstance(x, tuple):
                return tuple(found.values())
            filled = found if isinstance(x, dict) else list(found.values())
            return containers.made(self.session, containers.like(x, filled))

        return finish


def _there(x: Any) -> Callable[[Any], Value]:
    """Whether there is a value."""
    if isinstance(x, MaybeNone):
        return lambda _: x.flag
    return lambda b: b.const(x is not None, "bool")


def _same_static(a: Any, b: Any) -> bool:
    if isinstance(a, Tracer) or isinstance(b, Tracer) or type(a) is not type(b):
        return False
    if isinstance(a, list | dict | set | np.ndarray):
        return False
    try:
        return bool(a == b) and repr(a) == repr(b)
    except (TypeError, ValueError):
        return False


def _holds_tracer(items: Sequence[Any]) -> bool:
    return any(
        isinstance(i, Tracer) or (isinstance(i, tuple | list) and _holds_tracer(i)) for i in items
    )
