"""Loops whose checks are looked at before: parallel where they were one thread, and NumPy's order
of effects where one of many iterations fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import fake_device
from tracejit import jit
from tracejit.device.driver import CudaError

RNG = np.random.default_rng(17)
COUNT = 300


def adds(x: Any, i: Any, v: Any) -> Any:
    for k in range(len(i)):
        x[i[k]] += v[k]
    return x


def gathers(x: Any, i: Any, v: Any) -> Any:
    for k in range(len(i)):
        v[k] = 2 * v[k] + x[i[k]]
    return v


def through_two(x: Any, i: Any, v: Any) -> Any:
    """The second check needs what the first allows to read."""
    for k in range(len(i)):
        v[k] += x[i[i[k]]]
    return v


def divides(x: Any, i: Any, v: Any) -> Any:
    np.divide.at(x, i, v)
    return x


def counts_too(x: Any, i: Any, v: Any) -> Any:
    n = 0
    for k in range(len(i)):
        v[k] = x[i[k]]
        n += i[k]
    return n


def writes_before(x: Any, i: Any, v: Any) -> Any:
    """What the failing iteration has done before its check stays."""
    for k in range(len(i)):
        v[k] = -v[k]
        v[k] += x[i[k]]
    return v


def writes_what_it_looks_at(x: Any, i: Any, v: Any) -> Any:
    for k in range(len(i)):
        v[k] = x[i[k]]
        if k + 1 < len(i):
            i[k + 1] = i[k + 1] % 50 + 260
    return v


def never_ends_after_it(x: Any, i: Any, v: Any) -> Any:
    for k in range(len(i)):
        n = abs(i[k])
        while n > 9000:
            n = abs(n + i[k] % 2) - 1 + i[k] % 2
        v[k] = x[n]
    return v


SPREAD = [adds, gathers, through_two, writes_before, divides]


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("fails", [(), (0,), (200,), (299,), (150, 151), (40, 299)], ids=str)
@pytest.mark.parametrize(
    "fn",
    [*SPREAD, counts_too, writes_what_it_looks_at, never_ends_after_it],
    ids=lambda f: f.__name__,
)
def test_effects_are_those_before_the_first_failure(
    fn: Callable[..., Any], fails: tuple[int, ...], shapes: Any
) -> None:
    x, v = RNG.normal(size=COUNT), RNG.normal(size=COUNT)
    i = RNG.integers(-COUNT, COUNT, COUNT)
    for n, k in enumerate(fails):
        i[k] = (9000, -9001)[n]
    want, args = None, [x.copy(), i.copy(), v.copy()]
    try:
        fn(*args)
    except IndexError as error:
        want = str(error)
    with fake_device() as gpu:
        given = [gpu.put(a) for a in (x, i, v)]
        made = jit(fn, shapes=shapes)
        if want is None:
            made(*given)
        else:
            with pytest.raises(IndexError) as found:
                made(*given)
            assert str(found.value) == want
        for a, b in zip(args, given, strict=True):
            np.testing.assert_array_equal(gpu.get(b), a)
        assert gpu.error is None
        if fn in SPREAD:
            assert gpu.counts.one_thread <= bool(fails)
            assert gpu.counts.waits <= 2


@pytest.mark.parametrize("fn", SPREAD[:-1], ids=lambda f: f.__name__)
def test_other_sizes(fn: Callable[..., Any]) -> None:
    for size in (1, 3, 0, 129, 1100):
        i = RNG.integers(0, max(size, 1), size)
        args = [RNG.normal(size=size), i, RNG.normal(size=size)]
        with fake_device() as gpu:
            given = [gpu.put(a) for a in args]
            jit(fn, shapes="dynamic")(*given)
            fn(*args)
            for a, b in zip(args, given, strict=True):
                np.testing.assert_array_equal(gpu.get(b), a)


def test_each_call_of_the_driver_may_fail() -> None:
    """All of the loop is done, or nothing of it."""
    x, i, v = RNG.normal(size=COUNT), RNG.integers(0, COUNT, COUNT), RNG.normal(size=COUNT)
    made = jit(adds)
    with fake_device() as gpu:
        made(*[gpu.put(a) for a in (x, i, v)])
        done = adds(x.copy(), i, v)
        for n in range(1, 100):
            given = [gpu.put(a) for a in (x, i, v)]
            gpu.fail_at(n)
            try:
                made(*given)
            except (CudaError, MemoryError):
                gpu.fail_at(0)
                left = gpu.get(given[0])
                assert np.array_equal(left, x) or np.array_equal(left, done)
                gpu.recover()
            else:
                break
        assert 4 < n < 99
