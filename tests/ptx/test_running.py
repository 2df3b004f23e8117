"""Searches for the best element, and running totals, shared by threads: argmax, cumsum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import Counts, fake_device
from tests.ptx.traffic import traffic
from tracejit import jit

RNG = np.random.default_rng(5)


def called(fn: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, Counts]:
    with fake_device() as gpu:
        given = [gpu.put(a.copy()) for a in args]
        found = jit(fn, **options)(*given)
        assert gpu.error is None
        results = [gpu.get(x) for x in (found if isinstance(found, tuple) else (found,))]
        return results, gpu.counts


def numbers(dtype: str, *shape: int) -> np.ndarray:
    drawn = RNG.integers(-9, 9, shape)
    return (np.abs(drawn) if dtype[0] in "ub" else drawn).astype(dtype)


# -- argmin and argmax -----------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "i2", "u1", "?"])
def test_the_first_of_the_best(dtype: str, shapes: str) -> None:
    """Many are equal: any order of threads would find another one of them."""
    for x in (numbers(dtype, 1), numbers(dtype, 130), numbers(dtype, 1500)):
        found, counts = called(lambda x: (x.argmax(), x.argmin()), x, shapes=shapes)
        assert [int(f) for f in found] == [x.argmax(), x.argmin()]
    assert counts.one_thread == 0, counts


@pytest.mark.parametrize("places", [[], [700], [0], [699, 2, 1400], range(1500)])
def test_the_first_nan_wins(places: Any) -> None:
    x = numbers("f8", 1500)
    x[list(places)] = np.nan
    found, counts = called(lambda x: (x.argmax(), x.argmin()), x)
    assert [int(f) for f in found] == [x.argmax(), x.argmin()]
    assert counts.one_thread == 0


def test_zeros_are_equal() -> None:
    x = np.where(np.arange(600) % 2, 0.0, -0.0)
    (found,), _ = called(lambda x: x.argmax(), x)
    assert found == 0


@pytest.mark.parametrize("axis", [0, 1])
def test_along_an_axis(axis: int) -> None:
    x = numbers("f4", 5, 300)
    x[2, 7] = np.nan
    (found,), counts = called(lambda x: x.argmax(axis=axis), x)
    np.testing.assert_array_equal(found, x.argmax(axis=axis))
    assert counts.launches["rows" if axis else "map"] == 1


def test_columns_are_read_along_memory() -> None:
    x = numbers("f4", 200, 1024)
    with traffic() as moved:
        (found,), _ = called(lambda x: x.argmax(axis=0), x)
    np.testing.assert_array_equal(found, x.argmax(axis=0))
    assert moved.bytes <= 1.1 * (x.nbytes + found.nbytes)


# -- running totals --------------------------------------------------------------------------------


def running_ints(x: Any) -> Any:
    """A user's own loop."""
    out = np.empty_like(x)
    total = 3
    for i in range(len(x)):
        total += x[i]
        out[i] = 2 * total + x[i]
    return out, total


TOTALS: dict[str, tuple[Callable[..., Any], str]] = {
    "cumsum of floats": (np.cumsum, "f8"),
    "cumsum of ints": (np.cumsum, "i8"),
    "cumsum of bytes": (np.cumsum, "u1"),
    "cumsum of bools": (np.cumsum, "?"),
    "cumsum of complex": (np.cumsum, "c16"),
    "cumprod of ints": (np.cumprod, "i4"),
    "running maximum of ints": (lambda x: np.maximum.accumulate(x), "i4"),
    "scaled": (lambda x: np.cumsum(x * 2) + x, "f4"),
    "twice": (lambda x: (np.cumsum(x), np.cumsum(x[::-1])), "f8"),
    "a user's": (running_ints, "i8"),
}


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("name", TOTALS)
def test_running_totals(name: str, shapes: str) -> None:
    fn, dtype = TOTALS[name]
    for n in (1, 200, 256, 2300):
        x = numbers(dtype, n) if n > 1 else np.ones(1, dtype)
        want = fn(x)
        found, counts = called(fn, x, shapes=shapes)
        for f, w in zip(found, want if isinstance(want, tuple) else (want,), strict=True):
            assert f.dtype == np.asarray(w).dtype
            np.testing.assert_allclose(f, w, rtol=1e-6 if dtype == "f4" else 1e-12)
            assert dtype[0] not in "iu?" or np.array_equal(f, w)
    # What the user's loop returns besides is copied by a kernel of its own.
    assert counts.one_thread == (fn is running_ints), counts
    assert counts.launches["summed"] > 0


def test_a_total_of_negative_zeros() -> None:
    """0.0 + -0.0 would be 0.0."""
    for n in (130, 2300):
        x = np.full(n, -0.0)
        (found,), _ = called(np.cumsum, x)
        assert np.signbit(found).all()


def test_no_elements() -> None:
    with fake_device() as gpu:
        out = jit(running_ints, shapes="dynamic")(gpu.put(np.empty(0, np.int64)))
        assert (out[0].size, int(gpu.get(out[1]) if hasattr(out[1], "get") else out[1])) == (0, 3)


def test_in_place() -> None:
    def f(x: Any) -> Any:
        np.cumsum(x, out=x)

    x = numbers("i8", 2500)
    with fake_device() as gpu:
        given = gpu.put(x)
        jit(f)(given)
        np.testing.assert_array_equal(gpu.get(given), np.cumsum(x))


@pytest.mark.parametrize("axis", [0, 1])
def test_totals_along_an_axis(axis: int) -> None:
    x = numbers("f4", 5, 300)
    (found,), counts = called(lambda x: np.cumsum(x * 2, axis=axis), x)
    np.testing.assert_array_equal(found, np.cumsum(x * 2, axis=axis))
    assert counts.launches["rows" if axis else "map"] == 1


def test_rows_between_stages() -> None:
    def f(x: Any) -> Any:
        y = np.cumsum(np.exp(x - x.max(axis=1, keepdims=True)), axis=1)
        return y / y.max(axis=1, keepdims=True)

    x = RNG.normal(size=(4, 333))
    (found,), counts = called(f, x)
    np.testing.assert_allclose(found, f(x), rtol=1e-12)
    assert counts.one_thread == 0


def test_the_same_bits_in_each_run() -> None:
    x = RNG.normal(size=3000)
    first, second = (called(np.cumsum, x)[0][0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_users_sum_of_floats_keeps_its_order() -> None:
    def f(x: Any) -> Any:
        out = np.empty_like(x)
        total = 0.0
        for i in range(len(x)):
            total += x[i]
            out[i] = total
        return out

    x = RNG.normal(size=700)
    (found,), counts = called(f, x)
    np.testing.assert_array_equal(found, f(x))
    assert counts.one_thread == 1


def last_seen(x: Any) -> Any:
    """The last of the best, not the first."""
    best, at = x[0], 0
    for i in range(len(x)):
        better = x[i] >= best
        best, at = np.where(better, x[i], best), np.where(better, i, at)
    return at


def fed_back(x: Any) -> Any:
    """An iteration reads what the one before has stored."""
    total = 0
    for i in range(1, len(x)):
        total += x[i - 1]
        x[i] = total
    return x


@pytest.mark.parametrize("fn", [last_seen, fed_back])
def test_other_loops_keep_their_order(fn: Callable[..., Any]) -> None:
    x = numbers("i8", 300)
    (found,), counts = called(fn, x)
    np.testing.assert_array_equal(found, fn(x.copy()))
    assert counts.one_thread == 1
