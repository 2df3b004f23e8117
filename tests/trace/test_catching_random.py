"""Random programs with `try` in NumPy and compiled. ``TRACEJIT_TRY_PROGRAMS`` sets how many."""

from __future__ import annotations

import copy
import importlib.util
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import StructureError, UnsupportedError, jit

COUNT = int(os.environ.get("TRACEJIT_TRY_PROGRAMS", "12"))
HEAD = """import numpy as np


def helper(x, i, k):
    if k == 2:
        raise ValueError("two")
    try:
        return x[i] + 10.0
    except IndexError:
        if k == 0:
            raise
        return np.float64(0)


def f(x, i, j, k):
    s = np.float64(0)
    y = np.float64(1)
"""
EXPRESSIONS = ["s + 1.0", "x[i]", "x[j]", "10.0 / (1 + i * i)", "float(8 // k)", "np.sqrt(abs(s))"]
PLACES = ["i", "j", "i + 1", "k", "0", "-1", "i - j"]
TESTS = ["i > 2", "s > 3", "k == 0", "x[0] > 1", "j < 0", "x[i] > 0"]
KINDS = ["IndexError", "ZeroDivisionError", "(IndexError, ValueError)", "Exception", "LookupError"]
FINALLY = ["x[1] = s", "s = s + 100.0", "x[2] += 1.0"]
JUMPS = ['raise ValueError("bad")', 'raise IndexError(f"i {i}")', "return s, y"]


class Writer:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.loops = 0

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def simple(self, depth: int) -> None:
        pick = self.random.choice
        place, value = pick(PLACES), pick(EXPRESSIONS)
        forms = [f"s = s + {value}", f"x[{place}] = {value}", f"y = {value}", f"s = s + x[{place}]"]
        forms += [f"x[{place}] += 1.5", "k = k + 1", f"y = helper(x, {place}, k)"]
        self.line(depth, pick(forms))

    def block(self, depth: int, room: int, *, in_loop: bool = False) -> None:
        for _ in range(self.random.randint(1, 3)):
            c = self.random.random()
            if room == 0 or c < 0.4:
                self.simple(depth)
            elif c < 0.6:
                self.branch(depth, room, in_loop)
            elif c < 0.7:
                self.loop(depth, room)
            else:
                self.attempt(depth, room, in_loop)

    def branch(self, depth: int, room: int, in_loop: bool) -> None:
        self.line(depth, f"if {self.random.choice(TESTS)}:")
        if self.random.random() < 0.25:
            jumps = [*JUMPS, "break", "continue"] if in_loop else JUMPS
            self.line(depth + 1, self.random.choice(jumps))
            return
        self.block(depth + 1, room - 1, in_loop=in_loop)
        if self.random.random() < 0.5:
            self.line(depth, "else:")
            self.block(depth + 1, room - 1, in_loop=in_loop)

    def loop(self, depth: int, room: int) -> None:
        self.loops += 1
        self.line(depth, f"for q{self.loops} in range({self.random.choice(['3', 'i + 2', 'k'])}):")
        self.line(depth + 1, f"s = s + x[q{self.loops}]")
        self.block(depth + 1, room - 1, in_loop=True)

    def attempt(self, depth: int, room: int, in_loop: bool) -> None:
        chance = self.random.random
        self.line(depth, "try:")
        self.block(depth + 1, room - 1, in_loop=in_loop)
        ends = chance() < 0.35
        handlers = self.random.randint(0 if ends else 1, 2)
        for _ in range(handlers):
            self.line(depth, f"except {self.random.choice(KINDS)}:")
            self.block(depth + 1, room - 1, in_loop=in_loop)
            if chance() < 0.2:
                self.line(depth + 1, "raise")
        if handlers and chance() < 0.35:
            self.line(depth, "else:")
            self.block(depth + 1, room - 1, in_loop=in_loop)
        if ends:
            self.line(depth, "finally:")
            self.line(depth + 1, self.random.choice(FINALLY))


def program(seed: int, folder: Path) -> Any:
    """A real file, because the tracer reads the source of what it converts."""
    writer = Writer(seed)
    writer.block(1, 3)
    writer.line(1, "return s, y")
    file = folder / f"try_{seed}.py"
    file.write_text(HEAD + "\n".join(writer.lines) + "\n")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f


def outcome(f: Any, args: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "result", f(*args)
    except (UnsupportedError, StructureError):
        return "refused", None
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_program(seed: int, tmp_path: Path) -> None:
    f = program(seed, tmp_path)
    draw = random.Random(seed)
    compiled = jit(shapes=draw.choice(["auto", "dynamic"]))(f)
    for _ in range(5):
        start = np.arange(4.0) + draw.randint(-1, 1)
        args = (start, draw.randint(-2, 5), draw.randint(-5, 4), draw.randint(0, 2))
        plain, given = copy.deepcopy(args), copy.deepcopy(args)
        with np.errstate(all="ignore"):
            want = outcome(f, plain)
        got = outcome(compiled, given)
        if got[0] == "refused":
            continue
        assert got[0] == want[0], (args, got, want)
        np.testing.assert_equal(got[1], want[1])
        np.testing.assert_equal(given, plain)
