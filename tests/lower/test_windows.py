"""Rows and columns of matrices are read where they lie."""

import numpy as np
import pytest

from tracejit import jit

rng = np.random.default_rng(5)


def _columns(a, b):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    return b


def _rows(a, b):
    for i in range(1, a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[j, :j]
    return a


def _kept(a, b):
    """A column that a loop reads again and again."""
    out = np.zeros((a.shape[1], b.shape[1]))
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            out[i, j] = a[:, i] @ b[:, j]
        a[:, i] = -a[:, i]
    return out


def _of_libraries(a, b):
    return np.sort(a[:, 1]), np.argsort(b[::2, 0]), np.fft.rfft(b[:, 2]), np.sort(a.T)


@pytest.mark.parametrize("f", [_columns, _rows, _kept, _of_libraries])
def test_values_are_numpys(f):
    for n, m in ((7, 9), (9, 9), (40, 45)):
        a, b = rng.normal(size=(n, n)) / n, rng.normal(size=(n, m))
        mine, its = (a.copy(), b.copy()), (a.copy(), b.copy())
        found, wanted = jit(f)(*mine), f(*its)
        for x, y in zip((*found, *mine), (*wanted, *its)):
            np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("f", [_columns, _rows])
def test_nothing_is_copied_for_a_product_of_two_lines(f):
    g = jit(f)
    g(np.ones((20, 20)), np.ones((20, 30)))
    (program,) = g.inspect_program().values()
    assert "alloc" not in program


def test_libraries_get_lines_side_by_side():
    """So that they are called natively."""
    f = jit(lambda a: np.sort(a[:, 3]))
    f(np.ones((5, 9)))
    (text,) = f.inspect_llvm().values()
    assert "@numpy_sort" in text
    assert "tj_host_call" not in text
