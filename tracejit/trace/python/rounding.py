"""``round(x, digits)`` of Python's floats: the float nearest to the rounded decimal number.

NumPy multiplies, rounds and divides. Python rounds the number that the float stands for: 2.675 is a
little less than its text says, and ``round(2.675, 2)`` is 2.67. Here the product with the power of
ten is kept whole, as two floats (Dekker's product), and so is what rounding leaves of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.all import PyScalar, Scalar, wrap_array

#: Powers of ten to this one are floats without rounding.
_EXACT = 22
_TENS = 10.0 ** np.arange(_EXACT + 1)
#: From here on the floats lie further apart than what is rounded to.
_COARSE = 2.0**53
_SPLIT = 2.0**27 + 1


def rounded(x: PyScalar, digits: Any) -> PyScalar:
    """``round(x, digits)`` of a float; ValueError where more than 22 digits are asked for."""
    value: Any = Scalar(x.value)
    if isinstance(digits, Tracer):
        found = _of_digits_at_run_time(value, digits)
    elif abs(digits) > _EXACT:
        raise UnsupportedError(
            f"{where()}: round() of a float to {digits} digits; at most {_EXACT} are compiled"
        )
    else:
        unit = float(_TENS[abs(digits)])
        found = _to_decimals(value, unit) if digits >= 0 else _to_units(value, unit)
    return PyScalar("float", found.read())


def _of_digits_at_run_time(value: Any, digits: Any) -> Any:
    session = current()
    b = session.b
    size = Scalar(b.op("abs", digits.value))
    few = b.op("le", size.read(), b.const(_EXACT, "i64"))
    session.check(few, ValueError, f"round() to more than {_EXACT} digits is not compiled")
    unit = wrap_array(b.const(_TENS, "f64"))[size]
    return np.where(digits >= 0, _to_decimals(value, unit), _to_units(value, unit))[()]


def _to_decimals(x: Any, unit: Any) -> Any:
    """To multiples of ``1 / unit``."""
    whole, part = _product(x, unit)
    near: Any = np.rint(whole)
    gap = whole - near
    odd = _odd(near)
    up = ((gap == 0.5) & (part > 0)) | ((gap == 0) & (part == 0.5) & odd)
    down = ((gap == -0.5) & (part < 0)) | ((gap == 0) & (part == -0.5) & odd)
    return _fine(x, whole, (near + up - down) / unit)


def _to_units(x: Any, unit: Any) -> Any:
    """To multiples of ``unit``."""
    near: Any = np.rint(x / unit)
    whole, part = _product(near, unit)
    rest = (x - whole) - part
    odd, half = _odd(near), unit * 0.5
    up = (rest > half) | ((rest == half) & odd)
    down = (rest < -half) | ((rest == -half) & odd)
    return _fine(x, x / unit, (near + up - down) * unit)


def _fine(x: Any, whole: Any, found: Any) -> Any:
    """``found``, where floats lie close enough to be rounded at all; of its sign also where 0."""
    return np.where(np.absolute(whole) < _COARSE, np.copysign(found, x), x)[()]


def _odd(whole: Any) -> Any:
    return whole - 2 * np.floor(whole * 0.5) == 1


def _product(a: Any, b: Any) -> tuple[Any, Any]:
    """The product as a float and what it lacks (T. J. Dekker, Numer. Math. 18, 1971)."""
    whole = a * b
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return whole, ((a1 * b1 - whole) + a1 * b2 + a2 * b1) + a2 * b2


def _halves(x: Any) -> tuple[Any, Any]:
    wide = x * _SPLIT
    high = wide - (wide - x)
    return high, x - high
