"""Scalar lowering of each elementwise primitive against the abstract emitter.

`LOWER[name](e, *operands, **attrs)` has NumPy's semantics on every dtype the ufunc is defined for.
Operands of one call share a dtype unless the primitive says otherwise; complex scalars are
`ComplexPair`s. Overflow, domain and zero checks are separate primitives.
"""

from __future__ import annotations

from tracejit.ir.scalar.lowering.arithmetic import ARITHMETIC
from tracejit.ir.scalar.lowering.comparison import COMPARISON
from tracejit.ir.scalar.lowering.conversion import CONVERSION
from tracejit.ir.scalar.lowering.division import DIVISION
from tracejit.ir.scalar.lowering.floats import FLOATS
from tracejit.ir.scalar.lowering.functions import FUNCTIONS
from tracejit.ir.scalar.lowering.integers import INTEGERS
from tracejit.ir.scalar.lowering.rule import Lower

LOWER: dict[str, Lower] = {
    **ARITHMETIC,
    **COMPARISON,
    **CONVERSION,
    **DIVISION,
    **FLOATS,
    **FUNCTIONS,
    **INTEGERS,
}

__all__ = ["LOWER"]
