"""Derivatives of incomplete functions by their parameters: the rows, against mpmath and in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")
mp = pytest.importorskip("mpmath")

from tests.codegen_llvm.elementwise_loop import compile_loop  # noqa: E402
from tracejit import grad, hessian, jit, vmap  # noqa: E402
from tracejit.ir.core import TABLE  # noqa: E402

INF, NAN = np.inf, np.nan


def native(name: str, *operands: Any) -> Any:
    """The row's loop."""
    operands = tuple(np.asarray(x) for x in operands)
    lower = TABLE[name].lower
    assert lower is not None
    return compile_loop(lower, [x.dtype for x in operands])(*operands)


def slope(f: Any, at: float) -> float:
    """The derivative by differences of order four, in digits enough."""
    with mp.workdps(45):
        at = mp.mpf(at)
        h = at * mp.mpf(10) ** -9
        near, far = f(at + h) - f(at - h), f(at + 2 * h) - f(at - 2 * h)
        return float((8 * near - far) / (12 * h))


#: Far below, around and far above the mean, parameters from 1e-2 to 1e3.
GAMMA = [(a, a * r) for a in (0.01, 0.4, 3.0, 25.0, 1000.0) for r in (0.03, 0.7, 1.0, 1.02, 1.6)]
GAMMA += [(a, x) for a in (0.01, 0.9) for x in (0.99, 1.2, 30.0)] + [(1000.0, 1000.51)]


def test_gamma_by_the_parameter() -> None:
    a, x = map(np.array, zip(*GAMMA, strict=True))

    def of(x: float, below: bool) -> Any:
        if below:
            return lambda a: mp.gammainc(a, 0, x, regularized=True)
        return lambda a: -mp.gammainc(a, x, mp.inf, regularized=True)

    want = [slope(of(float(v), v < p), float(p)) for p, v in GAMMA]
    np.testing.assert_allclose(native("gammainc_by_a", a, x), want, rtol=1e-12)
    single = native("gammainc_by_a", a.astype(np.float32), x.astype(np.float32))
    of_rounded = native("gammainc_by_a", *(v.astype(np.float32).astype(float) for v in (a, x)))
    np.testing.assert_array_equal(single, of_rounded.astype(np.float32))


def test_gamma_at_the_ends() -> None:
    """Zero where the function does not depend on the parameter; nan where it is nan."""
    a = np.array([2.0, 2.0, INF, 0.0, 0.0, INF, -1.0, 2.0, NAN, 2.0, 1e12])
    x = np.array([0.0, INF, 3.0, INF, 0.0, INF, 2.0, -1.0, 1.0, NAN, 1e12])
    want = np.array([0.0, 0.0, 0.0, 0.0, *[NAN] * 7])
    np.testing.assert_array_equal(native("gammainc_by_a", a, x), want)
    near = native("gammainc_by_a", np.zeros(3), np.array([0.1, 1.0, 8.0]))
    np.testing.assert_allclose(near, -special.exp1([0.1, 1.0, 8.0]), rtol=1e-14)


def test_second_derivatives() -> None:
    """By parameter and argument they are known, in either order; twice by a parameter not."""

    def f(p: Any) -> Any:
        return special.gammainc(2.5, p) * p

    def mixed(a: Any, x: Any) -> Any:
        return grad(special.gammainc)(a, x)

    assert np.isclose(hessian(f)(1.3), grad(grad(f))(1.3), rtol=1e-13)
    want = stats.gamma.pdf(1.3, 2.5) * (np.log(1.3) - special.digamma(2.5))
    assert np.isclose(grad(mixed, argnums=1)(2.5, 1.3), want, rtol=1e-13)
    by_x = grad(lambda a, x: grad(special.gammainc, argnums=1)(a, x))
    assert np.isclose(by_x(2.5, 1.3), want, rtol=1e-13)
    with pytest.raises(TypeError, match=r"gammainc by a parameter has no derivative by its .* 1"):
        grad(mixed)(2.5, 1.3)


def test_in_batches_and_loops() -> None:
    def f(a: Any, x: Any) -> Any:
        total = 0.0
        for v in x:
            total = total + special.gammaincc(a, v) ** 2
        return total

    a, x = np.array([0.5, 2.0, 30.0]), np.array([0.2, 1.0, 28.0])
    want = [sum(-2 * special.gammaincc(p, x) * native("gammainc_by_a", p + 0 * x, x)) for p in a]
    np.testing.assert_allclose(vmap(grad(f), in_axes=(0, None))(a, x), want, rtol=1e-14)
    np.testing.assert_allclose([jit(grad(f))(p, x) for p in a], want, rtol=1e-14)
    single = grad(lambda a: special.gammainc(a, np.float32(1.5)))(np.float32(2.5))
    assert single.dtype == np.float32
    assert np.isclose(single, native("gammainc_by_a", [2.5], [1.5])[0], rtol=1e-7)
