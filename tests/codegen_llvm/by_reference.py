"""Programs in Python with the elementary functions of the general form: bits to compare with."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.ir.scalar import elementary
from tracejit.ir.scalar.emit_numpy import apply

_OURS = ("exp", "log", "sin", "cos", "tan", "tanh")


class Reference:
    """NumPy, but for those functions."""

    def __getattr__(self, name: str) -> Any:
        if name not in _OURS:
            return getattr(np, name)
        return lambda x: np.asarray(apply(getattr(elementary, name), np.asarray(x)))[()]


def by_reference(function: Callable[..., Any]) -> Callable[..., Any]:
    """The program with the reference as its ``np``."""
    space = {"np": Reference(), "__builtins__": __builtins__}
    return types.FunctionType(function.__code__, space)
