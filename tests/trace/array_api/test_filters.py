"""Convolutions and filters of SciPy in compiled code: values and derivatives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

signal = pytest.importorskip("scipy.signal")
ndimage = pytest.importorskip("scipy.ndimage")

from tracejit import UnsupportedError, check_grads, jit  # noqa: E402

RNG = np.random.default_rng(0)
X, K = RNG.normal(size=9), RNG.normal(size=4)
IMAGE, STENCIL = RNG.normal(size=(6, 7)), RNG.normal(size=(3, 2))
UP, DOWN = np.array([0.2, 0.5, 0.3]), np.array([1.5, 0.3, -0.2, 0.1])

Program = Callable[..., Any]
MODES = ("full", "same", "valid")


def in_mode(function: Program, **options: Any) -> Program:
    return lambda x, k: function(x, k, **options)


CASES: dict[str, tuple[Program, tuple[Any, ...]]] = {
    **{f"convolve, {m}": (in_mode(signal.convolve, mode=m), (X, K)) for m in MODES},
    **{f"long kernel, {m}": (in_mode(signal.convolve, mode=m), (K, X)) for m in MODES},
    **{f"matrices, {m}": (in_mode(signal.convolve, mode=m), (IMAGE, STENCIL)) for m in MODES},
    **{f"fftconvolve, {m}": (in_mode(signal.fftconvolve, mode=m), (X, K)) for m in MODES},
    **{
        f"convolve2d, {b}, {m}": (
            in_mode(signal.convolve2d, mode=m, boundary=b, fillvalue=v),
            (IMAGE, STENCIL),
        )
        for m in MODES
        for b, v in (("fill", 0), ("fill", 2.0), ("wrap", 0), ("symm", 0))
    },
    "lfilter": (lambda x, b, a: signal.lfilter(b, a, x), (X, UP, DOWN)),
    "lfilter, only feeding forward": (lambda x, b: signal.lfilter(b, [2.0], x), (X, UP)),
    "lfilter, one number": (lambda x, b: signal.lfilter(b[:1], [1.0], x), (X, UP)),
    "lfilter, columns": (lambda x, b, a: signal.lfilter(b, a, x, axis=0), (IMAGE, UP, DOWN)),
    "lfilter, rows": (lambda x, b, a: signal.lfilter(b, a, x), (IMAGE, UP, DOWN)),
    "lfilter, from a state": (
        lambda x, b, a, z: signal.lfilter(b, a, x, zi=z),
        (X, UP, DOWN, RNG.normal(size=3)),
    ),
    **{
        f"{f.__name__} of an image, {m}": (in_mode(f, mode=m, cval=0.5), (IMAGE, STENCIL))
        for f in (ndimage.convolve, ndimage.correlate)
        for m in ("reflect", "mirror", "nearest", "wrap", "constant")
    },
    "convolve, of a line": (in_mode(ndimage.convolve), (X, K)),
    "convolve, moved": (in_mode(ndimage.convolve, origin=-1), (X, K)),
    "correlate, moved": (in_mode(ndimage.correlate, origin=1), (X, K)),
}
OTHERS: dict[str, tuple[Program, tuple[Any, ...]]] = {
    "integers": (in_mode(signal.convolve), (np.arange(5), np.array([1, 2]))),
    "float32": (in_mode(signal.convolve), (X.astype("f4"), K.astype("f4"))),
    "complex": (in_mode(signal.convolve, mode="same"), (X + 1j * X[::-1], K)),
    "lfilter, complex": (lambda x, b: signal.lfilter(b, [1.0, 0.5j], x), (X, UP)),
    "image in float32": (in_mode(ndimage.convolve), (IMAGE.astype("f4"), STENCIL)),
}


#: What changes the windows or the recursion; the others differ from these in what is cut off.
SMOOTH = (
    "convolve, full", "long kernel, same", "matrices, valid", "convolve2d, fill, same",
    "convolve2d, wrap, full", "convolve2d, symm, same", "lfilter", "lfilter, only feeding forward",
    "lfilter, columns", "lfilter, from a state", "convolve of an image, reflect",
    "correlate of an image, wrap", "convolve, moved",
)  # fmt: skip


def check(name: str, shapes: Any) -> None:
    f, args = (CASES | OTHERS)[name]
    want, have = f(*args), jit(f, shapes=shapes)(*args)
    several = isinstance(want, tuple)
    for w, h in zip(want, have, strict=True) if several else [(want, have)]:
        assert h.dtype == w.dtype
        assert h.shape == w.shape
        np.testing.assert_allclose(h, w, rtol=0, atol=1e-5 if h.dtype.itemsize == 4 else 1e-13)


@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_values(name: str) -> None:
    check(name, "static")


@pytest.mark.parametrize("name", ["convolve, same", "convolve2d, wrap, full", "lfilter"])
def test_values_of_any_shape(name: str) -> None:
    check(name, "dynamic")


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name: str) -> None:
    f, args = CASES[name]
    check_grads(jit(f, shapes="static"), args, order=1)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, k: signal.convolve(x, k, mode="valid"),
        lambda x, k: signal.fftconvolve(x, k, axes=0),
        lambda x, k: ndimage.convolve(x, k, output=x),
        lambda x, k: ndimage.convolve(x.astype(int), k),
    ],
)
def test_refused(f: Program) -> None:
    with pytest.raises(UnsupportedError, match="compile"):
        jit(f, shapes="dynamic")(X, K)


def test_errors_are_scipys() -> None:
    for f, error in (
        (lambda x: signal.convolve(x, IMAGE), ValueError),
        (lambda x: signal.convolve(x, x, mode="some"), ValueError),
        (lambda x: signal.lfilter([1, 2], [1, 1], np.arange(5)) + x, NotImplementedError),
    ):
        with pytest.raises(error) as theirs:
            f(X)
        with pytest.raises(error, match=re.escape(str(theirs.value)[1:20])):
            jit(f)(X)
