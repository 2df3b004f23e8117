"""Products: a matrix times its own transpose is half the work; large ones are shared by threads."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tracejit import get_num_threads, jit, set_num_threads

SHAPES = [(3, 4), (33, 7), (64, 64), (100, 65), (31, 200), (70, 1), (1, 5), (40, 0)]


def matrix(dtype: str, shape: tuple[int, int]) -> Any:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype[0] == "c" else x).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_times_its_transpose(dtype: str, shape: tuple[int, int]) -> None:
    x = matrix(dtype, shape)
    tolerance = 1000 * np.finfo(dtype).eps
    for fn in (lambda a: a @ a.T, lambda a: a.T @ a):
        got, want = jit(fn)(x), fn(x)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(got, got.T)


def test_windows_and_other_layouts() -> None:
    x = matrix("f8", (80, 90))
    for y in (x[3:70, 5:44], np.asfortranarray(x), x[:, ::2], x[::-1]):
        np.testing.assert_allclose(jit(lambda a: a @ a.T)(y), y @ y.T, rtol=1e-12, atol=1e-12)


def test_added_to_what_is_there_and_not_its_transpose() -> None:
    def update(a: Any, c: Any) -> None:
        c += a @ a.T

    x, c = matrix("f8", (60, 60)), np.ones((60, 60))
    jit(update)(x, c)
    np.testing.assert_allclose(c, 1 + x @ x.T, rtol=1e-12)
    np.testing.assert_allclose(jit(lambda a: a @ a)(x), x @ x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize(
    "sizes", [(150, 130, 140), (40, 1100, 100), (20000, 10, 12), (9300, 40, 30)]
)
def test_large_products_have_the_same_bits_on_any_number_of_threads(dtype, sizes):
    """Cut in rows, in columns, in rows of a thin one, and where one call would be too long."""
    m, n, k = sizes
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((n, k)).astype(dtype).T
    compiled = jit(lambda a, b: a @ b, shapes="dynamic")
    alone = jit(lambda a, b: a @ b, shapes="dynamic", parallel=False)
    before = get_num_threads()
    try:
        for left, right in ((a, b), (np.asfortranarray(a), np.ascontiguousarray(b))):
            want = alone(left, right)
            np.testing.assert_allclose(want, left @ right, rtol=1e-4, atol=1e-3)
            for count in (1, 2, 3, 7):
                set_num_threads(count)
                assert compiled(left, right).tobytes() == want.tobytes(), count
    finally:
        set_num_threads(before)
    assert compiled.stats().parallel_launches >= 6


_PARTS = """
import ctypes, sys
import numpy as np
from tracejit.codegen_llvm import blas
from tracejit.codegen_llvm.gemm_shared_text import _GROUP, _LEAST
long, where, orders = ctypes.c_int64, ctypes.c_void_p, [ctypes.c_int] * 3
def product(letter, real, a, b, c):
    call = ctypes.CFUNCTYPE(
        None, *orders, long, long, long, real, where, long, where, long, real, where, long
    )(blas.address(f"cblas_{letter}gemm"))
    (m, n), k = c.shape, a.shape[1]
    reads = [(111, x.strides[0]) if x.strides[1] == x.itemsize else (112, x.strides[1])
             for x in (a, b, c)]
    (ta, lda), (tb, ldb), (_, ldc) = [(t, step // c.itemsize) for t, step in reads]
    call(101, ta, tb, m, n, k, 1.0, a.ctypes.data, lda, b.ctypes.data, ldb, 1.0, c.ctypes.data, ldc)
rng = np.random.default_rng(int(sys.argv[1]))
for letter, real, dtype in (("s", ctypes.c_float, "f4"), ("d", ctypes.c_double, "f8")):
    for turn in range(40):
        m, n, k = (int(x) for x in np.exp(rng.uniform(np.log((60, 8, 8)), np.log((600, 600, 900)))))
        least = -(-_LEAST // (_GROUP * n * k)) * _GROUP
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        a, b = (np.asfortranarray(x) if rng.integers(2) else x for x in (a, b))
        start = rng.standard_normal((m, n)).astype(dtype)
        whole, parts = start.copy(), start.copy()
        product(letter, real, a, b, whole)
        cuts = [0]
        while m - cuts[-1] >= 2 * least:
            most = (m - cuts[-1] - least - 1) // _GROUP * _GROUP
            cuts.append(cuts[-1] + max(least, int(rng.integers(0, most + 1)) // _GROUP * _GROUP))
        for lo, hi in zip(cuts, [*cuts[1:], m]):
            product(letter, real, a[lo:hi], b, parts[lo:hi])
        assert whole.tobytes() == parts.tobytes(), (dtype, m, n, k, cuts)
print("same")
"""


@pytest.mark.parametrize("core", ["", "Haswell", "Sandybridge"])
def test_parts_of_rows_have_the_bits_of_the_whole(core: str) -> None:
    """What sharing products relies on, for the kernels of several machines."""
    environment = {**os.environ, "OPENBLAS_CORETYPE": core}
    command = [sys.executable, "-c", _PARTS, "7"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.stdout == "same\n", run.stderr
