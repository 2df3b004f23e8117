"""Why the host waits for a GPU: who needs a number that is computed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.core import TABLE, Function, Instr, Value, type_uses, uses
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.lower.join_points import is_arithmetic

_FETCH = TABLE["fetch"]
Users: TypeAlias = Mapping[Value, Sequence[Instr]]


def waits(function: Function) -> Iterator[tuple[Instr, str]]:
    """Statements of the host that read numbers from the device, and who needs them."""
    users = _users(function)
    for instr in function.instrs:
        if instr.has(Trait.LAUNCHES) or instr.prim is _FETCH:
            if instr.results:
                yield instr, _why(instr.results, users)
        else:
            for region in instr.regions:
                yield from waits(region)


def _users(function: Function) -> Users:
    users: dict[Value, list[Instr]] = {}
    for instr in function.instrs:
        for value in dict.fromkeys(uses(instr)):
            users.setdefault(value, []).append(instr)
    return users


def _why(values: Sequence[Value], users: Users) -> str:
    """The first statement, after arithmetic, that needs one of some values."""
    left, seen = list(values), set(values)
    while left:
        value = left.pop(0)
        for user in users.get(value, ()):
            found = _need(user, value)
            if found is not None:
                return found
            new = [r for r in user.results if r not in seen]
            left += new
            seen |= {*new}
    return "it is a result"


def _need(user: Instr, value: Value) -> str | None:
    """What a statement needs a number for; None: it makes another number of it."""
    if user.has(Trait.GUARD):
        return "a check depends on it"
    if user.has(Trait.BRANCH) and value in user.operands[: RegionOp(user).first]:
        fails = any(r.diverges for r in user.regions)
        return "whether something is raised depends on it" if fails else "a branch depends on it"
    if user.has(Trait.LOOP) and value in user.operands[: RegionOp(user).first]:
        return "how often a loop goes round depends on it"
    if user.has(Trait.ALLOCATES) or any(value in type_uses(v.type) for v in uses(user)):
        return "the size of an array depends on it"
    if user.has(Trait.LAUNCHES):
        return "the size of a kernel depends on it"
    if user.has(Trait.VIEWS):
        return "where a window begins depends on it"
    if user.regions:
        return _inside(user, value)
    return None if is_arithmetic(user) else f"{user.name} gets it"


def _inside(user: Instr, value: Value) -> str:
    """Why a loop or a branch needs what it passes on."""
    for region in user.regions:
        given = [inner for inner, outer in RegionOp(user).bound(region) if outer is value]
        why = _why(given, _users(region))
        if why != "it is a result":
            return why
    return "a loop carries it" if user.has(Trait.LOOP) else "a branch gives it"
