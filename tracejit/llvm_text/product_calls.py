"""`gemm` as calls that multiply two matrices, one call for each of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tracejit.ir.core import Instr
from tracejit.ir.extent import Dim
from tracejit.ir.types import BufferType
from tracejit.llvm_text.loops import poll
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.records import dataclass

#: Matrices of a stack from one question for Ctrl-C to the next.
_EVERY = 8


@dataclass(frozen=True)
class Product:
    """c = a @ b, or c += a @ b where it ``adds``: pointers of a, b and c, the strides of each in
    bytes, and m, n and k of c[m, n] = a[m, k] @ b[k, n]."""

    pointers: Sequence[str]
    strides: Sequence[Sequence[Dim]]
    sizes: Sequence[Dim]
    adds: bool

    @property
    def is_known(self) -> bool:
        """Whether all sizes and strides are numbers."""
        return all(isinstance(d, int) for dims in (*self.strides, self.sizes) for d in dims)

    def matrices(self) -> Iterator[tuple[str, Any, Any]]:
        """Pointer, strides and sizes of each of the three."""
        m, n, k = self.sizes
        sizes = (m, k), (k, n), (m, n)
        for pointer, strides, shape in zip(self.pointers, self.strides, sizes, strict=True):
            yield pointer, tuple(strides), shape

    def call(self, f: FunctionText, symbol: str) -> str:
        """The call of `symbol(a, as0, as1, b, bs0, bs1, c, cs0, cs1, m, n, k, add)`."""
        operands = []
        for pointer, strides in zip(self.pointers, self.strides, strict=True):
            operands += [pointer, *(str(f.dim(s)) for s in strides)]
        operands += [str(f.dim(d)) for d in self.sizes]
        return f"call void {symbol}({', '.join(operands)}, i1 {str(self.adds).lower()})"


def call_products(f: FunctionText, instr: Instr, call: Callable[[Product], str]) -> None:
    """What ``call`` makes of a product, for each matrix of a stack."""
    first = [f.pointer(v) for v in instr.operands]
    e = f.e
    if instr.operands[0].rank == 2:
        e.line(call(_product(instr, first)))
        return
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
    e.line(call(_product(instr, moved)))
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


def _product(instr: Instr, pointers: Sequence[Pointer]) -> Product:
    a, b, _ = instr.operands
    sizes = a.shape[-2], b.shape[-1], a.shape[-1]
    strides = [_strides(instr, k)[-2:] for k in range(3)]
    return Product([str(p) for p in pointers], strides, sizes, instr.attrs.get("beta", 0) == 1)


def _strides(instr: Instr, k: int) -> Sequence[Dim]:
    type_ = instr.operands[k].type
    assert isinstance(type_, BufferType)
    return type_.strides
