"""Program -> native code: text, pipeline, linking, and a way to call it without `jit`.

What `jit` calls is made by `entry.py` from the same text; `CompiledProgram.call` is for tests,
tools and fuzzing.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.abi import capi
from tracejit.codegen_llvm.engine import CompiledModule, Engine, shared_engine
from tracejit.codegen_llvm.lower import Core, lower_program
from tracejit.codegen_llvm.runtime import (
    native_function,
    runtime_symbols,
    scalar_from_slots,
    store_scalar,
)
from tracejit.dtypes import is_integer
from tracejit.ir.core import Value
from tracejit.ir.extent import evaluate
from tracejit.ir.program import Program, ProgramResult
from tracejit.records import dataclass


@dataclass(frozen=True)
class CompiledProgram:
    """Native code of a Program; arguments are those of the function it was lowered from."""

    program: Program
    core: Core
    module: CompiledModule
    milliseconds: Mapping[str, float]

    @property
    def llvm_ir(self) -> str:
        """The text given to LLVM."""
        return self.core.text

    @property
    def llvm_ir_optimised(self) -> str:
        """The module after LLVM's passes."""
        return self.module.llvm_ir_optimised()

    def asm(self) -> str:
        """Assembly for this machine."""
        return self.module.asm()

    @cached_property
    def _function(self) -> Any:
        kind = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
        return kind(self.module.addresses["core"])

    def call(self, *args: Any) -> list[Any]:
        """Run on scalars and arrays; results as NumPy scalars and arrays.

        Arrays must have the dtype, and the strides where static, that the Program was lowered for;
        those it writes are written. Raises what the program raises.
        """
        return _Call(self).run(args)


def compile_program(
    program: Program,
    opt_level: int = 3,
    engine: Engine | None = None,
    cache: bool = True,
    param_slots: Sequence[int] | None = None,
    result_slots: Sequence[int] | None = None,
) -> CompiledProgram:
    """Compile a verified Program for this machine."""
    start = time.perf_counter()
    core = lower_program(program, param_slots, result_slots)
    spent = {"lower": (time.perf_counter() - start) * 1e3}
    available = {**capi.symbols(), **runtime_symbols(), **core.symbols}
    wanted = {name: where for name, where in available.items() if f"@{name}" in core.text}
    module = (engine or shared_engine()).compile(core.text, wanted, ["core"], opt_level, cache)
    return CompiledProgram(program, core, module, {**spent, **module.milliseconds})


class _Call:
    """One call: slots filled, the core run, results read."""

    def __init__(self, compiled: CompiledProgram) -> None:
        self.compiled = compiled
        self.program = compiled.program
        self.slots = (ctypes.c_int64 * max(1, compiled.core.slot_count))()
        self.context = (ctypes.c_int64 * abi.CTX_WORDS)()
        self.numbers: dict[Value, int] = {}
        self.kept: list[Any] = []

    def run(self, args: Sequence[Any]) -> list[Any]:
        core = self.compiled.core
        self.context[abi.CTX_HOST] = id(core.host)
        outs = self._fill(args)
        here = ctypes.addressof(self.context)
        try:
            if self.compiled._function(here, ctypes.addressof(self.slots)):
                error = self.context[abi.CTX_ERROR]
                if error == abi.ERROR_MEMORY:
                    raise MemoryError
                first = abi.CTX_PAYLOAD
                raise core.errors.build(error, *self.context[first : first + abi.PAYLOAD_WORDS])
            return [
                outs[k] if r.kind == "out" else self._read(r)
                for k, r in enumerate(self.program.results)
            ]
        finally:
            native_function("tj_free_all", None, ctypes.c_void_p)(here)

    def _fill(self, args: Sequence[Any]) -> dict[int, np.ndarray[Any, Any]]:
        outs: dict[int, np.ndarray[Any, Any]] = {}
        host = self.program.host
        places = self.compiled.core.param_slots
        for slot, value, place in zip(self.program.slots, host.params, places, strict=True):
            if slot.kind == "scalar":
                self._scalar(value, args[slot.index], place)
            elif slot.kind == "stride":
                self._scalar(value, args[slot.index].strides[slot.axis], place)
            elif slot.kind == "array":
                self._array(value, args[slot.index], place)
            else:
                shape = self._shape(value)
                outs[slot.index] = np.empty(shape, value.dtype)
                self.slots[place] = outs[slot.index].ctypes.data
        return outs

    def _scalar(self, value: Value, arg: Any, place: int) -> None:
        store_scalar(value.dtype, arg, ctypes.addressof(self.slots) + 8 * place)
        if is_integer(value.dtype):
            self.numbers[value] = int(arg)

    def _array(self, value: Value, arg: Any, place: int) -> None:
        if type(arg) is not np.ndarray or arg.dtype != value.dtype:
            raise TypeError(f"an array of {value.dtype} is wanted, not {arg!r}")
        if arg.shape != self._shape(value):
            raise TypeError(f"an array of shape {self._shape(value)} is wanted, not {arg.shape}")
        strides = tuple(evaluate(d, self._number) for d in value.type.strides)  # type: ignore[union-attr]
        if arg.size and any(
            s != t and n > 1 for s, t, n in zip(arg.strides, strides, arg.shape, strict=True)
        ):
            raise TypeError(f"strides {strides} are wanted, not {arg.strides}")
        self.slots[place] = arg.ctypes.data
        self.kept.append(arg)

    def _number(self, leaf: Any) -> int:
        return self.numbers[leaf]

    def _shape(self, value: Value) -> tuple[int, ...]:
        return tuple(evaluate(d, self._number) for d in value.shape)

    def _read(self, result: ProgramResult) -> Any:
        places = self.compiled.core.result_slots[result.first :]
        where = ctypes.addressof(self.slots) + 8 * places[0]
        if result.kind == "scalar":
            return scalar_from_slots(result.type.dtype, where)
        shape = tuple(self.slots[p] for p in places[1 : 1 + result.type.rank])
        array = np.empty(shape, result.type.dtype)
        ctypes.memmove(array.ctypes.data, self.slots[places[0]], array.nbytes)
        return array
