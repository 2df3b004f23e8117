"""``np.emath``, whose results are complex where real ones would be nan, and ``np.real_if_close``.

Values decide the dtype of what they return: a version assumes one, and checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_signed, is_unsigned, kind_of
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import value_of
from tracejit.trace.session.assumptions import assume

#: Of these dtypes NumPy makes complex64, of others complex128.
_SINGLE = ("f4", "i1", "i2", "u1", "u2", "c8")


def _any(found: Any, what: str, instead: str) -> bool:
    return not assume(value_of(np.logical_not(np.any(found))), f"no element of {what}", instead)


def _complex(x: Any) -> Any:
    return x.astype(np.complex64 if x.dtype.str[1:] in _SINGLE else np.complex128)


def _outside(x: Any, beyond: Callable[[Any], Any], what: str) -> Any:
    """``x``, complex if one of its elements has no real result."""
    line: Any = asarray(x)
    if kind_of(line.dtype) in "bc":
        return line
    if _any(beyond(line), what, "use the function in np of x.astype(complex)"):
        return _complex(line)
    return line


def _not_negative(x: Any) -> Any:
    if is_unsigned(asarray(x).dtype):
        return asarray(x)
    return _outside(x, lambda line: line < 0, "the argument of np.emath is negative")


def _up_to_one(x: Any) -> Any:
    above = "the argument of np.emath is beyond 1"
    return _outside(x, lambda line: np.absolute(line) > 1, above)


def _applied(of: Any, prepared: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def compute(x: Any) -> Any:
        return of(prepared(x))

    return compute


for _name in ("sqrt", "log", "log2", "log10"):
    covers(getattr(np.emath, _name))(_applied(getattr(np, _name), _not_negative))
for _name in ("arccos", "arcsin", "arctanh"):
    covers(getattr(np.emath, _name))(_applied(getattr(np, _name), _up_to_one))


@covers(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    """The logarithm of ``x`` in base ``n``."""
    value, base = _not_negative(x), _not_negative(n)
    return np.log(value) / np.log(base)


@covers(np.emath.power)
def power(x: Any, p: Any) -> Any:
    """``x ** p``."""
    base: Any = _not_negative(x)
    exponent: Any = asarray(p)
    if is_signed(exponent.dtype):
        what = "the exponent of np.emath.power is negative"
        if _any(exponent < 0, what, "make the exponents floats, as in p.astype(float)"):
            exponent = exponent * 1.0
    return np.power(base, exponent)


@covers(np.real_if_close)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    """The real part if all imaginary parts are close to zero, else ``a``."""
    x: Any = asarray(a)
    if not is_complex(x.dtype):
        return x
    if tol > 1:
        tol = np.finfo(x.dtype).eps * tol
    near = value_of(np.all(np.absolute(x.imag) < tol))
    if assume(near, "the argument of np.real_if_close is nearly real", "use x.real or x itself"):
        return x.real
    return x
