"""``jit(check_nan=True)``: which operation made the nan or the infinity in a result.

From a result that is not finite the search goes back through the operands that are not finite
either, into loops and branches, up to the first instruction whose operands are. What a mask hides
(``np.where(x > 0, np.log(x), 0)``) is in no result, and is not looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.diagnostics.replay import finite, named, place, recorded
from tracejit.errors import raise_at
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import values_of
from tracejit.records import dataclass

Env = Mapping[Value, Any]


@dataclass(frozen=True)
class Made:
    """An instruction that gave what is not finite of finite operands, with these values."""

    instr: Instr
    result: Any
    operands: Sequence[Any]


def blame(function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Raise FloatingPointError for what a call with these arguments makes of finite numbers."""
    seen = recorded(function, args, kwargs)
    env = values_of(seen.function, seen.args)
    for value in _shown(seen.function):
        if value in env and not finite(env[value]):
            found = _maker(seen.function, env, value)
            if isinstance(found, Made):
                _raise(found)


def _shown(function: Function) -> list[Value]:
    """What a call leaves: arrays of the caller's that it writes, and its results."""
    written = [i.operands[0] for i in function.instrs if i.name == "write_back"]
    return [*written, *function.results]


def _maker(function: Function, env: Env, value: Value) -> Made | Value | None:
    """Who made what is not finite in ``value``; a parameter where it came from outside, None where
    the program has it as a constant."""
    defs = {r: i for i in function.instrs for r in i.results}
    while value in defs:
        instr = defs[value]
        if instr.regions:
            inside = _INSIDE[instr.name](instr, env, instr.results.index(value))
            if not isinstance(inside, Value):
                return inside
            value = inside
            continue
        if not instr.operands:
            return None
        operands = [env[v] for v in instr.operands]
        wrong = [v for v, x in zip(instr.operands, operands, strict=True) if not finite(x)]
        if not wrong:
            return Made(instr, env[value], operands)
        value = wrong[0]
    return value


def _in_region(
    region: Function, operands: Sequence[Value], args: Sequence[Any], k: int
) -> Made | Value | None:
    """The maker of result ``k`` of one run of a region, or the operand that it came by."""
    found = _maker(region, values_of(region, args), region.results[k])
    return operands[region.params.index(found)] if isinstance(found, Value) else found


def _in_cond(instr: Instr, env: Env, k: int) -> Made | Value | None:
    operands = instr.operands[1:]
    region = instr.regions[0 if bool(env[instr.operands[0]]) else 1]
    return _in_region(region, operands, [env[v] for v in operands], k)


def _in_call(instr: Instr, env: Env, k: int) -> Made | Value | None:
    return _in_region(instr.regions[0], instr.operands, [env[v] for v in instr.operands], k)


def _in_loop(instr: Instr, env: Env, k: int) -> Made | Value | None:
    """The first iteration after which a carried value is not finite, and what it came by there."""
    lead = 1 if instr.name == "for" else 0
    body = instr.regions[-1]
    first = list(instr.operands[lead:])
    trips = int(env[instr.operands[0]]) if lead else None
    states = _iterations(instr, [env[v] for v in first], trips)
    while True:
        step = next((n for n, s in enumerate(states) if not finite(s[k])), 0)
        if step == 0:
            return first[k]
        args = [np.asarray(step - 1, np.int64)] * lead + states[step - 1]
        found = _maker(body, values_of(body, args), body.results[k])
        if not isinstance(found, Value):
            return found
        k = body.params.index(found) - lead
        if k >= instr.attrs["carried"]:
            return first[k]
        states = states[:step]


def _iterations(instr: Instr, state: list[Any], trips: int | None) -> list[list[Any]]:
    """The carried values and constants before each iteration, and after the last."""
    body, states = instr.regions[-1], [state]
    for number in itertools.count() if trips is None else range(trips):
        test = instr.regions[0]
        if trips is None and not bool(values_of(test, state)[test.results[0]]):
            break
        lead = [] if trips is None else [np.asarray(number, np.int64)]
        env = values_of(body, [*lead, *state])
        if not all(r in env for r in body.results):
            break  # it raises here
        state = [*[env[r] for r in body.results], *state[instr.attrs["carried"] :]]
        states.append(state)
    return states


_INSIDE: dict[str, Callable[[Instr, Env, int], Made | Value | None]] = {
    "for": _in_loop,
    "while": _in_loop,
    "cond": _in_cond,
    "call": _in_call,
}


def _raise(made: Made) -> None:
    result, instr = np.asarray(made.result), made.instr
    at = tuple(int(n) for n in np.argwhere(~np.isfinite(result))[0])
    kind = "nan" if np.isnan(result[at]) else "inf"
    text = f"{place(instr.loc)}: {named(instr)} made {kind}{_example(made, at)}"
    error = FloatingPointError(text)
    if instr.loc is None:
        raise error
    raise_at(error, instr.loc.filename, instr.loc.line)


def _example(made: Made, at: tuple[int, ...]) -> str:
    """The first element that is not finite, and what it was made of, where each has its own."""
    where = f" at index {list(at)}" if at else ""
    shape = np.shape(made.result)
    if made.instr.prim.kind != "elementwise" or any(np.shape(x) != shape for x in made.operands):
        return where
    given = ", ".join(f"{np.asarray(x)[at]}" for x in made.operands)
    return f"{where}: {made.instr.name}({given})"
