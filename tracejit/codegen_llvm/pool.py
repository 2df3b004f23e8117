"""The native pool of threads (`pool_text.py`), compiled at first use."""

from __future__ import annotations

import ctypes
import os
from functools import cache

from tracejit import threads
from tracejit.codegen_llvm import pool_text
from tracejit.codegen_llvm.engine import shared_engine


@cache
def pool_symbols() -> dict[str, int]:
    """Addresses of its functions."""
    text = pool_text.pool_text()
    module = shared_engine().compile(text, {}, pool_text.EXPORTS, opt_level=1, forever=True)
    addresses = dict(module.addresses)
    threads.listen(ctypes.CFUNCTYPE(None, ctypes.c_int64)(addresses["tj_set_threads"]))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=ctypes.CFUNCTYPE(None)(addresses["tj_forked"]))
    return addresses


def threads_started() -> int:
    """Threads that the pool has made in this process so far; they sleep when there is no work."""
    if not pool_symbols.cache_info().currsize:
        return 0
    return int(ctypes.CFUNCTYPE(ctypes.c_int64)(pool_symbols()["tj_pool_threads"])())
