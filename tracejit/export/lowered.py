"""A function traced and lowered for types that are written down.

Arrays that it finds outside are part of what is made, as they are now. What a caller in C could not
be given, or would not see, is refused: results that are no numbers or arrays, changes of containers
and of arrays outside.
"""

from __future__ import annotations

import dis
import inspect
from dataclasses import replace
from traceback import walk_tb
from typing import Any, NoReturn, TypeAlias

import numpy as np

from tracejit import trees
from tracejit.calls.compiler import lowered, simplify
from tracejit.calls.deopt import DeoptState
from tracejit.calls.versions import Options
from tracejit.errors import PACKAGE, UnsupportedError, raise_at
from tracejit.export.signatures import ArgumentTypes
from tracejit.export.without_libraries import without_libraries
from tracejit.ir.arguments import ArgType, ArrayArg, ScalarArg, SymDim
from tracejit.ir.core import TABLE, Constant, Function, Instr
from tracejit.ir.program import Program, instructions
from tracejit.ir.results import ArrayOut, PythonOut, SameOut, ScalarOut, StaticOut
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import run
from tracejit.records import dataclass
from tracejit.trace.driver import trace
from tracejit.trace.session.assumption_sets import AssumptionSet, TraceAssumptions
from tracejit.trace.traced import Traced
from tracejit.trace.values.all import Array

ExportedOut: TypeAlias = ArrayOut | ScalarOut | PythonOut | StaticOut
"""Leaves of results that C can be given, or that Python has without it."""


@dataclass(frozen=True)
class LoweredFunction:
    """``outs``: what the results consist of, nested as ``tree``."""

    name: str
    types: ArgumentTypes
    traced: Traced
    program: Program
    outs: tuple[ExportedOut, ...]
    tree: Any

    @property
    def writes(self) -> frozenset[int]:
        """The arguments that are written."""
        return frozenset(self.traced.mutated)

    def signature_text(self) -> str:
        """The arguments and their types: ``x: f8[n, 3], k: f8``."""
        pairs = zip(self.types.names, self.traced.args, strict=True)
        return ", ".join(f"{name}: {_shown(arg)}" for name, arg in pairs)


def _shown(arg: ArgType) -> str:
    if isinstance(arg, ArrayArg):
        axes = ", ".join(d.name if isinstance(d, SymDim) else str(d) for d in arg.shape)
        order = ", columns first" if arg.layout == "F" and arg.rank > 1 else ""
        return f"{arg.dtype}[{axes}]{order}"
    if isinstance(arg, ScalarArg) and arg.is_parameter:
        return str(arg.dtype)
    return f"always {arg.value!r}"


class Delivered:
    """A function whose array results have memory of their own: C has no views."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.__name__ = function.__name__

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        found = ops.call(self.function, *args)
        copies: dict[int, Any] = {}

        def copied(x: Any) -> Any:
            return copies.setdefault(id(x), x.copy()) if isinstance(x, Array) else x

        leaves, tree = trees.flatten(found)
        return trees.unflatten(tree, list(map(copied, leaves)))


def lowered_function(
    function: Any, name: str, types: ArgumentTypes, options: Options
) -> LoweredFunction:
    """Trace and lower. Raises what ``jit`` raises, and UnsupportedError as above."""
    traced = _traced(function, types)
    if types.declared is not None:
        types.declared.check_result(traced)
    _refuse_changes(traced, function)
    outs = tuple(_results(traced, function))
    simple = simplify(_with_constants(traced), stabilize=options.stabilize)
    simple = run(without_libraries(simple), DEFAULT)
    traced = replace(traced, hidden=[])
    return LoweredFunction(name, types, traced, lowered(traced, simple), outs, traced.out_tree)


def _traced(function: Any, types: ArgumentTypes) -> Traced:
    """As a first call would trace it; where that does not compile, without assumptions."""
    assumed = AssumptionSet()
    while True:
        assumptions = TraceAssumptions(assumed)
        try:
            return trace(Delivered(function), types.nested(), assumptions=assumptions)
        except UnsupportedError as error:
            observed = DeoptState().only_found(assumptions)
            if observed is None or observed == assumed:
                raise_in(function, error, returns=True)
            assumed = observed


def _refuse_changes(traced: Traced, function: Any) -> None:
    if traced.containers or traced.attributes:
        error = UnsupportedError(
            f"{traced.function.name} changes a list, dict or object of its caller, which C does "
            "not have: return what is new"
        )
        raise_in(function, error, returns=False)
    outside = sorted(k for k in traced.mutated if k >= len(traced.args))
    if outside:
        where = _first(traced.function, outside[0])
        error = UnsupportedError(
            "an exported function cannot write to an array that it finds outside: pass the array"
        )
        if where is None or where.loc is None:
            raise error
        raise_at(error, where.loc.filename, where.loc.line)


def _first(function: Function, arg: int) -> Instr | None:
    found = (i for i in instructions(function) if i.name == "write_back")
    return next((i for i in found if i.attrs["arg"] == arg), None)


def _results(traced: Traced, function: Any) -> list[ExportedOut]:
    found: list[ExportedOut] = []
    for out in traced.outs:
        if isinstance(out, SameOut):
            found.append(found[out.leaf])
        elif isinstance(out, ArrayOut | ScalarOut | PythonOut | StaticOut):
            found.append(out)
        else:
            _refuse_result(traced, function, type(out).__name__)
    return found


#: What a result is that C cannot be given, and what to return instead.
_INSTEAD = {
    "ListOut": "a list of which the run decides the length: return an array",
    "SelectOut": "of one kind or another, as the run decides: return one kind of number",
    "CallerOut": "a container of its caller: return a new one",
    "ObjectOut": "an object: return its numbers and arrays",
}


def _refuse_result(traced: Traced, function: Any, kind: str) -> NoReturn:
    what = _INSTEAD.get(kind, "no number or array: return those")
    error = UnsupportedError(f"a result of {traced.function.name} is {what}")
    raise_in(function, error, returns=True)


def raise_in(function: Any, error: UnsupportedError, *, returns: bool) -> NoReturn:
    """Raise at the function's first line, or if it has only one that ``returns``, at that.

    An error that has a line of the program is raised as it is.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    if code is None or not all(f.f_code.co_filename.startswith(PACKAGE) for f in frames):
        raise error
    found = [i for i in dis.get_instructions(code) if returns and i.opname.startswith("RETURN_")]
    lines = {i.positions.lineno for i in found if i.opname != "RETURN_GENERATOR" and i.positions}
    line = lines.pop() if len(lines) == 1 else None
    raise_at(error.with_traceback(None), code.co_filename, line or code.co_firstlineno)


def _with_constants(traced: Traced) -> Function:
    """The function with the arrays that it found outside as they are now."""
    function = traced.function
    hidden = traced.hidden_arrays()
    first = len(function.params) - len(hidden)
    made: list[Instr] = []
    for param, found in zip(function.params[first:], hidden.values(), strict=True):
        value = Constant(np.asarray(found.array), param.dtype)
        made.append(Instr(TABLE["constant"], (), {"value": value}, (), (param,)))
    return replace(function, params=function.params[:first], instrs=(*made, *function.instrs))
