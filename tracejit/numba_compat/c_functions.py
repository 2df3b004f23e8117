"""``cfunc``: a function as a C function pointer, compiled for one signature.

``f.ctypes`` goes where C callbacks go: ``scipy.LowLevelCallable(f.ctypes)``, or ``numba.njit``,
which calls it. A pointer parameter is indexed as a vector; `carray` gives it a shape.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit import abi, api
from tracejit.calls.deopt import DeoptState
from tracejit.codegen_llvm.runtime_text import calls_python
from tracejit.errors import UnsupportedError
from tracejit.numba_compat import signatures as sg
from tracejit.numba_compat import types as nt
from tracejit.numba_compat.decorators import compiled, plain
from tracejit.numba_compat.foreign import c_type
from tracejit.numba_compat.options import understood
from tracejit.python_entry.c_entry import CEntry, CType
from tracejit.trace.array_api.creation import asarray


class CallbackFunction:
    """What `cfunc` returns. What fails in it is printed, and it returns zero: C knows no exception.

    ``address``: of the C function, which lives as long as this object. Called from Python it is the
    function itself.
    """

    def __init__(
        self, function: Callable[..., Any], signature: nt.FunctionSignature, options: dict[str, Any]
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = self.py_func = self.__wrapped__ = function
        self.declared = signature
        jitted = compiled(function, [signature], understood(options))
        if not isinstance(jitted, api.jitted_type()):
            raise UnsupportedError("cfunc compiles: TRACEJIT_DISABLE_JIT leaves nothing to call")
        version = jitted._dispatcher.prepared(  # type: ignore[attr-defined]
            ([_example(t) for t in signature.args], {}), dynamic=True, deopt=DeoptState()
        )
        spec = version.call
        if _looks_up(spec.signature):
            raise UnsupportedError(
                f"{function.__qualname__} reads arrays or numbers from outside, which a C function "
                "cannot look up: pass them, by a pointer"
            )
        locked = calls_python(version.artefacts.core_text)
        result = signature.return_type
        given = [_of_c(t) for t in signature.args]
        self._entry = CEntry(spec, given, None if result == nt.void else _of_c(result), locked)

    @property
    def address(self) -> int:
        """The address of the C function."""
        return self._entry.address

    @functools.cached_property
    def ctypes(self) -> Any:
        """The C function for ``ctypes``."""
        kinds = [c_type(t) for t in (self.declared.return_type, *self.declared.args)]
        found: Any = ctypes.CFUNCTYPE(*kinds)(self.address)
        found.kept = self
        return found

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        return ops.call(self.function, *args)


def _looks_up(signature: abi.Signature) -> bool:
    """Whether the core is given something that is found at each call. Names of functions, classes
    and modules mean what they meant when this was compiled, as in Numba."""
    found = abi.layout(signature).params[len(signature.params) :]
    return any(slots.data is not None for slots in found)


def _of_c(kind: Any) -> CType:
    if isinstance(kind, nt.PointerType):
        inner = nt.int64 if kind.dtype == nt.void else kind.dtype
        return CType(nt.as_dtype(inner), pointer=kind.dtype != nt.void)
    return CType(nt.as_dtype(kind))


def _example(kind: Any) -> Any:
    """An argument to compile for; ``void*`` is an integer, its address."""
    if isinstance(kind, nt.PointerType):
        if kind.dtype == nt.void:
            return np.int64(2)
        return np.zeros(2, nt.as_dtype(kind.dtype))
    return nt.as_dtype(kind).type(1)


def cfunc(signature: Any, /, **options: Any) -> Callable[[Any], CallbackFunction]:
    """Numba's ``cfunc``: ``@cfunc("float64(float64, float64)")``.

    Numbers are of any integer or float type, pointers of these or ``void``. Raises TypeError for a
    signature without a result, UnsupportedError for what C cannot be given.
    """
    (declared,) = sg.parsed(signature)
    if declared.return_type is None:
        raise TypeError("a signature of cfunc states its result, as in 'float64(float64)'")
    for kind in (declared.return_type, *declared.args):
        c_type(kind)
    return lambda function: CallbackFunction(plain(function), declared, options)


class ArrayAt:
    """``carray`` and ``farray``: an array of a given shape at a pointer."""

    def __init__(self, order: str) -> None:
        self.order = order

    def __call__(self, pointer: Any, shape: Any, dtype: Any = None) -> Any:
        sizes = shape if isinstance(shape, tuple) else (shape,)
        address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
        kind = np.dtype(dtype if dtype is not None else pointer._type_)
        memory = (ctypes.c_char * (math.prod(sizes) * kind.itemsize)).from_address(address)
        return np.frombuffer(memory, kind).reshape(sizes, order=self.order)  # type: ignore[call-overload]

    def __traced_call__(self, ops: Any, pointer: Any, shape: Any, dtype: Any = None) -> Any:
        sizes = shape if isinstance(shape, tuple) else (shape,)
        if not getattr(pointer, "ndim", 0):
            raise UnsupportedError("carray of void*: give the parameter the type of its elements")
        x: Any = asarray(pointer)
        if dtype is not None and nt.from_dtype(dtype).dtype != x.dtype:
            raise UnsupportedError(f"carray of {x.dtype} as {dtype}: give the parameter that type")
        count: Any = 1
        for n in sizes:
            count = count * n
        return x[:count].reshape(sizes, order=self.order)


carray, farray = ArrayAt("C"), ArrayAt("F")
