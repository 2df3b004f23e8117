"""Numbers of several kinds in one place: a value that holds them all, and a tag that says of which
kind it is.

A kind is one of Python's or a dtype of NumPy's. Ints that the value would round are refused: by an
OverflowError at run time, or at once where they are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tracejit.dtypes import digits, is_complex, is_float, is_inexact, is_integer, is_signed
from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import dtype_of
from tracejit.trace.session.concretize import name_of
from tracejit.trace.session.session import current, where
from tracejit.trace.values.arrays import fresh
from tracejit.trace.values.scalar_join import exact_value
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    KIND_RANK,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    WeakKind,
    python_int,
    weak_kind,
)

AnyKind: TypeAlias = "WeakKind | np.dtype[Any]"

#: The dtype of tags.
TAG = np.dtype(np.uint8)


def in_order(kinds: Iterable[AnyKind]) -> tuple[AnyKind, ...]:
    """Each kind once: Python's, then NumPy's. Its place is its tag."""
    found = {_named(kind): kind for kind in kinds}
    return tuple(sorted(found.values(), key=_rank))


def _rank(kind: AnyKind) -> tuple[int, int]:
    return (0, KIND_RANK[kind]) if isinstance(kind, str) else (1, kind.num)


def _named(kind: AnyKind) -> str:
    return kind if isinstance(kind, str) else f"numpy.{kind.name}"


def named(kinds: Iterable[AnyKind]) -> tuple[str, ...]:
    """Names that tell kinds apart, as ``==`` of kinds does not ("float" is float64 to NumPy)."""
    return tuple(map(_named, kinds))


def is_int(kind: AnyKind) -> bool:
    """Whether a kind is Python's int, which int64 equals as NumPy reads its name."""
    return _named(kind) == "int"


def _dtype(kind: AnyKind) -> np.dtype[Any]:
    return dtype_of(KIND_DTYPE[kind] if isinstance(kind, str) else kind)


def storage(kinds: Sequence[AnyKind]) -> np.dtype[Any]:
    """The dtype of the value, as of an array of such numbers."""
    return dtype_of(np.result_type(*map(_dtype, kinds)))


def kinds_of(x: Any) -> tuple[AnyKind, ...]:
    """The kinds that a number may be of."""
    if isinstance(x, TaggedScalar):
        return tuple(k for each in x.alternatives for k in kinds_of(each))
    if isinstance(x, IntOrFloat | IntOrScalar):
        return "int", (x.kind if isinstance(x, IntOrFloat) else x.dtype)
    if isinstance(x, MixedScalar):
        return x.kind, x.dtype
    return (weak_kind(x) or x.dtype,)


def tag_of(kind: AnyKind, kinds: Sequence[AnyKind]) -> int:
    return named(kinds).index(_named(kind))


def encoded(x: Any, kinds: Sequence[AnyKind], dtype: np.dtype[Any]) -> tuple[Value, Value]:
    """The value and the tag of a number that is of one of some kinds."""
    b = current().b

    def tag(kind: AnyKind) -> Value:
        return b.const(tag_of(kind, kinds), TAG)

    if isinstance(x, TaggedScalar):
        *most, found = (encoded(each, kinds, dtype) for each in x.alternatives)
        for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
            value, mark = (b.op("select", flag, *pair) for pair in zip(other, found, strict=True))
            found = value, mark
        return found
    if isinstance(x, IntOrFloat | IntOrScalar):
        both = map(tag, kinds_of(x))
        return b.convert(x.read(), dtype), b.op("select", x.integer, *both)
    if isinstance(x, MixedScalar):
        both = map(tag, kinds_of(x))
        return b.convert(x.read(), dtype), b.op("select", x.python, *both)
    (kind,) = kinds_of(x)
    _must_be_held(x, dtype)
    return exact_value(x, dtype), tag(kind)


def encoded_constants(
    numbers: Sequence[Any], kinds: Sequence[AnyKind], dtype: np.dtype[Any]
) -> tuple[Value, Value]:
    """The values and the tags of known numbers, each of one of some kinds."""
    for x in numbers:
        _must_be_held(x, dtype)
    b = current().b
    tags = [tag_of(kinds_of(x)[0], kinds) for x in numbers]
    return b.const(np.array(numbers, dtype), dtype), b.const(np.array(tags, TAG), TAG)


def _must_be_held(x: Any, dtype: np.dtype[Any]) -> None:
    """UnsupportedError for a known int that the floats of a dtype do not all hold."""
    known = x.static_value() if isinstance(x, PyScalar | Scalar) else x
    if not is_inexact(dtype) or not isinstance(known, int | np.integer):
        return
    if abs(int(known)) > 1 << digits(dtype):
        raise UnsupportedError(
            f"{where()}: an int of more than {digits(dtype)} bits is put among numbers of other "
            f"kinds, which are kept as {dtype}: use float({known})"
        )


def must_hold(column: Value, dtype: np.dtype[Any], count: Dim, live: Value | None) -> None:
    """OverflowError at run time for ints among the first ``count`` of a column, where they are
    ``live``, that floats of a dtype do not all hold."""
    bits = digits(dtype) if is_inexact(dtype) else 64
    if not is_integer(column.dtype) or column.dtype.itemsize * 8 <= bits:
        return
    b = current().b

    def first(x: Value) -> Value:
        rest = x.shape[1:]
        return b.slice(x, (0, *(0 for _ in rest)), (count, *rest), (1, *(1 for _ in rest)))

    def full(number: int) -> Value:
        return b.full(number, column.tensor)

    column = first(column)
    ok = b.op("le", column, full(2**bits))
    if is_signed(column.dtype):
        ok = b.op("bitwise_and", ok, b.op("ge", column, full(-(2**bits))))
    if live is not None:
        ok = b.op("bitwise_or", ok, b.op("invert", first(live)))
    fine = name_of(np.all)(fresh(ok)).read()
    message = f"an int of more than {bits} bits where other runs have a {dtype}"
    current().check(fine, OverflowError, message)


def decoded(value: Value, tag: Value, kinds: Sequence[AnyKind]) -> Any:
    """The number that a value and a tag are."""
    b = current().b
    flags = [b.op("eq", tag, b.const(k, TAG)) for k in range(len(kinds) - 1)]
    if len(kinds) == 2 and _dtype(kinds[1]) == value.dtype:
        first, second = kinds
        if is_int(first) and is_float(value.dtype):
            most = 1 << digits(value.dtype)
            if isinstance(second, str):
                return IntOrFloat(second, value, flags[0], most)
            return IntOrScalar(value, flags[0], most)
        if isinstance(first, str) and not isinstance(second, str) and _dtype(first) == second:
            return MixedScalar(value, first, flags[0])
    last = b.op("eq", tag, b.const(len(kinds) - 1, TAG))
    return TaggedScalar(
        [_alone(value, flag, k) for k, flag in zip(kinds, [*flags, last], strict=True)], flags
    )


def _alone(value: Value, flag: Value, kind: AnyKind) -> Any:
    """The number of a kind that a value is where a flag holds; 0 elsewhere."""
    b = current().b
    dtype = _dtype(kind)
    if is_complex(value.dtype) and not is_complex(dtype):
        value = b.op("real", value)
    if value.dtype != dtype:
        value = b.convert(b.op("select", flag, value, b.const(0, value.dtype)), dtype)
    if is_int(kind):
        return python_int(value)
    return PyScalar(kind, value) if isinstance(kind, str) else Scalar(value)


def renumbered(tags: Value, before: Sequence[AnyKind], after: Sequence[AnyKind]) -> Value:
    """Tags as places among more kinds."""
    b = current().b
    places = [tag_of(k, after) for k in before]
    found = b.full(places[0], tags.tensor)
    for k, place in list(enumerate(places))[1:]:
        is_k = b.op("eq", tags, b.full(k, tags.tensor))
        found = b.op("select", is_k, b.full(place, tags.tensor), found)
    return found
