"""C functions of this process: called by ctypes, and by SciPy as ``LowLevelCallable``."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.errors import UnsupportedError

LowLevelCallable = pytest.importorskip("scipy").LowLevelCallable
integrate = pytest.importorskip("scipy.integrate")
ndimage = pytest.importorskip("scipy.ndimage")


@jit
def weighted(x: Any, w: Any) -> Any:
    return np.exp(-x * x) * w[0] + w[1]


@jit
def product(x: Any, y: Any, z: Any) -> Any:
    return x * np.sin(y) + z


@jit
def spread(x: Any) -> Any:
    if x[0] < -100:
        raise ValueError("too small")
    return (x - x.mean()) @ (x - x.mean()) / len(x)


def test_integrands() -> None:
    bump = jit(lambda x: np.exp(-x * x)).c_function("f8(f8)", form="integrand")
    found, _ = integrate.quad(LowLevelCallable(bump.ctypes), -np.inf, np.inf)
    assert math.isclose(found, math.sqrt(math.pi), rel_tol=1e-12)

    with_data = weighted.c_function("f8(f8, f8[2])", form="integrand")
    data = np.array([2.0, 1.0])
    pointer = ctypes.c_void_p(data.ctypes.data)
    found, _ = integrate.quad(LowLevelCallable(with_data.ctypes, pointer), 0, 1)
    assert math.isclose(found, 1 + math.sqrt(math.pi) * math.erf(1), rel_tol=1e-12)

    many = product.c_function("(f8, f8, f8)", form="integrand")
    found, _ = integrate.nquad(LowLevelCallable(many.ctypes), [(0, 1), (0, np.pi), (0, 2)])
    assert math.isclose(found, 2 + 2 * math.pi, rel_tol=1e-12)

    vector = jit(lambda x: x[0] * np.sin(x[1]) + x[2]).c_function("(f8[n])", form="integrand")
    again, _ = integrate.nquad(LowLevelCallable(vector.ctypes), [(0, 1), (0, np.pi), (0, 2)])
    assert again == found


def test_filters() -> None:
    image = np.random.default_rng(0).normal(size=(9, 8))
    callback = LowLevelCallable(spread.c_function("f8(f8[n])", form="filter").ctypes)
    found = ndimage.generic_filter(image, callback, size=3)
    np.testing.assert_allclose(found, ndimage.generic_filter(image, np.var, size=3), rtol=1e-12)
    image[4, 4] = -1e3
    with pytest.raises(RuntimeError, match="filter"):
        ndimage.generic_filter(image, callback, footprint=[[1]])


def test_plain_functions() -> None:
    f = spread.c_function("(f8[n])")
    x = np.arange(4.0)
    assert f.ctypes(x.ctypes.data, 4) == 1.25
    assert math.isnan(f.ctypes(np.full(2, -101.0).ctypes.data, 2))
    again = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_int64)(f.address)
    assert again(x.ctypes.data, 4) == 1.25
    power = jit(lambda n, b: n**2 if b else -n).c_function("i8(i8, b1)")
    assert [power.ctypes(5, True), power.ctypes(5, False)] == [25, -5]


@pytest.mark.parametrize(
    ("function", "signature", "form", "says"),
    [
        (lambda x: (x, x), "(f8)", "plain", "a C function returns one real number"),
        (lambda x: x + 1, "(f8[n])", "plain", "returns one real number"),
        (lambda x: x, "i8(i8)", "integrand", "the result of an integrand is a float64"),
        (lambda x, n: x * n, "(f8, i8)", "integrand", "takes float64 numbers, or one vector"),
        (lambda x, y: x @ y, "(f8[n], f8[n])", "integrand", "takes float64 numbers, or one"),
        (lambda x: x * 2.0, "(f8)", "filter", "a filter takes one vector"),
    ],
)
def test_what_a_form_does_not_take(function: Any, signature: str, form: Any, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        jit(function).c_function(signature, form=form)


def test_a_form_that_is_none() -> None:
    with pytest.raises(ValueError, match="one of plain, integrand, filter, not 'odd'"):
        spread.c_function("(f8[n])", form="odd")  # type: ignore[arg-type]
