"""Runs one program in every way there is and compares all that a caller could see."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.fuzz.program import Program
from tests.programs.cross_check import outcomes
from tests.programs.program import Outcome
from tracejit.errors import TracejitError

ULPS = 4  # NumPy's elementary functions and ours, 2 ulp each


class Unsupported(Exception):
    """The program is outside of what tracejit compiles, and it said so."""


class Difference(AssertionError):
    """A way of running the program that differs from NumPy."""


def check(program: Program) -> Outcome:
    """``check_function`` of a random program on two sets of arguments."""
    makers = [program.arguments, lambda: program.arguments(1)]
    ulps = ULPS if program.rounded else 0
    return check_function(program.function(), makers, program.policy, str(program), ulps)


def check_function(
    function: Callable[..., Any],
    makers: Sequence[Callable[[], tuple[Any, ...]]],
    policy: str,
    shown: str,
    ulps: int = 0,
) -> Outcome:
    """All the ways of ``cross_check`` agree; the first outcome.

    ``shown`` is what a Difference shows; floating results may differ by ``ulps`` units in the last
    place. Raises Unsupported where tracejit says that it cannot.
    """
    outcome: Outcome | None = None
    for way, got, want in outcomes(function, makers, policy):
        compare(way, got, want, shown, ulps)
        outcome = outcome or want
    assert outcome is not None
    return outcome


def compare(way: str, got: Outcome, want: Outcome, shown: str, ulps: int) -> None:
    """Raise a Difference that shows the program."""
    if isinstance(got.raised, TracejitError):
        raise Unsupported(str(got.raised)) from got.raised
    problem = difference(got, want, shown, ulps)
    if problem:
        raise Difference(f"{way}: {problem}\n{shown}") from got.raised


def staged(source: str) -> bool:
    """Whether the program branches: what a name is bound to may then be decided at run time, and
    a result that would be one array or another comes back as a copy."""
    return any(word in source for word in ("if ", "for ", "while "))


def difference(got: Outcome, want: Outcome, source: str, ulps: int) -> str:
    """What differs first, or nothing."""
    if type(got.raised) is not type(want.raised):
        return f"raised {got.raised!r}, NumPy {want.raised!r}"
    # Of 0.0 and -0.0 NumPy picks, or puts first, either.
    signed = not any(word in source for word in ("max", "min", "sort", "partition"))
    parts = [("argument", got.arguments, want.arguments), ("result", got.results, want.results)]
    for what, left, right in parts:
        if len(left) != len(right):
            return f"{len(left)} {what}s, not {len(right)}"
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            if not same(a, b, signed, ulps if what == "result" else 0):
                return f"{what} {k} is {a!r}, not {b!r}"
    if got.structure != want.structure:
        return f"results nest as {got.structure}, not {want.structure}"
    if (got.aliases != want.aliases or got.shared != want.shared) and not staged(source):
        return f"results alias {got.aliases} {got.shared}, not {want.aliases} {want.shared}"
    return ""


def same(a: Any, b: Any, signed: bool, ulps: int) -> bool:
    """The same type, dtype, shape and bits (any nan is like any other).

    A Python number may have become a NumPy scalar where branches or loop iterations joined it.
    """
    if type(a) is not type(b) and not (isinstance(a, np.generic) and type(a.item()) is type(b)):
        return False
    x, y = np.asarray(a), np.asarray(b)
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    parts = [(x.real, y.real), (x.imag, y.imag)] if x.dtype.kind == "c" else [(x, y)]
    return all(same_bits(p, q, signed, ulps) for p, q in parts)


def same_bits(x: Any, y: Any, signed: bool, ulps: int) -> bool:
    equal = (x == y) | ((x != x) & (y != y))
    if signed and x.dtype.kind == "f":
        equal &= (np.signbit(x) == np.signbit(y)) | (x != x)
    if ulps and x.dtype.kind == "f":
        equal |= np.abs(x - y) <= ulps * np.spacing(np.maximum(np.abs(x), np.abs(y)))
    return bool(np.all(equal))


def quietly(program: Program) -> Outcome:
    """``check`` without NumPy's warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return check(program)
