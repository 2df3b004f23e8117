"""Calls of random generators as ``host_call`` makes them: of a method, and of what makes one."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from tracejit.records import dataclass


class MadeSource:
    """A generator that the program makes: another one whenever that line runs, for each thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def now(self) -> Any:
        return self._local.source

    def start(self, source: Any) -> None:
        self._local.source = source


@dataclass(frozen=True)
class HostMake:
    """``np.random.<maker>(seed)`` at run time; the seed is an operand if it is not an option.

    The result is the address of what was made, which ``made`` keeps.
    """

    maker: str
    made: MadeSource
    options: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "__qualname__", f"{self.maker}({', '.join(map(repr, self.options))})"
        )
        object.__setattr__(self, "__module__", "numpy.random")

    def __call__(self, *operands: Any) -> Any:
        source = getattr(np.random, self.maker)(*map(_plain, operands), *self.options)
        self.made.start(source)
        return np.int64(id(source))


@dataclass(frozen=True)
class HostDraw:
    """``source.<method>(…)``: operands are the address of the source (when it is not ``held``),
    the arguments ``named``, and then the ``extents`` that are known at run time only.

    ``of``: the class of the source where it is one of NumPy's or Python's own.
    """

    method: str
    named: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    extents: int = 0
    held: Any = None
    made: MadeSource | None = None
    of: type | None = None

    def __post_init__(self) -> None:
        given = [*self.named, *(f"{name}={value!r}" for name, value in self.options)]
        object.__setattr__(self, "__qualname__", f"{self.method}({', '.join(given)})")
        object.__setattr__(self, "__module__", "numpy.random.Generator")

    @property
    def written(self) -> str:
        """As the user writes it."""
        return f"{self.method} of a random generator"

    def __call__(self, *operands: Any) -> Any:
        source, operands = self._source(operands)
        given = dict(zip(self.named, map(_plain, operands), strict=False))
        given |= dict(self.options)
        if self.extents:
            given["size"] = tuple(int(n) for n in operands[len(self.named) :])
        if self.method == "shuffle":
            return self._shuffled(source, given)
        if self.method == "seed":
            source.seed(**given)
            return np.int64(0)
        return getattr(source, self.method)(**given)

    def _source(self, operands: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        if self.held is not None:
            return self.held, operands
        if self.made is not None:
            return self.made.now, operands
        return ctypes.cast(int(operands[0]), ctypes.py_object).value, operands[1:]

    def _shuffled(self, source: Any, given: dict[str, Any]) -> Any:
        given["x"] = shuffled = np.array(given["x"])
        source.shuffle(**given)
        return shuffled


def _plain(x: Any) -> Any:
    """Scalars as Python's: NumPy's methods treat arrays otherwise."""
    return x.item() if np.ndim(x) == 0 else x
