"""Exceptions with more to them than a message: arguments and attributes, made again when raised."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.trace.known import split_marks, with_payload
from tracejit.trace.values import KIND_TYPE, PyScalar, Scalar, Tracer

#: Attribute of an exception that a check raised and a ``try`` caught: where the check is.
CHECKED_AT = "__tracejit_checked_at__"
_NUMBERS = itertools.count()
#: Between the parts of a message that hold what is known when the exception is raised only.
_BETWEEN = "\x1f"
Place = tuple[str, Any]


class Again:
    """Makes an exception like one that the program raised while it was traced.

    Its arguments and attributes are the same objects, except for those that the trace computes:
    these come with the message, in order of ``places``.
    """

    def __init__(self, error: BaseException, places: dict[Place, Callable[[str], Any]]) -> None:
        self.kind = type(error)
        reduced = error.__reduce__()
        made_of = reduced[1] if isinstance(reduced, tuple) else error.args
        self.made_of: tuple[Any, ...] = made_of if isinstance(error, OSError) else error.args
        self.state = dict(_state(error))
        self.places = places
        cause = error.__cause__
        known = cause is not None and not any(map(_is_later, _parts(cause)))
        self.cause = Again(cause, {}) if cause is not None and known else None

    def __call__(self, message: str) -> BaseException:
        args, state = list(self.made_of), dict(self.state)
        if self.places:
            for (what, key), text in zip(self.places, message.split(_BETWEEN), strict=True):
                value = self.places[what, key](text)
                if what == "args":
                    args[key] = value
                else:
                    state[key] = value
        made: BaseException = self.kind.__new__(self.kind, *args)
        if isinstance(made, OSError):
            OSError.__init__(made, *args)
        for name, value in state.items():
            object.__setattr__(made, name, value)
        if self.cause is not None:
            made.__cause__ = self.cause("")
        return made


def is_plain(error: BaseException) -> bool:
    """Whether an exception is told by its type and its one message."""
    if len(error.args) != 1 or not isinstance(error.args[0], str) or list(_state(error)):
        return False
    if error.__cause__ is not None:
        return False
    return all(c.__module__ == "builtins" or _is_bare(c) for c in type(error).__mro__)


def named(error: BaseException, payload: list[Any]) -> tuple[str, str, Again]:
    """Name, message and maker of an exception that is not plain.

    What cannot be given to compiled code as numbers (arrays, lists of traced values) is its text.
    """
    places: dict[Place, Callable[[str], Any]] = {}
    texts: list[str] = []
    slots: list[tuple[Place, Any]] = [(("args", k), x) for k, x in enumerate(error.args)]
    slots += [(("state", name), x) for name, x in _state(error)]
    for place, value in slots:
        convert = _converter(value)
        if convert is not None:
            places[place] = convert
            texts.append("{" + str(len(payload)) + "!r}")
            payload.append(value.read())
        elif any(map(_is_later, trees.leaves_of(value))):
            places[place] = str
            escaped = str(value).replace("{", "{{").replace("}", "}}")
            texts.append(with_payload(escaped, payload))
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}#{next(_NUMBERS)}"
    return name, _BETWEEN.join(texts), Again(error, places)


def _is_later(x: Any) -> bool:
    """Whether a value is known at run time only."""
    return isinstance(x, Tracer) or (isinstance(x, str) and len(split_marks(x)) > 1)


def _parts(error: BaseException) -> list[Any]:
    return trees.leaves_of((error.args, dict(_state(error))))


def _converter(x: Any) -> Callable[[str], Any] | None:
    """From the ``repr`` of a number to the number; None for what is no real scalar."""
    if isinstance(x, PyScalar) and x.kind != "complex":
        kind = KIND_TYPE[x.kind]
        return (lambda text: text == "True") if kind is bool else kind
    if isinstance(x, Scalar) and x.dtype.kind in "iuf":
        scalar = x.dtype.type
        return lambda text: scalar(float(text) if issubclass(scalar, np.floating) else int(text))
    if isinstance(x, Scalar) and x.dtype.kind == "b":
        return lambda text: np.bool_(text == "True")
    return None


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
