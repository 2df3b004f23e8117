"""Ufuncs of libraries: their own inner loops, called by address.

A ufunc is a table of C loops ``void (char **args, intp *dims, intp *steps, void *data)``
(``PyUFuncObject`` of NumPy's C API). Compiled code calls the loop of the row's dtypes on its own
memory, as NumPy would, so that the values are the library's. Loops of SciPy run without the GIL.
What they raise or warn of (``scipy.special.seterr``) is raised when the call ends; where they are
set to raise when the code is compiled, NumPy makes the call instead.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.abi.numpy_loops import ufunc_loop
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.ops.extern import Reference
from tracejit.ir.ops.ufunc import function_at
from tracejit.ir.types import BufferType
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar
from tracejit.records import dataclass


@dataclass(frozen=True)
class InnerLoop:
    """Addresses of a loop and of its data."""

    symbol: str
    address: int
    data: int


def _loop(place: str, types: str) -> InnerLoop | None:
    """The loop of these types; None where the ufunc does not lie in memory as its API says."""
    found = ufunc_loop(function_at(place), types)
    name = re.sub(r"\W", "_", f"{place}_{types}")
    return None if found is None else InnerLoop(name, *found)


def _raises() -> bool:
    """Whether SciPy's special functions are set to raise (for want of memory they always are)."""
    special = sys.modules.get("scipy.special")
    if special is None:
        return False
    return "raise" in [how for kind, how in special.geterr().items() if kind != "memory"]


def native_ufunc(function: object, operands: Sequence[Value], results: Sequence[Value]) -> Any:
    """What lowers a call of a library's ufunc; None where Python makes it."""
    attrs = dict(function.attrs) if isinstance(function, Reference) else {}
    if "loop" not in attrs or _raises():
        return None
    loop = _loop(attrs["function"], attrs["loop"])
    steps = [_step(v) for v in (*operands, *results)]
    if loop is None or None in steps:
        return None
    return lambda f, call, operands, results: _run(f, loop, operands, results)


def _step(value: Value) -> Dim | None:
    """Bytes between elements in C order; None where that is no single number."""
    type_ = value.type
    if not isinstance(type_, BufferType):
        return 0
    if type_.rank == 1:
        return type_.strides[0]
    step: Dim = type_.dtype.itemsize
    for extent, stride in zip(type_.shape[::-1], type_.strides[::-1], strict=True):
        if stride != step:
            return None
        step = step * extent
    return type_.dtype.itemsize


def _run(
    f: FunctionText, loop: InnerLoop, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    values = [*operands, *results]
    args, steps = f.stack(f"[{len(values)} x ptr]"), f.stack(f"[{len(values)} x i64]")
    places = [_place(f, v) for v in values]
    for k, (value, place) in enumerate(zip(values, places, strict=True)):
        step = _step(value)
        assert step is not None
        f.e.line(f"store {place}, {f.at(args, 8 * k)}")
        f.e.line(f"store {f.dim(step)}, {f.at(steps, 8 * k)}")
    for value, place in zip(operands, places, strict=False):
        if not isinstance(value.type, BufferType):
            store_scalar(f, place, f.scalar(value))
    size = f.stack("i64")
    f.e.line(f"store {f.dim(product(values[0].shape))}, {size}")
    f.e.line(f"call void {_function(f, loop)}({args}, {size}, {steps}, {_data(f, loop)})")
    f.module.leaves_errors = True
    for value, place in zip(results, places[len(operands) :], strict=True):
        if not isinstance(value.type, BufferType):
            f.env[value] = load_scalar(f, place, value.dtype)


def _place(f: FunctionText, value: Value) -> Pointer:
    if isinstance(value.type, BufferType):
        return f.pointer(value)
    return f.stack(f"[{np.dtype(value.dtype).itemsize} x i8]", align=16)


def _function(f: FunctionText, loop: InnerLoop) -> str:
    f.module.declare(f"declare void @{loop.symbol}(ptr, ptr, ptr, ptr)")
    f.module.symbols[loop.symbol] = loop.address
    return f"@{loop.symbol}"


def _data(f: FunctionText, loop: InnerLoop) -> str:
    if not loop.data:
        return "ptr null"
    name = f"{loop.symbol}_data"
    f.module.tables[f"@{name}"] = f"@{name} = external global i8"
    f.module.symbols[name] = loop.data
    return f"ptr @{name}"
