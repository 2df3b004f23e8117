"""The three kinds of traced value: arrays (views of storage cells), NumPy and Python scalars.

Nothing here knows a NumPy function: operators and methods look their implementations up in
``tracejit.trace.numpy``. The rest of this folder imports traced values from here.
"""

from __future__ import annotations

from tracejit.trace.arrays import Array, fresh, k_order, wrap, wrap_array
from tracejit.trace.cells import Cell, Choice
from tracejit.trace.known import name_of, structural_int, truth
from tracejit.trace.lifting import Lifted, as_dim, lift
from tracejit.trace.scalars import (
    KIND_DTYPE,
    KIND_RANK,
    KIND_TYPE,
    MixedScalar,
    PyScalar,
    Scalar,
    WeakKind,
    dim_value,
    python_int,
    weak_kind,
)
from tracejit.trace.tracer import Tracer

__all__ = [
    "KIND_DTYPE",
    "KIND_RANK",
    "KIND_TYPE",
    "Array",
    "Cell",
    "Choice",
    "Lifted",
    "MixedScalar",
    "PyScalar",
    "Scalar",
    "Tracer",
    "WeakKind",
    "as_dim",
    "dim_value",
    "fresh",
    "k_order",
    "lift",
    "name_of",
    "python_int",
    "structural_int",
    "truth",
    "weak_kind",
    "wrap",
    "wrap_array",
]
