"""NumPy's functions on traced values: ``NAMES``, ``METHODS``, ``SCALAR_METHODS``.

Each module enters its implementations into the tables (``names.covers``).
"""

from tracejit.trace.numpy import (  # noqa: F401
    calculus,
    creation,
    einsum,
    extrema,
    folds,
    joining,
    matrices,
    products,
    queries,
    selecting,
    shapes,
    statistics,
    ufuncs,
)
from tracejit.trace.numpy.names import METHODS, NAMES, SCALAR_METHODS

__all__ = ["METHODS", "NAMES", "SCALAR_METHODS"]
