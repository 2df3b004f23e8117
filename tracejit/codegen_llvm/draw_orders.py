"""Plans of random orders: `shuffle` and `permutation`, by the algorithm of Fisher and Yates."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.abi import generators
from tracejit.codegen_llvm.draws import Draw, Drawing, DrawPlan, is_number, numpy_function
from tracejit.ir.core import Value
from tracejit.ir.extent import product
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import store_scalar

_SHUFFLE = """
define internal void @shuffle_rows(ptr %interface, ptr %data, i64 %n, i64 %bytes) {
entry:
  br label %head
head:
  %i1 = phi i64 [ %n, %entry ], [ %i, %next ]
  %i = add i64 %i1, -1
  %more = icmp sgt i64 %i, 0
  br i1 %more, label %draw, label %done
draw:
  %j = call i64 @random_interval(ptr %interface, i64 %i)
  %io = mul i64 %i, %bytes
  %jo = mul i64 %j, %bytes
  %ip = getelementptr i8, ptr %data, i64 %io
  %jp = getelementptr i8, ptr %data, i64 %jo
  br label %bytes_of
bytes_of:
  %k = phi i64 [ 0, %draw ], [ %k1, %swap ]
  %left = icmp ult i64 %k, %bytes
  br i1 %left, label %size, label %next
size:
  %rest = sub i64 %bytes, %k
  %ik = getelementptr i8, ptr %ip, i64 %k
  %jk = getelementptr i8, ptr %jp, i64 %k
  %whole = icmp uge i64 %rest, 8
  br i1 %whole, label %word, label %byte
word:
  %a = load i64, ptr %ik, align 1
  %b = load i64, ptr %jk, align 1
  store i64 %b, ptr %ik, align 1
  store i64 %a, ptr %jk, align 1
  br label %swap
byte:
  %c = load i8, ptr %ik
  %d = load i8, ptr %jk
  store i8 %d, ptr %ik
  store i8 %c, ptr %jk
  br label %swap
swap:
  %step = phi i64 [ 8, %word ], [ 1, %byte ]
  %k1 = add i64 %k, %step
  br label %bytes_of
next:
  br label %head
done:
  ret void
}
"""


def order_plan(draw: Draw) -> DrawPlan | None:
    """`shuffle` along the first axis, and `permutation`: what is drawn is the same."""
    x = draw.given.get("x")
    if set(draw.given) != {"x"} or not draw.sized:
        return None
    array = isinstance(x, Value) and isinstance(x.type, BufferType)
    fits = x.type == draw.result.type if array else is_number(x, "i8")  # type: ignore[union-attr]
    if not fits or generators.distribution("random_interval") is None:
        return None
    return DrawPlan(lambda f, d, c: _shuffled(f, d, x if array else None, c))


def _shuffled(f: FunctionText, draw: Draw, of: Value | None, conditions: list[Reg]) -> Drawing:
    to = draw.result
    n, total = f.dim(to.shape[0]), f.dim(draw.count)
    conditions.append(f.e.icmp("gt", total, f.const(0)))
    row = f.mul(f.dim(product(to.shape[1:])), f.const(to.dtype.itemsize))
    numpy_function(f, "random_interval", "i64", ["ptr", "i64"])
    symbol = f.module.once("@shuffle_rows", _SHUFFLE.strip())

    def drawing(f: FunctionText, interface: Pointer) -> None:
        data = f.pointer(to)
        if of is None:
            _counted(f, data, n)
        else:
            f.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            size = f.mul(total, f.const(to.dtype.itemsize))
            f.e.line(f"call void @llvm.memcpy.p0.p0.i64({data}, {f.pointer(of)}, {size}, i1 false)")
        f.e.line(f"call void {symbol}({interface}, {data}, {n}, {row})")

    return drawing


def _counted(f: FunctionText, data: Pointer, n: Reg) -> None:
    """0, 1, 2, …"""

    def body(carried: tuple[Reg, ...]) -> Sequence[Reg]:
        (k,) = carried
        store_scalar(f, f.at(data, f.mul(k, f.const(8))), k)
        return [f.add(k, f.const(1))]

    f.e.while_loop([f.const(0)], lambda c: f.e.icmp("lt", c[0], n), body)
