"""``TRACEJIT_LOG=recompile,progress,compile,cache,fallback`` (or ``all``): what calls do, by lines.

recompile: that a function is compiled, and why it was not before. progress: where a compilation is
that takes over a second. compile: the milliseconds of each stage. cache: whether object code came
from disk. fallback: calls that run in Python, and why.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args

Topic = Literal["recompile", "progress", "compile", "cache", "fallback"]


def asked_for(topic: Topic) -> bool:
    """Whether the environment asks for lines about ``topic``."""
    asked = os.environ.get("TRACEJIT_LOG", "")
    return bool(asked) and not {"all", topic}.isdisjoint(_topics(asked))


@cache
def _topics(asked: str) -> frozenset[str]:
    """The topics of a list; warns, once, of what is none."""
    topics = frozenset(filter(None, map(str.strip, asked.split(","))))
    known = (*get_args(Topic), "all")
    if wrong := sorted(topics.difference(known)):
        warnings.warn(
            f"TRACEJIT_LOG={asked}: there is no topic {', '.join(wrong)}; it is a list, with commas"
            f" between, of {', '.join(known)}",
            RuntimeWarning,
            stacklevel=2,
        )
    return topics


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
    """The milliseconds of each stage of one compilation, and the stage that is under way."""

    def __init__(self, stage: str) -> None:
        self.milliseconds: dict[str, float] = {}
        self.stage = stage
        self._began = time.perf_counter()

    def next(self, stage: str) -> None:
        """The stage that was under way is over, and ``stage`` begins."""
        self.end()
        self.stage = stage

    def end(self, within: Mapping[str, float] | None = None) -> None:
        """The stage is over; ``within`` are parts of it that were measured apart."""
        now = time.perf_counter()
        spent, self._began = (now - self._began) * 1e3, now
        parts = within or {}
        self.milliseconds |= {self.stage: spent - sum(parts.values()), **parts}

    def log(self, function: Callable[..., Any], from_cache: bool) -> None:
        """Say how long it took, and where object code came from."""
        log("cache", function, "object code from disk" if from_cache else "object code is new")
        parts = ", ".join(f"{stage} {ms:.1f}" for stage, ms in self.milliseconds.items())
        log("compile", function, f"{sum(self.milliseconds.values()):.1f} ms: {parts}")
