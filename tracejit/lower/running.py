"""Loops that a grid may take in parts although each iteration needs the one before.

Two kinds are known by their form. A loop that carries the best element so far and its place: of two
parts the better one stays, of equal ones the earlier. And one that carries a running total, of
which each iteration takes the value: parts are summed first, then each goes on where those before
it end.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.dtypes import is_bool, is_complex, is_exact, is_inexact, is_narrow
from tracejit.ir.accesses import linear
from tracejit.ir.core import TABLE, Instr, Value, uses
from tracejit.ir.extent import leaves
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.regions import needed
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX
from tracejit.records import dataclass

_SELECT, _EQ = TABLE["select"], TABLE["eq"]
#: What an order is made of.
_COMPARISONS = {
    TABLE[name] for name in ("lt", "gt", "isnan", "invert", "bitwise_and", "bitwise_or")
}


def _makers(loop: Instr) -> dict[Value, Instr]:
    return {r: i for i in loop.regions[0].instrs for r in i.results}


def _users(loop: Instr, value: Value) -> list[Instr]:
    return [i for i in loop.regions[0].instrs if value in uses(i)]


# -- the best element and its place ----------------------------------------------------------------


@dataclass(frozen=True)
class FirstExtreme:
    """What a loop carries at two positions `at`. `better` computes `flag`: whether `value`, the
    element of an iteration, is better than `best`, the one carried. Of no two equal ones it says
    so."""

    at: tuple[int, int]
    better: tuple[Instr, ...]
    flag: Value
    value: Value
    best: Value


def first_extreme(loop: Instr, at: int) -> FirstExtreme | None:
    """What a loop looks for, where it carries the best element so far at a position, and its place
    at another one."""
    (body,), makers = loop.regions, _makers(loop)
    carried = RegionOp(loop).carried_in(body)
    chosen = makers.get(body.results[at])
    if chosen is None or chosen.prim is not _SELECT or is_complex(carried[at].dtype):
        return None
    flag, value, best = chosen.operands
    other = [i for i in _users(loop, flag) if i is not chosen]
    if best is not carried[at] or len(other) != 1 or other[0].prim is not _SELECT:
        return None
    same, place, where = other[0].operands
    if same is not flag or where not in carried or body.results.count(other[0].result) != 1:
        return None
    to = body.results.index(other[0].result)
    if carried[to] is not where or not _moves_on(loop, place) or _users(loop, where) != other:
        return None
    ends = (chosen.result, other[0].result)
    if any(_users(loop, r) for r in ends) or body.results.count(chosen.result) != 1:
        return None
    instrs = [i for i in body.instrs if value not in i.results]
    order = needed(instrs, [flag], lambda i: best in uses(i) and i is not chosen)
    known = {value, best, *(r for i in order for r in i.results)}
    if not all(i.prim in _COMPARISONS and known.issuperset(uses(i)) for i in order):
        return None
    found = FirstExtreme((at, to), tuple(order), flag, value, best)
    return found if flag in known and _is_order(found) else None


def searches(loop: Instr) -> tuple[list[FirstExtreme], list[int]]:
    """What a counted loop looks for, and the positions of what it carries besides."""
    if loop.regions[0].diverges:
        return [], []
    positions = range(RegionOp(loop).count)
    found = [f for k in positions if (f := first_extreme(loop, k)) is not None]
    taken = {k for f in found for k in f.at}
    return found, [k for k in positions if k not in taken]


def _moves_on(loop: Instr, place: Value) -> bool:
    """Whether a place is a later one in each later iteration."""
    (body,) = loop.regions
    found = linear(place.dim, body.params[:1]) if place.type == INDEX else None
    if found is None:
        return False
    (slope,), rest = found
    inner = {r for i in body.instrs for r in i.results}
    return isinstance(slope, int) and slope > 0 and inner.isdisjoint(leaves(rest))


def _is_order(found: FirstExtreme) -> bool:
    """Whether better means less, or means greater; nan is never better, or the first one is best.

    All that is asked are comparisons: elements of each order to each other show it.
    """
    dtype = found.value.dtype
    if is_narrow(dtype):
        return False
    numbers: list[Any] = [False, True] if is_bool(dtype) else [0, 1, 2]
    nan = [np.nan] if is_inexact(dtype) else []
    says = {
        (a, b): bool(_evaluated(found, {found.value: dtype.type(a), found.best: dtype.type(b)}))
        for a, b in itertools.product([*numbers, *nan], repeat=2)
    }
    pairs = [*itertools.product(numbers, repeat=2)]
    less = all(says[a, b] == (a < b) for a, b in pairs)
    greater = all(says[a, b] == (a > b) for a, b in pairs)
    never = not any(says[n, b] for n in nan for b in numbers)
    always = all(says[n, b] for n in nan for b in numbers)
    settled = not any(says[b, n] for n in nan for b in [*numbers, *nan])
    return (less or greater) and (never or always) and settled


def _evaluated(found: FirstExtreme, env: dict[Value, Any]) -> Any:
    for instr in found.better:
        assert instr.prim.eval is not None
        env[instr.result] = instr.prim.eval(*(env[v] for v in instr.operands), **instr.attrs)
    return env[found.flag]


# -- running totals --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Total:
    """`total = combine(carried, value)`; `fresh`: in the first iteration it is the value alone.

    `steps`: what computes the total of these two.
    """

    combine: Instr
    value: Value
    total: Value
    steps: tuple[Instr, ...]

    @property
    def fresh(self) -> bool:
        return len(self.steps) > 1


def totals(loop: Instr) -> tuple[Total, ...]:
    """The running totals of a loop that carries nothing else; nothing for other loops."""
    if not is_counted(loop) or loop.regions[0].diverges:
        return ()
    found = [_total(loop, k) for k in range(RegionOp(loop).count)]
    known = tuple(t for t in found if t is not None)
    values = needed(loop.regions[0].instrs, [t.value for t in known])
    apart = not any(step in values for t in known for step in t.steps)
    return known if apart and len(known) == len(found) else ()


def runs(loop: Instr) -> bool:
    """Whether iterations of a loop use a running total, as folds do not."""
    return any(_users(loop, t.total) for t in totals(loop))


def added(loop: Instr) -> list[Instr]:
    """The instructions of an iteration that what it adds to its totals is made of."""
    return needed(loop.regions[0].instrs, [t.value for t in totals(loop)])


def _total(loop: Instr, at: int) -> Total | None:
    """What a loop sums at a position of what it carries, where parts may be summed first.

    That is so for exact operations, and where what stores the total says that the order of the sum
    is free: `np.cumsum`, but not a loop of the user's.
    """
    (body,), makers = loop.regions, _makers(loop)
    carried, total = RegionOp(loop).carried_in(body)[at], body.results[at]
    last = makers.get(total)
    steps: tuple[Instr, ...] = (last,) if last is not None else ()
    alone = None
    if last is not None and last.prim is _SELECT:
        flag, alone, rest = last.operands
        first, combine = makers.get(flag), makers.get(rest)
        if first is None or combine is None or not _is_first(loop, first):
            return None
        steps = (first, combine, last)
        if _users(loop, rest) != [last]:
            return None
        last = combine
    if last is None or not last.has(Trait.FOLDS) or last.operands.count(carried) != 1:
        return None
    (value,) = [v for v in last.operands if v is not carried]
    if alone not in (None, value) or _users(loop, carried) != [last]:
        return None
    if body.results.count(total) != 1:
        return None
    free = is_exact(total.dtype) or _is_free(loop, last, total)
    return Total(last, value, total, steps) if free else None


def _is_first(loop: Instr, instr: Instr) -> bool:
    """Whether an instruction asks for the first iteration."""
    if instr.prim is not _EQ:
        return False
    a, b = instr.operands
    return a is loop.regions[0].params[0] and b.expr == 0


def _is_free(loop: Instr, combine: Instr, total: Value) -> bool:
    stores = [i for i in _users(loop, total) if i.has(Trait.STORES)]
    sums = bool(stores) and all(i.attrs.get("sums") for i in stores)
    return sums and combine.prim is TABLE["add"] and not is_narrow(total.dtype)
