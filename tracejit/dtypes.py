"""What a dtype is to the compiler: one row for each, and the predicates that ask it.

NumPy's dtype objects are the names: they compare, hash, print and pickle as users expect. What they
say of themselves is not enough. `kind` is one letter for a family, and `V` for every dtype that
comes from outside of NumPy, a float like bfloat16 or a record alike; nothing there says in which
format a dtype is computed. So nobody reads `dtype.kind` but this file
(`tests/test_layering.py` counts what is left), and another dtype is another row.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from tracejit.records import dataclass

DType = np.dtype[Any]


@dataclass(frozen=True, eq=False)
class DTypeRow:
    """One dtype.

    ``name``: how IR text spells it. ``kind``: its family as NumPy abbreviates them, one of `biufc`.
    ``part``: the dtype of a real part, itself unless complex.
    ``digits``: bits of the largest run of integers that it holds, signs apart.
    ``computed_in``: the format of every operation, whose result is then rounded: itself, unless the
    dtype is a narrow float. Machines store those and compute in another, as NumPy does.
    ``accumulated_in``: the format of a running sum or product of one run of memory.
    """

    name: str
    dtype: DType
    kind: str
    part: DType
    digits: int
    computed_in: DType
    accumulated_in: DType


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
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "c64": "complex64",
    "c128": "complex128",
}
_PARTS = {"c64": "float32", "c128": "float64"}
_COMPUTED = {"f16": "float32"}
ROWS: dict[DType, DTypeRow] = {}


def _digits(dtype: DType) -> int:
    if dtype.kind in "fc":
        return int(np.finfo(dtype).nmant) + 1
    return 8 * dtype.itemsize - (dtype.kind == "i") if dtype.kind in "iu" else 1


for _short, _long in _NAMES.items():
    _dtype: DType = np.dtype(_long)
    ROWS[_dtype] = DTypeRow(
        _short,
        _dtype,
        _dtype.kind,
        np.dtype(_PARTS.get(_short, _long)),
        _digits(_dtype),
        np.dtype(_COMPUTED.get(_short, _long)),
        np.dtype(_COMPUTED.get(_short, _long)),
    )
_NAMED = {r.name: r.dtype for r in ROWS.values()}
_COMPLEX = {r.part: r.dtype for r in ROWS.values() if r.kind == "c"}


def row_of(dtype: DType) -> DTypeRow | None:
    """The row of a dtype, None for one that programs cannot compute with."""
    row: DTypeRow | None = ROWS.get(dtype)
    return _from_outside(dtype) if row is None and dtype.kind == "V" else row


def _row(dtype: DType) -> DTypeRow:
    row = row_of(dtype)
    assert row is not None, dtype
    return row


def short_name(dtype: DType) -> str:
    """``f64`` for float64 and so on."""
    return _row(dtype).name


def named(name: str) -> DType:
    """The dtype that IR text spells so. Raises KeyError for a name that is none."""
    if name == "bf16":
        outside: DType = np.dtype(import_module("ml_dtypes").bfloat16)
        return outside
    return _NAMED[name]


def is_name(text: str) -> bool:
    """Whether IR text spells a dtype so."""
    return text in _NAMED or text == "bf16"


def _from_outside(dtype: DType) -> DTypeRow | None:
    """The row of a dtype that a package beside NumPy brings; whoever has one has imported it."""
    package = sys.modules.get("ml_dtypes")
    if package is None or dtype != np.dtype(package.bfloat16):
        return None
    dtype = np.dtype(package.bfloat16)
    # Its loops round each step of a sum; those of float16 keep float32.
    row = DTypeRow("bf16", dtype, "f", dtype, 8, np.dtype(np.float32), dtype)
    return ROWS.setdefault(dtype, row)


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


def is_from_outside(dtype: DType) -> bool:
    """Whether another package than NumPy brings it, and the loops that define its corners."""
    return dtype.kind == "V"


def is_numpys_inexact(dtype: DType) -> bool:
    """Whether NumPy's functions take it for floating or complex.

    A float from outside of NumPy derives from no class of NumPy's floats. Where a function asks for
    those, as `linalg.norm` does, it is made float64 as an integer is.
    """
    return is_inexact(dtype) and not is_from_outside(dtype)


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
    """The complex dtype with such parts; of a complex dtype, itself.

    Raises TypeError for a dtype of which no complex numbers are made.
    """
    if is_complex(dtype):
        return dtype
    if dtype not in _COMPLEX:
        raise TypeError(f"there are no complex numbers with parts of {dtype}")
    return _COMPLEX[dtype]


@cache
def unsigned_like(dtype: DType) -> DType:
    """The unsigned integer of the same size."""
    return np.dtype(f"u{dtype.itemsize}")


@cache
def signed_like(dtype: DType) -> DType:
    """The signed integer of the same size."""
    return np.dtype(f"i{dtype.itemsize}")


def computed_in(dtype: DType) -> DType:
    """The format in which operations on this dtype are computed."""
    row = row_of(dtype)
    return dtype if row is None else row.computed_in


def accumulated_in(dtype: DType) -> DType:
    """The format in which NumPy's loops keep a running sum or product of one run of memory."""
    row = row_of(dtype)
    return dtype if row is None else row.accumulated_in


def finfo(dtype: DType) -> Any:
    """The limits of a float (``np.finfo``)."""
    known = import_module("ml_dtypes" if is_from_outside(dtype) else "numpy")
    return known.finfo(dtype)


def is_narrow(dtype: DType) -> bool:
    """Whether it is a float that is stored as it is and computed in another format."""
    return computed_in(dtype) != dtype


def sums_in_pairs(dtype: DType) -> bool:
    """Whether NumPy's loops sum a run of memory pairwise."""
    return is_inexact(dtype) and not is_narrow(accumulated_in(dtype))


def is_wide_float(dtype: DType) -> bool:
    """Whether it is a real float that is computed in its own format."""
    return is_float(dtype) and not is_narrow(dtype)


def digits(dtype: DType) -> int:
    """Bits of the largest run of integers that it holds, signs apart."""
    return _row(dtype).digits


def holds(big: DType, small: DType) -> bool:
    """Whether every value of ``small`` is one of ``big`` (int64 in float64 is not)."""
    if small == big or is_bool(small):
        return True
    if is_integer(small) and is_inexact(big):
        return digits(small) <= digits(big)
    return bool(np.can_cast(small, big, "safe"))


def memory_dtype(dtype: DType) -> DType:
    """What NumPy's array interface can name of the same size: itself, or raw bits of one from
    outside (see ``as_dtype``)."""
    return unsigned_like(dtype) if dtype.kind == "V" and row_of(dtype) is not None else dtype


def as_dtype(x: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """An array made of ``memory_dtype(dtype)`` as one of ``dtype``."""
    return x.view(dtype) if memory_dtype(dtype) == x.dtype != dtype else x
