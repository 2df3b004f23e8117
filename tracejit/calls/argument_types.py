"""Which version of a function a call needs: the key of its arguments and the shape policy.

A *family* is what dtype, rank, layout, 0/1 extents and static values decide. Within a family the
first version is compiled for its exact extents and integers; when others arrive, those that changed
become run-time values, and the third version makes all of them so: at most three compilations.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass, field, is_dataclass
from dataclasses import fields as dataclass_fields
from types import FunctionType
from typing import Any, Literal

import numpy as np

from tracejit.dtypes import is_numeric, kind_of
from tracejit.errors import UnsupportedTypeError
from tracejit.ir.types import dtype_of
from tracejit.trace.guards.guard_equality import is_by_kind
from tracejit.trace.session.stride_classes import Packing, packing_of
from tracejit.trace.values.exporters import plain_array, refused

Layout = Literal["C", "F", "strided"]
Policy = Literal["auto", "static", "dynamic"]


@dataclass(frozen=True)
class ArrayKey:
    """What of an array a version depends on besides its larger extents."""

    dtype: np.dtype[Any]
    units: tuple[int | None, ...]
    layout: Layout
    writeable: bool
    packing: Packing | None = None

    @property
    def rank(self) -> int:
        return len(self.units)


@dataclass(frozen=True)
class ScalarKey:
    """A Python scalar (``kind``), a NumPy scalar (``dtype``) or the address of a ``source``."""

    kind: Literal["bool", "int", "float", "complex"] | None
    dtype: np.dtype[Any]
    source: type | None = None

    @property
    def by_value(self) -> bool:
        """Whether the shape policy may compile for its value: it often decides structure."""
        return self.kind in ("int", "bool")


class StaticKey:
    """A value that the version is compiled for, compared by type and value (or identity)."""

    __slots__ = ("_form", "_hash", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._form = _form(value)
        try:
            self._hash = hash(self._form)
        except TypeError:
            self._hash = id(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StaticKey) or type(self.value) is not type(other.value):
            return False
        if self.value is other.value:
            return True
        try:
            return self._hash == other._hash and bool(self._form == other._form)
        except (TypeError, ValueError):
            return False


class _Itself:
    """An object, equal to no other."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.value is self.value


def _form(x: Any) -> Any:
    """What tells a value from others that ``==`` takes for the same: 1, 1.0 and True, or -0.0 and
    0.0, inside of tuples and frozen dataclasses too. Functions that one line makes anew are alike
    where they see the same variables and have the same defaults."""
    kind = type(x)
    if kind in (float, complex):
        return kind, repr(x)
    if isinstance(x, np.generic):
        return kind, x.dtype, x.tobytes()
    if isinstance(x, tuple):
        return kind, tuple(map(_form, x))
    if kind is frozenset:
        return kind, frozenset(map(_form, x))
    if kind in (slice, range):
        return kind, _form((x.start, x.stop, x.step))
    if kind is FunctionType and not x.__dict__:
        outside = (x.__globals__, *(x.__closure__ or ()))
        given = (x.__defaults__, tuple((x.__kwdefaults__ or {}).items()))
        return kind, x.__code__, x.__qualname__, tuple(map(_Itself, outside)), _form(given)
    by_fields = is_dataclass(kind) and kind.__hash__ is not object.__hash__
    fields = dataclass_fields(x) if by_fields else ()
    return kind, x, tuple(_form(getattr(x, f.name, None)) for f in fields)


@dataclass(frozen=True)
class ObjectKey:
    """An object of a class of the program's: its attributes are read in each call."""

    kind: type


LeafKey = ArrayKey | ScalarKey | ObjectKey | StaticKey
_PYTHON: dict[type, tuple[str, str]] = {
    bool: ("bool", "bool"),
    int: ("int", "i64"),
    float: ("float", "f64"),
    complex: ("complex", "c128"),
}


class _EveryClass:
    def __contains__(self, x: object) -> bool:
        return True


EVERY_CLASS: Container[type] = _EveryClass()
_I64 = range(-(2**63), 2**63)


def leaf_key(leaf: Any, by_identity: Container[type] = ()) -> LeafKey:
    """The key of one argument leaf. Raises TypeError for arrays of unsupported dtypes.

    ``by_identity``: classes of which each object has versions of its own.
    """
    if type(leaf) is np.ndarray:
        return _array_key(leaf)
    found = _PYTHON.get(type(leaf))
    if found is not None and not (type(leaf) is int and leaf not in _I64):
        return ScalarKey(found[0], dtype_of(found[1]))  # type: ignore[arg-type]
    if isinstance(leaf, np.generic) and is_numeric(leaf.dtype):
        return ScalarKey(None, _argument_dtype(leaf))
    if is_source(leaf):
        return ScalarKey(None, dtype_of("i64"), type(leaf))
    array = plain_array(leaf)
    if array is not None:
        return _array_key(array)
    error = refused(leaf, "an argument")
    if error is not None:
        raise error
    kind = type(leaf)
    return ObjectKey(kind) if kind not in by_identity and is_by_kind(kind) else StaticKey(leaf)


def is_source(x: Any) -> bool:
    """Whether ``x`` draws random numbers: compiled code is given its address."""
    if not type(x).__module__.startswith("numpy.random."):
        return False
    return isinstance(x, np.random.Generator | np.random.RandomState)


def _array_key(x: np.ndarray[Any, Any]) -> ArrayKey:
    units = tuple(n if n < 2 else None for n in x.shape)
    flags = x.flags
    layout: Layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"
    packing = packing_of(x) if layout == "strided" else None
    return ArrayKey(_argument_dtype(x), units, layout, bool(flags.writeable), packing)


#: What to do about an argument, by the kind of its dtype.
_INSTEAD = {
    "f": "convert it before the call, as in x.astype(np.float64)",
    "c": "convert it before the call, as in x.astype(np.complex128)",
    "O": "make it an array of numbers, or pass its items as a list or dict",
    "U": "pass numbers that stand for the texts, as np.unique(x, return_inverse=True) makes them",
    "S": "pass its bytes as numbers, x.view(np.uint8)",
    "M": "pass its numbers, x.view(np.int64)",
    "m": "pass its numbers, x.view(np.int64)",
    "V": "pass its fields as arrays of their own",
}


def _argument_dtype(x: np.ndarray[Any, Any] | np.generic) -> np.dtype[Any]:
    try:
        return dtype_of(x.dtype)
    except TypeError:
        what = "an array" if isinstance(x, np.ndarray) else "a scalar"
        instead = _INSTEAD.get(kind_of(x.dtype), "convert it before the call")
        raise UnsupportedTypeError(
            f"{what} of dtype {x.dtype} was passed, which compiled code does not have: {instead}"
        ) from None


def is_native(x: np.ndarray[Any, Any]) -> bool:
    """Whether compiled code can read the array where it lies."""
    return bool(
        x.dtype.isnative
        and x.flags.aligned
        and all(n < 2 or s % x.itemsize == 0 for n, s in zip(x.shape, x.strides, strict=True))
    )


def sizes_of(leaves: Sequence[Any], keys: Sequence[LeafKey]) -> tuple[int, ...]:
    """Everything the shape policy rules over: extents of 2 and more, Python ints and bools."""
    out: list[int] = []
    for leaf, key in zip(leaves, keys, strict=True):
        if isinstance(key, ArrayKey):
            out += [n for n, u in zip(leaf.shape, key.units, strict=True) if u is None]
        elif isinstance(key, ScalarKey) and key.by_value:
            out.append(leaf)
    return tuple(out)


def int_positions(leaves: Sequence[Any], keys: Sequence[LeafKey]) -> tuple[bool, ...]:
    """Which entries of ``sizes_of`` are Python ints or bools rather than extents."""
    out: list[bool] = []
    for key in keys:
        if isinstance(key, ArrayKey):
            out += [False] * sum(u is None for u in key.units)
        elif isinstance(key, ScalarKey) and key.by_value:
            out.append(True)
    return tuple(out)


def alias_groups(leaves: Sequence[Any]) -> tuple[tuple[int, ...], bool]:
    """Group number per leaf (equal: the same memory seen the same way), and whether any two
    arrays overlap in another way."""
    arrays = [(k, x) for k, x in enumerate(leaves) if type(x) is np.ndarray and x.size]
    groups = list(range(len(leaves)))
    objects: dict[int, int] = {}
    for k, x in enumerate(leaves):
        if is_by_kind(type(x)):
            groups[k] = objects.setdefault(id(x), k)
    overlap = False
    for n, (k, x) in enumerate(arrays):
        for j, y in arrays[:n]:
            if not np.may_share_memory(x, y):
                continue
            if _same_view(x, y):
                groups[k] = groups[j]
            else:
                overlap = True
    return tuple(groups), overlap


def _same_view(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> bool:
    return (
        x.__array_interface__["data"][0] == y.__array_interface__["data"][0]
        and x.shape == y.shape
        and x.strides == y.strides
        and x.dtype == y.dtype
    )


@dataclass
class Family:
    """The versions of one family and what decides the next one."""

    first: tuple[int, ...]
    ints: tuple[bool, ...]
    versions: list[Any] = field(default_factory=list)
    frozen: set[int] = field(default_factory=set)

    def plan(self, sizes: tuple[int, ...], policy: Policy) -> tuple[bool, ...]:
        """Which sizes are run-time values in the version to compile for ``sizes`` now."""
        count = len(sizes)
        if policy == "static" or (policy == "auto" and not self.versions):
            return (False,) * count
        shaped = list({(v.dynamic, v.exact): v for v in self.versions if v.alive}.values())
        if policy == "dynamic" or len(shaped) >= 2:
            free = [True] * count
        else:
            free = [a != b for a, b in zip(self.first, sizes, strict=True)]
            for v in shaped:
                free = [f or w for f, w in zip(free, v.dynamic, strict=True)]
        return tuple(f and k not in self.frozen for k, f in enumerate(free))


FamilyKey = tuple[Hashable, ...]
