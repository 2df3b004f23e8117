"""Products: a matrix times its own transpose is half the work; large ones are shared by threads."""

from __future__ import annotations

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
@pytest.mark.parametrize("sizes", [(150, 130, 140), (500, 60, 120), (40, 900, 100)])
def test_large_products_have_the_same_bits_on_any_number_of_threads(dtype, sizes):
    """In blocks whose sizes do not depend on the threads, also where there is one."""
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
