"""`LLVMEmitter`: the abstract scalar emitter answered with lines of LLVM IR text.

Bool is `i1` in registers (how it lies in memory is the loads' and stores' matter). Names are
`%v<k>` in order of emission, so the text is the same in every run. Nothing here imports
llvmlite: text is the interface.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tracejit.dtypes import (
    is_bool,
    is_complex,
    is_float,
    is_integer,
    is_narrow,
    is_signed,
    is_unsigned,
    part_of,
    signed_like,
)
from tracejit.ir.scalar.emit import BOOL, F32, ComplexPair, DType
from tracejit.llvm_text.narrow import conversion
from tracejit.records import dataclass

_PRED_SIGNED = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}
_PRED_UNSIGNED = {"eq": "eq", "ne": "ne", "lt": "ult", "le": "ule", "gt": "ugt", "ge": "uge"}


@dataclass(frozen=True, eq=False)
class Reg:
    """An LLVM value: a register name or a literal, and the dtype it carries."""

    text: str
    dtype: DType

    @property
    def type(self) -> str:
        return llvm_type(self.dtype)

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


def llvm_type(dtype: DType) -> str:
    """The LLVM type of a real scalar in a register."""
    if is_bool(dtype):
        return "i1"
    if is_integer(dtype):
        return f"i{8 * dtype.itemsize}"
    if is_narrow(dtype):  # its bits: nothing is computed in it
        return f"i{8 * dtype.itemsize}"
    if is_float(dtype) and dtype.itemsize in (4, 8):
        return "float" if dtype.itemsize == 4 else "double"
    raise TypeError(f"no LLVM register type for {dtype}")


def literal(value: Any, dtype: DType) -> str:
    """The exact LLVM literal of `value` in `dtype` (floats as the hex of their double)."""
    if is_bool(dtype):
        return "true" if value else "false"
    if is_integer(dtype):
        bits = 8 * dtype.itemsize
        wrapped = int(value) & ((1 << bits) - 1)
        return str(wrapped - (1 << bits) if wrapped >> (bits - 1) else wrapped)
    if is_narrow(dtype):
        with np.errstate(over="ignore"):
            return str(int(np.asarray(value).astype(dtype).view(signed_like(dtype))))
    with np.errstate(over="ignore"):
        exact = float(np.float32(value)) if dtype == F32 else float(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"


def value_of(text: str, dtype: DType) -> float | int | None:
    """The number that a literal stands for; None for a register and for what has no number."""
    if text.startswith("0x") and is_float(dtype):
        found: float = struct.unpack("<d", int(text, 16).to_bytes(8, "little"))[0]
        return found
    if text.lstrip("-").isdigit() and is_narrow(dtype):
        return float(np.asarray(int(text), signed_like(dtype)).view(dtype))
    if text.lstrip("-").isdigit() and is_integer(dtype):
        number = int(text)
        return number % (1 << 8 * dtype.itemsize) if is_unsigned(dtype) else number
    return None


def _suffix(dtype: DType) -> str:
    return f"f{8 * dtype.itemsize}" if is_float(dtype) else f"i{8 * dtype.itemsize}"


class LLVMEmitter:
    """Appends instructions to `lines`.

    `declares` and `tables` collect, by symbol, the module-level lines that the text needs. `block`
    is the label of the block being filled; a caller that opens blocks itself uses `label`.
    `flags` are fast-math flags (`"fast"`, `"contract"`, …) put on float arithmetic outside
    `strict()`; the default gives none. Where `rare` is a list, the conditions under which `rarely`
    would take its other way are appended to it, and that way is not emitted: the caller looks at
    them for many elements at once.
    """

    def __init__(
        self,
        lines: list[str],
        flags: str = "",
        block: str = "entry",
        declares: dict[str, str] | None = None,
        tables: dict[str, str] | None = None,
    ) -> None:
        self.lines = lines
        self.flags = flags + " " if flags else ""
        self.block = block
        self.declares: dict[str, str] = {} if declares is None else declares
        self.tables: dict[str, str] = {} if tables is None else tables
        self.rare: list[Reg] | None = None
        self.many = False
        self.rounds_quotients = True
        self._count = 0

    #: How many numbers a register holds.
    lanes_each = 1

    # Text.
    def fresh(self) -> str:
        """The next register name, with its `%`."""
        self._count += 1
        return f"%v{self._count}"

    def fresh_label(self, hint: str) -> str:
        """A block name that nothing else of this emitter uses, without `%`."""
        self._count += 1
        return f"{hint}.v{self._count}"

    def label(self, name: str) -> None:
        """Begins block `name`; the one before must have been ended by the caller."""
        self.lines.append(f"{name}:")
        self.block = name

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def op(self, dtype: DType, text: str) -> Reg:
        """Appends `%fresh = text` and returns the register."""
        name = self.fresh()
        self.line(f"{name} = {text}")
        return Reg(name, dtype)

    def module_lines(self) -> list[str]:
        """Tables and declarations, sorted: to be put once into the module."""
        return [self.tables[k] for k in sorted(self.tables)] + [
            self.declares[k] for k in sorted(self.declares)
        ]

    def intrinsic(self, name: str, dtype: DType, *args: Reg, extra: str = "") -> Reg:
        symbol = f"@llvm.{name}.{_suffix(args[0].dtype)}"
        types = ", ".join([a.type for a in args] + (["i1"] if extra else []))
        result = llvm_type(dtype)
        self.declares[symbol] = f"declare {result} {symbol}({types})"
        operands = ", ".join([str(a) for a in args] + ([extra] if extra else []))
        return self.op(dtype, f"call {result} {symbol}({operands})")

    @contextmanager
    def strict(self) -> Iterator[None]:
        saved, self.flags = self.flags, ""
        try:
            yield
        finally:
            self.flags = saved

    def const(self, value: Any, dtype: DType) -> Any:
        if is_complex(dtype):
            part = part_of(dtype)
            z = complex(value)
            return ComplexPair(self.const(z.real, part), self.const(z.imag, part))
        return Reg(literal(value, dtype), dtype)

    def known(self, a: Reg) -> float | int | None:
        return value_of(a.text, a.dtype)

    # Floating point.
    def _arith(self, name: str, a: Reg, b: Reg) -> Reg:
        return self.op(a.dtype, f"{name} {a}, {b.text}")

    def fadd(self, a: Reg, b: Reg) -> Reg:
        return self._arith(f"fadd {self.flags}".rstrip(), a, b)

    def fsub(self, a: Reg, b: Reg) -> Reg:
        return self._arith(f"fsub {self.flags}".rstrip(), a, b)

    def fmul(self, a: Reg, b: Reg) -> Reg:
        return self._arith(f"fmul {self.flags}".rstrip(), a, b)

    def fdiv(self, a: Reg, b: Reg) -> Reg:
        return self._arith(f"fdiv {self.flags}".rstrip(), a, b)

    def fneg(self, a: Reg) -> Reg:
        return self.op(a.dtype, f"fneg {self.flags}{a}")

    def fma(self, a: Reg, b: Reg, c: Reg) -> Reg:
        return self.intrinsic("fma", a.dtype, a, b, c)

    def fabs(self, a: Reg) -> Reg:
        return self.intrinsic("fabs", a.dtype, a)

    def copysign(self, a: Reg, b: Reg) -> Reg:
        return self.intrinsic("copysign", a.dtype, a, b)

    def sqrt(self, a: Reg) -> Reg:
        return self.intrinsic("sqrt", a.dtype, a)

    def floor(self, a: Reg) -> Reg:
        return self.intrinsic("floor", a.dtype, a)

    def ceil(self, a: Reg) -> Reg:
        return self.intrinsic("ceil", a.dtype, a)

    def trunc(self, a: Reg) -> Reg:
        return self.intrinsic("trunc", a.dtype, a)

    def rint(self, a: Reg) -> Reg:
        return self.intrinsic("rint", a.dtype, a)

    def fcmp(self, pred: str, a: Reg, b: Reg) -> Reg:
        return self.op(BOOL, f"fcmp {pred} {a}, {b.text}")

    # Integers.
    def iadd(self, a: Reg, b: Reg) -> Reg:
        return self._arith("add", a, b)

    def isub(self, a: Reg, b: Reg) -> Reg:
        return self._arith("sub", a, b)

    def imul(self, a: Reg, b: Reg) -> Reg:
        return self._arith("mul", a, b)

    def sdiv(self, a: Reg, b: Reg) -> Reg:
        return self._arith("sdiv", a, b)

    def udiv(self, a: Reg, b: Reg) -> Reg:
        return self._arith("udiv", a, b)

    def urem(self, a: Reg, b: Reg) -> Reg:
        return self._arith("urem", a, b)

    def iand(self, a: Reg, b: Reg) -> Reg:
        return self._arith("and", a, b)

    def ior(self, a: Reg, b: Reg) -> Reg:
        return self._arith("or", a, b)

    def ixor(self, a: Reg, b: Reg) -> Reg:
        return self._arith("xor", a, b)

    def shl(self, a: Reg, b: Reg) -> Reg:
        return self._arith("shl", a, b)

    def lshr(self, a: Reg, b: Reg) -> Reg:
        return self._arith("lshr", a, b)

    def ashr(self, a: Reg, b: Reg) -> Reg:
        return self._arith("ashr", a, b)

    def ctpop(self, a: Reg) -> Reg:
        return self.intrinsic("ctpop", a.dtype, a)

    def icmp(self, pred: str, a: Reg, b: Reg) -> Reg:
        table = _PRED_SIGNED if is_signed(a.dtype) else _PRED_UNSIGNED
        return self.op(BOOL, f"icmp {table[pred]} {a}, {b.text}")

    def _overflow(self, name: str, a: Reg, b: Reg) -> tuple[Reg, Reg]:
        symbol = f"@llvm.{name}.with.overflow.{_suffix(a.dtype)}"
        pair = f"{{ {a.type}, i1 }}"
        self.declares[symbol] = f"declare {pair} {symbol}({a.type}, {a.type})"
        both = self.fresh()
        self.line(f"{both} = call {pair} {symbol}({a}, {b})")
        return (
            self.op(a.dtype, f"extractvalue {pair} {both}, 0"),
            self.op(BOOL, f"extractvalue {pair} {both}, 1"),
        )

    def sadd_overflow(self, a: Reg, b: Reg) -> tuple[Reg, Reg]:
        return self._overflow("sadd", a, b)

    def ssub_overflow(self, a: Reg, b: Reg) -> tuple[Reg, Reg]:
        return self._overflow("ssub", a, b)

    def smul_overflow(self, a: Reg, b: Reg) -> tuple[Reg, Reg]:
        return self._overflow("smul", a, b)

    # Choice and conversion.
    def select(self, c: Reg, a: Reg, b: Reg) -> Reg:
        return self.op(a.dtype, f"select {c}, {a}, {b}")

    def _convert(self, name: str, a: Reg, dtype: DType) -> Reg:
        return self.op(dtype, f"{name} {a} to {llvm_type(dtype)}")

    def int_to_float(self, a: Reg, dtype: DType) -> Reg:
        return self._convert("sitofp" if is_signed(a.dtype) else "uitofp", a, dtype)

    def float_to_int(self, a: Reg, dtype: DType) -> Reg:
        return self._convert("fptosi" if is_signed(dtype) else "fptoui", a, dtype)

    def int_cast(self, a: Reg, dtype: DType) -> Reg:
        source, target = (1 if is_bool(d) else 8 * d.itemsize for d in (a.dtype, dtype))
        if source == target:
            return Reg(a.text, dtype)
        if target < source:
            return self._convert("trunc", a, dtype)
        return self._convert("sext" if is_signed(a.dtype) else "zext", a, dtype)

    def float_cast(self, a: Reg, dtype: DType) -> Reg:
        if a.dtype == dtype:
            return a
        if is_narrow(a.dtype) or is_narrow(dtype):
            return self.op(dtype, f"call {conversion(a.dtype, dtype, self.lanes_each)}({a})")
        name = "fpext" if dtype.itemsize > a.dtype.itemsize else "fptrunc"
        return self._convert(name, a, dtype)

    def bitcast(self, a: Reg, dtype: DType) -> Reg:
        if a.type == llvm_type(dtype):
            return Reg(a.text, dtype)
        return self._convert("bitcast", a, dtype)

    # Memory and control.
    def table(self, values: Sequence[float], dtype: DType) -> str:
        """The symbol of a constant table."""
        element = llvm_type(dtype)
        entries = ", ".join(f"{element} {literal(v, dtype)}" for v in values)
        symbol = f"@table.{zlib.crc32(entries.encode()):08x}"
        kind = f"[{len(values)} x {element}]"
        self.tables[symbol] = f"{symbol} = internal unnamed_addr constant {kind} [{entries}]"
        return symbol

    def lookup(self, table: Sequence[float], index: Reg, dtype: DType) -> Reg:
        element, symbol = llvm_type(dtype), self.table(table, dtype)
        address = self.fresh()
        self.line(f"{address} = getelementptr inbounds {element}, ptr {symbol}, {index}")
        return self.op(dtype, f"load {element}, ptr {address}, !invariant.load !{{}}")

    def rarely(
        self, c: Reg, usual: Sequence[Reg], otherwise: Callable[[], Sequence[Reg]]
    ) -> tuple[Reg, ...]:
        if self.rare is not None:
            self.rare.append(c)
            return tuple(usual)
        return self._branch_rarely(c, usual, otherwise)

    def _branch_rarely(
        self, some: Reg, usual: Sequence[Reg], otherwise: Callable[[], Sequence[Reg]]
    ) -> tuple[Reg, ...]:
        """`otherwise()` in a block of its own, taken where the `i1` holds."""
        before, inside, after = self.block, self.fresh_label("rare"), self.fresh_label("after")
        self.line(f"br {some}, label %{inside}, label %{after}")
        self.label(inside)
        rare = otherwise()
        last = self.block
        self.line(f"br label %{after}")
        self.label(after)
        return tuple(
            self.op(u.dtype, f"phi {u.type} [ {u.text}, %{before} ], [ {r.text}, %{last} ]")
            for u, r in zip(usual, rare, strict=True)
        )

    def shortcut(self, quick: Callable[[], tuple[Reg, Reg]], full: Callable[[], Reg]) -> Reg:
        return full()

    def while_loop(
        self,
        init: Sequence[Reg],
        cond: Callable[[tuple[Reg, ...]], Reg],
        body: Callable[[tuple[Reg, ...]], Sequence[Reg]],
    ) -> tuple[Reg, ...]:
        entry = self.block
        head, inside, after = (self.fresh_label(h) for h in ("head", "body", "after"))
        self.line(f"br label %{head}")
        self.label(head)
        carried = tuple(Reg(self.fresh(), v.dtype) for v in init)
        first_phi = len(self.lines)
        self.lines.extend("" for _ in carried)  # filled in once the latch is known
        test = cond(carried)
        self.line(f"br {test}, label %{inside}, label %{after}")
        self.label(inside)
        stepped = body(carried)
        for k, (c, v, s) in enumerate(zip(carried, init, stepped, strict=True)):
            self.lines[first_phi + k] = (
                f"  {c.text} = phi {c.type} [ {v.text}, %{entry} ], [ {s.text}, %{self.block} ]"
            )
        self.line(f"br label %{head}")
        self.label(after)
        return carried
