"""Buffers of code without a heap: as many blocks of each size as are ever in use at a time.

Every size is known, so that the most that a call uses is counted beforehand (`blocks_of`). The
blocks are zero-initialised data of the object; a call takes and gives them as it would from a heap,
and begins with all of them free. Two calls at a time, from an interrupt say, would share them.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Mapping

from tracejit.export.rules import refused
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import product
from tracejit.ir.program import Program
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType
from tracejit.llvm_text.lower_function import FunctionText, Module, Pointer, Rule
from tracejit.records import dataclass

RESET = "tj_free_blocks"


@dataclass(frozen=True)
class Blocks:
    """How many blocks of each size in bytes there are."""

    counts: Mapping[int, int]

    def rules(self) -> dict[str, Rule]:
        """What lowers allocations."""
        return {"alloc": _alloc, "free": _free, "tape": _no_tape}

    def text(self) -> str:
        """LLVM text of the blocks, and of what takes one, gives one, and frees all."""
        parts = [_POOL.format(size=size, count=n) for size, n in sorted(self.counts.items())]
        reset = [
            f"  call void @llvm.memset.p0.i64(ptr @used.{size}, i8 0, i64 {n}, i1 false)"
            for size, n in sorted(self.counts.items())
        ]
        if reset:
            parts.append("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        head = f"define internal void @{RESET}() #0 {{"
        return "\n".join([*parts, head, *reset, "  ret void", "}", ""])


def blocks_of(program: Program) -> Blocks:
    """The blocks that a program needs. UnsupportedError for memory of which the run decides the
    size or the number."""
    most: Counter[int] = Counter()
    _walk(program.host, Counter(), most)
    return Blocks(most)


def without_stack(module: Module, program: Program) -> FunctionText:
    """Begins the host function, with small buffers among the blocks: stacks are small."""
    return FunctionText(module, kernel=False)


#: How many buffers more an instruction leaves.
_CHANGES = {"alloc": 1, "free": -1}


def _size(buffer: Value, instr: Instr) -> int:
    assert isinstance(buffer.type, BufferType)
    count = product(buffer.type.shape)
    if not isinstance(count, int):
        refused(instr, "without a heap, the size of each array is a number")
    return max(16, (count * buffer.dtype.itemsize + 15) & -16)


def _walk(function: Function, live: Counter[int], most: Counter[int]) -> Counter[int]:
    """What is in use after a region that begins with ``live``; ``most`` is kept up to date."""
    live = Counter(live)
    for instr in function.instrs:
        if instr.has(Trait.LAUNCHES):
            continue
        change = _CHANGES.get(instr.name)
        if change is not None:
            (buffer,) = instr.operands or instr.results
            live[_size(buffer, instr)] += change
        found = [(_walk(r, live, most), r.diverges) for r in instr.regions]
        after = [inside for inside, diverges in found if not diverges]
        if instr.has(Trait.REPEATS_REGION):
            if any(inside - live for inside in after):
                refused(instr, "without a heap, a loop cannot keep more memory at each step")
        elif after:
            live = functools.reduce(operator.or_, after)
        most |= live
    return live


def _alloc(f: FunctionText, instr: Instr) -> None:
    f.env[instr.result] = f.call_pointer(f"@take.{_size(instr.result, instr)}(ptr %ctx)")


def _free(f: FunctionText, instr: Instr) -> None:
    (buffer,) = instr.operands
    at: Pointer = f.pointer(buffer)
    f.e.line(f"call void @give.{_size(buffer, instr)}({at})")


def _no_tape(f: FunctionText, instr: Instr) -> None:
    refused(
        instr,
        "without a heap, the gradient of a loop of which the run decides the length has no memory "
        "for the way back",
    )


_POOL = """@blocks.{size} = internal global [{count} x [{size} x i8]] zeroinitializer, align 16
@used.{size} = internal global [{count} x i8] zeroinitializer

define internal ptr @take.{size}(ptr %ctx) #0 {{
entry:
  br label %look
look:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %flag = getelementptr i8, ptr @used.{size}, i64 %k
  %used = load i8, ptr %flag
  %free = icmp eq i8 %used, 0
  br i1 %free, label %found, label %next
next:
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, {count}
  br i1 %more, label %look, label %none
found:
  store i8 1, ptr %flag
  %offset = mul i64 %k, {size}
  %block = getelementptr i8, ptr @blocks.{size}, i64 %offset
  ret ptr %block
none:
  store i64 -2, ptr %ctx
  ret ptr null
}}

define internal void @give.{size}(ptr %block) #0 {{
  %at = ptrtoint ptr %block to i64
  %first = ptrtoint ptr @blocks.{size} to i64
  %offset = sub i64 %at, %first
  %near = trunc i64 %offset to i32
  %k = udiv i32 %near, {size}
  %flag = getelementptr i8, ptr @used.{size}, i32 %k
  store i8 0, ptr %flag
  ret void
}}
"""
