"""Numba's keywords of ``jit``, and what each of them means here.

An option that only permits something (``fastmath``, ``parallel``) or asks for what is so anyway
(``nopython``, ``boundscheck=True``) is accepted; what would change results is done or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.records import dataclass

#: Accepted without effect, and why that is right.
PERMITTED = {
    "nopython": "all of a function is compiled, or an error names the line",
    "nogil": "the GIL is released above a threshold of work",
    "parallel": "so it is anyway; False keeps a function's loops in the thread that calls it",
    "fastmath": "a permission; results are those of IEEE arithmetic",
    "boundscheck": "indices are always checked",
    "inline": "calls of Python functions are inlined by tracing",
    "forceinline": "the same",
    "looplift": "loops of what runs in Python are compiled anyway, see forceobj",
    "debug": "errors name the line as they are",
    "no_cpython_wrapper": "nothing is saved by leaving it out",
    "no_cfunc_wrapper": "the same",
    "no_rewrites": "rewrites do not change results",
    "writable_args": "what a kernel writes is written in the caller's arrays",
    "nrt": "memory is managed in any case",
}
#: Refused, with the way that works.
REFUSED = {
    "locals": "types of variables follow from what is assigned; convert there, as in np.float32(x)",
    "pipeline_class": "there are no compiler pipelines of Numba's here",
}
#: Targets that mean the processor; for "parallel" see PERMITTED.
_TARGETS = ("cpu", "parallel", "npyufunc", None)


@dataclass(frozen=True)
class NumbaOptions:
    """``keywords``: what ``tracejit.jit`` is given. ``numpy_errors``: floats are NumPy's, so that
    dividing one by zero gives infinity or nan and no exception."""

    keywords: Mapping[str, Any]
    numpy_errors: bool


def understood(options: Mapping[str, Any]) -> NumbaOptions:
    """The options of a decorator. Raises UnsupportedError for those that are refused, TypeError
    for unknown ones, ValueError for an unknown error model."""
    given = dict(options)
    keywords: dict[str, Any] = {}
    if given.pop("forceobj", False):
        keywords["fallback"] = True
    if "cache" in given:
        keywords["cache"] = bool(given.pop("cache"))
    if given.get("parallel") is False:
        keywords["parallel"] = False
    model = given.pop("error_model", "python")
    if model not in ("python", "numpy"):
        raise ValueError(f'error_model is "python" or "numpy", not {model!r}')
    target = given.pop("target", given.pop("_target", None))
    if target not in _TARGETS:
        raise UnsupportedError(f"target={target!r}: functions are compiled for the CPU here")
    for name, value in given.items():
        if name in REFUSED and value:
            raise UnsupportedError(f"{name}={value!r} is refused: {REFUSED[name]}")
        if name not in PERMITTED and name not in REFUSED:
            raise TypeError(f"{name!r} is no option of Numba's that is known here")
    return NumbaOptions(keywords, model == "numpy")
