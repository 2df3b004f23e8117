"""Discrete Fourier transforms, which NumPy computes; frequencies and shifts natively.

Transforms of several axes are transforms of one axis after another, as NumPy's own are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import complex_of, computed_in, is_complex, is_inexact, part_of
from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import stored
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, builder, check_dim, iota, value_of
from tracejit.trace.session.session import current
from tracejit.trace.values.all import as_dim, dim_value, fresh, wrap
from tracejit.versions import FFT_WRITES_EVERY_OUT, INVALID_NORM

_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _opposite(norm: Any) -> str:
    """The normalisation of the transform the other way."""
    if norm not in _OPPOSITE:
        throw(ValueError(INVALID_NORM.format(norm)))
    return _OPPOSITE[norm]


def _transform(name: str, a: Any, n: Any, axis: Any, norm: Any) -> Any:
    """One transform along one axis of ``n`` points."""
    x = value_of(a)
    k = axis_of(axis, x.rank)
    _opposite(norm)  # raises for a name that is none
    if n is None:
        have = x.shape[k]
        points: Dim = (have - 1) * 2 if name == "irfft" else have
    else:
        points = as_dim(n)
    message = "Invalid number of FFT data points ({0}) specified."
    check_dim("ge", points, 1, "ValueError", message)
    if name == "rfft" and is_complex(x.dtype):
        throw(
            TypeError(f"ufunc 'rfft_n_even' did not contain a loop with a signature for {x.dtype}")
        )
    b = builder()
    how: dict[str, Any] = {"axis": k, "norm": norm or "backward"}
    given = x.dtype if is_inexact(x.dtype) else np.dtype(np.float64)
    x = b.convert(x, computed_in(given))
    if name == "irfft":
        x = _of_length(b.convert(x, complex_of(x.dtype)), k, ex.floordiv(points, 2) + 1)
        return wrap(b.convert(b.op("irfft", x, points=points, **how), part_of(given)))
    x = _of_length(x, k, points)
    if name == "rfft":
        return wrap(b.op("rfft", x, **how))
    if x.dtype == np.float64:  # as NumPy does; of float32 it goes to double precision
        x = b.convert(x, complex_of(x.dtype))
    return wrap(b.op("fft", x, inverse=name == "ifft", **how))


def _of_length(x: Value, axis: int, points: Dim) -> Value:
    """As many elements of the axis: the first ones, or with zeros after them."""
    b, have = builder(), x.shape[axis]
    if have == points:
        return x
    ranges = current().ranges
    low = [b.index(0)] * x.rank

    def shape(n: Dim) -> tuple[Dim, ...]:
        return tuple(n if a == axis else d for a, d in enumerate(x.shape))

    if not ranges.at_least(points, have):
        count = points
        if not ranges.at_least(have, points):
            count = b.op("minimum", b.index(have), b.index(points)).dim
        x = b.slice(x, [0] * x.rank, shape(count))
    return (
        x
        if x.shape[axis] == points
        else b.op("pad", x, b.const(0, x.dtype), *low, shape=shape(points))
    )


@covers(np.fft.fft)
def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """The transform of ``n`` points along an axis."""
    return stored(_transform("fft", a, n, axis, norm), out)


@covers(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """The inverse transform."""
    return stored(_transform("ifft", a, n, axis, norm), out)


@covers(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """The non-negative frequencies of real data."""
    return stored(_transform("rfft", a, n, axis, norm), out)


@covers(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Real data from its non-negative frequencies."""
    return stored(_transform("irfft", a, n, axis, norm), out)


@covers(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """The real transform of data with Hermitian symmetry."""
    written = out if FFT_WRITES_EVERY_OUT else None
    return irfft(np.conjugate(asarray(a)), n, axis, _opposite(norm), written)


@covers(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """The inverse of ``hfft``."""
    return stored(np.conjugate(rfft(a, n, axis, _opposite(norm))), out)


def _axes(a: Any, s: Any, axes: Any) -> tuple[Any, list[int], list[Any]]:
    """The array, the axes, and how many points on each (None: all)."""
    x = asarray(a)
    if axes is None:
        count = x.ndim if s is None else len(s)
        axes = range(-count, 0)
    many = [axis_of(k, x.ndim) for k in axes]
    points = [None] * len(many) if s is None else list(s)
    if len(points) != len(many):
        throw(ValueError("Shape and axes have different lengths."))
    whole = [
        dim_value(x.dims[k]) if type(p) is int and p == -1 else p
        for p, k in zip(points, many, strict=True)
    ]
    return x, many, whole


def _several(name: str, one: Callable[..., Any]) -> Callable[..., Any]:
    def transform(
        a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None
    ) -> Any:
        found, many, points = _axes(a, s, axes)
        for k, n in reversed(list(zip(many, points, strict=True))):
            found = one(found, n, k, norm)
        return stored(found, out)

    return transform


def _rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    x, many, points = _axes(a, s, axes)
    found = rfft(x, points[-1], many[-1], norm)
    for k, n in reversed(list(zip(many[:-1], points[:-1], strict=True))):
        found = fft(found, n, k, norm)
    return stored(found, out)


def _irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    found, many, points = _axes(a, s, axes)
    for k, n in zip(many[:-1], points[:-1], strict=True):
        found = ifft(found, n, k, norm)
    return stored(irfft(found, points[-1], many[-1], norm), out)


def _plane(several: Callable[..., Any], written: bool) -> Callable[..., Any]:
    def transform(
        a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None
    ) -> Any:
        return several(a, s, axes, norm, out if written else None)

    return transform


_fftn, _ifftn = _several("fftn", fft), _several("ifftn", ifft)
for _names, _implementation, _writes in (
    ((np.fft.fftn, np.fft.fft2), _fftn, True),
    ((np.fft.ifftn, np.fft.ifft2), _ifftn, FFT_WRITES_EVERY_OUT),
    ((np.fft.rfftn, np.fft.rfft2), _rfftn, True),
    ((np.fft.irfftn, np.fft.irfft2), _irfftn, FFT_WRITES_EVERY_OUT),
):
    covers(_names[0])(_implementation)
    covers(_names[1])(_plane(_implementation, _writes))


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    a = asarray(x)
    many = range(a.ndim) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    found: Any = a
    for k in many:
        n = dim_value(a.dims[axis_of(k, a.ndim)])
        found = np.roll(found, n // 2 if sign > 0 else -(n // 2), axis=k)
    return found


@covers(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """Frequency zero in the middle."""
    return _shifted(x, axes, 1)


@covers(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """The inverse of ``fftshift``."""
    return _shifted(x, axes, -1)


@covers(np.fft.fftfreq)
def fftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Any:
    """Frequencies of the points of a transform."""
    place: Any = fresh(iota(as_dim(n)))
    signed = np.where(place < (n - 1) // 2 + 1, place, place - n)
    return signed * np.divide(1.0, n * d)


@covers(np.fft.rfftfreq)
def rfftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Any:
    """Frequencies of the points of a transform of real data."""
    place: Any = fresh(iota(ex.floordiv(as_dim(n), 2) + 1))
    return place * np.divide(1.0, n * d)
