"""The base of traced values: how they answer Python and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.session.concretize import (
    hash_of,
    name_of,
    run_time_only,
    shown_later,
    str_later,
    structural_int,
    truth,
)
from tracejit.trace.session.registry import BUILTINS
from tracejit.trace.session.session import where


@dataclass(frozen=True)
class Steps:
    """``trip`` iterations (none where it is not positive); ``item(i)`` is the item of number i.
    ``after``: what is done after an iteration that does not end the loop. ``sources``: containers
    that must not change in length meanwhile; ``owner``: a dict of which ``after`` sees to that."""

    trip: Dim
    item: Callable[[Dim], Any]
    after: Callable[[], None] | None = None
    sources: tuple[Any, ...] = ()
    owner: Any = None


class Conditional:
    """A value of which the run decides whether it is there."""

    value: Any


class Tracer:
    """Base of traced values."""

    __slots__ = ("__weakref__",)
    __array_priority__ = 1e9

    def __hash__(self) -> int:
        """What hashes decides by the value while tracing: a set, a key of a dict, a cache."""
        return hash_of(self)

    def __array__(self, /, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: NumPy asked for the contents of a traced value, which are known at run "
            "time only; use a NumPy function that tracejit knows (docs/coverage.md)"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        implementation = name_of(ufunc)
        if method == "__call__":
            return implementation(*args, **kwargs)
        return getattr(implementation, method)(*args, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return name_of(func)(*args, **kwargs)

    def read(self) -> Value:
        """The IR value now."""
        raise NotImplementedError

    def steps(self) -> Steps | None:
        """How a ``for`` statement goes over it at run time; None where it does not."""
        return None

    def parser(self) -> Callable[[str], Any] | None:
        """From the ``repr`` of a real number of this kind to the number; None for anything else."""
        return None

    def as_it_is(self) -> Tracer:
        """The same value, which nothing changes later on."""
        return self

    def out_of(self, array: Any) -> Any:
        """What the program has where an array holds the value."""
        return array

    def __bool__(self) -> bool:
        return truth(self)

    def __index__(self) -> int:
        return structural_int(self, "an index")

    def __int__(self) -> int:
        return structural_int(self, "int()")

    def __float__(self) -> float:
        raise UnsupportedError(run_time_only("float()", self))

    def __complex__(self) -> complex:
        raise UnsupportedError(run_time_only("complex()", self))

    def __format__(self, spec: str) -> str:
        """A mark in the text, which messages and ``print`` replace by the value at run time."""
        return shown_later(self, spec)

    def __str__(self) -> str:
        return str_later(self)

    def __round__(self, digits: int | None = None) -> Any:
        return BUILTINS[round](self, digits)
