"""Elements at places that are data: exact operations at once, in any order; others in theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import Counts, fake_device
from tests.ptx.lanes import Lanes
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


#: What has no instruction that updates memory at once, or not in any order.
ORDERED = [
    (np.add, "f8"),
    (np.add, "f4"),
    (np.add, "c16"),
    (np.add, "i2"),
    (np.multiply, "i8"),
]


@pytest.mark.parametrize(("ufunc", "dtype"), ORDERED)
def test_others_keep_their_order(ufunc: np.ufunc, dtype: str) -> None:
    """Each place is one warp's: the bits are NumPy's."""
    out, values = np.ones(9, dtype), RNG.normal(size=300).astype(dtype)
    got, counts = called(at(ufunc), out, PLACES, values)
    ufunc.at(out, PLACES, values)
    np.testing.assert_array_equal(got, out)
    assert counts.one_thread == 0
    assert counts.launches["scatter"] == 1


@pytest.mark.parametrize("count", [0, 1, 31, 33, 2500])
def test_any_number_of_blocks(count: int) -> None:
    places = RNG.integers(-40, 40, count)
    out, values = RNG.normal(size=40), RNG.normal(size=count)
    got, _ = called(at(np.add), out, places, values)
    np.add.at(out, places, values)
    np.testing.assert_array_equal(got, out)


def random_warp(ready: Any) -> int:
    return int(RNG.choice(ready))


@pytest.mark.parametrize("choose", [min, max, random_warp], ids=lambda f: f.__name__)
def test_whichever_warp_goes_on_first(
    choose: Callable[[Any], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lanes, "choose", staticmethod(choose))
    out, values = RNG.normal(size=9), RNG.normal(size=300)
    got, _ = called(at(np.add), out, PLACES, values)
    np.add.at(out, PLACES, values)
    np.testing.assert_array_equal(got, out)


def placed(out: Any, places: Any, values: Any) -> Any:
    out[places] = values
    return out


def test_of_what_is_put_at_one_place_the_last_stays() -> None:
    out, values = np.zeros(9), RNG.normal(size=300)
    got, counts = called(placed, out, PLACES, values)
    np.testing.assert_array_equal(got, placed(out, PLACES, values))
    assert counts.one_thread == 0


def in_two_directions(out: Any, rows: Any, columns: Any, values: Any) -> Any:
    np.add.at(out, (rows, columns), values)
    np.subtract.at(out, (slice(None), columns[:3]), values[:3])
    return out


def test_places_of_two_axes() -> None:
    args = (RNG.normal(size=(9, 18)), PLACES, PLACES * 2 % 9, RNG.normal(size=300))
    got, _ = called(in_two_directions, *args)
    np.testing.assert_array_equal(got, in_two_directions(*args))


def overlapping(whole: Any, places: Any) -> Any:
    np.add.at(whole[1:], places, whole[:-1][places])
    whole[:9][places] += whole[9:][places]
    return whole


def test_memory_that_is_read_elsewhere_is_for_one_thread_or_copied() -> None:
    whole = RNG.normal(size=19)
    got, _ = called(overlapping, whole, PLACES)
    np.testing.assert_array_equal(got, overlapping(whole, PLACES))


def test_sums_of_weights() -> None:
    places, weights = PLACES + 9, RNG.normal(size=300)
    got, counts = called(lambda i, w: np.bincount(i, w, minlength=20), places, weights)
    np.testing.assert_array_equal(got, np.bincount(places, weights, minlength=20))
    assert counts.one_thread == 0


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
