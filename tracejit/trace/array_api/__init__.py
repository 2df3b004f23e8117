"""NumPy's functions on traced values: ``NAMES``, ``METHODS``, ``SCALAR_METHODS``.

Each module enters its implementations into the tables (``names.covers``).
"""

import numpy as np

from tracejit.numpy_names import as_shipped

with as_shipped():
    from tracejit.trace.array_api import (  # noqa: F401
        applying,
        calculus,
        concatenation,
        creation,
        distributions,
        einsum,
        emath,
        extrema,
        fft,
        filters,
        generators,
        histograms,
        histograms_of_many,
        linalg,
        matrices,
        matrix_functions,
        norms,
        padding,
        partitions,
        places,
        polynomial_fits,
        polynomials,
        products,
        python_random,
        quantiles,
        queries,
        ranges,
        reductions,
        selecting,
        sets,
        shapes,
        sorting,
        special_functions,
        statistics,
        structured,
        triangles,
        ufuncs,
        unsupported_names,
        windows_and_bits,
    )
from tracejit.trace.array_api.matrices import c_, mgrid, ogrid, r_
from tracejit.trace.session.registry import INDEXED, METHODS, NAMES, SCALAR_METHODS

INDEXED.update({np.mgrid: mgrid, np.ogrid: ogrid, np.r_: r_, np.c_: c_})

__all__ = ["INDEXED", "METHODS", "NAMES", "SCALAR_METHODS"]
