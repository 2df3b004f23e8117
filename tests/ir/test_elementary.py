"""Elementary functions: accuracy against mpmath on a sample, exact values, edges, monotone seams.

`python -m tests.ir.accuracy` measures the same over many more inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit.ir.scalar import elementary
from tracejit.ir.scalar.elementary import complex_functions
from tracejit.ir.scalar.emit_numpy import NumpyEmitter, apply

mp = pytest.importorskip("mpmath")
accuracy = pytest.importorskip("tests.ir.accuracy")
FLOATS = [np.float32, np.float64]
INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(accuracy.NAMES))
def test_within_two_ulp(name: str, dtype: Any) -> None:
    error, where, count = accuracy.worst(name, dtype, 120)
    assert count > 200
    assert error <= 2.0, where


@pytest.mark.parametrize("dtype", FLOATS)
def test_trigonometric_near_multiples_of_half_pi(dtype: Any) -> None:
    x = accuracy._hard(dtype, 2000)
    for name in ("sin", "cos", "tan"):
        got = np.asarray(apply(getattr(elementary, name), x))
        assert np.nanmax(accuracy.ulps(name, got, (x,))) <= 1.0


@pytest.mark.parametrize("dtype", FLOATS)
def test_pow_edges_are_c99(dtype: Any) -> None:
    edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        0.5,
        -0.5,
        3.0,
        -3.0,
        2.5,
        1e30,
        -1e30,
        INF,
        -INF,
        NAN,
    ]
    x, y = (v.ravel() for v in np.meshgrid(*[np.array(edges, dtype)] * 2))
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    got = np.asarray(apply(elementary.pow, x, y))
    exact = np.isnan(want) | np.isinf(want) | (want == 0) | (np.abs(want) == 1)
    np.testing.assert_array_equal(got[exact], want[exact])
    np.testing.assert_array_equal(
        np.signbit(got[exact & ~np.isnan(want)]), np.signbit(want[exact & ~np.isnan(want)])
    )


class Both(NumpyEmitter):
    """Takes the full way, and holds the shortcut to its bits."""

    def shortcut(self, quick: Any, full: Any) -> Any:
        (holds, short), value = quick(), full()
        self.taken = float(np.mean(holds))
        np.testing.assert_array_equal(short[holds].view("u1"), value[holds].view("u1"))
        return value


#: For each shortcut, operands that may not take it.
SHORT: dict[str, list[list[float]]] = {
    "pow": [[0.0, -0.0, -1.5, INF, -INF, NAN, 5e-324], [0.7] * 7],
    "arctan2": [[0.0, 1.0, NAN, 1.0, INF, 0.0], [0.0, NAN, 1.0, INF, 1.0, 5e-324]],
    "arcsinh": [[INF, -INF, NAN]],
    "arccosh": [[0.0, -0.0, 0.9999999, -1.0, -3.0, INF, -INF, NAN]],
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SHORT)
def test_shortcuts_have_the_same_bits(name: str, dtype: Any) -> None:
    e = Both()
    with np.errstate(all="ignore"):
        getattr(elementary, name)(e, *accuracy.inputs(name, dtype, 4000))
        assert e.taken > 0.4
        getattr(elementary, name)(e, *(np.array(edges).astype(dtype) for edges in SHORT[name]))
    assert e.taken == 0


@pytest.mark.parametrize("exponent", [2.3, -0.7, 1 / 3, 3, -3, 2.9375, 3.1])
def test_powers_by_known_numbers(exponent: float) -> None:
    """Up to 3 they have a way of their own in float32: over the whole range, and its edges."""
    e = Both()
    (x,) = accuracy.inputs("log", np.float32, 8000)
    x = np.abs(x)
    with np.errstate(all="ignore"):
        y = e.const(exponent, np.dtype(np.float32))
        got = elementary.pow(e, x, y)
        exact = x.astype(np.longdouble) ** np.longdouble(np.float32(exponent))
        unit = np.ldexp(np.longdouble(1), np.maximum(np.frexp(exact)[1] - 1, -126) - 23)
        off = np.abs(got - exact) / unit
        assert np.max(off[np.isfinite(got) & (exact > 0)]) <= 1.5
        large = np.longdouble(np.finfo(np.float32).max)
        assert (np.isinf(got) <= (exact >= large * (1 - 2.0**-24))).all()
        edges = np.array([0.0, -0.0, -1.5, INF, -INF, NAN, 1.0, 1e-45], np.float32)
        want = np.power(edges.astype(np.float64), np.float64(np.float32(exponent)))
        np.testing.assert_allclose(elementary.pow(e, edges, y), want.astype(np.float32), 2e-7)


@pytest.mark.parametrize("dtype", FLOATS)
def test_exact_results(dtype: Any) -> None:
    top = 127 if dtype is np.float32 else 1023
    n = np.arange(-top, top + 1).astype(dtype)
    powers = np.ldexp(dtype(1), n.astype(int))
    np.testing.assert_array_equal(apply(elementary.exp2, n), powers)
    np.testing.assert_array_equal(apply(elementary.log2, powers), n)
    whole = np.arange(1, 100).astype(dtype)
    np.testing.assert_array_equal(apply(elementary.cbrt, whole**3), whole)
    np.testing.assert_array_equal(apply(elementary.pow, whole, np.full_like(whole, 2)), whole**2)
    tens = 10.0 ** np.arange(0, 10)
    np.testing.assert_array_equal(apply(elementary.log10, tens.astype(dtype)), np.arange(10))
    legs = np.array([3, 5, 8, 20], dtype), np.array([4, 12, 15, 21], dtype)
    np.testing.assert_array_equal(apply(elementary.hypot, *legs), [5, 13, 17, 29])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "name", ["sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "cbrt", "erf"]
)
def test_odd_with_subnormals_and_signed_zero(name: str, dtype: Any) -> None:
    least = np.finfo(dtype).smallest_subnormal
    x = np.concatenate([np.array([0.0, least, 5 * least, 1e-30, 0.3, 0.9], dtype)])
    f = getattr(elementary, name)
    up, down = np.asarray(apply(f, x)), np.asarray(apply(f, -x))
    np.testing.assert_array_equal(up, -down)
    assert np.signbit(down[0])
    assert not np.signbit(up[0])
    if name not in ("cbrt", "erf"):
        np.testing.assert_array_equal(up[:4], x[:4])


COMPLEX = {
    **{n: getattr(mp, n) for n in ("exp", "expm1", "log", "sqrt", "sin", "cos", "tan")},
    **{n: getattr(mp, n) for n in ("sinh", "cosh", "tanh")},
    "log1p": mp.log1p,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
}


def complex_inputs(dtype: Any) -> Any:
    """Both parts over twelve decades, some near the branch points 0, 1 and i."""
    rng = np.random.default_rng(5)
    parts = rng.normal(size=(2, 300)) * 10.0 ** rng.uniform(-6, 1.2, (2, 300))
    wide = parts[0] + 1j * parts[1]
    near = np.concatenate([1 + wide[:60] * 1e-3, 1j + wide[60:120] * 1e-3, -1 + wide[:60] * 1e-3])
    return np.concatenate([wide, near]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("name", sorted(COMPLEX))
def test_complex_relative_to_modulus(name: str, dtype: Any) -> None:
    z = complex_inputs(dtype)
    got = np.asarray(apply(getattr(complex_functions, name), z))
    eps = float(np.finfo(dtype).eps)
    with mp.workprec(160):
        for k in range(z.size):
            exact = COMPLEX[name](mp.mpc(complex(z[k])))
            error = abs(mp.mpc(complex(got[k])) - exact) / abs(exact)
            assert error <= 4 * eps, (z[k], got[k], complex(exact))


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"])
def test_complex_inverses_over_all_magnitudes(name: str) -> None:
    rng = np.random.default_rng(6)
    z = np.empty(400, np.complex128)
    z.real, z.imag = rng.normal(size=(2, 400)) * 10.0 ** rng.uniform(-300, 300, (2, 400))
    got = np.asarray(apply(getattr(complex_functions, name), z))
    with mp.workprec(2500):
        for k in range(0, z.size, 4):
            exact = COMPLEX[name](mp.mpc(complex(z[k])))
            error = abs(mp.mpc(complex(got[k])) - exact) / abs(exact)
            assert error <= 1e-15, (z[k], got[k], complex(exact))


def test_branch_cuts_take_the_side_of_the_zero() -> None:
    x = np.array([-2.0, -0.5, 0.5, 2.0])
    for name in COMPLEX:
        for sign in (0.0, -0.0):
            for z in (x + 0j, 1j * x):
                z = z.copy()
                if z[0].real == -2.0:
                    z.imag = sign
                else:
                    z.real = sign
                got = np.asarray(apply(getattr(complex_functions, name), z))
                want = getattr(np, name)(z)
                np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)
                np.testing.assert_array_equal(np.signbit(got.imag), np.signbit(want.imag))
