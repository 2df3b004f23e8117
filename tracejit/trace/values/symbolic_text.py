"""Texts with marks for values that only the run knows: they can be shown and raised.

Nothing may be decided by such a text while tracing, for it is not the text of the run. Where a loop
counter is in it the loop is unrolled; else it is an error.
"""

from __future__ import annotations

import builtins
import collections
import itertools
import types
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.session.concretize import AS_ARRAYS, split_marks, structural_int
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.plain import is_of_library
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import PyScalar, Scalar

#: They take texts as they are.
_SHOW: set[Any] = {builtins.str, builtins.repr, builtins.print, builtins.format}
_SHOW |= {builtins.isinstance, builtins.type, builtins.bool, types.SimpleNamespace}
#: They take items as they are, not the letters of a text.
_COLLECT: set[Any] = {builtins.list, builtins.tuple, builtins.len, builtins.enumerate, builtins.zip}
_COLLECT |= {builtins.reversed, builtins.iter, builtins.all, builtins.any}
_COLLECT |= {collections.deque}
#: Modules whose functions written in Python keep what they are given.
_KEEP = frozenset({"copy", "dataclasses", "typing"})
_METHODS: dict[type, tuple[str, ...]] = {
    str: ("format", "join"),
    list: ("append", "extend", "insert"),
}


def must_be_plain(*values: Any) -> None:
    """Something is decided by values: no text among them, or in a list or tuple, may have marks."""
    for text in (t for value in values for t in _texts(value)):
        _refuse(text)


def must_be_plain_text(value: Any) -> None:
    """As ``must_be_plain``, for a value whose own items are not looked at."""
    if isinstance(value, str):
        must_be_plain(value)


def check_call(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A call decides something by the texts that it is given, unless it is known not to."""
    owner = getattr(f, "__self__", None)
    name = getattr(f, "__name__", "")
    if name in _METHODS.get(type(owner), ()) or _is_among(f, _SHOW):
        return
    must_be_plain_text(owner)
    if isinstance(f, partial) or (isinstance(f, type) and issubclass(f, BaseException)):
        return
    module = getattr(f, "__module__", None) or ""
    if isinstance(f, type | FunctionType | MethodType) and not is_of_library(module):
        return
    if isinstance(f, FunctionType | MethodType) and module in _KEEP:
        return
    collects = _is_among(f, _COLLECT) or (module == "itertools" and f is not itertools.groupby)
    for x in (*args, *kwargs.values()):
        (must_be_plain_text if collects else must_be_plain)(x)


def plain_key(key: Any) -> Any:
    """A key of a dict; what stands for a number would never be found."""
    if isinstance(key, PyScalar | Scalar):
        return structural_int(key, "a key", AS_ARRAYS)
    must_be_plain_text(key)
    for name in ("__eq__", "__hash__"):
        current().outside.member(type(key), name)
    return tuple(map(plain_key, key)) if type(key) is tuple else key


def _texts(value: Any) -> Iterator[str]:
    for x in value if type(value) in (list, tuple, dict, set) else (value,):
        if isinstance(x, str) and MARK in x:
            yield x


def _refuse(text: str) -> None:
    what = "what a text decides (a comparison, a lookup, its length or letters)"
    for value, _ in split_marks(text)[1::2]:
        if isinstance(value, PyScalar | Scalar):
            structural_int(value, what)
    raise UnsupportedError(
        f"{where()}: {what} needs values that are known at run time only; compare the values, or "
        "make them static arguments"
    )


def _is_among(f: Any, known: set[Any]) -> bool:
    try:
        return f in known
    except TypeError:
        return False
