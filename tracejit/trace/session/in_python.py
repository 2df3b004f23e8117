"""Whether what is traced has run in Python before, where a debugger stopped with the values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_RAN: ContextVar[bool] = ContextVar("ran in Python", default=False)


@contextlib.contextmanager
def after_it_ran() -> Iterator[None]:
    """What is traced inside has run."""
    token = _RAN.set(True)
    try:
        yield
    finally:
        _RAN.reset(token)


def has_run() -> bool:
    """Whether the call that is traced for ran in Python first."""
    return _RAN.get()
