"""Loops that try the usual way first: every element has the bits of the general form, whatever is
written in place, overlaps, is carried along, or is rare in one place only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.by_reference import by_reference
from tracejit import jit
from tracejit.ir.scalar import elementary
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.llvm_text.lower_usual import CHUNK, has_rare_way

FLOATS = [np.float32, np.float64]
F64 = np.dtype("f8")


def samples(dtype: Any, count: int, rare: str) -> Any:
    """Ordinary arguments, with rare ones `nowhere`, in one place, or in most."""
    rng = np.random.default_rng(count)
    x = rng.uniform(-50, 50, count).astype(dtype)
    far = [1e10, -3e22, 3e38, np.inf, -np.inf, 2.0**29, 1e17]
    if rare == "one" and count:
        x[count * 2 // 3] = far[count % len(far)]
    if rare == "most":
        where = rng.random(count) < 0.7
        x[where] = (rng.uniform(-1, 1, count) * 10.0 ** rng.uniform(3, 38, count))[where]
    special = [0.0, -0.0, np.nan, np.finfo(dtype).smallest_subnormal, -np.finfo(dtype).tiny]
    x[: min(count, 5)] = special[:count]
    return x


def fresh(x):
    return np.sin(x)


def in_place(x):
    x[:] = np.sin(x)


def in_place_twice(x):
    x *= np.cos(x)
    x += np.tan(x)


def shifted(x):
    x[1:] = np.sin(x[:-1])


def backwards(x):
    x[:] = np.sin(x[::-1])


def every_other(x):
    x[: len(x) // 2 * 2 : 2] = np.cos(x[1::2])


def rows(x):
    y = x[: len(x) // 8 * 8].reshape(-1, 8)
    return np.sin(y) + np.cos(y[:, ::-1])


def largest(x):
    return np.max(np.nan_to_num(np.sin(x)), initial=-2.0)


def total(x):
    return np.sum(np.sin(x))


def total_of_columns(x):
    y = x[: len(x) // 8 * 8].reshape(-1, 8)
    return np.sin(y).sum(axis=0), np.cos(y).sum(axis=1)


def as_index(x):
    table = np.arange(7.0)
    return table[(np.abs(np.nan_to_num(np.sin(x))) * 6.9).astype(np.int64)]


def recurrence(x):
    for i in range(min(len(x) - 1, 40)):
        x[i + 1] = np.sin(x[i]) * 1e12 + x[i + 1]


def carried(x):
    s = x.dtype.type(0.0)
    for i in range(min(len(x), 40)):
        s = np.sin(x[i] + s)
        x[i] = s
    return s


def running(x):
    return np.cumsum(np.sin(x))


def masked(x):
    return np.where(np.abs(x) > 1e3, np.sin(x), np.cos(x))


def selected(x):
    return np.sin(x[x > 2.0])


def one_column(x):
    y = np.zeros((len(x), 3), x.dtype)
    y[:, 1] = x
    y[:, 1] = np.tan(y[:, 1])
    return y


def one_place(x):
    if len(x):
        for i in range(min(len(x), 40)):
            x[0] = np.sin(x[0] + x[i])
    return x


PROGRAMS = (
    *(fresh, in_place, in_place_twice, shifted, backwards, every_other, rows, largest, total),
    *(total_of_columns, as_index, recurrence, carried, running, masked, selected, one_column),
    one_place,
)
#: How many elements, and where there are rare ones.
COUNTS = (
    *((n, "one") for n in (0, 7, CHUNK, CHUNK + 1)),
    *((2 * CHUNK + 77, rare) for rare in ("none", "one", "most")),
)


def same_bits(got: Any, want: Any) -> None:
    if isinstance(want, tuple):
        for g, w in zip(got, want, strict=True):
            same_bits(g, w)
        return
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    zeros = want == 0
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_same_bits_as_the_general_form(program: Callable[..., Any], dtype: Any) -> None:
    compiled, reference = jit(program), by_reference(program)
    for count, rare in COUNTS:
        x, y = samples(dtype, count, rare), samples(dtype, count, rare)
        with np.errstate(all="ignore"):
            want = reference(y)
        got = compiled(x)
        same_bits(x, y)
        if want is not None:
            same_bits(got, want)


def into(x, out):
    np.sin(x, out=out)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("start", [0, 1, 3])
def test_arguments_that_overlap(dtype: Any, start: int) -> None:
    compiled = jit(into)
    memory = samples(dtype, 1500, "one")
    want = np.asarray(apply(elementary.sin, memory[:1400]))
    compiled(memory[:1400], memory[start : start + 1400])
    same_bits(memory[start : start + 1400], want)


@pytest.mark.parametrize("step", [-1, 2, 3])
def test_strided_arguments(step: int) -> None:
    x = samples(np.float64, 1500, "one")[::step]
    want = np.asarray(apply(elementary.sin, x))
    compiled = jit(in_place)
    compiled(x)
    same_bits(x, want)


def core(function: Callable[..., Any], *args: Any) -> str:
    compiled = jit(function)
    compiled(*args)
    (version,) = compiled._dispatcher.versions()
    text: str = version.artefacts.core_text
    return text


@pytest.mark.parametrize(
    ("program", "tried", "asked"),
    [
        (fresh, 1, 0),
        (in_place, 2, 1),  # a loop that asks, then one that stores
        (masked, 1, 0),
        (recurrence, 0, 0),
        (one_place, 0, 0),
    ],
)
def test_what_is_tried(program: Callable[..., Any], tried: int, asked: int) -> None:
    text = core(program, samples(np.float64, 900, "none"))
    assert text.count("\ntry.") == tried
    assert text.count("\nusual.") == asked
    assert text.count("\nagain.") == min(tried, 1)


def test_who_has_a_rare_way() -> None:
    assert has_rare_way("sin", (F64,))
    assert has_rare_way("exp", (np.dtype("c16"),))
    assert not has_rare_way("exp", (F64,))
    assert not has_rare_way("add", (F64, F64))


def test_far_arguments_are_right() -> None:
    x = np.array([6381956970095103.0 * 2.0**797, 1e22, 2.0**28 + 1, -1e300])
    np.testing.assert_array_almost_equal_nulp(jit(fresh)(x), [math.sin(v) for v in x], 1)
