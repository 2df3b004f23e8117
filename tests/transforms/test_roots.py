"""custom_root: the derivative of the equation, in every transform; rules that are not linear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.transforms.programs import differences
from tracejit import custom_jvp, custom_root, grad, jacfwd, jacrev, jit, jvp, vmap

A = np.array([[3.0, 1.0], [0.5, 2.0]])
B = np.array([1.0, 2.0])


def bisected(f: Any, x: Any) -> Any:
    """No derivative goes through a bisection."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if f(middle) > 0:
            high = middle
        else:
            low = middle
    return low


def root_of(a: Any) -> Any:
    return custom_root(lambda x: x * x - a, 1.0, bisected, lambda g, y: y / g(1.0))


SLOPE = 0.5 / np.sqrt(2.0)


def test_the_derivative_of_a_scalar_root() -> None:
    assert abs(root_of(2.0) - np.sqrt(2.0)) < 1e-14
    for transform in (grad, jacfwd, jacrev, lambda f: jit(grad(f)), lambda f: grad(jit(f))):
        np.testing.assert_allclose(transform(root_of)(2.0), SLOPE, rtol=1e-12)
    np.testing.assert_allclose(grad(grad(root_of))(2.0), -0.25 * 2.0**-1.5, rtol=1e-12)
    many = np.array([2.0, 3.0])
    np.testing.assert_allclose(vmap(grad(root_of))(many), 0.5 / np.sqrt(many), rtol=1e-12)
    np.testing.assert_allclose(jit(root_of)(2.0), np.sqrt(2.0), rtol=1e-14)


def newton(f: Any, x: Any) -> Any:
    while np.max(np.abs(f(x))) > 1e-13:
        x = x - np.linalg.solve(jacfwd(f)(x), f(x))
    return x


def fixed(b: Any, scale: Any = 0.1) -> Any:
    def equation(x: Any) -> Any:
        return A @ x + scale * np.sin(x) - b

    return custom_root(equation, np.zeros(2), newton, lambda g, y: np.linalg.solve(jacfwd(g)(y), y))


def test_the_derivative_of_several_unknowns() -> None:
    at = jit(fixed)(B)
    want = np.linalg.inv(A + 0.1 * np.diag(np.cos(at)))
    np.testing.assert_allclose(jacfwd(fixed)(B), want, rtol=1e-10)
    np.testing.assert_allclose(jacrev(fixed)(B), want, rtol=1e-10)
    slope = grad(lambda b, s: np.sum(fixed(b, s) ** 2), argnums=1)(B, 0.1)
    step = 1e-6
    up, down = (np.sum(jit(fixed)(B, 0.1 + s) ** 2) for s in (step, -step))
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6)
    second = differences(grad(lambda b: np.sum(fixed(b) ** 2)), B, 1e-5)
    found = jacfwd(grad(lambda b: np.sum(fixed(b) ** 2)))(B)
    np.testing.assert_allclose(found, second, rtol=1e-5)


def test_what_differs_in_structure() -> None:
    with pytest.raises(TypeError, match="another structure than its argument"):
        grad(lambda a: custom_root(lambda x: (x, a), 1.0, lambda f, x: x, lambda g, y: y))(2.0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda t: np.abs(t),
        lambda t: t * t,
        lambda t: np.where(t > 0, t, 2 * t),
        lambda t: t if t > 0 else -t,
        lambda t: np.exp(t),
    ],
)
def test_a_rule_that_is_not_linear_has_no_reverse_mode(rule: Any) -> None:
    f = custom_jvp(lambda x: x * 1.0)
    f.defjvp(lambda primals, tangents: (primals[0] * 1.0, rule(tangents[0])))
    np.testing.assert_allclose(jvp(f, (1.0,), (-2.0,))[1], rule(-2.0), rtol=1e-14)
    with pytest.raises(
        TypeError, match=r"^test_roots.py:\d+: a rule for tangents is not linear in them"
    ):
        grad(f)(1.0)


def test_a_solver_that_looks_at_its_right_side_is_no_zero() -> None:
    def halved(g: Any, y: Any) -> Any:
        x = 0.0 * y
        while np.abs(g(x) - y) > 1e-12:
            x = x - (g(x) - y) / 4.0
        return x

    def root(a: Any) -> Any:
        return custom_root(lambda x: x * x - a, 1.0, bisected, halved)

    np.testing.assert_allclose(jacfwd(root)(2.0), SLOPE, rtol=1e-10)
    with pytest.raises(TypeError, match="is not linear in them"):
        grad(root)(2.0)
