"""Text form of functions: the inverse of ``ir/parser.py``; numbering is by definition order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, short_name
from tracejit.ir.core import Constant, Function, Instr, Value
from tracejit.ir.extent import Extent, format_dim
from tracejit.ir.types import BufferType, TensorType, Type, dense_strides

Names = dict[Value, str]
Line = tuple[str, Instr | None]


def format_type(type_: Type, name: Callable[[Value], str]) -> str:
    """``f64[%a0, 4]``, ``buf f64[4, 4]{strides=[32, 8]}`` or ``tape``."""
    if isinstance(type_, TensorType):
        return f"{short_name(type_.dtype)}[{_dims(type_.shape, name)}]"
    if isinstance(type_, BufferType):
        text = f"buf {short_name(type_.dtype)}[{_dims(type_.shape, name)}]"
        if type_.strides != dense_strides(type_.dtype, type_.shape):
            text += f"{{strides=[{_dims(type_.strides, name)}]}}"
        return text + ("" if type_.space == "global" else f" {type_.space}")
    return "tape"


def _dims(dims: tuple[Any, ...], name: Callable[[Value], str]) -> str:
    return ", ".join(format_dim(d, name) for d in dims)


def format_attr(attr: Any, name: Callable[[Value], str]) -> str:
    """One attribute value."""
    if isinstance(attr, Constant):
        return _format_constant(attr.array)
    if isinstance(attr, tuple | list):
        return f"[{', '.join(format_attr(a, name) for a in attr)}]"
    if isinstance(attr, Extent):
        return format_dim(attr, name)
    if isinstance(attr, TensorType | BufferType):
        return format_type(attr, name)
    if isinstance(attr, np.dtype):
        return short_name(attr)
    if callable(attr):
        return f"<{getattr(attr, '__module__', '')}.{getattr(attr, '__qualname__', 'callable')}>"
    return repr(attr)


def _format_constant(array: np.ndarray[Any, Any]) -> str:
    if array.ndim:
        return f"[{', '.join(_format_constant(row) for row in array)}]"
    if is_complex(array.dtype):
        return f"({float(array.real)!r}, {float(array.imag)!r})"
    return repr(array.item())


class _Printer:
    def __init__(self, function: Function) -> None:
        self.names: Names = {}
        self.count = 0
        for i, param in enumerate(function.params):
            self.names[param] = f"%a{i}"

    def name(self, value: Value) -> str:
        return self.names.get(value, "%?")

    def define(self, value: Value) -> str:
        self.names[value] = f"%{self.count}"
        self.count += 1
        return self.names[value]

    def instr(self, instr: Instr, indent: str) -> list[Line]:
        operands = ", ".join(self.name(v) for v in instr.operands)
        left = ", ".join(f"{self.define(r)}: {self.type(r)}" for r in instr.results)
        text = f"{indent}{left + ' = ' if left else ''}{instr.name}"
        text += f" {operands}" if operands else ""
        text += self.attrs(instr.attrs)
        if not instr.regions:
            return [(text, instr)]
        lines: list[Line] = [(text + " (", instr)]
        for region in instr.regions:
            lines += lines_of(region, indent + "  ")
        return [*lines, (f"{indent})", None)]

    def type(self, value: Value) -> str:
        return format_type(value.type, self.name)

    def attrs(self, attrs: Mapping[str, Any]) -> str:
        if not attrs:
            return ""
        return f" {{{', '.join(f'{k}={format_attr(v, self.name)}' for k, v in attrs.items())}}}"


def lines_of(function: Function, indent: str = "") -> list[Line]:
    """The lines of a function, each with the instruction that begins there."""
    p = _Printer(function)
    params = ", ".join(f"{p.name(v)}: {p.type(v)}" for v in function.params)
    body = [line for instr in function.instrs for line in p.instr(instr, indent + "  ")]
    results = ", ".join(p.type(r) for r in function.results)
    ends = (
        "" if function.diverges else f"return {', '.join(map(p.name, function.results))}".rstrip()
    )
    return [
        (f"{indent}func @{function.name}({params}) -> ({results}) {{", None),
        *body,
        *([(f"{indent}  {ends}", None)] if ends else []),
        (f"{indent}}}", None),
    ]


def format_function(function: Function) -> str:
    """The whole text form, ending in a newline."""
    return "\n".join(text for text, _ in lines_of(function)) + "\n"


def format_context(function: Function, instr: Instr | None) -> str:
    """The ten lines of a function around an instruction, the instruction marked."""
    p = _Printer(function)
    lines: list[str] = []
    mark = 0
    for each in function.instrs:
        if each is instr:
            mark = len(lines)
        lines += [line[:160] for line, _ in p.instr(each, "  ")[:1]]
    start = max(0, mark - 5)
    shown = lines[start : mark + 5]
    if instr is not None and mark - start < len(shown):
        shown[mark - start] = ">" + shown[mark - start][1:]
    return "\n".join([f"in @{function.name}:", *shown])
