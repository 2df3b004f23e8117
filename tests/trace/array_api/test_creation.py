"""Creation functions, matrices and grids: traced and interpreted equals NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare

CALLS = [
    "np.zeros(3)",
    "np.zeros((2, 3), 'i4')",
    "np.ones((2, 0), dtype=bool)",
    "np.ones((2, 3), order='F')",
    "np.full((2, 3), 7)",
    "np.full(3, 2.5, dtype='f4')",
    "np.full((2, 3), [1, 2, 3])",
    "np.full(2, x[0])",
    "np.zeros(-1)",
    "np.zeros_like(x)",
    "np.ones_like(x, dtype=int)",
    "np.full_like(x, 3)",
    "np.full_like(x, 3, shape=(2, 2))",
    "np.empty_like(x) * 0",
    "np.empty(3).shape",
    "np.arange(5)",
    "np.arange(2, 9, 3)",
    "np.arange(9, 2, -3)",
    "np.arange(5, 2)",
    "np.arange(0, 1, 0.1)",
    "np.arange(3.0)",
    "np.arange(0, 5, dtype='f4')",
    "np.arange(1, 4, 0.5, dtype='f4')",
    "np.arange(0)",
    "np.arange(stop=4)",
    "np.arange(2, stop=4)",
    "np.arange(4, step=2)",
    "np.arange(start=2, stop=8, step=3)",
    "np.arange(4, nonsense=2)",
    "np.arange()",
    "np.linspace(0, 1, 5)",
    "np.linspace(0, 1, 7, endpoint=False)",
    "np.linspace(1, 10)",
    "np.linspace(0, 10, 4, dtype=int)",
    "np.linspace(x, 10, 3)",
    "np.linspace(x.astype(np.float32), 10, 3)",
    "np.linspace(np.float32(0.1), np.float32(0.7), 6)",
    "np.geomspace(np.float32(1), np.float32(8), 4)",
    "np.logspace(np.float32(0), 1, 4)",
    "np.linspace(x, x + 1, 3, axis=-1)",
    "np.linspace(0, 1, 1)",
    "np.linspace(0, 1, 0)",
    "np.linspace(0, 1, 5, retstep=True)",
    "np.linspace(0, 1, -1)",
    "np.logspace(0, 2, 5)",
    "np.geomspace(1, 1000, 4)",
    "np.geomspace(-1, -8, 4)",
    "np.eye(3)",
    "np.eye(3, 4, 1, dtype='i4')",
    "np.eye(3, k=-1)",
    "np.identity(3)",
    "np.tri(3, 4, -1)",
    "np.tril(x)",
    "np.triu(x, 1)",
    "np.triu([1, 2, 3])",
    "np.diag(x[0])",
    "np.diag(x[0], 1)",
    "np.diag(x[0], -2)",
    "np.diag(x)",
    "np.diag(x, 1)",
    "np.diagflat([[1, 2], [3, 4]])",
    "np.trace(x)",
    "np.trace(x, 1)",
    "np.diagonal(x, 1)",
    "np.diagonal(x, -1)",
    "np.diagonal(x, 0, 1, 0)",
    "np.vander(x[0])",
    "np.vander([1, 2, 3], 2, increasing=True)",
    "np.array(x)",
    "np.array([x[0], x[1]])",
    "np.array([1, x[0, 0], 2.5])",
    "np.array([[x[0, 0], 1], [2, x[0, 1]]])",
    "np.array([[1, 2], [3]])",
    "np.array([x[0], x[1, 0]])",
    "np.array(x, 'f4')",
    "np.array(x, ndmin=3)",
    "np.array(3)",
    "np.asarray([1, 2, 3])",
    "r = np.asarray(x) is x",
    "np.asarray(x, dtype='f4')",
    "np.ascontiguousarray(x.T)",
    "np.asfortranarray(x)",
    "np.copy(x)",
    "x.copy()",
    "np.meshgrid(x[0], [1, 2])",
    "np.meshgrid(x[0], [1, 2], indexing='ij', sparse=True)",
    "np.meshgrid([1, 2], [3, 4, 5], [6])",
    "np.indices((2, 3))",
    "np.indices((2, 3), sparse=True)",
    "np.fromfunction(lambda i, j: i + 2 * j, (2, 3))",
    "np.mgrid[0:3, 0:2]",
    "np.mgrid[0:1:5j]",
    "np.ogrid[0:3, 0:2:0.5]",
    "np.float32(x)",
    "np.float32(2.5)",
    "np.int64(x[0, 0])",
    "np.bool_(x)",
    "np.complex128(1.5)",
]


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("source", CALLS)
def test_call(source: str, symbolic: bool) -> None:
    if symbolic and source == "np.vander(x[0])":
        pytest.skip("needs known extents")
    compare(source, np.arange(12.0).reshape(3, 4) + 0.5, symbolic=symbolic)


SIZED = [
    "np.zeros(x)",
    "np.ones((x, 2))",
    "np.full(x, 2.5)",
    "np.arange(x)",
    "np.arange(1, x)",
    "np.arange(0, x, 2)",
    "np.arange(x, 0, -1)",
    "np.arange(0.0, x)",
    "np.eye(x)",
    "np.tri(x)",
    "np.linspace(0, 1, x)",
    "np.indices((x, 2))",
]


@pytest.mark.parametrize("size", [5, 1, 0, -1])
@pytest.mark.parametrize("source", SIZED)
def test_traced_size(source: str, size: int) -> None:
    if size < 0 and source in ("np.tri(x)", "np.eye(x)", "np.indices((x, 2))"):
        pytest.skip("NumPy clips or fails by other paths")
    compare(source, size)


DTYPES = ["?", "i1", "u8", "f4", "c8"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("source", ["np.zeros_like(x)", "np.array(x)", "np.diag(x)", "np.triu(x)"])
def test_dtype(source: str, dtype: str) -> None:
    compare(source, np.arange(9).reshape(3, 3).astype(dtype))
