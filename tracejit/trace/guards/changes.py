"""What a trace did to objects of the caller's: items of containers, attributes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import is_not
from typing import TYPE_CHECKING, Any

from tracejit import trees
from tracejit.errors import TracejitError, UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.exceptions import ExceptionName, exception_type
from tracejit.ir.results import FIELDS, AttributeChange, ContainerChange
from tracejit.trace.convert import is_converted
from tracejit.trace.guards.guard_equality import is_by_kind
from tracejit.trace.guards.guards import Relation
from tracejit.trace.guards.paths import Path
from tracejit.trace.session.frames import Restart, RestartKind
from tracejit.trace.session.plain import held_attributes, hold_attributes, plain_attribute
from tracejit.trace.session.regions import emit_cond
from tracejit.trace.session.session import where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array
from tracejit.trace.values.caller_lists import itself_key, lent_key
from tracejit.trace.values.dunder_methods import own_getter
from tracejit.trace.values.dynamic_list import form_of, is_ref
from tracejit.trace.values.kept_changes import (
    KeepChanges,
    KeepingCall,
    Surroundings,
    WithChanges,
)
from tracejit.trace.values.list_heap_sites import meeting
from tracejit.trace.values.made_objects import is_instance, is_slotted, made_attributes
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.results import Describer, lent_changes
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.structured_results import must_stand_alone
from tracejit.trace.values.table_forms import are_keyed

if TYPE_CHECKING:
    from tracejit.trace.session.session import Session

_NOTHING = object()


class Changes:
    """The objects that a trace did not make, with the ways to them, and what it changed in them."""

    def __init__(self, session: Session, args: Any, static: Sequence[Any]) -> None:
        self.session = session
        self._getters: dict[int, tuple[Any, Path, str]] = {}
        self._read: set[int] = set()
        self._relations: list[Relation] = []
        self._containers: list[tuple[tuple[Any, ...], Any, Any]] = []
        self._came_in: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        self._repeated: dict[int, tuple[Any, int]] = {}
        #: By object and name: it, a dict of what the attribute is set to, and what it was before.
        self._attributes: dict[tuple[int, str], tuple[Any, dict[str, Any], Any]] = {}
        self._same_items: dict[int, tuple[Any, list[Any]]] = {}
        self._static = {id(x): x for x in static}
        #: Objects of the program's classes that were met, and their attributes as they were.
        self._as_met: dict[int, tuple[Any, dict[str, Any]]] = {}
        #: Whether failures keep what was changed, and what they have in common if some do.
        self.keeps_changes = False
        self.kept: Surroundings | None = None
        self.check_result: Callable[[Sequence[Any]], object] = tuple
        self._note_containers(args, ())

    def is_outside(self, obj: Any) -> bool:
        found = self._getters.get(id(obj))
        return found is not None and found[0] is obj

    def is_static(self, obj: Any) -> bool:
        """Whether an object is a static argument, for the very one of which the trace is."""
        return self._static.get(id(obj)) is obj and self._getters[id(obj)][1].leaf is None

    def path_of(self, obj: Any) -> tuple[Any, ...] | None:
        """Where in (args, kwargs) a container came in; None for one that did not."""
        found = self._came_in.get(id(obj))
        return found[1] if found is not None and found[0] is obj else None

    def keeps(self, obj: Any) -> bool:
        """Whether a container in a result is an object that the caller has, not a new one."""
        if not isinstance(obj, list | tuple | dict | deque) and not trees.is_record(obj):
            return False
        return self.path_of(obj) is not None or self.is_outside(obj)

    def number_of(self, obj: Any) -> int | None:
        """The number of a new container that leaves the trace in several places."""
        found = self._repeated.get(id(obj))
        return found[1] if found is not None and found[0] is obj else None

    def apart(self, obj: Any) -> bool:
        """Whether a container in a result is described as one object, not by its leaves."""
        return self.keeps(obj) or self.number_of(obj) is not None or is_ref(obj)

    def note_results(self, result: Any) -> list[Array]:
        """Find new containers that are in several places of what leaves the trace; its arrays."""
        arrays: list[Array] = []
        structured: list[StructuredArray] = []
        changed = [_items(obj) for _, obj, _ in self._containers]
        stack = [
            result,
            *changed,
            *(x for _, now, _ in self._attributes.values() for x in now.values()),
        ]
        seen: dict[int, Any] = {}
        while stack:
            obj = stack.pop()
            if isinstance(obj, Array):
                arrays.append(obj)
            elif isinstance(obj, StructuredArray):
                structured.append(obj)
            if id(obj) in self.session.rows:
                self.session.rows[id(obj)].must_hold()
            held = _parts_of_result(obj)
            if held is None or self.keeps(obj):
                continue
            if not isinstance(obj, tuple):
                if id(obj) in seen:
                    # What the trace made of a plain class is always described as one object.
                    if made_attributes(obj) is None or trees.is_record(obj):
                        self._repeated.setdefault(id(obj), (obj, len(self._repeated)))
                    continue
                seen[id(obj)] = obj
            stack += held
        must_stand_alone(structured, arrays)
        return arrays

    def _note_containers(self, obj: Any, path: tuple[Any, ...]) -> None:
        container = isinstance(obj, list | tuple | dict | deque) or trees.is_record(obj)
        if len(path) > 1 and (container or is_by_kind(type(obj))):
            self._came_in.setdefault(id(obj), (obj, path))
        held = vars(obj) if trees.is_record(obj) and hasattr(obj, "__dict__") else obj
        if id(obj) in self._static or any(x is held for _, x, _ in self._containers):
            return
        if isinstance(obj, list | deque):
            self._containers.append((path, obj, list(obj)))
        elif isinstance(obj, dict) and path not in ((), (1,)):
            self._containers.append((path, obj, dict(obj)))
        if isinstance(obj, list | tuple | deque):
            for k, item in enumerate(obj):
                self._note_containers(item, (*path, k))
        elif isinstance(obj, dict):
            for key, item in obj.items():
                self._note_containers(item, (*path, key))
        elif trees.is_record(obj) and hasattr(obj, "__dict__"):
            self._containers.append(((*path, FIELDS), held, dict(held)))
            for key, item in held.items():
                self._note_containers(item, (*path, FIELDS, key))

    def is_as_passed(self, obj: Any) -> bool:
        """Whether a container that is an argument holds what it did when the call began."""
        found = next((before for _, x, before in self._containers if x is obj), None)
        return found is not None and not self._is_changed(obj, found)

    def containers(self) -> Sequence[tuple[tuple[Any, ...], Any, Any]]:
        """Lists, dicts and deques that are arguments or in them, with the ways to them, and what
        they held when the call began."""
        return self._containers

    def lend_list(self, path: tuple[Any, ...]) -> None:
        """A list in an argument cannot be read as one of several where it is: if it is one of a
        list or dict of lists, begin again with these lent; else with itself."""
        around = self._of_lists_around(path)
        if around is not None:
            key = lent_key(around)
            if self.session.may_lend(key):
                raise Restart(key, "lists", f"{where()}: lists of an argument are chosen")
            return
        x = next((obj for p, obj, _ in self._containers if p == path), None)
        for key, how in self.lending((x,)):
            raise Restart(key, how, f"{where()}: lists that are arguments are chosen")

    def lending(self, objects: Iterable[Any]) -> list[tuple[Any, RestartKind]]:
        """What lends those lists among some that are arguments themselves, all in one heap."""
        paths = [self.path_of(x) for x in objects if type(x) is list and x and _is_flat(x)]
        known = [p for p in dict.fromkeys(paths) if p is not None and self._may_lend_itself(p)]
        keys: list[Any] = [itself_key(path) for path in known]
        keys += [meeting(("argument", *a), ("argument", *b)) for a, b in pairwise(known)]
        return [(key, "lists") for key in keys]

    def _may_lend_itself(self, path: tuple[Any, ...]) -> bool:
        return self.session.may_lend(itself_key(path)) and self._of_lists_around(path) is None

    def _of_lists_around(self, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Where the list or dict of lists is in which a list in the arguments is, if it is in one;
        of such in others the outermost."""
        held = {p: before for p, _, before in self._containers}
        around = path[:-1]
        while around[:-1] in held and type(held[around]) in (list, dict):
            around = around[:-1]
        x = held.get(around)
        if x is None or not all(type(item) is list for item in _items(x)):
            return None
        return around if not isinstance(x, dict) or are_keyed(dict.fromkeys(x, 0)) else None

    def same_items(self, run: Any, items: list[Any]) -> None:
        """Note that a buffer holds the items that a list held before it."""
        self._same_items[id(run)] = run, self._as_came(items)

    def _as_came(self, items: list[Any]) -> list[Any]:
        """Items, where a buffer that still holds those of an ordinary list is these."""
        run, held = self._same_items.get(id(items[0]), (None, [])) if items else (None, [])
        return held if run is not None and run is items[0] else items

    def container_changes(self, describer: Describer) -> list[ContainerChange]:
        """Lists, dicts and deques of the arguments whose items are no longer what came in."""
        changes = [
            change
            for heap in {id(heap): heap for heap in self.session.heaps.values()}.values()
            for change in lent_changes(describer, heap)
        ]
        for path, obj, before in self._containers:
            if not self._is_changed(obj, before):
                continue
            items = self._as_came(_items(obj))
            keys = tuple(obj) if isinstance(obj, dict) else None
            others_stay = keys is not None and _keeps(obj, before)
            if keys is not None and others_stay:
                keys = tuple(k for k in keys if before.get(k, _NOTHING) is not obj[k])
                items = [obj[k] for k in keys]
            leaves, tree = trees.flatten(items, self.apart)
            outs = tuple(describer.describe(leaf) for leaf in leaves)
            changes.append(ContainerChange(path, keys, tree, outs, others_stay=others_stay))
        return changes

    def has_changes(self) -> bool:
        """Whether a failure at this place must keep what was changed so far."""
        if not self.keeps_changes:
            return False
        changed = any(self._is_changed(obj, before) for _, obj, before in self._containers)
        changed |= any(h.is_changed for h in self.session.heaps.values())
        sets = (x is not first for _, now, first in self._attributes.values() for x in now.values())
        return changed or any(sets)

    def _is_changed(self, obj: Any, before: Any) -> bool:
        items, old = self._as_came(_items(obj)), _items(before)
        if len(items) != len(old) or any(map(is_not, items, old)):
            return True
        # What stands for all entries is as it came, if items are.
        return isinstance(obj, dict) and trees.Entries not in obj and tuple(obj) != tuple(before)

    def keep_changes(self) -> None:
        """Keep for the exception that follows what the caller's objects hold now."""
        self.kept = self.kept or Surroundings()
        changes, values = self.changes_now(self.kept)
        self.session.b.op("host_call", *values, fn=changes, types=())

    def check_and_keep(self, ok: Value, name: str, message: str, payload: Sequence[Value]) -> None:
        """A check; where it fails, what the caller's objects then hold is kept."""

        def otherwise() -> tuple[()]:
            self.keep_changes()
            self.session.b.op("raise", *payload, exc=self.carrying(name), message=message)
            return ()

        emit_cond(ok, tuple, otherwise)

    def changes_now(self, around: Surroundings) -> tuple[KeepChanges, list[Value]]:
        """What was changed so far, and the values for it."""
        try:
            describer = Describer(self.note_results(None), self.check_result, exact=False)
            containers = tuple(self.container_changes(describer))
            attributes = tuple(self.attribute_changes(describer))
        except (TracejitError, NameError) as error:
            return KeepChanges((), (), around, lost=str(error)), []
        return KeepChanges(containers, attributes, around), describer.values

    def keeping(
        self, function: Callable[..., Any], count: int
    ) -> tuple[Callable[..., Any], list[Value]]:
        """A host function of ``count`` values that keeps what was changed where it raises, and the
        values that it is given after its own."""
        self.kept = self.kept or Surroundings()
        changes, values = self.changes_now(self.kept)
        return KeepingCall(function, count, changes), values

    def carrying(self, name: str) -> str:
        """The name of an exception that carries what was kept."""
        return ExceptionName(name, WithChanges(exception_type(name)))

    def containers_beyond(self) -> list[tuple[Path, str]]:
        """Lists, dicts and records that were read otherwise than as arguments or in them."""
        found = [self._getters[k] for k in self._getters if k in self._read]
        return [(p, name) for x, p, name in found if type(x) in (list, dict) or trees.is_record(x)]

    def set_attribute(self, obj: Any, name: str, value: Any, before: Callable[[], Any]) -> None:
        """Note an assignment; none is needed where the attribute keeps its array (``-=``).

        A branch or loop carries what an attribute is set to as it does a dict, where ``before()``
        is what it is that is first set there."""
        found = self._attributes.get((id(obj), name))
        kept = isinstance(value, Array) and self._keeps_array(_now(obj, name), value)
        if kept and (found is None or len(self.session.frames) == 1):
            self._attributes.pop((id(obj), name), None)
            return
        if found is None:
            self._attributes[id(obj), name] = found = obj, {}, self._before(obj, name, before)
            if self.session.frames[1:]:
                found[1][name] = found[2]
        containers.touch(self.session, found[1])
        found[1][name] = value

    def _before(self, obj: Any, name: str, before: Callable[[], Any]) -> Any:
        inner = self.session.frames[1:]
        if not inner:
            return _NOTHING
        if _now(obj, name) is _NOTHING:
            self.session.unroll_or_refuse(
                inner,
                f"{where()}: attribute {name!r} of an object from outside is set for the first "
                "time in a loop or branch that is decided at run time: set it in __init__",
            )
        return before()

    def _keeps_array(self, now: Any, value: Array) -> bool:
        """Whether a traced array is the array that is there already."""
        if id(now) in self.session.overlapping_globals:
            held = self.session.overlapping_globals[id(now)][1]
            return (held.cell, held.layers) == (value.cell, value.layers)
        real = self.session.hidden.get(id(now))
        return real is not None and not value.layers and value.cell is real.cell

    def changed_attribute(self, obj: Any, name: str) -> tuple[Any] | None:
        """What an attribute was set to, if it was."""
        found = self._attributes.get((id(obj), name))
        return None if found is None else (found[1][name],)

    def set_to(self, obj: Any, name: str) -> dict[str, Any] | None:
        """What holds what an attribute was set to, if it was."""
        found = self._attributes.get((id(obj), name))
        return None if found is None else found[1]

    def holders(self) -> Iterator[Any]:
        """What the caller has that may hold what the trace has made."""
        yield from (obj for _, obj, _ in self._containers)
        yield from (now for _, now, _ in self._attributes.values())

    def objects_changed(self) -> set[int]:
        """Outside objects of which the trace set attributes, by identity."""
        return {id(obj) for obj, _, _ in self._attributes.values()}

    def attribute_changes(self, describer: Describer) -> list[AttributeChange]:
        """Attributes of outside objects that the trace set."""
        changes = []
        for obj, now, first in self._attributes.values():
            for name, value in now.items():
                if value is not first:
                    leaves, tree = trees.flatten(value, self.apart)
                    outs = tuple(describer.describe(leaf) for leaf in leaves)
                    path = self._getters[id(obj)][1]
                    changes.append(AttributeChange(path, name, tree, outs, type(obj)))
        return changes

    def seen_by_the_caller(self) -> list[list[int]]:
        """What the caller's containers hold now, and its objects' attributes, by identity."""
        items = [list(map(id, _items(obj))) for _, obj, _ in self._containers]
        return [*items, *([id(v) for v in now.values()] for _, now, _ in self._attributes.values())]

    def note_met(self, obj: Any) -> None:
        """An object from outside is met. What the trace sets of it, it notes and does not do."""
        if (is_instance(obj) or is_slotted(obj)) and not is_converted(obj):
            self._as_met.setdefault(id(obj), (obj, held_attributes(obj)))

    def must_be_as_met(self) -> None:
        """UnsupportedError, and all as it was, where code that is not compiled has set attributes
        of an object from outside, which would be done once."""
        for obj, before in self._as_met.values():
            now = held_attributes(obj)
            same = now.keys() == before.keys() and all(now[k] is before[k] for k in before)
            if not same:
                changed = [k for k in {**before, **now} if now.get(k) is not before.get(k)]
                hold_attributes(obj, before)
                raise UnsupportedError(
                    f"{where()}: attribute {changed[0]!r} of {_a(type(obj).__name__)} from outside "
                    "would be set once, when compiling, by a method that is not compiled (one that "
                    "Python calls by itself, such as __index__ or __str__, or a library); call an "
                    "ordinary method instead"
                )

    def relations(self) -> list[Relation]:
        """Which objects must be one, and that an object which is changed is no other one."""
        apart = [
            Relation(self._getters[id(obj)][1], path, same=False)
            for obj in {id(o): o for o, _, _ in self._attributes.values()}.values()
            for other, path, _ in self._getters.values()
            if other is not obj and type(other) is type(obj)
        ]
        return [*self._relations, *apart]


def _a(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _now(obj: Any, name: str) -> Any:
    """What an attribute is, if there is one that no code of the program's computes."""
    if own_getter(obj, name) is not None:
        return _NOTHING
    try:
        return plain_attribute(obj, name)
    except AttributeError:
        return _NOTHING


def _keeps(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Whether a dict has all its keys in their places: values are others, or keys were added."""
    known = trees.Entries not in now and trees.Entries not in before
    return known and tuple(now)[: len(before)] == tuple(before)


def _items(container: Any) -> list[Any]:
    return list(container.values() if isinstance(container, dict) else container)


def _parts_of_result(obj: Any) -> list[Any] | None:
    """What is in a container that is returned, or in an object that the trace made."""
    if isinstance(obj, MaybeNone):
        return [obj.value]
    if isinstance(obj, list | tuple | dict):
        return _items(obj)
    if isinstance(obj, deque):
        return list(obj)
    if trees.is_record(obj):
        return list(trees.children(obj).values())
    attributes = made_attributes(obj)
    return trees.registered_parts(obj) if attributes is None else list(attributes.values())


def _is_flat(x: list[Any]) -> bool:
    """Whether a list holds numbers, texts, or tuples of these."""
    form = form_of(x, resolve=False)
    if form is None or form[1] is list:
        return False
    return all(k.shape is None and k.lists is None and not k.row for k in form[0])
