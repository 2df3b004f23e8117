"""Tools that count executed lines see nothing of a trace.

The tracer runs copies of the user's code, in the user's file: both branches of an `if`, a loop's
body where no item comes. A line that only the tracer ran was not run by the program.
"""

from __future__ import annotations

import bdb
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_COVERAGE = 1  # sys.monitoring.COVERAGE_ID


def unobserved(run: Callable[P, R]) -> Callable[P, R]:
    """``run``, while which this thread has no trace function but a debugger's.

    A trace function that is set meanwhile stays: somebody began to debug.
    """

    @wraps(run)
    def unseen(*args: P.args, **kwargs: P.kwargs) -> R:
        with _MONITORING:
            observer = sys.gettrace()
            if observer is None or is_debugger(observer):
                return run(*args, **kwargs)
            # Taken away and given back in one frame: a tool that counts calls and returns of
            # frames then misses as many of these as of those.
            sys.settrace(None)
            try:
                return run(*args, **kwargs)
            finally:
                if sys.gettrace() is None:
                    sys.settrace(observer)

    return unseen


def is_debugger(observer: Any) -> bool:
    """Whether a trace function stops at breakpoints: one of ``bdb`` (``pdb``, IPython's) or pydevd.

    Stopping in a trace shows what is traced, which is what one who sets a breakpoint there asks.
    """
    owner = getattr(observer, "__self__", observer)
    if isinstance(owner, bdb.Bdb):
        return True
    module = getattr(owner, "__module__", None) or type(owner).__module__
    return str(module).partition(".")[0].lstrip("_").startswith(("pydevd", "debugpy"))


class _Monitoring:
    """The events of `sys.monitoring` (Python 3.12) that a coverage tool asked for, taken away.

    They are those of all threads, so the first trace under way takes and the last gives back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._taken: tuple[str, int] | None = None

    def __enter__(self) -> None:
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            return
        with self._lock:
            self._under_way += 1
            tool = monitoring.get_tool(_COVERAGE)
            if self._under_way == 1 and tool is not None:
                self._taken = tool, monitoring.get_events(_COVERAGE)
                monitoring.set_events(_COVERAGE, 0)

    def __exit__(self, *exception: object) -> None:
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            return
        with self._lock:
            self._under_way -= 1
            if self._under_way == 0 and self._taken is not None:
                (tool, events), self._taken = self._taken, None
                if monitoring.get_tool(_COVERAGE) == tool:
                    monitoring.set_events(_COVERAGE, events)


_MONITORING = _Monitoring()
