"""Operators on numbers that are Python's in some runs and NumPy's in others.

Where both operands may be Python's, Python's operator is meant in those runs: its ints never wrap,
and it raises where NumPy gives infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.trace.session.session import current
from tracejit.trace.values.all import KIND_TYPE, MixedScalar, PyScalar, Scalar, WeakKind, weak_kind
from tracejit.trace.values.python_comparisons import COMPARED

Operator = Callable[..., Any]
#: Operators of floats that have the same value for Python's and NumPy's, whatever the operands.
_SAME = frozenset(["add", "sub", "mul", "neg", "pos", "abs"])
#: Operators of bools that make bools.
_OF_BOOLS = frozenset(["and", "or", "xor"])
#: Those that have the same value where the right operand is a number other than zero.
_DIVIDING = frozenset(["truediv", "floordiv", "mod"])


def may_be_python(*operands: Any) -> bool:
    """Whether one is a number of either kind, and all may be Python's."""
    mixed = any(isinstance(x, MixedScalar) for x in operands)
    return mixed and all(isinstance(x, MixedScalar) or weak_kind(x) is not None for x in operands)


def operated(name: str, python: Operator, numpy: Operator, *operands: Any) -> Any:
    """The result of an operator in Python where all operands are Python's, else in NumPy."""
    flag = _all_python(operands)
    theirs = [Scalar(x.value) if isinstance(x, MixedScalar) else x for x in operands]
    if _is_same(name, operands):
        found = numpy(*theirs)
        kind = _kind(found)
        return found if kind is None else MixedScalar(found.value, kind, flag)
    ours = [PyScalar(x.kind, x.value) if isinstance(x, MixedScalar) else x for x in operands]
    either = current().operators.if_expr
    return either(PyScalar("bool", flag), lambda: python(*ours), lambda: numpy(*theirs), None)


def _all_python(operands: tuple[Any, ...]) -> Value:
    first, *others = [x.python for x in operands if isinstance(x, MixedScalar)]
    for flag in others:
        first = current().b.op("bitwise_and", first, flag)
    return first


def _is_same(name: str, operands: tuple[Any, ...]) -> bool:
    each = [x.kind if isinstance(x, MixedScalar) else weak_kind(x) for x in operands]
    kinds = set(each)
    if name in COMPARED:
        # Python compares an int with a float exactly.
        ints = [x for x, kind in zip(operands, each, strict=True) if kind == "int"]
        exact = "float" not in kinds or all(type(x) is int and abs(x) <= 2**53 for x in ints)
        return exact and "complex" not in kinds
    if name in _OF_BOOLS and kinds == {"bool"}:
        return True
    if kinds != {"float"}:
        return False
    right = operands[-1]
    return name in _SAME or (name in _DIVIDING and weak_kind(right) is not None and _nonzero(right))


def _nonzero(x: Any) -> bool:
    return not isinstance(x, PyScalar) and x != 0


def _kind(x: Any) -> WeakKind | None:
    """The kind of Python's numbers that a NumPy scalar may be one of."""
    kinds: tuple[WeakKind, ...] = ("bool", "int", "float", "complex")
    return next((k for k in kinds if np.dtype(KIND_TYPE[k]) == x.dtype), None)
