"""What a trace is asked for: the leaves of the arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tracejit.dtypes import is_number
from tracejit.ir.types import DTYPES
from tracejit.trace.session.stride_classes import Packing

WeakKind = Literal["bool", "int", "float", "complex"]
KIND_TYPE: dict[str, type] = {"bool": bool, "int": int, "float": float, "complex": complex}
_KINDS: dict[type, str] = {int: "int", float: "float", complex: "complex"}


@dataclass(frozen=True)
class SymDim:
    """A symbolic extent; equal names are equal extents. ``low`` is a known lower bound."""

    name: str
    hint: int | None = None
    low: int = 2


@dataclass(frozen=True)
class WindowSpec:
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
class ArraySpec:
    """An array argument. ``layout``: C or F dense order, or any strides. Arguments with the same
    ``alias_group`` are one and the same memory. ``packing``: what is known of any strides.
    ``window``: it has no parameter of its own but lies in another leaf."""

    dtype: np.dtype[Any]
    shape: tuple[int | SymDim, ...]
    layout: Literal["C", "F", "strided"] = "C"
    alias_group: int | None = None
    writeable: bool = True
    packing: Packing | None = None
    window: WindowSpec | None = None


@dataclass(frozen=True)
class ScalarSpec:
    """A run-time scalar: a Python kind, the dtype of a NumPy scalar, or the type of a generator
    of random numbers, whose address it is."""

    kind: WeakKind | np.dtype[Any] | type


@dataclass(frozen=True)
class Static:
    """A value that the trace specialises on."""

    value: Any


@dataclass(frozen=True)
class ObjectSpec(Static):
    """An object of class ``kind``, of which the trace sees one; others take its place in calls."""

    kind: type


def number_kind(value: Any) -> str | np.dtype[Any] | None:
    """What a number is as a hidden argument; None for what cannot be one."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        return None
    if isinstance(value, np.number) and is_number(value.dtype):
        return value.dtype if value.dtype in DTYPES.values() else None
    return _KINDS.get(type(value))
