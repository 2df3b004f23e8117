"""Instructions with regions by their parts, and that a new one is a row and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import branch, for_loop, while_loop
from tracejit.autodiff import batched, jvp, vjp
from tracejit.autodiff.linearity import linear_results
from tracejit.autodiff.region_rules import REGION_RULES, RegionRules
from tracejit.autodiff.spread import spread
from tracejit.autodiff.tangents import active_results
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Primitive
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.ops.control import check_params
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.types import tensor


def test_every_region_op_of_tensors_has_rules() -> None:
    assert {n for n, p in TABLE.items() if p.kind == "control"} == set(REGION_RULES)


def made(which: str) -> tuple[Builder, Instr]:
    b = Builder(which)
    n, x, y = b.param(tensor("i64")), b.param(tensor("f64")), b.param(tensor("f64"))
    if which == "for":
        for_loop(b, n, [x], [y], lambda b, i, c, k: [b.op("mul", c, k)])
    elif which == "while":
        small: Any = lambda b, c, k: [b.op("lt", c, k)]  # noqa: E731
        while_loop(b, [x], [y], small, lambda b, c, k: [b.op("add", c, k)])
    else:
        branch(b, b.op("lt", x, y), [x, y], lambda b, p, q: [p], lambda b, p, q: [q])
    return b, b.instrs[-1]


@pytest.mark.parametrize(
    ("which", "parts"),
    [("for", (1, 1, 1)), ("while", (0, 1, 1)), ("cond", (1, 0, 2))],
)
def test_parts(which: str, parts: tuple[int, int, int]) -> None:
    b, instr = made(which)
    op = RegionOp(instr)
    lead, inits, consts = op.split(instr.operands)
    assert (len(lead), len(inits), len(consts)) == parts
    assert (tuple(inits), tuple(consts)) == (op.inits, op.consts)
    assert op.given == op.inits + op.consts
    assert op.is_loop == (which != "cond")
    assert is_counted(instr) == (op.trip is not None) == (which == "for")
    assert (op.test is None) == (which != "while")
    for region in instr.regions:
        assert [v for _, v in op.bound(region)] == [*inits, *consts]
        assert list(op.constants(region)) == list(zip(op.consts_in(region), consts, strict=True))
        own = len(region.params) - len(inits) - len(consts)
        assert region.params == (
            *region.params[:own],
            *op.carried_in(region),
            *op.consts_in(region),
        )


def _infer(operands: Any, attrs: Any, regions: Any) -> Any:
    check_params(regions[0], operands, "once")
    return tuple(r.type for r in regions[0].results)


def _forward(forward: Any, instr: Instr, operands: Any, mapping: Any) -> None:
    results = forward.run(instr.regions[0], operands)
    mapping.update(zip(instr.results, results, strict=True))


def _linearize(lin: Any, instr: Instr, mapping: Any) -> None:
    results = lin.run(instr.regions[0], [mapping.get(v, v) for v in instr.operands])
    mapping.update(zip(instr.results, results, strict=True))


ONCE = RegionRules(
    active=lambda instr, flags: active_results(instr.regions[0], flags),
    linear=lambda instr, flags: linear_results(instr.regions[0], flags),
    spread=lambda instr, flags: spread(instr.regions[0], flags),
    batch=lambda batcher, instr, operands, flags: batcher.run(instr.regions[0], operands),
    forward=_forward,
    linearize=_linearize,
)


@pytest.mark.parametrize("transform", ["jvp", "vjp", "batched"])
def test_another_region_op_is_another_row(transform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``once`` runs its region; with it in a loop everything is as if the region stood there."""
    prim = Primitive("once", "control", _infer)
    monkeypatch.setitem(TABLE, "once", prim)
    monkeypatch.setitem(REGION_RULES, "once", ONCE)

    def function(wrapped: bool) -> Function:
        inner = Builder("inner")
        p, q = inner.param(tensor("f64")), inner.param(tensor("f64"))
        region = inner.build([inner.op("mul", inner.op("sin", p), q)])

        def step(b: Builder, i: Any, c: Any, k: Any) -> Any:
            if wrapped:
                return list(b.append("once", [c, k], {}, (region,)).results)
            return list(b.inline(region, [c, k]))

        b = Builder("f")
        n, x, y = b.param(tensor("i64")), b.param(tensor("f64")), b.param(tensor("f64"))
        return b.build([for_loop(b, n, [x], [y], step)])

    args = [np.int64(3), np.float64(0.7), np.float64(1.3)]

    def run(f: Function) -> Any:
        if transform == "jvp":
            return interpret(jvp(f, [1, 2]), [*args, np.float64(1.0), np.float64(-0.5)])
        if transform == "vjp":
            return interpret(vjp(f, [1, 2]), [*args, np.float64(2.0)])
        b = Builder("many")
        params = [b.param(tensor("i64")), b.param(tensor("f64", (4,))), b.param(tensor("f64"))]
        results, _ = batched(b, f, params, [False, True, False], 4)
        return interpret(b.build(results), [args[0], np.linspace(0, 1, 4), args[2]])

    for got, want in zip(run(function(True)), run(function(False)), strict=True):
        np.testing.assert_array_equal(got, want)
