"""Signatures of functions as calls are bound to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any


def own_signature(function: Callable[..., Any]) -> inspect.Signature:
    """What a call of the function is bound to. Raises as ``inspect.signature``.

    That one shows what ``functools.wraps`` copied from another function, names and defaults, of
    which a call knows nothing.
    """
    return inspect.signature(_bare(function))


def _bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that shows no other's signature."""
    if type(function) is MethodType:
        return MethodType(_bare(function.__func__), function.__self__)
    if type(function) is not FunctionType:
        return function
    bare = FunctionType(
        function.__code__, function.__globals__, None, function.__defaults__, function.__closure__
    )
    bare.__kwdefaults__ = function.__kwdefaults__
    return bare


def say_what_python_says(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise Python's TypeError for a call that does not fit a function, or the one that a transform
    is made of, which is not run otherwise."""
    inner = function if type(function) is FunctionType else inspect.unwrap(function)
    if type(inner) is not FunctionType:
        return
    try:
        own_signature(inner).bind(*args, **kwargs)
    except TypeError:
        inner(*args, **kwargs)


def signature_with(function: Callable[..., Any], names: Iterable[str]) -> inspect.Signature:
    """The signature that has parameters of these names: the function's own, or else the one that
    it shows. Raises as ``inspect.signature``."""
    own = own_signature(function)
    return own if set(names) <= set(own.parameters) else inspect.signature(function)
