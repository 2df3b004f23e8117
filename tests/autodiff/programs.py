"""Programs with loops, branches and mutation, written with the builder, and their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Value, type_uses
from tracejit.ir.types import INDEX, tensor

Emit = Callable[..., "list[Value]"]
F64 = tensor("f64")


def _region(
    name: str, groups: Sequence[Sequence[Value]], emit: Emit, counter: bool
) -> tuple[Function, list[Value]]:
    """A closed region whose parameters are like ``groups``, extents they mention appended."""
    values = [v for g in groups for v in g]
    extents = list(dict.fromkeys(u for v in values for u in type_uses(v.type) if u not in values))
    b = Builder(name)
    step = [b.param(INDEX, "i")] if counter else []
    extent_params = {e: Value(INDEX) for e in extents}
    # An operand may occur twice (two parameters), so extents are bound before the rest.
    bound = {**extent_params, **{v: Value(INDEX) for v in values if v.type == INDEX}}
    params = [bound.get(v) or Value(rename_type(v.type, bound)) for v in values]
    b.params += [*params, *extent_params.values()]
    return b.build(emit(b, *step, *params)), extents


def for_loop(
    b: Builder, n: Value, inits: Sequence[Value], consts: Sequence[Value], emit: Emit
) -> Any:
    """``for i in range(n): carried = emit(b, i, *carried, *consts)``."""
    region, extents = _region("body", [inits, consts], emit, counter=True)
    return b.op("for", n, *inits, *consts, *extents, regions=(region,), carried=len(inits))


def while_loop(
    b: Builder, inits: Sequence[Value], consts: Sequence[Value], test: Emit, emit: Emit
) -> Any:
    """``while test(*carried, *consts): carried = emit(b, *carried, *consts)``."""
    first, extents = _region("test", [inits, consts], test, counter=False)
    second, _ = _region("body", [inits, consts], emit, counter=False)
    return b.op("while", *inits, *consts, *extents, regions=(first, second), carried=len(inits))


def branch(b: Builder, pred: Value, args: Sequence[Value], then: Emit, other: Emit) -> Any:
    """``then(*args) if pred else other(*args)``."""
    sides = [_region(n, [args], e, counter=False) for n, e in (("then", then), ("else", other))]
    return b.op("cond", pred, *args, *sides[0][1], regions=(sides[0][0], sides[1][0]))


def at(b: Builder, x: Value, *index: Any) -> Value:
    """``x[index]``, a scalar."""
    return b.reshape(b.slice(x, index, [1] * x.rank), ())


def put(b: Builder, x: Value, value: Value, *index: Any) -> Value:
    """``x`` with ``x[index] = value``."""
    cell = b.reshape(value, (1,) * x.rank)
    return b.op("put_slice", x, cell, *b.bounds(index, None))


def plus(b: Builder, i: Value, k: int) -> Value:
    return b.op("add", i, b.const(k, "i64"))


def lit(b: Builder, number: float) -> Value:
    return b.const(number, "f64")


Program = tuple[Function, list[Any], list[int]]


def gauss_seidel() -> Program:
    """``for i in range(n-1): x[i+1] = sin(x[i]) * x[i+1] * x[0]``."""
    b = Builder("gauss_seidel")
    n = b.param(INDEX)
    x = b.param(tensor("f64", (n.dim,)))

    def body(b: Builder, i: Value, x: Value) -> list[Value]:
        j = plus(b, i, 1)
        new = b.op("mul", b.op("sin", at(b, x, i)), b.op("mul", at(b, x, j), at(b, x, 0)))
        return [put(b, x, new, j)]

    out = for_loop(b, plus(b, n, -1), [x], [], body)
    rng = np.random.default_rng(1)
    return b.build([out]), [6, rng.normal(size=6) + 1.5], [1]


def recurrence() -> Program:
    """A scalar carried through a loop that reads a constant array by element."""
    b = Builder("recurrence")
    x, s = b.param(tensor("f64", (5,))), b.param(F64)

    def body(b: Builder, i: Value, s: Value, x: Value) -> list[Value]:
        return [b.op("add", b.op("mul", s, at(b, x, i)), b.op("sin", s))]

    out = for_loop(b, b.const(5), [s], [x], body)
    return b.build([out]), [np.linspace(0.2, 1.1, 5), 0.7], [0, 1]


def newton() -> Program:
    """A square root by Newton's iteration in a ``while``."""
    b = Builder("newton")
    a = b.param(F64)

    def test(b: Builder, y: Value, a: Value) -> list[Value]:
        gap = b.op("abs", b.op("sub", b.op("mul", y, y), a))
        return [b.op("gt", gap, lit(b, 1e-12))]

    def body(b: Builder, y: Value, a: Value) -> list[Value]:
        return [b.op("mul", lit(b, 0.5), b.op("add", y, b.op("div", a, y)))]

    out = while_loop(b, [lit(b, 1.0)], [a], test, body)
    return b.build([out]), [2.3], [0]


def lu() -> Program:
    """LU without pivoting: nested loops over rows that shrink."""
    b = Builder("lu")
    size = 4
    a = b.param(tensor("f64", (size, size)))

    def eliminate(b: Builder, i: Value, a: Value, k: Value) -> list[Value]:
        row = b.op("add", plus(b, k, 1), i)
        factor = b.op("div", at(b, a, row, k), at(b, a, k, k))
        a = put(b, a, factor, row, k)
        width = size - 1 - k.dim
        below = b.slice(a, [row, plus(b, k, 1)], (1, width))
        pivot = b.slice(a, [k, plus(b, k, 1)], (1, width))
        new = b.op("sub", below, b.op("mul", b.broadcast(factor, (1, width)), pivot))
        return [b.op("put_slice", a, new, *b.bounds([row, plus(b, k, 1)], None))]

    def column(b: Builder, k: Value, a: Value) -> list[Value]:
        rows = b.op("sub", b.const(size - 1), k)
        return [for_loop(b, rows, [a], [k], eliminate)]

    out = for_loop(b, b.const(size), [a], [], column)
    rng = np.random.default_rng(2)
    return b.build([out]), [rng.normal(size=(size, size)) + 4 * np.eye(size)], [0]


def branches_in_a_loop() -> Program:
    """``x[i] = x[i]**2 if x[i] > 0 else sin(x[i] * x[i+1])``, and a running product."""
    b = Builder("branches")
    x = b.param(tensor("f64", (5,)))

    def body(b: Builder, i: Value, x: Value, p: Value) -> list[Value]:
        cell, after = at(b, x, i), at(b, x, plus(b, i, 1))
        new = branch(
            b,
            b.op("gt", cell, lit(b, 0.0)),
            [cell, after],
            lambda b, c, a: [b.op("mul", c, c)],
            lambda b, c, a: [b.op("sin", b.op("mul", c, a))],
        )
        return [put(b, x, new, i), b.op("mul", p, new)]

    x2, p = for_loop(b, b.const(4), [x, lit(b, 1.0)], [], body)
    return b.build([x2, p]), [np.array([0.5, -1.2, 0.8, -0.4, 1.1])], [0]


def updates_in_a_branch() -> Program:
    """A branch that writes the carried array, inside a loop."""
    b = Builder("branch_updates")
    x = b.param(tensor("f64", (5,)))

    def body(b: Builder, i: Value, x: Value) -> list[Value]:
        cell = at(b, x, i)

        def then(b: Builder, x: Value, cell: Value, i: Value) -> list[Value]:
            return [put(b, x, b.op("mul", cell, at(b, x, 0)), plus(b, i, 1))]

        even = b.op("eq", b.op("remainder", i, b.const(2)), b.const(0))
        return [branch(b, even, [x, cell, i], then, lambda b, x, c, i: [x])]

    out = for_loop(b, b.const(4), [x], [], body)
    return b.build([out]), [np.array([0.5, -1.2, 0.8, -0.4, 1.1])], [0]


def diffusion() -> Program:
    """Whole-array steps with a maximum and a branch, as in the photograph demo."""
    b = Builder("diffusion")
    x = b.param(tensor("f64", (4, 5)))

    def body(b: Builder, t: Value, x: Value) -> list[Value]:
        left, right = b.slice(x, [0, 0], (4, 4)), b.slice(x, [0, 1], (4, 4))
        g = b.op("sub", right, left)
        w = b.op(
            "div", b.full(1.0, g.tensor), b.op("sqrt", b.op("add", b.op("mul", g, g), b.lit(1, g)))
        )
        x = b.op(
            "add_slice", x, b.op("mul", b.lit(0.3, g), b.op("mul", w, g)), *b.bounds([0, 0], None)
        )
        top = b.op("reduce_max", x, axes=(0, 1))
        return [
            branch(
                b,
                b.op("gt", top, lit(b, 1.0)),
                [x, top],
                lambda b, x, m: [b.op("div", x, b.broadcast(m, x.shape))],
                lambda b, x, m: [x],
            )
        ]

    out = for_loop(b, b.const(3), [x], [], body)
    return b.build([out]), [np.random.default_rng(3).normal(size=(4, 5))], [0]


def ping_pong() -> Program:
    """Two arrays that swap names each step."""
    b = Builder("ping_pong")
    n = b.param(INDEX)
    x, y = b.param(tensor("f64", (n.dim,))), b.param(tensor("f64", (n.dim,)))

    def body(b: Builder, t: Value, x: Value, y: Value) -> list[Value]:
        inner = (x.shape[0] - 2,)
        mean = b.op("mul", b.slice(x, [0], inner), b.slice(x, [2], inner))
        y = b.op("put_slice", y, b.op("sin", mean), *b.bounds([1], None))
        return [y, x]

    outs = for_loop(b, b.const(4), [x, y], [], body)
    rng = np.random.default_rng(4)
    return b.build(list(outs)), [6, rng.normal(size=6), rng.normal(size=6)], [1, 2]


def shrinking() -> Program:
    """An array carried with its extent, one shorter each iteration, in a ``while``."""
    b = Builder("shrinking")
    n = b.param(INDEX)
    x = b.param(tensor("f64", (n.dim,)))

    def test(b: Builder, n: Value, x: Value) -> list[Value]:
        return [b.op("gt", n, b.const(2))]

    def body(b: Builder, n: Value, x: Value) -> list[Value]:
        m = plus(b, n, -1)
        near = b.op("mul", b.slice(x, [0], (m.dim,)), b.slice(x, [1], (m.dim,)))
        return [m, b.op("tanh", near)]

    _, out = while_loop(b, [n, x], [], test, body)
    return b.build([b.op("reduce_sum", out, axes=(0,))]), [6, np.linspace(0.5, 1.6, 6)], [1]


def while_in_for() -> Program:
    """A ``while`` of unknown length inside a ``for``: both use one tape."""
    b = Builder("while_in_for")
    x = b.param(tensor("f64", (4,)))

    def test(b: Builder, s: Value, c: Value) -> list[Value]:
        return [b.op("lt", s, lit(b, 4.0))]

    def grow(b: Builder, s: Value, c: Value) -> list[Value]:
        return [b.op("add", b.op("mul", s, b.op("exp", c)), b.op("mul", c, c))]

    def body(b: Builder, i: Value, total: Value, x: Value) -> list[Value]:
        start = b.op("add", b.op("mul", total, lit(b, 0.1)), lit(b, 0.5))
        s = while_loop(b, [start], [at(b, x, i)], test, grow)
        return [b.op("sin", b.op("add", total, s))]

    out = for_loop(b, b.const(4), [lit(b, 0.3)], [x], body)
    return b.build([out]), [np.array([0.3, 0.5, 0.21, 0.8])], [0]


def histogram() -> Program:
    """``h[index[i]] *= x[i]`` through scatter, with repeats, and an array of indices at once."""
    b = Builder("histogram")
    h, x = b.param(tensor("f64", (3,))), b.param(tensor("f64", (4,)))
    index = b.param(tensor("i64", (4,)))

    def body(b: Builder, i: Value, h: Value, x: Value, index: Value) -> list[Value]:
        k = at(b, index, i)
        old = b.op("gather", h, k, axes=(0,))
        h = b.op("scatter", h, b.op("mul", old, at(b, x, i)), k, axes=(0,), mode="set")
        pair = b.slice(index, [0], (2,))
        picked = b.op("gather", h, pair, axes=(0,))
        return [b.op("scatter", h, b.op("sin", picked), pair, axes=(0,), mode="add")]

    out = for_loop(b, b.const(4), [h], [x, index], body)
    args = [np.array([0.4, 0.9, 1.3]), np.array([1.2, 0.7, 0.9, 1.4]), np.array([2, 0, 2, 1])]
    return b.build([out]), args, [0, 1]


def raising_branch() -> Program:
    """A branch whose other side raises, with a check before it."""
    b = Builder("raising")
    x = b.param(tensor("f64", (3,)))
    total = b.op("reduce_sum", x, axes=(0,))
    b.op("check", b.op("gt", total, lit(b, 0.0)), exc="ValueError", message="not positive")

    def fails(b: Builder, x: Value, t: Value) -> list[Value]:
        b.op("raise", exc="ValueError", message="too large")
        return []

    out = branch(
        b,
        b.op("lt", total, lit(b, 100.0)),
        [x, total],
        lambda b, x, t: [b.op("mul", b.op("exp", x), b.broadcast(t, x.shape))],
        fails,
    )
    return b.build([out]), [np.array([0.2, 0.5, 0.1])], [0]


def no_trips() -> Program:
    """A loop that does not run: the derivative is the identity."""
    b = Builder("no_trips")
    n, x = b.param(INDEX), b.param(tensor("f64", (3,)))

    def body(b: Builder, i: Value, x: Value) -> list[Value]:
        return [b.op("exp", x)]

    return b.build([for_loop(b, n, [x], [], body)]), [-2, np.array([0.2, 0.5, 0.1])], [1]


PROGRAMS: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (
        gauss_seidel,
        recurrence,
        newton,
        lu,
        branches_in_a_loop,
        updates_in_a_branch,
        diffusion,
        ping_pong,
        shrinking,
        while_in_for,
        histogram,
        raising_branch,
        no_trips,
    )
}
