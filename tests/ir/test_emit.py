"""`NumpyEmitter` against exact rational arithmetic, and its integer methods against Python's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tracejit.ir.scalar.emit import C64, C128, F32, F64, I32, I64, ComplexPair
from tracejit.ir.scalar.emit_numpy import NumpyEmitter, apply

E = NumpyEmitter()


def exact_fma(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        return float(exact)
    except OverflowError:
        return np.inf if exact > 0 else -np.inf


@pytest.mark.parametrize("span", [1, 30, 300, 900])
def test_fma_rounds_once(span: int) -> None:
    rng = np.random.default_rng(span)
    a, b, c = rng.normal(size=(3, 500)) * 2.0 ** rng.integers(-span, span, (3, 500))
    with np.errstate(over="ignore"):
        c[::2] = -(a * b)[::2]  # what is left is the rounding error of the product
    with np.errstate(all="ignore"):
        finite = np.isfinite(a * b) & np.isfinite(c)
        a, b, c = a[finite], b[finite], c[finite]
        got = E.fma(a, b, c)
    want = [exact_fma(*map(float, t)) for t in zip(a, b, c, strict=True)]
    np.testing.assert_array_equal(got, want)


def test_fma_single_is_rounded_once() -> None:
    # 1 + 2**-24 + 2**-54: rounding to float64 and then to float32 would lose the last bit.
    a, b = np.float32(1 + 2.0**-12), np.float32(1 - 2.0**-12)
    c = np.float32(2.0**-24 + 2.0**-46)
    got = E.fma(np.array([a]), np.array([b]), np.array([c]))
    assert got.dtype == F32
    assert got[0] == np.float32(1.0)
    halfway = E.fma(np.float32([2.0**-12]), np.float32([2.0**-12]), np.float32([1.0]))
    above = E.fma(np.float32([2.0**-12]), np.float32([2.0**-12 * (1 + 2.0**-23)]), np.float32([1]))
    assert halfway[0] == 1.0
    assert above[0] == np.float32(1 + 2.0**-23)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_bit_counts(dtype: str) -> None:
    kind = np.dtype(dtype)
    info = np.iinfo(kind)
    x = np.array([0, 1, 2, 6, 40, info.max, info.min, info.max // 3], kind)
    bits = 8 * kind.itemsize
    patterns = [int(v) % 2**bits for v in x]
    np.testing.assert_array_equal(E.ctpop(x), [p.bit_count() for p in patterns])


def test_division_truncates() -> None:
    a = np.array([7, -7, 7, -7, -8], np.int64)
    b = np.array([2, 2, -2, -2, 2], np.int64)
    np.testing.assert_array_equal(E.sdiv(a, b), [3, -3, -3, 3, -4])


def test_shifts() -> None:
    x = np.array([-8, 8], np.int32)
    one = E.const(1, I32)
    np.testing.assert_array_equal(E.ashr(x, one), [-4, 4])
    np.testing.assert_array_equal(E.lshr(x, one), [2**31 - 4, 4])


@pytest.mark.parametrize(("dtype", "part"), [(C64, F32), (C128, F64)])
def test_complex_constants_are_pairs(dtype: Any, part: Any) -> None:
    z = E.const(1 + 2j, dtype)
    assert isinstance(z, ComplexPair)
    assert (z.dtype, z.re.dtype, z.re, z.im) == (dtype, part, 1, 2)


def test_integer_constants_wrap() -> None:
    assert E.const(-1, np.dtype("u4")) == 2**32 - 1
    assert E.const(2**63, I64) == -(2**63)


def test_apply_passes_complex_arrays_through_pairs() -> None:
    def swap(e: Any, z: ComplexPair) -> ComplexPair:
        return ComplexPair(z.im, z.re)

    z = np.array([1 + 2j, 3 - 4j])
    np.testing.assert_array_equal(apply(swap, z), [2 + 1j, -4 + 3j])
