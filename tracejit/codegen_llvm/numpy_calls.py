"""Calls of NumPy's own loops: their arguments in memory, and what is done where they fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.abi import numpy_loops
from tracejit.codegen_llvm.lower_numpy_sorts import Host
from tracejit.dtypes import is_complex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.scalar.emit import BOOL, DType
from tracejit.ir.types import DTYPES, BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar

_FE_INVALID, _FE_ALL = 1, 0x1F


def declared(f: FunctionText, place: str, types: str) -> tuple[Pointer, Pointer]:
    """A loop and its data."""
    found = numpy_loops.core_loop(place, types)
    assert found is not None
    loop = numpy_loops.loop_symbol(place, types)
    f.module.declare(f"declare void @{loop}(ptr, ptr, ptr, ptr)")
    f.module.symbols[loop] = found[0]
    if not found[1]:
        return Pointer(f"@{loop}"), Pointer("null")
    data = numpy_loops.data_of(loop)
    f.module.tables[f"@{data}"] = f"@{data} = external global i8"
    f.module.symbols[data] = found[1]
    return Pointer(f"@{loop}"), Pointer(f"@{data}")


def words(f: FunctionText, sizes: Sequence[Dim]) -> Pointer:
    """Numbers in memory, as a loop takes its extents and steps."""
    at = f.stack(f"[{len(sizes)} x i64]")
    for k, word in enumerate(sizes):
        f.e.line(f"store i64 {f.dim(word).text}, {f.at(at, 8 * k)}")
    return at


def in_double(dtype: DType) -> DType:
    """What NumPy computes factors in, always."""
    return DTYPES["c128" if is_complex(dtype) else "f64"]


def fill(f: FunctionText, flags: Pointer, flag: int, count: Dim) -> None:
    """So many flags, all alike."""
    f.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    last = f"i8 {flag}, i64 {f.dim(count).text}, i1 false"
    f.e.line(f"call void @llvm.memset.p0.i64({flags}, {last})")


def place(f: FunctionText, value: Value) -> Pointer:
    """Where a result goes: a scalar to the stack, from which `or_host` takes it."""
    return f.pointer(value) if isinstance(value.type, BufferType) else f.stack("[16 x i8]", 16)


def strides(shape: Sequence[Dim], size: int) -> list[Dim]:
    """Bytes between elements in C order."""
    found: list[Dim] = []
    step: Dim = size
    for extent in reversed(shape):
        found.insert(0, step)
        step = step * extent
    return found


def pointers(f: FunctionText, places: Sequence[Pointer]) -> Pointer:
    """Addresses in memory, as a loop takes its operands and results."""
    at = f.stack(f"[{len(places)} x ptr]")
    for k, one in enumerate(places):
        f.e.line(f"store {one}, {f.at(at, 8 * k)}")
    return at


def flagged(f: FunctionText, flags: tuple[int, int], *calls: str) -> Reg:
    """Make calls; whether they left the flag of an invalid operation."""
    f.module.symbols |= dict(zip(numpy_loops.FLAGS, flags, strict=True))
    for name in numpy_loops.FLAGS:
        f.module.declare(f"declare i32 @{name}(i32)")
    clear, test = numpy_loops.FLAGS
    f.e.line(f"{f.e.fresh()} = call i32 @{clear}(i32 {_FE_ALL})")
    for call in calls:
        f.e.line(call)
    found = f.e.fresh()
    f.e.line(f"{found} = call i32 @{test}(i32 {_FE_INVALID})")
    return f.e.op(BOOL, f"icmp ne i32 {found}, 0")


def or_host(
    f: FunctionText,
    failed: Reg,
    results: Sequence[Value],
    places: Sequence[Pointer],
    host: Host,
    finish: Callable[[], None],
    free: Callable[[], None],
) -> None:
    """Where a loop failed, NumPy does it all again, for what is to be said of each matrix; else
    `finish()`. Results that are scalars are then in the registers of the program."""
    again, good, done = (f.e.fresh_label(hint) for hint in ("again", "good", "done"))
    f.e.line(f"br {failed}, label %{again}, label %{good}")
    scalars = [
        (value, at)
        for value, at in zip(results, places, strict=True)
        if not isinstance(value.type, BufferType)
    ]
    f.e.label(again)
    free()
    host(f)
    for value, at in scalars:
        store_scalar(f, at, f.scalar(value))
    f.e.line(f"br label %{done}")
    f.e.label(good)
    finish()
    free()
    f.e.line(f"br label %{done}")
    f.e.label(done)
    for value, at in scalars:
        f.env[value] = load_scalar(f, at, value.dtype)
    f.module.leaves_errors = True
