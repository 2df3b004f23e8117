"""Program -> LLVM text of one `core`: slots into parameters, host statements, results into slots.

Host parameters come in order of the slots unless `param_slots` says where each one is; results
follow the parameters unless `result_slots` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.codegen_llvm import pool
from tracejit.codegen_llvm.lower_extern import EXTERN, is_native_draw
from tracejit.codegen_llvm.lower_shared import SHARED
from tracejit.codegen_llvm.lower_sum import SUM
from tracejit.codegen_llvm.lower_true import TRUE
from tracejit.codegen_llvm.pool_text import COUNTER
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.dtypes import is_complex, is_float, part_of, unsigned_like
from tracejit.ir.core import Instr, Value
from tracejit.ir.program import Program
from tracejit.ir.scalar.emit import BOOL, I64, U64, ComplexPair
from tracejit.ir.types import TensorType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_control import CONTROL
from tracejit.llvm_text.lower_function import FunctionText, Module, Pointer, Rule
from tracejit.llvm_text.lower_memory import MEMORY, load_scalar, stack_buffers
from tracejit.llvm_text.recursions import RECURSION
from tracejit.llvm_text.tables import ErrorTable
from tracejit.lower.schedule import schedule
from tracejit.records import dataclass

RULES: dict[str, Rule] = {**CONTROL, **RECURSION, **MEMORY, **SUM, **TRUE, **EXTERN, **SHARED}


@dataclass(frozen=True)
class Core:
    """The text of `i32 @core(ptr ctx, ptr slots)` and what it refers to outside itself."""

    text: str
    errors: ErrorTable
    host: HostTable
    symbols: Mapping[str, int]
    param_slots: tuple[int, ...]
    result_slots: tuple[int, ...]
    slot_count: int
    kernels: Mapping[Instr, str]


def slot_width(value: Value) -> int:
    """Slots that a host parameter or result takes."""
    return 2 if isinstance(value.type, TensorType) and is_complex(value.type.dtype) else 1


def lower_program(
    program: Program,
    param_slots: Sequence[int] | None = None,
    result_slots: Sequence[int] | None = None,
    rules: Mapping[str, Rule] = RULES,
    text: Callable[[Module, Program], FunctionText] | None = None,
    *,
    parallel: bool = True,
    deep_stack: bool = True,
) -> Core:
    """Native code for a verified Program, as text; ``rules`` lower what is not a row's own.

    ``text``: begins the host function, where its memory is not the host's. ``parallel``: whether
    loops may run on several threads. ``deep_stack``: whether functions may take kilobytes of it.
    """
    host = program.host
    places, count = _consecutive(host.params, 0) if param_slots is None else (tuple(param_slots), 0)
    end = max([count, *(p + slot_width(v) for p, v in zip(places, host.params, strict=True))])
    if result_slots is None:
        result_places, end = _consecutive(host.results, end)
    else:
        result_places = tuple(result_slots)
    end = max([end, *(p + slot_width(v) for p, v in zip(result_places, host.results, strict=True))])
    calls = HostTable()
    shares = parallel and text is None
    module = Module(rules, host=calls, light=is_native_draw, threads=shares, deep_stack=deep_stack)
    if shares:
        module.schedule = schedule
    f = (text or _on_the_host)(module, program)
    args = [_read(f, v, place) for v, place in zip(host.params, places, strict=True)]
    if f.run(host, args):
        for value, place in zip(host.results, result_places, strict=True):
            _write(f, f.scalar(value), place)
        if module.leaves_errors:
            module.declare("declare i32 @tj_left_error(ptr)")
            f.call_status("@tj_left_error(ptr %ctx)")
        f.e.lines += [f"  {line}" for line in f.leaving]
        f.e.line("ret i32 0")
    lines = ["define i32 @core(ptr %ctx, ptr %slots) #0 {", "entry:", f.body()]
    if f.fails:
        lines += ["fail:", *(f"  {line}" for line in f.leaving), "  ret i32 1"]
    module.functions.append("\n".join([*lines, "}"]))
    if f"@{COUNTER}" in module.tables:
        module.symbols |= pool.pool_symbols()
    return Core(
        module.text(),
        module.errors,
        calls,
        module.symbols,
        places,
        result_places,
        end,
        module.kernels,
    )


def _on_the_host(module: Module, program: Program) -> FunctionText:
    f = FunctionText(module, kernel=False)
    f.on_stack = stack_buffers(program.host)
    return f


def _consecutive(values: Sequence[Value], first: int) -> tuple[tuple[int, ...], int]:
    places = []
    for value in values:
        places.append(first)
        first += slot_width(value)
    return tuple(places), first


def _read(f: FunctionText, value: Value, place: int) -> Any:
    at = f.at(Pointer("%slots"), 8 * place)
    if not isinstance(value.type, TensorType):
        name = f.e.fresh()
        f.e.line(f"{name} = load ptr, {at}")
        return Pointer(name)
    if is_complex(value.dtype):
        part, high = part_of(value.dtype), f.at(Pointer("%slots"), 8 * place + 8)
        kind = llvm_type(part)
        return ComplexPair(*(f.e.op(part, f"load {kind}, {p}") for p in (at, high)))
    return load_scalar(f, at, value.dtype)


def _write(f: FunctionText, scalar: Any, place: int) -> None:
    parts = [scalar.re, scalar.im] if isinstance(scalar, ComplexPair) else [scalar]
    for k, part in enumerate(parts):
        at = f.at(Pointer("%slots"), 8 * (place + k))
        f.e.line(f"store {_word(f, part)}, {at}")


def _word(f: FunctionText, part: Reg | Pointer) -> Reg | Pointer:
    """A scalar's bits in 64 (floats in the low end, ints extended by their sign)."""
    if isinstance(part, Pointer):
        return part
    if is_float(part.dtype):
        bits = f.e.bitcast(part, unsigned_like(part.dtype))
        return f.e.int_cast(bits, U64)
    assert part.dtype == BOOL or np.issubdtype(part.dtype, np.integer)
    return f.e.int_cast(part, I64)
