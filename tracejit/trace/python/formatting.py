"""Texts of traced values: ``str``, ``repr``, what f-strings show, and ``print``.

A text that is made while tracing has marks where values that are known at run time belong.
"""

from __future__ import annotations

import builtins
import functools
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tracejit.dtypes import is_bool, is_complex
from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir.extent import Extent
from tracejit.ir.interpret.print_effect import MESSAGE, QUOTED
from tracejit.trace.python import library_in_python
from tracejit.trace.session.concretize import DeferredText, mark, split_marks, str_later
from tracejit.trace.session.in_python import has_run
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, IntOrFloat, IntOrScalar, PyScalar, Scalar, Tracer
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.entries import must_hold_none
from tracejit.trace.values.grown_texts import GrownText
from tracejit.trace.values.marked_texts import is_marked
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.scalars import MixedScalar
from tracejit.trace.values.tagged import by_kind, each_kind

#: How exceptions show themselves where they say nothing of it.
_OF_EXCEPTIONS: tuple[Any, ...] = (BaseException.__str__, KeyError.__str__)
_NOWHERE = io.StringIO()
_BRACKETS: dict[type, str] = {list: "[]", tuple: "()", set: "{}"}


def builtin_repr(x: Any) -> str:
    """``repr``, also of containers that hold traced values."""
    must_hold_none("the text", x)
    if isinstance(x, MaybeNone):
        raise UnsupportedError(f"{where()}: a text of what may be None; test `is None` first")
    if isinstance(x, Array | ChosenConstant):
        return DeferredText(x, "r")
    if isinstance(x, PyScalar):
        return DeferredText(x, "s")  # of the NumPy scalar that stands for it: as repr of Python's
    if isinstance(x, MixedScalar):
        raise UnsupportedError(f"{where()}: repr of what may be a Python or a NumPy scalar")
    if isinstance(x, Scalar):
        if is_complex(x.dtype):
            return DeferredText(x, "r")
        text = str_later(x)
        return f"np.{text}_" if is_bool(x.dtype) else f"np.{x.dtype.name}({text})"
    if isinstance(x, str) and MARK in x:
        return _quoted(x)
    if isinstance(x, BaseException) and type(x).__repr__ is BaseException.__repr__:
        shown = builtin_repr(x.args)
        return type(x).__name__ + (shown if len(x.args) != 1 else f"({shown[1:-2]})")
    if type(x) in _BRACKETS and x:
        brackets = _BRACKETS[type(x)]
        comma = "," if isinstance(x, tuple) and len(x) == 1 else ""
        return brackets[0] + ", ".join(map(builtin_repr, x)) + comma + brackets[1]
    if type(x) is dict:
        rows = (f"{builtin_repr(k)}: {builtin_repr(v)}" for k, v in x.items())
        return "{" + ", ".join(rows) + "}"
    return builtins.repr(x)


def _quoted(text: str) -> str:
    """``repr`` of a text with marks: what they stand for are numbers, which need no escapes."""
    parts = split_marks(text)
    if any(how == f":{MESSAGE}" for _, how in parts[1::2]):
        if len(parts) == 3 and not parts[0] and not parts[2]:
            return mark(parts[1][0], f":{QUOTED}")
        raise UnsupportedError(f"{where()}: repr of a text with the message of an exception in it")
    return re.sub(r"\\x1a(\d+)\\x1a", f"{MARK}\\1{MARK}", builtins.repr(text))


def _exception_str(error: BaseException) -> str:
    """``str`` of an exception that does it as Python's own do."""
    args = error.args
    if len(args) != 1:
        return builtin_repr(args) if args else ""
    return builtin_repr(args[0]) if isinstance(error, KeyError) else builtin_str(args[0])


def builtin_str(*args: Any, **kwargs: Any) -> str:
    """``str``; of a container, its ``repr``."""
    must_hold_none("the text", *args)
    if len(args) == 1 and not kwargs and type(args[0]).__str__ in _OF_EXCEPTIONS:
        return _exception_str(args[0])
    if len(args) == 1 and not kwargs and type(args[0]) in (*_BRACKETS, dict, MaybeNone):
        return builtin_repr(args[0])
    return builtins.str(*args, **kwargs)


def builtin_print(*values: Any, sep: str | None = " ", end: str | None = "\n", **kw: Any) -> None:
    """Printed when the compiled program runs."""
    sep, end = " " if sep is None else sep, "\n" if end is None else end
    to = _destination(sep, end, **kw)
    if MARK in end:
        builtin_print(*values, sep=sep, end="", file=kw.get("file"))
        values, end = (end,), ""
    if MARK in sep:
        values, sep = tuple(x for value in values for x in (sep, value))[1:], ""
    if any(isinstance(x, IntOrFloat | IntOrScalar) for x in values):
        parts_of = [by_kind(x) if isinstance(x, IntOrFloat | IntOrScalar) else x for x in values]
        each_kind(functools.partial(builtin_print, sep=sep, end=end, **kw), *parts_of)
        return
    chosen = next((x for value in values for x in _chosen_in(value)), None)
    if chosen is not None:

        def printed(text: Any) -> None:
            builtin_print(*_with_choice(chosen, text, values), sep=sep, end=end, **kw)

        each_kind(printed, chosen)
        return
    pieces = [_pieces(value) for value in values]
    grown = any(type(x) is tuple and isinstance(x[0], GrownText) for p in pieces for x in p)
    if grown or any(len(p) > 1 for p in pieces):  # what is between values stands in the text
        between: list[Any] = [sep]
        joined = [*pieces[0], *(x for p in pieces[1:] for x in between + p)]
        pieces, sep = [[x] for x in joined if x != ""], ""
    if grown:
        _print_apart([x for (x,) in pieces], end, kw)
        return
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
    attrs: dict[str, Any] = to
    if any(how != "!s" for how in formats):
        attrs["formats"] = tuple(formats)
    current().b.op("print", *operands, parts=tuple(parts), sep=sep, end=end, **attrs)


def _destination(sep: Any, end: Any, file: Any = None, flush: Any = False, **kw: Any) -> Any:
    """What the primitive has of ``file`` and ``flush``, where they are not Python's own."""
    if kw or not isinstance(sep, str) or not isinstance(end, str):
        builtins.print(sep=sep, end=end, file=_NOWHERE, **kw)  # says what is wrong
    found: dict[str, Any] = {"flush": True} if flush else {}
    if file is not None and file is not sys.stdout:
        if file is not sys.stderr:
            raise UnsupportedError(
                f"{where()}: compiled code prints to sys.stdout and sys.stderr, to no other file: "
                "return the text, and write it after the call"
            )
        found["file"] = "stderr"
    return found


def _print_apart(pieces: list[Any], end: str, kw: dict[str, Any]) -> None:
    """Texts, and pairs of value and format, one by one; of a text of as many parts as the run says
    each part. ``kw``: where they go."""
    if kw.get("file") not in (None, sys.stdout):
        raise UnsupportedError(
            f"{where()}: a text of as many parts as the run says is printed to sys.stdout only: "
            "return it, and print it after the call"
        )
    operators = current().operators
    for piece in pieces:
        x, how = piece if type(piece) is tuple else (piece, "")
        if not isinstance(x, GrownText):
            builtin_print(piece if isinstance(piece, str) else mark(x, how), end="")
            continue
        if how not in ("", "!s"):
            raise UnsupportedError(
                f"{where()}: a text of as many parts as the run says is shown as {how} says: show "
                "it as it is"
            )
        items: Any = [x.items]
        if x.backwards:
            items = operators.call(builtins.reversed, items)
        operators.converted(library_in_python.print_each)((items,), x.between, "")
    builtin_print(end=end, **kw)


def _chosen_in(value: Any) -> list[ChosenConstant]:
    """The constants that the run chooses of what is printed."""
    if isinstance(value, ChosenConstant):
        return [value]
    if not _has_marks(value):
        return []
    return [x for x, _ in split_marks(builtin_str(value))[1::2] if isinstance(x, ChosenConstant)]


def _has_marks(value: Any) -> bool:
    """Whether the text of something may have marks of what the run chooses."""
    return (isinstance(value, str) and MARK in value) or type(value) in (*_BRACKETS, dict)


def _with_choice(chosen: ChosenConstant, text: Any, values: Sequence[Any]) -> list[Any]:
    """What is printed where the run has chosen ``text``."""

    def shown(found: re.Match[str]) -> str:
        x, how = current().shown[int(found[1])]
        return in_field(text, how) if x is chosen else found[0]

    def known(value: Any) -> Any:
        if value is chosen:
            return text
        if not _has_marks(value):
            return value
        return re.sub(f"{MARK}(\\d+){MARK}", shown, builtin_str(value))

    return list(map(known, values))


def in_field(text: Any, how: str) -> str:
    """A constant that the run may choose, as a replacement field shows it."""
    if not is_marked(text):
        return f"{{0{how}}}".format(text)
    if how in ("", "!s"):
        return str(text)
    raise UnsupportedError(
        f"{where()}: a text made from a traced value is shown as {how} says: format the value"
    )


def _pieces(value: Any) -> list[Any]:
    """A text, a pair of value and format, or texts and pairs that follow one another."""
    if isinstance(value, Tracer):
        return [(value, "!s")]
    text = builtin_str(value)
    return split_marks(text) if MARK in text else [text]


def builtin_breakpoint(*args: Any, **kwargs: Any) -> None:
    """Nothing where jit is switched off: there the function has run in Python and stopped."""
    if not has_run():
        raise UnsupportedError(
            f"{where()}: breakpoint() inside a compiled function: with TRACEJIT_DISABLE_JIT=1 in "
            "the environment, or disable_jit=True for the function that is called from Python, "
            "it stops with your values"
        )


def builtin_format(value: Any, spec: Any = "", /) -> Any:
    """As a replacement field of an f-string shows it."""
    return format(value, spec)


TEXTS: dict[Any, Callable[..., Any]] = {
    builtins.str: builtin_str,
    builtins.repr: builtin_repr,
    builtins.print: builtin_print,
    builtins.format: builtin_format,
    builtins.breakpoint: builtin_breakpoint,
}


all_ask(globals(), TypeError, ValueError, ArithmeticError)
