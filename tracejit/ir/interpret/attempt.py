"""A call of the host that says which exception there was instead of raising it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit.ir.interpret.print_effect import number_of
from tracejit.ir.types import TensorType

Kinds = tuple[type[Exception], ...]


@dataclass(frozen=True)
class AttemptedCall:
    """A host function that also gives the number of what it raised among ``kinds``, from 1 (0: its
    answers are those of the function), and the number of the message."""

    function: Callable[..., Any]
    kinds: Kinds
    results: tuple[TensorType, ...]

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
        except self.kinds as error:
            kind = next(k for k, c in enumerate(self.kinds, 1) if isinstance(error, c))
            return *map(_nothing, self.results), np.int64(kind), np.int64(number_of(str(error)))
        parts = found if len(self.results) != 1 else (found,)
        return *parts, np.int64(0), np.int64(0)


def _nothing(result: TensorType) -> Any:
    """What fills a result, whatever its extents are."""
    return np.zeros((1,) * result.rank, result.dtype)
