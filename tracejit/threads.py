"""How many threads kernels may run on: what the machine gives, or what was asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

#: Threads that there may be at most.
MOST = 256
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
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ValueError(f"TRACEJIT_NUM_THREADS={text}: it is a number of threads, 1 to {MOST}")
    return int(text)


_chosen: list[int] = []
_listeners: list[Callable[[int], object]] = []


def get_num_threads() -> int:
    """How many threads a kernel may run on, the calling one among them.

    That is ``TRACEJIT_NUM_THREADS``, or else how many cores the process may use (its affinity and
    the quota of its cgroup) when first asked, until ``set_num_threads`` says otherwise.

        assert tracejit.get_num_threads() >= 1
    """
    if not _chosen:
        _chosen.append(_asked_for() or min(available_cores(), MOST))
    return _chosen[0]


def set_num_threads(n: int) -> None:
    """Let kernels of this process run on ``n`` threads from now on; 1: in the calling thread alone.

    Results do not depend on it, to the last bit. ValueError below 1 and above 256, TypeError where
    ``n`` is not an integer.

        before = get_num_threads()
        set_num_threads(1)
        assert get_num_threads() == 1
        set_num_threads(before)
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"a number of threads is an int, not {type(n).__name__}")
    count = n.__index__()
    if not 1 <= count <= MOST:
        raise ValueError(f"the number of threads is 1 to {MOST}, not {count}")
    _chosen[:] = [count]
    for tell in _listeners:
        tell(count)


def listen(tell: Callable[[int], object]) -> None:
    """Call ``tell(n)`` now and whenever the number changes."""
    _listeners.append(tell)
    tell(get_num_threads())
