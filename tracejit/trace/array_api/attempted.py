"""Calls of NumPy from compiled code whose exceptions a ``try`` of the program may catch.

The call says which exception there was, and its message by number, instead of raising it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit.ir.core import Value
from tracejit.ir.interpret.print_effect import MESSAGE, number_of
from tracejit.ir.types import INDEX, TensorType
from tracejit.trace.array_api.operands import builder
from tracejit.trace.control.try_regions import catches_now, caught_check
from tracejit.trace.session.session import current

Kinds = tuple[type[Exception], ...]


@dataclass(frozen=True)
class Attempt:
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


def host_call(
    function: Callable[..., Any],
    operands: Sequence[Value],
    types: Sequence[TensorType],
    kinds: Kinds,
) -> list[Value]:
    """An ordered call at run time, which may raise exceptions of these kinds."""
    caught = tuple(kind for kind in kinds if catches_now(kind))
    if not caught:
        found = builder().op("host_call", *operands, fn=function, types=tuple(types))
        return [found] if len(types) == 1 else list(found)
    attempt = Attempt(function, caught, tuple(types))
    found = builder().op("host_call", *operands, fn=attempt, types=(*types, INDEX, INDEX))
    *results, raised, message = found
    for number, kind in enumerate(caught, 1):
        b = builder()
        ok = b.op("ne", raised, b.const(number, "i64"))
        caught_check(current(), ok, kind, f"{{0:{MESSAGE}}}", [message])
    return list(results)
