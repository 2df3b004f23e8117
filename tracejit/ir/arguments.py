"""What a caller passes for a function of the IR: one description for each leaf of the arguments.

An ``ArgType`` is made once from a leaf (``calls/argument_types.py``), or written down by whoever
builds IR without a Python function. The key of a version is a tuple of them; the trace, the
lowering and the calling convention read the same ones, once the shape policy has decided which
extents and integers are known (``resolved``).

A function takes, in this order: one ``i64`` per symbolic extent as they appear, the arguments that
``is_parameter`` is true of, and what was found outside of the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from tracejit.dtypes import is_number, row_of
from tracejit.ir.static_values import Itself, distinguishing
from tracejit.ir.types import INDEX, dtype_of
from tracejit.records import dataclass

Layout: TypeAlias = Literal["C", "F", "strided"]
Kind: TypeAlias = Literal["bool", "int", "float", "complex"]
Packing: TypeAlias = tuple[tuple[int, str], ...]
"""Axes of two and more elements from slowest to fastest. Each is ``"packed"`` (its stride is extent
times stride of the next one, or one element for the last) or has a stride of sign + or - or 0."""

PYTHON_DTYPES: dict[Kind, str] = {"bool": "bool", "int": "i64", "float": "f64", "complex": "c128"}
KIND_TYPE: dict[str, type] = {"bool": bool, "int": int, "float": float, "complex": complex}
_NUMBERS: dict[type, Kind] = {int: "int", float: "float", complex: "complex"}


@dataclass(frozen=True)
class SymDim:
    """A symbolic extent; equal names are equal extents. ``low`` is a known lower bound."""

    name: str
    hint: int | None = field(default=None, compare=False)
    low: int = 2


@dataclass(frozen=True)
class MemoryWindow:
    """An argument that lies in leaf ``storage``, a C-ordered array that other arguments share.

    ``numbers``: leaves that hold Python integers, counted in elements of the storage. ``form`` says
    what they are:

    - ``"axes"``: axis i runs along axis ``axes[i]`` of the storage (None: it has one element) by
      ``steps``; the numbers are where that starts, for each axis that is not ``whole``;
    - ``"block"``: consecutive elements in C order, of which the first is the number;
    - ``"strided"``: the numbers are the first element and a stride for each axis.

    ``part``: the real or imaginary part of the elements.
    """

    storage: int
    form: str
    numbers: tuple[int, ...]
    steps: tuple[int, ...] = ()
    axes: tuple[int | None, ...] = ()
    whole: tuple[bool, ...] = ()
    part: str | None = None


@dataclass(frozen=True)
class ArrayArg:
    """An array. An extent is a number, a ``SymDim`` or None: two and more, and not yet decided.

    ``layout``: C or F dense order, or any strides, of which ``packing`` says what is known.
    Arguments with the same ``alias_group`` are one and the same memory. ``window``: it has no
    parameter of its own but lies in another leaf. Arguments with the same ``apart`` are parts of
    records: none of their elements lie in one place, though those of one lie among those of others.
    """

    dtype: np.dtype[Any]
    shape: tuple[int | SymDim | None, ...]
    layout: Layout = "C"
    writeable: bool = True
    packing: Packing | None = None
    alias_group: int | None = None
    window: MemoryWindow | None = None
    apart: int | None = None

    is_static: ClassVar[bool] = False

    @property
    def is_parameter(self) -> bool:
        return self.window is None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def strides(self) -> Literal["C", "F"] | tuple[None, ...]:
        """Of dense arrays their order, of others a stride per axis that the run finds."""
        return (None,) * self.rank if self.layout == "strided" else self.layout


@dataclass(frozen=True)
class ScalarArg:
    """A number: of Python's ``kind``, else a NumPy scalar of ``dtype``, else the address of a
    generator of random numbers of the class ``source``. ``value``: it is compiled for that."""

    dtype: np.dtype[Any]
    kind: Kind | None = None
    source: type | None = None
    value: int | bool | None = None

    @classmethod
    def python(cls, kind: Kind) -> ScalarArg:
        """A Python scalar."""
        return cls(dtype_of(PYTHON_DTYPES[kind]), kind)

    @classmethod
    def generator(cls, source: type) -> ScalarArg:
        """The address of a generator of random numbers."""
        return cls(INDEX.dtype, None, source)

    @property
    def is_static(self) -> bool:
        return self.value is not None

    @property
    def is_parameter(self) -> bool:
        return self.value is None

    @property
    def by_value(self) -> bool:
        """Whether the shape policy may compile for its value: it often decides structure."""
        return self.kind in ("int", "bool")


@dataclass(frozen=True)
class ObjectArg:
    """An object of a class of the program's, whose attributes are read in each call.

    ``value``: the one that the trace sees; others take its place in calls.
    """

    kind: type
    alias_group: int | None = None
    value: Any = field(default=None, compare=False, repr=False)

    is_static: ClassVar[bool] = True
    is_parameter: ClassVar[bool] = False


class StaticArg:
    """A value that the code is compiled for, compared by type and value, or as ``itself``: then no
    other object is the same argument."""

    __slots__ = ("_form", "_hash", "itself", "value")

    is_static: ClassVar[bool] = True
    is_parameter: ClassVar[bool] = False

    def __init__(self, value: Any, itself: bool = False) -> None:
        self.value, self.itself = value, itself
        self._form = Itself(value) if itself else distinguishing(value)
        try:
            self._hash = hash(self._form)
        except TypeError:
            self._hash = id(value)

    def __repr__(self) -> str:
        return f"StaticArg({self.value!r})"

    def __reduce__(self) -> tuple[Any, ...]:  # the hash is another in each process
        return StaticArg, (self.value, self.itself)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StaticArg) or type(self.value) is not type(other.value):
            return False
        if self.value is other.value:
            return self.itself == other.itself
        try:
            return self._hash == other._hash and bool(self._form == other._form)
        except (TypeError, ValueError):
            return False


ArgType: TypeAlias = ArrayArg | ScalarArg | ObjectArg | StaticArg
ARG_TYPES = (ArrayArg, ScalarArg, ObjectArg, StaticArg)


def number_arg(value: Any) -> ScalarArg | None:
    """What a number is as an argument of the run; None for what cannot be one."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        return None
    if isinstance(value, np.generic) and is_number(value.dtype):
        return None if row_of(value.dtype) is None else ScalarArg(value.dtype)
    kind = _NUMBERS.get(type(value))
    return None if kind is None else ScalarArg.python(kind)


def without_objects(args: Sequence[ArgType]) -> tuple[ArgType, ...]:
    """The types without the objects that the trace sees: calls have their own."""
    return tuple(replace(a, value=None) if isinstance(a, ObjectArg) else a for a in args)


def sizes_of(args: Sequence[ArgType], leaves: Sequence[Any]) -> tuple[int, ...]:
    """Everything the shape policy rules over: extents of 2 and more, Python ints and bools."""
    out: list[int] = []
    for arg, leaf in zip(args, leaves, strict=True):
        if isinstance(arg, ArrayArg):
            out += [n for n, d in zip(leaf.shape, arg.shape, strict=True) if d is None]
        elif isinstance(arg, ScalarArg) and arg.by_value:
            out.append(leaf)
    return tuple(out)


def integers_among(args: Sequence[ArgType]) -> tuple[bool, ...]:
    """Which entries of ``sizes_of`` are Python ints or bools rather than extents."""
    out: list[bool] = []
    for arg in args:
        if isinstance(arg, ArrayArg):
            out += [False] * arg.shape.count(None)
        elif isinstance(arg, ScalarArg) and arg.by_value:
            out.append(True)
    return tuple(out)


def resolved(
    args: Sequence[ArgType], leaves: Sequence[Any], dynamic: Sequence[bool]
) -> tuple[ArgType, ...]:
    """The types that code is compiled for; ``dynamic``: of ``sizes_of``, which the run finds."""
    rest = enumerate(dynamic)

    def extent(n: int) -> int | SymDim:
        number, free = next(rest)
        return SymDim(f"n{number}", n) if free else n

    found: list[ArgType] = []
    for arg, leaf in zip(args, leaves, strict=True):
        if isinstance(arg, ArrayArg):
            dims = zip(arg.shape, leaf.shape, strict=True)
            arg = replace(arg, shape=tuple(extent(n) if d is None else d for d, n in dims))
        elif isinstance(arg, ScalarArg) and arg.by_value:
            arg = arg if next(rest)[1] else replace(arg, value=leaf)
        elif isinstance(arg, ObjectArg):
            arg = replace(arg, value=leaf)
        found.append(arg)
    return tuple(found)


def places_of_extents(args: Sequence[ArgType]) -> dict[str, list[tuple[int, int]]]:
    """Leaf and axis of each place where a symbolic extent is found, by name in order of
    appearance."""
    places: dict[str, list[tuple[int, int]]] = {}
    for k, arg in enumerate(args):
        for axis, d in enumerate(arg.shape if isinstance(arg, ArrayArg) else ()):
            if isinstance(d, SymDim):
                places.setdefault(d.name, []).append((k, axis))
    return places
