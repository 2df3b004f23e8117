"""A draw to be lowered: which method, its arguments, and how numbers get where they belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.abi import generators
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.interpret.draws import HostDraw
from tracejit.ir.scalar.emit import F32, F64, I64
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar
from tracejit.records import dataclass

#: Draws into the destination of a method's result, or gives the scalar that it is.
Drawing = Callable[[FunctionText, Pointer], Any]


@dataclass(frozen=True)
class Draw:
    """A draw as an instruction has it: the method, its arguments by name, the operands, results."""

    of: HostDraw
    given: Mapping[str, Any]
    source: Value | None
    result: Value
    failed: Sequence[Value]

    @property
    def sized(self) -> bool:
        return isinstance(self.result.type, BufferType)

    @property
    def count(self) -> Dim:
        """How many numbers are drawn."""
        return product(self.result.shape) if self.sized else 1


@dataclass(frozen=True)
class DrawPlan:
    """``prepare`` emits the conditions and gives what draws; ``aug``: from the `aug_bitgen_t`.

    ``retreats``: what draws also says whether it did, and has drawn nothing where it did not.
    """

    prepare: Callable[[FunctionText, Draw, list[Reg]], Drawing]
    aug: bool = False
    retreats: bool = False


_FLOAT = {"f8": F64, "f4": F32}


def as_number(f: FunctionText, given: Any, kind: str) -> Reg:
    """An argument as the C function takes it."""
    if not isinstance(given, Value):
        return f.const(int(given)) if kind == "i8" else f.e.const(float(given), _FLOAT[kind])
    scalar = f.scalar(given)
    if kind == "i8":
        return f.e.int_cast(scalar, I64)
    if np.issubdtype(scalar.dtype, np.floating):
        return f.e.float_cast(scalar, _FLOAT[kind])
    return f.e.float_cast(f.e.int_to_float(scalar, F64), _FLOAT[kind])


def is_number(given: Any, kind: str) -> bool:
    """Whether an argument is a scalar that converts as NumPy would convert it."""
    if isinstance(given, Value):
        if isinstance(given.type, BufferType):
            return False
        wanted = np.dtype(np.int64 if kind == "i8" else np.float64)
        return np.can_cast(given.dtype, wanted)
    if type(given) is float:
        return kind != "i8"
    return type(given) in (bool, int) and -(2**63) <= given < 2**63


def declare_c(f: FunctionText, name: str) -> None:
    """A function of the C library under a name that LLVM knows nothing about."""
    params = ", ".join(["double"] * (2 if name == "pow" else 1))
    symbol = generators.C_FUNCTION + name
    f.module.declare(f"declare double @{symbol}({params})")
    f.module.symbols[symbol] = generators.symbol_address(symbol) or 0


def numpy_function(f: FunctionText, name: str, result: str, types: Sequence[str]) -> str:
    f.module.declare(f"declare {result} @{name}({', '.join(types)})")
    f.module.symbols[name] = generators.distribution(name) or 0
    return f"@{name}"


def each(f: FunctionText, draw: Draw, one: Callable[[], Reg]) -> Any:
    """One number, or one after the other into the destination."""
    if not draw.sized:
        return one()
    base, size = f.pointer(draw.result), draw.result.dtype.itemsize

    def body(carried: tuple[Reg, ...]) -> Sequence[Reg]:
        (k,) = carried
        store_scalar(f, f.at(base, f.mul(k, f.const(size))), one())
        return [f.add(k, f.const(1))]

    count = f.dim(draw.count)
    f.e.while_loop([f.const(0)], lambda c: f.e.icmp("lt", c[0], count), body)
    return None


def filled(
    f: FunctionText,
    draw: Draw,
    symbol: str,
    interface: Pointer,
    dtype: np.dtype[Any],
    before: str = "",
    last: str = "",
) -> Any:
    """A function that fills memory, of one number where the result is a scalar."""
    place = f.pointer(draw.result) if draw.sized else f.stack("i64")
    arguments = [str(interface), *filter(None, [before]), str(f.dim(draw.count))]
    f.e.line(f"call void {symbol}({', '.join([*arguments, *filter(None, [last]), str(place)])})")
    return None if draw.sized else load_scalar(f, place, dtype)
