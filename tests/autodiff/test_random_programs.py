"""Random nests of loops, branches and updates: derivatives to second order.

``TRACEJIT_FUZZ=n`` runs n programs instead of the few of an ordinary run.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import at, branch, for_loop, put, while_loop
from tests.autodiff.test_rows import run
from tracejit.autodiff.numeric import check_function
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.types import INDEX, tensor

COUNT = int(os.environ.get("TRACEJIT_FUZZ", "60"))
SIZE = 4


class Writer:
    """Writes random statements over three scalars and two arrays; all values stay in (-2, 2)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def pick(self, values: list[Value]) -> int:
        return int(self.rng.integers(len(values)))

    def place(self, b: Builder, i: Value | None) -> Value:
        """An index in range: a constant, or the iteration number modulo the size."""
        if i is None or self.rng.random() < 0.3:
            return b.const(int(self.rng.integers(SIZE)), "i64")
        return b.op("remainder", i, b.const(SIZE, "i64"))  # type: ignore[no-any-return]

    def block(self, b: Builder, state: list[Value], i: Value | None, depth: int) -> list[Value]:
        """Some statements; the state (three scalars, then two arrays) after them."""
        state = list(state)
        for _ in range(int(self.rng.integers(1, 5))):
            kinds = [
                "scalar",
                "scalar",
                "read",
                "write",
                "write",
                "array",
                "window",
                "swap",
                "alias",
            ]
            if depth > 0:
                kinds += ["for", "for", "cond", "cond", "while"]
            kind = kinds[int(self.rng.integers(len(kinds)))]
            getattr(self, f"do_{kind}")(b, state, i, depth)
        return state

    def do_scalar(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        x, y = s[self.pick(s[:3])], s[self.pick(s[:3])]
        name = ["sin", "tanh", "cos"][int(self.rng.integers(3))]
        s[self.pick(s[:3])] = b.op(name, b.op(["mul", "add"][int(self.rng.integers(2))], x, y))

    def do_read(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        s[self.pick(s[:3])] = b.op("sin", at(b, s[3 + self.pick(s[3:])], self.place(b, i)))

    def do_write(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        k = 3 + self.pick(s[3:])
        place = self.place(b, i)
        new = b.op("mul", at(b, s[k], place), s[self.pick(s[:3])])
        s[k] = put(b, s[k], b.op("sin", new), self.place(b, i))

    def do_array(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        x, y = s[3 + self.pick(s[3:])], s[3 + self.pick(s[3:])]
        s[3 + self.pick(s[3:])] = b.op("tanh", b.op("mul", x, y))
        s[self.pick(s[:3])] = b.op("sin", b.op("reduce_sum", x, axes=(0,)))

    def do_window(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        k = 3 + self.pick(s[3:])
        x = b.op("sin", b.slice(s[7 - k], [1], (2,)))
        name = ["put_slice", "add_slice"][int(self.rng.integers(2))]
        s[k] = b.op(name, s[k], b.op("mul", x, b.lit(0.5, x)), *b.bounds([2], None))

    def do_swap(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        s[3], s[4] = s[4], s[3]

    def do_alias(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        s[0], s[3] = s[1], s[4]

    def do_for(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        trips = b.const(int(self.rng.integers(0, 4)), "i64")
        carried = [k for k in range(5) if self.rng.random() < 0.7] or [0]
        fixed = [k for k in range(5) if k not in carried]

        def body(b: Builder, i: Value, *values: Value) -> list[Value]:
            state = dict(zip([*carried, *fixed], values, strict=True))
            after = self.block(b, [state[k] for k in range(5)], i, depth - 1)
            return [after[k] for k in carried]

        outs = for_loop(b, trips, [s[k] for k in carried], [s[k] for k in fixed], body)
        self.assign(s, carried, outs)

    def do_while(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        trips = int(self.rng.integers(0, 4))

        def test(b: Builder, count: Value, *values: Value) -> list[Value]:
            return [b.op("lt", count, b.const(trips, "i64"))]

        def body(b: Builder, count: Value, *values: Value) -> list[Value]:
            after = self.block(b, list(values), count, depth - 1)
            return [b.op("add", count, b.const(1, "i64")), *after]

        outs = while_loop(b, [b.const(0, "i64"), *s], [], test, body)
        s[:] = outs[1:]

    def do_cond(self, b: Builder, s: list[Value], i: Value | None, depth: int) -> None:
        index = i if i is not None else b.const(1, "i64")
        even = b.op("eq", b.op("remainder", index, b.const(2, "i64")), b.const(0, "i64"))
        positive = b.op("gt", s[self.pick(s[:3])], b.const(0.05))
        pred = [even, positive][int(self.rng.integers(2))]
        changed = [k for k in range(5) if self.rng.random() < 0.6] or [0]

        def side(b: Builder, *values: Value) -> list[Value]:
            after = self.block(b, list(values[:5]), values[5], depth - 1)
            return [after[k] for k in changed]

        self.assign(s, changed, branch(b, pred, [*s, index], side, side))

    def assign(self, s: list[Value], places: list[int], outs: Any) -> None:
        for k, out in zip(places, outs if isinstance(outs, tuple) else (outs,), strict=True):
            s[k] = out


def program(seed: int) -> Function:
    """A function of the arrays' extent (static for even seeds), three scalars and two arrays."""
    b = Builder(f"random_{seed}")
    extent = b.param(INDEX).dim if seed % 2 else SIZE
    params = [b.param(tensor("f64")) for _ in range(3)]
    params += [b.param(tensor("f64", (extent,))) for _ in range(2)]
    if not seed % 2:
        b.params.insert(0, Value(INDEX))
    return b.build(Writer(np.random.default_rng(seed)).block(b, params, None, 2))


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = [SIZE, *rng.uniform(0.3, 1.2, 3), *rng.uniform(0.3, 1.2, (2, SIZE))]
    check_function(program(seed), args, list(range(1, 6)), run, order=2)
