"""Derivatives of incomplete functions by their parameters: the rows, against mpmath and in use."""

from __future__ import annotations

from functools import cache
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
    return _loop(name, *(x.dtype for x in operands))(*operands)


@cache
def _loop(name: str, *dtypes: Any) -> Any:
    lower = TABLE[name].lower
    assert lower is not None
    return compile_loop(lower, list(dtypes))


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


#: Parameters alike and far apart; below, at and above the mean.
BETA = [
    (a, b, x)
    for a, b in [(0.01, 0.02), (0.5, 0.5), (2.0, 1.0), (1.0, 7.0), (0.01, 1000.0), (30.0, 0.05)]
    for x in (1e-6, 0.3, 0.8, 0.9999)
]
BETA += [(1000.0, 1000.0, x) for x in (0.48, 0.499, 0.5, 0.5001, 0.53)]
BETA += [(700.0, 3.0, x) for x in (0.9, 0.995, 0.9999)] + [(8.0, 90.0, 0.08), (20.0, 15.0, 1e-3)]


@pytest.mark.parametrize("name", ["betainc_by_a", "betainc_by_b"])
def test_beta_by_a_parameter(name: str) -> None:
    def of(a: float, b: float, x: float) -> Any:
        """The smaller tail, with its sign."""

        def tail(p: Any, q: Any, u: Any) -> Any:
            weight = u**p * (1 - u) ** q / p / mp.beta(p, q)
            return weight * mp.hyp2f1(p + q, 1, p + 1, u)

        def at(p: Any, q: Any) -> Any:
            u = mp.mpf(x)
            return tail(p, q, u) if x <= a / (a + b) else -tail(q, p, 1 - u)

        return (lambda p: at(p, b)) if name == "betainc_by_a" else (lambda q: at(a, q))

    want = [slope(of(*p), p[name == "betainc_by_b"]) for p in BETA]
    operands = [np.array(v) for v in zip(*BETA, strict=True)]
    np.testing.assert_allclose(native(name, *operands), want, rtol=1e-11)
    single = native(name, *(v.astype(np.float32) for v in operands))
    of_rounded = native(name, *(v.astype(np.float32).astype(float) for v in operands))
    np.testing.assert_array_equal(single, of_rounded.astype(np.float32))


def test_beta_at_the_ends() -> None:
    a = np.array([2.0, 2.0, INF, 2.0, 0.0, INF, -1.0, 2.0, 2.0, 2.0, NAN, 0.0, 2.0])
    b = np.array([3.0, 3.0, 3.0, INF, 0.0, INF, 2.0, -1.0, 2.0, 2.0, 2.0, 2.0, 0.0])
    x = np.array([0.0, 1.0, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, -0.1, 1.1, 0.3, 0.0, 1.0])
    for name in ("betainc_by_a", "betainc_by_b"):
        np.testing.assert_array_equal(native(name, a, b, x), [0.0] * 4 + [NAN] * 9)
    tiny = 1e-9  # at zero it is the limit from above
    near = native("betainc_by_a", np.array([0.0, tiny]), np.full(2, 2.0), np.full(2, 0.3))
    np.testing.assert_allclose(near[0], near[1], rtol=1e-7)
    near = native("betainc_by_b", np.full(2, 2.0), np.array([0.0, tiny]), np.full(2, 0.3))
    np.testing.assert_allclose(near[0], near[1], rtol=1e-7)


def test_student_by_its_degrees_of_freedom() -> None:
    """At small and large arguments, where the fraction's own is near 0 and 1, and at the ends."""

    def of(df: float, t: float) -> Any:
        w = mp.mpf(t) ** 2 / (df + mp.mpf(t) ** 2)

        def at(df: Any) -> Any:
            """The smaller of middle and tail, by the series."""
            whole, half = df + mp.mpf(t) ** 2, df / 2
            v, rest = mp.mpf(t) ** 2 / whole, df / whole
            scale = mp.sqrt(v) * rest**half / mp.beta(half, 0.5) * mp.sign(t)
            if w < 1.5 / (df / 2 + 2.5):
                return scale * mp.hyp2f1(half + 0.5, 1, 1.5, v)
            return -scale / df * mp.hyp2f1(half + 0.5, 1, half + 1, rest)

        return at

    points = [(0.3, 0.5), (2.0, 1.0), (5.0, -1e-3), (5.0, 40.0), (30.0, -2.0), (100.0, 0.1)]
    points += [(1000.0, 1.0), (1000.0, -3.0), (1000.0, 30.0), (0.01, 1e200)]
    df, t = map(np.array, zip(*points, strict=True))
    by_df = jit(lambda df, t: vmap(grad(special.stdtr))(df, t))
    want = [slope(of(*p), p[0]) for p in points]
    np.testing.assert_allclose(by_df(df, t), want, rtol=1e-11)
    assert not np.any(by_df(np.full(3, 3.0), np.array([0.0, INF, -INF])))
    np.testing.assert_array_equal(by_df(np.array([INF, -1.0]), np.array([2.0, 1.0])), [0, NAN])
    mixed = jit(lambda df, t: vmap(grad(grad(special.stdtr), argnums=1))(df, t))
    h = 3e-4 * df[:6]
    density = [stats.t.pdf(t[:6], df[:6] + k * h) for k in (1, -1)]
    np.testing.assert_allclose(
        mixed(df[:6], t[:6]), (density[0] - density[1]) / (2 * h), rtol=1e-6, atol=1e-12
    )


def test_distributions_by_their_shape() -> None:
    """What a fit by distribution functions asks for: a gradient by all parameters at once."""

    def loss(p: Any, x: Any) -> Any:
        total = np.sum(stats.gamma.logcdf(x, p[0], scale=p[1])) + np.sum(stats.t.sf(x, p[2]))
        return total + np.sum(stats.beta.cdf(x / 4, p[0], p[3])) + stats.chi2.ppf(0.3, p[1])

    p, x = np.array([1.7, 1.3, 4.0, 2.2]), np.array([0.4, 1.1, 3.0])
    want = []
    for step in 1e-3 * np.eye(4):
        near, far = loss(p + step, x) - loss(p - step, x), loss(p + 2 * step, x)
        far -= loss(p - 2 * step, x)
        want.append((8 * near - far) / 12e-3)
    np.testing.assert_allclose(grad(loss)(p, x), want, rtol=1e-8)


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
    by_b = grad(lambda x: grad(special.betainc, argnums=1)(2.5, 1.5, x))(0.3)
    h = 1e-4
    slopes = native("betainc_by_b", *np.broadcast_arrays(2.5, 1.5, [0.3 + h, 0.3 - h]))
    assert np.isclose(by_b, (slopes[0] - slopes[1]) / (2 * h), rtol=1e-6)
    with pytest.raises(TypeError, match=r"betainc by a parameter has no derivative by its .* 2"):
        grad(lambda b: grad(special.betainc)(2.5, b, 0.3))(1.5)


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
