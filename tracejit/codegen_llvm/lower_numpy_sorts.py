"""Sorts by the C functions that NumPy itself runs, by address: line after line of the last axis.

Selections are calls of NumPy's C API (`partition_text.py`), along any axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tracejit.abi import numpy_loops
from tracejit.ir.core import Value
from tracejit.ir.extent import product
from tracejit.ir.ops.extern import Reference
from tracejit.ir.types import BufferType
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.nested import plain

Operands = Sequence[Value]
Host = Callable[[FunctionText], None]
#: The code of one call; the last argument writes the call of NumPy in its place.
Lowering = Callable[[FunctionText, Operands, Operands, Host], None]
#: What lowers a call, or None where NumPy makes it.
LoopRule = Callable[[Reference, Operands, Operands], Lowering | None]

#: Of each line the places from 0 on, which an `argsort` puts in order.
_COUNT = """  %first = mul nsw i64 %i, %n
  %places = getelementptr inbounds i64, ptr %order, i64 %first
  br label %count
count:
  %k = phi i64 [ 0, %line ], [ %k1, %count ]
  store i64 %k, ptr %places[i64 %k]
  %k1 = add nuw nsw i64 %k, 1
  br i1 (icmp slt i64 %k1, %n), label %count, label %run
run:
"""


def _lines(name: str, order: str, count: str, places: str) -> str:
    """A function that runs a sort on every line, whose error is a lack of memory."""
    return plain(f"""define internal i32 @{name}(ptr %ctx, ptr %sort, ptr %data, {order}i64 %lines,
    i64 %n, i64 %bytes) #0 {{
entry:
  br i1 (and i1 (icmp sgt i64 %lines, 0), (icmp sgt i64 %n, 0)), label %line, label %done
line:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %at = mul nsw i64 %i, %bytes
  %start = getelementptr inbounds i8, ptr %data, i64 %at
{count}  %status = call i32 %sort(ptr %start, {places}i64 %n, ptr null)
  br i1 (icmp slt i32 %status, 0), label %short, label %next
next:
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %lines), label %line, label %done
done:
  ret i32 0
short:
  store i64 -2, ptr %ctx
  ret i32 1
}}""")


_SORT = _lines("numpy_sort_lines", "", "", "")
_ARGSORT = _lines("numpy_argsort_lines", "ptr %order, ", _COUNT, "ptr %places, ")


def _sort(
    call: Reference, operands: Operands, results: Operands, *, places: bool = False
) -> Lowering | None:
    """``places``: the order is wanted, not the numbers in order."""
    attrs, x = dict(call.attrs), operands[0]
    symbol = numpy_loops.sort_symbol(call.name, attrs["kind"], x.dtype)
    if symbol is None or not isinstance(x.type, BufferType) or attrs["axis"] != x.rank - 1:
        return None
    *lead, n = x.shape

    def run(f: FunctionText, operands: Operands, results: Operands, _: Host) -> None:
        address = numpy_loops.symbol_address(symbol)
        assert address is not None
        f.module.symbols[symbol] = address
        line = f.mul(f.dim(n), f.const(x.dtype.itemsize))
        lines = f.dim(product(tuple(lead)))
        data, out = f.pointer(operands[0]), f.pointer(results[0])
        sizes = f"i64 {lines.text}, i64 {f.dim(n).text}, i64 {line.text}"
        if places:
            f.module.declare(f"declare i32 @{symbol}(ptr, ptr, i64, ptr)")
            f.module.once("@numpy_argsort_lines", _ARGSORT)
            f.call_status(f"@numpy_argsort_lines(ptr %ctx, ptr @{symbol}, {data}, {out}, {sizes})")
            return
        f.module.declare(f"declare i32 @{symbol}(ptr, i64, ptr)")
        f.module.declare("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
        f.module.once("@numpy_sort_lines", _SORT)
        whole = f.mul(lines, line)
        f.e.line(f"call void @llvm.memmove.p0.p0.i64({out}, {data}, i64 {whole.text}, i1 false)")
        f.call_status(f"@numpy_sort_lines(ptr %ctx, ptr @{symbol}, {out}, {sizes})")

    return run


def _partition(
    call: Reference, operands: Operands, results: Operands, *, places: bool = False
) -> Lowering | None:
    """As `_sort`; ``kth`` is an operand, in memory as well."""
    axis, (x, _) = dict(call.attrs)["axis"], operands
    if not numpy_loops.partitions(x.dtype) or not isinstance(x.type, BufferType):
        return None

    def run(f: FunctionText, operands: Operands, results: Operands, _: Host) -> None:
        (given, kth), made = operands, results[0]
        assert isinstance(made.type, BufferType)
        data, out = f.pointer(given), f.pointer(made)
        whole = f.dim(product(made.shape) * made.dtype.itemsize)
        if not places:
            f.module.declare("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
            f.e.line(
                f"call void @llvm.memmove.p0.p0.i64({out}, {data}, i64 {whole.text}, i1 false)"
            )
        slot = _described(f, data if places else out, given)
        order = out if places else Pointer("null")
        f.module.declare("declare i32 @tj_partition(ptr, ptr, i32, i32, i32, ptr, i64, ptr, i64)")
        form = f"i32 {x.dtype.num}, i32 {x.rank}, i32 {axis}"
        count = f.dim(kth.shape[0]).text
        f.call_status(
            f"@tj_partition(ptr %ctx, {slot}, {form}, {f.pointer(kth)}, i64 {count}, {order}, "
            f"i64 {whole.text})"
        )

    return run


def _described(f: FunctionText, data: Pointer, value: Value) -> Pointer:
    """A pointer, extents and strides in memory, as `tj_array_at` takes them."""
    type_ = value.type
    assert isinstance(type_, BufferType)
    slot = f.stack(f"[{1 + 2 * type_.rank} x i64]")
    f.e.line(f"store {data}, {slot}")
    for k, dim in enumerate((*type_.shape, *type_.strides), 1):
        f.e.line(f"store {f.dim(dim)}, {f.at(slot, 8 * k)}")
    return slot


SORTS: dict[str, LoopRule] = {
    "sort": _sort,
    "argsort": partial(_sort, places=True),
    "partition": _partition,
    "argpartition": partial(_partition, places=True),
}
