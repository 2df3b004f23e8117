"""``TRACEJIT_DISABLE_JIT`` and ``jit(disable_jit=True)``: a debugger stops in the user's code."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import (
    TracejitError,
    UnsupportedError,
    grad,
    hessian,
    jacfwd,
    jit,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "users.py"
    file.write_text(code)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, str(file)], env=env, input="", capture_output=True, text=True, check=True
    )


@jit(disable_jit=True)
def doubled(x: Any, by: float = 2.0) -> Any:
    return x * by if isinstance(x, list) else [x * by]


class Model:
    @jit(disable_jit=True)
    def apply(self, x: Any) -> Any:
        return type(x).__name__, type(self).__name__


def test_the_function_runs_as_it_is() -> None:
    assert doubled(2.0, by=3.0) == [6.0]
    assert doubled.py_func(1.0) == [2.0]
    assert doubled.__name__ == "doubled"
    assert doubled.signatures == []
    assert doubled.stats().python_calls == 1
    assert doubled.stats().compilations == 0
    assert Model().apply(np.ones(2)) == ("ndarray", "Model")
    doubled.recompile()
    doubled.compile("f8(f8)")


def test_there_is_no_code_to_look_at() -> None:
    for look in (doubled.inspect_ir, doubled.inspect_asm, doubled.explain):
        with pytest.raises(TracejitError, match="doubled is not compiled, as jit is switched off"):
            look(1.0)


def test_it_goes_into_compiled_functions_and_transforms() -> None:
    @jit(disable_jit=True)
    def square(x: Any) -> Any:
        return x * x

    assert jit(lambda x: square(x) + 1.0)(3.0) == 10.0
    assert grad(square)(3.0) == 6.0
    assert jit(square)(3.0) == 9.0
    assert pickle.loads(pickle.dumps(doubled)) is doubled


def test_a_breakpoint_stops_with_the_users_variables(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
from tracejit import grad, jit, jvp, value_and_grad, vmap

seen = []
sys.breakpointhook = lambda: seen.append(dict(sys._getframe(1).f_locals))

@jit
def f(x, n):
    y = x * n
    breakpoint()
    return y.sum()

def loss(w, x):
    r = w * x
    if isinstance(r, np.ndarray):
        breakpoint()
    return (r * r).sum()

x = np.arange(3.0)
assert f(x, 2) == 6.0 and f.stats().python_calls == 1 and f.py_func.__name__ == "f"
assert seen[0]["y"].tolist() == [0.0, 2.0, 4.0] and seen[0]["n"] == 2

for call in (grad(loss), value_and_grad(loss), jit(grad(loss)), jit(loss),
             lambda w, x: jvp(loss, (w, x), (w, x)),
             lambda w, x: vmap(loss, in_axes=(None, 0))(w, np.stack([x, x]))):
    del seen[:]
    call(np.ones(3), x)
    assert len(seen) == 1, len(seen)
    assert seen[0]["r"].tolist() == [0.0, 1.0, 2.0]
assert grad(loss)(np.ones(3), x).tolist() == [0.0, 2.0, 8.0]
print("right")
"""
    assert run(code, tmp_path, TRACEJIT_DISABLE_JIT="1").stdout == "right\n"


@jit(disable_jit=True)
def stopped(x: Any, k: float) -> Any:
    secret = x * k
    breakpoint()
    return secret.sum()


def running(x: Any, k: float) -> Any:
    secret = x * k
    breakpoint()
    return secret.sum()


class Stopping:
    by = 2.0

    @jit(disable_jit=True)
    def apply(self, x: Any) -> Any:
        secret = x * self.by
        breakpoint()
        return secret.sum()


X = np.arange(3.0)
TRANSFORMS: dict[str, Callable[[], Any]] = {
    "grad": lambda: grad(stopped)(X, 2.0),
    "partial": lambda: grad(functools.partial(stopped, k=2.0))(X),
    "method": lambda: grad(Stopping().apply)(X),
    "jit of grad": lambda: jit(grad(stopped))(X, 2.0),
    "grad of jit of grad": lambda: vmap(jit(grad(stopped)), (0, None))(np.stack([X, X]), 2.0),
    "jit(disable_jit) of grad": lambda: jit(grad(running), disable_jit=True)(X, 2.0),
    "grad of it": lambda: jacfwd(jit(grad(running), disable_jit=True))(X, 2.0),
    "value_and_grad": lambda: value_and_grad(stopped)(X, 2.0),
    "vmap": lambda: vmap(stopped, in_axes=(0, None))(np.stack([X, X]), 2.0),
    "jvp": lambda: jvp(stopped, (X, 2.0), (X, 0.0)),
    "vjp": lambda: vjp(stopped, X, 2.0)[1](1.0),
    "hessian": lambda: hessian(stopped)(X, 2.0),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_of_what_is_switched_off_stop_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        sys, "breakpointhook", lambda: seen.append(sys._getframe(1).f_locals["secret"].copy())
    )
    for _ in range(2):  # the first call compiles
        del seen[:]
        TRANSFORMS[name]()
        assert [s.tolist() for s in seen] == [[0.0, 2.0, 4.0]]


def test_switching_one_off_leaves_equal_transforms_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "breakpointhook", lambda: None)
    before = stopped.stats().python_calls
    assert grad(stopped)(X, 2.0).tolist() == [2.0, 2.0, 2.0]
    assert stopped.stats().python_calls == before + 1
    for plain in (stopped.py_func, running):
        with pytest.raises(UnsupportedError, match="disable_jit=True for the function that is"):
            grad(plain)(X, 2.0)
    ran = jit(grad(running), disable_jit=True)
    ran(X, 2.0)
    assert ran.stats().python_calls == 1


def test_draws_of_a_transform_are_those_of_one_call(tmp_path: Path) -> None:
    code = """
import numpy as np
from tracejit import value_and_grad

def noisy(x, rng):
    return (x * rng.random(3)).sum() + np.random.random()

np.random.seed(1)
rng = np.random.default_rng(0)
print(value_and_grad(noisy)(np.ones(3), rng)[0], rng.random(), np.random.random())
"""
    plain = run(code, tmp_path).stdout
    assert run(code, tmp_path, TRACEJIT_DISABLE_JIT="1").stdout == plain


def test_pdb_stops_in_the_users_file(tmp_path: Path) -> None:
    file = tmp_path / "users.py"
    file.write_text(
        "import numpy as np\nfrom tracejit import jit\n@jit\ndef f(x):\n    y = x + 1\n"
        "    return y\nf(np.ones(2))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pdb", "-c", f"break {file}:6", "-c", "continue", str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TRACEJIT_DISABLE_JIT": "1"},
        input="p y\nq\n",
        capture_output=True,
        text=True,
    )
    assert "users.py(6)f()" in done.stdout
    assert "array([2., 2.])" in done.stdout


def test_a_debugger_in_compiled_code_is_told_how_to_stop() -> None:
    def stops(x: Any) -> Any:
        breakpoint()
        return x

    for function in (stops, grad(stops)):
        with pytest.raises(UnsupportedError, match="TRACEJIT_DISABLE_JIT=1"):
            jit(function)(1.0)
