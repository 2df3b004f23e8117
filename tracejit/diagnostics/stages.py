"""``jit(debug=True)``: a call interpreted after each pass and stage; the first that parts is named.

Passes have to keep every bit. The lowered program and native code may round elementary functions
otherwise than NumPy by a unit or two, and are compared within that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tracejit.calls.compiler import pipeline
from tracejit.calls.versions import Options
from tracejit.codegen_llvm.compile import compile_program
from tracejit.diagnostics.replay import Recorded, named, place, recorded
from tracejit.diagnostics.shown import Run, Runs, Shown, close, close_texts
from tracejit.errors import InternalError
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import values_of
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import instructions
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.lower.shared_loops import share_loops
from tracejit.passes.runner import bits

Inputs = Sequence[Any]


def compare(function: Callable[..., Any], options: Options, args: Any, kwargs: Any) -> None:
    """Raise InternalError naming the stage, the instruction and the line where results part."""
    seen = recorded(function, args, kwargs)
    before, runs = seen.function, Runs(seen)
    shown = runs.interpreted(before)
    for each in pipeline(stabilize=options.stabilize):
        after = each(before)
        now = runs.interpreted(after)
        # What rewrites a function so that it does not overflow changes what it computes.
        if each.__name__ != "stabilize" and not now.same_bits(shown):
            raise _parted(f"pass {each.__name__}", before, after, seen.args, now, shown)
        before, shown = after, now
    for name, run in _lowered(before, seen):
        got = runs.of(run)
        if not _alike(got, shown):
            raise InternalError(_report(name, before, seen, got, shown))


def _lowered(function: Function, seen: Recorded) -> list[tuple[str, Run]]:
    program = lower(function, seen.layouts, seen.numbers)
    merged = merge(program)
    shared = share_loops(merged)
    return [
        ("lowering", partial(interpret_program, program)),
        ("fusion of kernels", partial(interpret_program, merged)),
        ("sharing of loops", partial(interpret_program, shared)),
        ("native code", lambda arrays: compile_program(shared).call(*arrays)),
    ]


def _alike(got: Shown, want: Shown) -> bool:
    """Whether two runs show the same but for rounding."""
    return (
        all(map(close, got.results, want.results))
        and all(map(close, got.left, want.left))
        and (got.error is None) == (want.error is None)
        and all(map(close_texts, got.error or (), want.error or ()))
        and close_texts("".join(got.printed), "".join(want.printed))
    )


def _parted(
    what: str, before: Function, after: Function, inputs: Inputs, got: Shown, want: Shown
) -> InternalError:
    old = {bits(x) for x in values_of(before, inputs).values()}
    env = values_of(after, inputs)
    ends = {bits(x) for x in map(values_of(before, inputs).get, _ends(before)) if x is not None}
    wrong = [v for v in _ends(after) if v in env and bits(env[v]) not in ends]
    if not wrong:
        return InternalError(_effects(what, before, got, want))
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


def _report(name: str, function: Function, seen: Recorded, got: Shown, want: Shown) -> str:
    """Which result differs after a stage below the IR, and what computes it."""
    pairs = zip(got.results, want.results, function.results, strict=False)
    wrong = next((p for p in pairs if not close(*p[:2])), None)
    written = all(map(close, got.left, want.left))
    if wrong is None or not written or (got.error or want.error):  # what is written comes before
        return _effects(name, function, got, want)
    defs = {r: i for i in function.instrs for r in i.results}
    instr = defs.get(wrong[2])
    where = "" if instr is None else f"{place(instr.loc)}: "
    what = "a parameter" if instr is None else named(instr)
    return (
        f"{where}{name} changed what {what} gives: {_short(wrong[0])}, and {_short(wrong[1])} "
        "before: please report it"
    )


def _effects(name: str, function: Function, got: Shown, want: Shown) -> str:
    """What differs where no result does: the exception, what is printed or written."""
    if got.error != want.error:
        now, earlier = map(_end, (got, want))
        kind = (want.error or ("",))[0]
        where = _line(function, lambda i: i.attrs.get("exc") == kind)
        return f"{where}{name} ends in {now}, and in {earlier} before: please report it"
    if not close_texts("".join(got.printed), "".join(want.printed)):
        where = _line(function, lambda i: i.name == "print")
        shown = ["".join(run.printed) for run in (got, want)]
        return f"{where}{name} prints {shown[0]!r}, and {shown[1]!r} before: please report it"
    where = _line(function, lambda i: i.name == "write_back")
    k = next(
        k
        for k, pair in enumerate(zip(got.left, want.left, strict=True))
        if not close(*pair) or (name.startswith("pass") and bits(pair[0]) != bits(pair[1]))
    )
    left = [_short(run.left[k]) for run in (got, want)]
    return (
        f"{where}{name} leaves {left[0]} in an array of the caller, and {left[1]} before: "
        "please report it"
    )


def _end(run: Shown) -> str:
    return "no exception" if run.error is None else ": ".join(filter(None, run.error))


def _line(function: Function, of: Callable[[Instr], bool]) -> str:
    """The line of the first instruction of a kind, where it is known."""
    defs = {r: i for i in instructions(function) for r in i.results}
    for instr in filter(of, instructions(function)):
        made = defs.get(instr.operands[0]) if instr.operands else None
        loc = instr.loc or (None if made is None else made.loc)
        if loc is not None:
            return f"{place(loc)}: "
    return ""


def _short(array: Any) -> str:
    return np.array2string(np.asarray(array), threshold=6, edgeitems=2, separator=", ")
