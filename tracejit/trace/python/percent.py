"""``template % values`` of values that only the run knows: a text with marks (``formatting``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.python.builtin_functions import builtin_float, builtin_int
from tracejit.trace.python.opaque_calls import contains_tracer
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, MixedScalar, PyScalar, Scalar, TaggedScalar, Tracer
from tracejit.trace.values.marked_texts import has_marks, is_text
from tracejit.trace.values.scalars import EitherNumber

_SPEC = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?(?P<flags>[-+ #0]*)(?P<width>\*|\d+)?"
    r"(?:\.(?P<precision>\*|\d*))?[hlL]?(?P<kind>[diouxXeEfFgGcrsa%])"
)
_WHOLE, _BASED, _FLOAT = "diu", "oxX", "eEfFgG"
_KINDS: dict[str, Any] = {"bool": True, "int": 1, "float": 1.5, "complex": 1.5j}


def formatted(template: str, values: Any) -> str:
    """The text; Python's exception where values and template do not fit."""
    template % _like(values)  # raises
    rest = iter(values if isinstance(values, tuple) else (values,))
    named = values if isinstance(values, Mapping) else {}
    return _SPEC.sub(lambda found: _shown(found, rest, named), template)


def _like(values: Any) -> Any:
    """What Python can put into a template where traced values are to be."""
    if isinstance(values, tuple):
        return tuple(map(_like, values))
    if isinstance(values, dict):
        return {key: _like(x) for key, x in values.items()}
    if is_text(values):
        return ""
    if isinstance(values, PyScalar):
        return _KINDS[values.kind]
    if isinstance(values, Scalar) or (isinstance(values, Array) and not values.ndim):
        return values.dtype.type(1)
    return object() if isinstance(values, Tracer) and not isinstance(values, EitherNumber) else 1


def _shown(found: re.Match[str], rest: Iterator[Any], named: Mapping[Any, Any]) -> str:
    flags, kind = found["flags"], found["kind"]
    if kind == "%":
        return found[0] % ()
    width = _number(found["width"] or "", rest)
    precision = _number(found["precision"], rest)
    x = next(rest) if found["key"] is None else named[found["key"]]
    spec = f"{flags}{width}" + ("" if precision is None else f".{precision}")
    if not (contains_tracer(x) or has_marks(x)):
        return f"%{spec}{kind}" % (x,)
    if isinstance(x, TaggedScalar | MixedScalar | EitherNumber):
        _refuse("a number of one of several kinds", found[0])
    if kind in "rsa":
        return _of_text(x, kind, flags, width, precision, found[0])
    if precision is not None and kind not in _FLOAT:
        _refuse("a whole number with a precision", found[0])
    if kind in _FLOAT:
        return format(builtin_float(x), _aligned(spec, flags) + kind)
    if kind == "c":
        _refuse("a character", found[0])
    if kind in _BASED and not _is_whole(x):
        name = x.kind if isinstance(x, PyScalar) else f"numpy.{x.dtype}"
        throw(TypeError(f"%{kind} format: an integer is required, not {name}"))
    return format(builtin_int(x), _aligned(spec, flags) + ("d" if kind in _WHOLE else kind))


def _is_whole(x: Any) -> bool:
    return x.kind in ("bool", "int") if isinstance(x, PyScalar) else is_integer(x.dtype)


def _number(given: str | None, rest: Iterator[Any]) -> Any:
    """A width or precision: "" or None where there is none, of ``*`` the next value."""
    if given != "*":
        return given
    found = next(rest)
    if isinstance(found, Tracer):
        _refuse("a width or precision", "*")
    return found


def _of_text(x: Any, kind: str, flags: str, width: Any, precision: Any, spec: str) -> str:
    if precision is not None or kind == "a":
        _refuse("part of a text", spec)
    operators = current().operators
    text = operators.padded(operators.shown(x, kind))
    return format(text, f"{'<' if '-' in flags else '>'}{width}" if width else "")


def _aligned(spec: str, flags: str) -> str:
    """The format of numbers that means what flags and width mean after ``%``."""
    rest = spec[len(flags) :]
    sign = "+" if "+" in flags else " " if " " in flags else ""
    zero = "0" if "0" in flags and "-" not in flags else ""
    align = "<" if "-" in flags else ""
    return align + sign + ("#" if "#" in flags else "") + zero + rest


def _refuse(what: str, spec: str) -> NoReturn:
    raise UnsupportedError(
        f"{where()}: {what} that is known at run time only, in a text as {spec!r}: use an f-string "
        "or %g, or make the text outside"
    )


all_ask(globals(), TypeError, ValueError, LookupError)
