"""`for_true` and `sum_true` in plain loops: what the GPU code generator reads.

A thread asks at each position. A sum adds zero where the mask does not hold, so that threads can
share it; on a GPU sums have an order of their own anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.program import Program
from tracejit.ir.types import INDEX


def plain(program: Program) -> Program:
    """The Program without `for_true` and `sum_true`."""
    return replace(program, host=_plain(program.host))


def _plain(function: Function) -> Function:
    instrs = tuple(_instr(i) for i in function.instrs)
    if all(a is b for a, b in zip(instrs, function.instrs, strict=True)):
        return function
    return Function(function.name, function.params, instrs, function.results)


def _instr(instr: Instr) -> Instr:
    if not instr.regions:
        return instr
    regions = tuple(_plain(r) for r in instr.regions)
    if any(a is not b for a, b in zip(regions, instr.regions, strict=True)):
        instr = replace(instr, regions=regions)
    plain = _PLAIN.get(instr.name)
    return instr if plain is None else plain(instr)


def _loop(instr: Instr) -> Instr:
    mask, body = instr.regions
    carried = instr.attrs["carried"]
    b = Builder("body")
    params = [b.param(INDEX, "i"), *_params(b, instr.operands[1:])]
    (holds,) = b.inline(mask, [params[0], *params[1 + carried :]])
    side = Builder("skip")
    skip = side.build(_params(side, params)[1 : 1 + carried])
    out = b.append("cond", [holds, *params], {}, (body, skip))
    return _as("for", instr, instr.operands, {"carried": carried}, b.build(out.results))


def _sum(instr: Instr) -> Instr:
    mask, element = instr.regions
    b = Builder("element")
    args = [b.param(INDEX, "i"), *_params(b, instr.operands[2:])]
    (holds,) = b.inline(mask, args)
    (value,) = b.inline(element, args)
    chosen = b.op("select", holds, value, b.const(0, value.dtype))
    return _as("sum_pairwise", instr, instr.operands[1:], {}, b.build([chosen]))


def _params(b: Builder, operands: Sequence[Value]) -> list[Value]:
    """A parameter for each operand, extents among them rebound."""
    mapping = Builder().params_like(list(dict.fromkeys(operands)))
    params: list[Value] = []
    for v in operands:
        params.append(Value(mapping[v].type, v.hint) if mapping[v] in params else mapping[v])
    b.params += params
    return params


def _as(
    name: str, old: Instr, operands: Sequence[Value], attrs: dict[str, int], region: Function
) -> Instr:
    made = Builder().append(name, operands, attrs, (region,), old.loc)
    return replace(made, results=old.results)


_PLAIN = {"for_true": _loop, "sum_true": _sum}
