"""Wrappers of ``functools`` around the user's functions: which function a call of one is.

``singledispatch`` asks for the class of an argument, ``lru_cache`` for its hash. Both would see the
traced value and not what it stands for.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.trace.session.session import current
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.kinds import type_of

Chooser = Callable[[tuple[Any, ...], dict[str, Any]], Any]


def _kind(wrapper: Any) -> CodeType | type:
    """What tells one of ``functools``' wrappers: its code, or its class (methods since 3.14)."""
    return wrapper.__code__ if isinstance(wrapper, FunctionType) else type(wrapper)


_DISPATCH = _kind(functools.singledispatch(lambda x: x))
_DISPATCH_METHOD = _kind(functools.singledispatchmethod(lambda self, x: x).__get__(None, object))


#: Functions of ``math`` that raise where NumPy's give infinity or nan.
_IN_NUMPY: dict[Any, np.ufunc] = {
    **{
        getattr(math, name): getattr(np, name)
        for name in (
            "cosh", "exp", "exp2", "expm1", "fmod", "log", "log10", "log1p", "log2", "sin", "sinh",
            "cos", "sqrt", "tan",
        )
    },
    math.acos: np.arccos,
    math.acosh: np.arccosh,
    math.asin: np.arcsin,
    math.atanh: np.arctanh,
    math.pow: np.power,
}  # fmt: skip
#: Functions for which others stand in compiled code, and what chooses one for the arguments.
_STANDING_FOR: weakref.WeakKeyDictionary[FunctionType, Chooser] = weakref.WeakKeyDictionary()


def stand_for(function: FunctionType, choose: Chooser) -> None:
    """In compiled code ``choose(args, kwargs)`` is called in place of ``function``, if it is not
    None."""
    _STANDING_FOR[function] = choose


def behind(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The function that a wrapper calls for these arguments; ``f`` itself if it is no wrapper, or
    if what it does is right as it is."""
    if isinstance(f, functools._lru_cache_wrapper):
        # What is known while tracing is looked up as the program would.
        traced = any(isinstance(a, Tracer) for a in (*args, *kwargs.values()))
        return f.__wrapped__ if traced else f
    if isinstance(f, MethodType) and isinstance(f.__func__, functools._lru_cache_wrapper):
        made = not current().outside.is_outside(f.__self__)
        traced = any(isinstance(a, Tracer) for a in (*args, *kwargs.values()))
        return MethodType(f.__func__.__wrapped__, f.__self__) if made or traced else f
    if args and _kind(f) is _DISPATCH_METHOD:
        dispatch, obj, cls = _held(f)
        found = current().outside.dispatched(dispatch, type_of(args[0]))
        return found.__get__(obj, cls)
    if not isinstance(f, FunctionType):
        return _IN_NUMPY.get(f, f) if current().numpy_errors and callable(f) else f
    if f in _STANDING_FOR:
        chosen = _STANDING_FOR[f](args, kwargs)
        return f if chosen is None else chosen
    if not args:
        return f
    if f.__code__ is _DISPATCH:
        return current().outside.dispatched(f.dispatch, type_of(args[0]))  # type: ignore[attr-defined]
    return f


def _held(bound: Any) -> tuple[Any, Any, Any]:
    """What a bound ``singledispatchmethod`` dispatches with, the object, and the class."""
    if not isinstance(bound, FunctionType):  # since Python 3.14
        return bound._unbound.dispatcher.dispatch, bound._obj, bound._cls
    cells = zip(bound.__code__.co_freevars, bound.__closure__ or (), strict=True)
    held = {name: cell.cell_contents for name, cell in cells}
    if "dispatch" in held:  # since Python 3.13
        return held["dispatch"], held["obj"], held["cls"]
    return held["self"].dispatcher.dispatch, held["obj"], held["cls"]
