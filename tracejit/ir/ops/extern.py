"""Rows that a library computes: LAPACK, FFT, sorts. What they share.

Such a row is pure, whatever its operands hold: where LAPACK fails its results are nan and its last
one, ``ok``, is false, matrix by matrix of a stack. The error is a ``check`` of that result, which
keeps its place in the program while the call itself is merged, hoisted and dropped like any other
instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tracejit.dtypes import kind_of
from tracejit.ir.core import TABLE, Instr
from tracejit.ir.extent import Dim, Extent
from tracejit.ir.ops.rules import Operands, require
from tracejit.ir.types import TensorType, Type
from tracejit.records import dataclass

#: What numbers LAPACK computes with.
_LETTERS = frozenset("fdFD")


@dataclass(frozen=True)
class Reference:
    """A row's NumPy reference with its attributes, as the function that compiled code calls.

    ``extents``: names of attributes that are only known at run time, the last operands.
    """

    name: str
    attrs: tuple[tuple[str, Any], ...]
    extents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = ", ".join([*(f"{k}={v!r}" for k, v in self.attrs), *self.extents])
        object.__setattr__(self, "__qualname__", f"{self.name}({given})")
        object.__setattr__(self, "__module__", "tracejit")

    def __call__(self, *operands: Any) -> Any:
        evaluate, attrs = _evaluation(self)
        if not self.extents:
            return evaluate(*operands, **attrs)
        count = len(operands) - len(self.extents)
        sizes = dict(zip(self.extents, map(int, operands[count:]), strict=True))
        return evaluate(*operands[:count], **attrs, **sizes)


@cache
def _evaluation(reference: Reference) -> tuple[Callable[..., Any], dict[str, Any]]:
    evaluate = TABLE[reference.name].eval
    assert evaluate is not None
    return evaluate, dict(reference.attrs)


def reference(instr: Instr) -> tuple[Callable[..., Any], list[Extent]]:
    """What runs an instruction of kind ``extern``, and the extents that it takes last."""
    if "fn" in instr.attrs:
        return instr.attrs["fn"], []
    known = {k: v for k, v in instr.attrs.items() if not isinstance(v, Extent)}
    sizes = {k: v for k, v in instr.attrs.items() if isinstance(v, Extent)}
    return Reference(instr.name, tuple(known.items()), tuple(sizes)), list(sizes.values())


def computed(operands: Operands) -> np.dtype[Any]:
    """The dtype of the operands, which is one that LAPACK computes in."""
    for v in operands:
        require(isinstance(v.type, TensorType), "operand is not a tensor", v.type)
        require(v.dtype == operands[0].dtype, "dtypes differ", *(o.type for o in operands))
    require(operands[0].dtype.char in _LETTERS, "a library computes in floats", operands[0].type)
    return operands[0].dtype


def matrix(operands: Operands, which: int = 0) -> tuple[tuple[Dim, ...], Dim, Dim]:
    """Leading extents, rows and columns of a (stack of) matrix."""
    x = operands[which]
    require(x.rank >= 2, "a matrix has two axes", x.type)
    *lead, m, n = x.shape
    return tuple(lead), m, n


def square(operands: Operands, which: int = 0) -> tuple[tuple[Dim, ...], Dim]:
    """Leading extents and size of a (stack of) square matrix."""
    lead, m, n = matrix(operands, which)
    require(m == n, "a square matrix is wanted", operands[which].type)
    return lead, n


Nothing = Sequence[tuple[Any, Sequence[int]]]


def or_nan(compute: Callable[..., Any], arrays: Sequence[Any], nothing: Nothing) -> tuple[Any, ...]:
    """The results, and for each matrix of a stack whether LAPACK succeeded; where it did not there
    is nan, of these dtypes and shapes."""
    lead = arrays[0].shape[:-2]
    try:
        return *_parts(compute(*arrays)), np.ones(lead, bool)
    except np.linalg.LinAlgError:
        fill = {"f": np.nan, "c": np.nan, "i": 0}
        made = [np.full(shape, fill[kind_of(np.dtype(dtype))], dtype) for dtype, shape in nothing]
    ok = np.zeros(lead, bool)
    for place in np.ndindex(lead) if lead else ():
        try:
            found = _parts(compute(*(a[place] for a in arrays)))
        except np.linalg.LinAlgError:
            continue
        for whole, part in zip(made, found, strict=True):
            whole[place] = part
        ok[place] = True
    return *made, ok


def _parts(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple) else (found,)


def types(*results: tuple[Any, Sequence[Dim]]) -> tuple[Type, ...]:
    """Result types from dtypes and shapes."""
    return tuple(TensorType(np.dtype(dtype), tuple(shape)) for dtype, shape in results)
