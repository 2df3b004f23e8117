"""Texts of traced values: ``str``, ``repr``, what f-strings show, and ``print``.

A text that is made while tracing has marks where values that are known at run time belong.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir.extent import Extent
from tracejit.trace.known import MARK, Later, split_marks, str_later
from tracejit.trace.scalars import MixedScalar
from tracejit.trace.session import current, where
from tracejit.trace.values import Array, PyScalar, Scalar, Tracer

_BRACKETS: dict[type, str] = {list: "[]", tuple: "()", set: "{}"}


def builtin_repr(x: Any) -> str:
    """``repr``, also of containers that hold traced values."""
    if isinstance(x, Array):
        return Later(x, "r")
    if isinstance(x, PyScalar):
        return Later(x, "s")  # of the NumPy scalar that stands for it: as repr of Python's
    if isinstance(x, MixedScalar):
        raise UnsupportedError(f"{where()}: repr of what may be a Python or a NumPy scalar")
    if isinstance(x, Scalar):
        text = str_later(x)
        return f"np.{text}_" if x.dtype.kind == "b" else f"np.{x.dtype.name}({text})"
    if type(x) in _BRACKETS and x:
        brackets = _BRACKETS[type(x)]
        comma = "," if isinstance(x, tuple) and len(x) == 1 else ""
        return brackets[0] + ", ".join(map(builtin_repr, x)) + comma + brackets[1]
    if type(x) is dict:
        rows = (f"{builtin_repr(k)}: {builtin_repr(v)}" for k, v in x.items())
        return "{" + ", ".join(rows) + "}"
    return builtins.repr(x)


def builtin_str(*args: Any, **kwargs: Any) -> str:
    """``str``; of a container, its ``repr``."""
    if len(args) == 1 and not kwargs and type(args[0]) in (*_BRACKETS, dict):
        return builtin_repr(args[0])
    return builtins.str(*args, **kwargs)


def builtin_print(*values: Any, sep: str | None = " ", end: str | None = "\n", **kw: Any) -> None:
    """Printed when the compiled program runs."""
    if kw.get("file") is not None:
        raise UnsupportedError(f"{where()}: print(file=...) inside a compiled function")
    sep, end = " " if sep is None else sep, "\n" if end is None else end
    pieces = [_pieces(value) for value in values]
    if any(len(p) > 1 for p in pieces):  # texts around values: what is between stands in the text
        between: list[Any] = [sep]
        joined = [*pieces[0], *(x for p in pieces[1:] for x in between + p)]
        pieces, sep = [[x] for x in joined if x != ""], ""
    parts: list[str | None] = []
    formats: list[str] = []
    operands = []
    for (piece,) in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        value, how = piece
        parts.append(None)
        formats.append(how)
        operands.append(current().b.index(value) if isinstance(value, Extent) else value.read())
    attrs: dict[str, Any] = {}
    if any(how != "!s" for how in formats):
        attrs["formats"] = tuple(formats)
    current().b.op("print", *operands, parts=tuple(parts), sep=sep, end=end, **attrs)


def _pieces(value: Any) -> list[Any]:
    """A text, a pair of value and format, or texts and pairs that follow one another."""
    if isinstance(value, Tracer):
        return [(value, "!s")]
    text = builtin_str(value)
    return split_marks(text) if MARK in text else [text]


TEXTS: dict[Any, Callable[..., Any]] = {
    builtins.str: builtin_str,
    builtins.repr: builtin_repr,
    builtins.print: builtin_print,
}
