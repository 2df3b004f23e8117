"""Compiles a scalar lowering into a loop over arrays with plain llvmlite: the tests' harness."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from tracejit.ir.scalar.emit import BOOL, ComplexPair, DType
from tracejit.llvm_text.emit import LLVMEmitter, llvm_type

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()


def _part(dtype: DType) -> DType:
    return np.dtype(np.float32 if dtype == np.complex64 else np.float64)


def _load(e: LLVMEmitter, pointer: str, dtype: DType) -> Any:
    if dtype.kind == "c":
        part = _part(dtype)
        t = llvm_type(part)
        high = e.fresh()
        e.line(f"{high} = getelementptr {t}, ptr {pointer}, i64 1")
        return ComplexPair(
            e.op(part, f"load {t}, ptr {pointer}"), e.op(part, f"load {t}, ptr {high}")
        )
    if dtype == BOOL:
        return e.int_cast(e.op(np.dtype(np.uint8), f"load i8, ptr {pointer}"), BOOL)
    return e.op(dtype, f"load {llvm_type(dtype)}, ptr {pointer}")


def _store(e: LLVMEmitter, pointer: str, value: Any) -> None:
    if isinstance(value, ComplexPair):
        high = e.fresh()
        e.line(f"store {value.re}, ptr {pointer}")
        e.line(f"{high} = getelementptr {value.re.type}, ptr {pointer}, i64 1")
        e.line(f"store {value.im}, ptr {high}")
        return
    if value.dtype == BOOL:
        value = e.int_cast(value, np.dtype(np.uint8))
    e.line(f"store {value}, ptr {pointer}")


def loop_text(
    lower: Callable[..., Any],
    dtypes: Sequence[DType],
    attrs: dict[str, Any],
    usual: bool = False,
    many: bool = False,
) -> tuple[str, list[DType]]:
    """Module text of `void k(ptr in…, ptr out…, i64 n)`, and the dtypes of the outputs.

    `usual`: without the rare ways. `many`: as in a loop that becomes vector code.
    """
    lines: list[str] = []
    e = LLVMEmitter(lines, block="loop")
    e.rare = [] if usual else None
    e.many = many
    e.line("%i = phi i64 [ 0, %start ], [ %next, %LATCH ]")

    def at(name: str, dtype: DType) -> str:
        pointer = e.fresh()
        e.line(f"{pointer} = getelementptr [{dtype.itemsize} x i8], ptr %{name}, i64 %i")
        return pointer

    operands = [_load(e, at(f"in{k}", d), d) for k, d in enumerate(dtypes)]
    results = lower(e, *operands, **attrs)
    results = results if isinstance(results, tuple) else (results,)
    for k, r in enumerate(results):
        _store(e, at(f"out{k}", r.dtype), r)
    body = "\n".join(lines).replace("%LATCH", f"%{e.block}")
    params = [f"ptr noalias %in{k}" for k in range(len(dtypes))]
    params += [f"ptr noalias %out{k}" for k in range(len(results))]
    text = f"""define void @k({", ".join(params)}, i64 %n) "prefer-vector-width"="512" {{
start:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %loop, label %done
loop:
{body}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""
    return "\n".join([*e.module_lines(), text]), [r.dtype for r in results]


class CompiledLoop:
    """Calls the loop on contiguous arrays of one length; `asm` is its optimised assembly."""

    def __init__(self, text: str, outputs: list[DType]) -> None:
        self.outputs = outputs
        target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=3,
        )
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_default_triple()
        module.data_layout = str(target.target_data)
        options = llvm.create_pipeline_tuning_options(3)
        options.loop_vectorization = True
        llvm.create_pass_builder(target, options).getModulePassManager().run(
            module, llvm.create_pass_builder(target, options)
        )
        self.asm: str = target.emit_assembly(module)
        self._engine = llvm.create_mcjit_compiler(module, target)
        self._engine.finalize_object()
        self._address = self._engine.get_function_address("k")

    def __call__(self, *arrays: Any, out: list[Any] | None = None) -> Any:
        ins = [np.ascontiguousarray(a) for a in arrays]
        outs = out or [np.empty(ins[0].shape, d) for d in self.outputs]
        kinds = [ctypes.c_void_p] * (len(ins) + len(outs)) + [ctypes.c_int64]
        call = ctypes.CFUNCTYPE(None, *kinds)(self._address)
        call(*(a.ctypes.data for a in ins), *(a.ctypes.data for a in outs), ins[0].size)
        return outs[0] if len(outs) == 1 else tuple(outs)


def compile_loop(
    lower: Callable[..., Any],
    dtypes: Sequence[Any],
    usual: bool = False,
    many: bool = False,
    **attrs: Any,
) -> CompiledLoop:
    return CompiledLoop(*loop_text(lower, [np.dtype(d) for d in dtypes], attrs, usual, many))
