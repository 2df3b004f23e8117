"""Convolutions and filters of ``scipy.signal`` and ``scipy.ndimage`` in compiled code.

All are sums over the elements of the kernel, one shifted window after another, which fuse into
vector loops; values agree with SciPy's to rounding. Where SciPy chooses a Fourier transform for
its speed, this does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_float, is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.promotion import result_dtype
from tracejit.trace.array_api.special_functions import of_library
from tracejit.trace.array_api.staged import staged
from tracejit.trace.session.session import current

_MODES = ("full", "same", "valid")
_BOUNDARIES = {"wrap": "wrap", "circular": "wrap", "symm": "symmetric", "symmetric": "symmetric"}
_FILLS = ("fill", "pad")
#: Names of ``scipy.ndimage`` for what lies beyond an edge -> those of ``np.pad``.
_EDGES = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip


def _along(x: Any, k: Any, out: Any) -> Any:
    for i in range(k.shape[0]):
        out[i : i + x.shape[0]] += k[i] * x
    return out


def _over(x: Any, k: Any, out: Any) -> Any:
    for i in range(k.shape[0]):
        for j in range(k.shape[1]):
            out[i : i + x.shape[0], j : j + x.shape[1]] += k[i, j] * x
    return out


def _inside(x: Any, k: Any, out: Any) -> Any:
    for i in range(k.shape[0]):
        for j in range(k.shape[1]):
            out += k[i, j] * x[i : i + out.shape[0], j : j + out.shape[1]]
    return out


def _pair(name: str, in1: Any, in2: Any) -> tuple[Any, Any]:
    x, k = asarray(in1), asarray(in2)
    if x.ndim != k.ndim:
        throw(ValueError("volume and kernel should have the same dimensionality"))
    if x.ndim not in (1, 2):
        raise UnsupportedError(f"scipy.signal.{name} of {x.ndim} dimensions is not compiled")
    kind = result_dtype(x, k)
    return x.astype(kind), k.astype(kind)


def _full(x: Any, k: Any) -> Any:
    shape = tuple(m + n - 1 for m, n in zip(x.shape, k.shape, strict=True))
    out = np.zeros_like(x, shape=shape)
    return staged(_along if x.ndim == 1 else _over)(x, k, out)


def _at_least(x: Any, k: Any) -> bool:
    """Whether an array is known to be as long as a kernel, along every axis."""
    ranges = current().ranges
    pairs = zip(x.shape, k.shape, strict=True)
    return all(ranges.at_least(_dim(m), _dim(n)) for m, n in pairs)


def _dim(n: Any) -> Any:
    return n if isinstance(n, int) else n.read().dim


def _cropped(full: Any, x: Any, k: Any, mode: str, name: str) -> Any:
    if mode not in _MODES:
        throw(ValueError("Acceptable mode flags are 'valid', 'same', or 'full'."))
    if mode == "full":
        return full
    if mode == "same":
        starts = [(n - 1) // 2 for n in k.shape]
        sizes = list(x.shape)
    else:
        if not _at_least(x, k):
            if not _at_least(k, x):
                raise UnsupportedError(
                    f"scipy.signal.{name}(mode='valid') where it is not known at compile time that "
                    "one array is at least as long as the other; use static shapes"
                )
            x, k = k, x
        starts = [n - 1 for n in k.shape]
        sizes = [m - n + 1 for m, n in zip(x.shape, k.shape, strict=True)]
    window = tuple(slice(s, s + n) for s, n in zip(starts, sizes, strict=True))
    return full[window].copy()


@of_library("scipy.signal:convolve")
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The convolution of two vectors or two matrices."""
    if method not in ("auto", "direct", "fft"):
        throw(ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'."))
    x, k = _pair("convolve", in1, in2)
    return _cropped(_full(x, k), x, k, mode, "convolve")


@of_library("scipy.signal:fftconvolve")
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """As ``convolve``."""
    if axes is not None:
        raise UnsupportedError("scipy.signal.fftconvolve(axes=...) is not compiled")
    x, k = _pair("fftconvolve", in1, in2)
    kind = result_dtype(x, np.zeros((), np.float32 if x.dtype == np.float32 else np.float64))
    x, k = x.astype(kind), k.astype(kind)
    return _cropped(_full(x, k), x, k, mode, "fftconvolve")


@of_library("scipy.signal:convolve2d")
def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """The convolution of two matrices; ``boundary`` says what lies around the first."""
    x, k = asarray(in1), asarray(in2)
    if x.ndim != 2 or k.ndim != 2:
        throw(ValueError("convolve2d inputs must both be 2-D arrays"))
    x, k = _pair("convolve2d", x, k)
    plain = boundary in _FILLS and not hasattr(fillvalue, "read") and fillvalue == 0
    if plain or mode == "valid":
        return _cropped(_full(x, k), x, k, mode, "convolve2d")
    if boundary not in (*_FILLS, *_BOUNDARIES):
        throw(ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and "
                         "'symmetric' (or 'symm')."))  # fmt: skip
    around = [(n - 1, n - 1) for n in k.shape]
    if boundary in _FILLS:
        wide = np.pad(x, around, constant_values=fillvalue)
    else:
        wide = np.pad(x, around, mode=_BOUNDARIES[boundary])  # type: ignore[call-overload]
    out = np.zeros_like(x, shape=tuple(m + n - 1 for m, n in zip(x.shape, k.shape, strict=True)))
    return _cropped(staged(_inside)(wide, k[::-1, ::-1], out), x, k, mode, "convolve2d")


def _padded(b: Any, a: Any) -> Any:
    """Coefficients of one length, the first of ``a`` being one."""
    order = max(b.shape[0], a.shape[0])
    up, down = np.zeros(order, b.dtype), np.zeros(order, a.dtype)
    up[: b.shape[0]] = b / a[0]
    down[: a.shape[0]] = a / a[0]
    return up, down


def _recursive(b: Any, a: Any, x: Any, z: Any) -> Any:
    """Direct form II, transposed, along the first axis; the last row of ``z`` is zero."""
    y = np.empty_like(x)
    for n in range(x.shape[0]):
        v = z[0] + b[0] * x[n]
        y[n] = v
        for i in range(z.shape[0] - 1):
            z[i] = z[i + 1] + b[i + 1] * x[n] - a[i + 1] * v
    return y


@of_library("scipy.signal:lfilter")
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """The output of a linear filter with these coefficients; with ``zi`` also its last state."""
    arrays: list[Any] = [np.atleast_1d(asarray(v)) for v in (b, a, x)]
    up, down, signal = arrays
    if up.ndim != 1 or down.ndim != 1:
        throw(ValueError("object of too small depth for desired array"))
    given = [up, down, signal] + ([] if zi is None else [asarray(zi)])
    kind = result_dtype(*given)
    if not is_inexact(kind):
        throw(NotImplementedError(f"input type '{kind}' not supported"))
    up, down, signal = (v.astype(kind) for v in (up, down, signal))
    up, down = staged(_padded)(up, down)
    order = up.shape[0]
    moved: Any = np.moveaxis(signal, axis, 0)
    state: Any = np.zeros_like(moved, shape=(order, *moved.shape[1:]))
    if zi is not None:
        state[: order - 1] = np.moveaxis(given[3].astype(kind), axis, 0)
    y = np.moveaxis(staged(_recursive)(up, down, moved, state), 0, axis)
    return y if zi is None else (y, np.moveaxis(state[: order - 1], 0, axis).copy())


def _filtered(
    name: str, image: Any, weights: Any, output: Any, mode: str, cval: Any, origin: Any, flip: bool
) -> Any:
    x, k = asarray(image), asarray(weights)
    if output is not None or not isinstance(origin, int) or not is_float(x.dtype):
        raise UnsupportedError(
            f"scipy.ndimage.{name} is compiled for floats, with one origin and without output"
        )
    if mode not in _EDGES:
        throw(RuntimeError("boundary mode not supported"))
    if x.ndim != k.ndim or x.ndim not in (1, 2):
        raise UnsupportedError(f"scipy.ndimage.{name} is compiled for one and two dimensions")
    starts = []
    for n in k.shape:
        if not isinstance(n, int):
            raise UnsupportedError(f"scipy.ndimage.{name}: use static shapes for the weights")
        shift = -origin - (1 - n % 2) if flip else origin
        starts.append(n // 2 + shift)
        if not 0 <= starts[-1] < n:
            throw(ValueError("invalid origin"))
    if flip:
        k = k[(slice(None, None, -1),) * k.ndim]
    around = [(s, n - 1 - s) for s, n in zip(starts, k.shape, strict=True)]
    edge = _EDGES[mode]
    if edge == "constant":
        wide = np.pad(x.astype(np.float64), around, constant_values=cval)
    else:
        wide = np.pad(x.astype(np.float64), around, mode=edge)  # type: ignore[call-overload]
    k = k.astype(np.float64)
    if x.ndim == 1:
        wide, k = wide[None], k[None]
    out = np.zeros_like(wide, shape=x.shape if x.ndim == 2 else (1, *x.shape))
    return staged(_inside)(wide, k, out).reshape(x.shape).astype(x.dtype)


@of_library("scipy.ndimage:convolve")
def convolve_image(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The convolution of an image, of its own shape."""
    if axes is not None:
        raise UnsupportedError("scipy.ndimage.convolve(axes=...) is not compiled")
    return _filtered("convolve", input, weights, output, mode, cval, origin, True)


@of_library("scipy.ndimage:correlate")
def correlate_image(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The correlation of an image, of its own shape."""
    if axes is not None:
        raise UnsupportedError("scipy.ndimage.correlate(axes=...) is not compiled")
    return _filtered("correlate", input, weights, output, mode, cval, origin, False)
