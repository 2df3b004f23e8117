"""NEP 50: which dtypes an operation computes in. NumPy itself is asked, with weak Python scalars.

``loop_dtypes`` uses ``ufunc.resolve_dtypes``, so casting errors are NumPy's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir.types import dtype_of
from tracejit.trace.array_api.operands import DType, Operand, given_dtype, operand

_REPRESENTATIVE: dict[type, Any] = {int: 0, float: 0.0, complex: 0j}


def loop_dtypes(
    ufunc: np.ufunc,
    inputs: Sequence[Operand],
    outs: Sequence[DType | None],
    dtype: Any = None,
    signature: Any = None,
    casting: Any = "same_kind",
) -> tuple[DType, ...]:
    """Dtypes of the loop that NumPy would run: inputs, then outputs.

    Raises NumPy's TypeError (UFuncTypeError) for what NumPy refuses.
    """
    asked = (*(x.dtype for x in inputs), *outs)
    if dtype is not None:
        signature = (*[None] * ufunc.nin, *[np.dtype(dtype)] * ufunc.nout)
    options = {} if signature is None else {"signature": _signature(signature)}
    found = ufunc.resolve_dtypes(asked, casting=casting, **options)
    try:
        return tuple(dtype_of(d) for d in found)
    except TypeError as error:
        given = ", ".join(getattr(d, "__name__", str(d)) for d in asked if d is not None)
        raise UnsupportedError(
            f"np.{ufunc.__name__} of {given} computes in "
            f"{next(d for d in found if d is not None)}, which is not supported; "
            "convert the argument to float32 or float64 first"
        ) from error


def _signature(signature: Any) -> Any:
    if isinstance(signature, tuple):
        return signature
    raise UnsupportedError("ufunc signature= must be a tuple of dtypes")


def promote(inputs: Sequence[Operand]) -> DType:
    """``np.result_type`` of operands, Python scalars being weak."""
    if not inputs:
        return np.dtype(np.float64)
    every = [_REPRESENTATIVE[x.weak] if x.weak is not None else x.dtype for x in inputs]
    return given_dtype(np.result_type(*every))


def result_dtype(*args: Any) -> DType:
    """``np.result_type`` of traced or plain arguments and dtypes."""
    every = []
    for x in args:
        if isinstance(x, (np.dtype, type, str)):
            every.append(x)
        else:
            o = operand(x)
            every.append(_REPRESENTATIVE[o.weak] if o.weak is not None else o.dtype)
    return np.result_type(*every)


all_ask(globals(), TypeError, ValueError, ArithmeticError)
