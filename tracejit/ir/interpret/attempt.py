"""A call of the host that says which exception there was instead of raising it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError
from tracejit.ir.interpret.print_effect import number_of
from tracejit.ir.types import TensorType
from tracejit.records import dataclass

Kinds = tuple[type[BaseException], ...]


#: Of each ``try`` around a call, from the outermost: what each handler matches, and whether it uses
#: the exception itself.
Regions = tuple[tuple[tuple[tuple[type, ...], bool], ...], ...]


@dataclass(frozen=True)
class Unforeseen:
    """What any function of the program's may raise, where compiled code knows few kinds only."""

    written: str
    regions: Regions

    def refuse(self, error: BaseException, kind: type | None) -> None:
        """Raise UnsupportedError unless the program does with the exception what it would do with
        one of ``kind`` (None: it is raised) that has its message."""
        places = self._places(type(error))
        if kind is None:
            same = not any(n is not None for n in places)
        else:
            keeps = any(
                n is not None and handlers[n][1]
                for n, handlers in zip(places, self.regions, strict=True)
            )
            same = places == self._places(kind)
            same = same and (not keeps or (type(error) is kind and _has_message(error)))
        if not same:
            raise UnsupportedError(
                f"{self.written} raises {type(error).__name__}, which a `try` around it would "
                "handle: compiled code cannot; catch it in the function, and return what it means"
            ) from error

    def _places(self, raised: type) -> list[int | None]:
        return [
            next((n for n, (kinds, _) in enumerate(found) if issubclass(raised, kinds)), None)
            for found in self.regions
        ]


def _has_message(error: BaseException) -> bool:
    args = error.args
    return not args or (len(args) == 1 and type(args[0]) is str)


@dataclass(frozen=True)
class AttemptedCall:
    """A host function that also gives the number of what it raised among ``kinds``, from 1 (0: its
    answers are those of the function), and the number of the message."""

    function: Callable[..., Any]
    kinds: Kinds
    results: tuple[TensorType, ...]
    unforeseen: Unforeseen | None = None

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", repr(self.function))
        object.__setattr__(self, "__qualname__", f"attempted {name}")
        object.__setattr__(self, "__module__", "numpy")

    @property
    def written(self) -> Any:
        """As the user writes the function."""
        return getattr(self.function, "written", None)

    @property
    def remedy(self) -> Any:
        """What may be done where it has no derivative."""
        return getattr(self.function, "remedy", None)

    @property
    def held(self) -> Any:
        """The generator that the function draws from, if it holds one."""
        return self.function.held  # type: ignore[attr-defined]

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        try:
            found = self.function(*operands)
        except BaseException as error:
            kind = next((k for k, c in enumerate(self.kinds, 1) if isinstance(error, c)), 0)
            if isinstance(error, KeyboardInterrupt):
                error.add_note("What the compiled program does with it was not done.")
            elif self.unforeseen is not None:
                self.unforeseen.refuse(error, self.kinds[kind - 1] if kind else None)
            if not kind:
                raise
            text = error.args[0] if error.args and _has_message(error) else str(error)
            return *map(_nothing, self.results), np.int64(kind), np.int64(number_of(text))
        parts = found if len(self.results) != 1 else (found,)
        return *parts, np.int64(0), np.int64(0)


def _nothing(result: TensorType) -> Any:
    """What fills a result, whatever its extents are."""
    return np.zeros((1,) * result.rank, result.dtype)
