"""A call once more in the interpreter of the IR, with every value that each instruction makes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.argument_layouts import layouts_of
from tracejit.calls.compiler import traced_call
from tracejit.calls.deopt import DeoptState
from tracejit.diagnostics.repeated import repeated
from tracejit.dtypes import is_inexact
from tracejit.ir.core import Function, Instr, Loc, Value
from tracejit.ir.interpret.interpreter import interpret
from tracejit.lower.lower import Layout
from tracejit.records import dataclass
from tracejit.trace.session.assumption_sets import AssumptionFailed, AssumptionSet, TraceAssumptions


@dataclass(frozen=True)
class Recorded:
    """A traced function of exact shapes, and the values of its parameters.

    ``layouts`` and ``numbers``: how the parameters lie in memory, and which arguments they are;
    ``leaves``: those of the arguments of the call.
    """

    function: Function
    args: Sequence[Any]
    layouts: Sequence[Layout] = ()
    numbers: Sequence[int] = ()
    leaves: Sequence[Any] = ()


def recorded(function: Callable[..., Any], args: Sequence[Any], kwargs: Any) -> Recorded:
    """Trace a call with these arguments, assuming of values what is so."""
    deopt = DeoptState()
    while True:
        assumptions = TraceAssumptions(deopt.assumed or AssumptionSet())
        traced, values = traced_call(function, args, assumptions, kwargs=kwargs)
        layouts, numbers = layouts_of(traced, traced.function)
        leaves = trees.leaves_of((args, kwargs))
        found = Recorded(traced.function, values, layouts, numbers, leaves)
        try:
            with repeated(found.function, leaves):
                interpret(found.function, copy.deepcopy(values))
        except AssumptionFailed as wrong:
            deopt.learn(wrong, assumptions)
            continue
        except Exception:  # as the program ends: what it made until then is of interest
            return found
        return found


def place(loc: Loc | None) -> str:
    """``file:line`` as messages begin with it."""
    return "?" if loc is None else f"{loc.filename.rpartition('/')[2]}:{loc.line}"


def named(instr: Instr) -> str:
    """How messages name an instruction: NumPy's name of what it does, and the types."""
    types = ", ".join(str(v.dtype) + shown(v) for v in instr.operands if hasattr(v.type, "dtype"))
    return f"{instr.name}({types})"


def shown(value: Value) -> str:
    """The shape of a value, as errors show it; nothing for a number."""
    return f"[{', '.join(map(str, value.shape))}]" if value.rank else ""


def finite(x: Any) -> bool:
    """Whether there is neither nan nor infinity in a number or an array."""
    if not isinstance(x, np.ndarray | np.inexact | float | complex):
        return True
    return not is_inexact(np.asarray(x).dtype) or bool(np.isfinite(x).all())
