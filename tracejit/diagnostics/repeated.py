"""Runs of a traced call that draw the same random numbers: its generators are put back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tracejit.ir.core import Function
from tracejit.ir.interpret.draws import HostDraw
from tracejit.ir.program import instructions

_KINDS = (np.random.Generator, np.random.RandomState, random.Random)


@contextlib.contextmanager
def repeated(function: Function, leaves: Sequence[Any]) -> Iterator[None]:
    """Generators that a call with these arguments draws from are afterwards as they were."""
    sources = list(_sources(function, leaves))
    states = [_state(source) for source in sources]
    try:
        yield
    finally:
        for source, state in zip(sources, states, strict=True):
            _put_back(source, state)


def _sources(function: Function, leaves: Sequence[Any]) -> Iterator[Any]:
    """Generators that it does not make itself."""
    found = {id(x): x for x in leaves if isinstance(x, _KINDS)}
    for instr in instructions(function):
        call = instr.attrs.get("fn")
        held = getattr(call.held, "__self__", call.held) if isinstance(call, HostDraw) else None
        if isinstance(held, _KINDS):
            found[id(held)] = held
    yield from found.values()


def _state(source: Any) -> Any:
    if isinstance(source, np.random.Generator):
        return source.bit_generator.state
    return source.get_state() if isinstance(source, np.random.RandomState) else source.getstate()


def _put_back(source: Any, state: Any) -> None:
    if isinstance(source, np.random.Generator):
        source.bit_generator.state = state
    elif isinstance(source, np.random.RandomState):
        source.set_state(state)
    else:
        source.setstate(state)
