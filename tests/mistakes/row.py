"""The row of the table of mistakes, and of the table of what is right here and not elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit import jit

X = np.arange(6.0)


@dataclass(frozen=True)
class Mistake:
    """One row: ``says`` are words of the message, ``do`` what the page advises."""

    problem: str
    origin: str
    kind: type[Exception]
    says: str
    do: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    wrap: Callable[[Any], Any]


MISTAKES: list[Mistake] = []


def mistake(
    problem: str,
    origin: str,
    kind: type[Exception],
    says: str,
    do: str,
    *args: Any,
    wrap: Callable[[Any], Any] = jit,
) -> Callable[[Any], Any]:
    def enter(f: Any) -> Any:
        MISTAKES.append(Mistake(problem, origin, kind, says, do, f, args or (X,), wrap))
        return f

    return enter


@dataclass(frozen=True)
class Right:
    """One row: the function gives, compiled, what it gives without."""

    problem: str
    origin: str
    f: Callable[..., Any]
    args: tuple[Any, ...]


RIGHT: list[Right] = []


def right(problem: str, origin: str, *args: Any) -> Callable[[Any], Any]:
    def enter(f: Any) -> Any:
        RIGHT.append(Right(problem, origin, f, args or (X,)))
        return f

    return enter
