"""Numba's types: scalars, arrays, tuples, signatures; what ``typeof`` says of a value.

A type is a value with Numba's spelling: ``float64[:, ::1]`` is an array type, ``float64(int64)`` a
signature, ``float64(3)`` a number. Equal types are equal and hash alike.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from tracejit.dtypes import is_bool, is_inexact, is_signed
from tracejit.errors import UnsupportedError
from tracejit.records import dataclass

_PYTHON = {"b": bool, "i": int, "f": float, "c": complex}


class NumbaType:
    """Base of all types. ``float64(int64)`` is a signature; ``float64[:]`` an array type."""

    @property
    def name(self) -> str:
        """The type as Numba writes it."""
        return str(self)

    @property
    def key(self) -> Any:
        """What tells the type from others."""
        return self

    def __call__(self, *args: Any) -> Any:
        return FunctionSignature(self, tuple(args))

    def __getitem__(self, axes: Any) -> ArrayType:
        return array_of(self, axes)


@dataclass(frozen=True)
class ScalarType(NumbaType):
    """A number of one dtype. Called with a number or an array it converts."""

    code: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype, so that a type may be given where NumPy takes a dtype."""
        return np.dtype(self.code)

    @property
    def bitwidth(self) -> int:
        """Its size in bits."""
        return self.dtype.itemsize * 8

    @property
    def signed(self) -> bool:
        """Whether it has negative numbers."""
        return is_signed(self.dtype) or is_inexact(self.dtype)

    @property
    def minval(self) -> int:
        """The least integer."""
        return int(np.iinfo(self.dtype).min)

    @property
    def maxval(self) -> int:
        """The greatest integer."""
        return int(np.iinfo(self.dtype).max)

    def __call__(self, *args: Any) -> Any:
        if len(args) != 1 or isinstance(args[0], NumbaType):
            return FunctionSignature(self, args)
        return self.converted(args[0])

    def converted(self, x: Any) -> Any:
        """A number, or an array of them, of this type."""
        if isinstance(x, np.ndarray | list | tuple):
            return np.asarray(x).astype(self.dtype)
        return self.dtype.type(x)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        (x,) = args
        if isinstance(x, NumbaType):
            return FunctionSignature(self, args)
        if getattr(x, "ndim", 0):
            return x.astype(self.dtype)
        return ops.call(self.dtype.type, x)

    def __str__(self) -> str:
        return "bool" if is_bool(self.dtype) else self.dtype.name


class BooleanType(ScalarType):
    """``boolean``."""


class IntegerType(ScalarType):
    """Integers with and without sign."""


class FloatType(ScalarType):
    """``float32`` and ``float64``."""


class ComplexType(ScalarType):
    """``complex64`` and ``complex128``."""


@dataclass(frozen=True)
class ArrayType(NumbaType):
    """An array; ``layout`` is C, F or A (any)."""

    dtype: Any
    ndim: int
    layout: str = "A"
    readonly: bool = False
    aligned: bool = True

    @property
    def mutable(self) -> bool:
        """Whether it may be written."""
        return not self.readonly

    def __str__(self) -> str:
        prefix = "readonly " if self.readonly else ""
        return f"{prefix}array({self.dtype}, {self.ndim}d, {self.layout})"


@dataclass(frozen=True)
class TupleType(NumbaType):
    """A tuple of the given types."""

    types: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many items it has."""
        return len(self.types)

    @property
    def dtype(self) -> Any:
        """The type of the items where that is one."""
        return self.types[0] if len(set(self.types)) == 1 else None

    def __len__(self) -> int:
        return len(self.types)

    def __str__(self) -> str:
        return f"Tuple({', '.join(map(str, self.types))})"


@dataclass(frozen=True)
class OptionalType(NumbaType):
    """A value of ``type``, or None."""

    type: Any

    def __str__(self) -> str:
        return f"Optional({self.type})"


@dataclass(frozen=True)
class PointerType(NumbaType):
    """A C pointer, for ``cfunc``."""

    dtype: Any

    def __str__(self) -> str:
        return f"{self.dtype}*"


@dataclass(frozen=True)
class ListType(NumbaType):
    """``typed.List``: a list of Python's."""

    dtype: Any

    def __str__(self) -> str:
        return f"ListType[{self.dtype}]"


@dataclass(frozen=True)
class DictType(NumbaType):
    """``typed.Dict``: a dict of Python's."""

    key_type: Any
    value_type: Any

    def __str__(self) -> str:
        return f"DictType[{self.key_type},{self.value_type}]"


@dataclass(frozen=True)
class NamedType(NumbaType):
    """A type that is told by its name alone."""

    label: str

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class ObjectType(NumbaType):
    """A value of a class that has no type of Numba's here."""

    kind: type

    def __str__(self) -> str:
        return self.kind.__qualname__


@dataclass(frozen=True)
class FunctionSignature:
    """Types of arguments, and of the result (None: whatever it is)."""

    return_type: Any
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.args))}) -> {self.return_type}"


class Omitted(NumbaType):
    """A default value; Numba's name, no value here has this type."""


def array_of(dtype: Any, axes: Any) -> ArrayType:
    """What ``dtype[axes]`` means: ``[:, :]`` any order, ``[:, ::1]`` C and ``[::1, :]`` Fortran."""
    parts = axes if isinstance(axes, tuple) else (axes,)
    if not parts or not all(isinstance(a, slice) for a in parts):
        raise KeyError(f"an array type is written {dtype}[:, :], not {dtype}[{axes!r}]")
    dense = [a.step == 1 for a in parts]
    if dense[-1]:
        return ArrayType(dtype, len(parts), "C")
    return ArrayType(dtype, len(parts), "F" if dense[0] else "A")


def Tuple(types: Any) -> TupleType:  # noqa: N802
    """A tuple of these types."""
    return TupleType(tuple(types))


def UniTuple(dtype: Any, count: int) -> TupleType:  # noqa: N802
    """A tuple of ``count`` items of one type."""
    return TupleType((dtype,) * count)


def CPointer(dtype: Any) -> PointerType:  # noqa: N802
    """A pointer to ``dtype``."""
    return PointerType(dtype)


def optional(dtype: Any) -> OptionalType:
    """``dtype`` or None."""
    return OptionalType(dtype)


class WrapperAddressProtocol:
    """Base of objects that stand for a C function: ``__wrapper_address__`` and ``signature``.

    Compiled code calls the function at the address, with numbers.
    """

    def __wrapper_address__(self) -> int:
        raise NotImplementedError

    def signature(self) -> FunctionSignature:
        """The types of its arguments and result."""
        raise NotImplementedError

    def __call__(self, *args: Any) -> Any:
        from tracejit.numba_compat.foreign import foreign

        return foreign(self)(*args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        from tracejit.numba_compat.foreign import foreign

        return ops.call(foreign(self), *args)


boolean = bool_ = b1 = BooleanType("?")
int8 = i1 = char = byte = IntegerType("i1")
int16 = i2 = short = IntegerType("i2")
int32 = i4 = intc = int_c = IntegerType("i4")
int64 = i8 = intp = int_ = long_ = longlong = ssize_t = IntegerType("i8")
uint8 = u1 = uchar = IntegerType("u1")
uint16 = u2 = ushort = IntegerType("u2")
uint32 = u4 = uintc = IntegerType("u4")
uint64 = u8 = uintp = uint = ulong = ulonglong = size_t = IntegerType("u8")
float32 = f4 = FloatType("f4")
float64 = f8 = float_ = double = FloatType("f8")
complex64 = c8 = ComplexType("c8")
complex128 = c16 = ComplexType("c16")
void = none = NamedType("none")
unicode_type = string = NamedType("unicode_type")
pyobject = NamedType("pyobject")
voidptr = PointerType(void)

#: Under the names that Numba has for the classes.
Type, Integer, Float, Boolean, Complex = NumbaType, IntegerType, FloatType, BooleanType, ComplexType
Array, Optional, BaseTuple, NoneType = ArrayType, OptionalType, TupleType, NamedType
Number, Signature = ScalarType, FunctionSignature

_SCALARS: dict[np.dtype[Any], ScalarType] = {
    t.dtype: t
    for t in (
        boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
        float32, float64, complex64, complex128,
    )
}  # fmt: skip


def from_dtype(dtype: Any) -> ScalarType:
    """The type of elements of this dtype. Raises UnsupportedError where there is none."""
    found = _SCALARS.get(np.dtype(dtype).newbyteorder("="))
    if found is None:
        raise UnsupportedError(f"numbers of dtype {np.dtype(dtype)} have no type here")
    return found


def as_dtype(kind: Any) -> np.dtype[Any]:
    """The dtype of a scalar type."""
    found: np.dtype[Any] = np.dtype(kind.dtype)
    return found


def typeof(x: Any) -> Any:
    """The type of a value, also of a traced one."""
    if x is None:
        return none
    if isinstance(x, str):
        return unicode_type
    if isinstance(x, tuple):
        return TupleType(tuple(map(typeof, x)))
    if isinstance(x, list):
        return ListType(typeof(x[0]) if x else none)
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype):
        return _of_array(x, dtype) if _is_array(x) else from_dtype(dtype)
    for letter, kind in _PYTHON.items():
        if isinstance(x, kind) or getattr(x, "kind", None) == kind.__name__:
            return from_dtype({"b": "?", "i": "i8", "f": "f8", "c": "c16"}[letter])
    if isinstance(x, numbers.Number):
        raise UnsupportedError(f"{type(x).__name__} has no type here")
    return ObjectType(type(x))


def _is_array(x: Any) -> bool:
    """Whether it is an array and no scalar of NumPy's; a traced one is told by what it may do."""
    return isinstance(x, np.ndarray) or (
        not isinstance(x, np.generic) and hasattr(type(x), "__setitem__")
    )


def _of_array(x: Any, dtype: np.dtype[Any]) -> ArrayType:
    layout, readonly = "A", False
    if isinstance(x, np.ndarray):
        layout = "C" if x.flags.c_contiguous else "F" if x.flags.f_contiguous else "A"
        readonly = not x.flags.writeable
    return ArrayType(from_dtype(dtype), len(x.shape), layout, readonly)
