"""``numba.config``, and the functions about threads: what programs read and set of them."""

from __future__ import annotations

import os
from types import SimpleNamespace

config = SimpleNamespace(
    DISABLE_JIT=0,
    CACHE_DIR=os.environ.get("TRACEJIT_CACHE_DIR", ""),
    NUMBA_NUM_THREADS=1,
    NUMBA_DEFAULT_NUM_THREADS=1,
    THREADING_LAYER="default",
    THREADING_LAYER_PRIORITY=["tbb", "omp", "workqueue"],
    BOUNDSCHECK=1,
    DEBUG=0,
)


def get_num_threads() -> int:
    """One: loops over ``prange`` run serially."""
    return 1


def set_num_threads(n: int) -> None:
    """Accepted; loops over ``prange`` run serially. Raises ValueError below one."""
    if n < 1:
        raise ValueError("the number of threads must be at least 1")


def get_thread_id() -> int:
    """Zero, the number of the one thread."""
    return 0


def threading_layer() -> str:
    """The name of what runs threads."""
    return "serial"
