"""NumPy's names as NumPy ships them, while tables that are keyed by its functions are filled.

The tracer is loaded by the first compilation. A program may have put functions of its own into
NumPy by then (``np.sin = mine``). What it calls is found where it looks; but a table that took
``np.sin`` for the sine would call its function that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

#: Where NumPy has its functions from, the first that has a name.
_MODULES = (
    "numpy._core.fromnumeric",
    "numpy._core.numeric",
    "numpy._core.shape_base",
    "numpy._core.function_base",
    "numpy._core.einsumfunc",
    "numpy.lib._function_base_impl",
    "numpy.lib._nanfunctions_impl",
    "numpy.lib._twodim_base_impl",
    "numpy.lib._shape_base_impl",
    "numpy.lib._arraysetops_impl",
    "numpy.lib._ufunclike_impl",
    "numpy.lib._type_check_impl",
    "numpy._core.multiarray",
)
#: Other names of ufuncs.
_ALIASES = {
    "abs": "absolute", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh",
    "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "bitwise_invert": "invert",
    "bitwise_not": "invert", "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift", "pow": "power",
}  # fmt: skip


@contextmanager
def as_shipped() -> Iterator[None]:
    """NumPy has its own functions under their names inside."""
    names = vars(np)
    replaced = {n: own for n, own in shipped().items() if names.get(n) is not own}
    now = {n: names[n] for n in replaced if n in names}
    names.update(replaced)
    try:
        yield
    finally:
        for name in replaced.keys() - now.keys():
            del names[name]
        names.update(now)


def shipped() -> dict[str, Any]:
    """NumPy's functions by the names that it gives them, as far as its own modules tell."""
    found: dict[str, Any] = {}
    public = set(np.__all__)
    for module in _MODULES:
        for name, x in vars(sys.modules.get(module, object)).items():
            if name in public and callable(x) and not isinstance(x, type | np.ufunc):
                found.setdefault(name, x)
    ufuncs = {
        n: x for n, x in vars(sys.modules["numpy._core.umath"]).items() if isinstance(x, np.ufunc)
    }
    ufuncs |= {n: ufuncs[of] for n, of in _ALIASES.items() if n in public}
    return {**{n: x for n, x in ufuncs.items() if n in public}, **found}
