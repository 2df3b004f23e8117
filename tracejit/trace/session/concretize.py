"""Traced values where Python needs an answer now: truth, structural ints, texts, names of NumPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_exact
from tracejit.errors import UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Loc
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.marks import MARK, as_fields, parts_at_marks
from tracejit.trace.session.registry import NAMES, from_library
from tracejit.trace.session.session import current, user_lines, user_location, where
from tracejit.trace.session.settled_values import settled

_INSTEAD = "make it a static argument, or compute with arrays instead of deciding in Python"
#: What to do where the run decides which item of a dict is meant.
AS_ARRAYS = (
    "keep the keys in a sorted array and find the place with np.searchsorted, number the keys from "
    "0 and index an array, or count with np.unique or np.bincount"
)


def run_time_only(what: str, x: Any, instead: str = _INSTEAD) -> str:
    """The message about a value that is not known while tracing."""
    return f"{where()}: {what} needs a value that is known at run time only ({x!r}); {instead}"


def shown_later(x: Any, spec: str, conversion: str = "") -> str:
    """The mark that stands for a traced value in a text made while tracing."""
    how = (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    return mark(x.as_it_is(), how)


def mark(x: Any, how: str) -> str:
    """A mark for a value and what a format string says behind it."""
    session = current()
    if MARK in how:
        raise UnsupportedError(
            f"{where()}: how wide a value is shown, or with how many digits, is known at run time "
            "only: write numbers that are known, or make the text outside"
        )
    session.shown.append((x, how))
    session.shown_at.append(user_location())
    return f"{MARK}{len(session.shown) - 1}{MARK}"


def made_at(text: str) -> Loc | None:
    """The line at which a text with marks in it was made."""
    return current().shown_at[int(text.split(MARK)[1])]


class DeferredText(str):
    """The mark of a traced value that ``str`` or ``repr`` was taken of; it can be padded."""

    value: Any
    conversion: str

    def __new__(cls, value: Any, conversion: str) -> DeferredText:
        value = value.as_it_is()
        made = super().__new__(cls, shown_later(value, "", conversion))
        made.value, made.conversion = value, conversion
        return made

    def __format__(self, spec: str) -> str:
        return shown_later(self.value, spec, self.conversion) if spec else str.__str__(self)


def str_later(x: Any) -> DeferredText:
    """``str`` of a traced value; in single precision it is shorter than what ``format`` gives."""
    return DeferredText(x, "s")


def shown_dim(dim: Dim) -> str:
    """An extent in a message: its number, at run time where it is not known."""
    if isinstance(dim, int):
        return str(dim)
    return mark(dim, "")


def shown_shape(dims: Sequence[Dim]) -> str:
    """A shape in a message, as NumPy prints it."""
    inner = ",".join(map(shown_dim, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def split_marks(text: str) -> list[Any]:
    """A text as its plain parts and the pairs of its marks, alternating (see ``marks``)."""
    return parts_at_marks(text, current().shown)


def plain_text(text: str) -> str:
    """A text with its marks replaced by what is known now."""
    parts = split_marks(text)
    return "".join(p if k % 2 == 0 else str(p[0]) for k, p in enumerate(parts))


def with_payload(template: str, payload: list[Any]) -> str:
    """A format string whose marks became further fields, their values appended to ``payload``."""
    return as_fields(template, current().shown, current().b, payload)


def ambiguous(size: Dim) -> str:
    """NumPy's message where an array that has not one element is tested."""
    if size == 0:
        return (
            "The truth value of an empty array is ambiguous. "
            "Use `array.size > 0` to check that an array is not empty."
        )
    return (
        "The truth value of an array with more than one element is ambiguous. "
        "Use a.any() or a.all()"
    )


def truth(x: Any) -> bool:
    """``bool(x)`` where the answer must be known now."""
    size = ex.product(x.dims)
    if isinstance(size, int) and size != 1:
        throw(ValueError(ambiguous(size)))
    known = current().literal(x.read())
    if known is not None:
        return bool(known)
    lines = user_lines()
    if lines and lines[0][0].co_flags & inspect.CO_GENERATOR:
        instead = (
            "go through all of it in one for statement, or make a list of it, as items that are "
            "taken one by one are made while tracing"
        )
        raise UnsupportedError(run_time_only("a truth test in a generator", x, instead))
    raise UnsupportedError(
        f"{where()}: a truth test in code whose source cannot be read needs a value that is known "
        f"at run time only ({x!r}); put the function in a file if it is from exec, a pipe or a "
        ".pyc, make the value a static argument, or compute with arrays"
    )


def structural_int(x: Any, what: str, instead: str = _INSTEAD) -> int:
    """An int that decides the structure of the program. A loop counter restarts the trace."""
    if isinstance(x, int):
        return x
    session = current()
    value = x.read()
    known = session.literal(value)
    if known is None and not x.dims:
        known = settled(session, value)
    if known is not None and is_exact(known.dtype):
        return int(known)
    reason = run_time_only(what, x, instead)
    unroll_if_counter(reason, x)
    raise UnsupportedError(reason)


def unroll_if_counter(reason: str, *values: Any) -> None:
    """Begin again with the loop unrolled whose counter a number is made of."""
    for x in values:
        if hasattr(x, "static_value") and x.read().type == INDEX:
            for leaf in ex.leaves(x.read().dim):
                key = current().loop_of.get(leaf)  # type: ignore[arg-type]
                if key is not None:
                    raise Restart(key, "unroll", reason)


def hash_of(x: Any) -> int:
    """``hash(x)`` where the answer must be known now: what hashes compares values later on, and
    would compare tracers. TypeError for arrays, as NumPy."""
    static = getattr(x, "static_value", None)
    if static is None:
        throw(TypeError("unhashable type: 'numpy.ndarray'"))
    known = static()
    if known is not None:
        return hash(known)
    reason = (
        f"{where()}: an item of a set or a key of a dict needs a value that is known at run time "
        f"only ({x!r}): compare with == or `in` of a list, or use np.unique, np.bincount or "
        "np.isin of an array"
    )
    unroll_if_counter(reason, x)
    raise UnsupportedError(reason)


def name_of(function: Any) -> Callable[..., Any]:
    """The implementation of a NumPy function on traced values; UnsupportedError if none."""
    found = NAMES.get(function) if isinstance(function, Hashable) else None
    if found is None and isinstance(function, np.ufunc):
        found = from_library(function)
    if found is None:
        name = getattr(function, "__name__", type(function).__name__)
        module = getattr(function, "__module__", None) or "numpy"
        if isinstance(function, np.ufunc) and getattr(np, name, None) is not function:
            module = "ufunc"
        raise UnsupportedError(
            f"{where()}: {module}.{name} is not supported inside a compiled function; "
            "docs/coverage.md lists what is, and what to use instead"
        )
    return found


class BoundMethod:
    """A method of a traced value; equal to nothing, called like the real one."""

    __slots__ = ("function", "owner")

    def __init__(self, owner: Any, function: Callable[..., Any]) -> None:
        self.owner = owner
        self.function = function

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.function(self.owner, *args, **kwargs)
        except TypeError:
            from tracejit.trace.session.unsupported import explain_call

            name = self.function.__name__
            theirs = getattr(np, name, None) or getattr(np.ndarray, name, None)
            explain_call(name, theirs, self.function, (self.owner, *args), kwargs)
            raise


def bound(x: Any, function: Callable[..., Any] | None, name: str) -> BoundMethod:
    """``x.name`` of an array, ``name`` in the tables; otherwise what NumPy or we say about it."""
    if function is not None:
        return BoundMethod(x, function)
    if hasattr(np.ndarray, name):
        raise UnsupportedError(
            f"{where()}: .{name} of an array is not supported inside a compiled function; use it "
            "outside, on an argument or a result (docs/coverage.md lists what is supported)"
        )
    throw(AttributeError(f"'numpy.ndarray' object has no attribute '{name}'"))
