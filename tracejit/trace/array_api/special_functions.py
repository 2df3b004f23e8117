"""Functions of ``scipy.special`` that are written in Python, as compositions.

Each has the parameters of the library's own. Formulas are the library's, so that values differ
from its own by rounding at most.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np

from tracejit.dtypes import is_complex, is_float
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.library_ufuncs import library_ufunc
from tracejit.trace.array_api.operands import axis_of
from tracejit.trace.session.plain import is_traced_through, module_of
from tracejit.trace.session.registry import OF_LIBRARIES
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.dunder_methods import convertible
from tracejit.versions import comb_repeats_nothing

#: Public place of a function -> implementation.
_FUNCTIONS: dict[str, Callable[..., Any]] = {}
_MODULES = ("scipy.special", "scipy.linalg", "scipy.signal", "scipy.ndimage")
#: What gives implementations of methods of a library's objects.
_METHODS: list[Callable[[MethodType], Callable[..., Any] | None]] = []

_F = TypeVar("_F", bound=Callable[..., Any])


def of_library(place: str) -> Callable[[_F], _F]:
    """Enter an implementation of the function at ``module:name``."""

    def enter(implementation: _F) -> _F:
        _FUNCTIONS[place] = implementation
        return implementation

    return enter


def of_methods(
    find: Callable[[MethodType], Callable[..., Any] | None],
) -> Callable[[MethodType], Callable[..., Any] | None]:
    """Enter what gives the implementation of a method, or None."""
    _METHODS.append(find)
    return find


def library_function(f: Any) -> Callable[..., Any] | None:
    """The implementation of a library's Python function or method, if there is one."""
    if isinstance(f, MethodType):
        return next((found for of in _METHODS if (found := of(f)) is not None), None)
    if isinstance(f, FunctionType) and convertible(f) and not is_traced_through(module_of(f)):
        return None  # one that the program put in the place of the library's
    name = getattr(f, "__name__", "")
    for module in _MODULES:
        found = _FUNCTIONS.get(f"{module}:{name}")
        if found is not None and getattr(sys.modules.get(module), name, None) is f:
            return found
    return None


OF_LIBRARIES.append(library_function)


def ufunc(name: str, module: str = "scipy.special") -> Callable[..., Any]:
    """A ufunc of the library by name, on traced values."""
    found = library_ufunc(getattr(sys.modules[module], name))
    assert found is not None, name
    return found  # type: ignore[no-any-return]


def _private(name: str) -> Callable[..., Any]:
    return ufunc(name, "scipy.special._ufuncs")


def _real(name: str, x: Any) -> Any:
    """An array of floats; UnsupportedError for complex numbers."""
    array: Any = asarray(x)
    if is_complex(array.dtype):
        raise UnsupportedError(f"scipy.special.{name} of complex numbers is not compiled")
    return array if is_float(array.dtype) else array.astype(np.float64)


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    several = axis if isinstance(axis, tuple) else (axis,)
    return tuple(axis_of(a, rank) for a in several)


def _without(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The axes of length one taken away again, unless they are kept; a number is a number."""
    return (x if keepdims else np.squeeze(x, axes))[()]


def _shift(x: Any, axes: tuple[int, ...]) -> Any:
    """The largest element, zero where there is no finite one."""
    top: Any = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0.0)


@of_library("scipy.special:logsumexp")
def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """``log(sum(b * exp(a)))``."""
    x = _real("logsumexp", a)
    if b is not None:
        x, weight = np.broadcast_arrays(x, _real("logsumexp", b))
        x = np.where(weight == 0, -np.inf, x)
    axes = _axes(axis, x.ndim)
    shift = _shift(x, axes)
    terms = np.exp(x - shift)
    total: Any = np.sum(terms if b is None else weight * terms, axis=axes, keepdims=True)
    sign = np.sign(total)
    if return_sign:
        total = np.abs(total)
    out = _without(np.log(total) + shift, axes, keepdims)
    return (out, _without(sign, axes, keepdims)) if return_sign else out


@of_library("scipy.special:softmax")
def softmax(x: Any, axis: Any = None) -> Any:
    """``exp(x) / sum(exp(x))``."""
    array = _real("softmax", x)
    axes = _axes(axis, array.ndim)
    terms = np.exp(array - np.max(array, axis=axes, keepdims=True))
    return terms / np.sum(terms, axis=axes, keepdims=True)


@of_library("scipy.special:log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Any:
    """``log(softmax(x))``."""
    array = _real("log_softmax", x)
    axes = _axes(axis, array.ndim)
    rest = array - _shift(array, axes)
    return rest - np.log(np.sum(np.exp(rest), axis=axes, keepdims=True))


@of_library("scipy.special:softplus")
def softplus(x: Any, **kwargs: Any) -> Any:
    """``log(1 + exp(x))``."""
    return np.logaddexp(0.0, x, **kwargs)


@of_library("scipy.special:zeta")
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """The Hurwitz zeta function; Riemann's without ``q``."""
    if q is None:
        return _private("_riemann_zeta")(x, out=out)
    return _private("_zeta")(x, q, out=out)


@of_library("scipy.special:polygamma")
def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma."""
    if not isinstance(n, Tracer) and np.ndim(n) == 0:
        order = int(n)
        if order == 0:
            return ufunc("psi")(x)
        factor = (-1.0) ** (order + 1) * math.gamma(order + 1.0)
        return _private("_zeta")(float(order + 1), x) * factor
    orders: Any = asarray(n)
    sign = np.where(orders % 2 == 1, 1.0, -1.0)
    higher = sign * ufunc("gamma")(orders + 1.0) * _private("_zeta")(orders + 1.0, x)
    return np.where(orders == 0, ufunc("psi")(x), higher)[()]


@of_library("scipy.special:multigammaln")
def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``d``."""
    if isinstance(d, Tracer):
        raise UnsupportedError("scipy.special.multigammaln: the dimension has to be known")
    if d != math.floor(d):
        throw(ValueError("d should be a positive integer (dimension)"))
    array = _real("multigammaln", a)
    total: Any = (d * (d - 1) * 0.25) * math.log(math.pi)
    for j in range(1, int(d) + 1):
        total = total + ufunc("gammaln")(array - (j - 1.0) / 2)
    return total


def _counts(name: str, exact: Any, *numbers: Any) -> list[Any]:
    if exact:
        raise UnsupportedError(
            f"scipy.special.{name}(exact=True) of values that are known at run time only is not "
            "compiled: floats, exact=False, are"
        )
    return [asarray(x) for x in numbers]


@of_library("scipy.special:comb")
def comb(N: Any, k: Any, *, exact: Any = False, repetition: Any = False) -> Any:
    """The number of combinations of N things taken k at a time."""
    n, taken = _counts("comb", exact, N, k)
    if repetition and not comb_repeats_nothing():
        return comb(n + taken - 1, taken)
    if repetition:
        return np.where((taken == 0) & (n >= 0), 1.0, ufunc("binom")(n + taken - 1, taken))[()]
    possible = (taken <= n) & (n >= 0) & (taken >= 0)
    return np.where(possible, ufunc("binom")(n, taken), 0.0)[()]


@of_library("scipy.special:perm")
def perm(N: Any, k: Any, exact: Any = False) -> Any:
    """The number of permutations of N things taken k at a time."""
    n, taken = _counts("perm", exact, N, k)
    possible = (taken <= n) & (n >= 0) & (taken >= 0)
    return np.where(possible, ufunc("poch")(n - taken + 1, taken), 0.0)[()]


@of_library("scipy.special:factorial")
def factorial(n: Any, exact: Any = False, extend: str = "zero") -> Any:
    """``gamma(n + 1)``, zero for negative numbers."""
    if extend != "zero":
        raise UnsupportedError(f"scipy.special.factorial(extend={extend!r}) is not compiled")
    (number,) = _counts("factorial", exact, n)
    return np.where(number < 0, 0.0, ufunc("gamma")(number + 1.0))[()]


@of_library("scipy.special:lambertw")
def lambertw(z: Any, k: Any = 0, tol: Any = 1e-8) -> Any:
    """The Lambert W function of branch ``k``, complex."""
    return _private("_lambertw")(z, np.int64(k), tol)
