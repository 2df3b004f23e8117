"""Objects that hold an array without being a plain one: what they are to compiled code.

The one place that decides it, for arguments, globals, enclosing variables, attributes and items.
Compiled code reads the memory of a plain array. An object of another class answers operators and
functions by code of its own, which would run once, while tracing, on what it holds then: it is
refused, and the message says how to pass its array. Memory maps compute as plain arrays do.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedTypeError
from tracejit.trace.session.plain import own_attributes

#: What says that an object can be read as an array.
_PROTOCOLS = (
    "__array__",
    "__array_interface__",
    "__array_struct__",
    "__cuda_array_interface__",
    "__dlpack__",
    "__dataframe__",
    "__arrow_c_array__",
    "__arrow_c_stream__",
)
#: How the array of an object is passed, by the module of its class or the package around it.
_INSTEAD = {
    "numpy.ma": "{0}.data and {0}.mask, or {0}.filled(0)",
    "numpy.rec": "numpy.asarray({0}), or its fields as arrays of their own",
    "pandas.DataFrame": "{0}.to_numpy(), or its columns as arrays of their own",
    "pandas": "{0}.to_numpy()",
    "polars.dataframe": "{0}.to_numpy(), or its columns as arrays of their own",
    "polars": "{0}.to_numpy()",
    "xarray.core.dataset": "its variables as arrays, {0}[name].to_numpy()",
    "xarray": "{0}.to_numpy()",
    "pyarrow": "{0}.to_numpy()",
    "torch": "{0}.numpy(), which shares its memory",
    "tensorflow": "{0}.numpy()",
    "scipy.sparse": "{0}.data with its indices, or {0}.toarray()",
    "sparse": "{0}.todense()",
    "cupy": "cupy.asnumpy({0})",
    "h5py": "{0}[()], its contents",
    "netCDF4": "{0}[:], its contents",
    "zarr": "{0}[:], its contents",
    "dask": "{0}.compute()",
    "pint": "{0}.magnitude",
    "astropy.units": "{0}.value",
    "jax": "numpy.asarray({0})",
    "jaxlib": "numpy.asarray({0})",
    "PIL": "numpy.asarray({0})",
}
_exporting: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def plain_array(x: Any) -> np.ndarray[Any, Any] | None:
    """A plain array, or a memory map as one over the same memory; None for anything else."""
    if type(x) is np.ndarray:
        return x
    return x.view(np.ndarray) if type(x) is np.memmap else None


def frozen(x: Any) -> Any:
    """What must stay the same for an object of NumPy's that Python reads while tracing: an array of
    texts or dates, a polynomial. None for what is not one."""
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype, x.tobytes()
    return (*frozen(x.coeffs), x.variable) if type(x) is np.poly1d else None


def refused(x: Any, name: str, place: str = "") -> UnsupportedTypeError | None:
    """The error about an object that holds an array in a way that compiled code does not read."""
    if isinstance(x, type) or plain_array(x) is not None or not _holds_array(x):
        return None
    kind = type(x).__name__.rpartition(".")[2]
    package = _package(type(x))
    owner = "" if package in ("numpy", "builtins", "__main__") else f"{package}."
    instead = next((how for at, how in _INSTEAD.items() if _within(type(x), at)), None)
    if instead is None:
        instead = "numpy.asarray({0})"
        if not isinstance(x, np.ndarray) and _is_buffer(x):
            instead += ", which shares its memory"
    return UnsupportedTypeError(
        f"{place}{name} is of type {owner}{kind}, not a plain numpy.ndarray: pass "
        + instead.format(name if name.isidentifier() else "x")
    )


def _package(cls: type) -> str:
    return cls.__module__.split(".")[0]


def _within(cls: type, package: str) -> bool:
    """Whether a class, or one that it extends, is this one or of this module or package."""
    names = (f"{base.__module__}.{base.__qualname__}." for base in cls.__mro__)
    return any(name.startswith(package + ".") for name in names)


def _holds_array(x: Any) -> bool:
    """Whether reading the object as an array, or as parts of one, runs code that is not traced."""
    cls = type(x)
    known = _exporting.get(cls)
    if known is None:
        known = _exporting[cls] = _is_exporter(x)
    return known or "__array_interface__" in own_attributes(x)


def _is_exporter(x: Any) -> bool:
    cls = type(x)
    if isinstance(x, bytes | np.generic | type | np.poly1d):
        return False  # their values do not change, or are looked at: see ``frozen``
    if _within(cls, "scipy.sparse"):
        return hasattr(cls, "toarray")
    if isinstance(x, np.ndarray):
        return True
    if any(hasattr(cls, name) for name in _PROTOCOLS):
        return not _traceable(cls)
    return _is_buffer(x)


def _traceable(cls: type) -> bool:
    """Whether a class is one of the program's own, in Python: what it reads is seen."""
    if any(_within(cls, package) for package in (*_INSTEAD, "numpy")):
        return False
    return all(
        callable(found) and hasattr(found, "__code__")
        for found in (getattr(cls, name, None) for name in _PROTOCOLS)
        if found is not None
    )


def _is_buffer(x: Any) -> bool:
    try:
        memoryview(x).release()
    except TypeError:
        return False
    except (ValueError, BufferError):
        return True  # one that cannot be read now
    return True
