"""What cuBLAS does with a stack of products, from its own arguments: columns, leading sizes, steps.

Sizes and leading sizes that cuBLAS would refuse are an error here, too, and so is memory that the
matrices do not have.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
#: `cublasGemmStridedBatchedEx_64`.
PRODUCT_TYPES: tuple[Any, ...] = (
    *(_P, _I, _I, _L, _L, _L, _P),
    *(_P, _I, _L, _L),
    *(_P, _I, _L, _L),
    *(_P, _P, _I, _L, _L),
    *(_L, _I, _I),
)
#: `cudaDataType` and the `cublasComputeType_t` that goes with it.
_DTYPES = {0: ("f4", 68), 1: ("f8", 70), 4: ("c8", 68), 5: ("c16", 70)}
Memory = Callable[[int, int], np.ndarray]


class Product:
    """`c[i] = alpha * op(a[i]) @ op(b[i]) + beta * c[i]`, all in columns."""

    def __init__(
        self, ta: int, tb: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int,
        step_a: int, b: int, b_type: int, ldb: int, step_b: int, beta: int, c: int, c_type: int,
        ldc: int, step_c: int, count: int, compute: int, algorithm: int,
    ) -> None:  # fmt: skip
        name, wanted = _DTYPES[c_type]
        assert (a_type, b_type, compute, algorithm) == (c_type, c_type, wanted, -1)
        assert min(m, n, k, count) > 0, "an empty product"
        self.dtype = np.dtype(name)
        # The scalars are on the host, and read now.
        self.alpha, self.beta = (
            np.frombuffer(ctypes.string_at(p, self.dtype.itemsize), self.dtype)[0]
            for p in (alpha, beta)
        )
        self.a = self._matrices(a, (k, m) if ta else (m, k), lda, step_a, count), ta
        self.b = self._matrices(b, (n, k) if tb else (k, n), ldb, step_b, count), tb
        assert step_c >= ldc * n or count == 1, "results overlap"
        self.c = self._matrices(c, (m, n), ldc, step_c, count)

    def _matrices(
        self, start: int, shape: tuple[int, int], lead: int, step: int, count: int
    ) -> tuple[int, tuple[int, int, int], tuple[int, int, int]]:
        assert lead >= shape[0], "a leading size is too small"
        size = self.dtype.itemsize
        assert start % size == 0, "a matrix is not aligned"
        return start, (count, *shape), (step * size, size, lead * size)

    def _view(self, memory: Memory, matrices: Any) -> np.ndarray:
        start, shape, strides = matrices
        span = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + self.dtype.itemsize
        return np.ndarray(shape, self.dtype, memory(start, span), 0, strides)

    def run(self, memory: Memory) -> None:
        def operand(matrices: Any, transposed: int) -> np.ndarray:
            found = self._view(memory, matrices)
            return found.swapaxes(1, 2) if transposed else found

        c = self._view(memory, self.c)
        with np.errstate(all="ignore"):
            total = self.alpha * (operand(*self.a) @ operand(*self.b))
            c[...] = total + self.beta * c if self.beta else total
