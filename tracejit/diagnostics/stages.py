"""``jit(debug=True)``: a call interpreted after each pass and stage; the first that parts is named.

Passes have to keep every bit. The lowered program and native code may round elementary functions
otherwise than NumPy by a unit or two, and are compared within that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.calls.compiler import pipeline
from tracejit.calls.versions import Options
from tracejit.codegen_llvm.compile import compile_program
from tracejit.diagnostics.replay import named, place, recorded
from tracejit.dtypes import finfo, is_inexact
from tracejit.errors import InternalError
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import interpret, values_of
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.lower.shared_loops import share_loops
from tracejit.passes.rebuild import Pass
from tracejit.passes.runner import bits, outcome

Inputs = Sequence[Any]
#: How far apart results may be, in units of rounding of the largest.
_UNITS = 1024


def compare(function: Callable[..., Any], options: Options, args: Any, kwargs: Any) -> None:
    """Raise InternalError naming the stage, the instruction and the line where results part."""
    seen = recorded(function, args, kwargs)
    before, inputs = seen.function, seen.args
    passes: Sequence[Pass] = pipeline(stabilize=options.stabilize)
    for each in passes:
        after = each(before)
        same = options.stabilize or _outcome(after, inputs) == _outcome(before, inputs)
        if not same:
            raise _parted(f"pass {each.__name__}", before, after, inputs)
        before = after
    want = _results(lambda: interpret(before, copy.deepcopy(inputs)))
    arrays = [np.array(x, dtype=p.dtype) for x, p in zip(inputs, before.params, strict=True)]
    for name, run in _lowered(before, arrays):
        got = _results(run)
        if not _alike(got, want):
            raise InternalError(_report(name, before, inputs, got, want))


def _outcome(function: Function, inputs: Inputs) -> tuple[Any, ...]:
    """``outcome`` of a program that may assert."""
    try:
        return outcome(function, inputs)
    except AssertionError as error:
        return type(error).__name__, str(error)


def _lowered(function: Function, arrays: list[Any]) -> list[tuple[str, Callable[[], Any]]]:
    program = lower(function)
    merged = merge(program)
    shared = share_loops(merged)
    return [
        ("lowering", lambda: interpret_program(program, copy.deepcopy(arrays))),
        ("fusion of kernels", lambda: interpret_program(merged, copy.deepcopy(arrays))),
        ("sharing of loops", lambda: interpret_program(shared, copy.deepcopy(arrays))),
        ("native code", lambda: compile_program(shared).call(*copy.deepcopy(arrays))),
    ]


def _results(run: Callable[[], Sequence[Any]]) -> list[Any] | str:
    """What a run gives: results, or the exception by name."""
    try:
        return list(map(np.asarray, run()))
    except Exception as error:
        return type(error).__name__


def _alike(got: list[Any] | str, want: list[Any] | str) -> bool:
    if isinstance(got, str) or isinstance(want, str):
        return got == want
    return all(map(_close, got, want))


def _close(got: Any, want: Any) -> bool:
    if not is_inexact(want.dtype):
        return bool(np.array_equal(got, want))
    limit = np.max(np.abs(want), initial=0.0, where=np.isfinite(want))
    rounding = float(finfo(want.dtype).eps) * _UNITS
    return bool(np.allclose(got, want, rtol=rounding, atol=rounding * limit, equal_nan=True))


def _parted(what: str, before: Function, after: Function, inputs: Inputs) -> InternalError:
    old = {bits(x) for x in values_of(before, inputs).values()}
    env = values_of(after, inputs)
    ends = {bits(x) for x in map(values_of(before, inputs).get, _ends(before)) if x is not None}
    wrong = [v for v in _ends(after) if v in env and bits(env[v]) not in ends]
    if not wrong:
        return InternalError(f"{what} changed what the function computes: please report it")
    instr = _first_new(after, env, wrong[0], old)
    if instr is None:
        return InternalError(f"{what} changed which parameter is returned: please report it")
    return InternalError(
        f"{place(instr.loc)}: {what} changed what the function computes, at {named(instr)}, which "
        f"gives {_short(env[instr.results[0]])}: please report it"
    )


def _ends(function: Function) -> list[Value]:
    written = [i.operands[0] for i in function.instrs if i.name == "write_back"]
    return [*written, *function.results]


def _first_new(function: Function, env: Any, value: Value, old: set[Any]) -> Instr | None:
    """Back from a wrong value through operands that were not there before the pass, to the first
    instruction all of whose operands were."""
    defs = {r: i for i in function.instrs for r in i.results}
    instr = defs.get(value)
    while instr is not None:
        new = [v for v in instr.operands if v in defs and v in env and bits(env[v]) not in old]
        if not new:
            return instr
        instr = defs[new[0]]
    return None


def _report(name: str, function: Function, inputs: Inputs, got: Any, want: Any) -> str:
    """Which result differs after a stage below the IR, and what computes it."""
    if isinstance(got, str) or isinstance(want, str):
        ends = [x if isinstance(x, str) else "no exception" for x in (got, want)]
        return f"{name} gives {ends[0]}, the IR {ends[1]}: please report it"
    k = next(k for k, (g, w) in enumerate(zip(got, want, strict=True)) if not _close(g, w))
    defs = {r: i for i in function.instrs for r in i.results}
    instr = defs.get(function.results[k])
    where = "" if instr is None else f"{place(instr.loc)}: "
    what = "a parameter" if instr is None else named(instr)
    return (
        f"{where}{name} changed what {what} gives: {_short(got[k])}, and {_short(want[k])} before: "
        "please report it"
    )


def _short(array: Any) -> str:
    return np.array2string(np.asarray(array), threshold=6, edgeitems=2, separator=", ")
