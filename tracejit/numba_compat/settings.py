"""``numba.config``, and the functions about threads: what programs read and set of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

from tracejit.threads import MOST, get_num_threads, set_num_threads

__all__ = [
    "config",
    "get_num_threads",
    "get_parallel_chunksize",
    "get_thread_id",
    "parallel_chunksize",
    "set_num_threads",
    "set_parallel_chunksize",
    "threading_layer",
]

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


_chunk = ContextVar("chunk", default=0)


def get_parallel_chunksize() -> int:
    """What `set_parallel_chunksize` was given; 0 before."""
    return _chunk.get()


def set_parallel_chunksize(n: int) -> int:
    """Kept, and means nothing: what a thread takes at a time is decided by the work there is.
    The size before; ValueError for a negative one."""
    if n < 0:
        raise ValueError("chunksize must be greater than or equal to zero")
    before = _chunk.get()
    _chunk.set(n)
    return before


@contextmanager
def parallel_chunksize(n: int) -> Iterator[None]:
    """`set_parallel_chunksize` for the time of a ``with`` block."""
    before = set_parallel_chunksize(n)
    try:
        yield
    finally:
        _chunk.set(before)
