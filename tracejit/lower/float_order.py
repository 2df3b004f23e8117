"""Floats as integers that order alike, of which LLVM makes vector code where floats have nan.

A nan is the integer beyond all others: the largest where a maximum is looked for, else the least.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.regions import Scope
from tracejit.ir.types import DTYPES


def _integers(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return DTYPES[f"i{8 * dtype.itemsize}"]


def _beyond(scope: Scope, name: str, ints: np.dtype[Any]) -> Value:
    info = np.iinfo(ints)
    return scope.own(scope.b.const(info.max if name == "maximum" else info.min, ints))


def key(scope: Scope, value: Value, name: str) -> Value:
    """The integer of a float; ``name``: ``maximum`` or ``minimum``, which nan wins."""
    ints = _integers(value.dtype)
    found = _flip(scope, scope.op("bitcast", value, dtype=ints), ints)
    out = scope.op("select", scope.op("isnan", value), _beyond(scope, name, ints), found)
    assert isinstance(out, Value)
    return out


def number(scope: Scope, key: Value, name: str, dtype: np.dtype[Any]) -> Value:
    """The float of an integer."""
    ints = _integers(dtype)
    found = scope.op("bitcast", _flip(scope, key, ints), dtype=dtype)
    nan = scope.own(scope.b.const(np.nan, dtype))
    out = scope.op("select", scope.op("eq", key, _beyond(scope, name, ints)), nan, found)
    assert isinstance(out, Value)
    return out


def _flip(scope: Scope, bits: Value, ints: np.dtype[Any]) -> Value:
    """Negative numbers' magnitudes reversed; its own inverse."""
    width = scope.own(scope.b.const(8 * ints.itemsize - 1, ints))
    magnitude = scope.own(scope.b.const(np.iinfo(ints).max, ints))
    sign = scope.op("shift_right", bits, width)
    out = scope.op("bitwise_xor", bits, scope.op("bitwise_and", sign, magnitude))
    assert isinstance(out, Value)
    return out
