"""``stencil`` against the same written with slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit
from tracejit import numba as nb

X = np.arange(30.0).reshape(5, 6) ** 2
V = np.arange(8.0) ** 2


def cross(a: Any) -> Any:
    return 0.25 * (a[0, 1] + a[1, 0] + a[0, -1] + a[-1, 0])


def inner(x: Any) -> Any:
    return 0.25 * (x[1:-1, 2:] + x[2:, 1:-1] + x[1:-1, :-2] + x[:-2, 1:-1])


def test_cross() -> None:
    want = np.zeros_like(X)
    want[1:-1, 1:-1] = inner(X)
    for f in (nb.stencil(cross), nb.stencil()(cross), nb.stencil("constant")(cross)):
        np.testing.assert_array_equal(f(X), want)


def test_border() -> None:
    want = np.full_like(X, 7.0)
    want[1:-1, 1:-1] = inner(X)
    np.testing.assert_array_equal(nb.stencil(cval=7.0)(cross)(X), want)
    with pytest.raises(ValueError, match="cval"):
        nb.stencil(cval=7.5)(lambda a: a[0])(np.arange(3))


def test_out() -> None:
    out = np.full_like(X, 9.0)
    assert nb.stencil(cross)(X, out=out) is out
    assert out[0, 0] == 9.0
    np.testing.assert_array_equal(out[1:-1, 1:-1], inner(X))
    nb.stencil(cval=1.0)(cross)(X, out=out)
    assert out[0, 0] == 1.0


def one_sided(a: Any) -> Any:
    return a[2] - a[1]


def test_one_sided() -> None:
    want = np.zeros_like(V)
    want[:-2] = V[2:] - V[1:-1]
    np.testing.assert_array_equal(nb.stencil(one_sided)(V), want)


def window(a: Any, n: Any) -> Any:
    s = 0.0
    for i in range(-n, n + 1):
        s += a[i]
    return s


def test_neighborhood() -> None:
    f = nb.stencil(neighborhood=((-2, 2),))(window)
    want = np.zeros_like(V)
    want[2:-2] = np.convolve(V, np.ones(5), "valid")
    np.testing.assert_array_equal(f(V, 2), want)
    with pytest.raises(UnsupportedError, match="neighborhood"):
        nb.stencil(window)(V, 2)


def weighted(a: Any, w: Any) -> Any:
    return a[-1] * w[0] + a[0] * w[1] + a[1] * w[2]


def test_standard_indexing() -> None:
    f = nb.stencil(standard_indexing=("w",))(weighted)
    w = np.array([1.0, 2.0, 3.0])
    want = np.zeros_like(V)
    want[1:-1] = V[:-2] + 2 * V[1:-1] + 3 * V[2:]
    np.testing.assert_array_equal(f(V, w), want)


def test_two_relative_arrays() -> None:
    f = nb.stencil(lambda a, b: a[1] * b[-1])
    want = np.zeros_like(V)
    want[1:-1] = V[2:] * V[:-2]
    np.testing.assert_array_equal(f(V, V), want)


def test_dtype_is_that_of_the_kernel() -> None:
    f = nb.stencil(lambda a: a[0] > a[1])
    assert f(V).dtype == np.bool_
    assert nb.stencil(lambda a: a[0] / 2)(np.arange(4)).dtype == np.float64


def test_arrays_smaller_than_the_neighbourhood() -> None:
    f = nb.stencil(cross)
    np.testing.assert_array_equal(f(X[:1]), np.zeros((1, 6)))
    np.testing.assert_array_equal(f(X[:0]), np.zeros((0, 6)))


def test_inside_of_compiled_code() -> None:
    f = nb.stencil(cross)

    @jit
    def steps(x: Any, n: Any) -> Any:
        for _ in range(n):
            x = f(x)
        return x

    np.testing.assert_array_equal(steps(X, 3), f(f(f(X))))


def test_refused() -> None:
    with pytest.raises(UnsupportedError, match="constant"):
        nb.stencil("reflect")(cross)
    with pytest.raises(TypeError, match="option"):
        nb.stencil(parallel=True)(cross)
    with pytest.raises(ValueError, match="indices"):
        nb.stencil(cross)(V)
    with pytest.raises(TypeError, match="relative array"):
        nb.stencil(one_sided)(1.0)
