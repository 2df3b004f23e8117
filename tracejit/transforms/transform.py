"""A function made of another one, compiled when it is called from Python."""

from __future__ import annotations

import copy
import functools
import inspect
import os
from collections.abc import Callable, Hashable
from typing import Any

from tracejit import sources
from tracejit.trace.session.session import active, current
from tracejit.transforms.kept import Identity, compiled, identity
from tracejit.transforms.requirements import require_function


def shown(function: Any) -> str:
    """A function as errors show it: its name as it was written, and where it was written."""
    if isinstance(function, Transform):
        return f"{function.what} of {shown(function.of_what)}"
    inner = inspect.unwrap(getattr(function, "func", function))
    code = getattr(inner, "__code__", None)
    name = str(getattr(inner, "__name__", type(inner).__name__))
    name = "a lambda" if name == "<lambda>" else name
    if code is None:
        return name
    return f"{name} ({os.path.basename(code.co_filename)}:{code.co_firstlineno})"


class Transform:
    """A function made of another one. Subclasses give ``__traced_call__``."""

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        require_function(function, what)
        sources.keep(function)
        self.function, self.what = function, what
        functools.update_wrapper(self, function, updated=())
        self.__name__ = f"{what}_{str(getattr(function, '__name__', 'function')).strip('<>')}"
        self._compiled: Any = None

    @property
    def options(self) -> tuple[Hashable, ...]:
        """All that distinguishes it from other transforms of the same function and type."""
        return ()

    @property
    def of_what(self) -> Any:
        """What errors show as the function that it is made of."""
        return self.function

    def __repr__(self) -> str:
        inner = self.of_what
        name = getattr(inner, "__qualname__", None) or type(inner).__name__
        return f"<tracejit.{self.what} of {inner if isinstance(inner, Transform) else name!r}>"

    def of(self, function: Callable[..., Any]) -> Any:
        """The same transform of another function."""
        made = copy.copy(self)
        functools.update_wrapper(made, function, updated=())
        made.__name__ = self.__name__
        made.function, made._compiled = function, None
        return made

    def example(self, args: tuple[Any, ...], kwargs: Any) -> tuple[tuple[Any, ...], Any]:
        """Arguments of its function, from those of a call of the transform."""
        return args, kwargs

    def __copy__(self) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": None, "_file": sources.packed(self.function)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        sources.unpack(self.function, self.__dict__.pop("_file"))

    def __kept_identity__(self) -> Identity:
        inner = identity(self.function)
        key = (type(self), self.options, inner.key)
        if inner.like is None:
            return Identity(inner.anchor, key, None)
        like = inner.like
        return Identity(inner.anchor, key, lambda: self.of(like()))

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @property
    def __call__(self) -> Callable[..., Any]:
        """The compiled function: calling a transform leaves no frame in tracebacks."""
        if self._compiled is None:
            self._compiled = compiled(self)
        return self._compiled  # type: ignore[no-any-return]

    def export(self, path: Any, signatures: Any, **named: Any) -> Any:
        """As ``jit(f).export``."""
        return self.__call__.export(path, signatures, **named)  # type: ignore[attr-defined]

    def c_function(self, signature: Any, form: str = "plain") -> Any:
        """As ``jit(f).c_function``."""
        return self.__call__.c_function(signature, form)  # type: ignore[attr-defined]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def applied(transform: Transform, *args: Any) -> Any:
    """Call a transform; inside a trace it is inlined there."""
    return current().operators.call(transform, *args) if active() else transform(*args)
