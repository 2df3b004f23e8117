"""What `jit` and the transforms promise besides values: methods, caches, errors, derivatives."""

from __future__ import annotations

import functools
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit import (
    check_grads,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    options,
    value_and_grad,
    vjp,
    vmap,
)

ROOT = Path(__file__).resolve().parent.parent
SCALE = 2.0
TABLE = np.arange(3.0)


def scaled(x):
    return SCALE * np.exp(x) + TABLE


def doubled_in_place(x):
    x *= 2.0
    return np.sum(x * x)


def test_the_function_is_still_there() -> None:
    compiled = jit(scaled)
    assert compiled.py_func is scaled
    assert compiled.__wrapped__ is scaled
    assert compiled.__name__ == "scaled"


def test_every_stage_can_be_read() -> None:
    compiled = jit(scaled)
    x = np.ones(3)
    compiled(x)
    assert len(compiled.signatures) == 1
    assert "func @" in compiled.inspect_ir(x)
    assert "define " in compiled.inspect_llvm(x)
    assert ".text" in compiled.inspect_asm(x)
    assert list(compiled.inspect_ir()) == list(compiled.inspect_llvm())


def test_a_changed_global_is_never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = jit(scaled)
    x = np.ones(3)
    np.testing.assert_allclose(compiled(x), scaled(x), rtol=1e-15)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    np.testing.assert_allclose(compiled(x), scaled(x), rtol=1e-15)
    monkeypatch.setitem(globals(), "TABLE", np.full(3, 7.0))
    np.testing.assert_allclose(compiled(x), scaled(x), rtol=1e-15)


def test_three_compilations_serve_all_lengths() -> None:
    compiled = jit(lambda x: np.cumsum(x)[::2] + 1.0)
    for n in (*range(2, 30), 1, 0):
        x = np.arange(float(n))
        np.testing.assert_array_equal(compiled(x), np.cumsum(x)[::2] + 1.0)
    assert len(compiled.signatures) <= 5  # 0 and 1 are their own


def test_static_arguments() -> None:
    @jit(static_argnames="axis")
    def total(x: Any, axis: Any) -> Any:
        return x.sum(axis=axis)

    x = np.arange(6.0).reshape(2, 3)
    for axis in (0, 1, None):
        np.testing.assert_array_equal(total(x, axis=axis), x.sum(axis=axis))


def test_a_signature_compiles_at_once() -> None:
    compiled = jit("f8[:](f8[:], f8)")(lambda x, a: a * x)
    assert len(compiled.signatures) == 1
    np.testing.assert_array_equal(compiled(np.arange(4.0), 2.0), 2.0 * np.arange(4.0))
    assert len(compiled.signatures) == 1


def test_methods_bind() -> None:
    class Model:
        def __init__(self, slope: float) -> None:
            self.slope = slope

        @jit
        def apply(self, x: Any) -> Any:
            return self.slope * x

    assert Model(3.0).apply(np.ones(2)).tolist() == [3.0, 3.0]
    assert Model(4.0).apply(np.ones(2)).tolist() == [4.0, 4.0]


def test_errors_are_short_and_name_the_line() -> None:
    def wrong(x: Any, y: Any) -> Any:
        return x + y

    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)") as caught:
        jit(wrong)(np.ones(2), np.ones(3))
    assert Path(__file__).name in "".join(map(str, caught.traceback)) + str(caught.value)
    assert len(str(caught.value).splitlines()) <= 15


def test_the_environment_can_switch_it_off() -> None:
    code = "from tracejit import jit\ndef f(x): return x\nassert jit(f)('as it is') == 'as it is'"
    env = {**os.environ, "TRACEJIT_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True)


def test_gradients_leave_the_arguments_alone() -> None:
    x = np.array([1.0, -2.0, 3.0])
    before = x.copy()
    value, slope = value_and_grad(doubled_in_place)(x)
    assert value == 56.0
    np.testing.assert_array_equal(slope, 8.0 * before)
    np.testing.assert_array_equal(grad(doubled_in_place)(x), slope)
    np.testing.assert_array_equal(x, before)


def test_forward_and_reverse_agree() -> None:
    x = np.linspace(0.1, 0.9, 5)
    value, dot = jvp(np.sin, (x,), (np.ones(5),))
    np.testing.assert_allclose(value, np.sin(x), rtol=1e-15)
    np.testing.assert_allclose(dot, np.cos(x), rtol=1e-15)
    _, pullback = vjp(np.sin, x)
    np.testing.assert_allclose(pullback(np.ones(5))[0], dot, rtol=1e-15)


def test_derivatives_of_derivatives() -> None:
    def cube(x: Any) -> Any:
        return x * x * x

    assert jit(grad(grad(cube)))(2.0) == 12.0


def test_check_grads_accepts_what_is_right() -> None:
    check_grads(lambda x, y: np.sum(np.tanh(x @ y)), (np.eye(3), np.ones((3, 2))), order=2)


def test_check_grads_takes_any_layout() -> None:
    x = np.arange(6.0).reshape(2, 3)
    for laid in (np.asfortranarray(x), x[:, ::-1], np.broadcast_to(x[0], (2, 3)), x.T):
        check_grads(lambda x: np.sin(x) @ np.ones(x.shape[1]), (laid,), order=1)


def test_check_grads_sees_what_is_wrong() -> None:
    with pytest.raises(AssertionError):
        check_grads(lambda x: np.sum(np.floor(x) * x), (np.array([1.0, 1.5]),), order=1)


def test_gradient_of_an_integer_is_refused() -> None:
    with pytest.raises(TypeError):
        grad(lambda n: n * 2)(3)


def test_dir_shows_what_is_public() -> None:
    assert set(dir(tracejit)) == {*tracejit.__all__, "map", "__version__"}
    for name in dir(tracejit):
        assert getattr(tracejit, name) is not None


def squared(x: Any) -> Any:
    return np.sum(x * x)


@pytest.mark.parametrize(
    ("function", "option", "says"),
    [
        (jit, "nopython", "leave it out"),
        (jit, "forceobj", "fallback=True"),
        (jit, "static_argnum", "did you mean static_argnums?"),
        (jit, "shape", "did you mean shapes?"),
        (jit, "fall_back", "did you mean fallback?"),
        (jit, "dynamic", 'shapes="dynamic"'),
        (jit, "quux", "there are static_argnums, static_argnames, shapes"),
        (grad, "argnum", "did you mean argnums?"),
        (grad, "static_argnums", "jit(grad(f), static_argnames=...)"),
        (grad, "wrt", "argnames"),
        (value_and_grad, "argname", "did you mean argnames?"),
        (value_and_grad, "allow_int", "convert the argument"),
        (vmap, "in_axis", "did you mean in_axes?"),
        (vmap, "in_dims", "in_axes"),
        (vmap, "axis", "in_axes"),
        (jacfwd, "argnum", "did you mean argnums?"),
        (jacrev, "vectorize", "at once"),
        (hessian, "holomorph", "did you mean holomorphic?"),
        (hessian, "argname", "did you mean argnames?"),
        (hvp, "argnums", "it has none"),
    ],
)
def test_an_option_that_there_is_not(function: Any, option: str, says: str) -> None:
    with pytest.raises(TypeError) as caught:
        function(squared, **{option: 1})
    assert str(caught.value).startswith(f"{function.__name__} has no option {option!r}: ")
    assert says in str(caught.value)


def test_a_transform_with_options_and_no_function() -> None:
    with pytest.raises(TypeError, match=r"@functools\.partial\(grad, argnums=\.\.\.\)"):
        grad(argnums=1)  # type: ignore[call-overload]

    @functools.partial(grad, argnums=1)
    def slope(x: float, y: float) -> float:
        return x * y

    assert slope(2.0, 3.0) == 2.0


def test_foreign_options_are_none_of_ours() -> None:
    for name, table in options.FOREIGN.items():
        assert not set(table) & set(inspect.signature(getattr(tracejit, name)).parameters)


@pytest.mark.parametrize(("name", "says"), [("njit", "`jit`"), ("pmap", "`vmap`")])
def test_a_name_of_another_compiler(name: str, says: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}': it is {says} here"):
        getattr(tracejit, name)
