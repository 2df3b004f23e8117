"""Calls of C functions of numbers by address (`tracejit.ir.ops.c_function`)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tracejit.codegen_llvm.lower_lapack import Lowering
from tracejit.ir.core import Value
from tracejit.ir.ops.c_function import CFunction
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText

#: Codes of dtypes that C passes as LLVM does without being told how to extend them.
_ALIKE = set("ilqILQfd")


def native_c_call(function: object) -> Lowering | None:
    """What lowers a call of a C function; None for others, and for numbers that C extends."""
    if not isinstance(function, CFunction):
        return None
    numbers = {d.char for d in (function.result, *function.args)}
    return _call_address if numbers <= _ALIKE else None


def _call_address(
    f: FunctionText, function: object, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    """The function, under a name that the linker gives its address."""
    assert isinstance(function, CFunction)
    known = f.module.symbols
    names = (f"tj_c_function_{k}" for k in itertools.count())
    symbol = next(n for n in names if known.get(n, function.address) == function.address)
    known[symbol] = function.address
    types = ", ".join(llvm_type(d) for d in function.args)
    result = llvm_type(function.result)
    f.module.declare(f"declare {result} @{symbol}({types})")
    given = ", ".join(str(f.scalar(v)) for v in operands)
    found = f.e.fresh()
    f.e.line(f"{found} = call {result} @{symbol}({given})")
    (value,) = results
    f.env[value] = Reg(found, function.result)
