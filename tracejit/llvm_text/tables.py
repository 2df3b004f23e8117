"""What compiled code refers to by number: the errors it may report, the functions it calls back.

`ErrorTable` turns an error id and payload into an exception that points at the user's line.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, TypeAlias

from tracejit.errors import code_at
from tracejit.ir.interpret.print_effect import formatted
from tracejit.ir.scalar.emit import DType
from tracejit.records import dataclass

PayloadKind: TypeAlias = Literal["int", "unsigned", "float", "bool"]


@dataclass(frozen=True)
class Location:
    """A place in the user's program."""

    filename: str
    line: int
    function: str = "<module>"


@dataclass(frozen=True)
class ErrorSite:
    """One row of the table. `message` is a `str.format` template over the decoded payload."""

    exception: Callable[[str], BaseException]
    message: str
    kinds: tuple[PayloadKind, ...] = ()
    location: Location | None = None


class ErrorTable:
    """Error id `k` (from 1) is row `k - 1`."""

    def __init__(self, sites: Sequence[ErrorSite] = ()) -> None:
        self.sites = list(sites)

    def add(self, site: ErrorSite) -> int:
        """Append a row and return its error id."""
        self.sites.append(site)
        return len(self.sites)

    def build(self, error_id: int, *payload: int) -> BaseException:
        """The exception for an error id, its traceback holding the user's line only."""
        site = self.sites[error_id - 1]
        values = [_decode(kind, word) for kind, word in zip(site.kinds, payload, strict=False)]
        error = site.exception(formatted(site.message, values))
        if site.location is None:
            return error
        return error.with_traceback(traceback_at(site.location))


def _decode(kind: PayloadKind, word: int) -> Any:
    if kind == "float":
        return struct.unpack("<d", struct.pack("<q", word))[0]
    if kind == "bool":
        return bool(word)
    return word & 0xFFFF_FFFF_FFFF_FFFF if kind == "unsigned" else word


def traceback_at(location: Location) -> TracebackType | None:
    """A traceback of one frame at `location`, so that Python prints the user's source line."""
    code = code_at("raise RuntimeError", location.filename, location.line)
    try:
        exec(code.replace(co_name=location.function), {})
    except RuntimeError as error:
        found = error.__traceback__
        return found.tb_next if found is not None else None
    return None


@dataclass(frozen=True)
class HostArray:
    """An array in a host call's slots: data pointer, extents, strides in bytes.

    As a result with `core_allocates=False` the function's answer is allocated here, owned by the
    call, in C order: data pointer and extents are stored, there are no stride slots.
    """

    dtype: DType
    ndim: int
    preallocated: bool = True


@dataclass(frozen=True)
class HostScalar:
    """A scalar in a host call's slots: its bits, complex in two; Python scalar if `weak`."""

    dtype: DType
    weak: bool = False


@dataclass(frozen=True)
class HostCall:
    """A Python function called from native code, its operands' slots and then its results'.

    ``raw``: the function takes the address of the slots: arrays are not in the host's memory.
    """

    function: Callable[..., Any]
    operands: tuple[HostArray | HostScalar, ...]
    results: tuple[HostArray | HostScalar, ...] = ()
    raw: bool = False


class HostCalls:
    """The functions that native code calls back, by number."""

    def __init__(self, calls: Sequence[HostCall] = ()) -> None:
        self.calls = list(calls)
        self.held: list[object] = []  # what native code knows by its address

    def add(self, call: HostCall) -> int:
        """Append a row and return its number."""
        self.calls.append(call)
        return len(self.calls) - 1
