"""What lowers instructions in exported code: as in a process with Python, without Python.

A call of Python, printing, random numbers and those routines of a library that `without_libraries`
has no loops for are refused, with the user's line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from tracejit.codegen_llvm.lower import RULES
from tracejit.errors import UnsupportedError, raise_at
from tracejit.export.gemm_text import matmul_text
from tracejit.export.targets import Target
from tracejit.ir.core import Instr
from tracejit.ir.interpret.draws import HostDraw
from tracejit.ir.ops.extern import Reference
from tracejit.llvm_text.lower_function import FunctionText, Rule
from tracejit.llvm_text.product_calls import call_products

_NONE = "an exported function has no Python:"
_LETTER = {"f4": "s", "f8": "d", "c8": "c", "c16": "z"}


def rules_for(target: Target) -> dict[str, Rule]:
    """The rules of lowering for a target."""
    rules = {**RULES, "print": _no_print, "host_call": _no_call, "gemm": _gemm(target)}
    if not target.deep_stack:
        rules["recursion"] = _no_recursion
    return rules


def refused(instr: Instr, why: str) -> NoReturn:
    """UnsupportedError at the user's line."""
    error = UnsupportedError(why)
    if instr.loc is None:
        raise error
    raise_at(error, instr.loc.filename, instr.loc.line)


def _no_print(f: FunctionText, instr: Instr) -> None:
    refused(instr, f"{_NONE} it cannot print; return what is to be shown")


def _no_recursion(f: FunctionText, instr: Instr) -> None:
    refused(instr, "this target has no stack for calls within one another: write a loop")


def _no_call(f: FunctionText, instr: Instr) -> None:
    function = instr.attrs["fn"]
    if isinstance(function, HostDraw):
        refused(instr, f"{_NONE} {function.method} draws random numbers; pass an array of them")
    if isinstance(function, Reference):
        row = _called(function)
        refused(instr, f"{_NONE} {row} is a call of NumPy, SciPy or LAPACK; compute without it")
    named = function if hasattr(function, "__qualname__") else type(function)
    whole = f"{named.__module__}.{named.__qualname__}"
    name = getattr(function, "written", None) or getattr(function, "__name__", whole)
    refused(
        instr, f"{_NONE} {name} is called, which is not compiled; compile it, or compute without it"
    )


def _called(row: Reference) -> str:
    """What a program calls a library's function."""
    attrs = dict(row.attrs)
    return str(attrs["function"]).replace(":", ".") if row.name == "ufunc" else row.name


def _gemm(target: Target) -> Callable[[FunctionText, Instr], None]:
    def lower(f: FunctionText, instr: Instr) -> None:
        letter = _LETTER[instr.operands[2].dtype.str[1:]]
        text = matmul_text(letter, f.module.declare, blas=target.weak_blas)
        symbol = f.module.once(f"@matmul_{letter}", text)
        call_products(f, instr, lambda product: product.call(f, symbol))

    return lower
