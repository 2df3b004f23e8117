"""Program -> native code: text, pipeline, linking, and a way to call it without `jit`.

What `jit` calls is made by `entry.py` from the same text; `CompiledProgram.call` is for tests,
tools and fuzzing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tracejit.abi import capi
from tracejit.codegen_llvm.core_call import CoreCall, address_of, callable_core, new_slots
from tracejit.codegen_llvm.engine import CompiledModule, shared_engine
from tracejit.codegen_llvm.lower import Core, lower_program
from tracejit.codegen_llvm.runtime import runtime_symbols
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
        return callable_core(self.module.addresses["core"])

    def call(self, *args: Any) -> list[Any]:
        """Run on scalars and arrays; results as NumPy scalars and arrays.

        Arrays must have the dtype, and the strides where static, that the Program was lowered for;
        those it writes are written. Raises what the program raises.
        """
        return _Call(self).run(args)


def compile_program(
    program: Program,
    opt_level: int = 3,
    param_slots: Sequence[int] | None = None,
    result_slots: Sequence[int] | None = None,
) -> CompiledProgram:
    """Compile a verified Program for this machine."""
    start = time.perf_counter()
    core = lower_program(program, param_slots, result_slots)
    spent = {"lower": (time.perf_counter() - start) * 1e3}
    available = {**capi.symbols(), **runtime_symbols(), **core.symbols}
    wanted = {name: where for name, where in available.items() if f"@{name}" in core.text}
    module = shared_engine().compile(core.text, wanted, ["core"], opt_level)
    return CompiledProgram(program, core, module, {**spent, **module.milliseconds})


class _Call:
    """One call: slots filled, the core run, results read."""

    def __init__(self, compiled: CompiledProgram) -> None:
        self.compiled = compiled
        self.program = compiled.program
        self.core = CoreCall(new_slots(compiled.core.slot_count), compiled.core.host)
        self.numbers: dict[Value, int] = {}
        self.kept: list[Any] = []

    def run(self, args: Sequence[Any]) -> list[Any]:
        outs = self._fill(args)
        try:
            if not self.core.run(self.compiled._function):
                raise self.core.exception(self.compiled.core.errors)
            return [
                outs[k] if r.kind == "out" else self._read(r)
                for k, r in enumerate(self.program.results)
            ]
        finally:
            self.core.free()

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
                self.core.slots[place] = address_of(outs[slot.index])
        return outs

    def _scalar(self, value: Value, arg: Any, place: int) -> None:
        self.core.store(value.dtype, arg, place)
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
        self.core.slots[place] = address_of(arg)
        self.kept.append(arg)

    def _number(self, leaf: Any) -> int:
        return self.numbers[leaf]

    def _shape(self, value: Value) -> tuple[int, ...]:
        return tuple(evaluate(d, self._number) for d in value.shape)

    def _read(self, result: ProgramResult) -> Any:
        places = self.compiled.core.result_slots[result.first :]
        if result.kind == "scalar":
            return self.core.scalar(result.type.dtype, places[0])
        shape = [self.core.slots[p] for p in places[1 : 1 + result.type.rank]]
        return self.core.array(result.type.dtype, shape, places[0])
