"""Programs built by hand, instruction by instruction, run natively and by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tracejit.codegen_llvm.compile import compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import Program, ProgramResult, Slot, verify_program
from tracejit.ir.types import INDEX

LEVELS = pytest.mark.parametrize("level", [0, 3])
SCALARS = [
    "bool",
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f32",
    "f64",
    "c64",
    "c128",
]


def scalars_program(b: Builder, results: Sequence[Value], slots: Sequence[Slot] = ()) -> Program:
    """A host function of scalars (and what `slots` says) that returns scalars."""
    slots = slots or [Slot("scalar", k) for k in range(len(b.params))]
    returned = tuple(ProgramResult("scalar", r.tensor, k) for k, r in enumerate(results))
    program = Program(b.build(results), tuple(slots), returned)
    verify_program(program)
    return program


def both(program: Program, level: int, *args: Any) -> list[Any]:
    """Results of native code, which the interpreter has confirmed."""
    want = interpret_program(program, [a.copy() if isinstance(a, np.ndarray) else a for a in args])
    got = compile_program(program, level).call(*args)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)
        assert np.asarray(g).dtype == np.asarray(w).dtype
    return got


def region(name: str, types: Sequence[Any], body: Any) -> Function:
    b = Builder(name)
    params = [b.param(t) for t in types]
    return b.build(body(b, *params))


def kernel(b: Builder, operands: Sequence[Value], body: Any, **attrs: Any) -> Any:
    inner = Builder("kernel")
    mapping = inner.params_like(operands)
    function = inner.build(body(inner, *[mapping[v] for v in operands]))
    return b.op("launch", *operands, regions=(function,), **attrs)


def each(b: Builder, n: Value, operands: Sequence[Value], body: Any) -> None:
    """A loop over `n` without carried values."""
    inner = Builder("body")
    i = inner.param(INDEX)
    mapping = inner.params_like(operands)
    body(inner, i, *[mapping[v] for v in operands])
    b.op("for", n, *operands, regions=(inner.build([]),), carried=0)
