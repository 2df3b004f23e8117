"""Of which kinds a number is that a loop carries: the plan that fits one more end of an iteration.

A constant before the loop takes the kind that all iterations give it, as the ``0`` that a sum
starts with. Else the number keeps the kinds that it has, each where it has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_float, kind_of
from tracejit.ir.core import Value
from tracejit.trace.control.loop_attempt import variables
from tracejit.trace.control.number_plans import (
    MOST_KINDS,
    Number,
    NumberPlan,
    compact,
    holds,
    is_any_number,
    kinds_of,
    number_plan,
    several,
)
from tracejit.trace.session.session import current
from tracejit.trace.values.all import PyScalar, Scalar, WeakKind, weak_kind
from tracejit.trace.values.scalar_join import is_sentinel, joined_number


def wider_plan(
    plan: NumberPlan, entry: Any, end: Any, passed_on: Callable[[], bool], *, peeled: bool
) -> NumberPlan | None:
    """The plan that also fits the number at the end of an iteration; None where the first
    iteration is unlike the others, or there are too many kinds. ``passed_on``: whether another name
    may be bound at the end to the number that the iteration begins with."""
    if holds(plan, end):
        return plan
    ends, before = kinds_of(end), kinds_of(entry) if is_any_number(entry) else ()
    if before and plan == number_plan(entry):
        if len(before) == len(ends) == 1 and not peeled:
            joined = joined_number(entry, end) or _widened(entry, end)
            same = joined is not None and Number(joined) == ends[0]
            constant = weak_kind(entry) is not None and not is_sentinel(entry)
            if same and constant and (_is_alike(entry, ends[0]) or not passed_on()):
                return ends[0]
        narrow_float = None if peeled else _narrow_float(entry, ends)
        if narrow_float is not None:
            return narrow_float
        if not peeled and (is_sentinel(entry) or not set(before) & set(ends)):
            return None
    kinds = {*before, *plan.kinds, *ends}
    if len(kinds) > MOST_KINDS:
        return None
    # What is kept in one value is so if the next end bears it out.
    narrow = isinstance(plan, Number) and plan.python is None
    found = compact(kinds, [entry] if before else []) if narrow else None
    return found or several(kinds)


def _is_alike(entry: Any, kind: Number) -> bool:
    """Whether numbers of a kind are what a number is: a bool, an int, a float or complex."""
    (mine,) = kinds_of(entry)
    a, b = (kind_of(k.dtype).replace("u", "i") for k in (mine, kind))
    return a == b


def _narrow_float(entry: Any, ends: Sequence[Number]) -> Number | None:
    """The plan for a Python float that some iterations make a float32 or a float16, as in a sum
    under a condition: that kind throughout, else all that is computed of it would be so twice."""
    known = entry.static_value() if isinstance(entry, PyScalar) else entry
    if type(known) is not float or is_sentinel(entry) or len(ends) != 2:
        return None
    numbers = [e for e in ends if not isinstance(e.kind, str)]
    if len(numbers) != 1 or not all(e.kind == "float" for e in ends if e is not numbers[0]):
        return None
    dtype = numbers[0].kind
    assert isinstance(dtype, np.dtype)
    exact = is_float(dtype) and dtype != np.float64 and float(dtype.type(known)) == known
    return numbers[0] if exact else None


def _widened(entry: Any, end: Any) -> WeakKind | np.dtype[Any] | None:
    """What ``entry`` will be if a loop around this one carries it as what ``end`` needs.

    That loop's attempt is under way. It is made again once this is asked for (in vain, where its
    own end does not bear it out), so in this one the number may just be converted. Peeling an
    iteration instead traces the body once more at every depth. None where no loop around can
    carry it so.
    """
    if not isinstance(entry, PyScalar | Scalar):
        return None
    for loop, place, before in _provisional_in(entry.read()):
        if variables(loop)[place].name in loop.asked:
            continue
        kind = joined_number(before, end)
        if kind is not None:
            loop.wider[place] = kind
        else:
            kind = _widened(before, end)
        if kind is not None:
            return kind
    return None


def _provisional_in(value: Value) -> Iterator[tuple[Any, int, Any]]:
    """The numbers that attempts under way opened from which a scalar is computed."""
    session = current()
    made = {r: i for f in session.frames for i in f.builder.instrs for r in i.results}
    pending, seen = [value], {value}
    while pending:
        value = pending.pop()
        if value in session.provisional:
            yield session.provisional[value]
            continue
        instr = made.get(value)
        if instr is None or instr.prim.kind != "elementwise" or value.rank:
            continue
        pending += [v for v in instr.operands if v not in seen]
        seen.update(instr.operands)
