"""Random programs of three numbers, Python's and NumPy's of many kinds, that branches and loops
swap, mix and add up."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from tests.fuzz.program import Program

PYTHON = ("bool", "int", "float", "complex")
NUMPY = ("int8", "uint8", "int64", "uint64", "float16", "float32", "float64", "complex64")
CONSTANTS = (
    *("0", "1", "2", "True", "0.5", "0.0", "100", "-1", "2.5", "1j", "0.1"),
    *("np.uint8(200)", "np.int8(3)", "np.float32(0.5)"),
)
CLASSES = ("int", "float", "bool", "complex", "np.integer", "np.floating", "np.float64")
CONVERSIONS = ("int", "float", "bool", "complex", "np.float32", "np.int8", "np.float64")
NAMES = ("a", "b", "c")


def scalar_program(seed: int) -> Program:
    """The program of a seed; ``number_arguments`` gives what it is called with."""
    return Program(_Writer(random.Random(seed)).source(), (), "auto", seed)


def number_arguments(seed: int) -> list[tuple[Any, ...]]:
    """Two sets of arguments of the same kinds: what branches ask, turns, and three numbers."""
    r = random.Random(-1 - seed)
    kinds = [r.choice(PYTHON + NUMPY) for _ in NAMES]
    return [
        (
            np.array([r.choice([-1, 0, 1]) for _ in range(8)]),
            r.choice([1, 2, 3, 5]),
            *(_number(r, kind) for kind in kinds),
        )
        for _ in range(2)
    ]


def _number(r: random.Random, kind: str) -> Any:
    x = r.choice([0, 1, 2, 3, 5, -1, -2, 100, 200, 0.5, -1.5, 2.5])
    if kind == "bool":
        return r.random() < 0.5
    if kind == "complex64":
        return np.complex64(complex(x, r.choice([0, 1, -2])))
    if kind in PYTHON:
        return {"int": int, "float": float, "complex": complex}[kind](x)
    dtype = np.dtype(kind)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return dtype.type(max(info.min, min(int(x), info.max)))
    return dtype.type(x)


class _Writer:
    """Writes one program."""

    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.in_loop = False

    def source(self) -> str:
        r = self.r
        lines = ["def f(k, n, a, b, c):"]
        lines += [f"    {x} = {r.choice(CONSTANTS)}" for x in NAMES if r.random() < 0.5]
        lines += self.statements(1, r.choice([1, 2]))
        lines += self.loop(1)
        if r.random() < 0.4:
            lines += self.statements(1, 1)
        return "\n".join([*lines, "    return a, b, c"]) + "\n"

    def loop(self, depth: int) -> list[str]:
        self.in_loop = True
        body = self.statements(depth + 1, self.r.choice([1, 2, 3]))
        self.in_loop = False
        return ["    " * depth + "for i in range(n):", *body]

    def statements(self, depth: int, count: int) -> list[str]:
        return [line for _ in range(count) for line in self.statement(depth)]

    def statement(self, depth: int) -> list[str]:
        r, pad = self.r, "    " * depth
        kind = r.choices(["bind", "update", "swap", "if", "for"], [9, 3, 2, 4, 2])[0]
        if kind == "for" and depth < 3 and not self.in_loop:
            return self.loop(depth)
        if kind == "if" and depth < 4:
            lines = [f"{pad}if {self.test()}:", *self.statements(depth + 1, r.choice([1, 1, 2]))]
            if r.random() < 0.6:
                lines += [f"{pad}else:", *self.statements(depth + 1, 1)]
            return lines
        if kind == "update":
            return [f"{pad}{r.choice(NAMES)} {r.choice('++-*')}= {self.atom()}"]
        if kind == "swap":
            x, y = r.sample(NAMES, 2)
            return [f"{pad}{x}, {y} = {y}, {r.choice([x, x, f'{x} + {y}'])}"]
        return [f"{pad}{r.choice(NAMES)} = {self.expression()}"]

    def test(self) -> str:
        r = self.r
        place = r.choice(["i % 8", "i % 7"]) if self.in_loop else str(r.randrange(8))
        other = r.choice([*NAMES, *CONSTANTS[:8]])
        return r.choices(
            [
                f"k[{place}] > {r.choice([-1, 0])}",
                f"{r.choice(NAMES)} {r.choice(['<', '>', '==', '!=', '<=', '>='])} {other}",
                f"isinstance({r.choice(NAMES)}, {r.choice(CLASSES)})",
                r.choice(NAMES),
            ],
            [12, 3, 2, 3],
        )[0]

    def atom(self) -> str:
        return self.r.choice(NAMES if self.r.random() < 0.7 else CONSTANTS)

    def expression(self) -> str:
        r, x = self.r, self.r.choice(NAMES)
        return r.choices(
            [
                self.atom(),
                f"{self.atom()} {r.choice('++-**')} {x}",
                f"{self.atom()} {r.choice(['/', '//', '%'])} {r.choice([*NAMES, '1', '2'])}",
                f"{r.choice(['-', '+', 'abs'])}({x})",
                f"{self.atom()} if {self.test()} else {self.atom()}",
                f"{r.choice(['max', 'min'])}({self.atom()}, {x})",
                f"{self.atom()} {r.choice(['and', 'or'])} {self.atom()}",
                f"{r.choice(CONVERSIONS)}({x})",
            ],
            [20, 45, 7, 8, 10, 4, 3, 3],
        )[0]
