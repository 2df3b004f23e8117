"""C functions given by address, called from compiled code.

What SciPy's ``cython_special`` exports, functions of ``ctypes`` and of Numba's ``cfunc`` take and
give numbers; compiled code calls them as C does.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from tracejit.errors import UnsupportedError, throw
from tracejit.ir.ops.c_function import C_TYPES, CFunction
from tracejit.ir.types import TensorType, dtype_of
from tracejit.numba_compat import types as nt
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.session.host_calls import host_call
from tracejit.trace.values.all import Scalar


def c_type(kind: Any) -> Any:
    """The type of ``ctypes`` for a number, a pointer or nothing. UnsupportedError for others."""
    if kind is None or kind == nt.void:
        return None
    if isinstance(kind, nt.PointerType):
        inner = c_type(kind.dtype)
        return ctypes.c_void_p if inner is None else ctypes.POINTER(inner)
    if not isinstance(kind, nt.ScalarType) or kind.dtype.char not in C_TYPES:
        raise UnsupportedError(f"a C function takes and gives numbers and pointers, not {kind}")
    return C_TYPES[kind.dtype.char]


class ForeignFunction:
    """A C function of numbers at an address that stays."""

    def __init__(self, address: int, signature: nt.FunctionSignature, name: str) -> None:
        self.__name__ = name
        kinds = (signature.return_type, *signature.args)
        if not all(isinstance(t, nt.ScalarType) and c_type(t) for t in kinds):
            raise UnsupportedError(f"compiled code calls C functions of numbers, not {signature}")
        result, *args = (dtype_of(nt.as_dtype(t)) for t in kinds)
        self.called = CFunction(name, address, tuple(args), result)

    def __call__(self, *args: Any) -> Any:
        return self.called(*args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        kinds = self.called.args
        if len(args) != len(kinds):
            throw(TypeError(f"{self.__name__} takes {len(kinds)} numbers, not {len(args)}"))
        given = [asarray(x).astype(d).read() for x, d in zip(args, kinds, strict=True)]
        (found,) = host_call(self.called, given, [TensorType(self.called.result, ())], ())
        return Scalar(found)


@functools.cache
def foreign(wrapper: Any) -> ForeignFunction:
    """The function of an object with ``__wrapper_address__`` and ``signature``."""
    name = type(wrapper).__name__
    return ForeignFunction(wrapper.__wrapper_address__(), wrapper.signature(), name)


def address_in_capsule(capsule: Any) -> int:
    """The address that a capsule of Python's holds, whatever its name is."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    found: int = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return found
