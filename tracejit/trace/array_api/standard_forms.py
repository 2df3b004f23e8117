"""Distributions of ``scipy.stats`` in their standard form: location 0, scale 1.

Formulas are those of SciPy's documentation, over NumPy and ``scipy.special``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import and_
from typing import Any

import numpy as np

from tracejit.records import dataclass
from tracejit.trace.array_api.special_functions import ufunc

Formula = Callable[..., Any]
INF = math.inf
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


def _s(name: str, module: str = "scipy.special") -> Formula:
    """A function of ``scipy.special``, found when it is called."""
    return lambda *args: ufunc(name, module)(*args)


xlogy, _xlog1py, gammaln, _betaln = map(_s, ("xlogy", "xlog1py", "gammaln", "betaln"))
_ndtr, _log_ndtr, _ndtri, _erf = map(_s, ("ndtr", "log_ndtr", "ndtri", "erf"))
_expit, _log_expit, _logit = map(_s, ("expit", "log_expit", "logit"))
_gammainc, _gammaincc = _s("gammainc"), _s("gammaincc")
_gammaincinv, _gammainccinv = _s("gammaincinv"), _s("gammainccinv")
_betainc, _betaincc = _s("betainc"), _s("betaincc")
_betaincinv, _betainccinv = _s("betaincinv"), _s("betainccinv")
_stdtr, _stdtrit = _s("stdtr"), _s("stdtrit")
_pdtrik = _s("pdtrik")
_binom_ppf = _s("_binom_ppf", "scipy.special._ufuncs")
_nbinom_ppf = _s("_nbinom_ppf", "scipy.special._ufuncs")


@dataclass(frozen=True)
class StandardForm:
    """A standard distribution: its formulas by the names of SciPy's methods.

    ``low``, ``high``: the support, numbers or functions of the shape parameters. ``valid``:
    whether the parameters are some. ``log``: the logarithm of the density or of the mass.
    """

    shapes: tuple[str, ...]
    log: Formula
    cdf: Formula | None = None
    sf: Formula | None = None
    ppf: Formula | None = None
    isf: Formula | None = None
    logcdf: Formula | None = None
    logsf: Formula | None = None
    pdf: Formula | None = None
    low: Any = -INF
    high: Any = INF
    valid: Formula = lambda *shapes: reduce(and_, (s > 0 for s in shapes), True)
    discrete: bool = False
    #: Whether the lower end has a density.
    closed: bool = True


def _logistic_log(x: Any) -> Any:
    y = -np.abs(x)
    return y - 2 * np.log1p(np.exp(y))


def _laplace_cdf(x: Any) -> Any:
    return np.where(x > 0, 1.0 - 0.5 * np.exp(-np.abs(x)), 0.5 * np.exp(-np.abs(x)))


def _laplace_ppf(q: Any) -> Any:
    return np.where(q > 0.5, -np.log(2 * (1 - q)), np.log(2 * q))


def _t_log(x: Any, df: Any) -> Any:
    finite = np.where(df == INF, 1.0, df)
    half = 0.5 * finite
    scale = gammaln(half + 0.5) - gammaln(half) - 0.5 * np.log(math.pi * finite)
    student = scale - (half + 0.5) * np.log1p(x * x / finite)
    return np.where(df == INF, -0.5 * x * x - _LOG_ROOT_2PI, student)


def _binom_log(k: Any, n: Any, p: Any) -> Any:
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return ways + xlogy(k, p) + _xlog1py(n - k, -p)


def _binom_cdf(k: Any, n: Any, p: Any) -> Any:
    inside = k < n
    m = np.where(inside, k, n - 1)
    return np.where(inside, _betainc(n - m, m + 1, 1 - p), 1.0)


def _share(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


def _gamma_log(x: Any, a: Any) -> Any:
    return xlogy(a - 1.0, x) - x - gammaln(a)


CONTINUOUS = {
    "norm": StandardForm(
        (),
        lambda x: -0.5 * x * x - _LOG_ROOT_2PI,
        cdf=_ndtr,
        sf=lambda x: _ndtr(-x),
        ppf=_ndtri,
        isf=lambda q: -_ndtri(q),
        logcdf=_log_ndtr,
        logsf=lambda x: _log_ndtr(-x),
        pdf=lambda x: np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi),
    ),
    "uniform": StandardForm(
        (),
        lambda x: 0.0 * x,
        cdf=lambda x: x,
        sf=lambda x: 1.0 - x,
        ppf=lambda q: q,
        isf=lambda q: 1.0 - q,
        low=0.0,
        high=1.0,
    ),
    "expon": StandardForm(
        (),
        lambda x: -x,
        cdf=lambda x: -np.expm1(-x),
        sf=lambda x: np.exp(-x),
        ppf=lambda q: -np.log1p(-q),
        isf=lambda q: -np.log(q),
        logsf=lambda x: -x,
        low=0.0,
    ),
    "gamma": StandardForm(
        ("a",),
        _gamma_log,
        cdf=lambda x, a: _gammainc(a, x),
        sf=lambda x, a: _gammaincc(a, x),
        ppf=lambda q, a: _gammaincinv(a, q),
        isf=lambda q, a: _gammainccinv(a, q),
        low=0.0,
    ),
    "chi2": StandardForm(
        ("df",),
        lambda x, df: (
            xlogy(0.5 * df - 1.0, x) - 0.5 * x - gammaln(0.5 * df) - 0.5 * math.log(2) * df
        ),
        cdf=lambda x, df: _gammainc(0.5 * df, 0.5 * x),
        sf=lambda x, df: _gammaincc(0.5 * df, 0.5 * x),
        ppf=lambda q, df: 2 * _gammaincinv(0.5 * df, q),
        isf=lambda q, df: 2 * _gammainccinv(0.5 * df, q),
        low=0.0,
    ),
    "invgamma": StandardForm(
        ("a",),
        lambda x, a: -(a + 1) * np.log(x) - gammaln(a) - 1.0 / x,
        cdf=lambda x, a: _gammaincc(a, 1.0 / x),
        sf=lambda x, a: _gammainc(a, 1.0 / x),
        ppf=lambda q, a: 1.0 / _gammainccinv(a, q),
        isf=lambda q, a: 1.0 / _gammaincinv(a, q),
        low=0.0,
        closed=False,
    ),
    "beta": StandardForm(
        ("a", "b"),
        lambda x, a, b: _xlog1py(b - 1.0, -x) + xlogy(a - 1.0, x) - _betaln(a, b),
        cdf=lambda x, a, b: _betainc(a, b, x),
        sf=lambda x, a, b: _betaincc(a, b, x),
        ppf=lambda q, a, b: _betaincinv(a, b, q),
        isf=lambda q, a, b: _betainccinv(a, b, q),
        low=0.0,
        high=1.0,
    ),
    "t": StandardForm(
        ("df",),
        _t_log,
        cdf=lambda x, df: _stdtr(df, x),
        sf=lambda x, df: _stdtr(df, -x),
        ppf=lambda q, df: _stdtrit(df, q),
        isf=lambda q, df: -_stdtrit(df, q),
    ),
    "laplace": StandardForm(
        (),
        lambda x: -np.abs(x) - math.log(2),
        cdf=_laplace_cdf,
        sf=lambda x: _laplace_cdf(-x),
        ppf=_laplace_ppf,
        isf=lambda q: -_laplace_ppf(q),
    ),
    "logistic": StandardForm(
        (),
        _logistic_log,
        cdf=_expit,
        sf=lambda x: _expit(-x),
        ppf=_logit,
        isf=lambda q: -_logit(q),
        logcdf=_log_expit,
        logsf=lambda x: _log_expit(-x),
    ),
    "cauchy": StandardForm(
        (),
        lambda x: -math.log(math.pi) - np.log1p(x * x),
        cdf=lambda x: np.arctan2(1.0, -x) / math.pi,
        sf=lambda x: np.arctan2(1.0, x) / math.pi,
        ppf=lambda q: np.tan(math.pi * q - math.pi / 2.0),
        isf=lambda q: np.tan(math.pi / 2.0 - math.pi * q),
    ),
    "lognorm": StandardForm(
        ("s",),
        lambda x, s: -0.5 * (np.log(x) / s) ** 2 - np.log(s * x) - _LOG_ROOT_2PI,
        cdf=lambda x, s: _ndtr(np.log(x) / s),
        sf=lambda x, s: _ndtr(-np.log(x) / s),
        ppf=lambda q, s: np.exp(s * _ndtri(q)),
        isf=lambda q, s: np.exp(-s * _ndtri(q)),
        logcdf=lambda x, s: _log_ndtr(np.log(x) / s),
        logsf=lambda x, s: _log_ndtr(-np.log(x) / s),
        low=0.0,
        closed=False,
    ),
    "halfnorm": StandardForm(
        (),
        lambda x: 0.5 * math.log(2 / math.pi) - 0.5 * x * x,
        cdf=lambda x: _erf(x / math.sqrt(2)),
        sf=lambda x: 2 * _ndtr(-x),
        ppf=lambda q: _ndtri(0.5 * (1 + q)),
        isf=lambda q: -_ndtri(0.5 * q),
        low=0.0,
    ),
    "weibull_min": StandardForm(
        ("c",),
        lambda x, c: np.log(c) + xlogy(c - 1, x) - x**c,
        cdf=lambda x, c: -np.expm1(-(x**c)),
        sf=lambda x, c: np.exp(-(x**c)),
        ppf=lambda q, c: (-np.log1p(-q)) ** (1.0 / c),
        isf=lambda q, c: (-np.log(q)) ** (1.0 / c),
        logsf=lambda x, c: -(x**c),
        low=0.0,
    ),
    "gumbel_r": StandardForm(
        (),
        lambda x: -x - np.exp(-x),
        cdf=lambda x: np.exp(-np.exp(-x)),
        sf=lambda x: -np.expm1(-np.exp(-x)),
        ppf=lambda q: -np.log(-np.log(q)),
        isf=lambda q: -np.log(-np.log1p(-q)),
        logcdf=lambda x: -np.exp(-x),
    ),
    "pareto": StandardForm(
        ("b",),
        lambda x, b: np.log(b) - (b + 1) * np.log(x),
        cdf=lambda x, b: 1 - x ** (-b),
        sf=lambda x, b: x ** (-b),
        ppf=lambda q, b: (1 - q) ** (-1.0 / b),
        isf=lambda q, b: q ** (-1.0 / b),
        low=1.0,
    ),
}


def _poisson_ppf(q: Any, mu: Any) -> Any:
    """What solves the equation up to rounding, rounded up, or the number below."""
    k = np.ceil(_pdtrik(q, mu))
    below = np.maximum(k - 1, 0)
    return np.where(_gammaincc(below + 1, mu) >= q, below, k)


def _geom_ppf(q: Any, p: Any) -> Any:
    k = np.ceil(np.log1p(-q) / np.log1p(-p))
    return np.where((-np.expm1(np.log1p(-p) * (k - 1)) >= q) & (k > 0), k - 1, k)


DISCRETE = {
    "poisson": StandardForm(
        ("mu",),
        lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu,
        cdf=lambda k, mu: _gammaincc(np.floor(k) + 1, mu),
        ppf=_poisson_ppf,
        sf=lambda k, mu: _gammainc(np.floor(k) + 1, mu),
        discrete=True,
        low=0.0,
        valid=lambda mu: mu >= 0,
    ),
    "binom": StandardForm(
        ("n", "p"),
        _binom_log,
        cdf=lambda k, n, p: _binom_cdf(np.floor(k), n, p),
        ppf=_binom_ppf,
        discrete=True,
        low=0.0,
        high=lambda n, p: n,
        valid=lambda n, p: (n >= 0) & (n == np.floor(n)) & _share(p),
    ),
    "bernoulli": StandardForm(
        ("p",),
        lambda k, p: _binom_log(k, 1.0, p),
        cdf=lambda k, p: _binom_cdf(np.floor(k), 1.0, p),
        ppf=lambda q, p: _binom_ppf(q, 1.0, p),
        discrete=True,
        low=0.0,
        high=1.0,
        valid=_share,
    ),
    "geom": StandardForm(
        ("p",),
        lambda k, p: _xlog1py(k - 1, -p) + np.log(p),
        cdf=lambda k, p: -np.expm1(np.log1p(-p) * np.floor(k)),
        ppf=_geom_ppf,
        sf=lambda k, p: np.exp(np.log1p(-p) * np.floor(k)),
        discrete=True,
        low=1.0,
        valid=lambda p: (p > 0) & (p <= 1),
    ),
    "nbinom": StandardForm(
        ("n", "p"),
        lambda k, n, p: (
            gammaln(n + k) - gammaln(k + 1) - gammaln(n) + n * np.log(p) + _xlog1py(k, -p)
        ),
        cdf=lambda k, n, p: _betainc(n, np.floor(k) + 1, p),
        ppf=_nbinom_ppf,
        sf=lambda k, n, p: _betaincc(n, np.floor(k) + 1, p),
        discrete=True,
        low=0.0,
        valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    ),
}
