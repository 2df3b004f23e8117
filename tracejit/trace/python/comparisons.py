"""Comparisons and choices among numbers, known or traced."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.trace.session.session import current
from tracejit.trace.values.all import (
    TaggedScalar,
    Tracer,
    name_of,
    weak_kind,
)
from tracejit.trace.values.python_comparisons import COMPARED
from tracejit.trace.values.tagged import each_kind


def compared(symbol: str, a: Any, b: Any) -> Any:
    """A comparison of numbers, as Python's of Python's."""
    if isinstance(a, TaggedScalar) or isinstance(b, TaggedScalar):
        return each_kind(lambda x, y: compared(symbol, x, y), a, b)
    if weak_kind(a) is not None and weak_kind(b) is not None:
        return COMPARED[symbol](a, b)
    ufunc = {"gt": np.greater, "lt": np.less, "ne": np.not_equal}[symbol]
    return name_of(ufunc)(a, b)


def choose(test: Any, a: Any, b: Any) -> Any:
    """``a if test else b`` for numbers, both known."""
    if not isinstance(test, Tracer):
        return a if test else b
    return current().operators.if_expr(test, lambda: a, lambda: b, None)
