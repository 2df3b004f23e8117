"""Calls with cupy arrays that no Python code answers: which they are, and that they are right."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

cupy = pytest.importorskip("cupy")

from tests.ptx.fake_device import FakeDriver, fake_device  # noqa: E402
from tests.ptx.null_device import null_device, shifted  # noqa: E402
from tracejit import jit, trees  # noqa: E402
from tracejit.device import fields as probed  # noqa: E402
from tracejit.device.driver import CudaError  # noqa: E402
from tracejit.python_entry.entry import uses_native_entry  # noqa: E402

pytestmark = pytest.mark.skipif(not uses_native_entry(), reason="entries are in Python here")
M = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def gpu() -> Iterator[FakeDriver]:
    with fake_device() as driver:
        yield driver


def in_place(x: Any, y: Any) -> Any:
    y[1:] = x[:-1] * 2
    x += 1
    return {"same": x, "sums": (y + x, 3.0, None)}


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "new array": (lambda x, y, a: x * a + y, (M, M, 2.0)),
    "containers and arguments": (in_place, (np.arange(3.0), np.ones(3))),
    "numbers": (lambda x, n, b: (float(x.sum()), int(n) + len(x), b), (M, 7, True)),
    "nothing": (lambda x: x.fill(2), (M,)),
    "order of Fortran": (lambda x: x + 1, (np.asfortranarray(M),)),
    "steps": (lambda x, y: x - y, (M[::2, ::-1], M[:2])),
    "temporaries": (lambda x: np.cumsum(x)[::-1] * np.cumsum(x), (np.arange(4.0),)),
    "products": (lambda x, y: x @ y + 1, (M, M.T.copy())),
    "small dtypes": (lambda x: ~x, (np.array([[1, 2]], "u1"),)),
    "complex": (lambda x: x * 1j, (M,)),
    "numbers of NumPy": (lambda x, a: (x.sum(), x[1, 2], np.sqrt(x.max()) + a, len(x)), (M, 2.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_calls_are_native(gpu: FakeDriver, name: str) -> None:
    f, args = CASES[name]
    fast = jit(lambda *a: f(*a))
    for repeat in range(3):
        given = [np.array(a, order="K") + 0 if isinstance(a, np.ndarray) else a for a in args]
        if name == "steps":
            given = list(args)
        device = [gpu.put(a) if isinstance(a, np.ndarray) else a for a in given]
        got, want = fast(*device), f(*given)
        for a, b in zip(trees.leaves_of(got), trees.leaves_of(want), strict=True):
            if isinstance(b, np.ndarray):
                assert (type(a), a.dtype, a.shape) == (cupy.ndarray, b.dtype, b.shape)
                np.testing.assert_allclose(gpu.get(a), b, rtol=1e-14)
            elif isinstance(b, np.generic):
                assert (type(a), a.dtype, a.shape) == (cupy.ndarray, b.dtype, ())
                np.testing.assert_allclose(gpu.get(a), b, rtol=1e-14)
            else:
                assert (type(a), a) == (type(b), b)
        for a, b in zip(device, given, strict=True):
            if isinstance(b, np.ndarray):
                np.testing.assert_array_equal(gpu.get(a), b)
        assert fast.stats().slow_calls == 1, repeat


def test_numbers_of_numpy_stay_on_the_device(gpu: FakeDriver) -> None:
    """Losses and norms are not waited for, whoever makes them; Python's numbers are."""

    def f(x: Any) -> Any:
        s = x.sum()
        y = x / s
        return s, y, np.sqrt(s), x[1], s

    x = gpu.put(np.arange(4.0))
    fast = jit(f)
    s, y, root, one, again = fast(x)
    assert gpu.counts.waits == 0
    assert again is s
    for got, want in ((s, 6.0), (y, np.arange(4.0) / 6), (root, np.sqrt(6.0)), (one, 1.0)):
        np.testing.assert_allclose(gpu.get(got), want)
    assert "nothing waits" in fast.explain(x)
    assert jit(lambda x: (x.sum(), float(x.sum())))(x)[1] == 6.0
    assert gpu.counts.waits == 1


def test_what_differs_is_no_call_of_this_entry(gpu: FakeDriver) -> None:
    """Guards: each of these has an answer of its own, and the entry stays right afterwards."""
    f = jit(lambda x, y: x + y)
    one = [gpu.put(np.ones(4)), gpu.put(np.arange(4.0))]
    f(*one)
    others: list[list[Any]] = [
        [np.ones(4, "f4"), np.ones(4)],
        [np.ones((2, 2)), np.ones((2, 2))],
        [np.ones(4), np.arange(8.0)[::2]],
        [np.ones(4), np.arange(8.0)[3::-1]],
        [np.ones(0), np.ones(0)],
        [np.ones(5), np.ones(5)],
    ]
    for x, y in others:
        got = f(gpu.put(x), gpu.put(y))
        np.testing.assert_array_equal(gpu.get(got), x + y)
        assert got.dtype == (x + y).dtype
        np.testing.assert_array_equal(gpu.get(f(*one)), [1, 2, 3, 4])
    assert type(f(np.ones(4), np.ones(4))) is np.ndarray
    with pytest.raises(TypeError, match="y is a NumPy array"):
        f(one[0], np.ones(4))
    memory = gpu.put(np.arange(8.0))
    g = jit(lambda x, y: np.add(x, 1, out=y))
    for start in (4, 0, 2, 4):
        host = np.arange(8.0)
        device = gpu.put(host)
        g(device[:4], device[start : start + 4])
        np.add(host[:4], 1, out=host[start : start + 4])
        np.testing.assert_array_equal(gpu.get(device), host)
    assert memory.size == 8


def test_another_device_is_current(gpu: FakeDriver, monkeypatch: Any) -> None:
    f = jit(lambda x: x + 1)
    x = gpu.put(np.ones(2))
    f(x)
    f(x)
    assert f.stats().slow_calls == 1
    monkeypatch.setattr(gpu, "number", 1)
    np.testing.assert_array_equal(gpu.get(f(x)), [2, 2])
    assert f.stats().slow_calls == 2


def test_failures_leave_nothing(gpu: FakeDriver) -> None:
    """Each driver call in turn, of a native call: no reference and no memory is kept."""

    def f(x: Any, y: Any) -> Any:
        x += 1
        np.cumsum(x, out=x)
        y[:] = x @ np.sort(x) + y
        return np.cumsum(y)[::-1] + y, x * 2

    fast = jit(f)
    given = np.arange(4.0), np.ones(4)
    fast(*map(gpu.put, given))
    raised: set[str] = set()
    gc.freeze()
    for n in range(1, 200):
        device = [gpu.put(a) for a in given]
        held = [sys.getrefcount(x) for x in (*device, cupy.ndarray)]
        before = gpu.allocations
        gpu.fail_at(n)
        try:
            got = fast(*device)
        except (CudaError, MemoryError, RuntimeError) as error:
            raised.add(type(error).__name__)
            del error
        else:
            break
        gpu.recover()
        gc.collect()
        assert [sys.getrefcount(x) for x in (*device, cupy.ndarray)] == held
        assert gpu.allocations == before
    gc.unfreeze()
    assert n > 10
    assert {"CudaError", "MemoryError"} <= raised
    assert fast.stats().slow_calls == 1
    gpu.fail_at(0)
    host = [a.copy() for a in given]
    for a, b in zip(got, f(*host), strict=True):
        np.testing.assert_allclose(gpu.get(a), b)
    held = [sys.getrefcount(x) for x in (*device, cupy.ndarray)]
    for _ in range(20):
        fast(*device)
    assert [sys.getrefcount(x) for x in (*device, cupy.ndarray)] == held


def test_the_null_device_counts_no_call_of_python(gpu: FakeDriver) -> None:
    """What `python -m tests.ptx.null_device` measures is the native entry."""
    with null_device() as null:
        arrays = [null.empty(100, "f8") for _ in range(3)]
        for function in (lambda x, y, z: x * y + z, shifted):
            f = jit(function)
            for _ in range(5):
                assert f(*arrays).shape == (100,)
            assert f.stats().slow_calls == 1


@pytest.mark.parametrize(("call", "holds"), [("cuStreamSynchronize", 0), ("cuLaunchKernel", 1)])
def test_other_threads_run_while_a_call_waits(call: str, holds: int) -> None:
    """In place of a call of the driver CPython says whether the thread has the GIL: an error, 1."""
    asked = ctypes.cast(ctypes.pythonapi.PyGILState_Check, ctypes.c_void_p).value
    assert asked is not None
    with null_device() as null:
        null.addresses[call] = asked
        f = jit(lambda x: x + 1 if x[0] > 1 else x * 2, cache=False)
        with pytest.raises(CudaError) if holds else contextlib.nullcontext():
            f(null.empty(100, "f8"))
        (said,) = f.explain().values()
        assert "waits for the GPU: a branch depends on it" in said


def test_fields_of_another_cupy_are_not_read() -> None:
    memory = cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(4096, 96, None, 0), 0)
    x = cupy.ndarray((2, 3), "f8", memory)
    here = probed.fields()
    assert here is not None
    assert probed._has(here, x)
    for name in ("shape", "strides", "dtype", "data", "address", "device"):
        assert not probed._has(replace(here, **{name: getattr(here, name) + 8}), x), name


def test_how_another_cupy_makes_arrays_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(4096, 96, None, 0), 0)
    empty, init = probed.new_array()
    assert probed._makes((empty, init), (2, 3), "f8", memory)
    for other in (
        (None, None),
        (empty, None),
        (cupy.ndarray, init),
        (empty, lambda x, shape, dtype, memory: init(x, shape, "f4", memory)),
        (empty, lambda x, shape, dtype, memory: init(x, shape[::-1], dtype, memory)),
    ):
        assert not probed._makes(other, (2, 3), "f8", memory), other
    monkeypatch.setattr(probed, "new_array", lambda: (None, None))
    assert probed.fields.__wrapped__() is None


@pytest.mark.parametrize("which", [0, 1])
def test_an_array_that_cannot_be_made(
    gpu: FakeDriver, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    """The exception of cupy reaches the caller, and nothing is kept."""
    calls = list(probed.new_array())
    real, fails = calls[which], False

    def other(*args: Any) -> Any:
        if fails:
            raise MemoryError("no more arrays")
        return real(*args)

    calls[which] = other
    monkeypatch.setattr("tracejit.device.compile.new_array", lambda: tuple(calls))
    fast = jit(lambda x: (x + 1, x * 2), cache=False)
    x = gpu.put(np.arange(30.0))
    fast(x)
    slow = fast.stats().slow_calls
    used, held = gpu.allocations, sys.getrefcount(x)
    for fails in (True, True, False):
        raises = pytest.raises(MemoryError, match="no more arrays")
        with raises if fails else contextlib.nullcontext():
            got = fast(x)
        assert (gpu.allocations - used == 2) is not fails
    np.testing.assert_array_equal(gpu.get(got[1]), np.arange(30.0) * 2)
    assert sys.getrefcount(x) == held
    assert fast.stats().slow_calls == slow


def in_turns(x: Any) -> Any:
    """Temporaries of one size, one of another, and parts of sums."""
    y = np.cumsum(x)[::-1] * np.cumsum(x * 2)
    z = np.cumsum(y[::2])
    return np.cumsum(y)[::-1] + z.sum() + z[-1]


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_temporaries_are_one_allocation(gpu: FakeDriver, shapes: str) -> None:
    fast = jit(in_turns, shapes=shapes)
    for n in (300, 1500):
        x = gpu.put(np.arange(float(n)))
        fast(x)
        before = gpu.counts.calls["alloc"]
        got = fast(x)
        np.testing.assert_allclose(gpu.get(got), in_turns(np.arange(float(n))), rtol=1e-12)
        assert gpu.counts.calls["alloc"] - before == 2, "the result and the block"
        del got
        assert gpu.allocations == 1


def test_no_memory_for_temporaries(gpu: FakeDriver) -> None:
    """The result fits, the block does not."""
    fast = jit(in_turns)
    x = gpu.put(np.arange(300.0))
    fast(x)
    gpu.finish()
    used = gpu.allocations
    gpu.limit(3 * x.nbytes)
    for _ in range(2):
        with pytest.raises(MemoryError):
            fast(x)
        assert gpu.allocations == used
    gpu.limit(1 << 60)
    np.testing.assert_allclose(gpu.get(fast(x)), in_turns(np.arange(300.0)), rtol=1e-12)
    assert gpu.allocations == used


def test_each_call_of_the_driver_may_fail_in_a_native_call(gpu: FakeDriver) -> None:
    fast = jit(in_turns)
    x = gpu.put(np.arange(300.0))
    fast(x)
    n, want = 0, in_turns(np.arange(300.0))
    while True:
        n += 1
        gpu.fail_at(n)
        try:
            got = fast(x)
        except (CudaError, MemoryError):
            gpu.recover()
            assert gpu.allocations == 1, n
            continue
        gpu.fail_at(0)
        np.testing.assert_allclose(gpu.get(got), want, rtol=1e-12)
        break
    assert n > 8
