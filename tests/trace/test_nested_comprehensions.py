"""Lists of lists that comprehensions make: as in Python, and of as little code as one loop each.

A comprehension over few known numbers is gone through while tracing, as long as that makes little
code. Else it is a loop of the run, whatever stands around it in the line.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.trace.test_trace_counts import traces  # noqa: F401  (a fixture)
from tracejit import jit

ROWS = [[i * j - 3 for i in range(17)] for j in range(18)]
FEW = [row[:5] for row in ROWS]


def floats(x: Any, n: Any) -> Any:
    return [[i * 0.5 + j for i in range(len(x[0]))] for j in range(40)]


def written(x: Any, n: Any) -> Any:
    m = [[[0 for i in range(len(x[0]))] for j in range(4)] for k in range(20)]
    for k in range(20):
        for j in range(4):
            m[k][j][j] += i_times(k, n)
    return m


def i_times(k: Any, n: Any) -> Any:
    return k * n


def repeated(x: Any, n: Any) -> Any:
    m = [[0] * len(x[0]) for _ in range(30)]
    m[n][0] = 5
    return m, m[0] is m[1]


def one_row(x: Any, n: Any) -> Any:
    row = [0] * len(x[0])
    m = [row for _ in range(30)]
    m[n][0] = 5
    return m, row, m[0] is m[3]


def shared_afterwards(x: Any, n: Any) -> Any:
    m = [[[0 for i in range(len(x[0]))] for j in range(6)] for k in range(20)]
    m[3] = m[4]
    m[3][2][1] = 7
    row = m[5][1]
    row[0] = 9
    m[6][0] = row
    row[1] = 8
    return m, m[3] is m[4], m[2] is m[4]


def mixed(x: Any, n: Any) -> Any:
    m = [[(i if i % 2 else i * 0.5) for i in range(len(x[0]))] for j in range(30)]
    m[n][1] = True
    return m


def longer(x: Any, n: Any) -> Any:
    m = [[j for i in range(len(x[0]))] for j in range(30)]
    for j in range(n):
        m[j].append(0.5 * j)
    return m


def ragged(x: Any, n: Any) -> Any:
    return [[i for i in range(j + len(x[0]))] for j in range(n)]


def chosen(x: Any, n: Any) -> Any:
    return [[i for i in range(len(x[0])) if i % 2] for j in range(30) if j != n]


def flat(x: Any, n: Any) -> Any:
    return [i * j + x[j][i] for j in range(len(x)) for i in range(len(x[0]))]


def raises(x: Any, n: Any) -> Any:
    return [[10 // (i - n) for i in range(len(x[0]))] for j in range(30)]


def nothing(x: Any, n: Any) -> Any:
    return [[i for i in range(len(x[0]) - 17)] for j in range(30)]


def product(x: Any, n: Any) -> Any:
    m = range(len(x[0]))
    return [[sum(x[i][k] * x[k % len(x)][j] for k in m) for j in m] for i in range(len(x))]


def in_a_loop(x: Any, n: Any) -> Any:
    total = 0
    for t in range(n):
        m = [[t * i for i in range(len(x[0]))] for j in range(20)]
        m[t][1] = 3
        total += sum(map(sum, m))
    return total, m


def by_one_function(x: Any, n: Any) -> Any:
    def row(value: Any) -> Any:
        return [value for _ in range(len(x[0]))]

    return [row(0) for _ in range(30)], [row(0.5) for _ in range(30)]


def appended(x: Any, n: Any) -> Any:
    m, k = [], []
    for j in range(n):
        a, b = [], []
        for i in range(len(x[0])):
            a.append(i * j)
            b.append(i * 0.5)
            if i > 2:
                k.append(a[-1])
        m.append(a)
        m.append(b)
    return m, k


def of_other_lengths(x: Any, n: Any) -> Any:
    m = []
    for j in range(n):
        m.append([j, j * 0.5])
    m.append([])
    m[1].append(True)
    return m


PROGRAMS = [floats, written, repeated, one_row, shared_afterwards, mixed, longer, ragged, chosen]
PROGRAMS += [flat, raises, nothing, product, in_a_loop, by_one_function, appended, of_other_lengths]


def shape(x: Any, met: dict[int, int]) -> Any:
    """What is one object with what, and of which types the numbers are."""
    if not isinstance(x, list | tuple):
        return type(x)
    if id(x) in met:
        return met[id(x)]
    met[id(x)] = len(met)
    return [shape(item, met) for item in x]


def outcome(program: Callable[..., Any], x: Any) -> tuple[Any, ...]:
    given = copy.deepcopy(x)
    try:
        found = program(given, 4)
    except Exception as error:
        return type(error), str(error), given
    return found, shape(found, {}), given


@pytest.mark.parametrize("rows", [ROWS, FEW], ids=["many", "few"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_lists_of_lists_are_as_in_python(program: Callable[..., Any], rows: Any) -> None:
    assert outcome(jit(program, cache=False), rows) == outcome(program, rows)


# Counts -------------------------------------------------------------------------------------------


def four_deep(x: Any, many: int) -> Any:
    n = len(x[0])
    out = [[[[0 for i in range(n)] for j in range(n)] for k in range(6)] for m in range(many)]
    for m in range(many):
        for k in range(6):
            for j in range(n):
                for i in range(n):
                    out[m][k][j][i] += i * j + k
    return out


def several_in_a_line(x: Any, many: int) -> Any:
    n = len(x[0])
    return [[i for i in range(n)] for j in range(many)], [[0.5] * n for k in range(2)]


@pytest.mark.parametrize("program", [four_deep, several_in_a_line])
def test_code_does_not_grow_with_known_counts(program: Callable[..., Any]) -> None:
    counts = []
    for many in (40, 60):
        compiled = jit(program, static_argnums=1, cache=False)
        assert compiled(ROWS, many) == program(ROWS, many)
        counts.append(str(compiled.inspect_ir(ROWS, many)).count("\n"))
    assert counts[0] == counts[1]


def by_append(x: Any, many: int) -> Any:
    n, out = len(x[0]), []
    for _ in range(n):
        a: list[Any] = []
        for _ in range(n):
            b: list[Any] = []
            for _ in range(n):
                c: list[Any] = []
                for i in range(n):
                    c.append(i)
                b.append(c)
            a.append(b)
        out.append(a)
    return out


@pytest.mark.parametrize("program", [four_deep, by_append])
def test_bodies_are_traced_in_proportion_to_the_depth(
    program: Callable[..., Any],
    traces: dict[Any, int],  # noqa: F811
) -> None:
    """Each attempt at a list finds what the last one held in the lists in it: the innermost body
    was traced 720 times."""
    assert jit(program, static_argnums=1, cache=False)(ROWS, 16) == program(ROWS, 16)
    assert max(traces.values()) <= 40


def test_little_code_is_gone_through_while_tracing() -> None:
    """The length of a list is known then."""
    compiled = jit(lambda x: np.array([x[i, 0] * 2 for i in range(6)]))
    x = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(compiled(x), x[:, 0] * 2)
    assert "f64[6] = concatenate" in str(compiled.inspect_ir(x))
