"""Elements that never change again are not put back: random loop nests over one or two arrays.

Every nest is differentiated with and without that, and the gradients agree: reads before and after
writes of the same, of neighbouring and of far elements, in loops up, down and over triangles, in
branches, in `while`, of versions that are held, swapped or looked at from inner loops.
"""

from __future__ import annotations

import linecache
import random
import zlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

from tests.passes.test_copies import made_by
from tests.programs import in_place
from tracejit import grad, jit
from tracejit.autodiff import loops
from tracejit.autodiff.settled import Settled
from tracejit.ir.interpret.program_interpreter import Traffic, interpret_program

N = 6
RANGES = {
    "i": ["range(1, n - 1)", "range(n - 2, 0, -1)", "range(1, n - 1, 2)"],
    "j": ["range(1, n - 1)", "range(i)", "range(i + 1, n)", "range(n - 2, i, -1)", "range(1, i)"],
    "k": ["range(1, n - 1)", "range(i)", "range(j + 1, n)", "range(max(i - 1, 0), n)"],
}


def hash_of(source: str) -> int:
    return zlib.crc32(source.encode())


class Nest:
    """The source of one random function of two matrices."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.lines = ["def nest(A, B):", "    n = A.shape[0]", "    s = 0.5"]
        for _ in range(self.r.choice([1, 1, 2])):
            self.loop(["i", "j", "k"], [], 1)
        self.lines.append("    return np.sum(np.sin(A) * (1 + B)) + s")

    def add(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def loop(self, left: list[str], around: list[str], depth: int) -> None:
        name, *left = left
        self.add(depth, f"for {name} in {self.r.choice(RANGES[name])}:")
        around = [*around, name]
        for _ in range(self.r.choice([1, 2, 2, 3])):
            if left and self.r.random() < 0.45:
                self.loop(left, around, depth + 1)
            else:
                self.statement(around, depth + 1)

    def at(self, around: list[str]) -> str:
        """An index of one axis, in range by itself or by wrapping."""
        name = self.r.choice(around)
        return self.r.choice([name, name, name, f"({name} - 1)", f"({name} + 1) % n", "0", "n - 1"])

    def element(self, around: list[str]) -> str:
        array = self.r.choice("AAAB")
        return f"{array}[{self.at(around)}, {self.at(around)}]"

    def statement(self, around: list[str], depth: int) -> None:
        e = [self.element(around) for _ in range(4)]
        row = f"A[{self.at(around)}]"
        kinds = [
            f"{e[0]} -= 0.1 * {e[1]} * {e[2]}",
            f"{e[0]} = np.sin({e[1]}) + 0.3 * {e[2]}",
            f"{e[0]} += 0.2 * {e[1]}",
            f"s += np.cos({e[0]}) * {e[1]}",
            f"t = {e[0]}; {e[1]} = 0.5 * t; {e[2]} += 0.1 * t * t",
            f"if {e[0]} > 0.3: {e[1]} = {e[2]} * {e[3]}",
            f"v = {row}.copy(); {e[0]} += 0.1 * v[0]; s += np.sum(v * v) * 0.1",
            f"{row} = {row} * 0.9 + 0.1 * B[{self.at(around)}] ** 2",
            f"{e[0]}, {e[1]} = {e[1]}, {e[0]}",
            f"s += 0.1 * np.sum({row} * B[{self.at(around)}])",
        ]
        self.add(depth, self.r.choice(kinds))

    def function(self) -> Callable[..., Any]:
        names: dict[str, Any] = {"np": np}
        source = "\n".join(self.lines) + "\n"
        file = f"<nest {hash_of(source)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        exec(compile(source, file, "exec"), names)
        nest: Callable[..., Any] = names["nest"]
        return nest


def gradients(fn: Callable[..., Any], args: tuple[Any, ...]) -> list[Any]:
    """What the gradient is, with settled elements and without."""
    found = [jit(grad(fn, argnums=(0, 1)))(*args)]
    with mock.patch.object(loops, "settled_reads", return_value=Settled()):
        found.append(jit(grad(fn, argnums=(0, 1)))(*args))
    return found


def check_nest(seed: int) -> None:
    nest = Nest(seed)
    rng = np.random.default_rng(seed)
    fn, args = nest.function(), (rng.random((N, N)) + 0.1, rng.random((N, N)) + 0.1)
    with_, without = gradients(fn, args)
    for got, want in zip(with_, without, strict=True):
        scale = 1.0 + np.max(np.abs(want))
        message = "\n".join(nest.lines)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * scale, err_msg=message)


@pytest.mark.parametrize("seed", range(24))
def test_random_nests(seed: int) -> None:
    check_nest(seed)


def peak(fn: Callable[..., Any], args: tuple[Any, ...]) -> int:
    """Bytes that a gradient owns at most."""
    fast = jit(grad(fn), shapes="static")
    made = fast._dispatcher.version_for(*args).artefacts
    traffic = Traffic()
    interpret_program(made.program, [np.array(a) for a in args], traffic)
    return traffic.peak


@pytest.mark.parametrize(
    "name", ["cholesky_by_elements", "lu_by_elements", "lu_stored_multipliers"]
)
def test_factorisations_keep_what_does_not_grow_faster_than_the_matrix(name: str) -> None:
    fn, arguments, _ = next(c for c in in_place.SIZED if c[0].__name__ == name)

    def loss(A: Any) -> Any:
        return np.sum(np.sin(fn(A)))

    for n in (6, 12):
        (A,) = made_by(arguments)(n)()
        assert peak(loss, (A,)) <= 32 * n * n
