"""``numba.config``, and the functions about threads: what programs read and set of them."""

from __future__ import annotations

import os
from types import SimpleNamespace

from tracejit.threads import MOST, get_num_threads, set_num_threads

__all__ = ["config", "get_num_threads", "get_thread_id", "set_num_threads", "threading_layer"]

config = SimpleNamespace(
    DISABLE_JIT=0,
    CACHE_DIR=os.environ.get("TRACEJIT_CACHE_DIR", ""),
    NUMBA_NUM_THREADS=MOST,
    NUMBA_DEFAULT_NUM_THREADS=get_num_threads(),
    THREADING_LAYER="default",
    THREADING_LAYER_PRIORITY=["tbb", "omp", "workqueue"],
    BOUNDSCHECK=1,
    DEBUG=0,
)


def get_thread_id() -> int:
    """Zero: code sees the thread that called it, also where others help."""
    return 0


def threading_layer() -> str:
    """The name of what runs threads: a pool of our own."""
    return "tracejit"
