"""Fewer collections of garbage while tracejit is loaded and while it compiles.

Loading the tracer and tracing make many objects that stay. Python looks at all that there are each
time that their number has grown by some, which was a sixth of a first call. It still looks, after
many more: what a long compilation leaves behind does not pile up.

What was loaded is not looked through once more at the end, when the program's own thresholds hold
again: it goes to the oldest generation unseen.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects after which there is a collection.
OBJECTS = 100_000
#: So many new modules are a load, whose objects stay.
MODULES = 50

#: `gc.freeze()` freezes all objects there are, some thousand. Python 3.12 begins with 375 frozen.
_FROZEN_BY_A_PROGRAM = 1_000


class _Rarely:
    """Compilations under way in all threads, and the thresholds from before the first of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way = 0
        self.modules = 0
        self.before: tuple[int, int, int] = gc.get_threshold()

    def begin(self) -> None:
        with self.lock:
            if not self.under_way:
                self.before = gc.get_threshold()
                self.modules = len(sys.modules)
                if 0 < self.before[0] < OBJECTS:
                    gc.set_threshold(OBJECTS, *self.before[1:])
            self.under_way += 1

    def end(self) -> None:
        with self.lock:
            if self.under_way == 1:
                if len(sys.modules) - self.modules >= MODULES:
                    _into_the_oldest_generation()
                self.restore()
            self.under_way = max(0, self.under_way - 1)

    def restore(self) -> None:
        """The thresholds from before, unless the program has set others meanwhile."""
        if gc.get_threshold() == (OBJECTS, *self.before[1:]):
            gc.set_threshold(*self.before)

    def forked(self) -> None:
        """In the child of a fork, where no other thread compiles, nor holds the lock."""
        self.lock = threading.Lock()
        if self.under_way:
            self.restore()
        self.under_way = 0


def _into_the_oldest_generation() -> None:
    """All objects, without a look at them; not where the program has frozen some."""
    if hasattr(gc, "freeze") and gc.get_freeze_count() < _FROZEN_BY_A_PROGRAM:
        gc.freeze()
        gc.unfreeze()


_rarely = _Rarely()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_rarely.forked)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """As said above, for what is done inside; may be nested, in many threads."""
    _rarely.begin()
    try:
        yield
    finally:
        _rarely.end()
