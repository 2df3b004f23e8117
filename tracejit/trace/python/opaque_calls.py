"""Calls of what is run as it is: which values may go in, and what becomes of what comes out."""

from __future__ import annotations

import builtins
import functools
import math
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.dtypes import is_numeric
from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir.types import dtype_of
from tracejit.trace.control.watched import as_is
from tracejit.trace.python.named_effects import refuse_effects
from tracejit.trace.session.concretize import unroll_if_counter
from tracejit.trace.session.session import current, where
from tracejit.trace.session.unsupported import must_be_pure, refuse_traced, refuse_values
from tracejit.trace.values.all import Tracer, fresh
from tracejit.trace.values.captured_arrays import seen
from tracejit.trace.values.dunder_methods import method_of
from tracejit.trace.values.iterables import Looped

_CONSTANT_LIMIT = 1024


#: Methods that change a list, dict, set or deque.
MUTATING = {
    "append", "extend", "insert", "remove", "pop", "popitem", "clear", "sort", "reverse", "update",
    "setdefault", "add", "discard", "difference_update", "intersection_update",
    "symmetric_difference_update", "appendleft", "extendleft", "popleft", "rotate",
}  # fmt: skip


def contains_tracer(x: Any, depth: int = 4) -> bool:
    """Whether a traced value or a real array is somewhere in an argument."""
    if isinstance(x, Tracer | np.ndarray | Looped):
        return True
    if depth and isinstance(x, list | tuple | set | frozenset):
        return any(contains_tracer(i, depth - 1) for i in x)
    if depth and isinstance(x, dict):
        return any(contains_tracer(i, depth - 1) for i in x.values())
    if isinstance(x, slice):
        return any(isinstance(i, Tracer) for i in (x.start, x.stop, x.step))
    return False


def has_array(x: Any) -> bool:
    """Whether an object of the program's tells NumPy what its array is."""
    return method_of(x, "__array__") is not None


def in_table(table: dict[Any, Any], f: Any) -> Any:
    try:
        return table.get(f)
    except TypeError:
        return None


def as_constants(x: Any) -> Any:
    """Real arrays made during the trace become fresh traced arrays; those of outside are read."""
    if type(x) is np.ndarray and current().outside.is_outside(x):
        return seen(x)
    if type(x) is np.ndarray and is_numeric(x.dtype):
        return fresh(current().b.const(x, dtype_of(x.dtype)))
    if type(x) in (list, tuple):
        items = [as_constants(i) for i in x]
        same = all(a is b for a, b in zip(items, x, strict=True))
        return x if same else type(x)(items)  # a list that a container hands out stays that list
    return x


def run_as_it_is(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a library makes of its arguments. One of Python's own that fails at a value of the run
    is said to need it now: its exception would be about the class that stands for the value."""
    try:
        return as_is(f, args, kwargs)
    except (TypeError, AttributeError, UnsupportedError) as error:
        given = any(contains_tracer(a) for a in (*args, *kwargs.values()))
        root = (getattr(f, "__module__", None) or "").split(".")[0]
        if given and root in sys.stdlib_module_names and root != "builtins":
            refuse_values(f, error)
        raise


def has_no_effect(f: Any) -> None:
    """Raise if what is called as it is would do something once, when compiling."""
    function = f.__func__ if isinstance(f, MethodType) else f
    if not isinstance(function, functools._lru_cache_wrapper):
        must_be_pure(f)
    elif isinstance(function.__wrapped__, FunctionType):
        refuse_effects(function.__wrapped__)


def is_cached(f: Any) -> bool:
    """Whether ``f`` remembers what it gave: a later call may find something else there."""
    if isinstance(f, MethodType):
        kept = isinstance(f.__func__, functools._lru_cache_wrapper)
        return kept and current().outside.is_outside(f.__self__)
    return isinstance(f, functools._lru_cache_wrapper) and current().outside.is_outside(f)


def refuse_mutation(f: Any) -> None:
    """A list, dict or set from outside would be changed once, when compiling."""
    owner = getattr(f, "__self__", None)
    if not isinstance(owner, list | dict | set) or getattr(f, "__name__", "") not in MUTATING:
        return
    if current().outside.is_outside(owner):
        raise UnsupportedError(
            f"{where()}: {f.__name__}() would change a {type(owner).__name__} that is not an "
            f"argument once, when compiling; {current().outside.instead_of_change(owner)}"
        )


def math_call(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A C function given traced values: only ``math`` and ``cmath`` have traced forms."""
    implementation = math_table().get(f)
    if implementation is None:
        unroll_if_counter(f"{where()}: {f.__name__}() of a loop's counter", *args)
        refuse_traced(f, in_math=builtins.getattr(math, f.__name__, None) is f)
    return implementation(*args, **kwargs)


@functools.cache
def math_table() -> dict[Any, Callable[..., Any]]:
    from tracejit.trace.python.math_functions import MATH
    from tracejit.trace.python.special_functions import SPECIAL

    return MATH | SPECIAL


all_ask(globals(), Exception)
