"""Derivatives at kinks, poles and ties, and the complex convention: numbers known by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.autodiff.test_rows import run
from tracejit.autodiff import grad, jvp
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.types import dtype_of, tensor


def gradients(emit: Callable[..., Value], *args: Any) -> list[Any]:
    """Gradient of the real part of the sum of ``emit(b, *params)`` by every argument."""
    b = Builder("point")
    arrays = [np.asarray(a) for a in args]
    params = [b.param(tensor(dtype_of(a.dtype), a.shape)) for a in arrays]
    out = emit(b, *params)
    if out.dtype.kind == "c":
        out = b.op("real", out)
    total = b.op("reduce_sum", out, axes=tuple(range(out.rank)))
    wrt = [k for k, a in enumerate(arrays) if a.dtype.kind in "fc"]
    return run(grad(b.build([total]), wrt), arrays)[1:]


def op(name: str, **attrs: Any) -> Callable[..., Value]:
    return lambda b, *xs: b.op(name, *xs, **attrs)


POINTS = [
    ("maximum", [2.0, 2.0], [0.5, 0.5]),
    ("minimum", [2.0, 1.0], [0.0, 1.0]),
    ("fmax", [np.nan, 1.0], [0.0, 1.0]),
    ("pow", [0.0, 2.0], [0.0, 0.0]),
    ("pow", [0.0, 1.0], [1.0, 0.0]),
    ("pow", [0.0, 0.0], [0.0, 0.0]),
    ("pow", [-2.0, 3.0], [12.0, np.nan]),
    ("hypot", [0.0, 0.0], [0.0, 0.0]),
    ("hypot", [3e200, 4e200], [0.6, 0.8]),
    ("arctan2", [0.0, 0.0], [0.0, 0.0]),
    ("arctan2", [3e200, 4e200], [0.8 / 5e200, -0.6 / 5e200]),
    ("logaddexp", [-np.inf, 0.0], [0.0, 1.0]),
    ("logaddexp", [-np.inf, -np.inf], [0.5, 0.5]),
    ("logaddexp", [np.inf, 1.0], [1.0, 0.0]),
    ("logaddexp", [1e17, 1e17], [0.5, 0.5]),
    ("logaddexp2", [-np.inf, -np.inf], [0.5, 0.5]),
    ("abs", [0.0], [0.0]),
    ("sqrt", [0.0], [np.inf]),
    ("floor", [1.5], [0.0]),
    ("sign", [1.5], [0.0]),
    ("remainder", [-5.5, 2.0], [1.0, 3.0]),
    ("fmod", [-5.5, 2.0], [1.0, 2.0]),
]


@pytest.mark.parametrize(("name", "args", "want"), POINTS)
def test_point(name: str, args: list[float], want: list[float]) -> None:
    got = gradients(op(name), *map(np.float64, args))
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_ties_of_a_reduction_share() -> None:
    (got,) = gradients(op("reduce_max", axes=(0,)), np.array([1.0, 3.0, 3.0]))
    np.testing.assert_array_equal(got, [0.0, 0.5, 0.5])


def test_product_with_zeros() -> None:
    one = gradients(op("reduce_prod", axes=(0,)), np.array([2.0, 0.0, 5.0]))
    two = gradients(op("reduce_prod", axes=(0,)), np.array([0.0, 0.0, 5.0]))
    np.testing.assert_array_equal([one[0], two[0]], [[0.0, 10.0, 0.0], [0.0, 0.0, 0.0]])


def test_running_product_with_zeros() -> None:
    (got,) = gradients(op("cumprod", axis=0), np.array([2.0, 0.0, 5.0]))
    np.testing.assert_array_equal(got, [1.0, 2.0 + 2.0 * 5.0, 0.0])


def test_the_last_of_repeated_writes_gets_the_cotangent() -> None:
    index = np.array([1, 0, 1])

    def emit(b: Builder, x: Value, v: Value, i: Value) -> Value:
        return b.op("scatter", x, v, i, axes=(0,), mode="set")

    x, v = gradients(emit, np.zeros(3), np.ones(3), index)
    np.testing.assert_array_equal(x, [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(v, [0.0, 1.0, 1.0])


#: Gradients of real functions of ``z = x + iy``: ``d/dx - i d/dy``, as in JAX.
COMPLEX: list[tuple[str, Callable[[complex], complex]]] = [
    ("abs", lambda z: z.conjugate() / abs(z)),
    ("real", lambda z: 1),
    ("imag", lambda z: -1j),
    ("conj", lambda z: 1),
    ("exp", lambda z: np.exp(z)),
    ("sqrt", lambda z: 0.5 / np.sqrt(z)),
]


@pytest.mark.parametrize(("name", "want"), COMPLEX)
def test_complex(name: str, want: Callable[[complex], complex]) -> None:
    z = 0.6 - 1.1j
    (got,) = gradients(op(name), np.complex128(z))
    np.testing.assert_allclose(got, want(z), rtol=1e-14)


def test_complex_abs_at_zero() -> None:
    (got,) = gradients(op("abs"), np.complex128(0))
    assert got == 0


def _where(name: str) -> Callable[..., Value]:
    """``np.where(x > 0, f(x), 0)``."""

    def emit(b: Builder, x: Value) -> Value:
        nil = b.zeros_like(x)
        return b.op("select", b.op("gt", x, nil), b.op(name, x), nil)

    return emit


@pytest.mark.parametrize("name", ["sqrt", "log", "cbrt"])
def test_a_mask_keeps_poles_out(name: str) -> None:
    (got,) = gradients(_where(name), np.array([0.0, 4.0]))
    (want,) = gradients(op(name), np.array([4.0]))
    np.testing.assert_array_equal(got, [0.0, want[0]])


def test_a_masked_quotient() -> None:
    """``np.where(y != 0, x / y, 0)`` at ``y == 0``."""

    def emit(b: Builder, x: Value, y: Value) -> Value:
        nil = b.zeros_like(x)
        return b.op("select", b.op("ne", y, nil), b.op("div", x, y), nil)

    x, y = gradients(emit, np.array([1.0, 3.0]), np.array([0.0, 2.0]))
    np.testing.assert_array_equal(x, [0.0, 0.5])
    np.testing.assert_array_equal(y, [0.0, -0.75])


def test_a_masked_overflow() -> None:
    """``np.where(x < 700, exp(x), 0)`` at 1000."""

    def emit(b: Builder, x: Value) -> Value:
        return b.op("select", b.op("lt", x, b.lit(700, x)), b.op("exp", x), b.zeros_like(x))

    (got,) = gradients(emit, np.array([1000.0, 0.0]))
    np.testing.assert_array_equal(got, [0.0, 1.0])


def test_a_window_keeps_poles_out() -> None:
    """``np.log(x)[1:]`` at ``x[0] == 0``."""

    def emit(b: Builder, x: Value) -> Value:
        return b.slice(b.op("log", x), [1], (2,))

    (got,) = gradients(emit, np.array([0.0, 2.0, 4.0]))
    np.testing.assert_array_equal(got, [0.0, 0.5, 0.25])


def test_the_second_derivative_of_a_masked_function() -> None:
    """The guard is differentiable where the cotangent happens to be zero."""

    def emit(b: Builder, x: Value) -> Value:
        y = b.op("select", b.op("gt", x, b.zeros_like(x)), b.op("log", x), b.zeros_like(x))
        return b.op("mul", y, y)

    b = Builder("squared")
    x = b.param(tensor("f64", (2,)))
    function = b.build([b.op("reduce_sum", emit(b, x), axes=(0,))])
    twice = jvp(grad(function, [0]), [0])
    got = run(twice, [np.array([1.0, 2.0]), np.ones(2)])
    # d2/dx2 log(x)**2 = 2 * (1 - log(x)) / x**2, and the cotangent of log is 0 at x = 1
    np.testing.assert_allclose(got[-1], [2.0, (1 - np.log(2)) / 2])
