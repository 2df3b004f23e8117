"""Distributions of ``scipy.stats`` as compositions: densities, distribution functions, quantiles.

A ``StandardForm`` is its standard form (location 0, scale 1). What ``rv_continuous`` and
``rv_discrete`` add is in ``Method``: parameters by position or name, location and scale, the
support, and nan for parameters that are none. Formulas are those of SciPy's documentation.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from types import MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.special_functions import of_methods, ufunc
from tracejit.trace.values.captured_arrays import seen_inside

Formula = Callable[..., Any]
_INF = math.inf
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


def _s(name: str) -> Formula:
    """A function of ``scipy.special``, found when it is called."""
    return lambda *args: ufunc(name)(*args)


_xlogy, _xlog1py, _gammaln, _betaln = map(_s, ("xlogy", "xlog1py", "gammaln", "betaln"))
_ndtr, _log_ndtr, _ndtri, _erf = map(_s, ("ndtr", "log_ndtr", "ndtri", "erf"))
_expit, _log_expit, _logit = map(_s, ("expit", "log_expit", "logit"))
_gammainc, _gammaincc = _s("gammainc"), _s("gammaincc")
_gammaincinv, _gammainccinv = _s("gammaincinv"), _s("gammainccinv")
_betainc, _betaincc = _s("betainc"), _s("betaincc")
_betaincinv, _betainccinv = _s("betaincinv"), _s("betainccinv")
_stdtr, _stdtrit = _s("stdtr"), _s("stdtrit")


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
    low: Any = -_INF
    high: Any = _INF
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
    finite = np.where(df == _INF, 1.0, df)
    half = 0.5 * finite
    scale = _gammaln(half + 0.5) - _gammaln(half) - 0.5 * np.log(math.pi * finite)
    student = scale - (half + 0.5) * np.log1p(x * x / finite)
    return np.where(df == _INF, -0.5 * x * x - _LOG_ROOT_2PI, student)


def _binom_log(k: Any, n: Any, p: Any) -> Any:
    ways = _gammaln(n + 1) - _gammaln(k + 1) - _gammaln(n - k + 1)
    return ways + _xlogy(k, p) + _xlog1py(n - k, -p)


def _binom_cdf(k: Any, n: Any, p: Any) -> Any:
    inside = k < n
    m = np.where(inside, k, n - 1)
    return np.where(inside, _betainc(n - m, m + 1, 1 - p), 1.0)


def _share(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


def _gamma_log(x: Any, a: Any) -> Any:
    return _xlogy(a - 1.0, x) - x - _gammaln(a)


_CONTINUOUS = {
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
            _xlogy(0.5 * df - 1.0, x) - 0.5 * x - _gammaln(0.5 * df) - 0.5 * math.log(2) * df
        ),
        cdf=lambda x, df: _gammainc(0.5 * df, 0.5 * x),
        sf=lambda x, df: _gammaincc(0.5 * df, 0.5 * x),
        ppf=lambda q, df: 2 * _gammaincinv(0.5 * df, q),
        isf=lambda q, df: 2 * _gammainccinv(0.5 * df, q),
        low=0.0,
    ),
    "invgamma": StandardForm(
        ("a",),
        lambda x, a: -(a + 1) * np.log(x) - _gammaln(a) - 1.0 / x,
        cdf=lambda x, a: _gammaincc(a, 1.0 / x),
        sf=lambda x, a: _gammainc(a, 1.0 / x),
        ppf=lambda q, a: 1.0 / _gammainccinv(a, q),
        isf=lambda q, a: 1.0 / _gammaincinv(a, q),
        low=0.0,
        closed=False,
    ),
    "beta": StandardForm(
        ("a", "b"),
        lambda x, a, b: _xlog1py(b - 1.0, -x) + _xlogy(a - 1.0, x) - _betaln(a, b),
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
        lambda x, c: np.log(c) + _xlogy(c - 1, x) - x**c,
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

_DISCRETE = {
    "poisson": StandardForm(
        ("mu",),
        lambda k, mu: _xlogy(k, mu) - _gammaln(k + 1) - mu,
        cdf=lambda k, mu: _gammaincc(np.floor(k) + 1, mu),
        sf=lambda k, mu: _gammainc(np.floor(k) + 1, mu),
        discrete=True,
        low=0.0,
        valid=lambda mu: mu >= 0,
    ),
    "binom": StandardForm(
        ("n", "p"),
        _binom_log,
        cdf=lambda k, n, p: _binom_cdf(np.floor(k), n, p),
        discrete=True,
        low=0.0,
        high=lambda n, p: n,
        valid=lambda n, p: (n >= 0) & (n == np.floor(n)) & _share(p),
    ),
    "bernoulli": StandardForm(
        ("p",),
        lambda k, p: _binom_log(k, 1.0, p),
        cdf=lambda k, p: _binom_cdf(np.floor(k), 1.0, p),
        discrete=True,
        low=0.0,
        high=1.0,
        valid=_share,
    ),
    "geom": StandardForm(
        ("p",),
        lambda k, p: _xlog1py(k - 1, -p) + np.log(p),
        cdf=lambda k, p: -np.expm1(np.log1p(-p) * np.floor(k)),
        sf=lambda k, p: np.exp(np.log1p(-p) * np.floor(k)),
        discrete=True,
        low=1.0,
        valid=lambda p: (p > 0) & (p <= 1),
    ),
    "nbinom": StandardForm(
        ("n", "p"),
        lambda k, n, p: (
            _gammaln(n + k) - _gammaln(k + 1) - _gammaln(n) + n * np.log(p) + _xlog1py(k, -p)
        ),
        cdf=lambda k, n, p: _betainc(n, np.floor(k) + 1, p),
        sf=lambda k, n, p: _betaincc(n, np.floor(k) + 1, p),
        discrete=True,
        low=0.0,
        valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    ),
}


def _float(x: Any) -> Any:
    array: Any = asarray(x)
    return array if array.dtype == np.float64 else array.astype(np.float64)


@dataclass(frozen=True)
class Method:
    """A method of one of SciPy's distributions, with its signature."""

    of: StandardForm
    name: str
    distribution: str

    @property
    def __name__(self) -> str:
        return f"{self.distribution}.{self.name}"

    def __call__(self, x: Any, *args: Any, **kwds: Any) -> Any:
        shapes, loc, scale = self._parameters(args, kwds)
        ok = self.of.valid(*shapes) & (scale > 0)
        if self.name in ("ppf", "isf"):
            return self._quantile(_float(x), shapes, loc, scale, ok)
        z = _float(x) - loc
        return self._value(z if self.of.discrete else z / scale, shapes, scale, ok)

    def _parameters(self, args: Sequence[Any], kwds: dict[str, Any]) -> tuple[list[Any], Any, Any]:
        names = [*self.of.shapes, "loc", *([] if self.of.discrete else ["scale"])]
        given = dict(zip(names, args, strict=False))
        doubly = [name for name in kwds if name in given]
        unknown = [name for name in kwds if name not in names]
        missing = [n for n in self.of.shapes if n not in given and n not in kwds]
        if doubly or unknown or missing or len(args) > len(names):
            wrong = (
                f"missing a required argument: '{missing[0]}'"
                if missing
                else f"got an unexpected keyword argument '{unknown[0]}'"
                if unknown
                else f"got multiple values for argument '{doubly[0]}'"
                if doubly
                else "takes too many positional arguments"
            )
            throw(TypeError(f"_parse_args() {wrong}"))
        given |= kwds
        shapes = [_float(given[n]) for n in self.of.shapes]
        return shapes, _float(given.get("loc", 0.0)), _float(given.get("scale", 1.0))

    def _support(self, shapes: Sequence[Any]) -> tuple[Any, Any]:
        low, high = self.of.low, self.of.high
        return low(*shapes) if callable(low) else low, high(*shapes) if callable(high) else high

    def _value(self, z: Any, shapes: list[Any], scale: Any, ok: Any) -> Any:
        low, high = self._support(shapes)
        name, inside = self.name, (z >= low if self.of.closed else z > low) & (z <= high)
        if name in ("logpdf", "logpmf", "pdf", "pmf"):
            if self.of.discrete:
                inside = inside & (np.floor(z) == z)
            found, outside = self._density(name, z, shapes, scale)
            found = np.where(inside, found, outside)
        else:
            found = self._distribution(name, z, shapes)
            under, over = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0)}.get(
                name, (-_INF, 0.0) if name == "logcdf" else (0.0, -_INF)
            )
            start = z < low if self.of.discrete else z <= low
            found = np.where(start, under, np.where(z >= high, over, found))
        return np.where(ok & ~np.isnan(z), found, np.nan)[()]

    def _density(self, name: str, z: Any, shapes: list[Any], scale: Any) -> tuple[Any, float]:
        if name.startswith("log"):
            found = self.of.log(z, *shapes)
            return (found if self.of.discrete else found - np.log(scale)), -_INF
        if self.of.pdf is not None:
            return self.of.pdf(z, *shapes) / scale, 0.0
        found = np.exp(self.of.log(z, *shapes))
        return (found if self.of.discrete else found / scale), 0.0

    def _distribution(self, name: str, z: Any, shapes: list[Any]) -> Any:
        of = self.of
        if name == "cdf" and of.cdf is not None:
            return of.cdf(z, *shapes)
        if name == "sf" and of.sf is not None:
            return of.sf(z, *shapes)
        if name == "sf":
            return 1.0 - self._distribution("cdf", z, shapes)
        own = of.logcdf if name == "logcdf" else of.logsf
        if own is not None:
            return own(z, *shapes)
        share, rest = (self._distribution(n, z, shapes) for n in ("cdf", "sf"))
        if name == "logsf":
            share, rest = rest, share
        return np.where(share > 0.5, np.log1p(-rest), np.log(share))

    def _quantile(self, q: Any, shapes: list[Any], loc: Any, scale: Any, ok: Any) -> Any:
        low, high = self._support(shapes)
        formula = self.of.ppf if self.name == "ppf" else self.of.isf
        assert formula is not None
        at_zero, at_one = (low, high) if self.name == "ppf" else (high, low)
        found = formula(q, *shapes) * scale + loc
        found = np.where(
            q == 0, at_zero * scale + loc, np.where(q == 1, at_one * scale + loc, found)
        )
        return np.where(ok & (q >= 0) & (q <= 1), found, np.nan)[()]


_OF_CONTINUOUS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")
_OF_DISCRETE = ("logpmf", "pmf", "cdf", "sf", "logcdf", "logsf")


# Distributions of vectors -------------------------------------------------------------------------


def _normal_log(x: Any, mean: Any = None, cov: Any = 1, allow_singular: Any = False) -> Any:
    """``multivariate_normal.logpdf``, by the Cholesky factor of the covariance."""
    if allow_singular:
        raise UnsupportedError("multivariate_normal(allow_singular=True) is not compiled")
    point, spread = _float(x), _float(cov)
    center = None if mean is None else _float(mean)
    size = (
        center.shape[0]
        if center is not None and center.ndim
        else spread.shape[0]
        if spread.ndim
        else 1
    )
    if spread.ndim == 0:
        spread = spread * np.eye(size)
    elif spread.ndim == 1:
        spread = np.diag(spread)
    if point.ndim == 0:
        point = np.reshape(point, (1, 1))
    elif point.ndim == 1:
        point = point[:, None] if size == 1 else point[None, :]
    rest = point if center is None else point - center
    factor = np.linalg.cholesky(spread)
    lead = np.shape(rest)[:-1]
    flat = np.reshape(rest, (-1, size))
    white = np.linalg.solve(factor, flat.T)
    squares = np.reshape(np.sum(white * white, axis=0), lead)
    log_det = 2 * np.sum(np.log(np.diagonal(factor)))
    found: Any = -0.5 * (size * math.log(2 * math.pi) + log_det + squares)
    return np.squeeze(found)[()]


def _dirichlet_log(x: Any, alpha: Any) -> Any:
    """``dirichlet.logpdf``; ``x`` may leave out its last component."""
    weight, point = _float(alpha), _float(x)
    if point.shape[0] != weight.shape[0]:
        point = np.concatenate([point, 1 - np.sum(point, axis=0, keepdims=True)])
    constant = np.sum(_gammaln(weight)) - _gammaln(np.sum(weight))
    terms = _xlogy((weight - 1).T, point.T).T
    return (np.sum(terms, axis=0) - constant)[()]


_OF_VECTORS: dict[tuple[str, str], Formula] = {
    ("multivariate_normal", "logpdf"): _normal_log,
    ("multivariate_normal", "pdf"): lambda *args, **kwds: np.exp(_normal_log(*args, **kwds)),
    ("dirichlet", "logpdf"): _dirichlet_log,
    ("dirichlet", "pdf"): lambda *args, **kwds: np.exp(_dirichlet_log(*args, **kwds)),
}


# What a program calls -----------------------------------------------------------------------------


def _found(name: str, method: str) -> Formula | None:
    for table, methods in ((_CONTINUOUS, _OF_CONTINUOUS), (_DISCRETE, _OF_DISCRETE)):
        if name in table and method in methods:
            return Method(table[name], method, name)
    return _OF_VECTORS.get((name, method))


def _name_of(owner: Any) -> str:
    """The name of a distribution in ``scipy.stats``; empty for other objects."""
    stats = sys.modules.get("scipy.stats")
    for name in (*_CONTINUOUS, *_DISCRETE, "multivariate_normal", "dirichlet"):
        if stats is not None and getattr(stats, name, None) is owner:
            return name
    return ""


@dataclass(frozen=True)
class Frozen:
    """A distribution with its parameters given: ``norm(loc, scale)``."""

    distribution: str
    args: tuple[Any, ...]
    kwds: dict[str, Any]

    def __getattr__(self, method: str) -> Formula:
        found = _found(self.distribution, method)
        if found is None:
            raise UnsupportedError(
                f"scipy.stats.{self.distribution}(...).{method} is not compiled; docs/scipy.md "
                "lists what is"
            )
        return lambda x: found(x, *self.args, **self.kwds)


@of_methods
def distribution_method(f: MethodType) -> Formula | None:
    """The implementation of a method of a distribution, if there is one."""
    owner: Any = f.__self__
    name = _name_of(owner)
    if name:
        if f.__name__ == "__call__" or f.__name__ == "freeze":
            return lambda *args, **kwds: Frozen(name, args, kwds)
        return _found(name, f.__name__)
    base = getattr(owner, "dist", None)
    args, kwds = getattr(owner, "args", None), getattr(owner, "kwds", None)
    if base is None or not isinstance(args, tuple) or not isinstance(kwds, dict):
        return None
    found = _found(type(base).__name__.removesuffix("_gen"), f.__name__)
    if found is None:
        return None
    return lambda x: found(
        x, *map(seen_inside, args), **{k: seen_inside(v) for k, v in kwds.items()}
    )
