"""What a dtype is to the compiler: one row for each, and the predicates that ask it.

NumPy's dtype objects are the names: they compare, hash, print and pickle as users expect. What they
say of themselves is not enough. `kind` is one letter for a family, and `V` for every dtype that
comes from outside of NumPy, a float like bfloat16 or a record alike; nothing there says in which
format a dtype is computed. So nobody reads `dtype.kind` but this file
(`tests/test_layering.py` counts what is left), and another dtype is another row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

DType = np.dtype[Any]


@dataclass(frozen=True, eq=False)
class DTypeRow:
    """One dtype.

    ``name``: how IR text spells it. ``kind``: its family as NumPy abbreviates them, one of `biufc`.
    ``part``: the dtype of a real part, itself unless complex.
    """

    name: str
    dtype: DType
    kind: str
    part: DType


_NAMES = {
    "bool": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "f32": "float32",
    "f64": "float64",
    "c64": "complex64",
    "c128": "complex128",
}
_PARTS = {"c64": "float32", "c128": "float64"}
ROWS: dict[DType, DTypeRow] = {}
for _short, _long in _NAMES.items():
    _dtype: DType = np.dtype(_long)
    ROWS[_dtype] = DTypeRow(_short, _dtype, _dtype.kind, np.dtype(_PARTS.get(_short, _long)))
_COMPLEX = {r.part: r.dtype for r in ROWS.values() if r.kind == "c"}


def row_of(dtype: DType) -> DTypeRow | None:
    """The row of a dtype, None for one that programs cannot compute with."""
    return ROWS.get(dtype)


def kind_of(dtype: DType) -> str:
    """The family of a dtype, as a letter for tables: `b i u f c`, and NumPy's for all others."""
    row = row_of(dtype)
    return dtype.kind if row is None else row.kind


def is_bool(dtype: DType) -> bool:
    return kind_of(dtype) == "b"


def is_signed(dtype: DType) -> bool:
    """Whether it is a signed integer."""
    return kind_of(dtype) == "i"


def is_unsigned(dtype: DType) -> bool:
    """Whether it is an unsigned integer."""
    return kind_of(dtype) == "u"


def is_integer(dtype: DType) -> bool:
    """Whether it is an integer, signed or not; bool is none."""
    return kind_of(dtype) in "iu"


def is_exact(dtype: DType) -> bool:
    """Whether it is an integer or bool."""
    return kind_of(dtype) in "biu"


def is_float(dtype: DType) -> bool:
    """Whether it is a real floating format."""
    return kind_of(dtype) == "f"


def is_complex(dtype: DType) -> bool:
    return kind_of(dtype) == "c"


def is_inexact(dtype: DType) -> bool:
    """Whether it is floating or complex (the ones that have derivatives)."""
    return kind_of(dtype) in "fc"


def is_real(dtype: DType) -> bool:
    """Whether it is an integer or a float."""
    return kind_of(dtype) in "iuf"


def is_number(dtype: DType) -> bool:
    """Whether it is an integer, a float or complex."""
    return kind_of(dtype) in "iufc"


def is_numeric(dtype: DType) -> bool:
    """Whether it is bool or a number: what arrays may be of."""
    return kind_of(dtype) in "biufc"


def part_of(dtype: DType) -> DType:
    """The dtype of the real part; of a real dtype, itself."""
    row = row_of(dtype)
    return dtype if row is None else row.part


def complex_of(dtype: DType) -> DType:
    """The complex dtype with such parts; of a complex dtype, itself."""
    return dtype if is_complex(dtype) else _COMPLEX[dtype]


@cache
def unsigned_like(dtype: DType) -> DType:
    """The unsigned integer of the same size."""
    return np.dtype(f"u{dtype.itemsize}")


@cache
def signed_like(dtype: DType) -> DType:
    """The signed integer of the same size."""
    return np.dtype(f"i{dtype.itemsize}")
