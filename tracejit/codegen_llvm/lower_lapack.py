"""Rows of linear algebra by routines of our own OpenBLAS, called by address.

What is not here, or does not lie in C order, is NumPy's (`lower_extern.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.codegen_llvm import blas
from tracejit.codegen_llvm.lapack_text import NEEDS, function_text, routine, shared_text
from tracejit.dtypes import is_complex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.ops.extern import Reference
from tracejit.ir.types import BufferType
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar

_LETTER = {"f": "s", "d": "d", "F": "c", "D": "z"}
Lowering = Callable[[FunctionText, Reference, Sequence[Value], Sequence[Value]], None]


def native(
    function: object, operands: Sequence[Value], results: Sequence[Value]
) -> Lowering | None:
    """What lowers a call of a library, or None where Python does it."""
    if not isinstance(function, Reference) or function.name not in _NATIVE:
        return None
    if function.name in _REAL_ONLY and is_complex(operands[0].dtype):
        return None
    arrays = [v.type for v in (*operands, *results) if isinstance(v.type, BufferType)]
    return _NATIVE[function.name] if all(map(in_c_order, arrays)) else None


def in_c_order(type_: BufferType) -> bool:
    """Whether its strides are those of C order."""
    step: Dim = type_.dtype.itemsize
    for extent, stride in zip(type_.shape[::-1], type_.strides[::-1], strict=True):
        if stride != step:
            return False
        step = step * extent
    return True


def _symbol(f: FunctionText, name: str, letter: str) -> str:
    """The function of a row, defined in the module with all that it needs."""
    helpers, routines = NEEDS[name]
    for r in routines:
        symbol, declaration = routine(r, letter)
        f.module.declare(declaration)
        f.module.symbols.update(blas.cblas_symbols(symbol))
    f.module.declare("declare ptr @tj_alloc(ptr, i64)")
    f.module.declare("declare void @tj_free(ptr, ptr)")
    f.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    f.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    for h in helpers:
        f.module.once(f"@lapack_{h}_{letter}", shared_text(h, letter))
    return f.module.once(f"@lapack_{name}_{letter}", function_text(name, letter))


def _run(
    f: FunctionText, name: str, a: Value, pointers: Sequence[Pointer], last: Sequence[str]
) -> None:
    """Call a row's function on a stack of matrices."""
    *lead, n = a.shape[:-1]
    sizes = [f"i64 {f.dim(d).text}" for d in (product(tuple(lead)), n)]
    symbol = _symbol(f, name, _LETTER[a.dtype.char])
    args = ", ".join(["ptr %ctx", *map(str, pointers), *sizes, *last])
    f.call_status(f"{symbol}({args})")


def _place(f: FunctionText, result: Value) -> Pointer:
    """Where one result per matrix goes: of a single matrix it is a scalar, `_taken` afterwards."""
    return f.pointer(result) if isinstance(result.type, BufferType) else f.stack("i64")


def _taken(f: FunctionText, result: Value, place: Pointer) -> None:
    if not isinstance(result.type, BufferType):
        f.env[result] = load_scalar(f, place, result.dtype)


def _solve(
    f: FunctionText, call: Reference, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    (a, b), (x, ok), flag = operands, results, _place(f, results[-1])
    pointers = [f.pointer(v) for v in (a, b, x)]
    _run(f, "solve", a, [*pointers, flag], [f"i64 {f.dim(b.shape[-1]).text}"])
    _taken(f, ok, flag)


def _inv(
    f: FunctionText, call: Reference, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    (a,), (x, ok), flag = operands, results, _place(f, results[-1])
    pointers = [f.pointer(a), Pointer("null"), f.pointer(x), flag]
    _run(f, "solve", a, pointers, [f"i64 {f.dim(a.shape[-1]).text}"])
    _taken(f, ok, flag)


def _cholesky(
    f: FunctionText, call: Reference, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    (a,), (x, ok), flag = operands, results, _place(f, results[-1])
    upper = str(dict(call.attrs)["upper"]).lower()
    _run(f, "cholesky", a, [f.pointer(a), f.pointer(x), flag], [f"i1 {upper}"])
    _taken(f, ok, flag)


def _triangular_solve(
    f: FunctionText, call: Reference, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    (a, b), (x,) = operands, results
    lower = str(dict(call.attrs)["lower"]).lower()
    last = [f"i64 {f.dim(b.shape[-1]).text}", f"i1 {lower}"]
    _run(f, "triangular_solve", a, [f.pointer(v) for v in (a, b, x)], last)


def _det(
    f: FunctionText, call: Reference, operands: Sequence[Value], results: Sequence[Value]
) -> None:
    (a,), (d,), place = operands, results, _place(f, results[0])
    _run(f, "det", a, [f.pointer(a), place], [])
    _taken(f, d, place)


_NATIVE: dict[str, Lowering] = {
    "solve": _solve,
    "inv": _inv,
    "cholesky": _cholesky,
    "triangular_solve": _triangular_solve,
    "det": _det,
}
#: Rows whose complex form is NumPy's.
_REAL_ONLY = frozenset(["det"])
