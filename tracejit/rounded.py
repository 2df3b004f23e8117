"""Logarithm, exponential and normal quantile by operations that every backend rounds alike.

For ``tracejit.random``: plain arrays and traced ones go through the same ``+ - * / sqrt``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def forms(function: Any) -> Any:
    """A NumPy function that makes arrays: its traced form while a function is being compiled."""
    from tracejit.trace.session.session import active

    if not active():
        return function
    from tracejit.trace.session.registry import NAMES

    return NAMES[function]


def bitcast(x: Any, dtype: Any) -> Any:
    """The same bits as another dtype of the same size."""
    if isinstance(x, np.ndarray):
        return x.view(dtype)
    from tracejit.trace.session.registry import METHODS

    return METHODS["view"](x, dtype)


_LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
    2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
    1.479819860511658591e-01,
)  # fmt: skip
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SQRT_HALF_BITS = int(np.float64(0.5**0.5).view(np.int64))


def log(x: Any) -> Any:
    """Logarithm of finite, normal, positive float64 numbers: fdlibm's, without branches."""
    pattern = bitcast(x, np.int64)
    e = (pattern - _SQRT_HALF_BITS) >> 52
    f = bitcast(pattern - (e << 52), np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = z * _horner(_LOG, z)
    half = 0.5 * f * f
    k = e.astype(np.float64)
    return k * _LN2_HIGH - ((half - (s * (half + r) + k * _LN2_LOW)) - f)


_LN2_SHORT = float.fromhex("0x1.62e42fefap-1")  # of 36 bits: its multiples are exact
_LN2_REST = float.fromhex("0x1.cf79abc9e3b3ap-40")
_EXP = tuple(1.0 / math.factorial(k) for k in range(14))


def exp(x: Any) -> Any:
    """Exponential of float64 numbers that are not positive; 0 below -708."""
    where = forms(np.where)
    inside = forms(np.maximum)(x, -708.0)
    k = forms(np.rint)(inside * 1.4426950408889634)
    power = _horner(_EXP, (inside - k * _LN2_SHORT) - k * _LN2_REST)
    return where(x < -708.0, 0.0, power * bitcast((k.astype(np.int64) + 1023) << 52, np.float64))


def _horner(coefficients: Sequence[float], x: Any) -> Any:
    """A polynomial, constant term first."""
    total = x * coefficients[-1] + coefficients[-2]
    for c in reversed(coefficients[:-2]):
        total = total * x + c
    return total


_CENTRE = (
    (
        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
        1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
        3.3430575583588128105e4, 2.5090809287301226727e3,
    ),
    (
        1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)  # fmt: skip
_MIDDLE = (
    (
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
        3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ),
    (
        1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)  # fmt: skip
_TAIL = (
    (
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
        2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ),
    (
        1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)  # fmt: skip


def _ratio(tables: tuple[Sequence[float], Sequence[float]], x: Any) -> Any:
    return _horner(tables[0], x) / _horner(tables[1], x)


def normal_quantile(u: Any) -> Any:
    """The inverse of the normal distribution function on (0, 1)."""
    q = u - 0.5
    centre = q * _ratio(_CENTRE, 0.180625 - q * q)
    below = q < 0.0
    where = forms(np.where)
    r = forms(np.sqrt)(-log(where(below, u, 1.0 - u)))
    far = where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5.0))
    return where(forms(np.abs)(q) <= 0.425, centre, where(below, -far, far))
