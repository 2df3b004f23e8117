"""NumPy's functions on traced values: ``NAMES``, ``METHODS``, ``SCALAR_METHODS``.

Each module enters its implementations into the tables (``names.covers``).
"""

import numpy as np

from tracejit.trace.array_api import (  # noqa: F401
    applying,
    calculus,
    concatenation,
    creation,
    einsum,
    emath,
    extrema,
    fft,
    generators,
    histograms,
    histograms_of_many,
    linalg,
    matrices,
    polynomial_fits,
    polynomials,
    products,
    quantiles,
    queries,
    reductions,
    selecting,
    sets,
    shapes,
    sorting,
    statistics,
    triangles,
    ufuncs,
    unsupported_names,
    windows_and_bits,
)
from tracejit.trace.array_api.library_ufuncs import library_ufunc
from tracejit.trace.array_api.matrices import c_, mgrid, ogrid, r_
from tracejit.trace.array_api.names import METHODS, NAMES, SCALAR_METHODS
from tracejit.trace.array_api.special_functions import library_function

#: Objects of NumPy that are indexed rather than called, and what stands for them.
INDEXED = {np.mgrid: mgrid, np.ogrid: ogrid, np.r_: r_, np.c_: c_}

__all__ = ["INDEXED", "METHODS", "NAMES", "SCALAR_METHODS", "library_function", "library_ufunc"]
