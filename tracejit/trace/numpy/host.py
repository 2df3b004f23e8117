"""NumPy functions that run in NumPy: ordered calls out of the compiled function, by name.

A ``HostFunction`` is found by its dotted name (so text and pickles of it are stable). The types
of the results are given by the caller; what the function raises, the compiled function raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType, dtype_of
from tracejit.trace.numpy.operands import builder


@dataclass(frozen=True)
class HostFunction:
    """``np.<path>(*operands, **options)``."""

    path: str
    options: tuple[tuple[str, Any], ...] = ()
    keep: tuple[int, ...] | None = None  # which answers are wanted, all of them when None

    def __post_init__(self) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in self.options)
        object.__setattr__(self, "__qualname__", f"{self.path}({given})")
        object.__setattr__(self, "__module__", "numpy")

    @cached_property
    def _function(self) -> Any:
        return attrgetter(self.path)(np)

    def __call__(self, *operands: Any) -> Any:
        found = self._function(*operands, **dict(self.options))
        if self.keep is None:
            return found
        return tuple(found[k] for k in self.keep)


def called(
    path: str,
    operands: Sequence[Value],
    results: Sequence[tuple[Any, Sequence[Dim]]],
    keep: tuple[int, ...] | None = None,
    **options: Any,
) -> list[Value]:
    """``np.<path>(*operands, **options)`` at run time; ``results``: (dtype, shape) of each."""
    types = tuple(TensorType(dtype_of(dtype), tuple(shape)) for dtype, shape in results)
    function = HostFunction(path, tuple(sorted(options.items())), keep)
    found = builder().op("host_call", *operands, fn=function, types=types)
    return [found] if len(types) == 1 else list(found)
