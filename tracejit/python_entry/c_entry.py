"""The entry that C calls: a function of numbers and pointers around a core.

A pointer is the data of a vector whose extent nobody knows. What fails is reported as an exception
that cannot be raised (``sys.unraisablehook``), and the entry returns zero.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.abi import capi
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.runtime import runtime_symbols
from tracejit.dtypes import is_float
from tracejit.ir.results import PythonOut, ScalarOut, StaticOut
from tracejit.python_entry.entry import Specialisation
from tracejit.records import dataclass

#: Elements of the vector behind a pointer: more than any memory holds.
_ENDLESS = 2**56
_GIL = ("PyGILState_Ensure", "PyGILState_Release", "PyErr_WriteUnraisable")


@dataclass(frozen=True)
class CType:
    """A number (``dtype``), or a pointer to numbers."""

    dtype: np.dtype[Any]
    pointer: bool = False

    @property
    def text(self) -> str:
        """The type in LLVM."""
        if self.pointer:
            return "ptr"
        if is_float(self.dtype):
            return "float" if self.dtype.itemsize == 4 else "double"
        return f"i{8 * self.dtype.itemsize}"


class CEntry:
    """A C function made of a specialisation, which it keeps."""

    def __init__(
        self, spec: Specialisation, args: Sequence[CType], result: CType | None, locked: bool
    ) -> None:
        """``locked``: whether the core calls Python, which takes the GIL."""
        self.spec = spec
        self._build = spec.errors.build  # the text has its address
        self._host = spec.host
        symbols = {**capi.symbols(), **runtime_symbols(), "core": spec.core_address}
        for name in _GIL:
            symbols[name] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        symbols["errors"], symbols["host"] = id(self._build), id(self._host)
        text = _text(spec.signature, args, result, locked)
        wanted = {n: a for n, a in symbols.items() if f"@{n}(" in text or f"@{n} " in text}
        self._module = shared_engine().compile(text, wanted, ["entry"], 2)
        self.address = self._module.addresses["entry"]


_DECLARATIONS = """
@errors = external global i8
@host = external global i8
declare i32 @core(ptr, ptr)
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare void @PyErr_WriteUnraisable(ptr)
declare void @tj_raise(ptr, ptr)
declare void @tj_free_all(ptr)
"""


def _text(
    signature: abi.Signature, args: Sequence[CType], result: CType | None, locked: bool
) -> str:
    layout = abi.layout(signature)
    given = layout.params[: len(signature.params)]  # hidden parameters behind have no slots
    stores = [
        line
        for k, (at, kind) in enumerate(zip(given, args, strict=True))
        for line in _stored(k, at, kind)
    ]
    returned, zero = _returned(signature, layout, result)
    take = "%state = call i32 @PyGILState_Ensure()"
    give = "call void @PyGILState_Release(i32 %state)"
    params = ", ".join(f"{kind.text} %a{k}" for k, kind in enumerate(args))
    return "\n".join(
        [
            _DECLARATIONS,
            f"define {'void' if result is None else result.text} @entry({params}) {{",
            f"%ctx = alloca [{abi.CTX_WORDS} x i64], align 64",
            f"%slots = alloca [{max(1, layout.count)} x i64], align 16",
            f"store [{abi.CTX_WORDS} x i64] zeroinitializer, ptr %ctx",
            f"%hostp = getelementptr i64, ptr %ctx, i64 {abi.CTX_HOST}",
            "store ptr @host, ptr %hostp",
            *stores,
            *([take] if locked else []),
            "%status = call i32 @core(ptr %ctx, ptr %slots)",
            "%bad = icmp ne i32 %status, 0",
            "br i1 %bad, label %fail, label %good",
            "fail:",
            *([] if locked else [take]),
            "call void @tj_raise(ptr %ctx, ptr @errors)",
            "call void @PyErr_WriteUnraisable(ptr null)",
            "call void @tj_free_all(ptr %ctx)",
            give,
            zero,
            "good:",
            "call void @tj_free_all(ptr %ctx)",
            *([give] if locked else []),
            *returned,
            "}",
            "",
        ]
    )


def _stored(k: int, at: abi.Slots, kind: CType) -> list[str]:
    """An argument in its slots."""
    if at.data is None:
        return []
    lines = [_slot(f"d{k}", at.data), f"store {kind.text} %a{k}, ptr %d{k}"]
    for n, slot in enumerate(at.extents):
        if slot is not None:
            lines += [_slot(f"e{k}.{n}", slot), f"store i64 {_ENDLESS}, ptr %e{k}.{n}"]
    for n, slot in enumerate(at.strides):
        if slot is not None:
            lines += [_slot(f"s{k}.{n}", slot), f"store i64 {kind.dtype.itemsize}, ptr %s{k}.{n}"]
    return lines


def _slot(name: str, number: int) -> str:
    return f"%{name} = getelementptr i64, ptr %slots, i64 {number}"


def _returned(
    signature: abi.Signature, layout: abi.SlotLayout, result: CType | None
) -> tuple[list[str], str]:
    """What returns the result, and what returns zero."""
    if result is None:
        return ["ret void"], "ret void"
    zero = f"ret {result.text} zeroinitializer" if result.pointer else _literal(result, 0)
    (out,) = signature.outs
    if isinstance(out, StaticOut):
        return [_literal(result, out.value)], zero
    stored = signature.results[out.index] if isinstance(out, ScalarOut | PythonOut) else None
    if stored is None or stored.dtype != result.dtype:
        raise TypeError(f"a C function that returns {result.dtype} returns no other kind of value")
    (at,) = layout.results
    assert at.data is not None
    loaded = f"%result = load {result.text}, ptr %resultp"
    return [_slot("resultp", at.data), loaded, f"ret {result.text} %result"], zero


def _literal(kind: CType, value: Any) -> str:
    if not is_float(kind.dtype):
        return f"ret {kind.text} {int(value)}"
    bits = np.float64(value).view(np.uint64)
    return f"ret {kind.text} 0x{int(bits):016X}"
