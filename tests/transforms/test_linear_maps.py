"""vjp, linearize, hvp: against differences and each other; the function runs once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.transforms.programs import PROGRAMS, differences, point
from tracejit import (
    UnsupportedError,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    trees,
    vjp,
)

RNG = np.random.default_rng(1)
X = np.array([0.3, -1.2, 2.0])
WAYS: dict[str, Callable[[Any], Any]] = {
    "called": lambda f: f,
    "jitted": lambda f: jit(f, shapes="dynamic"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_pullback_and_pushforward(name: str, way: str) -> None:
    f, x = PROGRAMS[name], point()
    want = f(x.copy())
    jacobian = differences(lambda z: f(z.copy()), x)
    u, v = RNG.normal(size=want.shape), RNG.normal(size=3)

    def both(x: Any, u: Any, v: Any) -> Any:
        y, pullback = vjp(f, x)
        z, pushforward = linearize(f, x)
        return y, pullback(u)[0], pullback(2 * u)[0], z, pushforward(v)

    y, pulled, twice, z, pushed = WAYS[way](both)(x, u, v)
    np.testing.assert_allclose(y, want, rtol=1e-14)
    np.testing.assert_array_equal(y, z)
    np.testing.assert_allclose(pulled, u @ jacobian, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(pushed, jacobian @ v, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(pulled @ v, u @ pushed, rtol=1e-12)
    np.testing.assert_allclose(twice, 2 * pulled, rtol=1e-14)
    np.testing.assert_array_equal(x, point())


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_order_through_each_other(name: str) -> None:
    f, x, v = PROGRAMS[name], point(), np.array([0.5, -1.0, 2.0])
    size = f(x.copy()).shape

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    slope = grad(loss)
    want = differences(slope, x, 1e-5) @ v
    ways = {
        "hvp": hvp(loss, (x,), (v,))[0],
        "jvp of grad": jvp(slope, (x,), (v,))[1],
        "pushforward of grad": linearize(slope, x)[1](v),
        "pullback of grad": vjp(slope, x)[1](v)[0],
        "grad of pushforward": grad(lambda x: linearize(loss, x)[1](v))(x),
        "pushforward of pullback": linearize(lambda x: vjp(loss, x)[1](1.0)[0], x)[1](v),
    }
    for way, found in ways.items():
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6, err_msg=way)
    assert jit(lambda x: vjp(f, x)[1](np.ones(size))[0])(x).shape == (3,)


def test_structures_and_auxiliary_data() -> None:
    def f(p: Any, k: Any) -> Any:
        return {"a": p["w"] * k, "n": 3}, (p["w"].sum(), "text")

    out, pullback, aux = vjp(f, {"w": X}, 2.0, has_aux=True)
    assert (out["n"], aux[1]) == (3, "text")
    at_p, at_k = pullback({"a": np.ones(3), "n": 0})
    np.testing.assert_array_equal(at_p["w"], [2.0, 2.0, 2.0])
    assert at_k == X.sum()
    out, pushforward, _ = linearize(f, {"w": X}, 2.0, has_aux=True)
    moved = pushforward({"w": np.ones(3)}, 1.0)
    np.testing.assert_array_equal(moved["a"], X + 2.0)
    with pytest.raises(TypeError, match="pair"):
        vjp(lambda x: x, X, has_aux=True)


def test_dtypes() -> None:
    y, pullback = vjp(lambda x: x**2, np.float32(3))
    assert type(pullback(np.float32(1))[0]) is np.float32
    z = np.array([1 + 2j, 3 - 1j])
    np.testing.assert_array_equal(vjp(lambda z: z * z, z)[1](np.ones(2))[0], 2 * z)
    np.testing.assert_array_equal(linearize(lambda z: z * z, z)[1](1j * np.ones(2)), 2j * z)


def test_arguments_and_results_may_change_afterwards() -> None:
    x = X.copy()
    y, pullback = vjp(lambda x: np.exp(x) * x, x)
    x += 100.0
    y *= 0.0
    np.testing.assert_allclose(pullback(np.ones(3))[0], np.exp(X) * (X + 1))


def test_the_function_runs_once(capsys: pytest.CaptureFixture[str]) -> None:
    def shows(x: Any) -> Any:
        print("runs")
        for _ in range(3):
            x = np.sin(x)
        return x

    _, pullback = vjp(shows, X)
    first, second = pullback(np.ones(3)), pullback(np.ones(3))
    np.testing.assert_array_equal(first[0], second[0])
    jit(lambda x: [vjp(shows, x)[1](x), linearize(shows, x)[1](x)])(X)
    assert capsys.readouterr().out == "runs\n" * 3


def test_what_runs_again_has_no_effects(capsys: pytest.CaptureFixture[str]) -> None:
    def shows(x: Any) -> Any:
        while x.sum() < 10:
            print("runs")
            x = x * x
        return x

    def draws(x: Any, rng: Any) -> Any:
        while x.sum() < 10:
            x = x * x + rng.random()
        return x

    vjp(shows, X)[1](X)
    linearize(shows, X)[1](X)
    assert capsys.readouterr().out == "runs\n" * 4
    rng = np.random.default_rng(0)
    for transform in (vjp, linearize):
        with pytest.raises(UnsupportedError, match="would happen twice"):
            transform(lambda x: draws(x, rng), X)


def test_a_derivative_is_a_value() -> None:
    @jit
    def later(pullback: Any, u: Any) -> Any:
        return pullback(u)[0] + 1.0

    _, pullback = jit(lambda x: vjp(np.sin, x))(X)
    np.testing.assert_allclose(later(pullback, np.ones(3)), np.cos(X) + 1.0)


def test_sizes_vary() -> None:
    for n in (3, 4, 5, 6):
        x = np.linspace(0.1, 1.0, n)
        np.testing.assert_allclose(vjp(np.sin, x)[1](x)[0], np.cos(x) * x)
        np.testing.assert_allclose(linearize(np.sin, x)[1](x), np.cos(x) * x)
    found = vjp(lambda x: x[x > 0] ** 2, X)[1](np.ones(2))[0]
    np.testing.assert_array_equal(found, [0.6, 0.0, 4.0])


def test_an_extent_that_a_loop_with_tangents_finds() -> None:
    def f(x: Any) -> Any:
        n = 1
        for k in range(3):
            x = np.sin(x) + k
            if x[0] > 1.0:
                n = n + 1
        return x[:n] * 2.0

    found = linearize(f, X)[1](np.ones(3))
    np.testing.assert_allclose(found, jvp(f, (X,), (np.ones(3),))[1], rtol=1e-14)


def test_wrong_cotangents() -> None:
    _, pullback = vjp(np.sin, X)
    with pytest.raises(TypeError, match=r"cotangent of shape \(2,\)"):
        pullback(np.ones(2))
    with pytest.raises(TypeError, match="structure"):
        pullback((np.ones(3),))
    with pytest.raises(TypeError, match="floating or complex"):
        vjp(np.sin, np.arange(3))


@pytest.mark.parametrize("made", ["bool", "int64"])
def test_results_without_derivative_whose_size_the_run_decides(made: str) -> None:
    """Their tangents are zeros of that size."""

    def part(x: Any) -> Any:
        k = 0
        while x[k] > 0:
            k += 1
        marks = np.array([1, 0, 1, 0]).astype(made)
        return x * 2, np.concatenate([marks[k : k + 1], marks[2:], marks[:k]])

    x = np.array([1.0, 2.0, -1.0, 0.5])
    (_, marks), (dots, zeros) = jvp(part, (x,), (x,))
    np.testing.assert_array_equal(marks, part(x)[1])
    np.testing.assert_array_equal(dots, 2 * x)
    assert zeros.shape == marks.shape
    assert not zeros.any()


@pytest.mark.parametrize("way", WAYS)
def test_none_among_leaves_is_none_in_every_derivative(way: str) -> None:
    """Of arguments and of results, as JAX has it: None is a structure without leaves."""

    def f(p: Any) -> Any:
        return {"cubes": p["a"] ** 3, "none": None, "inside": (None, p["a"][0])}

    def loss(p: Any) -> Any:
        return np.sum(p["a"] ** 3)

    p = {"a": X, "none": None}
    cubes, first = np.diag(3 * X**2), np.eye(3)[0]
    ct = {"cubes": X, "none": None, "inside": (None, 1.0)}
    calls: dict[str, tuple[Any, Any]] = {
        "jvp": (
            lambda p: jvp(f, (p,), (p,))[1],
            {"cubes": 3 * X**3, "none": None, "inside": (None, X[0])},
        ),
        "linearize": (
            lambda p: linearize(f, p)[1](p),
            {"cubes": 3 * X**3, "none": None, "inside": (None, X[0])},
        ),
        "vjp": (lambda p: vjp(f, p)[1](ct)[0], {"a": 3 * X**3 + first, "none": None}),
        "jacobians": (
            lambda p: (jacrev(f)(p), jacfwd(f)(p)),
            2
            * (
                {
                    "cubes": {"a": cubes, "none": None},
                    "none": {"a": None, "none": None},
                    "inside": ({"a": None, "none": None}, {"a": first, "none": None}),
                },
            ),
        ),
        "hessian": (
            lambda p: hessian(loss)(p),
            {"a": {"a": np.diag(6 * X), "none": None}, "none": {"a": None, "none": None}},
        ),
        "hvp": (lambda p: hvp(loss, (p,), (p,))[0], {"a": 6 * X**2, "none": None}),
    }
    for name, (call, want) in calls.items():
        got = WAYS[way](call)(p)
        assert trees.flatten(got)[1] == trees.flatten(want)[1], name
        for x, y in zip(trees.leaves_of(got), trees.leaves_of(want), strict=True):
            assert (x is None) == (y is None), name
            if x is not None:
                np.testing.assert_allclose(x, y, err_msg=name)
