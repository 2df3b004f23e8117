"""Numbers of unlike kinds under one name: the kind that holds them all, and their values in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import digits, is_bool, is_inexact, is_integer, is_signed, kind_of
from tracejit.ir.core import Value
from tracejit.trace.session.session import current
from tracejit.trace.values.all import (
    KIND_RANK,
    KIND_TYPE,
    PyScalar,
    Scalar,
    Tracer,
    WeakKind,
    lift,
    weak_kind,
)
from tracejit.trace.values.python_scalars import as_kind


def is_number(x: Any) -> bool:
    """A traced or plain Python or NumPy scalar."""
    return isinstance(x, PyScalar | Scalar | np.number | np.bool_ | bool | int | float | complex)


#: Beyond it, integers are not all exact as floats, and what is added to them soon overflows.
_SENTINEL = 2**53


def is_sentinel(x: Any) -> bool:
    """Whether a Python number stands for what is beyond all numbers: infinity, or an int so large
    that it must not become one that wraps."""
    if type(x) is float:
        return bool(np.isinf(x))
    return type(x) is int and abs(x) >= _SENTINEL


def joined_number(a: Any, b: Any) -> WeakKind | np.dtype[Any] | None:
    """The kind (weak) or dtype of a name that is bound to either number; None if there is none.

    A constant takes the other's type when it is exact in it (decision 3)."""
    ka, kb = weak_kind(a), weak_kind(b)
    if ka is not None and kb is not None:
        if ka == kb:
            return ka
        low, high = sorted((ka, kb), key=lambda k: KIND_RANK[k])
        narrow = a if ka == low else b
        if low == "bool":
            return None  # returned and shown, it is not the int it computes as
        exact = not isinstance(narrow, PyScalar) and float(narrow) == narrow
        return high if exact else None
    if ka is None and kb is None:
        return a.dtype if a.dtype == b.dtype else _exact_constant(a, b) or _exact_constant(b, a)
    weak, strong = (a, b) if ka is not None else (b, a)
    return _exact_constant(weak, strong) or _same_width(weak, strong)


def _same_width(weak: Any, strong: Any) -> np.dtype[Any] | None:
    kind = weak_kind(weak)
    wide = {"bool": "?", "int": "i8", "float": "f8", "complex": "c16"}[kind or "int"]
    dtype: np.dtype[Any] = strong.dtype
    return dtype if dtype == np.dtype(wide) else None


def _exact_constant(a: Any, b: Any) -> np.dtype[Any] | None:
    """The dtype of ``b`` if ``a`` is a constant that is exact in it."""
    if isinstance(a, Tracer):
        known = a.static_value()  # type: ignore[attr-defined]
        if known is None:
            return None
        a = known
    dtype: np.dtype[Any] = b.dtype
    order = "biufc"
    kind = kind_of(np.asarray(a).dtype)
    if (kind == "b") != (is_bool(dtype)):
        return None
    if order.index(kind.replace("u", "i")) > order.index(kind_of(dtype).replace("u", "i")):
        return None
    try:
        with np.errstate(all="ignore"):
            converted = np.array(a, dtype)
    except OverflowError:
        return None
    return dtype if _same(converted, a) else None


def _same(converted: np.ndarray[Any, Any], x: Any) -> bool:
    """Whether a conversion kept a number: NumPy would compare a float of Python's rounded."""
    return bool(converted.item() == x or x != x)


def meeting_kind(a: Any, b: Any) -> WeakKind | np.dtype[Any] | None:
    """What holds either of two numbers of unlike kinds, by NumPy's promotion; None where one is a
    bool and one is not. Whether it holds them as they are, ``fits`` says."""
    weak = [weak_kind(x) for x in (a, b)]
    bools = [k == "bool" or (k is None and is_bool(x.dtype)) for k, x in zip(weak, (a, b))]
    if any(bools):
        return None
    if weak[0] is not None and weak[1] is not None:
        return max(weak[0], weak[1], key=lambda k: KIND_RANK[k])
    examples = (x.dtype if k is None else KIND_TYPE[k]() for k, x in zip(weak, (a, b)))
    return np.result_type(*examples)


def known_number(x: Any) -> Any:
    """The number that is known while tracing, or None."""
    return x.static_value() if isinstance(x, Tracer) else x  # type: ignore[attr-defined]


def keeps(known: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a known number keeps its value in a dtype."""
    try:
        with np.errstate(all="ignore"):
            return _same(np.array(known, dtype), known)
    except (OverflowError, TypeError):
        return False


def exact_value(x: Any, kind: WeakKind | np.dtype[Any]) -> Value:
    """A number as a value of a joined kind; OverflowError at run time for an integer that a
    floating kind cannot hold."""
    made = number_value(x, kind)
    if not is_inexact(made.dtype) or not isinstance(x, Tracer):
        return made
    value = x.read()
    bits = digits(made.dtype)
    session = current()
    if not is_integer(value.dtype) or session.literal(value) is not None:
        return made
    small = value.dtype.itemsize * 8 <= bits
    if small or (value.dtype == np.int64 and session.ranges.magnitude(value.dim) <= 2**bits):
        return made
    b = session.b
    ok = b.op("le", value, b.const(2**bits, value.dtype))
    if is_signed(value.dtype):
        low = b.op("ge", value, b.const(-(2**bits), value.dtype))
        ok = b.op("bitwise_and", ok, low)
    message = f"an int of more than {bits} bits where other runs have a {made.dtype}"
    session.emit_check(ok, "OverflowError", message)
    return made


def number_value(x: Any, kind: WeakKind | np.dtype[Any]) -> Value:
    """A number as an IR value of a joined kind."""
    if isinstance(kind, str):
        return as_kind(x, kind)
    lifted = lift(x)
    if lifted.static is not None:
        return current().b.const(np.array(lifted.static, kind))
    return current().b.convert(lifted.value, kind)
