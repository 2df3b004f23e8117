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
from tracejit.trace.numpy.attempted import host_call


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

    @property
    def written(self) -> str:
        """As the user writes it."""
        return f"np.{self.path}"

    @cached_property
    def _function(self) -> Any:
        return attrgetter(self.path)(np)

    def __call__(self, *operands: Any) -> Any:
        found = self._function(*operands, **dict(self.options))
        if self.keep is None:
            return found
        return tuple(found[k] for k in self.keep)


_NEVER_FAIL = {"linalg.det", "linalg.slogdet", "linalg.qr"}


@dataclass(frozen=True)
class Spectral(HostFunction):
    """A host function of which NumPy makes the results real where they can be: they are always
    complex here, and a last one says whether NumPy's are."""

    def __call__(self, *operands: Any) -> Any:
        found = super().__call__(*operands)
        parts = found if isinstance(found, tuple) else (found,)
        both = [part.astype(np.result_type(part, np.complex64)) for part in parts]
        return *both, np.bool_(parts[0].dtype.kind != "c")


def called(
    path: str,
    operands: Sequence[Value],
    results: Sequence[tuple[Any, Sequence[Dim]]],
    keep: tuple[int, ...] | None = None,
    made: type[HostFunction] = HostFunction,
    **options: Any,
) -> list[Value]:
    """``np.<path>(*operands, **options)`` at run time; ``results``: (dtype, shape) of each."""
    types = tuple(TensorType(dtype_of(dtype), tuple(shape)) for dtype, shape in results)
    given = tuple(sorted(options.items()))
    may_fail = path.startswith("linalg.") and path not in _NEVER_FAIL
    kinds = (np.linalg.LinAlgError,) if may_fail else ()
    return host_call(made(path, given, keep), operands, types, kinds)
