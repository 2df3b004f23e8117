"""Floats that are stored and not computed with: how their bits become float32, and back.

In registers such a number is the integer of its bits, on every target alike. Text calls the
conversions by name (`conversion`); whoever makes a module of it adds their definitions
(`with_conversions`), since the best one depends on the target: an instruction where it has one,
integer arithmetic that LLVM makes vector code of elsewhere. Results are the same to the bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_narrow, short_name

DType = np.dtype[Any]
_NONE: Mapping[str, tuple[str, str]] = MappingProxyType({})
_CALLED = re.compile(r"@tracejit\.(\w+)\.(widen|round)\.v(\d+)")


def conversion(source: DType, target: DType, lanes: int = 1) -> str:
    """The result type and symbol of a conversion of so many numbers at once."""
    if is_narrow(source):
        assert computed_in(source) == target, (source, target)
        return f"{_of('float', lanes)} @tracejit.{short_name(source)}.widen.v{lanes}"
    assert computed_in(target) == source, (source, target)
    return f"{_of('i16', lanes)} @tracejit.{short_name(target)}.round.v{lanes}"


Instructions = Mapping[str, tuple[str, str]]
"""By format: what a target widens and rounds with, as LLVM text of one `%x`."""

#: Casts of LLVM's, for targets that have them in vector registers.
CASTS: Instructions = {"f16": ("fpext", "fptrunc")}
#: PTX as it is: LLVM would take casts for leave to compute in float16.
PTX: Instructions = {
    "f16": (
        'call float asm "cvt.f32.f16 $0, $1;", "=f,h"(i16 %x)',
        'call i16 asm "cvt.rn.f16.f32 $0, $1;", "=h,f"(float %x)',
    )
}


def with_conversions(text: str, native: Instructions = _NONE) -> str:
    """The text of a module, and definitions of the conversions that it calls.

    ``native``: of the formats that the target converts by an instruction.
    """
    called = sorted({found.groups() for found in _CALLED.finditer(text)})
    made = [_definition(name, what, int(n), native.get(name)) for name, what, n in called]
    return "\n".join([text, *made, ""]) if made else text


def _of(element: str, lanes: int) -> str:
    return element if lanes == 1 else f"<{lanes} x {element}>"


class _Lines:
    """Lines of one conversion, on one number or on several."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.lines: list[str] = []

    def type(self, element: str) -> str:
        return _of(element, self.lanes)

    def number(self, value: int, element: str = "i32") -> str:
        return str(value) if self.lanes == 1 else f"splat ({element} {value})"

    def op(self, text: str) -> str:
        name = f"%t{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def two(self, op: str, a: str, b: str | int) -> str:
        """An operation on i32."""
        right = self.number(b) if isinstance(b, int) else b
        return self.op(f"{op} {self.type('i32')} {a}, {right}")

    def cast(self, op: str, a: str, source: str, target: str) -> str:
        return self.op(f"{op} {self.type(source)} {a} to {self.type(target)}")

    def choose(self, c: str, a: str, b: str | int) -> str:
        right = self.number(b) if isinstance(b, int) else b
        i32 = self.type("i32")
        return self.op(f"select {self.type('i1')} {c}, {i32} {a}, {i32} {right}")

    def float_two(self, op: str, a: str, bits: int) -> str:
        """An operation on a float32, given by its bits, and one of these bits."""
        x = self.cast("bitcast", a, "i32", "float")
        y = self.cast("bitcast", self.number(bits), "i32", "float")
        return self.cast("bitcast", self.op(f"{op} {self.type('float')} {x}, {y}"), "float", "i32")


def _definition(name: str, what: str, lanes: int, native: tuple[str, str] | None) -> str:
    m = _Lines(lanes)
    source, target = ("i16", "float") if what == "widen" else ("float", "i16")
    if native:
        out = _instruction(m, *native, what)
    elif what == "widen":
        wide = m.cast("zext", "%x", "i16", "i32")
        bits = _widen_f16(m, wide) if name == "f16" else m.two("shl", wide, 16)
        out = m.cast("bitcast", bits, "i32", "float")
    else:
        bits = m.cast("bitcast", "%x", "float", "i32")
        out = m.cast("trunc", _ROUND[name](m, bits), "i32", "i16")
    head = f"define internal {m.type(target)} @tracejit.{name}.{what}.v{lanes}"
    body = "\n".join([*m.lines, f"  ret {m.type(target)} {out}"])
    return f"{head}({m.type(source)} %x) alwaysinline nounwind memory(none) {{\n{body}\n}}"


def _instruction(m: _Lines, widen: str, round_: str, what: str) -> str:
    text = widen if what == "widen" else round_
    if text.startswith("call"):
        return m.op(text)
    if what == "widen":
        return m.cast(text, m.cast("bitcast", "%x", "i16", "half"), "half", "float")
    return m.cast("bitcast", m.cast(text, "%x", "float", "half"), "half", "i16")


def _widen_f16(m: _Lines, h: str) -> str:
    """Bits of float16 as those of float32 (F. Giesen, "half to float done quick", 2012)."""
    shifted = m.two("shl", m.two("and", h, 0x7FFF), 13)
    exponent = m.two("and", shifted, 0x7C00 << 13)
    normal = m.two("add", shifted, (127 - 15) << 23)
    special = m.two("add", normal, (128 - 16) << 23)
    # A subnormal number: a normal one with its exponent, less the leading bit that it lacks.
    small = m.float_two("fsub", m.two("add", normal, 1 << 23), 113 << 23)
    out = m.choose(m.two("icmp eq", exponent, 0x7C00 << 13), special, normal)
    out = m.choose(m.two("icmp eq", exponent, 0), small, out)
    return m.two("or", out, m.two("shl", m.two("and", h, 0x8000), 16))


def _round_f16(m: _Lines, f: str) -> str:
    """Bits of float32 as those of the nearest float16, ties to even."""
    sign = m.two("and", f, 1 << 31)
    size = m.two("xor", f, sign)
    odd = m.two("and", m.two("lshr", size, 13), 1)
    normal = m.two("add", m.two("add", size, ((15 - 127) << 23) + 0xFFF), odd)
    normal = m.two("lshr", normal, 13)
    # Where float16 is subnormal its last bit is that of 2**(-24): adding 0.5 rounds to it.
    magic = ((127 - 15) + (23 - 10) + 1) << 23
    small = m.two("sub", m.float_two("fadd", size, magic), magic)
    out = m.choose(m.two("icmp ult", size, 113 << 23), small, normal)
    infinite = m.choose(m.two("icmp ugt", size, 255 << 23), m.number(0x7E00), 0x7C00)
    out = m.choose(m.two("icmp uge", size, (127 + 16) << 23), infinite, out)
    return m.two("or", out, m.two("lshr", sign, 16))


def _round_bf16(m: _Lines, f: str) -> str:
    """Bits of float32 as those of the nearest bfloat16, its upper half, ties to even."""
    odd = m.two("and", m.two("lshr", f, 16), 1)
    near = m.two("lshr", m.two("add", m.two("add", f, 0x7FFF), odd), 16)
    quiet = m.two("or", m.two("lshr", f, 16), 0x40)
    nan = m.two("icmp ugt", m.two("and", f, 0x7FFF_FFFF), 255 << 23)
    return m.choose(nan, quiet, near)


_ROUND = {"f16": _round_f16, "bf16": _round_bf16}
