"""The three kinds of traced value: arrays (views of storage cells), NumPy and Python scalars.

Nothing here knows a NumPy function: operators and methods look their implementations up in
``tracejit.trace.array_api``. The rest of this folder imports traced values from here.
"""

from __future__ import annotations

from tracejit.ir.arguments import KIND_TYPE
from tracejit.trace.session.concretize import name_of, structural_int, truth
from tracejit.trace.session.storage import Cell
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.arrays import Array, fresh, k_order, wrap, wrap_array
from tracejit.trace.values.coercion import Lifted, as_dim, lift, several
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    KIND_RANK,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    WeakKind,
    dim_value,
    python_int,
    weak_kind,
)
from tracejit.trace.values.selected_storage import Select

__all__ = [
    "KIND_DTYPE",
    "KIND_RANK",
    "KIND_TYPE",
    "Array",
    "Cell",
    "IntOrFloat",
    "IntOrScalar",
    "Lifted",
    "MixedScalar",
    "PyScalar",
    "Scalar",
    "Select",
    "TaggedScalar",
    "Tracer",
    "WeakKind",
    "as_dim",
    "dim_value",
    "fresh",
    "k_order",
    "lift",
    "name_of",
    "python_int",
    "several",
    "structural_int",
    "truth",
    "weak_kind",
    "wrap",
    "wrap_array",
]
