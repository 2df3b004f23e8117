"""Which loops of a kernel are found to be parallel: every refusal has a kernel that needs it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.ptx.run_program import Simulator, run_program
from tracejit.codegen_ptx.lower import ptx_module
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.types import INDEX, dense_buffer, tensor
from tracejit.lower.lower import lower
from tracejit.lower.parallel import Kernel, Phase

Point = Callable[[Builder, Value, Value, Value, Value], None]


def nest(point: Point) -> Function:
    """for i in range(9): for j in range(5): point(b, x, y, i, j), on f64[9, 9] buffers."""
    kernel, outer, inner = Builder("kernel"), Builder("outer"), Builder("inner")
    type_ = dense_buffer(tensor("f64", (9, 9)))
    params = [kernel.param(type_, n) for n in "xy"]
    i = outer.param(INDEX, "i")
    x, y = (outer.param(type_) for _ in range(2))
    j = inner.param(INDEX, "j")
    deep_i, deep_x, deep_y = inner.param(INDEX), inner.param(type_), inner.param(type_)
    point(inner, deep_x, deep_y, deep_i, j)
    body = inner.build([])
    outer.append("for", [outer.index(5), i, x, y], {"carried": 0}, (body,))
    kernel.append("for", [kernel.index(9), *params], {"carried": 0}, (outer.build([]),))
    return kernel.build([])


def copy(write: Callable[..., list[Value]], read: Callable[..., list[Value]], same: bool) -> Point:
    """x[write] = 2 * (x if same else y)[read]"""

    def point(b: Builder, x: Value, y: Value, i: Value, j: Value) -> None:
        value = b.op("load", x if same else y, *read(b, i, j))
        b.append("store", [x, b.op("add", value, value), *write(b, i, j)], {})

    return point


def plain(b: Builder, i: Value, j: Value) -> list[Value]:
    return [i, j]


def turned(b: Builder, i: Value, j: Value) -> list[Value]:
    return [j, i]


def scaled(b: Builder, i: Value, j: Value) -> list[Value]:
    return [b.index(8 - i.dim), b.index(2 * j.dim)]


def above(b: Builder, i: Value, j: Value) -> list[Value]:
    return [b.index(i.dim - 1), j]


def leaning(b: Builder, i: Value, j: Value) -> list[Value]:
    return [b.index(0), b.index(i.dim + j.dim)]


def row(b: Builder, i: Value, j: Value) -> list[Value]:
    return [b.index(0), j]


@pytest.mark.parametrize(
    ("write", "read", "same", "parallel"),
    [
        (plain, turned, False, (0, 1)),
        (plain, plain, True, (0, 1)),
        (scaled, plain, False, (0, 1)),
        (plain, turned, True, ()),
        (plain, above, True, (1,)),
        (leaning, plain, False, ()),
        (row, row, True, (1,)),
        (row, plain, False, (1,)),
    ],
)
def test_parallel_loops(write: Callable, read: Callable, same: bool, parallel: tuple) -> None:
    phase = one_phase(Kernel(nest(copy(write, read, same))))
    assert phase.parallel == parallel
    assert phase.role == ("map" if parallel else "serial")


def one_phase(kernel: Kernel) -> Phase:
    (phase,) = kernel.phases()
    return phase


def test_memory_that_may_overlap_keeps_its_order() -> None:
    function = nest(copy(plain, plain, False))
    assert one_phase(Kernel(function)).parallel == (0, 1)
    assert one_phase(Kernel(function, [(0, 1)])).role == "serial"


def test_a_fold_of_floats_keeps_its_order() -> None:
    """`s += x[i]` is one thread's work; the sum of integers may be anyone's."""
    for dtype, role in (("f64", "serial"), ("i64", "total")):
        kernel, body = Builder("kernel"), Builder("body")
        type_ = dense_buffer(tensor(dtype, (1000,)))
        x = kernel.param(type_)
        i, s, y = body.param(INDEX), body.param(tensor(dtype)), body.param(type_)
        region = body.build([body.op("add", s, body.op("load", y, i))])
        operands = [kernel.index(1000), kernel.const(0, dtype), x]
        loop = kernel.append("for", operands, {"carried": 1}, (region,))
        assert one_phase(Kernel(kernel.build(list(loop.results)))).role == role


@pytest.mark.parametrize(
    ("turn", "reads_before", "role"),
    [(0, False, "total"), (0, True, "serial"), (1, False, "serial")],
)
def test_a_fold_may_store_what_is_its_own(turn: int, reads_before: bool, role: str) -> None:
    """n += 1, y[i + turn * n] = n: iterations meet, or what was read before them has changed."""
    kernel, body = Builder("kernel"), Builder("body")
    type_ = dense_buffer(tensor("i64", (1000,)))
    y, place = kernel.param(type_), kernel.param(type_)
    i, n = body.param(INDEX), body.param(INDEX)
    inner, read = body.param(type_), body.param(type_)
    one = body.op("load", read, i)
    body.append("store", [inner, one, body.index(turn) if turn else i], {})
    region = body.build([body.op("add", n, one)])
    first = kernel.op("load", y, kernel.index(3))
    operands = [kernel.index(1000), kernel.const(0, "i64"), y, place]
    loop = kernel.append("for", operands, {"carried": 1}, (region,))
    results = [*loop.results, *([first] if reads_before else [])]
    if not reads_before:
        kernel.instrs.remove(next(k for k in kernel.instrs if k.results == (first,)))
    assert one_phase(Kernel(kernel.build(results))).role == role


def test_an_argument_is_written_where_the_caller_has_it() -> None:
    b = Builder("shift")
    x = b.param(tensor("f64", (300,)), "x")
    moved = b.op("put_slice", x, b.slice(x, (0,), (299,), (1,)), *b.bounds((1,), (1,)))
    b.op("write_back", moved, arg=0)
    program = lower(b.build([]), [(16,)])
    memory = np.arange(600.0)
    ptx = ptx_module(program)
    assert run_program(ptx, [memory[::2]], Simulator(ptx.text)) == []
    want = np.arange(0, 600.0, 2)
    want[1:] = want[:-1].copy()
    np.testing.assert_array_equal(memory[::2], want)
    np.testing.assert_array_equal(memory[1::2], np.arange(1, 600.0, 2))


def test_what_the_host_computes_is_listed() -> None:
    b = Builder("shown")
    x = b.param(tensor("f64"), "x")
    b.op("print", x, parts=(None,))
    ptx = ptx_module(lower(b.build([])))
    assert [r.split()[0] for r in ptx.on_host] == ["print"]
    assert "on the host, with copies: print" in ptx.plan
