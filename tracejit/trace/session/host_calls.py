"""Calls of NumPy from compiled code whose exceptions a ``try`` of the program may catch.

The call says which exception there was, and its message by number, instead of raising it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.ir.core import Value
from tracejit.ir.interpret.attempt import AttemptedCall, Kinds, Unforeseen
from tracejit.ir.interpret.print_effect import MESSAGE
from tracejit.ir.types import INDEX, TensorType
from tracejit.trace.session.session import Session, current, where


def host_call(
    function: Callable[..., Any],
    operands: Sequence[Value],
    types: Sequence[TensorType],
    kinds: Kinds,
    others: str | None = None,
) -> list[Value]:
    """An ordered call at run time, which may raise exceptions of these kinds, and others where it
    is named by ``others``: UnsupportedError at run time for one that a ``try`` should catch."""
    session = current()
    region = session.catching[-1] if session.catching else None
    caught = tuple(k for k in kinds if session.leaving or (region and region.catches(k)))
    unforeseen = None
    if (region is not None or session.leaving) and others is not None:
        regions = tuple(r.described() for r in session.catching)
        regions += ((((BaseException,), True),),) * bool(session.leaving)
        unforeseen = Unforeseen(f"{where()}: {others}", regions)
    if not caught and unforeseen is None:
        function, operands = _keeping(session, function, operands)
        found = session.b.op("host_call", *operands, fn=function, types=tuple(types))
        return [found] if len(types) == 1 else list(found)
    attempt = AttemptedCall(function, caught, tuple(types), unforeseen)
    found = session.b.op("host_call", *operands, fn=attempt, types=(*types, INDEX, INDEX))
    *results, raised, message = found
    for number, kind in enumerate(caught, 1):
        b = session.b
        ok = b.op("ne", raised, b.const(number, "i64"))
        text = f"{{0:{MESSAGE}}}"
        if region is None or not region.takes(ok, kind, text, [message]):
            session.operators.check_and_leave(ok, kind, text, [message])
    return list(results)


def _keeping(
    session: Session, function: Callable[..., Any], operands: Sequence[Value]
) -> tuple[Callable[..., Any], Sequence[Value]]:
    """The call, keeping what the caller's objects hold now for what it may raise."""
    if not session.has_changes():
        return function, operands
    made, values = session.outside.keeping(function, len(operands))
    return made, [*operands, *values]
