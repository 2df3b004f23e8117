"""A number whose kind the run decides, where no one kind holds all it may be: a tagged union.

Arithmetic, comparisons and calls are made once for each kind it may be of, and joined again; what
can be made of one kind only (an element of an array that is built, a text) is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tracejit.dtypes import is_complex, is_float, is_inexact, is_numeric
from tracejit.errors import asks
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.core import Value
from tracejit.ir.types import dtype_of
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.session import current
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.coercion import lift
from tracejit.trace.values.python_scalars import as_kind
from tracejit.trace.values.scalars import (
    KIND_DTYPE,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    payload_of,
    python_int,
    stays_int,
    weak_kind,
)

#: Makes a flag where a builder stands.
Flag: TypeAlias = Callable[[Any], Value]


_PLAIN = bool | int | float | complex
#: What is done for each of what it may be.
_OF_KINDS = TaggedScalar | MixedScalar | IntOrFloat | IntOrScalar | ChosenConstant


def alternatives(x: Any) -> tuple[tuple[Any, ...], tuple[Value, ...]]:
    """What something may be, numbers each of one kind, and the flags of all but the last."""
    if isinstance(x, TaggedScalar):
        return x.alternatives, x.flags
    if isinstance(x, ChosenConstant):
        return x.choices, x.flags
    if isinstance(x, IntOrFloat | IntOrScalar | MixedScalar):
        return alternatives(by_kind(x))
    return (x,), ()


def by_kind(x: IntOrFloat | IntOrScalar | MixedScalar) -> TaggedScalar:
    """The numbers of one kind that a number may be, apart."""
    b = current().b
    if isinstance(x, MixedScalar):
        value = b.convert(x.value, KIND_DTYPE[x.kind])
        python = python_int(value) if x.kind == "int" else PyScalar(x.kind, value)
        return TaggedScalar([python, Scalar(x.value)], [x.python])
    value = x.read()
    real = b.op("real", value) if is_complex(value.dtype) else value
    whole = b.op("select", x.integer, real, b.const(0, real.dtype))
    integer = python_int(b.convert(whole, "i64"))
    number = PyScalar(x.kind, value) if isinstance(x, IntOrFloat) else Scalar(value)
    return TaggedScalar([integer, number], [x.integer])


def tags(x: Any) -> list[tuple[Any, Flag]]:
    """The numbers that one may be, and for each whether it is that one."""
    found, flags = alternatives(x) if isinstance(x, TaggedScalar) else ((x,), ())
    makers: list[Flag] = [lambda _, v=flag: v for flag in flags]  # type: ignore[misc]

    def last(b: Any) -> Value:
        some = b.const(False, "bool")
        for flag in flags:
            some = b.op("bitwise_or", some, flag)
        return b.op("invert", some)  # type: ignore[no-any-return]

    return list(zip(found, [*makers, last], strict=True))


@asks(Exception)
def each_kind(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``, for each of the kinds that its arguments may be of in a run, and of the
    constants that they may be."""
    place = next((k for k, x in enumerate(args) if isinstance(x, _OF_KINDS)), None)
    if place is None:
        return function(*args)
    found, flags = alternatives(args[place])

    def of(k: int) -> Any:
        def this() -> Any:
            return each_kind(function, *args[:place], found[k], *args[place + 1 :])

        if k == len(flags):
            return this()
        flag = PyScalar("bool", flags[k])
        return current().operators.if_expr(flag, this, lambda: of(k + 1), None)

    return of(0)


def as_int(x: TaggedScalar) -> PyScalar | None:
    """As an int, where it is Python's and a bool or an int: the bool is one to most operators."""
    if {weak_kind(m) for m in x.alternatives} != {"bool", "int"}:
        return None
    *most, value = (as_kind(m, "int") for m in x.alternatives)
    for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
        value = current().b.op("select", flag, other, value)
    return PyScalar("int", value)


def as_float(x: TaggedScalar) -> Scalar | None:
    """As an item of an array, where it is Python's int or a float: of the dtype that holds both."""
    kinds = [KIND_DTYPE[k] if (k := weak_kind(m)) is not None else m.dtype for m in x.alternatives]
    first, *others = x.alternatives
    if len(others) != 1 or weak_kind(first) != "int" or not is_float(dtype_of(kinds[1])):
        return None
    b, dtype = current().b, dtype_of(np.result_type(*map(dtype_of, kinds)))
    integer, number = (b.convert(lift(m).value, dtype) for m in x.alternatives)
    return Scalar(b.op("select", x.flags[0], integer, number))


def widest(x: Any) -> Any:
    """A number that is a float in some runs as a NumPy scalar of the dtype that holds all it may
    be; anything else as it is."""
    if not isinstance(x, TaggedScalar):
        return x
    kinds = [KIND_DTYPE[k] if (k := weak_kind(m)) is not None else m.dtype for m in x.alternatives]
    dtype = dtype_of(np.result_type(*map(dtype_of, kinds)))
    if not is_inexact(dtype):
        return x
    b = current().b
    *most, found = (b.convert(lift(m).value, dtype) for m in x.alternatives)
    for flag, other in zip(reversed(x.flags), reversed(most), strict=True):
        found = b.op("select", flag, other, found)
    return Scalar(found)


#: Operators that make ints of ints, and take floats for them exactly.
OF_INTS = frozenset(["add", "sub", "mul", "neg", "pos", "abs"])
_COMPARISONS = frozenset(["eq", "ne", "lt", "le", "gt", "ge"])


def depends_on_kind(name: str, *operands: Any) -> bool:
    """Whether the kinds that operands may be of make a difference to what an operator or a ufunc
    makes of them, beyond what is computed of their one value."""
    if any(isinstance(x, TaggedScalar) for x in operands):
        return True
    arrays = not all(isinstance(x, PyScalar | Scalar | np.generic | _PLAIN) for x in operands)
    if not arrays and any(isinstance(x, IntOrFloat | IntOrScalar) for x in operands):
        return not _computes_with_ints(name, operands)
    pairs = (operands, operands[::-1])
    return any(isinstance(a, MixedScalar) and _depends(a, rest) for a, *rest in pairs)


def _depends(x: MixedScalar, others: Sequence[Any]) -> bool:
    narrow = x.dtype != KIND_DTYPE[x.kind]
    if not others:
        return narrow
    (other,) = others
    if isinstance(other, MixedScalar):
        return narrow or (x.dtype, x.kind) != (other.dtype, other.kind)
    if weak_kind(other) is not None:
        return narrow
    dtype = getattr(other, "dtype", None)
    if not isinstance(dtype, np.dtype) or not is_numeric(dtype):
        return False
    if x.kind == "complex" and dtype == np.float64:
        return True  # a float of Python's, too: Python's complex stays one
    return np.result_type(dtype, x.dtype) != np.result_type(dtype, KIND_TYPE[x.kind]())


def _computes_with_ints(name: str, operands: Sequence[Any]) -> bool:
    """Whether an operator computes with ints as with the floats that other runs have, and the int
    that it makes, if any, can be told."""
    kinds = {payload_of(x) for x in operands if isinstance(x, IntOrFloat | IntOrScalar)}
    if len(kinds) > 1 or any(isinstance(x, MixedScalar) for x in operands):
        return False
    if name in OF_INTS and stays_int(operands):
        return True
    (kind,) = kinds
    for x in operands:
        if isinstance(x, IntOrFloat | IntOrScalar):
            continue
        example = 1.0 if kind is None else kind
        if weak_kind(x) is None:
            if np.result_type(x.dtype, 1) != np.result_type(x.dtype, example):
                return False
        elif kind is not None:
            wide = name in _COMPARISONS and kind == np.float64
            if not (wide or weak_kind(x) in ("bool", "int")) or name == "truediv":
                return False
    return name in OF_INTS or name in _COMPARISONS or (name == "truediv" and len(operands) == 2)


def attribute(x: TaggedScalar, name: str) -> Any:
    """``x.name``, of each kind that has it."""
    if not all(callable(getattr(_class(number), name, None)) for number in x.alternatives):
        return each_kind(lambda number: getattr(number, name), x)

    def method(owner: TaggedScalar, *args: Any, **kwargs: Any) -> Any:
        return each_kind(lambda number: getattr(number, name)(*args, **kwargs), owner)

    return BoundMethod(x, method)


def _class(x: Any) -> type:
    kind = weak_kind(x)
    return KIND_TYPE[kind] if kind is not None else x.dtype.type
