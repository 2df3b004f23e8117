"""What a part of a function may be given and may leave, if Python goes on with it afterwards.

Compiled code makes lists, dicts and objects anew, and writes what it changed in them when it ends.
Python, which goes on, could tell: by another name for the same object, or after an exception. So
values that have no other name, or whose memory is shared, are all that passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    MadeOut,
    Out,
    PythonOut,
    SameOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    ViewOut,
)
from tracejit.trace.session.plain import PLAIN
from tracejit.trace.values.exporters import plain_array

_VALUES = (*PLAIN, np.dtype, type, ModuleType, FunctionType, np.ufunc, range, slice)


def is_plain(value: Any) -> bool:
    """Whether a value is no container, iterator or object with a state but an array."""
    if isinstance(value, BuiltinFunctionType):
        return value.__self__ is None or isinstance(value.__self__, ModuleType)
    # A number of a class of the program's may have attributes.
    own = hasattr(value, "__dict__") and isinstance(value, PLAIN)
    return (isinstance(value, _VALUES) and not own) or value is ...


def not_plain(value: Any) -> Any:
    """What of a value, if it is a tuple what in it, a part of a function cannot be given; None if
    there is nothing such."""
    if type(value) is tuple:
        return next((x for x in map(not_plain, value) if x is not None), None)
    return None if plain_array(value) is not None or is_plain(value) else value


def must_leave_plain(
    tree: Any, outs: Sequence[Out], changes: Sequence[Any], *, tuples: bool
) -> None:
    """UnsupportedError unless results are a tuple of plain values and arrays, and nothing outside
    was changed but arrays. ``tuples``: whether a tuple that was there before may be among them."""
    if changes:
        raise UnsupportedError(
            "a list, dict or object is changed, which Python would see before the end of the loop"
        )
    results = trees.unflatten(tree, list(outs))
    for result in results if type(results) is tuple else (results,):  # None: it always raises
        _must_be_plain(result, tuples)


def _must_be_plain(out: Any, tuples: bool) -> None:
    match out:
        case SelectOut(then=then, other=other):
            _must_be_plain(then, tuples)
            _must_be_plain(other, tuples)
        case MadeOut(tree=tree, outs=outs):
            made = trees.unflatten(tree, list(outs))
            # A tuple that may be a result is one that the function returns: nobody else has it.
            parts = made if type(made) is tuple and not tuples else (made,)
            for part in parts:
                _must_be_plain(part, tuples)
        case ViewOut(base=base):
            _must_be_plain(base, tuples)
        case StaticOut(value=value) if is_plain(value):
            pass
        case ArgOut() | ArrayOut() | PythonOut() | SameOut() | ScalarOut():
            pass
        case _:
            raise UnsupportedError(
                "a list, dict, tuple or object is read after the loop, which may have other names"
            )
