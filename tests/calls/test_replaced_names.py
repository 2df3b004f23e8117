"""A library's function that a program replaces in its module is what every later call finds, in
this process and where a version comes from the disk."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracejit import jit


class Class:
    best = max


class Counted:
    def scaled(self, x: Any) -> Any:
        return x * 2


class Other:
    def scaled(self, x: Any) -> Any:
        return x * 5


SPACE = SimpleNamespace(f=math.sin, g=Counted().scaled)
COUNTED = Counted()


@functools.wraps(np.linalg.norm)
def twice_the_norm(x: Any, norm: Any = np.linalg.norm) -> Any:
    return norm(x) * 2


REPLACED: dict[str, tuple[Any, Any, str, Any]] = {
    "a ufunc": (lambda x: np.sin(x), np, "sin", np.cos),
    "a ufunc by a function of ours": (lambda x: np.sin(x), np, "sin", lambda x: x * 100),
    "a function of a part of NumPy": (
        lambda x: np.linalg.norm(x), np.linalg, "norm", twice_the_norm,
    ),
    "a constant": (lambda x: x * np.pi, np, "pi", 3.0),
    "a dtype": (lambda x: (x / 3).astype(np.float32), np, "float32", np.float64),
    "Python's math": (lambda x: x * math.exp(1.0), math, "exp", lambda x: x * 7),
    "a builtin in a class": (lambda x: Class.best(x[0], 9.0), Class, "best", min),
    "a builtin in an object": (lambda x: SPACE.f(x[0]), SPACE, "f", math.cos),
    "a method in an object": (lambda x: SPACE.g(x), SPACE, "g", Other().scaled),
    "an attribute before a method": (
        lambda x: COUNTED.scaled(x), COUNTED, "scaled", lambda x: x * 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLACED)
def test_a_call_sees_what_is_there_now(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, owner, attribute, other = REPLACED[name]
    f, x = jit(function), np.array([0.5, 1.5])
    before = f(x)
    assert np.allclose(before, function(x), rtol=1e-15)
    with monkeypatch.context() as patched:
        patched.setattr(owner, attribute, other)
        assert np.allclose(f(x), function(x), rtol=1e-15)
        assert np.asarray(f(x)).dtype == np.asarray(function(x)).dtype
        assert not np.array_equal(f(x), before)
    assert np.array_equal(f(x), before)


PROGRAM = """
import math, sys
import numpy as np
{}
from tracejit import jit
@jit
def sines(x): return np.sin(x) + np.cos(x) + np.abs(x) + np.sum(x)
@jit
def others(x): return x * math.exp(0.5) + np.linalg.norm(x)
x = np.array([0.5, -1.5])
for f in sines, others:
    assert np.allclose(f(x), f.py_func(x), rtol=1e-15), (f.__name__, f(x), f.py_func(x))
print(sines.stats().loaded + others.stats().loaded)
"""
BEFORE_LOADING = [
    "np.sin = np.cos",
    "np.abs = lambda x: x * 100",
    "np.cos = np.sinh; math.exp = math.cos",
]


def test_it_may_be_replaced_before_the_compiler_is_loaded(tmp_path: Path) -> None:
    def loaded(replaced: str) -> int:
        (tmp_path / "program.py").write_text(PROGRAM.format(replaced))
        found = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=os.environ
            | {"TRACEJIT_CACHE_VERSIONS": "1", "TRACEJIT_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr[-2000:]
        return int(found.stdout)

    assert loaded("") == 0
    assert loaded("") == 2
    for replaced in BEFORE_LOADING:
        assert loaded(replaced) < 2
        assert loaded(replaced) == 2
