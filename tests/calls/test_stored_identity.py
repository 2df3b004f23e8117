"""Versions on disk of objects that are called: never one for the other, whatever they are named."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import grad, hessian, jacfwd, jit, jvp, linearize, vjp, vmap
from tracejit.calls.fingerprints import Unstorable, fingerprint


def by_cell(k: float) -> Callable[[Any], Any]:
    return lambda x: np.sin(k * x)


def nested(k: float) -> Callable[[Any], Any]:
    held = [k]

    def inner(x: Any) -> Any:
        return np.sin(held[0] * x)

    return lambda x: inner(x)


MAKES = (by_cell, nested)
CALLS: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "jit": lambda f: jit(f)(1.0),
    "grad": lambda f: grad(f)(1.0),
    "jvp": lambda f: jvp(f, (1.0,), (1.0,))[1],
    "vjp": lambda f: vjp(f, 1.0)[1](1.0)[0],
    "linearize": lambda f: linearize(f, 1.0)[1](1.0),
    "vmap": lambda f: vmap(f)(np.ones(1))[0],
}


def test_functions_of_one_code_are_told_apart(tmp_path: Path) -> None:
    """In one process, and in another that finds what the first one left."""
    program = """
        from tests.calls.test_stored_identity import CALLS, MAKES
        print([float(f(make(k))) for f in CALLS.values() for make in MAKES for k in (2.0, 3.0)])
    """
    value, slope = [np.sin(2.0), np.sin(3.0)], [2.0 * np.cos(2.0), 3.0 * np.cos(3.0)]
    wanted = [(value if name in ("jit", "vmap") else slope) * len(MAKES) for name in CALLS]
    for _ in range(2):
        found = ast.literal_eval(in_its_own_process(program, tmp_path))
        np.testing.assert_allclose(found, np.ravel(wanted))


METHOD = """
class Held:
    w = 2.5
Held.m = (lambda use: lambda self, x: use(x, self.w))(lambda x, v: x SIGN v)
held = Held()
def f(x): return held.m(x)
"""


def test_what_runs_as_it_is_stays_in_its_process(tmp_path: Path) -> None:
    """A function of ``exec`` calls methods that no trace sees: another process asks for itself."""
    for sign, wanted in (("*", [0.0, 2.5, 5.0]), ("+", [2.5, 3.5, 4.5])):
        program = f"""
            import numpy as np
            from tracejit import jit
            exec({METHOD.replace("SIGN", sign)!r})
            print(jit(f)(np.arange(3.0)).tolist())
        """
        assert ast.literal_eval(in_its_own_process(program, tmp_path)) == wanted


def test_what_a_pullback_computes_is_part_of_what_it_is() -> None:
    first, second = (vjp(f, np.ones(3))[1].map for f in (lambda x: x * 2.0, lambda x: x + x))
    found = set()
    for number, linear in enumerate((first, second)):
        try:
            found.add(fingerprint(linear))
        except Unstorable:
            found.add(str(number))
    assert len(found) == 2


@pytest.mark.parametrize("of", [np.linalg.norm, np.sin, np.sum])
def test_transforms_of_a_function_of_a_library_are_told_apart(of: Any) -> None:
    assert len({fingerprint(t(of)) for t in (grad, vmap, hessian, jacfwd)} | {fingerprint(of)}) == 5


def test_a_record_that_is_only_returned_comes_back_from_disk(tmp_path: Path) -> None:
    program = """
        from dataclasses import dataclass
        import numpy as np
        from tracejit import jit, vjp

        @dataclass
        class Pair:
            a: object
            b: object

        @jit
        def f(x):
            return Pair(x + 1, {"two": (x * 2, Pair(x, None))})

        got = f(np.ones(2))
        assert type(got) is Pair and type(got.b["two"][1]) is Pair
        assert vjp(lambda x: x * 3.0, 1.0)[1](1.0) == (3.0,)
        print(f.stats().loaded)
    """
    assert [in_its_own_process(program, tmp_path) for _ in range(2)] == ["0", "1"]


def test_a_function_that_is_told_apart_is_so_in_another_process(tmp_path: Path) -> None:
    """Of two that are made of the same, the first process is asked for one, the second for both."""
    program = """
        import pathlib
        from tracejit import jit

        def made():
            return lambda t: t * 2.0

        a, b = made(), made()
        f = jit(lambda g: (g is a) * 1.0)
        there = pathlib.Path("again").exists()
        pathlib.Path("again").touch()
        print([f(g) for g in ((b, a) if there else (a,))], f.stats().loaded)
    """
    found = [in_its_own_process(program, tmp_path) for _ in range(2)]
    assert found == ["[1.0] 0", "[0.0, 1.0] 0"]


def in_its_own_process(program: str, folder: Path) -> str:
    """What it prints, with a cache in the folder."""
    (folder / "of_its_own.py").write_text(textwrap.dedent(program))
    environment = {
        **os.environ,
        "TRACEJIT_CACHE_DIR": str(folder / "cache"),
        "TRACEJIT_CACHE_VERSIONS": "1",
        "PYTHONPATH": os.pathsep.join(p for p in (os.getcwd(), os.environ.get("PYTHONPATH")) if p),
    }
    done = subprocess.run(
        [sys.executable, "of_its_own.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
