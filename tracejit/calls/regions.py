"""``jit(fallback=True)``: the loops of a function that runs in Python, each compiled by itself.

The function asks a region before the loop runs, with the variables that the loop needs. A region
that cannot be compiled for them, or might not do just what Python does, answers None. One of which
too much was refused, or which compiles again and again, is not tried any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from tracejit.calls.fallback import Fallback, Reason
from tracejit.calls.log import log
from tracejit.calls.versions import Options
from tracejit.errors import UnsupportedError
from tracejit.ir.core import instr_effect
from tracejit.trace.convert.outlining import variable
from tracejit.trace.convert.regions import SplitFunction, split
from tracejit.trace.convert.source import SourceUnavailable
from tracejit.trace.values.going_on import not_plain

#: Calls that are refused after which a loop runs in Python, if no more were native.
REFUSALS = 8
#: Compilations after which it does, if there were not this many native calls for each.
COMPILATIONS = 16

Lines = tuple[int, int]
#: Makes a compiled function, of which these calls run in Python.
Compile = Callable[[Callable[..., Any], Options, Fallback], Any]


class Region:
    """A loop as a compiled function."""

    def __init__(
        self, function: FunctionType, lines: Lines, options: Options, compile_: Compile
    ) -> None:
        self.lines = lines
        self.calls = 0
        code = function.__code__
        self.filename, self.names = code.co_filename, code.co_varnames[: code.co_argcount]
        self.refusals = _Refusals(function, enabled=True)
        self.compiled = compile_(function, options, self.refusals)
        self.given_up: str | None = None

    def __call__(self, *variables: Any) -> Any:
        """What the loop does to these variables; None if it is to run in Python."""
        if self.given_up is not None:
            return None
        self.calls += 1
        for name, value in zip(self.names, variables, strict=True):
            other = not_plain(value)
            if other is not None:
                found = f"{variable(name)} is or holds a {type(other).__name__}"
                return self._refuse(f"{found}, which may have other names")
        try:
            results = self.compiled(*variables)
        except OverflowError as error:
            if not self._can_be_repeated():
                raise
            return self._refuse(f"OverflowError: {error}")
        self._look()
        return results

    def _refuse(self, why: str) -> None:
        """The loop runs in Python this time."""
        self.refusals.run(Reason(why, self.filename, self.lines[0]), (), {})
        self._look()

    def _can_be_repeated(self) -> bool:
        """Whether a call that ended in an exception has done nothing that can be seen."""
        return not any(
            instr_effect(instr) == "ordered"
            for version in self.compiled._dispatcher.versions()
            for instr in version.artefacts.function.instrs
        )

    @property
    def native(self) -> int:
        """How many calls ran as native code."""
        return self.calls - self.refusals.calls

    def _look(self) -> None:
        """Whether trying it is still worth while."""
        compilations = self.compiled._dispatcher.compilations
        if self.refusals.calls >= REFUSALS and self.refusals.calls > self.native:
            self.given_up = f"{self.refusals.calls} calls were refused"
        elif compilations >= COMPILATIONS and self.native < COMPILATIONS * compilations:
            self.given_up = f"{self.native} calls took {compilations} compilations"

    @property
    def reasons(self) -> list[str]:
        """Why calls of it ran in Python."""
        found = [str(reason) for reason in self.refusals.reasons]
        return found if self.given_up is None else [*found, self.given_up]


class _Refusals(Fallback):
    """Calls of a region that cannot be compiled: the loop runs where it stands."""

    def __init__(self, function: Callable[..., Any], *, enabled: bool) -> None:
        super().__init__(function, enabled=enabled)
        self.reasons: dict[Reason, None] = {}

    def run(self, reason: Reason, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.calls += 1
        self.reasons.setdefault(reason)
        log("fallback", self.function, f"loop runs in Python: {reason}")


class SplitCalls:
    """A function that runs in Python but for its loops. ``left``: those that cannot be compiled by
    themselves, and why. ``call``: the function."""

    def __init__(self, function: Callable[..., Any], options: Options, compile_: Compile) -> None:
        self.call = function
        self.regions: list[Region] = []
        self.left: list[tuple[Lines, str]] = []
        plain = function.__func__ if isinstance(function, MethodType) else function
        if not isinstance(plain, FunctionType):
            return
        try:
            parts: SplitFunction = split(plain)
        except (SourceUnavailable, UnsupportedError) as error:
            code = plain.__code__
            last = max(line for *_, line in code.co_lines() if line is not None)
            self.left.append(((code.co_firstlineno, last), str(error)))
            return
        # What is static of the function's arguments may be bound to something else in the loop.
        none: frozenset[Any] = frozenset()
        options = replace(options, static_argnums=none, static_argnames=none, goes_on=True)
        self.left += [(loop.lines, loop.reason) for loop in parts.left]
        self.regions += [Region(r.bind(plain), r.lines, options, compile_) for r in parts.regions]
        made = parts.bind(plain, self.regions)
        self.call = (
            MethodType(made, function.__self__) if isinstance(function, MethodType) else made
        )

    @property
    def native(self) -> int:
        """How many loops ran as native code."""
        return sum(region.native for region in self.regions)

    def told(self, reason: str) -> str:
        """What runs how, in one line."""
        compiled = [lines(r.lines) for r in self.regions if r.native]
        waiting = [lines(r.lines) for r in self.unreached]
        refused = [
            lines(at) if why == reason else f"{lines(at)} ({why})" for at, why in self.refused
        ]
        whole = "as a whole" if compiled or waiting else "and runs in Python"
        texts = [f"is not compiled {whole}: {reason}"]
        for what, found in (
            ("compiled", compiled), ("in Python", refused), ("not reached yet", waiting)
        ):  # fmt: skip
            if found:
                texts.append(f"{what}: {', '.join(found)}")
        return "; ".join(texts)

    @property
    def refused(self) -> list[tuple[Lines, str]]:
        """Loops that ran in Python, at least once, and why."""
        found = [(r.lines, why) for r in self.regions for why in r.reasons]
        return sorted(found + self.left)

    @property
    def unreached(self) -> list[Region]:
        """Regions that were not called; those in one that ran need not be."""
        ran = [r.lines for r in self.regions if r.native]
        return [
            r
            for r in self.regions
            if not (r.native or r.reasons)
            and not any(first <= r.lines[0] and r.lines[1] <= last for first, last in ran)
        ]


def lines(found: Lines) -> str:
    first, last = found
    return f"line {first}" if first == last else f"lines {first}-{last}"


def in_python(
    function: Callable[..., Any], options: Options, compile_: Compile
) -> Callable[[], SplitCalls]:
    """Makes a function as it runs in Python."""
    return partial(SplitCalls, function, options, compile_)
