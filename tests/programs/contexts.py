"""Phrases of context managers whose end depends on what the run does."""

from __future__ import annotations

import contextlib
from contextlib import closing, nullcontext, suppress
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

CONTEXTS = Phrases()
AS = tuple((np.array(a),) for a in ([1, 0, 2], [7, 1, 3], [0, 0, 0], [2, 5, -9]))


class Door:
    """What is closed at the end."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def close(self) -> None:
        print("closed", self.x[0])
        self.x[-1] = 9


@CONTEXTS(*AS)
def suppressed_around_a_write(x: Any) -> Any:
    with contextlib.suppress(IndexError):
        x[int(x[0])] = 5
        x[1] += 1
    return x.sum()


@CONTEXTS(*AS)
def suppressed_in_each_iteration(x: Any) -> Any:
    n = 0
    for v in x:
        with suppress(ZeroDivisionError, OverflowError):
            n += 6 // int(v)
            n *= 2
    return n


@CONTEXTS(*AS)
def suppressed_around_a_loop(x: Any) -> Any:
    n = 0
    with suppress(ZeroDivisionError):
        for v in x:
            n += 6 // int(v)
    return n


@CONTEXTS(*AS)
def returned_unless_suppressed(x: Any) -> Any:
    with suppress(LookupError):
        return x[int(x[0])]
    return -1


@CONTEXTS(*AS)
def left_unless_suppressed(x: Any) -> Any:
    n = 0
    for v in x:
        with suppress(ValueError):
            if v == 0:
                raise ValueError("none")
            if v > 5:
                break
            n += int(v)
            continue
        n -= 100
    return n


@CONTEXTS(*AS)
def others_are_not_suppressed(x: Any) -> Any:
    with suppress(IndexError), np.errstate(all="ignore"), suppress(KeyError):
        if x[0] == 7:
            raise KeyError("seven")
        x[1] = 6 // int(x[0])
        return x[int(x[0])]
    return x[1]


@CONTEXTS(*AS)
def suppressed_in_a_suppressed(x: Any) -> Any:
    seen = []
    with suppress(ZeroDivisionError):
        with suppress(IndexError):
            seen.append(int(x[int(x[0])]))
        seen.append(6 // int(x[1]))
    return seen


@CONTEXTS(*AS)
def kinds_in_a_tuple(x: Any) -> Any:
    kinds = (IndexError, ZeroDivisionError)
    with suppress(*kinds):
        return x[6 // int(x[1])]
    return x[0]


@CONTEXTS(*AS)
def closed_at_the_end(x: Any) -> Any:
    with closing(Door(x)) as door:
        door.x[0] += 1
        if x[1] > 0:
            return x[1] + door.x[0]
    return x[-1]


@CONTEXTS(*AS)
def closed_at_a_failure(x: Any) -> Any:
    with contextlib.closing(Door(x)):
        x[int(x[0])] = 4
    return x


@CONTEXTS(*AS)
def closed_in_each_iteration(x: Any) -> Any:
    total = 0
    for v in x[:2]:
        with nullcontext(v + 1) as w, closing(Door(x)):
            total += w
    return total


class _Noted:
    """A context manager of the program's."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __enter__(self) -> Any:
        self.x[0] += 1.0
        return self

    def __exit__(self, *error: Any) -> bool:
        self.x[1] += 10.0
        return False

    def suppress(self, *kinds: Any) -> Any:
        return self


@CONTEXTS(*AS)
def of_the_programs_own_under_that_name(x: Any) -> Any:
    noted = _Noted(x)
    with noted.suppress(IndexError):
        if x[0] > 2:
            return x
        x[2] *= 2
    return x * 1
