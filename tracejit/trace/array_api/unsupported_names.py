"""Names of NumPy that compiled code cannot have, each with what to use instead.

A name is here when its result is no array of numbers (objects, texts, matrices), or when it touches
what is outside (files, settings).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.array_api.names import NAMES, covers, method
from tracejit.trace.session.session import where

_FILE = "read before the call and write its results after it"
_SHOWN = "print the value itself, or make the text outside"
_MATRIX = "use arrays of two dimensions"

ADVICE: dict[str, str] = {
    "poly1d": "use np.polyval, np.polyadd, np.polymul, np.polyder and np.polyint",
    "frompyfunc": "its results are objects; use np.vectorize or a loop",
    "nditer": "use a loop over np.ndindex(x.shape), or over the rows",
    "nested_iters": "use a loop over np.ndindex(x.shape)",
    "broadcast": "use np.broadcast_arrays or np.broadcast_shapes",
    "ndarray": "use np.empty, np.reshape and x.view",
    "asmatrix": _MATRIX,
    "matrix": _MATRIX,
    "bmat": "use np.block",
    "array2string": _SHOWN,
    "array_repr": _SHOWN,
    "array_str": _SHOWN,
    "einsum_path": "np.einsum orders its products itself",
    "from_dlpack": "pass the array as an argument: jit takes whatever exports DLPack",
    "frombuffer": "pass the array as an argument",
    "lib.stride_tricks.as_strided": "use slices, or sliding_window_view",
    "datetime_data": "use integers for times",
    "busday_count": "use integers for times",
    "is_busday": "use integers for times",
    "isnat": "use integers for times",
    "seterr": "compiled code never warns; call it outside",
    "seterrcall": "compiled code never warns; call it outside",
    "printoptions": "set them outside of the call: what it prints is shown with those",
    **dict.fromkeys(("save", "savez", "savez_compressed", "savetxt"), _FILE),
}


METHOD_ADVICE = {
    "byteswap": "pass the array in its own byte order: jit takes it",
    "dump": "return the array and dump it outside",
    "dumps": "return the array and dump it outside",
    "getfield": "use x.view and slices",
    "resize": "use np.resize, which gives a new array",
    "setfield": "use x.view and slices",
    "setflags": "call it outside of the compiled function",
    "tobytes": "return the array and call it outside",
    "tofile": "return the array and write it outside",
    "to_device": "arrays are where NumPy has them",
}


def _path(name: str) -> Any:
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _refusing(name: str, instead: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(f"np.{name} is not supported inside a compiled function: {instead}")

    refuse.instead = instead  # type: ignore[attr-defined]
    return refuse


for _name, _instead in ADVICE.items():
    NAMES.setdefault(_path(_name), _refusing(_name, _instead))
for _name, _instead in METHOD_ADVICE.items():
    method(_name)(_refusing(f"ndarray.{_name}", _instead))


@covers(np.errstate)
def errstate(**given: Any) -> Any:
    """What compiled code does anyway may be asked for: to ignore."""
    for name, value in given.items():
        if name != "call" and value not in (None, "ignore"):
            raise UnsupportedError(
                f"{where()}: np.errstate({name}={value!r}) in a compiled function: compiled code "
                "neither warns nor raises for floating-point errors; test with np.isfinite and "
                "raise, or leave the statement out ('ignore' may stand)"
            )
    return np.errstate(**given)
