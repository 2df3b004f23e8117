"""``tracejit doctor``: what works on this machine, found by trying it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np

from tracejit.errors import SettingError
from tracejit.records import dataclass


@dataclass(frozen=True)
class Check:
    """One row: ``good`` is None for what is only told; ``advice`` is what to do where it is not."""

    what: str
    good: bool | None
    text: str
    advice: str = ""


def all_checks() -> list[Check]:
    """Every check, in the order in which they are shown."""
    rows: list[Callable[[], Check]] = [_python, _llvm, _entry, _compiles, _blas, _threads, _cache]
    return [*map(_tried, rows), *(_optional(*row) for row in _OPTIONAL), _tried(_gpu)]


def _tried(row: Callable[[], Check]) -> Check:
    try:
        return row()
    except Exception as error:
        what = row.__name__.removeprefix("_")
        advice = "" if isinstance(error, SettingError) else "please report this"
        return Check(what, False, f"{type(error).__name__}: {error}", advice)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from source"


def _python() -> Check:
    text = f"{platform.python_implementation()} {platform.python_version()}, NumPy {np.__version__}"
    return Check("python", True, f"tracejit {_version('tracejit')} on {text}, {sys.platform}")


def _llvm() -> Check:
    import llvmlite
    import llvmlite.binding as llvm

    from tracejit.codegen_llvm.engine import shared_engine

    engine, numbers = shared_engine(), ".".join(map(str, llvm.llvm_version_info))
    wide = "512" if engine.has_wide_registers else "at most 256"
    text = f"LLVM {numbers} (llvmlite {llvmlite.__version__}) for {engine.cpu}, vectors {wide} bits"
    return Check("processor", True, text)


def _entry() -> Check:
    from tracejit.abi import capi
    from tracejit.python_entry.entry import uses_native_entry

    if uses_native_entry():
        return Check("calls", True, "native entry")
    reason = capi.native_entry_problem() or "TRACEJIT_PORTABLE_ENTRY is set"
    return Check("calls", False, f"by Python: {reason}", "calls take microseconds longer")


def _compiles() -> Check:
    from tracejit import grad, jit

    x = np.linspace(0.0, 1.0, 5)
    value = jit(lambda v: np.sin(v).sum())(x)
    slope = grad(lambda v: np.sin(v).sum())(x)
    right = np.allclose(value, np.sin(x).sum()) and np.allclose(slope, np.cos(x))
    return Check("compiling", right, "a function and its gradient agree with NumPy")


def _blas() -> Check:
    from tracejit import jit
    from tracejit.codegen_llvm import blas

    a = np.arange(16.0).reshape(4, 4) + 4.0 * np.eye(4)
    right = np.allclose(jit(lambda m: np.linalg.solve(m, m))(a), np.eye(4))
    return Check("BLAS", right, f"scipy-openblas64 {_version('scipy-openblas64')}"
                 f", {blas.thread_count()} thread")  # fmt: skip


def _threads() -> Check:
    from tracejit import jit
    from tracejit.codegen_llvm import pool
    from tracejit.threads import available_cores, get_num_threads

    x = np.arange(1e6)
    count = get_num_threads()
    right = float(jit(lambda v: (v * 2.0).sum())(x)) == float((x * 2.0).sum())
    right = right and pool.threads_started() >= min(count, 2) - 1
    text = f"{count} of {available_cores()} cores; a sum on all of them agrees with NumPy"
    return Check("threads", right, text, "TRACEJIT_NUM_THREADS=1 does without")


def _cache() -> Check:
    from tracejit.codegen_llvm.object_cache import default_cache

    cache = default_cache()
    if cache is None:
        return Check("cache", None, "switched off by TRACEJIT_CACHE_DIR=")
    if not cache.usable():
        advice = "set TRACEJIT_CACHE_DIR to a folder of your own"
        return Check("cache", False, f"{cache.folder} cannot be used", advice)
    entries = cache.entries()
    size = sum(e.size for e in entries) / (1 << 20)
    return Check("cache", True, f"{cache.folder}: {len(entries)} entries, {size:.1f} MiB")


#: A package, what it is for, and the extra that brings it.
_OPTIONAL = (
    ("scipy", "functions of scipy.special in compiled code", "scipy"),
    ("matplotlib", "plots of the demo and of benchmarks", "demo"),
    ("numba", "a column of benchmarks", "bench"),
    ("jax", "a column of benchmarks", "bench"),
)


def _optional(package: str, purpose: str, extra: str) -> Check:
    if find_spec(package) is not None:
        return Check(package, None, f"{_version(package)}: {purpose}")
    command = package if extra == package else f"'tracejit[{extra}]'"
    return Check(package, None, f"not there: {purpose}", f"pip install {command}")


def _gpu() -> Check:
    if find_spec("cupy") is None:
        return Check("cupy", None, "not there: launching kernels on NVIDIA GPUs",
                     "pip install 'tracejit[gpu]'")  # fmt: skip
    import cupy

    try:
        devices = cupy.cuda.runtime.getDeviceCount()
        driver = cupy.cuda.runtime.driverGetVersion()
    except Exception as error:
        return Check("cupy", None, f"{cupy.__version__}, no GPU: {error}")
    return Check("cupy", None, f"{cupy.__version__}, driver {driver}, {devices} GPUs")
