"""Merging costs what there is to merge, however much has been merged already."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit import jit
from tracejit.ir import accesses
from tracejit.ir.builder import Builder
from tracejit.ir.core import ELEMENTARY_COST, Instr, Value
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.printer import format_function
from tracejit.ir.program import Program, kernels, verify_program
from tracejit.ir.types import tensor
from tracejit.lower import kernel_fusion as merging
from tracejit.lower.fusion import KERNEL_LIMIT
from tracejit.lower.lower import lower


def chain(length: int) -> Program:
    """As many kernels over one outer loop, each of which uses what the one before made."""
    b = Builder("chain")
    x = b.param(tensor("f64", (4, 3)))
    results = []
    for k in range(length):
        sums = b.op("reduce_sum", b.op("mul", x, b.full(float(k + 2), x.tensor)), axes=(1,))
        x = b.op("sub", x, b.broadcast(sums, x.shape, (0,)))
        results.append(sums)
    return lower(b.build([*results, x]))


class Steps:
    """Counts the instructions that are cloned, and the memories that are compared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        clone, joined = Builder.clone, accesses.Touched.joined

        def counting_clone(b: Builder, instr: Instr, mapping: dict[Value, Value]) -> Instr:
            self.count += 1
            return clone(b, instr, mapping)

        def counting_joined(one: accesses.Touched, other: accesses.Touched) -> accesses.Touched:
            self.count += 1
            return joined(one, other)

        monkeypatch.setattr(Builder, "clone", counting_clone)
        monkeypatch.setattr(accesses.Touched, "joined", counting_joined)

    def of(self, program: Program) -> int:
        """The steps of one merge."""
        before = self.count
        merging.merge(program)
        return self.count - before


def test_joins_cost_the_same_however_many_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "KERNEL_LIMIT", 100_000)
    programs = [chain(n) for n in (10, 20, 40, 80)]
    merged = [len(list(kernels(merging.merge(p).host))) for p in programs]
    assert merged == [1, 1, 1, 1]
    steps = Steps(monkeypatch)
    ten, twenty, forty, eighty = map(steps.of, programs)
    assert twenty - ten > 0
    assert forty - twenty == 2 * (twenty - ten)
    assert eighty - forty == 4 * (twenty - ten)


def test_what_an_expression_uses_twice_counts_once() -> None:
    """It is computed once: no part of it is given memory."""
    b = Builder("f")
    x = b.param(tensor("f64", (100,)))
    for _ in range(KERNEL_LIMIT * 2 // (3 * ELEMENTARY_COST)):
        x = b.op("sin", x)
    total = b.op("add", b.op("sqrt", x), b.op("mul", x, x))
    program = lower(b.build([b.op("add", total, total)]))
    assert len(list(kernels(program.host))) == 1
    assert "alloc" not in {i.name for i in program.host.instrs}


def test_inner_loops_join_too() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (4, 3)))
    function = b.build([b.op("exp", x), b.op("neg", x), b.op("mul", x, x)])
    program = merging.merge(lower(function))
    verify_program(program)
    assert format_function(program.host).count(" for ") == 2
    given = np.random.default_rng(0).normal(size=(4, 3))
    for got, want in zip(
        interpret_program(program, [given]), interpret(function, [given]), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def doubled_then_summed(x: Any, first: slice, second: slice) -> None:
    x[first] *= 2.0
    x[second] += np.sum(x[second] * x[second], axis=1)[:, None]


WITHOUT_FIRST, WITHOUT_LAST = slice(1, None), slice(None, -1)
EVEN, ODD, BACK = slice(None, None, 2), slice(1, None, 2), slice(None, None, -1)


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (WITHOUT_FIRST, WITHOUT_FIRST, 1),
        (EVEN, EVEN, 1),
        (BACK, BACK, 1),
        (WITHOUT_FIRST, WITHOUT_LAST, 2),
        (EVEN, ODD, 2),
        (BACK, slice(None), 2),
    ],
)
def test_loops_join_where_both_take_the_same_step(first: slice, second: slice, count: int) -> None:
    """Both write rows in place: that may become one loop where it is the same row each time."""

    def program(x: Any) -> None:
        doubled_then_summed(x, first, second)

    x = np.random.default_rng(2).normal(size=(6, 3))
    want = x.copy()
    program(want)
    compiled = jit(program, shapes="static")
    assert compiled.inspect_program(x).count("launch") == count
    compiled(x)
    np.testing.assert_allclose(x, want, rtol=1e-14)


def test_a_kernel_that_would_be_too_large_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    program = chain(12)
    size = sum(merging._size(k.regions[0]) for k in kernels(program.host))
    monkeypatch.setattr(merging, "KERNEL_LIMIT", size // 3)
    merged = merging.merge(program)
    verify_program(merged)
    found = [merging._size(k.regions[0]) for k in kernels(merged.host)]
    assert 3 <= len(found) < len(list(kernels(program.host)))
    assert max(found) <= size // 3


def test_what_a_chain_computes_stays() -> None:
    program = chain(9)
    given = np.random.default_rng(1).normal(size=(4, 3))
    before = interpret_program(program, [given])
    for got, want in zip(interpret_program(merging.merge(program), [given]), before, strict=True):
        np.testing.assert_array_equal(got, want)


def costs(program: Program) -> list[int]:
    """Scalar operations in each kernel's text."""
    return [merging._size(kernel.regions[0]) for kernel in kernels(program.host)]


@pytest.mark.parametrize("length", [10, 30, 60, 80])
def test_kernels_of_a_long_chain_of_costly_operations_stay_small(length: int) -> None:
    """LLVM's time grows faster than a kernel, and a large one loses its vector code."""
    b = Builder("chain")
    x = b.param(tensor("f64", (100,)))
    c, d = b.param(tensor("f64", ())), b.param(tensor("f64", ()))
    for _ in range(length):
        wide = [b.broadcast(v, x.shape, ()) for v in (c, d)]
        x = b.op("add", b.op("mul", b.op("sin", x), wide[0]), wide[1])
    merged = merging.merge(lower(b.build([x])))
    assert max(costs(merged)) <= KERNEL_LIMIT + ELEMENTARY_COST
    assert sum(costs(merged)) <= length * (ELEMENTARY_COST + 2) + 10 * len(costs(merged))
