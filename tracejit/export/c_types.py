"""What C and LLVM call the numbers of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, is_float, is_integer, is_signed, part_of
from tracejit.errors import UnsupportedError


def c_type(dtype: np.dtype[Any]) -> str:
    """The C type of an element. Floats of 16 bits are their bits."""
    if is_bool(dtype):
        return "bool"
    if is_complex(dtype):
        return f"tracejit_complex{8 * dtype.itemsize}"
    if is_float(dtype):
        return {4: "float", 8: "double"}.get(dtype.itemsize, f"uint{8 * dtype.itemsize}_t")
    assert is_integer(dtype), dtype
    return f"{'' if is_signed(dtype) else 'u'}int{8 * dtype.itemsize}_t"


def passed_as(dtype: np.dtype[Any]) -> tuple[str, str]:
    """How C passes a number by value, and what LLVM calls that. UnsupportedError for floats of 16
    bits, which C compilers pass in different ways."""
    if is_complex(dtype):
        dtype = part_of(dtype)
    if is_float(dtype):
        if dtype.itemsize not in (4, 8):
            raise UnsupportedError(
                f"a number of {dtype} cannot be passed to C: pass an array, or a float32"
            )
        return (c_type(dtype), "float" if dtype.itemsize == 4 else "double")
    return c_type(dtype), f"i{8 * dtype.itemsize}"


def c_text(text: str) -> str:
    """A string literal."""
    quoted = (
        text.encode().decode("latin-1").translate({92: "\\\\", 34: '\\"', 10: "\\n", 63: "\\?"})
    )
    return '"' + "".join(c if " " <= c <= "~" else f"\\{ord(c):03o}" for c in quoted) + '"'
