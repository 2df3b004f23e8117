"""Calls that are looked at from outside: for nan, for stages that part, in Python first."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.placement import ON_THE_CPU
from tracejit.calls.versions import Options
from tracejit.device_arrays import is_cupy_array
from tracejit.diagnostics.replay import finite
from tracejit.errors import UnsupportedError

Call = Callable[..., Any]


def watching(function: Call, options: Options, call: Call) -> Call:
    """``call``, the way into compiled code, with what the options ask for around it."""
    from tracejit.diagnostics import nan, stages, uncompiled

    if options.debug:
        call = _before(call, lambda args, kwargs: stages.compare(function, options, args, kwargs))
    if options.check_nan:
        call = _after(call, lambda args, kwargs: nan.blame(function, args, kwargs))
    if uncompiled.runs_in_python_first(function):
        call = uncompiled.in_python_first(function, call)
    return call


def _before(call: Call, check: Callable[[Any, Any], None]) -> Call:
    def checked(*args: Any, **kwargs: Any) -> Any:
        with unobserved(args, kwargs):
            check(*copied(args, kwargs))
        return call(*args, **kwargs)

    return checked


def _after(call: Call, explain: Callable[[Any, Any], None]) -> Call:
    """Explain what is not finite in results and changed arguments, from the arguments before."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        before = copied(args, kwargs)
        states = list(_generators(args, kwargs))
        result = call(*args, **kwargs)
        if not all(map(finite, trees.leaves_of((result, args, kwargs)))):
            with unobserved(args, kwargs):
                for generator, state in states:
                    generator.bit_generator.state = state
                explain(*before)
        return result

    return checked


def copied(args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The same arguments with arrays of their own, laid out as they were.

    UnsupportedError for arrays on a GPU.
    """
    if any(map(is_cupy_array, trees.leaves_of((args, kwargs)))):
        raise UnsupportedError(ON_THE_CPU)
    memo = {id(g): g for g, _ in _generators(args, kwargs)}
    return copy.deepcopy((args, kwargs), memo)


@contextlib.contextmanager
def unobserved(args: Any, kwargs: Any) -> Iterator[None]:
    """What runs inside prints nothing, and draws no random numbers from the program's point of
    view."""
    states = list(_generators(args, kwargs))
    shared = np.random.get_state()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        np.random.set_state(shared)
        for generator, state in states:
            generator.bit_generator.state = state


def _generators(args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
    for leaf in trees.leaves_of((args, kwargs)):
        if isinstance(leaf, np.random.Generator):
            yield leaf, leaf.bit_generator.state
