"""Addresses of BLAS and LAPACK routines of our own OpenBLAS, forced to one thread.

One thread, because OpenBLAS gives different bits for different thread counts; large products are
shared out among our own threads (`gemm_shared_text.py`). The copy is private: NumPy's own OpenBLAS
and its thread count are left alone. All integer arguments are 64-bit.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

ROW_MAJOR = 101
NO_TRANS, TRANS = 111, 112
UPPER = 121


def _path() -> Path:
    """Where the library lies. Its package is found and not imported.

    Importing it would make the library's symbols those of the process, and SciPy, when loaded
    later, would call routines of 64-bit integers with 32-bit ones.
    """
    spec = importlib.util.find_spec("scipy_openblas64")
    if spec is None or spec.origin is None:
        raise ImportError("tracejit needs the package scipy-openblas64")
    (path,) = (Path(spec.origin).parent / "lib").glob("*scipy_openblas64_.*")
    return path


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_path()))
    library.scipy_openblas_set_num_threads64_(1)
    return library


@cache
def address(name: str) -> int:
    """Address of `cblas_dgemm`, `dgesv` and so on, by their usual names. Raises KeyError."""
    suffix = "64_" if name.startswith("cblas_") else "_64_"
    try:
        function = getattr(_library(), f"scipy_{name}{suffix}")
    except AttributeError:
        raise KeyError(f"OpenBLAS has no routine {name}") from None
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def cblas_symbols(*names: str) -> dict[str, int]:
    """`{"cblas_dgemm": address, …}`, as `specialise(symbols=…)` wants them."""
    return {name: address(name) for name in names}


def thread_count() -> int:
    """Threads that our OpenBLAS uses: one."""
    return int(_library().scipy_openblas_get_num_threads64_())
