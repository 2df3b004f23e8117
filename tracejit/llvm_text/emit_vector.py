"""`VectorEmitter`: the scalar emitter answered with LLVM vectors of a fixed number of lanes.

The same lowerings that give scalar code give vector code through it. What has no vector form
(loops) raises `NoVectorForm`; the caller then uses scalar code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.dtypes import is_bool, is_complex, is_wide_float
from tracejit.ir.scalar.emit import BOOL, I64, ComplexPair, DType
from tracejit.llvm_text.emit import LLVMEmitter, Reg, literal, llvm_type, value_of
from tracejit.records import dataclass


class NoVectorForm(Exception):  # noqa: N818  (not an error: scalar code is used)
    """Something that cannot be computed lane by lane in one register."""


@dataclass(frozen=True, eq=False)
class Lanes(Reg):
    """A vector register of `count` lanes of `dtype`."""

    count: int = 8

    @property
    def type(self) -> str:
        return f"<{self.count} x {llvm_type(self.dtype)}>"


class VectorEmitter(LLVMEmitter):
    """Writes into the lines of a scalar emitter, which also numbers its names."""

    def __init__(self, scalar: LLVMEmitter, count: int) -> None:
        super().__init__(
            scalar.lines, declares=scalar.declares, tables=scalar.tables, block=scalar.block
        )
        self.scalar = scalar
        self.count = count
        self.lanes_each = count
        self.many = True

    def fresh(self) -> str:
        return self.scalar.fresh()

    def fresh_label(self, hint: str) -> str:
        return self.scalar.fresh_label(hint)

    def label(self, name: str) -> None:
        self.scalar.label(name)
        self.block = name

    def lanes(self, text: str, dtype: DType) -> Lanes:
        """A vector by name or literal."""
        return Lanes(text, dtype, self.count)

    def type_of(self, dtype: DType) -> str:
        """The vector type of a dtype."""
        return self.lanes("", dtype).type

    def splat(self, scalar: Any) -> Any:
        """The same scalar in every lane."""
        if isinstance(scalar, ComplexPair):
            return ComplexPair(self.splat(scalar.re), self.splat(scalar.im))
        if not scalar.text.startswith("%"):
            return self.lanes(f"splat ({scalar})", scalar.dtype)
        kind = self.type_of(scalar.dtype)
        one = self.op(scalar.dtype, f"insertelement {kind} poison, {scalar}, i64 0")
        mask = f"<{self.count} x i32> zeroinitializer"
        return self.op(scalar.dtype, f"shufflevector {one}, {kind} poison, {mask}")

    def iota(self, first: Reg) -> Lanes:
        """first, first + 1, …"""
        steps = ", ".join(f"i64 {k}" for k in range(self.count))
        return self.op(I64, f"add {self.splat(first)}, <{steps}>")

    def op(self, dtype: DType, text: str) -> Lanes:
        return self.lanes(super().op(dtype, text).text, dtype)

    def const(self, value: Any, dtype: DType) -> Any:
        if is_complex(dtype):
            return super().const(value, dtype)
        return self.lanes(f"splat ({llvm_type(dtype)} {literal(value, dtype)})", dtype)

    def known(self, a: Reg) -> float | int | None:
        text = a.text.removeprefix("splat (").removesuffix(")")
        return value_of(text.split(" ")[-1], a.dtype) if text != a.text else None

    def _vector_suffix(self, dtype: DType) -> str:
        letter = "f" if is_wide_float(dtype) else "i"
        bits = 1 if is_bool(dtype) else 8 * dtype.itemsize
        return f"v{self.count}{letter}{bits}"

    def intrinsic(self, name: str, dtype: DType, *args: Reg, extra: str = "") -> Reg:
        symbol = f"@llvm.{name}.{self._vector_suffix(args[0].dtype)}"
        types = ", ".join([a.type for a in args] + (["i1"] if extra else []))
        result = self.type_of(dtype)
        self.declares[symbol] = f"declare {result} {symbol}({types})"
        operands = ", ".join([str(a) for a in args] + ([extra] if extra else []))
        return self.op(dtype, f"call {result} {symbol}({operands})")

    def _convert(self, name: str, a: Reg, dtype: DType) -> Reg:
        return self.op(dtype, f"{name} {a} to {self.type_of(dtype)}")

    def _renamed(self, a: Reg) -> Reg:
        return self.lanes(a.text, a.dtype)

    def int_cast(self, a: Reg, dtype: DType) -> Reg:
        return self._renamed(super().int_cast(a, dtype))

    def bitcast(self, a: Reg, dtype: DType) -> Reg:
        return self._renamed(super().bitcast(a, dtype))

    def _overflow(self, name: str, a: Reg, b: Reg) -> tuple[Reg, Reg]:
        raise NoVectorForm(name)

    def gather(self, base: str, offsets: Lanes, dtype: DType) -> Lanes:
        """One element from `base + offset` bytes for each lane."""
        where = self.fresh()
        self.line(f"{where} = getelementptr i8, ptr {base}, {offsets}")
        kind, pointers = self.type_of(dtype), f"<{self.count} x ptr>"
        symbol = f"@llvm.masked.gather.{self._vector_suffix(dtype)}.v{self.count}p0"
        mask = f"<{self.count} x i1>"
        self.declares[symbol] = f"declare {kind} {symbol}({pointers}, i32, {mask}, {kind})"
        align = dtype.itemsize
        return self.op(
            dtype,
            f"call {kind} {symbol}({pointers} {where}, i32 {align}, {mask} splat (i1 true), "
            f"{kind} zeroinitializer)",
        )

    def lookup(self, table: Sequence[float], index: Reg, dtype: DType) -> Reg:
        wide = self.int_cast(index, I64)
        offsets = self.op(I64, f"mul nsw {wide}, splat (i64 {dtype.itemsize})")
        return self.gather(self.table(table, dtype), offsets, dtype)

    def rarely(
        self, c: Reg, usual: Sequence[Reg], otherwise: Callable[[], Sequence[Reg]]
    ) -> tuple[Reg, ...]:
        """A branch on whether any lane is rare."""

        def chosen() -> Sequence[Reg]:
            return [self.select(c, r, u) for r, u in zip(otherwise(), usual, strict=True)]

        self.block = self.scalar.block
        symbol = f"@llvm.vector.reduce.or.v{self.count}i1"
        self.declares[symbol] = f"declare i1 {symbol}({c.type})"
        some = self.scalar.op(BOOL, f"call i1 {symbol}({c})")
        return self._branch_rarely(some, usual, chosen)

    def while_loop(
        self,
        init: Sequence[Reg],
        cond: Callable[[tuple[Reg, ...]], Reg],
        body: Callable[[tuple[Reg, ...]], Sequence[Reg]],
    ) -> tuple[Reg, ...]:
        raise NoVectorForm("a loop")
