"""`gemm` as calls of a function that multiplies two matrices, one call for each of a stack."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.core import Instr
from tracejit.ir.extent import Dim
from tracejit.ir.types import BufferType
from tracejit.llvm_text.loops import poll
from tracejit.llvm_text.lower_function import FunctionText, Pointer

#: Matrices of a stack from one question for Ctrl-C to the next.
_EVERY = 8


def call_products(f: FunctionText, symbol: str, instr: Instr) -> None:
    """Calls `symbol(a, as0, as1, b, bs0, bs1, c, cs0, cs1, m, n, k, add)`; strides in bytes."""
    first = [f.pointer(v) for v in instr.operands]
    if instr.operands[0].rank == 2:
        _call(f, symbol, instr, first)
        return
    e = f.e
    a = instr.operands[0]
    count = f.dim(a.shape[0])
    steps = [f.dim(_strides(instr, k)[0]) for k in range(3)]
    at = f.stack("i64")
    e.line(f"store i64 0, {at}")
    head, body, ask, on, after = map(e.fresh_label, ("stack", "matrix", "poll", "next", "after"))
    e.line(f"br label %{head}")
    e.label(head)
    i = f.e.op(count.dtype, f"load i64, {at}")
    e.line(f"br {e.icmp('lt', i, count)}, label %{body}, label %{after}")
    e.label(body)
    moved = [f.at(p, e.imul(i, step), bound="") for p, step in zip(first, steps, strict=True)]
    _call(f, symbol, instr, moved)
    step = e.iadd(i, f.const(1))
    e.line(f"store {step}, {at}")
    due = e.icmp("eq", e.iand(step, f.const(_EVERY - 1)), f.const(0))
    e.line(f"br {due}, label %{ask}, label %{on}")
    e.label(ask)
    poll(f)
    e.line(f"br label %{on}")
    e.label(on)
    e.line(f"br label %{head}")
    e.label(after)


def _call(f: FunctionText, symbol: str, instr: Instr, pointers: Sequence[Pointer]) -> None:
    operands = []
    for k, pointer in enumerate(pointers):
        operands += [str(pointer), *(str(f.dim(s)) for s in _strides(instr, k)[-2:])]
    a, b, _ = instr.operands
    sizes = [str(f.dim(d)) for d in (a.shape[-2], b.shape[-1], a.shape[-1])]
    adds = f"i1 {str(instr.attrs.get('beta', 0) == 1).lower()}"
    f.e.line(f"call void {symbol}({', '.join([*operands, *sizes, adds])})")


def _strides(instr: Instr, k: int) -> Sequence[Dim]:
    type_ = instr.operands[k].type
    assert isinstance(type_, BufferType)
    return type_.strides
