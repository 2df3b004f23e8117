"""A number whose kind the run decides, where no one kind holds all it may be: a tagged union.

Arithmetic, comparisons and calls are made once for each kind it may be of, and joined again; what
can be made of one kind only (an element of an array that is built, a text) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tracejit.dtypes import is_complex, is_numeric
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.core import Value
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.session import current
from tracejit.trace.values.python_scalars import as_kind
from tracejit.trace.values.scalars import (
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    python_int,
    weak_kind,
)

#: Makes a flag where a builder stands.
Flag: TypeAlias = Callable[[Any], Value]


def alternatives(x: Any) -> tuple[tuple[Any, ...], tuple[Value, ...]]:
    """The numbers that a number may be, each of one kind, and the flags of all but the last."""
    if isinstance(x, TaggedScalar):
        return x.alternatives, x.flags
    if isinstance(x, MixedScalar):
        python = python_int(x.value) if x.kind == "int" else PyScalar(x.kind, x.value)
        return (python, Scalar(x.value)), (x.python,)
    return (x,), ()


def by_kind(x: IntOrFloat | IntOrScalar) -> TaggedScalar:
    """The int or the float that a number is, apart."""
    b = current().b
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


def each_kind(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``, for each of the kinds that its arguments may be of in a run."""
    place = next((k for k, x in enumerate(args) if isinstance(x, TaggedScalar | MixedScalar)), None)
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


def depends_on_kind(x: MixedScalar, other: Any) -> bool:
    """Whether NumPy's result with ``other`` is another for the Python number that ``x`` may be."""
    if weak_kind(other) is not None or isinstance(other, MixedScalar):
        return False
    dtype = getattr(other, "dtype", None)
    if not isinstance(dtype, np.dtype) or not is_numeric(dtype):
        return False
    return np.result_type(dtype, x.dtype) != np.result_type(dtype, KIND_TYPE[x.kind]())


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
