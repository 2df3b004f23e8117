"""Ufuncs of libraries in compiled code: those of ``scipy.special``.

A library's functions enter the tables when a program first calls one of them, so that nothing is
imported that the program has not. Its ufuncs are rows ``ufunc`` with NumPy's whole argument list;
those of its functions that are written in Python have compositions in ``special_functions.py``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.types import DTYPES
from tracejit.trace.array_api.names import NAMES
from tracejit.trace.array_api.ufunc_loops import LOOPS, Loop
from tracejit.trace.array_api.ufuncs import Ufunc
from tracejit.trace.session.registry import OF_LIBRARIES

#: Functions that are rows of their own where operands are real: they fuse and run in vectors.
_ROWS = {
    f"scipy.special:{theirs}": ours
    for theirs, ours in {
        "cbrt": "cbrt",
        "erf": "erf",
        "exp2": "exp2",
        "expit": "logistic",
        "expm1": "expm1",
        "log1p": "log1p",
    }.items()
}
#: Modules whose ufuncs are pure functions of their operands.
_MODULES = ("scipy.special", "scipy.special._ufuncs")


def library_ufunc(f: Any) -> Any:
    """The implementation of a library's ufunc, entered into the tables; None if it is none."""
    place = _place(f) if isinstance(f, np.ufunc) else None
    if place is None:
        return None
    LOOPS[f] = _loop(f, place)
    NAMES[f] = found = Ufunc(f)
    return found


def _place(f: np.ufunc) -> str | None:
    """Where a library has this very function."""
    for name in _MODULES:
        module = sys.modules.get(name)
        if module is not None and getattr(module, f.__name__, None) is f:
            return f"{name}:{f.__name__}"
    return None


def _loop(f: np.ufunc, place: str) -> Loop:
    def call(b: Builder, *values: Value) -> Any:
        given = [v.dtype for v in values]
        if place in _ROWS and given[0] in (DTYPES["f32"], DTYPES["f64"]):
            return b.op(_ROWS[place], *values)
        for loop in f.types:
            operands = loop.split("->")[0]
            if [np.dtype(letter) for letter in operands] == given:
                return b.op("ufunc", *values, function=place, loop=loop)
        shown = ", ".join(map(str, given))
        raise UnsupportedError(f"{place.replace(':', '.')} has no loop of {shown}")

    return call


OF_LIBRARIES.append(library_ufunc)
