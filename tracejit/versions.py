"""Where versions of NumPy and SciPy differ: the one place that knows which does what.

Each constant says how the NumPy that is installed behaves, in the words of the newer ones; the code
that depends on it asks for the constant and knows no version. Of SciPy, which may be loaded later,
functions say it. ``tests/trace/array_api/test_versions.py`` asks the libraries themselves.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
from numpy.lib import NumpyVersion
from numpy.version import version

_RUNNING: Final = NumpyVersion(version)


def _since(major: int, minor: int) -> bool:
    """Whether this is NumPy ``major.minor`` or newer; its previews count as it."""
    return (_RUNNING.major, _RUNNING.minor) >= (major, minor)


def _scipy_since(major: int, minor: int) -> bool:
    """Whether the SciPy that is loaded is ``major.minor`` or newer."""
    running = sys.modules["scipy"].__version__.split(".")
    return (int(running[0]), int(running[1])) >= (major, minor)


def square_roots_follow_the_matrix() -> bool:
    """``scipy.linalg.sqrtm`` of real matrices is real where it can be, in their precision."""
    return _scipy_since(1, 16)


def comb_repeats_nothing() -> bool:
    """``scipy.special.comb(n, k, repetition=True)`` is ``binom(n + k - 1, k)`` for any ``n``.

    Before, it was 0 where ``k`` is greater than ``n + k - 1``.
    """
    return _scipy_since(1, 17)


def cho_factor_zeroes_the_rest() -> bool:
    """``scipy.linalg.cho_factor`` leaves zeros in the other triangle, not what was there."""
    return _scipy_since(1, 18)


_2_5: Final = _since(2, 5)
#: ``np.pad`` takes a dict of axes.
PAD_TAKES_DICTS: Final = _since(2, 4)

#: ``np.linalg.eig`` and ``eigvals`` give complex numbers, whatever the values. Before, they gave
#: real ones for real matrices with real eigenvalues only.
EIGENVALUES_ARE_COMPLEX: Final = _2_5
#: A Python int in ``np.where`` that the result's dtype cannot hold is an OverflowError. It wrapped.
WHERE_CHECKS_INTS: Final = _2_5
#: ``np.cross`` takes vectors of three components only. It took those of two as well.
CROSS_NEEDS_THREE: Final = _2_5
#: ``np.nextafter`` of two equal float16 zeros is the second, as of other floats. It was the first.
HALF_NEXTAFTER_TURNS_ZEROS: Final = _2_5
#: ``take`` and ``compress`` store what they found in ``out`` as a cast. Before, they asked whether
#: ``out`` could be cast to the dtype of the array.
TAKE_CASTS_TO_OUT: Final = _2_5
#: ``sort`` and ``argsort`` take ``descending=``.
SORTS_DESCEND: Final = _2_5
#: ``np.meshgrid(sparse=True, copy=False)`` is a tuple, as it is otherwise. It was a list.
MESHGRID_IS_A_TUPLE: Final = _2_5
#: ``hfft``, ``ifft2`` and ``irfft2`` write to ``out``. They left it alone.
FFT_WRITES_EVERY_OUT: Final = _2_5
#: What makes the roots of ``np.polynomial`` real where all of them are, since ``eigvals`` does not.
TO_REAL: Final[Any] = getattr(np.linalg._linalg, "_to_real_if_imag_zero", None)
#: What ``np.fft`` says of a ``norm`` that it does not know.
INVALID_NORM: Final = (
    'Invalid norm value {}; should be "backward", "ortho" or "forward".'
    if _2_5
    else 'Invalid norm value {}; should be "backward","ortho" or "forward".'
)
#: What ``x.imag = 1`` says where ``x`` is real.
NO_IMAGINARY_PART: Final = (
    "Cannot set imaginary part of non-complex array."
    if _2_5
    else "array does not have imaginary part to set"
)
