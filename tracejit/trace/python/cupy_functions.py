"""cupy's functions in a traced program: NumPy's of the same name, which run where the arrays are.

What is written for both with `xp = cupy.get_array_module(x)`, or for cupy alone, is traced as the
same with NumPy. cupy is not imported for this: where its functions are called, it has been.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import where

#: The modules in which cupy has NumPy's names.
_MODULES = ("", ".linalg", ".fft")


def numpys(f: Any) -> Any:
    """NumPy's function in the place of cupy's of that name; any other object itself."""
    module = getattr(f, "__module__", None) or type(getattr(f, "__self__", f)).__module__
    if not isinstance(module, str) or module.partition(".")[0] != "cupy":
        return f
    ufunc = _table().get(id(getattr(f, "__self__", None)))  # as in cupy.add.reduce
    return _table().get(id(f), f) if ufunc is None else getattr(ufunc, f.__name__, f)


def _array_module(*_: Any) -> Any:
    return np


def _to_host(*_: Any, **__: Any) -> Any:
    raise UnsupportedError(
        f"{where()}: cupy.asnumpy in a compiled function, in which an array is where the arguments "
        "are: leave it out, or do it to what the function returns"
    )


@functools.cache
def _table() -> dict[int, Any]:
    """NumPy's functions by the addresses of cupy's, which live as long as the module does."""
    cupy = sys.modules["cupy"]
    found: dict[int, Any] = {id(cupy.get_array_module): _array_module, id(cupy.asnumpy): _to_host}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are on their way out
        for name in _MODULES:
            theirs, ours = sys.modules.get(f"cupy{name}"), sys.modules[f"numpy{name}"]
            for public in dir(theirs):
                a, b = getattr(theirs, public, None), getattr(ours, public, None)
                if callable(a) and callable(b) and not isinstance(a, type) and a is not b:
                    found[id(a)] = b
    return found
