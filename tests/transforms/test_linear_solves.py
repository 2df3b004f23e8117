"""custom_linear_solve: derivatives of the equations, in every transform and to order 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import (
    custom_linear_solve,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    vjp,
    vmap,
)
from tracejit.errors import UnsupportedError

Function = Callable[..., Any]
BASE = np.array([[4.0, 1.0, 0.3], [0.5, 3.0, 0.2], [0.1, 0.2, 5.0]])
B = np.array([1.0, 2.0, -1.0])


def iterated(matvec: Any, b: Any) -> Any:
    """No derivative goes through a loop that ends when the residual is small."""
    x = np.zeros_like(b)
    while np.max(np.abs(b - matvec(x))) > 1e-14:
        x = x + (b - matvec(x)) / 5.0
    return x


def matrix(a: Any) -> Any:
    return BASE + a * a * np.eye(3) + 0.1 * a


def found(a: Any, b: Any) -> Any:
    m = matrix(a)
    return np.sum(np.sin(custom_linear_solve(lambda x: m @ x, a * b, iterated, iterated)))


def symmetric(a: Any, b: Any) -> Any:
    m = matrix(a) + matrix(a).T
    x = custom_linear_solve(lambda x: m @ x / 2, a * b, iterated, symmetric=True)
    return np.sum(np.sin(x))


def written_out(a: Any, b: Any) -> Any:
    return np.sum(np.sin(np.linalg.solve(matrix(a), a * b)))


def of_a_symmetric_matrix(a: Any, b: Any) -> Any:
    return np.sum(np.sin(np.linalg.solve((matrix(a) + matrix(a).T) / 2, a * b)))


def leaves_of(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple) else [found]


WAYS: dict[str, Function] = {
    "value": lambda f: f(0.3, B),
    "jit": lambda f: jit(f)(0.3, B),
    "grad": lambda f: grad(f, (0, 1))(0.3, B),
    "jvp": lambda f: jvp(f, (0.3, B), (1.0, B))[1],
    "linearize": lambda f: linearize(f, 0.3, B)[1](1.0, B),
    "vjp": lambda f: vjp(f, 0.3, B)[1](2.0),
    "jacfwd of grad": lambda f: jacfwd(grad(f))(0.3, B),
    "jacrev of grad": lambda f: jacrev(grad(f, 1), 1)(0.3, B),
    "hessian": lambda f: hessian(lambda b: f(0.3, b))(B),
    "order 3": lambda f: grad(grad(grad(f)))(0.3, B),
    "vmap of grad": lambda f: vmap(grad(f), (0, None))(np.array([0.3, 0.4]), B),
    "grad of vmap": lambda f: grad(lambda a: np.sum(vmap(f, (0, None))(a, B)))(
        np.array([0.3, 0.4])
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_as_solve(way: str) -> None:
    pairs = {found: written_out}
    if way in ("grad", "hessian", "grad of vmap"):
        pairs[symmetric] = of_a_symmetric_matrix
    for ours, want in pairs.items():
        have = zip(leaves_of(WAYS[way](ours)), leaves_of(WAYS[way](want)), strict=True)
        for x, y in have:
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_containers() -> None:
    def solved(a: Any) -> Any:
        def matvec(x: Any) -> Any:
            return {"u": a * x["u"] + x["v"], "v": x["v"] * 2.0}

        def back(vecmat: Any, y: Any) -> Any:
            u = y["u"] / a
            return {"u": u, "v": (y["v"] - u) / 2.0}

        def solve(matvec: Any, y: Any) -> Any:
            v = y["v"] / 2.0
            return {"u": (y["u"] - v) / a, "v": v}

        x = custom_linear_solve(matvec, {"u": np.ones(2), "v": a * np.ones(2)}, solve, back)
        return np.sum(x["u"])

    np.testing.assert_allclose(grad(solved)(2.0), -0.5, rtol=1e-12)  # u = 1 / a - 1 / 2


def test_the_solver_itself_where_it_is_linear() -> None:
    def solve(matvec: Any, y: Any) -> Any:
        return np.linalg.solve(jacfwd(matvec)(y), y)

    def f(a: Any) -> Any:
        m = matrix(a)
        return np.sum(np.sin(custom_linear_solve(lambda x: m @ x, a * B, solve)))

    np.testing.assert_allclose(grad(f)(0.3), grad(written_out)(0.3, B), rtol=1e-11)
    with pytest.raises(TypeError, match="not linear"):
        grad(lambda a: np.sum(custom_linear_solve(lambda x: a * x, B, iterated)))(4.0)


def test_what_is_refused() -> None:
    store = np.zeros(3)

    def writes(x: Any) -> Any:
        store[:] = x
        return x

    with pytest.raises(UnsupportedError, match="from outside"):
        grad(lambda a: np.sum(custom_linear_solve(writes, a * B, iterated, iterated)))(1.0)
    with pytest.raises(TypeError, match="another structure"):
        grad(lambda a: custom_linear_solve(lambda x: (x, x), a, lambda f, b: b, iterated))(1.0)
    with pytest.raises(TypeError, match="floating"):
        grad(lambda a: a * custom_linear_solve(lambda x: x, 1, lambda f, b: b, iterated))(1.0)
