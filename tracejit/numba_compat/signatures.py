"""Signatures of Numba's: parsed, chosen for the arguments of a call, and applied to them.

A function with signatures takes arguments of those types alone; numbers are converted to them, by
the conversion that loses least, as Numba converts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer, kind_of
from tracejit.numba_compat import types as nt
from tracejit.trace.values.maybe_unbound import MaybeNone

#: Classes of Python's whose arithmetic is that of a type with error_model="python".
_PYTHON = {"?": bool, "q": int, "l": int, "d": float, "D": complex}
#: What a conversion costs, from none to one that may change the value.
EXACT, PROMOTED, SAFE, UNSAFE = range(4)


def parsed(given: Any) -> list[nt.FunctionSignature]:
    """The signatures that a decorator was given: one or a list of texts, signatures or tuples of
    types. Raises TypeError for anything else."""
    if isinstance(given, list):
        return [s for item in given for s in parsed(item)]
    if isinstance(given, str):
        given = _evaluated(given)
    if isinstance(given, nt.FunctionSignature):
        return [given]
    if isinstance(given, tuple) and all(isinstance(t, nt.NumbaType) for t in given):
        return [nt.FunctionSignature(None, given)]
    if isinstance(given, nt.NumbaType):
        return [nt.FunctionSignature(None, (given,))]
    raise TypeError(f"{given!r} is no signature such as 'float64(float64[:], int64)'")


def _evaluated(text: str) -> Any:
    names = {name: value for name, value in vars(nt).items() if not name.startswith("_")}
    try:
        return eval(text, {"__builtins__": {}}, names)
    except Exception as error:
        raise TypeError(f"{text!r} is no signature: {error}") from None


def chosen(
    signatures: Sequence[nt.FunctionSignature], args: Sequence[Any]
) -> nt.FunctionSignature | None:
    """The signature whose conversions of these arguments lose least; None if none fits."""
    best, least = None, (0, 0, 0)
    for signature in signatures:
        if len(signature.args) != len(args):
            continue
        costs = [cost(x, want) for x, want in zip(args, signature.args, strict=True)]
        if None in costs:
            continue
        found = (costs.count(UNSAFE), costs.count(SAFE), costs.count(PROMOTED))
        if best is None or found < least:
            best, least = signature, found
    return best


def cost(x: Any, want: Any) -> int | None:
    """What it costs to pass ``x``, traced or not, for a parameter of type ``want``; None: never."""
    if isinstance(want, nt.OptionalType):
        if isinstance(x, MaybeNone):
            return cost(x.value, want.type)
        return EXACT if x is None else cost(x, want.type)
    if isinstance(want, nt.ScalarType):
        have = nt.typeof(x)
        return _between(have.dtype, want.dtype) if isinstance(have, nt.ScalarType) else None
    if isinstance(want, nt.ArrayType):
        have = nt.typeof(x)
        same = isinstance(have, nt.ArrayType) and (have.dtype, have.ndim) == (want.dtype, want.ndim)
        return EXACT if same else None
    if isinstance(want, nt.TupleType):
        if not isinstance(x, tuple) or len(x) != len(want.types):
            return None
        costs = [cost(a, t) for a, t in zip(x, want.types, strict=True)]
        return None if None in costs else max([c for c in costs if c is not None], default=EXACT)
    if want == nt.none:
        return EXACT if x is None else None
    if want == nt.unicode_type:
        return EXACT if isinstance(x, str) else None
    return EXACT


def _between(have: np.dtype[Any], want: np.dtype[Any]) -> int:
    if have == want:
        return EXACT
    if not np.can_cast(have, want, "safe"):
        return UNSAFE
    return PROMOTED if kind_of(have) == kind_of(want) else SAFE


def converted(ops: Any, x: Any, want: Any, numpy_errors: bool) -> Any:
    """A traced argument or result as a value of type ``want``."""
    if isinstance(want, nt.OptionalType):
        if isinstance(x, MaybeNone):
            return MaybeNone(x.flag, converted(ops, x.value, want.type, numpy_errors))
        return x if x is None else converted(ops, x, want.type, numpy_errors)
    if isinstance(want, nt.TupleType) and isinstance(x, tuple):
        pairs = zip(x, want.types, strict=True)
        return tuple(converted(ops, a, t, numpy_errors) for a, t in pairs)
    if not isinstance(want, nt.ScalarType):
        return x
    kind = _PYTHON.get(want.dtype.char)
    if numpy_errors and kind in (float, complex):
        kind = None
    if is_integer(want.dtype) and _is_fraction(x):
        x = ops.call(int, x)
    return ops.call(want.dtype.type if kind is None else kind, x)


def _is_fraction(x: Any) -> bool:
    return nt.typeof(x) in (nt.float32, nt.float64)


def shown(args: Sequence[Any]) -> str:
    """The types of arguments, as an error shows them."""
    return ", ".join(str(nt.typeof(x)) for x in args)
