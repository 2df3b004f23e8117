"""Elements that threads add to at once: exact operations alone, in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import Counts, fake_device
from tracejit import jit
from tracejit.ir.core import Instr
from tracejit.ir.program import kernels
from tracejit.lower.schedule import schedule

RNG = np.random.default_rng(7)
PLACES = RNG.integers(-9, 9, 300)


def called(fn: Callable[..., Any], *args: Any) -> tuple[np.ndarray, Counts]:
    with fake_device() as gpu:
        got = gpu.get(jit(fn)(*[gpu.put(np.array(a)) for a in args]))
        assert gpu.error is None
        return got, gpu.counts


def at(ufunc: np.ufunc) -> Callable[..., Any]:
    def f(out: Any, places: Any, values: Any) -> Any:
        ufunc.at(out, places, values)
        return out

    return f


EXACT = [
    (np.add, "i4"),
    (np.add, "u8"),
    (np.subtract, "i8"),
    (np.minimum, "u4"),
    (np.maximum, "i4"),
]


@pytest.mark.parametrize(("ufunc", "dtype"), EXACT)
def test_integers(ufunc: np.ufunc, dtype: str) -> None:
    out = RNG.integers(0, 50, 9).astype(dtype)
    values = RNG.integers(0, 200, 300).astype(dtype)
    got, counts = called(at(ufunc), out, PLACES, values)
    ufunc.at(out, PLACES, values)
    np.testing.assert_array_equal(got, out)
    assert counts.one_thread == 0


@pytest.mark.parametrize(
    ("ufunc", "dtype"), [(np.add, "f8"), (np.add, "i2"), (np.multiply, "i8"), (np.add, "?")]
)
def test_others_keep_their_order(ufunc: np.ufunc, dtype: str) -> None:
    out, values = np.ones(9, dtype), RNG.normal(size=300).astype(dtype)
    got, counts = called(at(ufunc), out, PLACES, values)
    ufunc.at(out, PLACES, values)
    np.testing.assert_array_equal(got, out)
    assert counts.one_thread == 1


def rows(out: Any, places: Any, values: Any) -> Any:
    np.add.at(out, places, values)
    return out


@pytest.mark.parametrize("dtype", ["i8", "i2", "f8"])
def test_rows(dtype: str) -> None:
    """Of known sizes: what is taken in parts where it is a sum of columns."""
    out, values = np.zeros((9, 4), dtype), RNG.integers(0, 9, (300, 4)).astype(dtype)
    got, counts = called(rows, out, PLACES, values)
    np.add.at(out, PLACES, values)
    np.testing.assert_array_equal(got, out)
    assert counts.one_thread == 0
    assert counts.launches["parts"] == 0


def test_histograms() -> None:
    got, counts = called(lambda x: np.bincount(x, minlength=20), PLACES + 9)
    np.testing.assert_array_equal(got, np.bincount(PLACES + 9, minlength=20))
    assert counts.one_thread == 0


def running(out: Any, places: Any) -> Any:
    """What is added is read from what is added to."""
    for k in range(len(places)):
        out[places[k]] += out[k % 9]
    return out


def test_what_reads_the_sums_is_for_one_thread() -> None:
    out = np.arange(9)
    got, counts = called(running, out, PLACES)
    np.testing.assert_array_equal(got, running(out.copy(), PLACES))
    assert counts.one_thread == 1


def test_threads_of_a_processor_do_not_share_it() -> None:
    """There the instruction is none."""
    args = (np.zeros(9, np.int64), np.zeros(1_000_000, np.int64), np.ones(1_000_000, np.int64))
    made = jit(at(np.add))._dispatcher.version_for(*args).artefacts

    def loops(launch: Instr) -> list[Any]:
        return [how for i, how in schedule(launch).items() if len(i.results) == 0]

    found = [how for k in kernels(made.program.host) for how in loops(k)]
    assert "a step may touch what another one writes" in found
