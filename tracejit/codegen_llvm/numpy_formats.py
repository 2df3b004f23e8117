"""Arrays in the format that a loop of NumPy takes: copies of those that have another one.

NumPy computes factors, and most transforms, of single precision in double precision, and rounds
what it finds. So its loop gets a wider copy of an operand, and room for a wider result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.scalar.emit import I64, DType
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer

_LINE = 64


def converts(given: DType, wanted: DType) -> bool:
    """Whether there is code from one format to the other: between floats, real ones to complex
    ones too."""
    if given == wanted:
        return True
    inexact = {given.char, wanted.char} <= set("fdFD")
    return inexact and (is_complex(wanted) or not is_complex(given))


class Formats:
    """Where a loop finds its operand and puts its results, each of a format of its own.

    ``values`` are the operand and the results, ``places`` where the program has them.
    """

    def __init__(
        self,
        f: FunctionText,
        values: Sequence[Value],
        places: Sequence[Pointer],
        dtypes: Sequence[DType],
    ) -> None:
        self.f, self.values, self.dtypes, self.own = f, values, dtypes, places
        self.places: list[Pointer] = list(places)
        self.memory: Pointer | None = None
        other = [k for k, v in enumerate(values) if v.dtype != dtypes[k]]
        if not other:
            return
        sizes = [_rounded(f, _count(v) * dtypes[k].itemsize) for k, v in enumerate(values)]
        total = f.const(_LINE)
        for k in other:
            total = f.e.iadd(total, sizes[k])
        f.module.declare("declare ptr @tj_alloc(ptr, i64)")
        f.module.declare("declare void @tj_free(ptr, ptr)")
        self.memory = at = f.call_pointer(f"@tj_alloc(ptr %ctx, {total})")
        for k in other:
            self.places[k] = at
            at = f.at(at, sizes[k])
        if 0 in other:
            convert(f, values[0], places[0], values[0].dtype, self.places[0], dtypes[0])

    def deliver(self) -> None:
        """Results go where the program has them."""
        for k, value in enumerate(self.values[1:], 1):
            if self.places[k] is not self.own[k]:
                convert(self.f, value, self.places[k], self.dtypes[k], self.own[k], value.dtype)

    def free(self) -> None:
        """Give back the memory of the copies."""
        if self.memory is not None:
            self.f.e.line(f"call void @tj_free(ptr %ctx, {self.memory})")


def _count(value: Value) -> Dim:
    return product(value.shape) if isinstance(value.type, BufferType) else 1


def _rounded(f: FunctionText, size: Dim) -> Reg:
    """Whole lines of a cache."""
    if isinstance(size, int):
        return f.const(-(-size // _LINE) * _LINE)
    more = f.add(f.dim(size), f.const(_LINE - 1))
    return f.e.op(I64, f"and {more}, {-_LINE}")


def convert(
    f: FunctionText, value: Value, source: Pointer, given: DType, dest: Pointer, wanted: DType
) -> None:
    """All numbers of ``value``, which are at ``source`` in one format, to ``dest`` in another."""
    count = _count(value)
    if is_complex(given):  # both parts alike
        count = count * 2
    a, b = (part_of(d) if is_complex(d) else d for d in (given, wanted))
    parts = 1 + (is_complex(wanted) and not is_complex(given))
    symbol = f"@numpy_from_{given.char}_to_{wanted.char}"
    f.module.once(symbol, _text(symbol, a, b, parts))
    f.e.line(f"call void {symbol}({source}, {dest}, {f.dim(count)})")


def _text(symbol: str, given: DType, wanted: DType, parts: int) -> str:
    """``parts``: numbers of the one format for each of the other; the second one is zero."""
    a, b = llvm_type(given), llvm_type(wanted)
    size = np.dtype(wanted).itemsize
    step = "%x" if given == wanted else "%y"
    cast = "" if given == wanted else f"  %y = {_cast(given, wanted)} {a} %x to {b}\n"
    rest = (
        ""
        if parts == 1
        else f"""  %second = getelementptr inbounds i8, ptr %to, i64 {size}
  store {b} 0.0, ptr %second, align {size}
"""
    )
    return f"""define internal void {symbol}(ptr noalias %source, ptr noalias %dest, i64 %n) #0 {{
entry:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %loop, label %done
loop:
  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]
  %from = getelementptr inbounds {a}, ptr %source, i64 %i
  %at = mul nsw i64 %i, {parts}
  %to = getelementptr inbounds {b}, ptr %dest, i64 %at
  %x = load {a}, ptr %from
{cast}  store {b} {step}, ptr %to
{rest}  %i1 = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}"""


def _cast(given: DType, wanted: DType) -> str:
    return "fpext" if np.dtype(given).itemsize < np.dtype(wanted).itemsize else "fptrunc"
