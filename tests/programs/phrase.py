"""Phrases: one way of saying something in Python and NumPy, with several sets of arguments.

All sets are given to one compiled function, so that a version is never taken for the wrong ones.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.programs.cross_check import outcomes
from tests.programs.program import Program, assert_same

Maker = Callable[[], tuple[Any, ...]]
#: Whether the environment says how much LLVM optimises.
_SAID = "TRACEJIT_OPT_LEVEL" in os.environ
_ALL = bool(os.environ.get("TRACEJIT_ALL_POLICIES"))


@dataclass(frozen=True)
class Phrase:
    """A function, what makes its arguments, and the shape policies that it is compiled under.

    ``place``: which one of its table it is.
    """

    fn: Callable[..., Any]
    makers: tuple[Maker, ...]
    rtol: float = 0.0
    policies: tuple[str, ...] = ("auto", "dynamic")
    place: int = 0

    @property
    def name(self) -> str:
        return self.fn.__name__

    def level(self, policy: str) -> int | None:
        """How much LLVM optimises: under one of the policies, in turn, as always; else nothing.

        That is half of a compilation; what differs between policies is what LLVM is given.
        """
        optimised = self.policies[self.place % len(self.policies)]
        return None if _SAID or policy == optimised else 0


class Phrases(list[Phrase]):
    """A table that is filled by decorating functions with the arguments to call them on."""

    def __call__(self, *makers: Any, **how: Any) -> Callable[[Any], Any]:
        def enter(fn: Callable[..., Any]) -> Callable[..., Any]:
            calls = tuple(m if callable(m) else functools.partial(copied, m) for m in makers)
            self.append(Phrase(fn, calls, place=len(self), **how))
            return fn

        return enter


def copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with fresh arrays of the same memory order."""
    return tuple(a.copy(order="K") if isinstance(a, np.ndarray) else a for a in args)


def cases(table: Phrases) -> list[Any]:
    """Phrases and policies for `pytest.mark.parametrize`: every other phrase under its first one
    alone, but for ``TRACEJIT_ALL_POLICIES=1``."""
    return [
        pytest.param(p, how, id=f"{p.name}-{how}")
        for p in table
        for how in (p.policies if _ALL or p.place % 2 else p.policies[:1])
    ]


def check(phrase: Phrase, policy: str) -> None:
    """The phrase means the same in every way, for all its arguments.

    Without passes it is compiled under the first policy alone: that takes as long as with them.
    """
    program = Program(phrase.name, phrase.fn, lambda r: (), exact=not phrase.rtol, rtol=phrase.rtol)
    first = policy == phrase.policies[0]
    level = phrase.level(policy)
    for way, got, want in outcomes(phrase.fn, phrase.makers, policy, first, level):
        assert_same(got, want, program, way)
