"""Calls of NumPy from compiled code whose exceptions a ``try`` of the program may catch.

The call says which exception there was, and its message by number, instead of raising it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.interpret.attempt import Attempt, Kinds
from tracejit.ir.interpret.print_effect import MESSAGE
from tracejit.ir.types import INDEX, TensorType
from tracejit.trace.array_api.operands import builder
from tracejit.trace.control.try_regions import catches_now, caught_check
from tracejit.trace.session.session import current


def host_call(
    function: Callable[..., Any],
    operands: Sequence[Value],
    types: Sequence[TensorType],
    kinds: Kinds,
) -> list[Value]:
    """An ordered call at run time, which may raise exceptions of these kinds."""
    caught = tuple(kind for kind in kinds if catches_now(kind))
    if not caught:
        found = builder().op("host_call", *operands, fn=function, types=tuple(types))
        return [found] if len(types) == 1 else list(found)
    attempt = Attempt(function, caught, tuple(types))
    found = builder().op("host_call", *operands, fn=attempt, types=(*types, INDEX, INDEX))
    *results, raised, message = found
    for number, kind in enumerate(caught, 1):
        b = builder()
        ok = b.op("ne", raised, b.const(number, "i64"))
        caught_check(current(), ok, kind, f"{{0:{MESSAGE}}}", [message])
    return list(results)
