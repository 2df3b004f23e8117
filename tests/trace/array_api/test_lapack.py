"""LAPACK called by native code: NumPy's values and errors, for every dtype, shape and stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

RNG = np.random.default_rng(3)
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def matrix(dtype: Any, *shape: int) -> Any:
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def definite(dtype: Any, *shape: int) -> Any:
    a = matrix(dtype, *shape)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1], dtype=dtype)


def all_of_them(a: Any, p: Any, b: Any) -> Any:
    upper = np.linalg.cholesky(p, upper=True)
    return (
        np.linalg.solve(a, b),
        np.linalg.solve(a, b[..., :, :1]),
        np.linalg.inv(a),
        np.linalg.det(a),
        np.linalg.cholesky(p),
        upper,
        np.linalg.solve(np.swapaxes(a, -1, -2), b),  # not in C order
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype: Any) -> None:
    compiled = jit(all_of_them)
    for lead in ((), (3,), (2, 0), (2, 2)):
        for n, k in ((1, 1), (2, 3), (5, 2), (0, 2), (33, 4)):
            a, p = matrix(dtype, *lead, n, n), definite(dtype, *lead, n, n)
            b = matrix(dtype, *lead, n, k)
            worst = max(np.max(np.linalg.cond(x)) for x in (a, p)) if a.size else 1.0
            tolerance = 200 * n * np.finfo(dtype).eps * worst
            for got, want in zip(compiled(a, p, b), all_of_them(a, p, b), strict=True):
                assert got.dtype == want.dtype
                assert got.shape == want.shape
                scale = np.max(np.abs(want), initial=1e-30)
                assert np.max(np.abs(got - want), initial=0.0) <= tolerance * scale


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.linalg.inv, SINGULAR),
        (np.linalg.inv, np.stack([np.eye(2), SINGULAR])),
        (lambda a: np.linalg.solve(a, a[0]), SINGULAR * 0),
        (np.linalg.cholesky, -SINGULAR),
        (lambda a: np.linalg.cholesky(a, upper=True), np.stack([np.eye(2), -np.eye(2)])),
    ],
)
def test_errors(function: Callable[[Any], Any], x: Any) -> None:
    with pytest.raises(np.linalg.LinAlgError) as theirs:
        function(x)
    with pytest.raises(np.linalg.LinAlgError) as ours:
        jit(function)(x)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_determinants_at_the_ends_of_the_range(dtype: Any) -> None:
    big = np.finfo(dtype).max / 4
    diagonals = [
        [big, big, 1 / big, 1 / big, -2.0],
        [big, big],
        [-1 / big, 1 / big],
        [1 / big, 1 / big, big],
        [0.0, -3.0],
        [-0.0],
        [np.inf, 0.0],
        [np.nan, 1.0],
        [2.0, np.inf],
    ]
    for diagonal in diagonals:
        a = np.diag(np.array(diagonal, dtype))
        with np.errstate(all="ignore"):
            want = np.linalg.det(a)
        got = jit(np.linalg.det)(a)
        np.testing.assert_allclose(got, want, rtol=1e-3 if dtype == np.float32 else 1e-9)
        assert np.signbit(got) == np.signbit(want) or np.isnan(want)
