"""Methods of texts whose arguments are values that are known at run time, or texts with such values
in them: the text that is made has marks for them."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from tracejit.dtypes import is_integer
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.control.generated import Generated
from tracejit.trace.python import library_in_python
from tracejit.trace.python.builtin_functions import builtin_int
from tracejit.trace.session.concretize import DeferredText, split_marks, structural_int
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array, PyScalar, Scalar
from tracejit.trace.values.chosen_constants import MOST_CHOICES, ChosenConstant
from tracejit.trace.values.dynamic_list import is_grown, refuse, run_of
from tracejit.trace.values.grown_texts import GrownText
from tracejit.trace.values.iterables import steps_of
from tracejit.trace.values.marked_texts import apart, as_text, as_value, is_marked, is_text
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.values.tagged import each_kind

#: Among so many texts, each known, may be what an iteration begins with, also of a loop of so few
#: iterations that it is unrolled where that does not settle.
_KNOWN, _KNOWN_OF_FEW = 6, 12


class _Fields(string.Formatter):
    """Replacement fields as those of f-strings."""

    def get_value(self, key: Any, args: Any, kwargs: Any) -> Any:
        if isinstance(key, int) and key >= len(args):
            what = "out of range for positional args tuple"
            throw(IndexError(f"Replacement index {key} {what}"))
        return super().get_value(key, args, kwargs)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion == "a":
            raise UnsupportedError(f"{where()}: the conversion !a of a text; use !r")
        return current().operators.shown(value, conversion or "")

    def format_field(self, value: Any, spec: str) -> Any:
        if isinstance(value, list | tuple | dict | set) and not spec:
            value = current().operators.shown(value, "s")
        return in_field(value, spec) if MARK in spec else format(padded(value), spec)


def padded(x: Any) -> Any:
    """What is shown in a field that may say how wide it is: of a text with marks, which are not as
    wide as the values, one that is known later."""
    return as_value(x) if type(x) is str and MARK in x else x


def _format(template: str, /, *args: Any, **kwargs: Any) -> Any:
    return _Fields().vformat(template, args, kwargs)


def _format_map(template: str, values: Mapping[str, Any], /) -> Any:
    return _Fields().vformat(template, (), values)


def _join(between: str, items: Any, /) -> Any:
    """Marks stand for the texts that the run chooses, where there are many that it may make."""
    if isinstance(items, RunTuple):
        items = items.items
    if not isinstance(items, list | tuple) and not is_grown(items):
        if not isinstance(items, Array | Generated) and steps_of(items) is None:
            return NotImplemented
        operators = current().operators
        return operators.call(between.join, operators.call(list, items))
    if is_grown(items):
        run = run_of(items)
        texts = run.form[1] is None and run.form[0][0].kinds == ("text",)
        return GrownText(run, between).as_text() if texts else refuse("the text joined")
    if not all(map(is_text, items)):
        return NotImplemented
    chosen = [len(x.choices) for x in items if isinstance(x, ChosenConstant)]
    if not chosen or (math.prod(chosen) <= MOST_CHOICES and not any(map(is_marked, items))):
        return NotImplemented
    return between.join(map(as_text, items))


def _aligned(name: str, side: str) -> Callable[..., Any]:
    def aligned(text: str, width: Any, fill: str = " ", /) -> Any:
        if is_whole_number(width) and MARK not in fill:
            getattr(str, name)("", 0, fill)  # says what is wrong with it
            return _as_wide(text, width, fill, side, centred=name == "center")
        if (
            side == "^"
            or MARK not in text
            or type(width) is not int
            or len(fill) != 1
            or fill in "{}"
        ):
            return NotImplemented
        value = text if isinstance(text, DeferredText) else as_value(text)
        return format(value, f"{fill}{side}{max(width, 0)}")

    return aligned


def _as_wide(text: str, width: Any, fill: str, side: str, *, centred: bool) -> Any:
    """A text of which the run says how wide it is at least. ``centred``: as ``str.center`` has it,
    not a replacement field."""
    size = length(text) if MARK in text else len(text)
    if size is NotImplemented:
        raise UnsupportedError(
            f"{where()}: a text with values in it is as wide as the run says: write a number that "
            "is known for the width"
        )
    made = current().operators.converted(library_in_python.padding)
    before, behind = made(size, width, fill, side, centred)
    return as_text(before) + as_text(text) + as_text(behind)


def in_field(value: Any, spec: str) -> Any:
    """A text or an int in a replacement field that says with a value of the run how wide it is."""
    if isinstance(value, ChosenConstant):
        return each_kind(lambda x: in_field(x, spec), value)
    before, *marked, behind = split_marks(spec)
    found = re.fullmatch("(.?[<>^])?", before, re.DOTALL)
    text = isinstance(value, str)
    known = text or _is_int(value) or type(value) is int
    if found is None or not known or behind not in ("", "s" if text else "d") or len(marked) != 1:
        return format(padded(value), spec)
    ((width, how),) = marked
    if how not in ("", "!s", "!r") or not is_whole_number(width):
        return format(padded(value), spec)
    operators = current().operators
    if text:
        operators.converted(library_in_python.must_be_a_width)(width)
    else:
        width = operators.call(abs, width)  # its sign is how a positive number is shown
    align = before or ("<" if text else ">")
    shown = value if text else operators.shown(value, "s")
    return _as_wide(shown, width, align[:-1] or " ", align[-1], centred=False)


def _zfill(text: str, width: Any, /) -> Any:
    if is_whole_number(width) and MARK not in text:
        sign = text[: text[:1] in ("+", "-")]
        return as_text(sign) + _as_wide(
            text[len(sign) :],
            current().operators.binary("-", width, len(sign)),
            "0",
            ">",
            centred=False,
        )
    x = text.value if isinstance(text, DeferredText) else None
    if type(width) is not int or not isinstance(x, PyScalar) or x.kind not in ("int", "float"):
        return NotImplemented
    return format(x, f"0{max(width, 1)}")


#: By name, what gives NotImplemented where nothing of the kind is among the arguments.
_METHODS: dict[str, Callable[..., Any]] = {
    "format": _format,
    "format_map": _format_map,
    "join": _join,
    "center": _aligned("center", "^"),
    "ljust": _aligned("ljust", "<"),
    "rjust": _aligned("rjust", ">"),
    "zfill": _zfill,
}


def called(owner: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a text of values of the run; NotImplemented of others."""
    method = _METHODS.get(name)
    if method is None:
        return NotImplemented
    return method(owner, *args, **kwargs)


def added(left: Any, right: Any) -> Any:
    """``left + right`` of texts of which the run makes so many that each is not known while
    tracing; NotImplemented of others."""
    if not (is_text(left) and is_text(right)):
        return NotImplemented
    chosen = [x for x in (left, right) if isinstance(x, ChosenConstant)]
    grows = [x for x in chosen if x.carried and (is_marked(x) or len(x.choices) > _most(x))]
    if grows:  # which of the others it is decides by what it is longer
        left, right = (as_text(x) if any(x is g for g in grows) else x for x in (left, right))
        return each_kind(lambda x, y: as_text(x) + as_text(y), left, right)
    found = math.prod(len(x.choices) for x in chosen)
    if 2 * found > MOST_CHOICES:
        return as_text(left) + as_text(right)
    if not any(map(is_marked, (left, right))):
        return NotImplemented
    return each_kind(lambda x, y: x + y, left, right)


def _most(x: ChosenConstant) -> int:
    session = current()
    loops = (f.unroll for f in session.frames if f.unroll is not None and x.which in f.own)
    few = any(not session.loop_is(key, "rolled") for key in loops)
    return _KNOWN_OF_FEW if few else _KNOWN


def repeated(left: Any, right: Any) -> Any:
    """``text * n`` where only the run knows ``n``; NotImplemented of others."""
    text, n = (left, right) if isinstance(left, str) else (right, left)
    if not (isinstance(text, str) and is_whole_number(n)):
        return NotImplemented
    try:
        return text * structural_int(n, "how often a text is repeated")
    except UnsupportedError:
        operators = current().operators
        return operators.call("".join, operators.converted(library_in_python.copies)(text, n))


def length(text: str) -> Any:
    """How many letters a text with ints of the run in it has; NotImplemented of others."""
    (texts, hows), values = apart(text)
    if not all(map(_is_int, values)) or not {"", "!s"}.issuperset(hows):
        return NotImplemented
    digits = current().operators.converted(library_in_python.digits)
    found: Any = sum(map(len, texts))
    for x in values:
        found = current().operators.binary("+", found, digits(builtin_int(x)))
    return found


def _is_int(x: Any) -> bool:
    return is_whole_number(x) and not (isinstance(x, PyScalar) and x.kind == "bool")


def is_whole_number(x: Any) -> bool:
    """Whether it is an int of the run, Python's or NumPy's."""
    if isinstance(x, PyScalar):
        return x.kind in ("int", "bool")
    return isinstance(x, Scalar) and is_integer(x.dtype)


all_ask(globals(), TypeError, ValueError, LookupError, AttributeError)
