"""Arguments of NumPy functions as IR values: weak Python scalars, dtypes, extents, run-time checks.

Implementations work on ``ir.Value`` between ``value_of`` and ``wrap``; nothing here knows views.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, asks, throw
from tracejit.ir import extent as ex
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES, dtype_of
from tracejit.records import dataclass
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, PyScalar, Scalar, lift, structural_int
from tracejit.trace.values.casting import check_fits
from tracejit.trace.views.broadcast import match_shape

DType = np.dtype[Any]
_LITERALS = (int, float, complex)


@dataclass(frozen=True)
class Operand:
    """One ufunc input: a traced value, or a Python literal that has no dtype yet."""

    value: Value | None
    weak: type | None = None
    literal: Any = None

    @property
    def dtype(self) -> Any:
        """What NEP 50 promotion sees: a dtype, or ``int``, ``float``, ``complex`` when weak."""
        if self.weak is not None:
            return self.weak
        assert self.value is not None
        return self.value.dtype

    @property
    def shape(self) -> tuple[Dim, ...]:
        return () if self.value is None else self.value.shape


def builder() -> Builder:
    """The innermost builder of the running trace."""
    return current().b


def operand(x: Any) -> Operand:
    """Any argument that NumPy would take as array-like."""
    if type(x) in _LITERALS:
        return Operand(None, type(x), x)
    lifted = lift(x)
    weak = {"int": int, "float": float, "complex": complex}.get(lifted.weak or "")
    return Operand(lifted.value, weak)


def value_of(x: Any) -> Value:
    """The IR value of an array-like argument (Python scalars take NumPy's default dtypes)."""
    if isinstance(x, Value):
        return x
    if type(x) in _LITERALS:
        return builder().const(np.asarray(x))
    return lift(x).value


@asks(TypeError, ValueError, ArithmeticError)
def cast(x: Operand, dtype: DType) -> Value:
    """An operand in ``dtype``. A Python int that does not fit raises OverflowError as NumPy."""
    b = builder()
    if x.value is None:
        if x.weak is int and is_integer(dtype):
            return b.const(np.array(x.literal, dtype))
        return _constant(x, dtype)
    if x.weak is int and is_integer(dtype) and dtype != DTYPES["i64"]:
        check_fits(x.value, dtype)
    return b.convert(x.value, dtype)


def wrapped(x: Operand, dtype: DType) -> Value:
    """An operand in ``dtype`` as ``astype`` makes it: a Python int that does not fit wraps."""
    return builder().convert(x.value, dtype) if x.value is not None else _constant(x, dtype)


def _constant(x: Operand, dtype: DType) -> Value:
    with np.errstate(all="ignore"):
        return builder().const(np.asarray(x.literal).astype(dtype))


def check(ok: Value, exc: str, message: str, *payload: Value) -> None:
    """A run-time check through the session (which knows facts and places)."""
    current().check(ok, exc, message, *payload)


def check_dim(holds: str, a: Dim, b_: Dim, exc: str, message: str) -> None:
    """Check a relation (``ge``, ``eq`` …) of two extents; at once when both are known."""
    relation = getattr(operator, holds)
    if isinstance(a, int) and isinstance(b_, int):
        if not relation(a, b_):
            throw(error_type(exc)(message.format(a, b_)))
        return
    if a == b_ and holds in ("eq", "ge", "le"):
        return
    b = builder()
    left, right = b.index(a), b.index(b_)
    check(b.op(holds, left, right), exc, message, left, right)


def error_type(name: str) -> type[Exception]:
    """The exception class behind a name in a ``check``."""
    import builtins

    found = getattr(builtins, name, None) or getattr(np.linalg, name, None)
    found = found or getattr(np.exceptions, name)
    assert isinstance(found, type)
    assert issubclass(found, Exception)
    return found


def match_axis(x: Value, axis: int, dim: Dim, message: str) -> Value:
    """``x`` with extent ``dim`` on ``axis``; ValueError(message) where the extents differ."""
    have = x.shape[axis]
    if have == dim:
        return x
    if isinstance(have, int) and isinstance(dim, int):
        throw(ValueError(message))
    shape = tuple(dim if a == axis else d for a, d in enumerate(x.shape))
    return match_shape(x, shape, message)


_KNOWN = (
    "write it as an int, or a tuple of ints, of which the program's text says the numbers, or make "
    "it a static argument"
)


def static_int(x: Any, what: str) -> int:
    """An argument that must be known when tracing (an axis, a rank …)."""
    if isinstance(x, ex.Extent):
        raise UnsupportedError(f"{what} must be known when the function is compiled, not {x!r}")
    if isinstance(x, Array) and x.ndim:
        throw(TypeError("only integer scalar arrays can be converted to a scalar index"))
    if isinstance(x, (Array, Scalar, PyScalar)):
        return structural_int(x, what, _KNOWN)
    return operator.index(x)


@asks(TypeError, ValueError, ArithmeticError)
def axis_of(axis: Any, rank: int, what: str = "axis", prefix: str | None = None) -> int:
    """A non-negative axis; AxisError as NumPy when outside ``rank``, its text after ``prefix``."""
    k = static_int(axis, what)
    if not -rank <= k < rank:
        throw(np.exceptions.AxisError(k, rank, prefix))
    return k % rank


def axes_of(axis: Any, rank: int, strict: bool = False) -> tuple[int, ...]:
    """Sorted, distinct non-negative axes for a reduction's ``axis`` argument.

    Ufunc reductions let axis 0 and -1 of a 0-d array pass; others are ``strict``.
    """
    if axis is None:
        return tuple(range(rank))
    many = axis if isinstance(axis, (tuple, list)) else (axis,)
    lenient = rank == 0 and not strict and not isinstance(axis, (tuple, list))
    if lenient and static_int(axis, "axis") in (0, -1):
        return ()
    axes = tuple(axis_of(a, rank) for a in many)
    if len(set(axes)) != len(axes):
        throw(ValueError("duplicate value in 'axis'"))
    return tuple(sorted(axes))


@asks(TypeError, ValueError, ArithmeticError)
def given_dtype(dtype: Any, default: Any = None) -> DType:
    """The ``dtype=`` argument as a supported dtype."""
    chosen = np.dtype(default if dtype is None else dtype)
    try:
        return dtype_of(chosen)
    except TypeError as error:
        raise UnsupportedError(
            f"{chosen} values are not supported; use float32, float64 or another "
            "bool, integer or complex dtype"
        ) from error


def full_like(number: Any, like: Value) -> Value:
    """A constant with the dtype and shape of ``like``."""
    return builder().full(number, like.tensor)


def size_of(x: Value, axes: Sequence[int] | None = None) -> Dim:
    """Number of elements (over ``axes``)."""
    return ex.product(tuple(x.shape[a] for a in (range(x.rank) if axes is None else axes)))


def permuted(x: Value, perm: Sequence[int]) -> Value:
    """``x`` with its axes in another order; itself when nothing changes."""
    if tuple(perm) == tuple(range(x.rank)):
        return x
    return builder().op("transpose", x, perm=tuple(perm))  # type: ignore[no-any-return]


def expanded(x: Value, axes: Sequence[int]) -> Value:
    """``x`` with new axes of extent 1 at result positions ``axes``."""
    rank = x.rank + len(axes)
    keep = [a for a in range(rank) if a not in axes]
    shape: list[Dim] = [1] * rank
    for a, d in zip(keep, x.shape, strict=True):
        shape[a] = d
    return builder().broadcast(x, shape, keep)


def iota(dim: Dim, dtype: Any = "i64") -> Value:
    """0, 1, … ``dim`` - 1."""
    return builder().op(  # type: ignore[no-any-return]
        "iota", shape=(dim,), axis=0, dtype=dtype_of(dtype)
    )
