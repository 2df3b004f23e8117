"""What a compiled function cannot do, said before it is tried, with what to do instead.

Tracing runs the program's Python once. What reads the outside world, or changes it, would do so
once and never again: it is refused here rather than be silently stale.
"""

from __future__ import annotations

import builtins
import contextlib
import datetime
import inspect
import io
import logging
import os
import pathlib
import random
import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.trace.session import where

_CLOCK = "read the clock once, when compiling; time the call from outside"
_FILE = "use the file once, when compiling; read before the call and write its results after it"
_CHANCE = (
    "draw once, when compiling; use np.random or tracejit.random, or draw outside and pass the "
    "numbers as arguments"
)
_LOG = "report once, when compiling; use print, which is compiled, or report what the call returns"
_SET = "set it once, when compiling, for everything else too; call it outside"
_ASK = "ask once, when compiling; ask before the call and pass the answer as an argument"

_ONCE: dict[Any, str] = {
    time.time: _CLOCK,
    time.time_ns: _CLOCK,
    time.perf_counter: _CLOCK,
    time.perf_counter_ns: _CLOCK,
    time.monotonic: _CLOCK,
    time.monotonic_ns: _CLOCK,
    time.process_time: _CLOCK,
    time.process_time_ns: _CLOCK,
    time.thread_time: _CLOCK,
    time.sleep: "sleep once, when compiling; sleep outside",
    builtins.open: _FILE,
    io.open: _FILE,
    np.load: _FILE,
    np.loadtxt: _FILE,
    np.genfromtxt: _FILE,
    np.fromfile: _FILE,
    np.memmap: _FILE,
    np.save: _FILE,
    np.savez: _FILE,
    np.savez_compressed: _FILE,
    np.savetxt: _FILE,
    builtins.input: _ASK,
    os.urandom: _CHANCE,
    np.random.seed: "seed once, when compiling; seed before the call, or pass a generator",
    np.random.set_state: "seed once, when compiling; seed before the call, or pass a generator",
    np.seterrcall: _SET,
    np.set_printoptions: _SET,
    np.setbufsize: _SET,
    os.getenv: _ASK,
    warnings.warn: _LOG,
    logging.debug: _LOG,
    logging.info: _LOG,
    logging.warning: _LOG,
    logging.error: _LOG,
    logging.exception: _LOG,
    logging.critical: _LOG,
    logging.log: _LOG,
}
#: Methods of these classes; of datetime's only those that read the clock.
_OWNERS: tuple[tuple[type, str], ...] = (
    (random.Random, _CHANCE),
    (logging.Logger, _LOG),
    (io.IOBase, _FILE),
    (pathlib.Path, _FILE),
)
_DATES = {"now", "utcnow", "today"}
#: Methods of a path that only take its text apart.
_TEXTS = frozenset(dir(pathlib.PurePath))


def refuse(f: Any) -> None:
    """Raise if calling ``f`` while tracing would do once what the program does at every call."""
    if f is contextlib.suppress:
        raise UnsupportedError(
            f"{where()}: contextlib.suppress sees only what is certain when compiling; use `try` "
            "and `except`, which are compiled"
        )
    would = _would(f)
    if would is not None:
        raise UnsupportedError(f"{where()}: {_name(f)} inside a compiled function would {would}")


def _would(f: Any) -> str | None:
    try:
        found = _ONCE.get(f)
    except TypeError:
        return None
    if found is not None:
        return found
    if str(getattr(f, "__module__", "")).startswith("numpy.testing"):
        return "look for values that are not there yet; test what the call returns, or use assert"
    owner = getattr(f, "__self__", None)
    if owner is None or inspect.ismodule(owner):
        return None
    if isinstance(owner, type):
        clock = issubclass(owner, datetime.date) and f.__name__ in _DATES
        return _CLOCK if clock else None
    for kind, would in _OWNERS:
        if isinstance(owner, kind) and not (kind is pathlib.Path and f.__name__ in _TEXTS):
            return would
    return None


def _name(f: Any) -> str:
    owner = getattr(f, "__self__", None)
    if owner is None or inspect.ismodule(owner):
        module = (getattr(f, "__module__", None) or "").lstrip("_")
        module = "" if module in ("builtins", "io") else f"{module}."
        return f"{module}{f.__name__}"
    if isinstance(owner, random.Random):
        return f"random.{f.__name__}"
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__name__}.{f.__name__}"


# Wrong arguments ----------------------------------------------------------------------------------

#: Keywords of every ufunc, which have no signature of their own.
_UFUNC = {"out", "where", "axis", "axes", "keepdims", "casting", "order", "dtype", "subok"}
_UFUNC |= {"signature"}


def explain_call(
    name: str, theirs: Any, ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """A TypeError of a call of a NumPy function is under way: raise NumPy's, or say what is not
    supported, if the arguments do not fit; return if they do."""
    misfit = _misfit(ours, args, kwargs)
    if misfit is None:
        return
    wrong = _misfit(theirs, args, kwargs)
    if isinstance(theirs, np.ufunc):
        unknown = sorted(set(kwargs) - _UFUNC)
        wrong = f"got an unexpected keyword argument '{unknown[0]}'" if unknown else None
    if wrong is not None:
        raise TypeError(f"{name}() {wrong}")
    taken = ", ".join(p for p in _parameters(ours) if not p.startswith("_"))
    raise UnsupportedError(
        f"{where()}: np.{name}() {misfit}: NumPy takes it, compiled code takes {taken} "
        "(docs/coverage.md)"
    )


def explain_builtin(
    theirs: Any, ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """As ``explain_call``, of a builtin: it says itself what is wrong with a call that does not
    fit, before it looks at what it is given."""
    if _misfit(ours, args, kwargs) is not None:
        theirs(*(1 for _ in args), **dict.fromkeys(kwargs, 1))


def _misfit(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def _parameters(f: Any) -> list[str]:
    return list(inspect.signature(f).parameters)


# Values that are needed now -----------------------------------------------------------------------

_INSTEAD: dict[Any, str] = {
    builtins.hash: "key by something that is known when compiling, such as a shape",
    builtins.id: "compare arrays with `is`, or with np.array_equal",
    builtins.bin: "use & and >> on the number itself",
    builtins.hex: "make the text outside, of what the call returns",
    builtins.oct: "make the text outside, of what the call returns",
    builtins.chr: "make the text outside, of what the call returns",
}


def refuse_traced(f: Any, *, in_math: bool) -> NoReturn:
    """A function written in C that has no form for values of run time."""
    module = (getattr(f, "__module__", None) or "").lstrip("_")
    name = f.__name__ if module in ("", "builtins") else f"{module}.{f.__name__}"
    instead = _INSTEAD.get(f)
    if instead is None:
        instead = (
            "NumPy has its own form of most functions of math"
            if in_math
            else "use a function of NumPy, or call it outside on what the call returns"
        )
    raise UnsupportedError(
        f"{where()}: {name} needs a value that is known at run time only; {instead}"
    )


def refuse_library(f: Any) -> NoReturn:
    """A function of SciPy: it would ask for the contents of its arguments."""
    raise UnsupportedError(
        f"{where()}: {f.__module__}.{f.__name__} is not compiled: call it outside and pass its "
        "result, or write it with NumPy"
    )
