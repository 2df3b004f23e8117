"""What a call that fails has changed until then in lists, dicts and attributes of the caller.

Compiled code changes these when it has ended. So before it raises, it keeps what they should hold
(``KeepChanges``); the exception carries that (``WithChanges``) to where the call is left, which has
the caller's objects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.ir.results import AttributeChange, ContainerChange

_LOCAL = threading.local()
#: Attribute of an exception: a ``Kept``.
_ATTRIBUTE = "__tracejit_changes__"


@dataclass(eq=False)
class Surroundings:
    """What all failures of one trace have in common. ``arrays``: ways to arrays found outside, by
    their numbers; ``beyond``: as ``Traced.beyond``."""

    arrays: Mapping[int, Callable[[], Any]] = field(default_factory=dict)
    beyond: Sequence[tuple[Any, str]] = ()


@dataclass(frozen=True, eq=False)
class KeepChanges:
    """The host function that keeps values for the exception that is raised next. ``lost``: why it
    cannot be told what the caller's objects should hold, if it cannot."""

    containers: tuple[ContainerChange, ...]
    attributes: tuple[AttributeChange, ...]
    around: Surroundings
    lost: str | None = None
    #: For the code around: it is called before an exception is raised only.
    is_rare: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "__qualname__", "keep_changes")
        object.__setattr__(self, "__module__", "tracejit")

    def __call__(self, *values: Any) -> tuple[()]:
        _LOCAL.kept = self.kept(values)
        return ()

    def kept(self, values: Sequence[Any]) -> Kept:
        return Kept(self, [np.array(v) for v in values])


@dataclass(frozen=True, eq=False)
class Kept:
    """What a failure keeps, and the values for it."""

    changes: KeepChanges
    values: Sequence[Any]


@dataclass(frozen=True)
class WithChanges:
    """Makes an exception that carries what was kept just now."""

    make: Callable[[str], BaseException]

    def __call__(self, message: str) -> BaseException:
        error = self.make(message)
        setattr(error, _ATTRIBUTE, _LOCAL.kept)
        _LOCAL.kept = None
        return error


@dataclass(frozen=True, eq=False)
class KeepingCall:
    """A host function that may raise: the values after its own ``count`` are those to keep."""

    function: Callable[..., Any]
    count: int
    changes: KeepChanges

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        object.__setattr__(self, "__qualname__", name)
        object.__setattr__(self, "__module__", "tracejit")

    @property
    def held(self) -> Any:
        """The generator that the function draws from, where it is one that draws."""
        return self.function.held  # type: ignore[attr-defined]

    def of_its_own(self, operands: Sequence[Any]) -> tuple[Callable[..., Any], Sequence[Any]]:
        """The function, and the operands that are for it."""
        return self.function, operands[: self.count]

    def __call__(self, *values: Any) -> Any:
        try:
            return self.function(*values[: self.count])
        except BaseException as error:
            setattr(error, _ATTRIBUTE, self.changes.kept(values[self.count :]))
            raise


def carries_changes(error: BaseException) -> bool:
    """Whether something was kept for an exception."""
    return _ATTRIBUTE in vars(error)


def taken(error: BaseException) -> Kept | None:
    """What an exception carries, once."""
    found: Kept | None = vars(error).pop(_ATTRIBUTE, None)
    return found
