"""What a name is bound to where several values may meet in it: one *plan* per name.

A plan says what is passed of a binding (``flatten``) and how a binding is made of what arrives
(``rebuild``): at the start of an iteration and after a loop, after a branch, in a call of a
recursion. Here are the plans of what tracing knows, of what may be unbound or None, and of what
has parts; numbers, lists and arrays have their own modules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np

from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import BOOL, INDEX, TensorType
from tracejit.records import dataclass
from tracejit.trace.control.carried_storage import SlotName
from tracejit.trace.control.edges import Edge, TracedSide
from tracejit.trace.control.objects import choose_among, is_object, made_object, read_parts
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.regions import yielded
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, Cell, Tracer
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.record_layouts import RecordLayout
from tracejit.trace.values.selected_storage import storage_of
from tracejit.trace.values.structured_arrays import StructuredArray


class Arrivals(ABC):
    """The values that plans make bindings of, in the order of ``flatten``. ``slots``: storage that
    an iteration made; ``changed``: whether what has been taken may be other than before;
    ``may_be_as_before``: whether in some run all is what it was before."""

    may_be_as_before = True

    def __init__(self) -> None:
        self.slots: dict[SlotName, Cell] = {}
        self.changed = False

    @abstractmethod
    def take(self, type_: TensorType) -> Value:
        """The next value, which has this type."""

    def extent(self) -> Dim:
        """The next value as an extent."""
        return current().ranges.extent(self.take(INDEX)).dim

    def new_cell(self, cell: Cell, value: Value, slot: SlotName | None, entry: Any) -> None:
        """An array is carried by value: ``cell`` holds what has arrived."""
        if slot is not None:
            self.slots[slot] = cell


class Placeholders(Arrivals):
    """What stands for values while a body is traced: new ones."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Value] = []
        self.cells: list[tuple[Cell, Value, Array | None]] = []

    def take(self, type_: TensorType) -> Value:
        value = Value(type_)
        self.values.append(value)
        self.changed = True
        return value

    def new_cell(self, cell: Cell, value: Value, slot: SlotName | None, entry: Any) -> None:
        super().new_cell(cell, value, slot, entry)
        found = entry if isinstance(entry, Array) else None
        if found is not None:  # why it must not be written, if it must not
            cell.kept = next((c.kept for c in storage_of(found) if c.kept is not None), None)
        if slot is None:
            self.cells.append((cell, value, found))


class Results(Arrivals):
    """Results of an instruction. ``changed``: which are other than before it; ``runs``: it surely
    does what may change them."""

    def __init__(
        self, values: Sequence[Value], changed: Sequence[bool] | None = None, *, runs: bool = False
    ) -> None:
        super().__init__()
        self.may_be_as_before = not runs
        flags = [True] * len(values) if changed is None else changed
        self._rows = iter(zip(values, flags, strict=True))

    def take(self, type_: TensorType) -> Value:
        value, changed = next(self._rows)
        self.changed = self.changed or changed
        return value


class BindingPlan(ABC):
    """What a name is bound to on each of several edges."""

    @abstractmethod
    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        """The IR values of a binding. UNDEFINED gives zeros (it is bound anew before it is read).
        ``edge``: where it is passed on, if that makes a difference."""

    @abstractmethod
    def opened(self, entry: Any, given: Arrivals) -> Any:
        """A binding made of what arrives."""

    def keeps(self, entry: Any) -> bool:
        """Whether a binding stays the object it is where nothing of it changed."""
        return False

    def rebuild(self, entry: Any, given: Arrivals) -> Any:
        """The binding where the edges meet; ``entry``: what it was before."""
        given.changed = False
        found = self.opened(entry, given)
        return entry if not given.changed and self.keeps(entry) else found


def passed(plan: BindingPlan, values: list[Value], edge: Edge | None) -> list[Value]:
    """Values of a plan as an edge passes them."""
    if not isinstance(edge, TracedSide):
        return values
    stands = Placeholders()
    plan.opened(UNDEFINED, stands)
    return yielded(stands.values, values)


@dataclass(frozen=True)
class Invariant(BindingPlan):
    """Bound to the same object throughout; UNDEFINED when it is bound anew before it is read."""

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return []

    def opened(self, entry: Any, given: Arrivals) -> Any:
        return entry


@dataclass(frozen=True)
class Unbound(BindingPlan):
    """Not passed: unbound at the start of each iteration."""

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return []

    def opened(self, entry: Any, given: Arrivals) -> Any:
        return UNDEFINED


@dataclass(frozen=True, eq=False)
class KnownValue(BindingPlan):
    """The same known value on each edge, of a name that was unbound before."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownValue) and self.is_value(other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))

    def is_value(self, x: Any) -> bool:
        """Whether something is the constant."""
        return x is self.value or (type(x) is type(self.value) and bool(x == self.value))

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        """StructureError where a binding, before the loop or after an iteration, is another."""
        if x is not UNDEFINED and not self.is_value(x):
            raise StructureError(
                f"a loop that is decided at run time gives {self.value!r} in one iteration and "
                f"{x!r} in another or before it: give numbers that stand for them"
            )
        return []

    def opened(self, entry: Any, given: Arrivals) -> Any:
        return self.value


_KNOWN = (
    type(None), type(...), str, bytes, type, np.dtype, np.ufunc, BuiltinFunctionType, ModuleType,
)  # fmt: skip


def is_known(x: Any) -> bool:
    """Whether a value cannot hold anything that is traced, nor change."""
    return isinstance(x, _KNOWN) or (isinstance(x, FunctionType) and not x.__closure__)


@dataclass(frozen=True)
class LostFunction(BindingPlan):
    """A function that is made anew on an edge and reads what is there: on other edges the name has
    something that refuses to be called."""

    name: str

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return []

    def opened(self, entry: Any, given: Arrivals) -> Any:
        return Lost(self.name)


@dataclass(frozen=True, eq=True)
class Lost:
    """What stands for a function of another edge."""

    name: str

    def __repr__(self) -> str:
        return f"<function {self.name} of another iteration or branch>"

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: {self.name} was defined in a loop or branch that is decided at run time "
            "and reads variables around it: call it there, or define it before and pass what it "
            "reads"
        )


@dataclass(frozen=True)
class Maybe(BindingPlan):
    """A variable that may be unbound, or None if ``none``, with its plan where it is not."""

    name: str
    plan: BindingPlan
    none: bool = False

    def inner(self, x: Any) -> Any:
        """What a binding is if it is bound, or a value; UNDEFINED where it surely is not."""
        if isinstance(x, MaybeNone if self.none else MaybeUnbound):
            return x.value
        return UNDEFINED if self.none and x is None else x

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        inner = self.inner(x)
        known = inner is x or x is None
        flag = current().b.const(inner is not UNDEFINED, "bool") if known else x.flag
        return [flag, *self.plan.flatten(inner, edge)]

    def opened(self, entry: Any, given: Arrivals) -> Any:
        flag = given.take(BOOL)
        x = self.plan.rebuild(self.inner(entry), given)
        return MaybeNone(flag, x) if self.none else MaybeUnbound(self.name, flag, x)


def carried_on(made: Any, *others: Any) -> Any:
    """Note that a loop has made a structure for a name that iterations bind. ``others``: what it
    may stand for; UNDEFINED is nothing."""
    session = current()
    if not is_object(made):
        return containers.put_together(session, made)
    choose_among(session, made, *(x for x in others if x is not UNDEFINED))
    return made


@dataclass(frozen=True)
class Older:
    """Lists, dicts and objects that were there before a loop, by identity: equal where they are the
    same ones."""

    of: Mapping[int, Any] = field(default_factory=dict, compare=False)
    keys: frozenset[int] = frozenset()

    def with_all(self, others: Iterable[Any]) -> Older:
        found = {**self.of, **{id(x): x for x in others}}
        return Older(found, frozenset(found))


@dataclass(frozen=True)
class Structure(BindingPlan):
    """A tuple, list, dict, range … of plans, or an object with its attributes' plans.

    ``make`` is the class, or of a structured array what its parts do not say; ``like`` one such
    object. ``note`` is asked what to keep in mind of each that is made, and of what it may stand
    for: ``older`` is what was there before, which an edge may leave."""

    make: type | RecordLayout
    keys: tuple[Any, ...]
    parts: tuple[BindingPlan, ...]
    note: Callable[..., Any] = field(default=carried_on, compare=False)
    like: Any = field(default=None, compare=False)
    older: Older = Older()

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        held = x if edge is None else edge.held_in(x)
        return [v for p, part in self._matched(held) for v in p.flatten(part, edge)]

    def opened(self, entry: Any, given: Arrivals) -> Any:
        items = [p.rebuild(e, given) for p, e in self._matched(entry)]
        if isinstance(self.make, RecordLayout):
            return StructuredArray(items, self.make)
        if self.make in (Range, slice) or hasattr(self.make, "_fields"):
            made: Any = self.make(*items)
        elif issubclass(self.make, dict | set):
            made = containers.like(self.like, dict(zip(self.keys, items, strict=True)))
        elif issubclass(self.make, tuple):
            made = self.make(items)
        elif issubclass(self.make, list | deque):
            made = containers.like(self.like, items)
        else:
            made = made_object(current(), self.make, dict(zip(self.keys, items, strict=True)))
        before = entry if given.may_be_as_before else UNDEFINED
        return self.note(made, before, *self.older.of.values())

    def _matched(self, x: Any) -> Iterator[tuple[BindingPlan, Any]]:
        """Plans with the parts of ``x``; UNDEFINED parts where there are none."""
        if x is UNDEFINED:
            yield from ((p, UNDEFINED) for p in self.parts)
            return
        parts = read_parts(x)
        yield from ((p, parts[k]) for k, p in zip(self.keys, self.parts, strict=True))


def maker_of(x: Any) -> type | RecordLayout:
    """What says how to make another structure like ``x`` of other parts."""
    if isinstance(x, StructuredArray):
        layout: RecordLayout = x.layout
        return layout
    return Range if isinstance(x, range) else type(x)


def is_same(a: Any, b: Any) -> bool:
    """Whether two values that tracing knows are equal, and cannot change."""
    if isinstance(a, Tracer) or isinstance(b, Tracer) or type(a) is not type(b):
        return False
    if isinstance(a, list | dict | set | np.ndarray):
        return False
    try:
        return bool(a == b) and repr(a) == repr(b)
    except (TypeError, ValueError):
        return False
