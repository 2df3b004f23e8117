"""``f.c_function``: a function as the address of a C function of this process, by the route of
``f.export``.

Forms are what libraries call: the parameters of the C header with the result returned by value
(``"plain"``), SciPy's integrands (``"integrand"``) and filters (``"filter"``). C knows no
exception: where the function fails, it returns nan, or zero, or that it failed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.calls.versions import Options
from tracejit.codegen_llvm.engine import CompiledModule, shared_engine
from tracejit.dtypes import is_bool, is_complex, is_float
from tracejit.errors import UnsupportedError
from tracejit.export.export import only_text
from tracejit.export.interface import Interface, Parameter
from tracejit.export.targets import target_named
from tracejit.ir.arguments import ArrayArg, SymDim
from tracejit.llvm_text.emit import llvm_type
from tracejit.records import dataclass

_CTYPES: dict[str, Any] = {"double": ctypes.c_double, "float": ctypes.c_float, "i8": ctypes.c_int8,
           "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64,
           "ptr": ctypes.c_void_p, "doubles": ctypes.POINTER(ctypes.c_double)}  # fmt: skip
FORMS = ("plain", "integrand", "filter")


@dataclass(frozen=True)
class FunctionPointer:
    """A C function. ``address``: valid for as long as this, or ``ctypes``, lives."""

    address: int
    ctypes: Any
    module: CompiledModule


def c_function(function: Any, options: Options, signature: Any, form: str) -> FunctionPointer:
    """Compile it; see ``f.c_function``."""
    if form not in FORMS:
        raise ValueError(f"a form is one of {', '.join(FORMS)}, not {form!r}")
    # BLAS is found in a program that is linked; here there is none.
    target = replace(target_named(None), weak_blas=False)
    f, text = only_text(function, options, signature, target)
    result, params, inner, body = _FORMS[form](f)
    call = _caller(f, result, params, inner, body)
    allocator = ctypes.CDLL(None)
    names = [n for n in ("malloc", "free") if f"@{n}(" in text]
    symbols = {n: ctypes.cast(getattr(allocator, n), ctypes.c_void_p).value or 0 for n in names}
    module = shared_engine().compile(f"{text}\n{call}", symbols, ["c.function"], options.opt_level)
    kinds = [_CTYPES[kind] for kind, _ in params]
    made: Any = ctypes.CFUNCTYPE(_CTYPES[result], *kinds)(module.addresses["c.function"])
    made.kept = module
    return FunctionPointer(module.addresses["c.function"], made, module)


def _number(f: Interface) -> str:
    """LLVM's type of the one number that the function returns."""
    if (
        len(f.function.outs) != 1
        or len(f.results) != 1
        or f.results[0].kind != "scalar"
        or is_complex(f.results[0].dtype)
    ):
        raise UnsupportedError(
            f"a C function returns one real number; {f.name} returns others: "
            "export it, where results are written to memory"
        )
    dtype = f.results[0].dtype
    return "i8" if is_bool(dtype) else llvm_type(dtype)


def _double(f: Interface, form: str) -> None:
    if _number(f) != "double":
        raise UnsupportedError(f"the result of an {form} is a float64")


#: Types and names of parameters, what the function is given, and what comes before the call.
_Form = tuple[str, list[tuple[str, str]], dict[str, str], list[str]]


def _plain(f: Interface) -> _Form:
    params = [(p.llvm, p.name) for p in f.arguments]
    return _number(f), params, {p.name: f"%{p.name}" for p in f.arguments}, []


def _apart(f: Interface, form: str) -> tuple[list[Parameter], list[Parameter], list[Parameter]]:
    """The numbers, the vector with its extent, and what is user data: an array of fixed sizes."""
    arrays: dict[str, Any] = dict(zip(f.function.types.names, f.function.traced.args, strict=True))
    numbers: list[Parameter] = []
    vector: list[Parameter] = []
    user: list[Parameter] = []
    for p in f.arguments:
        arg = arrays.get(p.name)
        if not isinstance(arg, ArrayArg):
            (vector if p.low is not None else numbers).append(p)
        elif any(isinstance(d, SymDim) for d in arg.shape):
            vector.append(p)
        else:
            user.append(p)
    doubles = all(p.llvm == "double" for p in numbers)
    one = len(vector) in (0, 2) and bool(vector) != bool(numbers) and len(user) <= 1
    dtype = arrays[vector[0].name].dtype if one and vector else np.dtype(float)
    if not (doubles and one and is_float(dtype) and dtype.itemsize == 8):
        raise UnsupportedError(
            f"an {form} takes float64 numbers, or one vector f8[n], and then an array of fixed "
            f"sizes as user data; {f.name} takes {f.function.signature_text()}"
        )
    return numbers, vector, user


def _integrand(f: Interface) -> _Form:
    """``double (double)`` or ``double (int, double *)``, with ``void *`` for user data."""
    _double(f, "integrand")
    numbers, vector, user = _apart(f, "integrand")
    given = {p.name: "%user" for p in user}
    last = [("ptr", "user")] if user else []
    if len(numbers) == 1:
        return "double", [("double", "x"), *last], given | {numbers[0].name: "%x"}, []
    lines = ["%n = sext i32 %count to i64"]
    for k, p in enumerate(numbers):
        lines += [f"%x{k} = getelementptr double, ptr %xs, i64 {k}"]
        lines += [f"%v{k} = load double, ptr %x{k}"]
        given[p.name] = f"%v{k}"
    for p in vector:
        given[p.name] = "%xs" if p.llvm == "ptr" else "%n"
    return "double", [("i32", "count"), ("doubles", "xs"), *last], given, lines


def _filter(f: Interface) -> _Form:
    """``int (double *, npy_intp, double *, void *)`` of ``scipy.ndimage``."""
    _double(f, "filter")
    numbers, vector, user = _apart(f, "filter")
    if numbers:
        raise UnsupportedError(f"a filter takes one vector f8[n], not {numbers[0].name}")
    given = {p.name: "%xs" if p.llvm == "ptr" else "%count" for p in vector}
    given |= {p.name: "%user" for p in user}
    kinds = [("doubles", "xs"), ("i64", "count"), ("doubles", "result"), ("ptr", "user")]
    return "i32", kinds, given, []


_FORMS = {"plain": _plain, "integrand": _integrand, "filter": _filter}


def _caller(
    f: Interface,
    result: str,
    params: Sequence[tuple[str, str]],
    given: dict[str, str],
    lines: Sequence[str],
) -> str:
    """LLVM text of the function."""
    kind = _number(f)
    fills = any(name == "result" and k == "doubles" for k, name in params)
    declared = ", ".join(f"{'ptr' if k == 'doubles' else k} %{name}" for k, name in params)
    out = "%result" if fills else "%.out"
    args = [f"{p.llvm} {given[p.name]}" for p in f.arguments] + [f"ptr {out}", "ptr null"]
    wrong = "0" if fills or not kind.startswith(("double", "float")) else "0x7FF8000000000000"
    right = ["ret i32 1"] if fills else [f"%.r = load {kind}, ptr %.out", f"ret {kind} %.r"]
    body = [
        *([] if fills else [f"%.out = alloca {kind}"]),
        *lines,
        f"%.status = call i32 @{f.name}({', '.join(args)})",
        "%.bad = icmp ne i32 %.status, 0",
        "br i1 %.bad, label %.fail, label %.good",
        ".fail:",
        f"ret {'i32' if fills else kind} {wrong}",
        ".good:",
        *right,
    ]
    head = f'define {result} @"c.function"({declared}) #0 {{'
    return "\n".join([head, *(f"  {x}" if x[-1] != ":" else x for x in body), "}", ""])
