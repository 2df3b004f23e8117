"""Addresses of the C functions that NumPy itself runs for sorts, Fourier transforms and factors.

A sort of a dtype is in its `PyArray_ArrFuncs`, and a generalized ufunc is a table of loops: NumPy's
C API publishes both. What is found is tried on a few numbers before it is used.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from tracejit.abi import capi

#: The modules of generalized ufuncs, by what their symbols begin with.
_MODULES = {"fft": "numpy.fft._pocketfft_umath", "linalg": "numpy.linalg._umath_linalg"}
#: Words of `PyArray_ArrFuncs` before its sorts: casts to 21 types and twelve functions.
_BEFORE_SORTS = 33
_KINDS = {"quicksort": 0, "mergesort": 2, "stable": 2}
_SORTED = ("b1", *(f"{k}{n}" for k in "iu" for n in (1, 2, 4, 8)), "f2", "f4", "f8", "c8", "c16")
#: PyDataType_GetArrFuncs, which NumPy 2 has.
_GET_FUNCTIONS = 365

_Sort = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
_ArgSort = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p
)


class UfuncHead(ctypes.Structure):
    """The head of ``PyUFuncObject`` behind ``PyObject_HEAD``."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
    )


def ufunc_loop(ufunc: Any, types: str) -> tuple[int, int] | None:
    """Addresses of the loop of these types and of its data; None where there is no such loop, or
    the ufunc does not lie in memory as its API says."""
    head = UfuncHead.from_address(id(ufunc) + object.__basicsize__)
    read = (head.nin, head.nout, head.nargs, head.ntypes)
    if read != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes) or types not in ufunc.types:
        return None
    k = ufunc.types.index(types)
    address = head.functions[k]
    return (address, (head.data[k] if head.data else None) or 0) if address else None


# -- generalized ufuncs ----------------------------------------------------------------------------


@cache
def _core_ufunc(place: str) -> Any:
    module, name = place.split(".")
    try:
        found = getattr(import_module(_MODULES[module]), name)
    except (ImportError, AttributeError):  # another NumPy has it elsewhere
        return None
    return found if isinstance(found, np.ufunc) else None


@cache
def core_loop(place: str, types: str) -> tuple[int, int] | None:
    """The loop of a generalized ufunc of NumPy, as `fft.rfft_n_even` and `dd->D`, and its data."""
    ufunc = _core_ufunc(place)
    return None if ufunc is None else ufunc_loop(ufunc, types)


def chosen(place: str, dtypes: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
    """The loop that NumPy takes for operands of these dtypes, and the dtypes that it has; `int` is
    a Python number. None where there is none of which the address is known."""
    ufunc = _core_ufunc(place)
    if ufunc is None:
        return None
    found = ufunc.resolve_dtypes(dtypes)
    letters = "".join(d.char for d in found)
    types = f"{letters[: ufunc.nin]}->{letters[ufunc.nin :]}"
    return None if core_loop(place, types) is None else (types, found)


def loop_symbol(place: str, types: str) -> str:
    """The name under which code calls a loop; `data_of(…)` is that of its data."""
    return f"numpy_loop.{place}.{types.replace('->', '.')}"


def data_of(symbol: str) -> str:
    """The name of the data of a loop."""
    return symbol.replace("numpy_loop.", "numpy_data.")


# -- sorts -----------------------------------------------------------------------------------------


def sort_symbol(name: str, kind: str, dtype: np.dtype[Any]) -> str | None:
    """The name under which code calls `sort` or `argsort` of one kind; None where there is none."""
    symbol = f"numpy_{name}.{kind}.{dtype.str[1:]}"
    return symbol if symbol_address(symbol) else None


@cache
def _sort_functions(code: str) -> tuple[int, ...] | None:
    """Addresses of three sorts and three argsorts of a dtype."""
    if capi.native_entry_problem() is not None or np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return None
    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(capi.numpy_function(_GET_FUNCTIONS))
    start = get(np.dtype(code))
    words = (ctypes.c_void_p * 6).from_address(start + _BEFORE_SORTS * 8)
    return tuple(w or 0 for w in words)


@cache
def _sort_address(name: str, kind: str, code: str) -> int | None:
    if code not in _SORTED or kind not in _KINDS:
        return None
    functions = _sort_functions(code)
    if functions is None:
        return None
    address = functions[_KINDS[kind] + 3 * (name == "argsort")]
    return address if address and _sorts(name, kind, code, address) else None


def _sorts(name: str, kind: Any, code: str, address: int) -> bool:
    """Whether the function does to a few numbers what NumPy's name does."""
    given = np.array([3, 0, 5, 1, 1, 4, 2, 0, 7, 6] * 3).astype(code)
    n, data = len(given), given.copy()
    if name == "sort":
        status = _Sort(address)(data.ctypes.data, n, None)
        return status == 0 and np.array_equal(data, np.sort(given, kind=kind))
    order = np.arange(n, dtype=np.intp)
    status = _ArgSort(address)(data.ctypes.data, order.ctypes.data, n, None)
    return status == 0 and np.array_equal(order, np.argsort(given, kind=kind))


def partitions(dtype: np.dtype[Any]) -> bool:
    """Whether NumPy's C API selects of elements of a dtype, and code may call it."""
    return dtype.str[1:] in _SORTED and capi.native_entry_problem() is None


# -- by name ---------------------------------------------------------------------------------------


def symbol_address(symbol: str) -> int | None:
    """The address of what code calls under one of the names above; None for another."""
    kind, *rest = symbol.split(".")
    if kind in ("numpy_sort", "numpy_argsort"):
        return _sort_address(kind.removeprefix("numpy_"), *rest)
    if kind in ("numpy_loop", "numpy_data"):
        module, name, takes, gives = rest
        found = core_loop(f"{module}.{name}", f"{takes}->{gives}")
        return None if found is None else found[kind == "numpy_data"]
    if kind in FLAGS:
        flags = invalid_flag()
        return None if flags is None else flags[FLAGS.index(kind)]
    return None


#: C's functions for the flags of the processor.
FLAGS = ("feclearexcept", "fetestexcept")


@cache
def invalid_flag() -> tuple[int, int] | None:
    """Addresses of `FLAGS`, by which NumPy's factorizations say that they failed; None where the
    numbers of the flags are not known."""
    if not sys.platform.startswith(("linux", "darwin")):
        return None
    process = ctypes.CDLL(None)
    try:
        clear, test = (ctypes.cast(getattr(process, n), ctypes.c_void_p).value for n in FLAGS)
    except AttributeError:
        return None
    return (clear, test) if clear and test else None
