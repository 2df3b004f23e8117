"""``jit`` switched off: the function runs in Python, where a debugger stops in it.

A transform has no form in plain NumPy. Where it or its function is switched off, it first runs its
function in Python, on copies of the arguments, so that a debugger stops there with the user's
values; what it returns is computed by compiled code as ever.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable
from types import MethodType
from typing import Any, NoReturn

import numpy as np

from tracejit import sources
from tracejit.calls.versions import Options, Stats
from tracejit.errors import TracejitError
from tracejit.trace.session.in_python import after_it_ran


def switched_off() -> bool:
    """Whether ``TRACEJIT_DISABLE_JIT`` says that nothing is compiled."""
    return os.environ.get("TRACEJIT_DISABLE_JIT", "") not in ("", "0")


class Uncompiled:
    """What ``jit`` returns where it is switched off: it has what a compiled function has."""

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        while type(function) is Uncompiled:
            function = function.py_func
        self.py_func: Callable[..., Any] = function
        self._options = options
        #: How many calls ran in Python; what transforms keep in place of it counts here too.
        self._calls = [0]
        functools.update_wrapper(self, function, updated=())
        transform = hasattr(function, "example")
        self._call = _uncompiled(function, options) if transform else function

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        self._calls[0] += 1
        return self._call(*args, **kwargs)

    def of(self, function: Callable[..., Any]) -> Uncompiled:
        """The same of another function; what it is called counts here."""
        made = Uncompiled(function, self._options)
        made._calls = self._calls
        return made

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        ops.session.outside.called(self.py_func)
        return ops.call(self.py_func, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<tracejit.jit of {getattr(self.py_func, '__qualname__', self.py_func)!r}, off>"

    def __reduce__(self) -> Any:
        return sources.reduced(self, Uncompiled)

    @property
    def signatures(self) -> list[str]:
        """Nothing is compiled."""
        return []

    def stats(self) -> Stats:
        """How many calls ran in Python; all else is zero."""
        (calls,) = self._calls
        return Stats(0, 0, 0, 0, calls, "jit is switched off" if calls else None)

    def compile(self, signature: str) -> None:
        """Nothing: there is no code to make."""

    def recompile(self) -> None:
        """Nothing: there is no code to forget."""

    def _refused(self, /, *args: Any, **kwargs: Any) -> NoReturn:
        """There is no code to look at."""
        raise TracejitError(
            f"{getattr(self.py_func, '__qualname__', self.py_func)} is not compiled, as jit is "
            "switched off (TRACEJIT_DISABLE_JIT or disable_jit=True)"
        )

    inspect_ir = inspect_program = inspect_llvm = inspect_asm = inspect_ptx = _refused
    explain = show = profile = compile_times = peak_bytes = _refused
    export = c_function = _refused


def in_python_first(transform: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Calls of a transform that first run its function in Python, on copies."""

    def both(*args: Any, **kwargs: Any) -> Any:
        found: Any = transform
        plain, named = copy.deepcopy((args, kwargs))
        while (inner := _inner(found)) is not found:
            if hasattr(found, "example"):
                plain, named = found.example(plain, named)
            found = inner
        drawn = np.random.get_state()
        try:
            found(*plain, **named)
        finally:
            np.random.set_state(drawn)  # what the program draws comes after this
        with after_it_ran():
            return call(*args, **kwargs)

    return both


def runs_in_python_first(function: Any) -> bool:
    """Whether it is a transform, and it or what it is of is not to be compiled."""
    if not hasattr(function, "example"):
        return False
    if switched_off():
        return True
    while type(function) is not Uncompiled:
        if type(function) is functools.partial:
            inner = function.func
        elif type(function) is MethodType:
            inner = function.__func__
        else:
            inner = _inner(function)
        if inner is function:
            return False
        function = inner
    return True


def _inner(function: Any) -> Any:
    """What a transform or a compiled transform is of; other functions are their own."""
    if hasattr(function, "example"):
        return function.function
    of = getattr(function, "py_func", None)
    compiled = of is not None and hasattr(type(function), "__traced_call__")
    if compiled and (type(function) is not Uncompiled or hasattr(of, "example")):
        return of
    return function


def _uncompiled(function: Any, options: Options) -> Any:
    """A transform of what is not compiled, in place of one."""
    inner = _inner(function)
    if hasattr(function, "example"):
        return function.of(_uncompiled(inner, options))
    if inner is not function:
        return _uncompiled(inner, options)
    return function if type(function) is Uncompiled else Uncompiled(function, options)
