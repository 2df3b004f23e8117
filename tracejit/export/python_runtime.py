"""Calls of an exported library: NumPy arrays in and out, errors as Python's exceptions.

This file is part of the packages that ``f.export`` makes, as it is: it needs NumPy alone.
"""

from __future__ import annotations

import builtins
import ctypes
import operator
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_KINDS: dict[str, type] = {"bool": bool, "int": int, "float": float, "complex": complex}


@dataclass(frozen=True)
class PackageArgument:
    """A leaf of the arguments. ``kind``: ``"array"``, ``"number"``, or ``"static"`` for what has to
    be ``value``. ``shape``: of numbers and names of extents."""

    name: str
    kind: str
    dtype: str = ""
    shape: tuple[int | str, ...] = ()
    order: str = "C"
    writes: bool = False
    python: bool = False
    value: Any = None

    @property
    def text(self) -> str:
        """The type, as errors show it."""
        if self.kind == "static":
            return repr(self.value)
        return self.dtype + (f"[{', '.join(map(str, self.shape))}]" if self.kind == "array" else "")


@dataclass(frozen=True)
class PackageResult:
    """A result. ``shape``: Python expressions over extents, numbers, ``_min`` and ``_max``;
    ``owned``: the library allocates it. ``kind``: ``"array"``, ``"numpy"``, or Python's kind of
    number."""

    kind: str
    dtype: str
    shape: tuple[str, ...] = ()
    owned: bool = False


@dataclass(frozen=True)
class PackageSignature:
    """One function of the library. ``nesting``: of the numbers of leaves in the arguments;
    ``returns``: of those of results, or of constants in ``FixedValue``."""

    symbol: str
    arguments: tuple[PackageArgument, ...]
    nesting: Any
    results: tuple[PackageResult, ...]
    returns: Any

    @property
    def text(self) -> str:
        return f"({', '.join(a.text for a in self.arguments)})"


@dataclass(frozen=True)
class FixedValue:
    """Something returned that does not depend on the arguments."""

    value: Any


class _MismatchError(TypeError):
    """The arguments are not those of a signature."""


class Library:
    """The functions of a library. ``errors``: type, message, what the message shows, and place of
    each, from number 1."""

    def __init__(self, path: Path, errors: Sequence[tuple[str, str, tuple[str, ...], str]]) -> None:
        self._library = ctypes.CDLL(str(path))
        self._errors = errors
        self._own: dict[str, type[Exception]] = {}

    def function(self, name: str, signatures: Sequence[PackageSignature], doc: str = "") -> Any:
        """What calls the first of ``signatures`` that the arguments are of; TypeError for none."""

        def call(*args: Any) -> Any:
            reasons = []
            for signature in signatures:
                try:
                    leaves = _leaves(signature, args)
                    return self._call(signature, leaves)
                except _MismatchError as error:
                    reasons.append(f"{signature.text}: {error}")
            raise TypeError(f"{name} has no signature for these arguments\n" + "\n".join(reasons))

        call.__name__ = call.__qualname__ = name
        call.__doc__ = doc
        return call

    def _call(self, signature: PackageSignature, leaves: Sequence[Any]) -> Any:
        given, names = _given(signature, leaves)
        outs: list[Any] = []
        for r in signature.results:
            if r.owned:
                extents = [ctypes.c_int64() for _ in r.shape]
                outs.append((ctypes.c_void_p(), extents))
                given += [ctypes.byref(outs[-1][0]), *map(ctypes.byref, extents)]
            else:
                shape = tuple(eval(e, {"_min": min, "_max": max}, names) for e in r.shape)
                outs.append(np.empty(shape, r.dtype))
                given.append(ctypes.c_void_p(outs[-1].ctypes.data))
        error = (ctypes.c_int64 * 9)()
        code = self._library[signature.symbol](*given, ctypes.byref(error))
        if code:
            raise self._exception(code, error[1:])
        pairs = zip(signature.results, outs, strict=True)
        return _nested(signature.returns, [self._result(r, out) for r, out in pairs])

    def _result(self, r: PackageResult, out: Any) -> Any:
        if r.owned:
            data, extents = out
            array = np.empty(tuple(n.value for n in extents), r.dtype)
            ctypes.memmove(array.ctypes.data, data, array.nbytes)
            self._library.tracejit_free(data)
            return array
        if r.kind == "array":
            return out
        return out[()] if r.kind == "numpy" else _KINDS[r.kind](out[()].item())

    def _exception(self, code: int, payload: Sequence[int]) -> BaseException:
        kind, message, kinds, place = self._errors[code - 1]
        values = [_decoded(k, word) for k, word in zip(kinds, payload, strict=False)]
        error: BaseException = self._type(kind)(*([message.format(*values)] if message else []))
        if place and hasattr(error, "add_note"):
            error.add_note(f"at {place}")
        return error

    def _type(self, name: str) -> Any:
        for module in (builtins, np.linalg):
            found = getattr(module, name, None)
            if isinstance(found, type) and issubclass(found, BaseException):
                return found
        return self._own.setdefault(name, type(name, (Exception,), {}))


def _decoded(kind: str, word: int) -> Any:
    if kind == "float":
        return struct.unpack("<d", struct.pack("<q", word))[0]
    if kind == "bool":
        return bool(word)
    return word & 0xFFFF_FFFF_FFFF_FFFF if kind == "unsigned" else word


def _leaves(signature: PackageSignature, args: Sequence[Any]) -> list[Any]:
    """The arguments one by one."""
    if len(args) != len(signature.nesting):
        raise _MismatchError(f"{len(signature.nesting)} arguments are wanted, not {len(args)}")
    found: dict[int, Any] = {}
    _take(signature.nesting, tuple(args), found)
    return [found[k] for k in range(len(signature.arguments))]


def _take(nesting: Any, given: Any, found: dict[int, Any]) -> None:
    if isinstance(nesting, int):
        found[nesting] = given
    elif isinstance(nesting, dict):
        if not isinstance(given, dict) or set(given) != set(nesting):
            raise _MismatchError(f"a dict with keys {list(nesting)} is wanted")
        for key, inner in nesting.items():
            _take(inner, given[key], found)
    else:
        if not isinstance(given, list | tuple) or len(given) != len(nesting):
            raise _MismatchError(f"{len(nesting)} items are wanted")
        for inner, item in zip(nesting, given, strict=True):
            _take(inner, item, found)


def _nested(returns: Any, values: Sequence[Any]) -> Any:
    if isinstance(returns, int):
        return values[returns]
    if isinstance(returns, FixedValue):
        return returns.value
    if isinstance(returns, dict):
        return {key: _nested(inner, values) for key, inner in returns.items()}
    return type(returns)(_nested(inner, values) for inner in returns)


def _given(signature: PackageSignature, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, int]]:
    """What C is given, and the numbers that extents of results are made of. A pointer to an array
    keeps that array, which may be a copy that nothing else refers to."""
    given: list[Any] = []
    names: dict[str, int] = {}
    arrays: list[tuple[PackageArgument, Any]] = []
    for a, leaf in zip(signature.arguments, leaves, strict=True):
        if a.kind == "static":
            if type(leaf) is not type(a.value) or repr(leaf) != repr(a.value):
                raise _MismatchError(f"{a.name} is always {a.value!r}")
        elif a.kind == "number":
            given += _number(a, leaf, names)
        else:
            arrays.append((a, leaf))
            given.append(_array(a, leaf).ctypes.data_as(ctypes.c_void_p))
            for wanted, n in zip(a.shape, leaf.shape, strict=True):
                if isinstance(wanted, str) and wanted not in names:
                    names[wanted] = n
                    given.append(ctypes.c_int64(n))
                elif n != (names[wanted] if isinstance(wanted, str) else wanted):
                    raise _MismatchError(f"{a.name} has shape {leaf.shape}, not {a.text}")
    _refuse_shared(arrays)
    return given, names


#: How long to look for an element that two arrays share, before it is taken that there is one.
_EFFORT = 10_000


def _refuse_shared(arrays: Sequence[tuple[PackageArgument, Any]]) -> None:
    """ValueError where one array is written and another, as the caller gave it, sees that."""
    may_share: Any = np.may_share_memory  # whose stub knows no effort
    for k, (a, x) in enumerate(arrays):
        for b, y in arrays[:k]:
            if (a.writes or b.writes) and may_share(x, y, max_work=_EFFORT):
                raise ValueError(
                    f"{b.name} and {a.name} share memory, and one is written: copy one"
                )


def _array(a: PackageArgument, x: Any) -> Any:
    """The array as C reads it: itself, or a dense copy in order, which cannot be written to."""
    if not isinstance(x, np.ndarray) or x.dtype != a.dtype or x.ndim != len(a.shape):
        what = f"{x.dtype} with {x.ndim} axes" if isinstance(x, np.ndarray) else type(x).__name__
        raise _MismatchError(f"{a.name} is {what}")
    if type(x) not in (np.ndarray, np.memmap):  # masks and products of matrices are NumPy's
        raise _MismatchError(f"{a.name} is a {type(x).__name__}, not an ndarray")
    dense = np.require(x, requirements=["F" if a.order == "F" else "C", "A"])
    if a.writes and (dense is not x or not x.flags.writeable):
        order = "Fortran" if a.order == "F" and x.ndim > 1 else "C"
        raise ValueError(
            f"{a.name} is written: it has to be contiguous in {order} order, aligned and writeable"
        )
    return dense


def _number(a: PackageArgument, x: Any, names: dict[str, int]) -> list[Any]:
    """The number, where the type of the argument has its value: bools are no integers, integers are
    floats as in C, and a NumPy float is not rounded to a narrower one."""
    dtype = np.dtype(a.dtype)
    if not _fits(x, dtype):
        raise _MismatchError(f"{a.name} is {type(x).__name__}")
    if np.issubdtype(dtype, np.integer):
        names[a.name] = n = operator.index(x)
        if not np.iinfo(dtype).min <= n <= np.iinfo(dtype).max:
            raise OverflowError(f"{a.name} is {n}: {dtype} has no such number")
    if np.issubdtype(dtype, np.complexfloating):
        part = np.ctypeslib.as_ctypes_type(np.dtype(f"f{dtype.itemsize // 2}"))
        return [part(x.real), part(x.imag)]
    return [np.ctypeslib.as_ctypes_type(dtype)(dtype.type(x).item())]


#: Each kind of number is a case of the next, but for bools.
_TYPES = (np.bool_, np.integer, np.floating, np.complexfloating)


def _rank(kind: type) -> int | None:
    return next((k for k, t in enumerate(_TYPES) if issubclass(kind, t)), None)


def _fits(x: Any, dtype: np.dtype[Any]) -> bool:
    """Whether what ``x`` is may be a ``dtype``; the range of integers is looked at later."""
    if isinstance(x, np.inexact):
        return np.can_cast(x.dtype, dtype, "safe")
    python = next((kind for kind in _KINDS.values() if isinstance(x, kind)), object)
    rank = _rank(type(x) if isinstance(x, np.generic) else np.dtype(python).type)
    wanted = _rank(dtype.type)
    if rank is None or wanted is None:
        return False
    return rank == wanted if 0 in (rank, wanted) else rank <= wanted
