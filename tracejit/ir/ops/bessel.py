"""``bessel_i``: modified Bessel functions of the first kind of integer order; order 0 is ``np.i0``.

The derivative of order n is half of the sum of its neighbours, to any order and at zero, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.dtypes import is_float
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.types import Type

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


def _infer(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    require(is_float(operands[0].dtype), "bessel_i is of floats", operands[0].type)
    require(attrs["n"] >= 0, "orders are not negative", attrs["n"])
    return (operands[0].type,)


def _eval(x: Any, *, n: int) -> Any:
    zeroth = np.i0(x)
    if n == 0:
        return zeroth.reshape(np.shape(x))
    size = np.abs(np.asarray(x, np.float64))
    with np.errstate(invalid="ignore", over="ignore"):
        found = _ratio(size, n) * np.i0(size)
        found = np.where(np.isfinite(found), found, np.i0(size))
    odd = np.where(np.signbit(x), -1.0, 1.0) if n % 2 else 1.0
    return (found * odd).astype(zeroth.dtype).reshape(np.shape(x))


def _ratio(size: Any, n: int) -> Any:
    """``I_n / I_0`` by the recurrence downwards from an order that is negligible (J. C. P. Miller).

    In continued-fraction form: ``r_k = I_k / I_(k-1) = x / (2 k + x r_(k+1))``.
    """
    largest = np.max(np.where(np.isfinite(size), size, 0), initial=1.0)
    start = n + 30 + int(np.sqrt(100 * largest))
    r = np.zeros_like(size)
    product = np.ones_like(size)
    for k in range(start, 0, -1):
        r = size / (2 * k + size * r)
        if k <= n:
            product = product * r
    return product


def _jvp(
    b: Builder,
    operands: Sequence[Value],
    tangents: Sequence[Value | None],
    results: Sequence[Value],
    attrs: Mapping[str, Any],
) -> list[Value | None]:
    (x,), (t,), n = operands, tangents, attrs["n"]
    assert t is not None
    slope = b.op("bessel_i", x, n=n + 1)
    if n:
        both = b.op("add", b.op("bessel_i", x, n=n - 1), slope)
        slope = b.op("mul", both, b.lit(0.5, both))
    return [b.op("mul", t, slope)]


row(
    Primitive(
        "bessel_i",
        "extern",
        _infer,
        _eval,
        jvp=_jvp,
        doc="bessel_i(x) {n}: the modified Bessel function of the first kind, of order n.",
    )
)
