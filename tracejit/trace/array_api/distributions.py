"""Methods of ``scipy.stats`` distributions: densities, distribution functions, quantiles.

The formulas are in ``standard_forms.py``. What ``rv_continuous`` and ``rv_discrete`` add is in
``Method``: parameters by position or name, location and scale, the support, and nan for
parameters that are none.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.records import dataclass
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.special_functions import of_methods
from tracejit.trace.array_api.standard_forms import (
    CONTINUOUS,
    DISCRETE,
    INF,
    Formula,
    StandardForm,
    gammaln,
    xlogy,
)
from tracejit.trace.session.session import current
from tracejit.trace.values.captured_arrays import seen_inside


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
                name, (-INF, 0.0) if name == "logcdf" else (0.0, -INF)
            )
            start = z < low if self.of.discrete else z <= low
            found = np.where(start, under, np.where(z >= high, over, found))
        return np.where(ok & ~np.isnan(z), found, np.nan)[()]

    def _density(self, name: str, z: Any, shapes: list[Any], scale: Any) -> tuple[Any, float]:
        if name.startswith("log"):
            found = self.of.log(z, *shapes)
            return (found if self.of.discrete else found - np.log(scale)), -INF
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
        low = low - 1 if self.of.discrete else low
        at_zero, at_one = (low, high) if self.name == "ppf" else (high, low)
        inside = np.where(ok & (q > 0) & (q < 1), q, 0.5) if self.of.discrete else q
        found = formula(inside, *shapes) * scale + loc
        found = np.where(
            q == 0, at_zero * scale + loc, np.where(q == 1, at_one * scale + loc, found)
        )
        return np.where(ok & (q >= 0) & (q <= 1), found, np.nan)[()]


_OF_CONTINUOUS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")
_OF_DISCRETE = ("logpmf", "pmf", "cdf", "sf", "logcdf", "logsf", "ppf")


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
    constant = np.sum(gammaln(weight)) - gammaln(np.sum(weight))
    terms = xlogy((weight - 1).T, point.T).T
    return (np.sum(terms, axis=0) - constant)[()]


_OF_VECTORS: dict[tuple[str, str], Formula] = {
    ("multivariate_normal", "logpdf"): _normal_log,
    ("multivariate_normal", "pdf"): lambda *args, **kwds: np.exp(_normal_log(*args, **kwds)),
    ("dirichlet", "logpdf"): _dirichlet_log,
    ("dirichlet", "pdf"): lambda *args, **kwds: np.exp(_dirichlet_log(*args, **kwds)),
}


#: Of classes of such distributions with their parameters given: the name, and the parameters.
_FROZEN_VECTORS = {
    "multivariate_normal_frozen": ("multivariate_normal", "mean", "cov", "allow_singular"),
    "dirichlet_frozen": ("dirichlet", "alpha"),
}


# What a program calls -----------------------------------------------------------------------------


def _found(name: str, method: str) -> Formula | None:
    for table, methods in ((CONTINUOUS, _OF_CONTINUOUS), (DISCRETE, _OF_DISCRETE)):
        if name in table and method in methods:
            return Method(table[name], method, name)
    return _OF_VECTORS.get((name, method))


def _name_of(owner: Any) -> str:
    """The name of a distribution in ``scipy.stats``; empty for other objects."""
    stats = sys.modules.get("scipy.stats")
    for name in (*CONTINUOUS, *DISCRETE, "multivariate_normal", "dirichlet"):
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
    if type(owner).__name__ in _FROZEN_VECTORS:
        name, *held = _FROZEN_VECTORS[type(owner).__name__]
        of_vectors = _found(name, f.__name__)
        read = current().operators.getattr
        given = [seen_inside(read(owner, n)) for n in held]
        return None if of_vectors is None else lambda x: of_vectors(x, *given)
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
