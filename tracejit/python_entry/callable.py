"""The type of what `jit` returns: a per-program heap type whose vectorcall slot is native code.

A call puts its arguments in their places (`parameters.py`), then walks a chain of (entry,
environment) pairs; each entry checks its guards and either answers or says "miss"; after the last
one the instance's `miss(*args, **kwargs)` is called. The type binds as a method, has a `__dict__`,
takes part in garbage collection, and any Python class body can be given as its namespace.
`portable.py` has the same interface in plain Python.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from tracejit.abi import capi
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.runtime import mem_handler, runtime_symbols
from tracejit.python_entry import boxing_text, many_text, runs_text
from tracejit.python_entry.parameters import CallParameters

_VECTORCALL, _DICT, _WEAK, _CHAIN, _MISS, _KEPT, _INSIDE = 16, 24, 32, 40, 48, 56, 64
_PARAMETERS, _TABLE, _SIZE = 72, 80, 88
_T_PYSSIZET, _READONLY = 19, 1
_TP_CALL, _TP_CLEAR, _TP_DEALLOC, _TP_DESCR_GET, _TP_TRAVERSE = 50, 51, 52, 54, 71
_TP_MEMBERS, _TP_GETSET = 72, 73
# default, vectorcall, method descriptor (so that obj.method(x) makes no bound method), gc
_FLAGS = 1 << 18 | 1 << 11 | 1 << 17 | 1 << 14


class Entry(Protocol):
    """What a chain is made of."""

    @property
    def entry_address(self) -> int: ...

    @property
    def env_address(self) -> int: ...


@cache
def boxing_symbols() -> dict[str, int]:
    """Addresses of the functions in `boxing_text`, compiled at first use."""
    # Level 0 here and in the runtime: 10 ms instead of 75, and a call is 2 ns slower.
    outside = {**capi.symbols(), **runtime_symbols(), "tj_mem_handler": id(mem_handler())}
    text = boxing_text.boxing_text()
    module = shared_engine().compile(text, outside, boxing_text.EXPORTS, opt_level=0, forever=True)
    return dict(module.addresses)


@cache
def run_symbols() -> dict[str, int]:
    """Addresses of the functions in `runs_text`, compiled at first use: optimised, as most of what
    they do is in loops."""
    outside = {**capi.symbols(), **boxing_symbols()}
    engine = shared_engine()
    module = engine.compile(runs_text.text(), outside, runs_text.EXPORTS, opt_level=2, forever=True)
    return dict(module.addresses)


@cache
def many_symbols() -> dict[str, int]:
    """Addresses of the loops in `many_text`, compiled where a call first has many numbers."""
    text, engine = many_text.text(), shared_engine()
    module = engine.compile(text, capi.symbols(), many_text.EXPORTS, opt_level=2, forever=True)
    return dict(module.addresses)


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _GetSet(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("doc", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    )


class _Slot(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_int), ("value", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("size", ctypes.c_int),
        ("item_size", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    )


def _address(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


# CPython keeps pointers into the descriptions of a type for as long as the type lives.
_descriptions: list[Any] = []


def native_callable_type(name: str, module: str, namespace: Mapping[str, Any]) -> type:
    """A heap type `module.name` with `namespace` as its body and native code as its call."""
    where = boxing_symbols()
    offsets = {"vectorcall": _VECTORCALL, "dict": _DICT, "weaklist": _WEAK}
    members = (_Member * 4)(
        *(
            _Member(f"__{field}offset__".encode(), _T_PYSSIZET, offset, _READONLY, None)
            for field, offset in offsets.items()
        )
    )
    getset = (_GetSet * 2)(
        _GetSet(
            b"__dict__", _address("PyObject_GenericGetDict"), _address("PyObject_GenericSetDict")
        )
    )
    slots = (_Slot * 8)(
        _Slot(_TP_CALL, _address("PyVectorcall_Call")),
        _Slot(_TP_CLEAR, where["tj_clear"]),
        _Slot(_TP_DEALLOC, where["tj_dealloc"]),
        _Slot(_TP_DESCR_GET, where["tj_bind"]),
        _Slot(_TP_TRAVERSE, where["tj_traverse"]),
        _Slot(_TP_MEMBERS, ctypes.addressof(members)),
        _Slot(_TP_GETSET, ctypes.addressof(getset)),
    )
    spec = _Spec(f"{module}.{name}".encode(), _SIZE, 0, _FLAGS, slots)
    _descriptions.append((members, getset, slots, spec))
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    made: type = make(ctypes.addressof(spec))
    for key, value in namespace.items():
        if key not in ("__dict__", "__weakref__", "__module__", "__qualname__"):
            setattr(made, key, value)
    return made


def _replace_reference(address: int, value: object) -> None:
    """Store `value` in an instance's reference field and drop what was there."""
    field = ctypes.c_void_p.from_address(address)
    old = field.value
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    field.value = id(value)
    if old:
        ctypes.pythonapi.Py_DecRef(ctypes.cast(old, ctypes.py_object))


def set_miss(instance: Any, miss: Callable[..., Any]) -> None:
    """Make `instance` callable: `miss` answers whatever no entry of its chain takes."""
    _replace_reference(id(instance) + _MISS, miss)
    field = ctypes.c_void_p.from_address(id(instance) + _VECTORCALL)
    field.value = boxing_symbols()["tj_dispatch"]


def set_parameters(instance: Any, parameters: CallParameters) -> None:
    """Where the arguments of calls belong. Once, before any call."""
    _replace_reference(id(instance) + _PARAMETERS, parameters)
    ctypes.c_void_p.from_address(id(instance) + _TABLE).value = parameters.address


def set_chain(instance: Any, entries: Sequence[Entry]) -> None:
    """Publish a new chain. Calls inside finish on the old one, which is kept alive for them.

    For one instance at a time: its dispatcher holds its lock.
    """
    rows = (ctypes.c_void_p * (2 * len(entries) + 2))()
    for k, entry in enumerate(entries):
        rows[2 * k], rows[2 * k + 1] = entry.entry_address, entry.env_address
    kept_field = ctypes.c_void_p.from_address(id(instance) + _KEPT)
    if kept_field.value:
        kept: list[Any] = ctypes.cast(kept_field.value, ctypes.py_object).value
    else:
        kept = []
        _replace_reference(id(instance) + _KEPT, kept)
    kept.append((rows, tuple(entries)))
    ctypes.c_void_p.from_address(id(instance) + _CHAIN).value = ctypes.addressof(rows)
    # What calls from now on is on the new chain, so that nobody is inside an older one.
    if not ctypes.c_int64.from_address(id(instance) + _INSIDE).value:
        del kept[:-1]
