"""Memory: loads and stores by byte address, allocations, views, literal arrays, tapes.

A bool is a byte in memory and one bit in a register; a complex number is two floats side by side.
A tape is 24 bytes owned by the call: data pointer, bytes used, bytes there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_complex, part_of
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.scalar.emit import I64, ComplexPair, DType
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, TensorType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer, Rule, number

#: Buffers of at most this many bytes, freed where they are made, lie on the stack.
STACK_BYTES = 1024
#: All of them together; threads may have small stacks.
STACK_TOTAL = 1 << 16
_BYTE = np.dtype(np.uint8)


def _type(buffer: Value) -> BufferType:
    assert isinstance(buffer.type, BufferType)
    return buffer.type


def address(f: FunctionText, buffer: Value, index: Sequence[Value]) -> Pointer:
    """Where one element lies."""
    offset = f.const(0)
    for i, stride in zip(index, _type(buffer).strides, strict=True):
        offset = f.add(offset, f.mul(f.scalar(i), f.dim(stride)))
    return f.at(f.pointer(buffer), offset)


def load_scalar(f: FunctionText, at: Pointer, dtype: DType, alignment: int = 0) -> Any:
    """One element from memory. `alignment`: of its address, where that is more than its own."""
    e, known = f.e, _align(alignment)
    if is_complex(dtype):
        part = part_of(dtype)
        high = f.at(at, part.itemsize)
        return ComplexPair(
            e.op(part, f"load {llvm_type(part)}, {at}{known}"),
            e.op(part, f"load {llvm_type(part)}, {high}"),
        )
    if is_bool(dtype):  # NumPy takes any nonzero byte for true
        return e.icmp("ne", e.op(_BYTE, f"load i8, {at}{known}"), Reg("0", _BYTE))
    return e.op(dtype, f"load {llvm_type(dtype)}, {at}{known}")


def store_scalar(f: FunctionText, at: Pointer, scalar: Any, alignment: int = 0) -> None:
    """One element to memory."""
    known = _align(alignment)
    if isinstance(scalar, ComplexPair):
        f.e.line(f"store {scalar.re}, {at}{known}")
        f.e.line(f"store {scalar.im}, {f.at(at, scalar.re.dtype.itemsize)}")
    elif isinstance(scalar, Reg) and is_bool(scalar.dtype):
        f.e.line(f"store {f.e.int_cast(scalar, _BYTE)}, {at}{known}")
    else:
        f.e.line(f"store {scalar}, {at}{known}")


def _align(alignment: int) -> str:
    return f", align {alignment}" if alignment else ""


def _load(f: FunctionText, instr: Instr) -> None:
    buffer, *index = instr.operands
    f.env[instr.result] = load_scalar(f, address(f, buffer, index), buffer.dtype)


def _store(f: FunctionText, instr: Instr) -> None:
    if not f.stores:
        return
    buffer, value, *index = instr.operands
    store_scalar(f, address(f, buffer, index), f.scalar(value))


def _view(f: FunctionText, instr: Instr) -> None:
    base, offset = instr.operands
    # A window of an empty array may start anywhere.
    f.env[instr.result] = f.at(f.pointer(base), f.scalar(offset), bound="")


# -- allocations -------------------------------------------------------------------------------


def byte_count(f: FunctionText, type_: TensorType | BufferType) -> Reg:
    """Bytes of a dense array; -1, which no allocation can have, when they are too many to count."""
    known = type_.dtype.itemsize
    unknown: list[Dim] = []
    for extent in type_.shape:
        if isinstance(extent, int):
            known *= extent
        else:
            unknown.append(extent)
    if not unknown or known == 0:
        return f.const(known)
    if len(unknown) == 1:
        return f.mul(f.dim(unknown[0]), f.const(known))
    total, over = f.dim(unknown[0]), Reg("false", np.dtype(np.bool_))
    for extent in [*unknown[1:], known]:
        total, wraps = f.e.smul_overflow(total, f.dim(extent))
        over = f.e.ior(over, wraps)
    return f.e.select(over, f.const(-1), total)


def _alloc(f: FunctionText, instr: Instr) -> None:
    type_ = _type(instr.result)
    size = byte_count(f, type_)
    known = number(size)
    if instr.result in f.on_stack and known is not None and f.stack_bytes + known > STACK_TOTAL:
        f.on_stack.discard(instr.result)
    if instr.result in f.on_stack and known is not None:
        f.stack_bytes += known
        f.env[instr.result] = f.stack(f"[{max(known, 1)} x i8]", align=64)
        return
    f.module.declare("declare ptr @tj_alloc(ptr, i64)")
    f.env[instr.result] = f.call_pointer(f"@tj_alloc(ptr %ctx, {size})")


def _free(f: FunctionText, instr: Instr) -> None:
    (buffer,) = instr.operands
    if buffer not in f.on_stack:
        f.module.declare("declare void @tj_free(ptr, ptr)")
        f.e.line(f"call void @tj_free(ptr %ctx, {f.pointer(buffer)})")


def stack_buffers(function: Function) -> set[Value]:
    """Small allocations of a host function, at any depth, that end where they began."""
    made = {
        i.result
        for i in function.instrs
        if i.has(Trait.ALLOCATES) and _small(_type(i.result)) and i.result not in function.results
    }
    freed = {v for i in function.instrs if i.has(Trait.FREES) for v in i.operands}
    moved = {v for i in function.instrs if i.has(Trait.LOOP) for v in RegionOp(i).inits}
    found = (made & freed) - moved
    for instr in function.instrs:
        if not instr.has(Trait.LAUNCHES):
            for region in instr.regions:
                found |= stack_buffers(region)
    return found


def _small(type_: BufferType) -> bool:
    size = product(type_.shape)
    return isinstance(size, int) and size * type_.dtype.itemsize <= STACK_BYTES


def _const_buffer(f: FunctionText, instr: Instr) -> None:
    data = instr.attrs["value"].array.tobytes()
    text = "\\" + data.hex("\\") if data else ""
    body = f'constant [{len(data)} x i8] c"{text}", align 64'
    found = next((k for k, v in f.module.tables.items() if v.endswith(body)), None)
    symbol = found or f"@array.{len(f.module.tables)}"
    f.module.tables[symbol] = f"{symbol} = internal unnamed_addr {body}"
    f.env[instr.result] = Pointer(symbol)


# -- tapes -------------------------------------------------------------------------------------

# Some room is always left: where nothing but empty arrays was pushed there is memory too.
_RESERVE = """define internal ptr @tape_reserve(ptr %ctx, ptr %tape, i64 %bytes) #0 {
entry:
  %usedp = getelementptr i8, ptr %tape, i64 8
  %roomp = getelementptr i8, ptr %tape, i64 16
  %data = load ptr, ptr %tape
  %used = load i64, ptr %usedp
  %room = load i64, ptr %roomp
  %after = add i64 %used, %bytes
  %fits = icmp ult i64 %after, %room
  br i1 %fits, label %done, label %grow
grow:
  %twice = shl i64 %room, 1
  %least = call i64 @llvm.umax.i64(i64 %twice, i64 4096)
  %wanted = call i64 @llvm.umax.i64(i64 %least, i64 %after)
  %more = call ptr @tj_realloc(ptr %ctx, ptr %data, i64 %wanted)
  %null = icmp eq ptr %more, null
  br i1 %null, label %fail, label %grown
grown:
  store ptr %more, ptr %tape
  store i64 %wanted, ptr %roomp
  br label %done
done:
  %now = phi ptr [ %data, %entry ], [ %more, %grown ]
  store i64 %after, ptr %usedp
  %at = getelementptr i8, ptr %now, i64 %used
  ret ptr %at
fail:
  ret ptr null
}"""


def _tape(f: FunctionText, instr: Instr) -> None:
    f.module.declare("declare ptr @tj_alloc_zero(ptr, i64)")
    f.env[instr.result] = f.call_pointer("@tj_alloc_zero(ptr %ctx, i64 24)")


def _place(f: FunctionText, values: Sequence[Value]) -> tuple[list[Reg], list[Reg], Reg]:
    """Offsets, sizes and total of tape contents, each starting at a multiple of 8."""
    offsets, sizes, total = [], [], f.const(0)
    for value in values:
        type_ = value.type
        assert isinstance(type_, TensorType | BufferType)
        size = byte_count(f, type_)
        known = number(size)
        if known is not None:
            padded = f.const((known + 7) & -8)
        elif type_.dtype.itemsize % 8 == 0:
            padded = size
        else:
            padded = f.e.iand(f.add(size, f.const(7)), f.const(-8))
        offsets.append(total)
        sizes.append(size)
        total = _sum(f, total, padded)
    return offsets, sizes, total


def _sum(f: FunctionText, a: Reg, b: Reg) -> Reg:
    x, y = number(a), number(b)
    return f.add(a, b) if x is None or y is None else f.const(x + y)


def _copy(f: FunctionText, to: Pointer, source: Pointer, size: Reg) -> None:
    f.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    f.e.line(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {size}, i1 false)")


def _push(f: FunctionText, instr: Instr) -> None:
    tape, *values = instr.operands
    offsets, sizes, total = _place(f, values)
    f.module.declare("declare ptr @tj_realloc(ptr, ptr, i64)")
    f.module.declare("declare i64 @llvm.umax.i64(i64, i64)")
    f.module.once("@tape_reserve", _RESERVE)
    top = f.call_pointer(f"@tape_reserve(ptr %ctx, {f.pointer(tape)}, {total})")
    for value, offset, size in zip(values, offsets, sizes, strict=True):
        at = f.at(top, offset)
        if isinstance(value.type, BufferType):
            _copy(f, at, f.pointer(value), size)
        else:
            store_scalar(f, at, f.scalar(value))
    f.env[instr.result] = f.pointer(tape)


def _pop(f: FunctionText, instr: Instr) -> None:
    tape, *dests = instr.operands
    after, *scalars = instr.results
    buffers, rest = iter(dests), iter(scalars)
    values = [next(buffers) if is_array else next(rest) for is_array in instr.attrs["order"]]
    offsets, sizes, total = _place(f, values)
    where = f.pointer(tape)
    used = f.at(where, 8)
    before = f.e.op(I64, f"load i64, {used}")
    left = f.e.isub(before, total)
    f.e.line(f"store {left}, {used}")
    data = Pointer(f.e.fresh())
    f.e.line(f"{data.text} = load ptr, {where}")
    top = f.at(data, left)
    for value, offset, size in zip(values, offsets, sizes, strict=True):
        at = f.at(top, offset)
        if isinstance(value.type, BufferType):
            _copy(f, f.pointer(value), at, size)
        else:
            f.env[value] = load_scalar(f, at, value.dtype)
    f.env[after] = where


def _constant(f: FunctionText, instr: Instr) -> None:
    array = instr.attrs["value"].array
    assert array.ndim == 0, "a literal array is a const_buffer here"
    f.env[instr.result] = f.e.const(array[()], array.dtype)


MEMORY: dict[str, Rule] = {
    "constant": _constant,
    "load": _load,
    "fetch": _load,
    "store": _store,
    "view": _view,
    "alloc": _alloc,
    "free": _free,
    "const_buffer": _const_buffer,
    "tape": _tape,
    "tape_push": _push,
    "tape_pop": _pop,
}
