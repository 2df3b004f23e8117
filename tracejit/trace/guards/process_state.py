"""State of the process that a program reads by a call: the environment, the working folder, context
variables.

Such a read is like that of a global variable: a version is for what it gave, and every call looks
again.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tracejit.threads import get_num_threads
from tracejit.trace.guards.conditions import StateRead
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Tracer

#: Functions without effect that give a plain value, which the process may change.
_READERS: Final = {
    os.getenv,
    os.getcwd,
    os.getpid,
    os.cpu_count,
    os.path.abspath,
    os.path.expanduser,
    os.path.expandvars,
    sys.getrecursionlimit,
    threading.get_ident,
    threading.active_count,
    np.geterr,
    np.geterrcall,
    np.getbufsize,
    np.get_printoptions,
    get_num_threads,
}
#: Methods of ``os.environ`` that read it, and of a context variable.
_OF_ENVIRONMENT: Final = {"get", "__getitem__", "__contains__", "__len__", "copy"}


def is_reader(f: Any, args: tuple[Any, ...]) -> bool:
    """Whether calling ``f`` reads the state of the process and does no more."""
    if any(isinstance(a, Tracer) for a in args):
        return False
    owner = getattr(f, "__self__", None)
    if isinstance(owner, contextvars.ContextVar):
        return bool(f.__name__ == "get")
    if owner is os.environ:
        return f.__name__ in _OF_ENVIRONMENT
    try:
        return f in _READERS
    except TypeError:
        return False


def read_state(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a reader gives; a version is for this."""
    getter = StateRead(f, args, kwargs)
    shown = ", ".join(map(repr, args))
    with np.errstate(**current().errors):
        return current().outside.answer(getter, f"{f.__qualname__}({shown})", f)
