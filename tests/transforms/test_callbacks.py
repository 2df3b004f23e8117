"""``callback``: functions that stay plain Python, in compiled code and in its transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, callback, custom_jvp, custom_vjp, grad, jit, jvp, vjp, vmap

X = np.array([0.3, 0.4, 0.5])
calls: list[Any] = []


def noted(x: Any) -> Any:
    """Changes its argument, which is a copy."""
    calls.append((type(x), x.shape))
    found = np.sin(x)
    x[...] = 0.0
    return found


@custom_jvp
def sine(x: Any) -> Any:
    return callback(noted, np.empty(x.shape), x)


sine.defjvp(lambda primals, tangents: (sine(primals[0]), tangents[0] * np.cos(primals[0])))


@custom_vjp
def sine_backwards(x: Any) -> Any:
    return callback(noted, np.empty(x.shape), x)


sine_backwards.defvjp(lambda x: (sine_backwards(x), x), lambda x, ct: (ct * np.cos(x),))


@pytest.mark.parametrize("f", [sine, sine_backwards])
def test_with_rules_it_goes_through_transforms(f: Any) -> None:
    loss = lambda x: np.sum(f(x) ** 2)  # noqa: E731
    wanted = np.sin(2 * X)
    np.testing.assert_allclose(grad(loss)(X), wanted)
    np.testing.assert_allclose(jit(grad(loss))(X), wanted)
    np.testing.assert_allclose(vjp(loss, X)[1](1.0)[0], wanted)
    np.testing.assert_allclose(vmap(grad(loss))(np.stack([X, 2 * X]))[1], np.sin(4 * X))
    assert X.tolist() == [0.3, 0.4, 0.5]
    if f is sine:
        np.testing.assert_allclose(jvp(loss, (X,), (np.ones(3),))[1], wanted.sum())


def test_calls_happen_in_order_on_copies() -> None:
    def steps(x: Any) -> Any:
        for i in range(3):
            x[: i + 1] += callback(noted, x[: i + 1], x[: i + 1])
        return x

    calls.clear()
    wanted = steps(X.copy())
    np.testing.assert_allclose(jit(steps)(X.copy()), wanted)
    assert calls == [(np.ndarray, (n,)) for n in (1, 2, 3)] * 2


def sorted_out(x: Any, options: Any, n: int) -> Any:
    assert [type(v) for v in (options["how"], n, options["scale"])] == [str, int, float]
    return {"twice": x * options["scale"], "of": (n, None)}


def test_containers_numbers_and_constants() -> None:
    def f(x: Any, scale: float, n: int) -> Any:
        like = {"twice": x, "of": (0, None)}
        found = callback(sorted_out, like, x, {"how": "so", "scale": scale}, n)
        return found["twice"], found["of"][0] + 1, found["of"][1]

    for g in (f, jit(f)):
        twice, n, nothing = g(X, 2.0, 3)
        assert twice.tolist() == (X * 2).tolist()
        assert (n, type(n), nothing) == (4, int, None)


def too_short(x: Any) -> Any:
    return x[:-1]


def of_another_kind(x: Any) -> Any:
    return x + 1j


def of_another_structure(x: Any) -> Any:
    return (x,)


def failing(x: Any) -> Any:
    raise KeyError("no such key")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (too_short, ValueError, r"too_short gives shape \(2,\), announced was \(3,\)"),
        (of_another_kind, TypeError, "of_another_kind gives complex128, announced was float64"),
        (of_another_structure, TypeError, "of_another_structure returns another structure"),
        (failing, KeyError, "no such key"),
    ],
)
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_what_is_wrong_raises(function: Any, error: Any, message: str, shapes: Any) -> None:
    def f(x: Any) -> Any:
        return callback(function, np.empty(x.shape), x)

    for g in (f, jit(f, shapes=shapes)):
        with pytest.raises(error, match=message):
            g(X)


def test_its_exceptions_are_caught_where_the_program_catches_them() -> None:
    @jit
    def f(x: Any) -> Any:
        try:
            return callback(failing, 0.0, x)
        except LookupError:
            return -1.0

    assert f(X) == -1.0


def test_without_a_rule_and_inside_of_compiled_code_it_is_refused() -> None:
    with pytest.raises(TypeError, match=r"callback of noted has no derivative.*give it a rule"):
        grad(lambda x: np.sum(callback(noted, x, x)))(X)
    with pytest.raises(UnsupportedError, match="defined inside of compiled code: define it"):
        jit(lambda x: callback(lambda v: v + 1.0, x, x))(X)
    with pytest.raises(TypeError, match="takes a function, not float"):
        callback(1.0, 1.0, 1.0)  # type: ignore[arg-type]
