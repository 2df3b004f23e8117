"""``register``: functions of other libraries, in compiled code and in every transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import (
    UnsupportedError,
    check_grads,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    jvp,
    register,
    vjp,
    vmap,
)

X = np.array([0.3, 0.4, 0.5])
calls: list[Any] = []


def noted(x: Any) -> Any:
    """Changes its argument, which is a copy."""
    calls.append(np.shape(x))
    found = np.sin(x)
    if np.ndim(x):
        x[...] = 0.0
    return found


def rules(name: str, *modes: str) -> dict[str, Any]:
    """The rules of the sine that is registered under a name."""

    def tangent(primals: Any, tangents: Any) -> Any:
        return SINES[name](*primals), tangents[0] * cosine(*primals)

    def forward(x: Any) -> Any:
        return SINES[name](x), x

    def backward(x: Any, ct: Any) -> Any:
        return (ct * cosine(x),)

    found = {"jvp": tangent, "vjp": (forward, backward)}
    return {mode: found[mode] for mode in modes}


def cosines(x: Any) -> Any:
    return np.cos(x)


cosine = register(
    cosines, np.empty_like, pure=True, jvp=lambda p, t: (cosine(*p), -t[0] * sine(*p))
)
SINES: dict[str, Any] = {
    "both": register(noted, np.empty_like, pure=True, **rules("both", "jvp", "vjp")),
    "jvp": register(noted, np.empty_like, pure=True, batch=True, **rules("jvp", "jvp")),
    "vjp": register(noted, np.empty_like, pure=True, batch=noted, **rules("vjp", "vjp")),
    "ordered": register(noted, np.empty_like, **rules("ordered", "jvp", "vjp")),
}
sine = SINES["both"]
bare = register(noted, np.empty_like, pure=True)


def loss(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: np.sum(f(x) ** 2)


@pytest.mark.parametrize("name", SINES)
def test_transforms(name: str) -> None:
    f = SINES[name]
    wanted = np.sin(2 * X)
    np.testing.assert_allclose(grad(loss(f))(X), wanted)
    np.testing.assert_allclose(jit(grad(loss(f)))(X), wanted)
    np.testing.assert_allclose(vjp(loss(f), X)[1](1.0)[0], wanted)
    np.testing.assert_allclose(jacrev(f)(X), np.diag(np.cos(X)))
    two = np.stack([X, 2 * X])
    np.testing.assert_allclose(vmap(grad(loss(f)))(two), np.sin(2 * two))
    nested = jit(vmap(vmap(f)))(two.reshape(2, 3, 1))
    np.testing.assert_allclose(nested[..., 0], np.sin(two))
    assert X.tolist() == [0.3, 0.4, 0.5]
    if name == "vjp":
        with pytest.raises(TypeError, match=r"rule for reverse mode .* in forward mode"):
            jvp(loss(f), (X,), (X,))
        return
    np.testing.assert_allclose(jvp(loss(f), (X,), (np.ones(3),))[1], wanted.sum())
    np.testing.assert_allclose(jacfwd(f)(X), np.diag(np.cos(X)))
    np.testing.assert_allclose(hessian(loss(f))(X), np.diag(2 * np.cos(2 * X)), atol=1e-15)


def in_loops(x: Any) -> Any:
    total, n = 0.0, 0
    for i in range(3):
        for j in range(i):
            total = total + sine(x[j] * total + i)
    while n < 2:
        x = sine(x) * 1.5
        n += 1
    return total + np.sum(x)


def in_branches(x: Any) -> Any:
    y = sine(x) if x[0] > 0 else x
    for i in range(2):
        if y[i] > 0.35:
            y = y * sine(y[i])
    return np.sum(y * x)


@pytest.mark.parametrize("function", [in_loops, in_branches])
def test_in_control_flow(function: Any) -> None:
    np.testing.assert_allclose(jit(function)(X.copy()), function(X.copy()))
    check_grads(function, (X,))


def test_in_branches_of_a_batch() -> None:
    batch = np.stack([X, -X])
    each = [grad(in_branches)(x) for x in batch]
    np.testing.assert_allclose(vmap(grad(in_branches))(batch), each)


# Calls that are made -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "pure", "in_order"),
    [
        (lambda f: jit(lambda x: f(x) + f(x))(X), 1, 2),
        (lambda f: jit(lambda x: (f(x), np.sum(x))[1])(X), 0, 1),
        (lambda f: jit(lambda x, n: sum(f(x)[0] * i for i in range(n)))(X, 4), 1, 4),
        (lambda f: grad(lambda x: np.sum(f(x)))(X), 0, 1),
        (lambda f: grad(loss(f))(X), 1, 1),
        (lambda f: vmap(lambda x: f(x) + f(x))(np.stack([X] * 5)), 5, 10),
    ],
)
def test_pure_calls_are_merged_hoisted_and_dropped(call: Any, pure: int, in_order: int) -> None:
    for f, count in ((sine, pure), (SINES["ordered"], in_order)):
        calls.clear()
        call(f)
        assert len(calls) == count


def test_a_batch_is_one_call() -> None:
    two = np.stack([X, 2 * X])
    for f, shape in ((SINES["jvp"], (2, 3, 1)), (SINES["vjp"], (6, 1))):
        calls.clear()
        found = vmap(vmap(f))(two.reshape(2, 3, 1))
        np.testing.assert_allclose(found[..., 0], np.sin(two))
        assert calls == [shape]
    np.testing.assert_allclose(vmap(f, in_axes=None, axis_size=2)(X), np.sin([X, X]))
    assert vmap(bare)(np.empty((0, 3))).shape == (0, 3)


# Types -------------------------------------------------------------------------------------------


def spectrum(x: Any, how: Any) -> Any:
    return {"sorted": np.sort(x)[: how["most"]], "first": (float(x[0]), None)}


def announced(x: Any, how: Any) -> Any:
    return {"sorted": x[: how["most"]], "first": (0.0, None)}


@pytest.mark.parametrize("pure", [True, False])
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_containers_and_types_of_the_arguments(pure: bool, shapes: Any) -> None:
    f = register(spectrum, announced, pure=pure)

    def twice(x: Any) -> Any:
        found = f(x, {"most": 2, "name": "so"})
        return found["sorted"] * 2, found["first"]

    for g in (twice, jit(twice, shapes=shapes)):
        for x in (X, -X, -X[:2]):
            values, (first, nothing) = g(x)
            assert values.tolist() == (np.sort(x)[:2] * 2).tolist()
            assert (first, type(first), nothing) == (x[0], float, None)


def test_keywords_and_arguments_that_no_rule_moves() -> None:
    def scaled(x: Any, how: str, times: int = 1) -> Any:
        assert how == "so"
        return x * times

    f = register(
        scaled,
        lambda x, how, times=1: x,
        pure=True,
        nondiff_argnums=(1, 2),
        jvp=lambda how, times, p, t: (p[0] * times, t[0] * times),
    )
    g = lambda x: np.sum(f(x, times=3, how="so"))  # noqa: E731
    assert g(X) == jit(g)(X)
    assert jit(grad(g))(X).tolist() == [3.0] * 3


# What is wrong -----------------------------------------------------------------------------------


def failing(x: Any) -> Any:
    calls.append("failing")
    raise KeyError("no such key", x.shape)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: x[:-1], ValueError, r"lambda> gives shape \(2,\), announced was \(3,\)"),
        (lambda x: x + 1j, TypeError, "gives complex128, announced was float64"),
        (lambda x: (x,), TypeError, "returns another structure"),
        (failing, KeyError, "no such key"),
    ],
)
@pytest.mark.parametrize("pure", [True, False])
def test_what_is_wrong_raises(function: Any, error: Any, message: str, pure: bool) -> None:
    f = register(function, np.empty_like, pure=pure, jvp=lambda p, t: (f(p[0]), t[0]))
    for g in (f, jit(f), jit(f, shapes="dynamic"), jacrev(lambda x: f(x) ** 2)):
        with pytest.raises(error, match=message):
            g(X)
    with pytest.raises(error, match=message):
        vmap(f)(np.stack([X, X]))


def test_an_exception_is_raised_where_the_program_calls(capsys: Any) -> None:
    f = register(failing, np.empty_like, pure=True)

    @jit
    def g(x: Any, n: int) -> Any:
        total = 0.0
        for i in range(n):
            print("in")
            total += f(x)[0] * i
        return total

    assert g(X, 0) == 0.0
    with pytest.raises(KeyError) as caught:
        g(X, 2)
    assert caught.value.args == ("no such key", (3,))
    assert capsys.readouterr().out == "in\n"


@pytest.mark.parametrize("pure", [True, False])
def test_the_program_may_catch_it(pure: bool) -> None:
    f = register(failing, np.empty_like, pure=pure)

    @jit
    def g(x: Any) -> Any:
        try:
            return f(x)[0]
        except LookupError:
            return -1.0

    assert g(X) == -1.0


def outer_loop(x: Any) -> Any:
    for _ in range(2):
        x = bare(x) if x[0] > 0 else x
    return np.sum(x)


@pytest.mark.parametrize(
    "derivative",
    [
        grad(outer_loop),
        jacfwd(outer_loop),
        lambda x: jvp(outer_loop, (x,), (x,)),
        vmap(grad(outer_loop), in_axes=None, axis_size=1),
        jit(grad(lambda x: np.sum(bare(x)))),
    ],
)
def test_without_a_rule_a_derivative_raises(derivative: Any) -> None:
    message = r"test_registered.py:\d+: a registered call of noted has no derivative.*register"
    with pytest.raises(TypeError, match=message):
        derivative(X)


def test_wrong_uses() -> None:
    wrong: Any = register
    for args, options, message in (
        ((1.0, 0.0), {}, "register takes a function, not float"),
        ((noted, 0.0), {"jvp": 1}, "jvp is a function, not int"),
        ((noted, 0.0), {"vjp": (noted,)}, r"vjp is a pair of functions \(forward, backward\)"),
        ((noted, 0.0), {"vjp": (noted, 1)}, r"vjp\[1\] is a function, not int"),
        ((noted, 0.0), {"batch": True}, "calls in order have no batch"),
        ((noted, 0.0), {"batch": 3, "pure": True}, "batch is a function or True, not 3"),
    ):
        with pytest.raises(TypeError, match=message):
            wrong(*args, **options)
    with pytest.raises(TypeError, match="result is made of arrays and numbers like its own"):
        jit(register(noted, "float64"))(X)
    with pytest.raises(UnsupportedError, match="defined inside of compiled code: define it"):
        jit(lambda x: register(lambda v: v + 1.0, x)(x))(X)
