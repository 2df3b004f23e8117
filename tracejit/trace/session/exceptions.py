"""Exceptions with more to them than a message: arguments and attributes, made again when raised.

Values that the trace computes come with the message where they are a few real numbers. Others
(arrays, many numbers) are carried: a host call before the ``raise`` keeps them for the exception.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.ir.core import Value
from tracejit.ir.extent import Extent
from tracejit.ir.interpret.print_effect import formatted
from tracejit.trace.session.concretize import split_marks, with_payload
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Tracer

#: Attribute of an exception that a check raised and a ``try`` caught: where the check is.
CHECKED_AT = "__tracejit_checked_at__"
#: Between the parts of a message that hold what is known when the exception is raised only.
_BETWEEN = "\x1f"
#: Numbers that a message can have.
_WORDS = 8
_LOCAL = threading.local()


class _Hole:
    """Stands for a value that is known at run time only; ``number`` of them came before it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class CarryPayload:
    """The host function that keeps values for the exception that is raised next."""

    def __init__(self) -> None:
        self.__qualname__ = "carry"
        self.__module__ = "tracejit"

    def __call__(self, *values: Any) -> tuple[()]:
        _LOCAL.carried = [np.array(v) for v in values]
        return ()


class Again:
    """Makes an exception like one that the program raised while it was traced.

    Its arguments and attributes are the same objects, except for the holes in them: ``fill`` makes
    what belongs there, of the message or of what was carried.
    """

    def __init__(
        self,
        error: BaseException,
        slots: Sequence[tuple[tuple[str, Any], Any]] = (),
        fill: Sequence[Callable[[Any], Any]] = (),
        *,
        carried: bool = False,
    ) -> None:
        self.kind = type(error)
        reduced = error.__reduce__()
        made_of = reduced[1] if isinstance(reduced, tuple) else error.args
        self.made_of: tuple[Any, ...] = made_of if isinstance(error, OSError) else error.args
        self.state = dict(_state(error))
        self.slots, self.fill, self.carried = slots, fill, carried
        cause = error.__cause__
        known = cause is not None and not any(map(_is_later, _parts(cause)))
        self.cause = Again(cause) if cause is not None and known else None

    def __call__(self, message: str) -> BaseException:
        args, state = list(self.made_of), dict(self.state)
        values = self._values(message)
        for (what, key), template in self.slots:
            value = _mapped(template, lambda x: values[x.number] if type(x) is _Hole else x)
            if what == "args":
                args[key] = value
            else:
                state[key] = value
        made: BaseException = self.kind.__new__(self.kind, *args)
        for kind in (OSError, SystemExit, StopIteration):  # whose ``__init__`` keeps more
            if isinstance(made, kind):
                kind.__init__(made, *args)
        for name, value in state.items():
            object.__setattr__(made, name, value)
        if self.cause is not None:
            made.__cause__ = self.cause("")
        return made

    def _values(self, message: str) -> list[Any]:
        """What belongs into the holes."""
        if not self.carried:
            texts = message.split(_BETWEEN) if self.fill else []
            return [make(text) for make, text in zip(self.fill, texts, strict=True)]
        values, _LOCAL.carried = iter(_LOCAL.carried), []
        return [make(values) for make in self.fill]


def is_plain(error: BaseException) -> bool:
    """Whether an exception is told by its type and its one message."""
    if len(error.args) != 1 or not isinstance(error.args[0], str) or list(_state(error)):
        return False
    if error.__cause__ is not None or not _fits_message(error.args):
        return False
    return all(c.__module__ == "builtins" or _is_bare(c) for c in type(error).__mro__)


def named(error: BaseException, payload: list[Any]) -> tuple[str, str, Again, list[Value]]:
    """Name, message and maker of an exception that is not plain, and the values to carry."""
    slots: list[tuple[tuple[str, Any], Any]] = [(("args", k), x) for k, x in enumerate(error.args)]
    slots += [(("state", name), x) for name, x in _state(error)]
    later: list[Any] = []

    def hole(x: Any) -> Any:
        if not _is_later(x):
            return x
        later.append(x)
        return _Hole(len(later) - 1)

    found = [(place, x, _mapped(x, hole)) for place, x in slots]
    templates = [(place, t) for place, x, t in found if any(map(_is_later, _leaves(x)))]
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if _fits_message(later):
        texts = [_text_of(x, payload) for x in later]
        again = Again(error, templates, [_converter(x) or str for x in later])
        return name, _BETWEEN.join(texts), again, []
    values: list[Value] = []
    fill = [_maker(x, values) for x in later]
    return name, "", Again(error, templates, fill, carried=True), values


def _fits_message(later: Sequence[Any]) -> bool:
    """Whether values, and those in texts, are few and real numbers."""
    count = 0
    for x in later:
        shown: list[Any] = [x] if isinstance(x, Tracer) else [v for v, _ in split_marks(x)[1::2]]
        count += len(shown)
        if not all(isinstance(v, Extent) or _converter(v) is not None for v in shown):
            return False
    return count <= _WORDS


def _text_of(x: Any, payload: list[Any]) -> str:
    """What the message says of a value; the numbers in it go to ``payload``."""
    if isinstance(x, Tracer):
        payload.append(x.read())
        return "{" + str(len(payload) - 1) + "!r}"
    return with_payload(x.replace("{", "{{").replace("}", "}}"), payload)


def _maker(x: Any, values: list[Value]) -> Callable[[Iterator[Any]], Any]:
    """Makes a value again of those carried, in order; appends to ``values`` what is carried."""
    if isinstance(x, Tracer):
        values.append(x.read())
        return lambda carried: x.out_of(next(carried))
    parts = split_marks(x)
    for value, _ in parts[1::2]:
        values.append(current().b.index(value) if isinstance(value, Extent) else value.read())
    how = [f"{{0{spec}}}" for _, spec in parts[1::2]]
    is_array = [bool(getattr(v, "ndim", 0)) for v, _ in parts[1::2]]

    def text(carried: Iterator[Any]) -> str:
        shown = list(parts)
        for k, (template, whole) in enumerate(zip(how, is_array, strict=True)):
            value = next(carried)
            shown[2 * k + 1] = formatted(template, [value if whole else value[()]])
        return "".join(shown)

    return text


def _mapped(x: Any, f: Callable[[Any], Any]) -> Any:
    """A nested container with ``f`` of what is in it."""
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_mapped(i, f) for i in x))
    if type(x) in (list, tuple, set, frozenset):
        return type(x)(_mapped(i, f) for i in x)
    if type(x) is dict:
        return {_mapped(k, f): _mapped(v, f) for k, v in x.items()}
    if trees.is_record(x):
        made = object.__new__(type(x))
        for name, value in trees.children(x).items():
            object.__setattr__(made, name, _mapped(value, f))
        return made
    return f(x)


def _leaves(x: Any) -> list[Any]:
    found: list[Any] = []
    _mapped(x, lambda leaf: found.append(leaf))
    return found


def holds_later(error: BaseException) -> bool:
    """Whether an argument or attribute is, or contains, a value known at run time only."""
    return any(isinstance(x, Tracer) for x in _parts(error))


def _is_later(x: Any) -> bool:
    """Whether a value is known at run time only."""
    return isinstance(x, Tracer) or (isinstance(x, str) and len(split_marks(x)) > 1)


def _parts(error: BaseException) -> list[Any]:
    return _leaves((error.args, dict(_state(error))))


def _converter(x: Any) -> Callable[[str], Any] | None:
    """From the ``repr`` of a number to the number; None for what is no real scalar."""
    return x.parser() if isinstance(x, Tracer) else None


def _state(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Attributes of an exception, by name."""
    yield from ((name, x) for name, x in vars(error).items() if name != CHECKED_AT)
    for kind in type(error).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(error, name):
                yield name, getattr(error, name)


def _is_bare(kind: type) -> bool:
    """Whether a class adds nothing to how exceptions are made and shown."""
    return not {"__init__", "__new__", "__str__", "__slots__"} & set(vars(kind))
