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
from tracejit.trace.catching import catches_now, caught_check, refuse_caught
from tracejit.trace.numpy.operands import builder
from tracejit.trace.session import current


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


#: What NumPy says where a matrix has no such inverse or factor.
_IMPOSSIBLE = {
    "linalg.inv": "Singular matrix",
    "linalg.solve": "Singular matrix",
    "linalg.cholesky": "Matrix is not positive definite",
}
_NEVER_FAIL = {"linalg.det", "linalg.slogdet", "linalg.qr"}


@dataclass(frozen=True)
class Attempted(HostFunction):
    """A host function that says whether it was possible instead of raising LinAlgError."""

    def __post_init__(self) -> None:
        super().__post_init__()
        plain = getattr(self, "__qualname__")  # noqa: B009  (set just now, not declared)
        object.__setattr__(self, "__qualname__", f"attempted {plain}")

    def __call__(self, *operands: Any) -> Any:
        try:
            return super().__call__(*operands), np.True_
        except np.linalg.LinAlgError:
            return super().__call__(*map(_like_identity, operands)), np.False_


@dataclass(frozen=True)
class Spectral(HostFunction):
    """A host function of which NumPy makes the results real where they can be: they are always
    complex here, and a last one says whether NumPy's are."""

    def __call__(self, *operands: Any) -> Any:
        found = super().__call__(*operands)
        parts = found if isinstance(found, tuple) else (found,)
        both = [part.astype(np.result_type(part, np.complex64)) for part in parts]
        return *both, np.bool_(parts[0].dtype.kind != "c")


def _like_identity(x: Any) -> Any:
    """Matrices of the same shape and dtype for which the answer exists."""
    return np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape) if x.ndim > 1 else x


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
    if path.startswith("linalg.") and catches_now(np.linalg.LinAlgError):
        if path in _IMPOSSIBLE:
            return _attempted(path, given, operands, types)
        if path not in _NEVER_FAIL:
            refuse_caught(np.linalg.LinAlgError, f"np.{path}")
    function = made(path, given, keep)
    found = builder().op("host_call", *operands, fn=function, types=types)
    return [found] if len(types) == 1 else list(found)


def _attempted(
    path: str, given: Any, operands: Sequence[Value], types: tuple[TensorType, ...]
) -> list[Value]:
    """A call whose LinAlgError a ``try`` of the program catches."""
    both = (*types, TensorType(dtype_of("bool"), ()))
    found, ok = builder().op("host_call", *operands, fn=Attempted(path, given), types=both)
    caught_check(current(), ok, np.linalg.LinAlgError, _IMPOSSIBLE[path], ())
    return [found]
