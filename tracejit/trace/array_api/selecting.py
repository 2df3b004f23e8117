"""Choosing among values by conditions: where, select, piecewise, choose, clip, copyto."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_bool, is_integer, is_narrow, is_numpys_inexact
from tracejit.errors import throw
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver, result_like
from tracejit.trace.array_api.names import covers, method
from tracejit.trace.array_api.operands import builder, cast, operand, value_of, wrapped
from tracejit.trace.array_api.places import nonzero, wrapped_index
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, fresh
from tracejit.trace.values.casting import safe_element
from tracejit.trace.views.broadcast import broadcast_together, stretch
from tracejit.trace.views.views import is_writeable
from tracejit.versions import WHERE_CHECKS_INTS

_MISSING: Any = object()


@covers(np.where)
def where(condition: Any, x: Any = _MISSING, y: Any = _MISSING, /) -> Any:
    """Elements of ``x`` where the condition holds, of ``y`` elsewhere; or ``nonzero``."""
    if (x is _MISSING) != (y is _MISSING):
        throw(ValueError("either both or neither of x and y should be given"))
    if x is _MISSING:
        return nonzero(condition)
    b = builder()
    left, right = operand(x), operand(y)
    kind = promote([left, right])
    flag = b.convert(value_of(condition), "bool")
    stored = cast if WHERE_CHECKS_INTS else wrapped
    values = broadcast_together([flag, stored(left, kind), stored(right, kind)])
    value = b.op("select", *values)
    found = result_like(value, [condition, x, y])
    return found if isinstance(found, Array) else fresh(value)


@covers(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The choice of the first condition that holds."""
    if len(condlist) != len(choicelist):
        throw(ValueError("list of cases must be same length as list of conditions"))
    if not len(condlist):
        throw(ValueError("select with an empty condition list is not possible"))
    choices = [operand(c) for c in (*choicelist, default)]
    kind = promote(choices)
    conditions = [value_of(c) for c in condlist]
    for k, c in enumerate(conditions):
        if not is_bool(c.dtype):
            throw(TypeError(f"invalid entry {k} in condlist: should be boolean ndarray"))
    every = broadcast_together([*conditions, *(cast(c, kind) for c in choices)])
    count, b = len(conditions), builder()
    found = every[-1]
    for flag, choice in zip(reversed(every[:count]), reversed(every[count:-1]), strict=True):
        found = b.op("select", flag, choice, found)
    return fresh(found)


@covers(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Functions evaluated everywhere and chosen by condition (later conditions win)."""
    x = asarray(x)
    conditions = condlist if isinstance(condlist, (list, tuple)) else [condlist]
    flags = [asarray(c).astype(bool) for c in conditions]
    functions = list(funclist)
    if len(functions) not in (len(flags), len(flags) + 1):
        throw(
            ValueError(
                f"with {len(flags)} condition(s), either {len(flags)} or {len(flags) + 1} "
                f"functions "
                "are expected"
            )
        )
    found = np.zeros_like(x)
    if len(functions) > len(flags):
        value = functions[-1](x, *args, **kw) if callable(functions[-1]) else functions[-1]
        found = np.where(True, value, found).astype(x.dtype)
    for flag, f in zip(flags, functions, strict=False):
        value = f(x, *args, **kw) if callable(f) else f
        found = np.where(flag, value, found).astype(x.dtype)
    return found


_NO_VALUE: Any = np._NoValue


@covers(np.clip)
def clip(
    a: Any,
    a_min: Any = _NO_VALUE,
    a_max: Any = _NO_VALUE,
    out: Any = None,
    *,
    min: Any = _NO_VALUE,
    max: Any = _NO_VALUE,
    **kwargs: Any,
) -> Any:
    """Elements limited to [a_min, a_max]; a nan limit gives nan."""
    low = min if a_min is _NO_VALUE else a_min
    high = max if a_max is _NO_VALUE else a_max
    return clip_method(
        a,
        None if low is _NO_VALUE else low,
        None if high is _NO_VALUE else high,
        out,
        **kwargs,
    )


@method("clip")
def clip_method(
    a: Any,
    min: Any = None,
    max: Any = None,
    out: Any = None,
    **kwargs: Any,
) -> Any:
    """``x.clip(min, max)``."""
    a = a if isinstance(a, (int, float)) else asarray(a)
    if not isinstance(a, (int, float)) and is_integer(a.dtype):
        # Python integers that the dtype cannot hold limit nothing.
        min = None if type(min) is int and min <= np.iinfo(a.dtype).min else min
        max = None if type(max) is int and max >= np.iinfo(a.dtype).max else max
    if min is None and max is None:
        return np.positive(a, out=out, **kwargs)
    if max is None:
        return np.maximum(a, min, out=out, **kwargs)
    if min is None:
        return np.minimum(a, max, out=out, **kwargs)
    limits = [operand(v) for v in (a, min, max)]
    kind = _clipped_in(promote(limits))
    _check_clip(kind, out, kwargs.pop("casting", "same_kind"))
    values = broadcast_together([cast(v, kind) for v in limits])
    b = builder()
    value = b.op("minimum", b.op("maximum", values[0], values[1]), values[2])
    return deliver(value, out, "unsafe") if out is not None else result_like(value, [a])


def _clipped_in(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the ufunc's loop: there is none for a float from outside of NumPy."""
    return dtype if not is_narrow(dtype) or is_numpys_inexact(dtype) else computed_in(dtype)


def _check_clip(kind: np.dtype[Any], out: Any, casting: Any) -> None:
    """What NumPy raises for an ``out`` that cannot take the result."""
    (out,) = out if isinstance(out, tuple) else (out,)
    if isinstance(out, Array) and not np.can_cast(kind, out.dtype, casting):
        sample = np.zeros(1, kind)
        np.clip(sample, sample, sample, out=np.zeros(1, out.dtype), casting=casting)


@covers(np.copyto)
def copyto(dst: Array, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """``src`` broadcast into ``dst`` where the mask holds."""
    v = operand(src)
    kind = promote([v]) if v.weak is None else np.result_type(v.weak(0), dst.dtype)
    allowed = np.can_cast(kind, dst.dtype, casting)
    given = cast(v, dst.dtype)
    mask = None if where is True else safe_element(where, np.dtype(bool))
    if not is_writeable(dst):
        throw(ValueError("assignment destination is read-only"))
    if not allowed:
        what = "array data" if v.shape else "scalar"
        throw(
            TypeError(
                f"Cannot cast {what} from {kind!r} to {dst.dtype!r} according to the rule "
                f"'{casting}'"
            )
        )
    value = stretch(given, dst.dims)
    if mask is not None:
        b = builder()
        flag = stretch(mask, dst.dims)
        value = b.op("select", flag, value, dst.read())
    dst.write(value)


@covers(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """For each element of ``a``, the element of that choice."""
    parts = [operand(c) for c in choices]
    kind = promote(parts)
    index = value_of(a)
    if not np.can_cast(index.dtype, np.int64):
        throw(
            TypeError(
                f"Cannot cast array data from {index.dtype!r} to dtype('int64') according to "
                f"the rule "
                "'safe'"
            )
        )
    index, *values = broadcast_together([index, *(cast(p, kind) for p in parts)])
    b, count = builder(), len(parts)
    if mode == "raise":
        size = stretch(b.const(count, "i64"), index.shape)
        wide = b.convert(index, "i64")
        zero = stretch(b.const(0, "i64"), index.shape)
        ok = b.op("bitwise_and", b.op("ge", wide, zero), b.op("lt", wide, size))
        if index.rank:
            ok = b.op("reduce_and", ok, axes=tuple(range(index.rank)))
        current().check(ok, ValueError, "invalid entry in choice array")
    else:
        index = wrapped_index(index, count, 0, mode)
    found = values[-1]
    for k in range(count - 2, -1, -1):
        here = b.op("eq", index, stretch(b.const(k, index.dtype), index.shape))
        found = b.op("select", here, values[k], found)
    return deliver(found, out, "unsafe")


@method("choose")
def choose_method(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """``x.choose(choices)``."""
    return choose(a, choices, out, mode)
