"""A function made of another one, compiled when it is called from Python."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Hashable
from typing import Any

from tracejit import sources
from tracejit.trace.session import active, current
from tracejit.transforms.kept import Identity, compiled, identity


class Transform:
    """A function made of another one. Subclasses give ``__traced_call__``."""

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        if not callable(function):
            raise TypeError(f"{what} takes a function, not {type(function).__name__}")
        sources.keep(function)
        self.function = function
        functools.update_wrapper(self, function, updated=())
        self.__name__ = f"{what}_{getattr(function, '__name__', 'function')}".replace("<", "")
        self._compiled: Any = None

    @property
    def options(self) -> tuple[Hashable, ...]:
        """All that distinguishes it from other transforms of the same function and type."""
        return ()

    def of(self, function: Callable[..., Any]) -> Any:
        """The same transform of another function."""
        made = copy.copy(self)
        functools.update_wrapper(made, function, updated=())
        made.__name__ = self.__name__
        made.function, made._compiled = function, None
        return made

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

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @property
    def __call__(self) -> Callable[..., Any]:
        """The compiled function: calling a transform leaves no frame in tracebacks."""
        if self._compiled is None:
            self._compiled = compiled(self)
        return self._compiled  # type: ignore[no-any-return]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def applied(transform: Transform, *args: Any) -> Any:
    """Call a transform; inside a trace it is inlined there."""
    return current().operators.call(transform, *args) if active() else transform(*args)
