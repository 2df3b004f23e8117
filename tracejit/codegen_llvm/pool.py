"""How many threads a launch may use: what the machine gives this process, or what was asked for."""

from __future__ import annotations

import ctypes
import math
import os
from functools import cache
from pathlib import Path

from tracejit.codegen_llvm import pool_text
from tracejit.codegen_llvm.engine import shared_engine

_CGROUPS = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Cores that this process may use: its affinity, and the quotas of its cgroups."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def cgroup_quota(
    root: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")
) -> float | None:
    """Cores' worth of time that the cgroups of this process have, or None where nothing says so."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = root if not controllers else root / "cpu"
        here = folder / path.lstrip("/")
        for place in (here, *here.parents):
            if place == root or folder in (place, *place.parents):
                found += [q for q in (_quota(place),) if q is not None]
    return min(found, default=None)


def _quota(folder: Path) -> float | None:
    """What one cgroup allows; version 2 has one file, version 1 two."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _asked_for() -> int | None:
    """What TRACEJIT_NUM_THREADS says. ValueError where it is no number of threads."""
    text = os.environ.get("TRACEJIT_NUM_THREADS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= pool_text.MOST:
        raise ValueError(
            f"TRACEJIT_NUM_THREADS={text}: it is a number of threads, 1 to {pool_text.MOST}"
        )
    return int(text)


_chosen: list[int] = []


def get_num_threads() -> int:
    """How many threads a kernel may run on, the calling one among them.

    That is ``TRACEJIT_NUM_THREADS``, or else how many cores the process may use (its affinity and
    the quota of its cgroup) when first asked, until ``set_num_threads`` says otherwise.

    >>> tracejit.get_num_threads() >= 1
    True
    """
    if not _chosen:
        _chosen.append(_asked_for() or min(available_cores(), pool_text.MOST))
    return _chosen[0]


def set_num_threads(n: int) -> None:
    """Let kernels of this process run on ``n`` threads from now on; 1: in the calling thread alone.

    Results do not depend on it, to the last bit. ValueError below 1 and above 256, TypeError where
    ``n`` is not an integer.

    >>> tracejit.set_num_threads(1)
    >>> tracejit.get_num_threads()
    1
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"a number of threads is an int, not {type(n).__name__}")
    count = n.__index__()
    if not 1 <= count <= pool_text.MOST:
        raise ValueError(f"the number of threads is 1 to {pool_text.MOST}, not {count}")
    _chosen[:] = [count]
    if pool_symbols.cache_info().currsize:
        _set()(count)


def threads_started() -> int:
    """Threads that the pool has made in this process so far; they sleep when there is no work."""
    if not pool_symbols.cache_info().currsize:
        return 0
    ask = ctypes.CFUNCTYPE(ctypes.c_int64)(pool_symbols()["tj_pool_threads"])
    return int(ask())


@cache
def pool_symbols() -> dict[str, int]:
    """Addresses of the functions in `pool_text`, compiled at first use."""
    text = pool_text.pool_text()
    module = shared_engine().compile(text, {}, pool_text.EXPORTS, opt_level=1, forever=True)
    addresses = dict(module.addresses)
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(addresses["tj_set_threads"])(get_num_threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=ctypes.CFUNCTYPE(None)(addresses["tj_forked"]))
    return addresses


@cache
def _set() -> ctypes._CFunctionType:
    return ctypes.CFUNCTYPE(None, ctypes.c_int64)(pool_symbols()["tj_set_threads"])
