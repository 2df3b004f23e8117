"""``TRACEJIT_LOG=recompile,compile,cache,fallback`` (or ``all``): what calls do, line by line.

recompile: that a function is compiled, and why it was not before. compile: the milliseconds of each
stage. cache: whether object code came from disk. fallback: calls that run in Python, and why.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

Topic = Literal["recompile", "compile", "cache", "fallback"]


def asked_for(topic: Topic) -> bool:
    """Whether the environment asks for lines about ``topic``."""
    asked = os.environ.get("TRACEJIT_LOG", "")
    return bool(asked) and bool({"all", topic} & set(asked.split(",")))


def log(topic: Topic, function: Callable[..., Any], text: str) -> None:
    """Print a line to stderr if it is asked for."""
    if asked_for(topic):
        print(f"tracejit {topic}: {described(function)}: {text}", file=sys.stderr)


def described(function: Callable[..., Any]) -> str:
    """A function's name, and where it is written."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", None) or type(function).__name__
    if code is None:
        return str(name)
    return f"{name} ({os.path.basename(code.co_filename)}:{code.co_firstlineno})"


class Clock:
    """The milliseconds of each stage of one compilation."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str, within: Mapping[str, float] | None = None) -> None:
        """``stage`` ends here; ``within`` are parts of it that were measured apart."""
        now = time.perf_counter()
        spent, self._last = (now - self._last) * 1e3, now
        self.milliseconds |= {stage: spent - sum((within or {}).values()), **(within or {})}

    def log(self, function: Callable[..., Any], from_cache: bool) -> None:
        """Say how long it took, and where object code came from."""
        log("cache", function, "object code from disk" if from_cache else "object code is new")
        parts = ", ".join(f"{stage} {ms:.1f}" for stage, ms in self.milliseconds.items())
        log("compile", function, f"{sum(self.milliseconds.values()):.1f} ms: {parts}")
