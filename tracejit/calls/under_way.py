"""What is being compiled now, for those who wait for it.

``TRACEJIT_LOG=progress`` says after a second where a compilation is, and again each time that has
doubled. The command line draws it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tracejit.calls.log import Clock, asked_for, described
from tracejit.records import dataclass

#: Seconds: how often is looked, and after how long is told.
TICK, PATIENCE = 0.1, 1.0
#: The stage in which the entry is written is LLVM's for the rest.
_SHOWN = {"entry": "machine code"}
#: Packages whose lines say nothing of how far a trace is.
_NOT_TRACED = {"tracejit", "numpy", "optree"} | sys.stdlib_module_names


@dataclass(frozen=True)
class Compilation:
    """One that is under way, in a thread; its clock knows the stage."""

    function: Callable[..., Any]
    clock: Clock
    thread: int

    def __str__(self) -> str:
        """The function and the stage; of a trace also the line at which it is."""
        stage = self.clock.stage
        place = self._place() if stage == "trace" else ""
        return f"{described(self.function)}: {_SHOWN.get(stage, stage)}{place}"

    def _place(self) -> str:
        """The line of the program that is being traced."""
        frame = sys._current_frames().get(self.thread)
        found = ""
        while frame is not None:
            package = str(frame.f_globals.get("__name__")).partition(".")[0]
            if package not in _NOT_TRACED:
                found = f", {os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
                # Python writes functions, such as those of a namedtuple, under this name. What is
                # called from a file shows more; all of `python -c` is under it.
                if frame.f_code.co_filename != "<string>":
                    break
            frame = frame.f_back
        return found


_under_way: list[Compilation] = []
_lock = threading.Lock()
_watcher: threading.Thread | None = None


def latest() -> Compilation | None:
    """The compilation that began last, if one is under way."""
    found = _under_way[-1:]
    return found[0] if found else None


@contextmanager
def waited_for(function: Callable[..., Any], clock: Clock) -> Iterator[None]:
    """A compilation of ``function`` is under way; ``clock`` is told its stages."""
    compilation = Compilation(function, clock, threading.get_ident())
    _under_way.append(compilation)
    if asked_for("progress"):
        _watch()
    try:
        yield
    finally:
        _under_way.remove(compilation)


def _watch() -> None:
    global _watcher
    with _lock:
        if _watcher is None or not _watcher.is_alive():  # a fork takes no threads along
            _watcher = threading.Thread(target=_tell, name="tracejit progress", daemon=True)
            _watcher.start()


def _tell() -> None:
    """Tell until nothing is under way. Attempts at one version follow one another: one wait."""
    global _watcher
    began = time.perf_counter()
    due, last = PATIENCE, ""
    while True:
        time.sleep(TICK)
        spent, now = time.perf_counter() - began, latest()
        if now is None:
            with _lock:
                if not _under_way:
                    _watcher = None
                    break
        elif spent >= due:
            due, last = 2.0 * spent, described(now.function)
            _say(f"{now}, {spent:.0f} s")
    if last:
        _say(f"{last}: ready after {time.perf_counter() - began:.1f} s")


def _say(text: str) -> None:
    print(f"tracejit progress: {text}", file=sys.stderr)
