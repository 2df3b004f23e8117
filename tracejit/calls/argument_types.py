"""What an argument is to compiled code, made once from a leaf, and the shape policy.

A *family* is what dtype, rank, layout, 0/1 extents and static values decide. Within a family the
first version is compiled for its exact extents and integers, unless these are so many that they are
data; when others arrive, those that changed become run-time values, and the third version makes all
of them so: at most three compilations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Sequence
from dataclasses import field, replace
from types import FunctionType
from typing import Any, Literal

import numpy as np

from tracejit.dtypes import is_numeric, kind_of
from tracejit.errors import UnsupportedTypeError
from tracejit.ir.arguments import ArgType, ArrayArg, Kind, ObjectArg, ScalarArg, StaticArg
from tracejit.ir.types import dtype_of
from tracejit.records import dataclass
from tracejit.trace.guards.guard_equality import is_by_kind
from tracejit.trace.session.stride_classes import array_arg
from tracejit.trace.values.exporters import plain_array, refused
from tracejit.trace.values.structured_memory import are_apart, interleaved_groups

Policy = Literal["auto", "static", "dynamic"]

#: More integers than this among the arguments are data, which no code is compiled for.
PARAMETERS = 16

_PYTHON: dict[type, Kind] = {bool: "bool", int: "int", float: "float", complex: "complex"}
_I64 = range(-(2**63), 2**63)


class _EveryClass:
    def __contains__(self, x: object) -> bool:
        return True


EVERY_CLASS: Container[type] = _EveryClass()


class StaticArgument:
    """Marks an argument as one leaf, compiled for its value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
        error = refused(value, "a static argument")
        if error is not None:
            raise error
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"a static argument must be hashable, not a {type(value).__name__}: "
                "pass a tuple, or do not make it static"
            ) from None


def arg_of(leaf: Any, by_identity: Container[type] = ()) -> ArgType:
    """What one argument leaf is; extents of 2 and more are not decided yet.

    ``by_identity``: classes of which each object has versions of its own. TypeError for arrays of
    unsupported dtypes.
    """
    if type(leaf) is np.ndarray:
        return _array(leaf)
    if type(leaf) is StaticArgument:
        function = type(leaf.value) is FunctionType
        return StaticArg(leaf.value, itself=function and FunctionType in by_identity)
    kind = _PYTHON.get(type(leaf))
    if kind is not None and not (kind == "int" and leaf not in _I64):
        return ScalarArg.python(kind)
    if isinstance(leaf, np.generic) and is_numeric(leaf.dtype):
        return ScalarArg(_argument_dtype(leaf))
    if is_source(leaf):
        return ScalarArg.generator(type(leaf))
    array = plain_array(leaf)
    if array is not None:
        return _array(array)
    error = refused(leaf, "an argument")
    if error is not None:
        raise error
    itself = type(leaf) in by_identity
    by_kind = not itself and is_by_kind(type(leaf))
    return ObjectArg(type(leaf)) if by_kind else StaticArg(leaf, itself=itself)


def args_of(
    leaves: Sequence[Any], by_identity: Container[type] = ()
) -> tuple[tuple[ArgType, ...], bool]:
    """What the leaves of a call are, with those that are one object or memory; and whether any two
    arrays overlap in another way."""
    groups, overlap = alias_groups(leaves)
    members = Counter(groups)
    args = []
    interleaved = interleaved_groups(leaves)
    for k, (leaf, group) in enumerate(zip(leaves, groups, strict=True)):
        arg = arg_of(leaf, by_identity)
        if k in interleaved and isinstance(arg, ArrayArg):
            arg = replace(arg, apart=interleaved[k])
        if members[group] > 1 and isinstance(arg, ArrayArg | ObjectArg):
            arg = replace(arg, alias_group=group)
        args.append(arg)
    return tuple(args), overlap


def is_source(x: Any) -> bool:
    """Whether ``x`` draws random numbers: compiled code is given its address."""
    if not type(x).__module__.startswith("numpy.random."):
        return False
    return isinstance(x, np.random.Generator | np.random.RandomState)


def _array(x: np.ndarray[Any, Any]) -> ArrayArg:
    found = array_arg(x, _argument_dtype(x))
    return replace(found, shape=tuple(n if n < 2 else None for n in x.shape))


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
            if not np.may_share_memory(x, y) or are_apart(x, y):
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
        if policy == "static":
            return (False,) * count
        if policy == "auto" and not self.versions:
            data = sum(self.ints) > PARAMETERS
            return tuple(data and n and k not in self.frozen for k, n in enumerate(self.ints))
        shaped = list({(v.dynamic, v.exact): v for v in self.versions if v.alive}.values())
        if policy == "dynamic" or len(shaped) >= 2:
            free = [True] * count
        else:
            free = [a != b for a, b in zip(self.first, sizes, strict=True)]
            for v in shaped:
                free = [f or w for f, w in zip(free, v.dynamic, strict=True)]
        return tuple(f and k not in self.frozen for k, f in enumerate(free))


FamilyKey = tuple[Hashable, ...]
