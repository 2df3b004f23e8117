"""`scipy.special` in compiled code: SciPy's values to the bit, and derivatives of what has one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")

from tracejit import UnsupportedError, grad, hessian, jit, jvp, vjp, vmap  # noqa: E402
from tracejit.ir.ops.derivatives_ufuncs import PARTIALS  # noqa: E402

UFUNCS = sorted(n for n in dir(special) if isinstance(getattr(special, n), np.ufunc))


def samples(name: str, loop: str, size: int = 7) -> list[Any]:
    """Operands of the types of a loop: moderate numbers, orders and parameters small integers."""
    rng = np.random.default_rng(len(name))
    made: list[Any] = []
    for letter in loop.split("->")[0]:
        if letter in "il":
            made.append(np.arange(1, size + 1).astype(letter))
        elif letter in "FD":
            made.append((rng.uniform(0.1, 2, size) + 0.3j).astype(letter))
        else:
            made.append(rng.uniform(0.1, 0.9, size).astype(letter))
    return made


@pytest.mark.parametrize("name", UFUNCS)
def test_values_of_every_ufunc(name: str) -> None:
    """The loops of floats, of arrays and of numbers, are SciPy's."""
    f = getattr(special, name)
    for loop in [t for t in f.types if set(t) <= set("il dD->".replace(" ", ""))][:2]:
        operands = samples(name, loop)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = f(*operands)
            got = jit(lambda *a: f(*a))(*operands)
            one = jit(lambda *a: f(*(x[0] for x in a)))(*operands)
        want = expected if isinstance(expected, tuple) else (expected,)
        have = got if isinstance(got, tuple) else (got,)
        first = one if isinstance(one, tuple) else (one,)
        for w, h, o in zip(want, have, first, strict=True):
            assert h.dtype == w.dtype
            assert type(o) is type(w[0])
            # Rows of our own (`expit`, `erf` …) are within two units of the truth.
            np.testing.assert_allclose(h, w, rtol=4e-16 if name in OURS else 0, equal_nan=True)
            np.testing.assert_allclose(o, w[0], rtol=4e-16 if name in OURS else 0, equal_nan=True)


OURS = {"cbrt", "erf", "exp2", "expit", "expm1", "log1p"}

#: Where the derivative is compared, by name; others at (0.3, 0.8), parameters at 1.5 and 2.5.
DOMAIN: dict[str, tuple[float, float]] = {
    "gamma": (-0.8, 2.5),
    "rgamma": (-1.9, 2.5),
    "gammaln": (0.4, 3.0),
    "psi": (-0.8, 2.5),
    "digamma": (-0.8, 2.5),
    "log_ndtr": (-30.0, 8.0),
    "ndtri_exp": (-3.0, -0.5),
    "i1": (-2.0, 2.0),
    "j1": (-2.0, 2.0),
    "spence": (0.3, 1.7),
    "huber": (0.2, 3.0),
}


def _places() -> list[tuple[str, int]]:
    found = []
    for place, partials in PARTIALS.items():
        module, name = place.split(":")
        if module == "scipy.special" and hasattr(special, name):
            found += [(name, k) for k, p in enumerate(partials) if p is not None]
    return found


def _point(name: str, k: int) -> tuple[list[float], np.ndarray[Any, Any]]:
    low, high = DOMAIN.get(name, (0.3, 0.8))
    x = np.linspace(low, high, 8)
    count = getattr(special, name).nin
    others = [1.5, 2.5][: count - 1]
    if name in ("rel_entr", "kl_div", "xlogy", "xlog1py", "binom", "poch", "beta", "betaln"):
        others = [1.7]
    if name in ("huber", "pseudo_huber"):
        others = [1.1]
    if name in ("kn", "yn", "expn"):
        others = [2]
    if name.endswith(("inv", "trit", "betainc", "betaincc")) and k < count - 1:
        others[-1] = 0.4
    return others, x


def _by(name: str, k: int) -> tuple[Callable[[Any], Any], np.ndarray[Any, Any]]:
    others, x = _point(name, k)
    f = getattr(special, name)

    def of_one(v: Any) -> Any:
        return f(*others[:k], v, *others[k:])

    return of_one, x


@pytest.mark.parametrize(("name", "k"), _places())
def test_derivatives(name: str, k: int) -> None:
    """Against differences: first order forward and reverse, second order where there is one."""
    f, x = _by(name, k)
    h = 2e-4 * np.maximum(np.abs(x), 0.1)

    def slope(g: Callable[[Any], Any]) -> Any:
        return (8 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12 * h)

    expected = slope(f)
    _, forward = jvp(f, (x,), (np.ones_like(x),))
    _, pull = vjp(f, x)
    (reverse,) = pull(np.ones_like(x))
    scale = np.abs(expected) + 1e-3
    assert np.max(np.abs(forward - expected) / scale) < 2e-9
    assert np.max(np.abs(reverse - forward) / scale) < 1e-12

    first = jit(lambda v: vjp(f, v)[1](np.ones_like(x))[0])
    try:
        _, second = jvp(first, (x,), (np.ones_like(x),))
    except TypeError as error:
        assert "has no derivative" in str(error)  # noqa: PT017
        return
    expected = slope(first)
    assert np.max(np.abs(second - expected) / (np.abs(expected) + 1e-2)) < 2e-8


COMPOSED: dict[str, Callable[..., Any]] = {
    "logsumexp": lambda x: special.logsumexp(x),
    "logsumexp axis": lambda x: special.logsumexp(x.reshape(2, 2), axis=1, keepdims=True),
    "logsumexp b": lambda x: special.logsumexp(x, b=np.array([1.0, 0.0, 2.0, 0.5])),
    "logsumexp sign": lambda x: special.logsumexp(x, b=-x, return_sign=True),
    "softmax": lambda x: special.softmax(x),
    "softmax axis": lambda x: special.softmax(x.reshape(2, 2), axis=0),
    "log_softmax": lambda x: special.log_softmax(x * 300),
    "softplus": lambda x: np.sum(x) + special.logit(special.expit(x)),
    "riemann": lambda x: special.zeta(x * x + 1.1),
    "hurwitz": lambda x: special.zeta(3.0, x * x),
    "polygamma": lambda x: special.polygamma(2, x * x),
    "polygamma orders": lambda x: special.polygamma(np.arange(4), x * x),
    "multigammaln": lambda x: special.multigammaln(x + 5, 3),
    "comb": lambda x: special.comb(np.arange(5) + 0 * x[0], 2),
    "comb repetition": lambda x: special.comb(x * x, 2, repetition=True),
    "perm": lambda x: special.perm(np.arange(5) + 0 * x[0], 2),
    "factorial": lambda x: special.factorial(x.astype(int)),
    "lambertw": lambda x: special.lambertw(x * x),
}


@pytest.mark.parametrize("name", ["erfcx", "dawsn"])
def test_derivatives_that_cancel_far_out(name: str) -> None:
    """By their differential equations, in 60 digits; of float32 to its rounding."""
    mp = pytest.importorskip("mpmath")

    def true(v: float) -> Any:
        with mp.workdps(60):
            x = mp.mpf(float(v))
            if name == "erfcx":
                y, c = mp.exp(x * x) * mp.erfc(x), -2 / mp.sqrt(mp.pi)
                first = 2 * x * y + c
                return float(first), float(2 * y + 2 * x * first)
            first = 1 - x * mp.sqrt(mp.pi) * mp.exp(-x * x) * mp.erfi(x)
            return float(first), float((first - 1) / x - 2 * x * first)

    def f(x: Any) -> Any:
        return getattr(special, name)(x)

    for dtype, tolerances in ((np.float32, (2e-7, 2e-7)), (np.float64, (2e-13, 3e-11))):
        x = np.array([0.3, 3.0, 11.9, 12.1, 60.0], dtype)
        want = np.array([true(v) for v in x]).T
        for g, w, tolerance in zip((grad(f), grad(grad(f))), want, tolerances, strict=True):
            np.testing.assert_allclose(vmap(g)(x), w, rtol=tolerance)


@pytest.mark.parametrize("name", COMPOSED)
def test_compositions(name: str) -> None:
    f, x = COMPOSED[name], np.array([0.3, 1.7, -2.2, 4.0])
    expected, got = f(x), jit(f)(x)
    pairs = zip(expected, got, strict=True) if type(expected) is tuple else [(expected, got)]
    for want, have in pairs:
        assert type(have) is type(want)
        assert have.dtype == want.dtype
        np.testing.assert_allclose(have, want, rtol=3e-15)


def test_logsumexp_at_infinity() -> None:
    f = jit(lambda x: special.logsumexp(x))
    for x in ([-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 2.0], [1e4, 1e4], [np.nan, 0.0]):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(f(np.array(x)), special.logsumexp(np.array(x)))
    assert grad(lambda x: special.logsumexp(x))(np.array([1e4, 1e4])).tolist() == [0.5, 0.5]


def test_whole_programs() -> None:
    """A log-likelihood in a loop: value, gradient, Hessian, and over a batch."""

    def loss(shape: Any, counts: Any) -> Any:
        total = 0.0
        for i in range(len(counts)):
            total += special.gammaln(counts[i] + shape) - special.gammaln(shape)
        return total + special.xlogy(shape, shape)

    counts = np.array([3.0, 0.0, 7.0, 1.0])
    psi, z = special.digamma, special.polygamma
    assert jit(loss)(1.3, counts) == loss(1.3, counts)
    slope = np.sum(psi(counts + 1.3) - psi(1.3)) + np.log(1.3) + 1
    assert np.isclose(grad(loss)(1.3, counts), slope, rtol=1e-14)
    curvature = np.sum(z(1, counts + 1.3) - z(1, 1.3)) + 1 / 1.3
    assert np.isclose(hessian(loss)(1.3, counts), curvature, rtol=1e-13)
    shapes = np.array([0.5, 1.3, 4.0])
    many = vmap(loss, in_axes=(0, None))(shapes, counts)
    np.testing.assert_allclose(many, [loss(s, counts) for s in shapes], rtol=1e-15)


def test_ufunc_arguments() -> None:
    def f(x: Any) -> Any:
        out = np.zeros(3, np.float32)
        special.gammaln(x, out=out, casting="same_kind")
        return out, special.erfinv(x / 9, where=x > 1, out=np.zeros(3)), special.i0(np.float32(2))

    x = np.array([0.5, 1.5, 2.5])
    for got, want in zip(jit(f)(x), f(x), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype
    assert jit(lambda n: special.jv(n, 2.0))(3) == special.jv(3, 2.0)
    assert jit(lambda x: special.gammaln(x[::2]).sum())(x) == special.gammaln(x[::2]).sum()
    empty = np.zeros((0, 3))
    assert jit(lambda x: special.psi(x))(empty).shape == (0, 3)


def test_what_has_no_derivative_says_so() -> None:
    with pytest.raises(TypeError, match=r"scipy.special.jv has no derivative by its arg.* 1"):
        grad(lambda v: special.jv(v, 2.0))(1.0)
    with pytest.raises(TypeError, match=r"scipy.special.struve has no derivative"):
        grad(lambda x: special.struve(1.0, x))(1.0)

    def in_a_loop(x: Any) -> Any:
        for _ in range(3):
            x = special.ellipk(x * 0.2)
        return x

    with pytest.raises(TypeError, match=r"scipy.special.ellipk has no derivative"):
        grad(in_a_loop)(0.4)
    assert np.isfinite(jit(in_a_loop)(0.4))


def test_errors_are_scipys() -> None:
    """What ``seterr`` asks for, before the code is compiled and afterwards."""

    def f(x: Any) -> Any:
        return special.gammaln(x)

    early, late, pole = jit(f), jit(f), np.array([0.0])
    assert late(pole)[0] == np.inf
    with special.errstate(all="raise"):
        for compiled in (early, late):
            with pytest.raises(special.SpecialFunctionError, match="singularity"):
                compiled(pole)
    assert late(pole)[0] == np.inf


def test_refused() -> None:
    assert jit(lambda n: special.comb(n, 2, exact=True))(5) == 10  # one version for each int
    with pytest.raises(UnsupportedError, match="exact=True"):
        jit(lambda n: special.comb(n[0], 2, exact=True))(np.array([5]))
    with pytest.raises(UnsupportedError, match="ellip_harm is not compiled"):
        jit(lambda x: special.ellip_harm(1, 2, 1, 1, x))(0.5)
