"""Derivatives of incomplete functions and zeta by their parameters: against mpmath, and in use."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")
mp = pytest.importorskip("mpmath")

from tests.codegen_llvm.elementwise_loop import compile_loop  # noqa: E402
from tracejit import grad, hessian, jacfwd, jacrev, jit, vmap  # noqa: E402
from tracejit.ir.core import TABLE  # noqa: E402

INF, NAN = np.inf, np.nan


def native(name: str, *operands: Any, **attrs: int) -> Any:
    """The row's loop."""
    operands = tuple(np.asarray(x) for x in operands)
    return _loop(name, *(x.dtype for x in operands), **attrs)(*operands)


@cache
def _loop(name: str, *dtypes: Any, **attrs: int) -> Any:
    lower = TABLE[name].lower
    assert lower is not None
    return compile_loop(lower, list(dtypes), **attrs)


def slope(f: Any, at: Any, order: int = 1) -> Any:
    """The derivative by central differences, in digits enough."""
    weights = [[(0, 1)], [(1, 0.5), (-1, -0.5)], [(1, 1), (0, -2), (-1, 1)]]
    weights += [[(2, 0.5), (1, -1), (-1, 1), (-2, -0.5)]]
    with mp.workdps(70):
        at = mp.mpf(at)
        h = at * mp.mpf(10) ** -12
        return sum(w * f(at + k * h) for k, w in weights[order]) / h**order


def near_the_truth(got: Any, want: list[Any], bound: float, size: list[Any] | None = None) -> None:
    """Relative to it, or to ``size`` where that is larger: where the truth goes through zero."""
    for g, w, s in zip(got, want, size or want, strict=True):
        assert abs(g - w) <= bound * max(abs(w), abs(s)) + 1e-300, (g, w)


#: Far below, around and far above the mean, parameters from 1e-2 to 1e3.
GAMMA = [(a, a * r) for a in (0.01, 0.4, 3.0, 25.0, 1000.0) for r in (0.03, 0.7, 1.0, 1.02, 1.6)]
GAMMA += [(a, x) for a in (0.01, 0.9) for x in (0.99, 1.2, 30.0)] + [(1000.0, 1000.51)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_gamma_by_the_parameter(order: int) -> None:
    a, x = map(np.array, zip(*GAMMA, strict=True))

    def of(x: float, below: bool) -> Any:
        if below:
            return lambda a: mp.gammainc(a, 0, x, regularized=True)
        return lambda a: -mp.gammainc(a, x, mp.inf, regularized=True)

    want = [slope(of(float(v), v < p), float(p), order) for p, v in GAMMA]
    # On its way through zero the second derivative is as exact as the first one over the width.
    first = [slope(of(float(v), v < p), float(p)) / (1 + p) ** 0.5 for p, v in GAMMA]
    got = native("gammainc_by", a, x, n=order)
    near_the_truth(got, want, 1e-12, first if order > 1 else None)
    single = native("gammainc_by", a.astype(np.float32), x.astype(np.float32), n=order)
    rounded = [v.astype(np.float32).astype(float) for v in (a, x)]
    of_rounded = native("gammainc_by", *rounded, n=order)
    np.testing.assert_array_equal(single, of_rounded.astype(np.float32))


def test_gamma_at_the_ends() -> None:
    """Zero where the function does not depend on the parameter; nan where it is nan."""
    a = np.array([2.0, 2.0, INF, 0.0, 0.0, INF, -1.0, 2.0, NAN, 2.0, 1e12])
    x = np.array([0.0, INF, 3.0, INF, 0.0, INF, 2.0, -1.0, 1.0, NAN, 1e12])
    want = np.array([0.0, 0.0, 0.0, 0.0, *[NAN] * 7])
    np.testing.assert_array_equal(native("gammainc_by", a, x), want)
    near = native("gammainc_by", np.zeros(3), np.array([0.1, 1.0, 8.0]))
    np.testing.assert_allclose(near, -special.exp1([0.1, 1.0, 8.0]), rtol=1e-14)


#: Parameters alike and far apart; below, at and above the mean.
BETA = [
    (a, b, x)
    for a, b in [(0.01, 0.02), (0.5, 0.5), (2.0, 1.0), (1.0, 7.0), (0.01, 1000.0), (30.0, 0.05)]
    for x in (1e-6, 0.3, 0.8, 0.9999)
]
BETA += [(1000.0, 1000.0, x) for x in (0.48, 0.499, 0.5, 0.5001, 0.53)]
BETA += [(700.0, 3.0, x) for x in (0.9, 0.995, 0.9999)] + [(8.0, 90.0, 0.08), (20.0, 15.0, 1e-3)]


@pytest.mark.parametrize("orders", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1)])
def test_beta_by_its_parameters(orders: tuple[int, int]) -> None:
    def of(a: float, b: float, x: float) -> Any:
        """The smaller tail, with its sign."""

        def tail(p: Any, q: Any, u: Any) -> Any:
            weight = u**p * (1 - u) ** q / p / mp.beta(p, q)
            return weight * mp.hyp2f1(p + q, 1, p + 1, u)

        def at(p: Any, q: Any) -> Any:
            u = mp.mpf(x)
            return tail(p, q, u) if x <= a / (a + b) else -tail(q, p, 1 - u)

        return at

    def derivative(a: float, b: float, x: float, m: int, n: int) -> Any:
        f = of(a, b, x)
        return slope(lambda p: slope(lambda q: f(p, q), b, n), a, m)

    m, n = orders
    want = [derivative(*p, m, n) for p in BETA]
    operands = [np.array(v) for v in zip(*BETA, strict=True)]
    # On its way through zero the second derivative is as exact as the first ones over the width.
    size = None
    if m + n > 1:
        first = [abs(derivative(*p, 1, 0)) + abs(derivative(*p, 0, 1)) for p in BETA]
        size = [f / (1 + a + b) ** 0.5 for f, (a, b, _) in zip(first, BETA, strict=True)]
    near_the_truth(native("betainc_by", *operands, m=m, n=n), want, 1e-11, size)
    single = native("betainc_by", *(v.astype(np.float32) for v in operands), m=m, n=n)
    rounded = [v.astype(np.float32).astype(float) for v in operands]
    of_rounded = native("betainc_by", *rounded, m=m, n=n)
    np.testing.assert_array_equal(single, of_rounded.astype(np.float32))


def test_beta_at_the_ends() -> None:
    a = np.array([2.0, 2.0, INF, 2.0, 0.0, INF, -1.0, 2.0, 2.0, 2.0, NAN, 0.0, 2.0])
    b = np.array([3.0, 3.0, 3.0, INF, 0.0, INF, 2.0, -1.0, 2.0, 2.0, 2.0, 2.0, 0.0])
    x = np.array([0.0, 1.0, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, -0.1, 1.1, 0.3, 0.0, 1.0])
    for m, n in [(1, 0), (0, 1), (2, 0), (1, 1)]:
        got = native("betainc_by", a, b, x, m=m, n=n)
        np.testing.assert_array_equal(got, [0.0] * 4 + [NAN] * 9)
    tiny = 1e-9  # at zero it is the limit from above
    small, two, at = np.array([0.0, tiny]), np.full(2, 2.0), np.full(2, 0.3)
    for m, n in [(1, 0), (2, 0), (1, 1)]:
        near = native("betainc_by", small, two, at, m=m, n=n)
        np.testing.assert_allclose(near[0], near[1], rtol=1e-7)
        near = native("betainc_by", two, small, at, m=n, n=m)
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
    near_the_truth(by_df(df, t), [slope(of(*p), p[0]) for p in points], 1e-11)
    for n in (2, 3):
        near_the_truth(
            native("stdtr_by", df, t, n=n), [slope(of(*p), p[0], n) for p in points], 1e-11
        )
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


#: A call, where its second derivatives are taken, and the step of differences.
TWICE: dict[str, tuple[Any, tuple[float, ...]]] = {
    "gammainc": (special.gammainc, (2.5, 1.3)),
    "gammaincc": (special.gammaincc, (2.5, 4.3)),
    "gammaincinv": (special.gammaincinv, (2.5, 0.3)),
    "gammainccinv": (special.gammainccinv, (2.5, 0.3)),
    "chdtr": (special.chdtr, (3.5, 2.0)),
    "chdtrc": (special.chdtrc, (3.5, 2.0)),
    "betainc": (special.betainc, (2.5, 1.5, 0.3)),
    "betaincc": (special.betaincc, (2.5, 1.5, 0.9)),
    "betaincinv": (special.betaincinv, (2.5, 1.5, 0.3)),
    "betainccinv": (special.betainccinv, (2.5, 1.5, 0.3)),
    "stdtr": (special.stdtr, (4.5, -0.7)),
    "stdtrit": (special.stdtrit, (4.5, 0.2)),
    "zeta": (special.zeta, (2.5, 1.3)),
    "riemann right": (special.zeta, (2.5,)),
    "riemann middle": (special.zeta, (0.4,)),
    "riemann left": (special.zeta, (-2.7,)),
    "riemann even": (special.zeta, (-4.0,)),
    "fit": (lambda a, b: stats.beta.logcdf(0.3, a, b) + stats.t.sf(b, a), (2.5, 1.5)),
}


@pytest.mark.parametrize("name", TWICE)
def test_second_derivatives(name: str) -> None:
    """By all parameters and arguments, in either mode, against differences of the values."""
    function, at = TWICE[name]
    point = np.array(at)
    count = len(point)

    def f(p: Any) -> Any:
        return function(*(p[k] for k in range(count)))

    steps = 1e-3 * np.eye(count)
    value = function(*at)
    first = grad(f)(point)
    for k, s in enumerate(steps):
        near, far = f(point + s) - f(point - s), f(point + 2 * s) - f(point - 2 * s)
        np.testing.assert_allclose(first[k], (8 * near - far) / 12e-3, rtol=1e-8, atol=1e-10)
    found = hessian(f)(point)
    np.testing.assert_allclose(found, jacrev(grad(f))(point), rtol=1e-12, atol=1e-13)
    slopes = [(grad(f)(point + s) - grad(f)(point - s)) / 2e-3 for s in steps]
    further = [(grad(f)(point + 2 * s) - grad(f)(point - 2 * s)) / 4e-3 for s in steps]
    want = (4 * np.array(slopes) - np.array(further)) / 3
    np.testing.assert_allclose(found, want, rtol=1e-7, atol=1e-9 * abs(value))
    third = jacfwd(hessian(f))(point)
    for axes in [(1, 0, 2), (0, 2, 1)]:
        np.testing.assert_allclose(third, third.transpose(axes), rtol=1e-9, atol=1e-12)


#: Below and above 1, near the pole, and where the sum's first term is all.
ZETA = [(s, q) for s in (0.3, 0.999, 1.0001, 1.5, 3.7, 40.0) for q in (1e-3, 1.0, 1.7, 60.0, 1e4)]
ZETA += [(120.0, 5.0), (150.0, 80.0), (60.0, 9.0)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_zeta_by_s(order: int) -> None:
    s, q = map(np.array, zip(*ZETA, strict=True))
    want = [slope(lambda s, q=q: mp.zeta(s, mp.mpf(q)), s, order) for s, q in ZETA]
    near_the_truth(native("zeta_by", s, q, n=order), want, 1e-12)
    s = np.array([2.0, INF, 2.0, -1.0, 2.0, NAN, 2.0])
    q = np.array([INF, 2.0, 0.0, 1.0, -1.5, 1.0, NAN])
    np.testing.assert_array_equal(native("zeta_by", s, q, n=order), [0.0, 0.0, *[NAN] * 5])
    assert np.isnan(grad(lambda s: special.zeta(s, 2.0))(0.5))  # as SciPy's value
    at = np.array([-20.3, -8.0, -1.5, -0.1, 0.0, 0.7, 1.4, 9.0])
    want = [float(mp.zeta(mp.mpf(v), 1, 1)) for v in at]
    np.testing.assert_allclose(vmap(grad(lambda s: special.zeta(s)))(at), want, rtol=2e-13)


def test_in_batches_and_loops() -> None:
    def f(a: Any, x: Any) -> Any:
        total = 0.0
        for v in x:
            total = total + special.gammaincc(a, v) ** 2
        return total

    a, x = np.array([0.5, 2.0, 30.0]), np.array([0.2, 1.0, 28.0])
    want = [sum(-2 * special.gammaincc(p, x) * native("gammainc_by", p + 0 * x, x)) for p in a]
    np.testing.assert_allclose(vmap(grad(f), in_axes=(0, None))(a, x), want, rtol=1e-14)
    np.testing.assert_allclose([jit(grad(f))(p, x) for p in a], want, rtol=1e-14)
    single = grad(lambda a: special.gammainc(a, np.float32(1.5)))(np.float32(2.5))
    assert single.dtype == np.float32
    assert np.isclose(single, native("gammainc_by", [2.5], [1.5])[0], rtol=1e-7)
