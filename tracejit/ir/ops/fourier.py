"""Discrete Fourier transforms along one axis: linear rows of kind ``extern``.

``norm`` is NumPy's. The matrix of ``fft`` is symmetric, so that it is its own transpose (nothing is
conjugated); those of real data select from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.dtypes import complex_of, is_complex, is_float, part_of
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.extent import floordiv
from tracejit.ir.ops.derivatives_linear import Accs, Cts
from tracejit.ir.ops.extern import computed, types
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.types import INDEX, Type

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder

#: The norm with which the transform the other way has the same factor.
OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _fft(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    return types((complex_of(computed(operands)), operands[0].shape))


def _rfft(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), axis, dtype = operands, attrs["axis"], computed(operands)
    require(is_float(dtype), "rfft is of real data", x.type)
    shape = [floordiv(n, 2) + 1 if a == axis else n for a, n in enumerate(x.shape)]
    return types((complex_of(dtype), shape))


def _irfft(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), axis, points = operands, attrs["axis"], attrs["points"]
    dtype = computed([x])
    require(is_complex(dtype), "irfft is of complex data", x.type)
    half = floordiv(points, 2) + 1
    require(x.shape[axis] == half, "irfft wants half of the points", x.type, points)
    return types((part_of(dtype), [points if a == axis else n for a, n in enumerate(x.shape)]))


def _eval_fft(x: Any, *, axis: int, norm: str, inverse: bool) -> Any:
    return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm)  # type: ignore[arg-type]


def _eval_rfft(x: Any, *, axis: int, norm: str) -> Any:
    return np.fft.rfft(x, axis=axis, norm=norm)  # type: ignore[arg-type]


def _eval_irfft(x: Any, *, points: int, axis: int, norm: str) -> Any:
    return np.fft.irfft(x, points, axis=axis, norm=norm)  # type: ignore[arg-type]


def _single(cts: Cts, accs: Accs) -> tuple[Value, Any]:
    (ct,), acc = cts, accs[0]
    assert ct is not None
    assert acc is not None
    return ct, acc


def _real_part_of(b: Builder, v: Value, like: Value) -> Value:
    """Cotangents of real data are real."""
    return v if is_complex(like.dtype) else b.op("real", v)


def _fft_transpose(b: Builder, cts: Cts, operands: Operands, accs: Accs, attrs: Attrs) -> None:
    ct, acc = _single(cts, accs)
    acc.add(_real_part_of(b, b.op("fft", ct, **attrs), operands[0]))


def _rfft_transpose(b: Builder, cts: Cts, operands: Operands, accs: Accs, attrs: Attrs) -> None:
    """Zeros for the frequencies that were left out."""
    (ct, acc), x = _single(cts, accs), operands[0]
    low = [b.index(0)] * x.rank
    whole = b.op("pad", ct, b.const(0, ct.dtype), *low, shape=x.shape)
    acc.add(b.op("real", b.op("fft", whole, inverse=False, **attrs)))


def _irfft_transpose(b: Builder, cts: Cts, operands: Operands, accs: Accs, attrs: Attrs) -> None:
    """Each frequency stands for itself and its conjugate, but for the first and the middle one."""
    (ct, acc), (x,), axis = _single(cts, accs), operands, attrs["axis"]
    points = b.index(attrs["points"])
    found = b.op("rfft", ct, axis=axis, norm=OPPOSITE[attrs["norm"]])
    found = b.op("conj", found)
    place = b.op("iota", shape=x.shape, axis=axis, dtype=INDEX.dtype)
    twice = b.op("add", place, place)
    alone = b.op(
        "bitwise_or",
        b.op("eq", place, b.zeros_like(place)),
        b.op("eq", twice, b.broadcast(points, x.shape, ())),
    )
    acc.add(b.op("select", alone, found, b.op("add", found, found)))


row(
    Primitive(
        "fft",
        "extern",
        _fft,
        _eval_fft,
        linear=((0,),),
        transpose=_fft_transpose,
        doc="fft(x) {axis, norm, inverse}: complex, of real or complex data.",
    )
)
row(
    Primitive(
        "rfft",
        "extern",
        _rfft,
        _eval_rfft,
        linear=((0,),),
        transpose=_rfft_transpose,
        doc="rfft(x) {axis, norm}: the frequencies from 0 to half of real data.",
    )
)
row(
    Primitive(
        "irfft",
        "extern",
        _irfft,
        _eval_irfft,
        linear=((0,),),
        transpose=_irfft_transpose,
        doc="irfft(x) {points, axis, norm}: real data from the frequencies from 0 to half.",
    )
)
