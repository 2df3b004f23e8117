"""Addresses of CPython and NumPy functions and objects, and a probe of NumPy's object layout.

Generated code reads array fields at fixed offsets. `native_entry_problem` compares every offset
with public attributes at first use; where anything disagrees the portable entry is used instead.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from functools import cache
from typing import Any

import numpy as np

# Fields of PyArrayObject and PyArray_Descr, in bytes from the object (NumPy 2 on 64 bits).
DATA, NDIM, DIMS, STRIDES, BASE, DESCR, FLAGS, MEM_HANDLER = 16, 24, 32, 40, 48, 56, 64, 88
DESCR_TYPE, DESCR_BYTEORDER, DESCR_TYPE_NUM, DESCR_ELSIZE = 16, 26, 28, 40
#: Numbers of types that are alike: long and long long.
TWIN_NUMBERS = {
    np.dtype("l").num: np.dtype("q").num,
    np.dtype("q").num: np.dtype("l").num,
    np.dtype("L").num: np.dtype("Q").num,
    np.dtype("Q").num: np.dtype("L").num,
}
# Fields of PyListObject, which is nothing else, and where the items of a tuple begin.
LIST_SIZE, LIST_ITEMS, LIST_ALLOCATED = 16, 24, 32
TUPLE_ITEMS = 24
SCALAR_VALUE = 16  # where a NumPy scalar of a numeric type keeps its bits
FLOAT_VALUE = 16  # where a float keeps its bits
#: Fields of an int: its sign and how many digits it has, and the first digit of 30 bits.
INT_SIZE, INT_DIGIT = 16, 24
#: Whether the first field is how many digits a positive int has, negative of a negative one. Else
#: it is 8 times the number of digits, and 1 for zero or 2 for a negative one.
INT_IS_SIZED = sys.version_info < (3, 12)

C_CONTIGUOUS, F_CONTIGUOUS, OWNDATA, ALIGNED, WRITEABLE = 0x1, 0x2, 0x4, 0x100, 0x400

_PYTHON_FUNCTIONS = (
    "PyCell_Get", "PyComplex_FromDoubles", "PyComplex_ImagAsDouble", "PyComplex_RealAsDouble",
    "PyDict_GetItemWithError", "PyDict_New", "PyDict_Next", "PyDict_SetItem", "PyDict_Size",
    "PyDict_Clear", "PyDict_Update", "PyErr_BadInternalCall",
    "PyErr_CheckSignals", "PyErr_Clear", "PyErr_Fetch", "PyErr_NoMemory", "PyErr_Occurred",
    "PyErr_Restore", "PyErr_SetObject", "PyEval_RestoreThread", "PyEval_SaveThread",
    "PyCapsule_New", "PyMem_RawCalloc", "PyMem_RawFree", "PyMem_RawRealloc",
    "PyBytes_AsString", "PyBytes_Size", "PyMem_Free", "PyOS_double_to_string",
    "PyObject_ASCII", "PyObject_Format", "PyObject_Repr",
    "PyObject_Str", "PyUnicode_AsEncodedString", "PyUnicode_AsUTF8AndSize", "PyUnicode_DecodeUTF8",
    "PyFloat_AsDouble", "PyFloat_FromDouble",
    "PyFunction_GetDefaults", "PyFunction_GetKwDefaults", "PyList_Append", "PyList_GetItem",
    "PyList_New", "PyList_SetItem", "PyList_SetSlice", "PyList_Size",
    "PyLong_AsLongLongAndOverflow", "PyLong_FromLongLong", "PyLong_FromUnsignedLongLong",
    "PyMethod_New", "PyObject_CallFunctionObjArgs",
    "PyObject_CallNoArgs", "PyObject_CallOneArg", "PyObject_ClearWeakRefs", "PyObject_GC_Del",
    "PyObject_GC_UnTrack", "PyObject_GenericGetDict", "PyObject_GenericSetAttr", "PyObject_GetAttr",
    "PyObject_RichCompareBool", "PyObject_SetAttr", "PyObject_Size", "PyObject_Vectorcall",
    "PyObject_VectorcallMethod", "PySet_Add", "PySet_New",
    "PyTuple_GetItem", "PyTuple_New", "PyTuple_SetItem",
    "PyTuple_Size", "PyUnicode_Compare", "PyVectorcall_Call",
    "Py_DecRef", "Py_IncRef", "PyFunction_GetCode", "_PyType_Lookup",
)  # fmt: skip
#: Names of attributes that native code looks up, as objects that live as long as the process.
_NAMES = {
    "bit_generator": "_bit_generator",
    "lock": "lock",
    "acquire": "acquire",
    "release": "release",
    "gauss_next": "gauss_next",
    "functions": "functions",
}
_NUMPY_FUNCTIONS = {
    "PyArray_Type": 2,
    "PyArray_DescrFromType": 45,
    "PyArray_Scalar": 60,
    "PyArray_NewFromDescr": 94,
    "PyArray_SetBaseObject": 282,
    "PyArray_Partition": 296,
    "PyArray_ArgPartition": 297,
    "PyDataMem_SetHandler": 304,
}


def pointer_at(address: int) -> int:
    """The pointer-sized integer stored at `address`."""
    return ctypes.c_void_p.from_address(address).value or 0


@cache
def _numpy_table() -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return int(get(capsule, None))


def numpy_function(index: int) -> int:
    """The address of a function by its place in the table of NumPy's C API."""
    return pointer_at(_numpy_table() + index * ctypes.sizeof(ctypes.c_void_p))


@cache
def symbols() -> dict[str, int]:
    """Addresses by the names that generated code declares."""
    found: dict[str, int] = {}
    for name in _PYTHON_FUNCTIONS:
        function = getattr(ctypes.pythonapi, name)
        found[name] = ctypes.cast(function, ctypes.c_void_p).value or 0
    for name, index in _NUMPY_FUNCTIONS.items():
        found[name] = numpy_function(index)
    objects: dict[str, object] = {"None": None, "True": True, "False": False}
    objects |= {"Long_Type": int, "Float_Type": float, "Complex_Type": complex, "Unicode_Type": str}
    objects |= {"Slice_Type": slice, "Tuple_Type": tuple}
    found |= {f"Py_{name}": id(value) for name, value in objects.items()}
    found |= {f"tj_name_{name}": id(value) for name, value in _NAMES.items()}
    return found


def _array_mismatch(array: np.ndarray[Any, Any]) -> str | None:
    address = id(array)
    int_at = ctypes.c_int.from_address
    size = ctypes.sizeof(ctypes.c_ssize_t)
    if pointer_at(address + 8) != id(np.ndarray):
        return "type"
    if pointer_at(address + DATA) != array.__array_interface__["data"][0]:
        return "data"
    if int_at(address + NDIM).value != array.ndim:
        return "ndim"
    for offset, wanted in ((DIMS, array.shape), (STRIDES, array.strides)):
        start = pointer_at(address + offset)
        for axis, value in enumerate(wanted):
            if ctypes.c_ssize_t.from_address(start + axis * size).value != value:
                return "shape or strides"
    if pointer_at(address + BASE) != (0 if array.base is None else id(array.base)):
        return "base"
    if pointer_at(address + DESCR) != id(array.dtype):
        return "dtype"
    if (int_at(address + FLAGS).value ^ array.flags.num) & 0x507:
        return "flags"
    return None


def _dtype_mismatch(dtype: np.dtype[Any]) -> str | None:
    address = id(dtype)
    if pointer_at(address + DESCR_TYPE) != id(dtype.type):
        return f"type of {dtype}"
    if ctypes.c_int.from_address(address + DESCR_TYPE_NUM).value != dtype.num:
        return f"type number of {dtype}"
    if ctypes.c_ssize_t.from_address(address + DESCR_ELSIZE).value != dtype.itemsize:
        return f"item size of {dtype}"
    if ctypes.c_char.from_address(address + DESCR_BYTEORDER).value != dtype.byteorder.encode():
        return f"byte order of {dtype}"
    value = dtype.type(1)
    found = ctypes.string_at(id(value) + SCALAR_VALUE, dtype.itemsize)
    return None if found == value.tobytes() else f"scalar of {dtype}"


def _mem_handler_mismatch(array: np.ndarray[Any, Any]) -> str | None:
    handler = pointer_at(id(array) + MEM_HANDLER)
    # The field must hold the very capsule that NumPy's table calls its default handler.
    default = pointer_at(_numpy_table() + 306 * ctypes.sizeof(ctypes.c_void_p))
    name = np._core.multiarray.get_handler_name(array)  # type: ignore[attr-defined]
    if name == "default_allocator" and handler != pointer_at(default):
        return "memory handler"
    return None


def _number_mismatch() -> str | None:
    for value in (-2.5, 1e300, 0.0):
        if ctypes.c_double.from_address(id(value) + FLOAT_VALUE).value != value:
            return "value of a float"
    for number in (0, 1, -1, 255, 300, -300, 2**30 - 1, 1 - 2**30, 2**30, -(2**30), 2**70):
        size = ctypes.c_ssize_t.from_address(id(number) + INT_SIZE).value
        digit = ctypes.c_uint32.from_address(id(number) + INT_DIGIT).value
        small = size in (-1, 0, 1) if INT_IS_SIZED else 0 <= size < 16
        sign = size if INT_IS_SIZED else 1 - (size & 3)
        if small != (abs(number) < 2**30) or (small and sign * digit != number):
            return "value of an int"
    return None


def _list_mismatch() -> str | None:
    x: list[object] = [None, object()] * 4
    number_at = ctypes.c_ssize_t.from_address
    if number_at(id(x) + LIST_SIZE).value != 8 or number_at(id(x) + LIST_ALLOCATED).value != 8:
        return "size"
    x.append(None)
    if number_at(id(x) + LIST_SIZE).value != 9 or number_at(id(x) + LIST_ALLOCATED).value < 9:
        return "room"
    places = pointer_at(id(x) + LIST_ITEMS)
    if [pointer_at(places + 8 * k) for k in range(9)] != list(map(id, x)):
        return "items"
    pair = 5, x
    if [pointer_at(id(pair) + TUPLE_ITEMS + 8 * k) for k in range(2)] != list(map(id, pair)):
        return "items of a tuple"
    return None if list.__basicsize__ == LIST_ALLOCATED + 8 else "fields"


@cache
def native_entry_problem() -> str | None:
    """Why the native entry cannot be used in this process; None where it can."""
    if sys.implementation.name != "cpython":
        return f"implementation {sys.implementation.name}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "free-threaded build"
    if object.__basicsize__ != 16 or sys.byteorder != "little":
        return "object header"
    if not sys.platform.startswith(("linux", "darwin")):
        return f"platform {sys.platform}"
    base = np.arange(24.0).reshape(2, 3, 4)
    frozen = np.zeros(3, np.int16)
    frozen.flags.writeable = False
    views = (base[::-1, 1:], np.asfortranarray(base), np.zeros((), np.complex64), base[:0])
    for array in (base, base.T, frozen, *views):
        if (problem := _array_mismatch(array)) is not None:
            return f"array field: {problem}"
    for code in "?bBhHiIlLqQfdFD":
        for dtype in (np.dtype(code), np.dtype(code).newbyteorder()):
            if dtype.isnative and (problem := _dtype_mismatch(dtype)) is not None:
                return f"dtype field: {problem}"
    if (problem := _list_mismatch()) is not None:
        return f"list field: {problem}"
    if (problem := _number_mismatch()) is not None:
        return f"number field: {problem}"
    return _mem_handler_mismatch(np.zeros(3))
