"""C functions given by address, called from compiled code.

What SciPy's ``cython_special`` exports, functions of ``ctypes`` and of Numba's ``cfunc`` take and
give numbers. They are called through ``ctypes``, one call of Python for each.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.types import TensorType, dtype_of
from tracejit.numba_compat import types as nt
from tracejit.trace.array_api.attempted import host_call
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.values.all import Scalar

_C = {
    "?": ctypes.c_bool,
    "b": ctypes.c_int8, "h": ctypes.c_int16, "i": ctypes.c_int32, "l": ctypes.c_int64,
    "q": ctypes.c_int64,
    "B": ctypes.c_uint8, "H": ctypes.c_uint16, "I": ctypes.c_uint32, "L": ctypes.c_uint64,
    "Q": ctypes.c_uint64,
    "f": ctypes.c_float, "d": ctypes.c_double,
}  # fmt: skip


def c_type(kind: Any) -> Any:
    """The type of ``ctypes`` for a number, a pointer or nothing. UnsupportedError for others."""
    if kind is None or kind == nt.void:
        return None
    if isinstance(kind, nt.PointerType):
        inner = c_type(kind.dtype)
        return ctypes.c_void_p if inner is None else ctypes.POINTER(inner)
    code = kind.dtype.char if isinstance(kind, nt.ScalarType) else ""
    if code not in _C:
        raise UnsupportedError(f"a C function takes and gives numbers and pointers, not {kind}")
    return _C[code]


class ForeignFunction:
    """A C function of numbers at an address that stays."""

    def __init__(self, address: int, signature: nt.FunctionSignature, name: str) -> None:
        self.address, self.declared, self.__name__ = address, signature, name
        self.__qualname__, self.__module__ = name, "ctypes"
        types = [c_type(t) for t in (signature.return_type, *signature.args)]
        self._called = ctypes.CFUNCTYPE(*types)(address)

    def __call__(self, *args: Any) -> Any:
        numbers = [np.asarray(x).item() for x in args]
        return self.declared.return_type.dtype.type(self._called(*numbers))

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        result = TensorType(dtype_of(self.declared.return_type.dtype), ())
        given = [_operand(x, t) for x, t in zip(args, self.declared.args, strict=True)]
        (found,) = host_call(self, given, [result], ())
        return Scalar(found)


def _operand(x: Any, kind: Any) -> Any:
    return asarray(np.asarray(x).astype(kind.dtype)).read()


@functools.cache
def foreign(wrapper: Any) -> ForeignFunction:
    """The function of an object with ``__wrapper_address__`` and ``signature``."""
    return ForeignFunction(
        wrapper.__wrapper_address__(), wrapper.signature(), type(wrapper).__name__
    )


def address_in_capsule(capsule: Any) -> int:
    """The address that a capsule of Python's holds, whatever its name is."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    found: int = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return found


def of_ctypes(function: Any) -> ForeignFunction:
    """A function pointer of ``ctypes`` with ``argtypes`` and ``restype``."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    args: Sequence[Any] = function.argtypes or ()
    kinds = tuple(_of_c(t) for t in args)
    return ForeignFunction(
        address, nt.FunctionSignature(_of_c(function.restype), kinds), "a function of ctypes"
    )


def _of_c(kind: Any) -> Any:
    for code, found in _C.items():
        if found is kind:
            return nt.from_dtype(code)
    raise UnsupportedError(f"a C function of numbers is called, not one with {kind}")
