"""Products of matrices on the device: by cuBLAS where it reads the operands, else by a kernel."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.fake_device import FakeDriver, fake_device
from tracejit import jit
from tracejit.device.driver import PRODUCT, CudaError


def product(a: Any, b: Any) -> Any:
    return a @ b


def _filled(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    numbers = (np.arange(np.prod(shape)) * 7) % 11 - 5
    return numbers.reshape(shape).astype(dtype)


def _both(gpu: FakeDriver, f: Any, a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """A call beside NumPy's: how many calls of cuBLAS and launches it made."""
    before = gpu.counts.calls.copy()
    got = gpu.get(f(gpu.put(a), gpu.put(b)))
    want = a @ b
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_array_equal(got, want)  # small whole numbers: exact in any order
    made = gpu.counts.calls - before
    return made[PRODUCT], made["cuLaunchKernel"]


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_one_call_of_cublas(dtype: str) -> None:
    """Rows or columns along memory, a vector, stacks."""
    a, b = _filled((9, 14), dtype), _filled((14, 11), dtype)
    whole = _filled((80, 60), dtype)
    operands = [
        (a, b),
        (np.asfortranarray(a), b),
        (a, np.asfortranarray(b)),
        (whole, _filled((60,), dtype)),
        (_filled((5, 9, 14), dtype), _filled((5, 14, 11), dtype)),
        (_filled((5, 9, 14), dtype), b),
    ]
    with fake_device() as gpu:
        for x, y in operands:
            assert _both(gpu, jit(product), x, y) == (1, 0)


def test_what_cublas_cannot_read_has_a_kernel() -> None:
    """One version, and the run decides; empty sums are zeros."""
    a, b = _filled((9, 14), "f8"), _filled((14, 11), "f8")
    with fake_device() as gpu:
        f = jit(product, shapes="dynamic")
        assert _both(gpu, f, a, b) == (1, 0)
        assert _both(gpu, f, a[:, :0], b[:0]) == (0, 1)
        text = f.explain(gpu.put(a), gpu.put(b))
        assert "product of matrices by cuBLAS, where strides or sizes forbid it by kernel" in text


def test_dtypes_that_cublas_has_not() -> None:
    with fake_device() as gpu:
        f = jit(product)
        for dtype in ("i4", "i8", "?"):
            assert _both(gpu, f, _filled((9, 14), dtype), _filled((14, 11), dtype))[0] == 0


def test_a_failing_call_says_so_with_its_line() -> None:
    with fake_device() as gpu:
        f = jit(product)
        a = gpu.put(_filled((9, 14), "f8"))
        b = gpu.put(_filled((14, 11), "f8"))
        assert "product of matrices by cuBLAS (test_products.py, line 19)" in f.explain(a, b)
        f(a, b)
        gc.collect()
        before = gpu.allocations
        gpu.fail_at(2)  # after the result
        with pytest.raises(RuntimeError, match="no handle"):
            f(a, b)
        gpu.recover()
        gpu.fail_at(3)
        with pytest.raises(CudaError, match="cuBLAS error 999 in a product of matrices"):
            f(a, b)
        gpu.recover()
        gc.collect()
        assert gpu.allocations == before
