"""Numbers where several meet: what a branch leaves, a loop carries, a recursion passes on.

A plan says of which kinds a number may be, and how it is kept: numbers of one kind as they are;
Python's and NumPy's of one value beside a flag (``Number`` with ``python``); any others each kind
in a place of its own, with flags that say which one it is (``Tagged``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any, TypeAlias

import numpy as np

from tracejit.dtypes import digits, is_float, kind_of
from tracejit.ir.core import Value
from tracejit.ir.types import BOOL, TensorType, dtype_of
from tracejit.records import dataclass
from tracejit.trace.control.edges import Edge
from tracejit.trace.control.plans import Arrivals, BindingPlan
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.session import current
from tracejit.trace.values import number_tags
from tracejit.trace.values.all import (
    KIND_DTYPE,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    WeakKind,
    python_int,
    weak_kind,
)
from tracejit.trace.values.scalar_join import exact_value, is_number, keeps, known_number
from tracejit.trace.values.scalars import most_of
from tracejit.trace.values.tagged import by_kind, tags

#: Of how many kinds a number may be.
MOST_KINDS = 6
_BOOL = np.dtype(np.bool_)
#: The NumPy kinds of the numbers that Python's of a kind are among.
_AMONG = {"bool": "b", "int": "iu", "float": "f", "complex": "c"}


class _KeptNumber(BindingPlan):
    def keeps(self, entry: Any) -> bool:
        return is_any_number(entry) and number_plan(entry) == self


@dataclass(frozen=True, eq=False)
class Number(_KeptNumber):
    """A number of a Python kind or a NumPy dtype. ``python``: where a flag says so it is Python's,
    of this kind, and the value is that number exactly. ``most``: what such an int does not
    exceed, up or down, if that is known."""

    kind: WeakKind | np.dtype[Any]
    python: WeakKind | None = None
    most: int | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Number) or self.python != other.python:
            return False
        return same_kind(self.kind, other.kind)

    def __hash__(self) -> int:
        return hash(str(self.kind))

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(KIND_DTYPE[self.kind] if isinstance(self.kind, str) else self.kind)

    @property
    def kinds(self) -> tuple[Number, ...]:
        """The kinds that a number of this plan may be of."""
        return (self,) if self.python is None else (Number(self.python), Number(self.kind))

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The dtypes of the values that keep a number."""
        return [self.dtype] if self.python is None else [self.dtype, _BOOL]

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        if x is UNDEFINED:
            return _zeros(self.dtypes)
        value = _value(x, self.kind)
        return [value] if self.python is None else [value, _is_of(x, Number(self.python))]

    def opened(self, entry: Any, given: Arrivals) -> Any:
        value = given.take(TensorType(self.dtype))
        if self.python is None:
            if not isinstance(self.kind, str):
                return Scalar(value)
            return python_int(value) if self.kind == "int" else PyScalar(self.kind, value)
        flag = given.take(BOOL)
        if self.python == "int" and is_float(self.dtype):
            most = 1 << digits(self.dtype)
            most = most if self.most is None else min(most, self.most)
            if isinstance(self.kind, str):
                return IntOrFloat(self.kind, value, flag, most)
            return IntOrScalar(value, flag, most)
        return MixedScalar(value, self.python, flag)


@dataclass(frozen=True)
class Tagged(_KeptNumber):
    """A number of one of these kinds: flags say of which, and each has a value of its own.
    ``known``: for each kind the one number of it that there is, None where it is the run's."""

    kinds: tuple[Number, ...]
    known: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The dtypes of the values that keep a number."""
        return [*(_BOOL for _ in self.kinds[1:]), *(n.dtype for n in self.kinds)]

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        """For each kind but the last whether the number is of it, then the number of each, or
        zero."""
        if x is UNDEFINED:
            return _zeros(self.dtypes)
        b = current().b
        found = list(apart(x))
        flags, values = [], []
        for kind in self.kinds:
            mine = [(number, flag) for k, number, flag in found if k == kind]
            value = b.const(0, kind.dtype)
            for number, flag in mine:
                made = exact_value(number, kind.kind)
                value = made if flag is None else b.op("select", flag, made, value)
            values.append(value)
            flags.append(_any(flag for _, flag in mine))
        return [*flags[:-1], *values]

    def opened(self, entry: Any, given: Arrivals) -> TaggedScalar:
        flags = [given.take(BOOL) for _ in self.kinds[1:]]
        numbers = [kind.opened(UNDEFINED, given) for kind in self.kinds]
        for k, x in enumerate(self.known):
            numbers[k] = numbers[k] if x is None else x
        return TaggedScalar(numbers, flags)


NumberPlan: TypeAlias = Number | Tagged


def same_kind(a: WeakKind | np.dtype[Any], b: WeakKind | np.dtype[Any]) -> bool:
    """Equality that does not take the Python kind "float" for the dtype float64."""
    return isinstance(a, str) == isinstance(b, str) and a == b


def is_any_number(x: Any) -> bool:
    """A number, also one of which the run decides the kind."""
    return is_number(x) or isinstance(x, TaggedScalar)


def kinds_of(x: Any) -> tuple[Number, ...]:
    """The kinds that a number may be of."""
    return tuple(map(Number, number_tags.kinds_of(x)))


def number_plan(x: Any) -> NumberPlan:
    """The plan that keeps a number as it is kept now."""
    if isinstance(x, TaggedScalar):
        return several(kinds_of(x))
    if isinstance(x, IntOrFloat | IntOrScalar):
        return Number(x.kind if isinstance(x, IntOrFloat) else dtype_of(x.dtype), "int")
    if isinstance(x, MixedScalar):
        return Number(dtype_of(x.dtype), x.kind)
    return kinds_of(x)[0]


def several(kinds: Iterable[Number]) -> NumberPlan:
    """The plan that keeps any numbers of these kinds."""
    found = tuple(map(Number, number_tags.in_order(n.kind for n in kinds)))
    return found[0] if len(found) == 1 else Tagged(found)


def compact(kinds: Iterable[Number], numbers: Iterable[Any]) -> Number | None:
    """The plan that keeps numbers of these kinds in one value; None where there is none that keeps
    these numbers as they are."""
    found = number_tags.in_order(n.kind for n in kinds)
    if len(found) == 1:
        return Number(found[0])
    first, second = found[:2]
    if len(found) > 2 or not isinstance(first, str):
        return None
    plan = Number(second, first)
    if isinstance(second, str) or (first == "int" and is_float(second)):
        fine = first == "int" and is_float(plan.dtype)
    else:
        fine = kind_of(second) in _AMONG[first]
    return plan if fine and all(holds(plan, x) for x in numbers) else None


def met_numbers(numbers: Sequence[Any]) -> NumberPlan:
    """The plan of a number that is one of these: each stays of its kind."""
    kinds = {kind for x in numbers for kind in kinds_of(x)}
    pieces = [p for x in numbers for p in (x.alternatives if isinstance(x, TaggedScalar) else (x,))]
    plan = compact(kinds, numbers)
    if plan is not None:
        return replace(plan, most=max(map(most_of, pieces)))
    found = several(kinds)
    assert isinstance(found, Tagged)
    return replace(found, known=tuple(_known(kind, pieces) for kind in found.kinds))


def _known(kind: Number, pieces: Sequence[Any]) -> Any:
    """The one known number of a kind among some; None where there is none."""
    mine = [x for x in pieces if kind in kinds_of(x)]
    if any(isinstance(x, Tracer) for x in mine) or len({repr(x) for x in mine}) != 1:
        return None
    return mine[0]


def holds(plan: NumberPlan, x: Any) -> bool:
    """Whether a plan keeps a number as it is."""
    if not set(kinds_of(x)) <= set(plan.kinds):
        return False
    if isinstance(plan, Tagged) or plan.python is None:
        return True
    numbers = x.alternatives if isinstance(x, TaggedScalar) else (x,)
    return all(_is_exact(number, plan.python, plan.dtype) for number in numbers)


def _is_exact(x: Any, python: WeakKind, dtype: np.dtype[Any]) -> bool:
    """Whether a value of a dtype is a number exactly, of Python's where it is of that kind."""
    if weak_kind(x) != python or dtype == dtype_of(KIND_DTYPE[python]):
        return True
    most = 1 << digits(dtype) if is_float(dtype) else None
    known = known_number(x)
    if known is not None:
        return keeps(known, dtype) and (python != "int" or most is None or abs(known) <= most)
    return python == "int" and most is not None and (most >= 2**53 or most_of(x) <= most)


# Values -------------------------------------------------------------------------------------------


def values_of(x: Any) -> Iterator[Value]:
    """The IR values that a number consists of."""
    if isinstance(x, TaggedScalar):
        yield from x.flags
        for part in x.alternatives:
            yield from values_of(part)
    elif isinstance(x, Tracer):
        yield x.read()
        if isinstance(x, IntOrFloat | IntOrScalar):
            yield x.integer
        elif isinstance(x, MixedScalar):
            yield x.python


def apart(x: Any, given: Value | None = None) -> Iterator[tuple[Number, Any, Value | None]]:
    """The numbers of one kind that a number may be, and whether it is (None: it surely is)."""
    b = current().b
    if isinstance(x, IntOrFloat | IntOrScalar | MixedScalar):
        x = by_kind(x)
    if not isinstance(x, TaggedScalar):
        yield kinds_of(x)[0], x, given
        return
    for number, flag in tags(x):
        here = flag(b)
        yield from apart(number, here if given is None else b.op("bitwise_and", given, here))


def _zeros(dtypes: Iterable[np.dtype[Any]]) -> list[Value]:
    return [current().b.const(0, dtype) for dtype in dtypes]


def _value(x: Any, kind: WeakKind | np.dtype[Any]) -> Value:
    if not isinstance(x, TaggedScalar):
        return exact_value(x, kind)
    *most, found = (exact_value(number, kind) for number in x.alternatives)
    for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
        found = current().b.op("select", flag, other, found)
    return found


def _is_of(x: Any, kind: Number) -> Value:
    """Whether a number is of one kind."""
    if isinstance(x, IntOrFloat | IntOrScalar):
        return x.integer
    if isinstance(x, MixedScalar):
        return x.python
    return _any(flag for found, _, flag in apart(x) if found == kind)


def _any(flags: Iterable[Value | None]) -> Value:
    """Whether one of some flags holds, of which None does."""
    b = current().b
    found: Value | None = None
    for flag in flags:
        if flag is None:
            return b.const(True, "bool")
        found = flag if found is None else b.op("bitwise_or", found, flag)
    return b.const(False, "bool") if found is None else found
