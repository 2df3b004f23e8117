"""Where NumPy's versions differ: the one place that knows which does what.

Each constant says how the NumPy that is installed behaves, in the words of the newer ones; the code
that depends on it asks for the constant and knows no version. ``tests/test_numpy_versions.py`` asks
NumPy itself about every one of them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.lib import NumpyVersion
from numpy.version import version

_RUNNING: Final = NumpyVersion(version)


def _since(major: int, minor: int) -> bool:
    """Whether this is NumPy ``major.minor`` or newer; its previews count as it."""
    return (_RUNNING.major, _RUNNING.minor) >= (major, minor)


_2_5: Final = _since(2, 5)

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
