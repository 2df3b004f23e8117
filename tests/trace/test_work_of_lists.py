"""What changes of lists cost whose length or kinds the run decides: never the whole list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.ir.core import Function, Instr

N = 50


def extends(n: int) -> list[list[int]]:
    found = []
    for i in range(n):
        some = [[i, i + 1]]
        if i % 3 == 0:
            some.append([i, 7])
        found.extend(some)
    return found


def extends_by_itself(n: int) -> list[float]:
    found = [1.5]
    for i in range(n):
        if len(found) < 40:
            found.extend(found)
        found[-1] += i
    return found


def adds_lists(n: int) -> list[int]:
    found: list[int] = []
    for i in range(n):
        found += range(i % 3)
    return found


def writes_another_kind(n: int) -> list[list[Any]]:
    u = [[0] * N for _ in range(N)]
    u[0] = [1] * N
    for _ in range(n):
        for i in range(1, N - 1):
            for j in range(1, N - 1):
                u[i][j] = (u[i][j - 1] + u[i - 1][j]) * 0.25
    return u


def writes_another_kind_in_a_list(n: int) -> list[Any]:
    u = [0] * N
    for i in range(n):
        u[i % N] = u[i % 7] + 0.5
    return u


PROGRAMS = (
    extends,
    extends_by_itself,
    adds_lists,
    writes_another_kind,
    writes_another_kind_in_a_list,
)


def in_loops(function: Function, inside: bool = False) -> Iterator[Instr]:
    """Instructions in the bodies of loops, but for those in branches: what is done each time."""
    for instr in function.instrs:
        if inside:
            yield instr
        if instr.name in ("for", "while"):
            yield from in_loops(instr.regions[-1], inside=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_iteration_makes_no_other_list(program: Any) -> None:
    f = jit(program, shapes="dynamic")
    assert repr(f(60)) == repr(program(60))
    made = f._dispatcher.versions()[0].artefacts.function
    for instr in in_loops(made):
        if instr.name in ("concatenate", "select", "eq", "convert", "broadcast"):
            for result in instr.results:
                known = [d for d in result.shape if isinstance(d, int)]
                assert len(known) == result.rank, instr
                assert np.prod(known) < N, instr
