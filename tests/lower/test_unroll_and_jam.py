"""Loops that update a line of memory take several rows at once; the bits are those of before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit import get_num_threads, jit, set_num_threads
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import Program, kernels, verify_program
from tracejit.ir.roots import walk
from tracejit.ir.types import tensor
from tracejit.lower.lower import lower
from tracejit.lower.unroll_and_jam import unroll_and_jam

rng = np.random.default_rng(5)
ROWS = (0, 1, 2, 9, 14)


def _summed(shape: tuple[int, ...], axis: int, dtype: str = "f64", terms: int = 1) -> Function:
    b = Builder("f")
    x = b.param(tensor(dtype, shape))
    value: Value = x
    for _ in range(terms - 1):
        value = b.op("mul", value, x)
    return b.build([b.op("reduce_sum", value, axes=(axis,))])


def _loads(program: Program) -> int:
    (kernel,) = kernels(program.host)
    return sum(i.name == "load" for i in walk(kernel.regions[0].instrs))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", ["f64", "f16", "c128"])
def test_both_programs_have_the_same_bits(rows: int, dtype: str) -> None:
    for shape, axis in (((rows, 64), 0), ((2, rows, 64), 1), ((rows, 2, 32), 0)):
        plain = lower(_summed(shape, axis, dtype))
        program = unroll_and_jam(plain)
        verify_program(program)
        x = (rng.normal(size=shape) * 9).astype(np.dtype(tensor(dtype, ()).dtype))
        (found,), (wanted,) = (interpret_program(p, [x]) for p in (program, plain))
        assert found.tobytes() == wanted.tobytes()


def test_a_step_takes_four_rows_or_all_there_are() -> None:
    once = 2  # what is summed, and the sum so far
    assert _loads(unroll_and_jam(lower(_summed((9, 70), 0)))) == 9 + 1
    assert _loads(unroll_and_jam(lower(_summed((40, 70), 0)))) == 4 + 1
    assert _loads(unroll_and_jam(lower(_summed((41, 70), 0)))) == 4 + 1 + once


@pytest.mark.parametrize(
    "function",
    [
        _summed((40, 5), 0),  # in registers already
        _summed((40, 70), 1),  # a sum for each row
        _summed((40, 70), 0, terms=20),  # arithmetic, not memory
    ],
)
def test_other_loops_stay_as_they_are(function: Function) -> None:
    program = lower(function)
    assert unroll_and_jam(program) == program


def _rows_added(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            s[j] += x[i, j] * 1.5
    return s


def _triangle(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(min(i + 60, x.shape[1])):
            s[j] += x[i, j]
    return s


def _one_reads_another(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            s[j] += x[i, j] * s[j - 1]
    return s


def _backwards(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            s[x.shape[1] - 1 - j] -= x[i, j]
    return s


def _in_itself(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[3, j] += x[i, j]
    return x


def _rows_at_places(x: Any, s: Any) -> Any:
    """Each row is added to one that data decides: not one line of memory."""
    places = np.minimum(np.argsort(x[:, 0]), len(x) - 1)
    out, same, first = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    np.add.at(out, places, x * x)
    np.add.at(same, np.arange(8) % len(x), x[:8] if len(x) >= 8 else x[[0] * 8])
    for i in range(len(x)):
        for j in range(x.shape[1]):
            first[places[i], j] += x[i, j] * 1.5
    return out, same, first


def _rows_at_counted_places(x: Any, s: Any) -> Any:
    for i in range(x.shape[0]):
        k = (i * i) % 3
        for j in range(x.shape[1]):
            x[k, j] += x[i, j] * s[j]
    return x


def _lines_at_places(x: Any, s: Any) -> Any:
    """One line for all rows, whose place is data: it is updated row by row."""
    k, out = np.argmax(s) % 3, np.zeros((3, x.shape[1]))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[k, j] += x[i, j] * 1.5
    return out


def _sums(x: Any, s: Any) -> Any:
    return x.sum(0), (x * x).sum(0), x.mean(0), x.var(0), x.max(0), x.prod(0), s @ x.T


PROGRAMS: list[Callable[..., Any]] = [
    _rows_added, _triangle, _one_reads_another, _backwards, _in_itself, _rows_at_places,
    _rows_at_counted_places, _lines_at_places, _sums,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS)
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_values_are_numpys(f: Callable[..., Any], shapes: str) -> None:
    g = jit(f, shapes=shapes)
    for rows in (4, 8, 19, 40):
        x, s = rng.normal(size=(rows, 90)), rng.normal(size=90)
        found, wanted = g(x.copy(), s.copy()), f(x.copy(), s.copy())
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def _reversed_often(x: Any, n: Any) -> None:
    v = x[::-1]
    for _ in range(1, n):
        v[:] += np.sign(v)


def _added_often(x: Any, n: Any) -> None:
    for _ in range(n - 2):
        for j in range(x.shape[1]):
            x[1, j] += x[0, j]


@pytest.mark.parametrize("f", [_reversed_often, _added_often])
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_counts_below_zero_are_no_rows(f: Callable[..., Any], shapes: str) -> None:
    """``range(1, n)`` of an ``n`` of 0 or less: its count divided by four leaves three."""
    g = jit(f, shapes=shapes, cache=False)
    for n in (7, 2, 1, 0, -1, -2, -3, -4, -5, 6):
        x, y = (np.arange(270.0).reshape(3, 90) - 80 for _ in range(2))
        g(x, n)
        f(y, n)
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def threads() -> Iterator[None]:
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_threads_have_the_same_bits(count: int, threads: None) -> None:
    x = rng.normal(size=(203, 9000)).astype(np.float32)
    set_num_threads(count)
    assert jit(lambda x: x.sum(0))(x).tobytes() == x.sum(0).tobytes()
