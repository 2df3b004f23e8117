"""What a differentiated function writes to arrays from outside: written once, and read later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import (
    UnsupportedError,
    custom_root,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)

X = np.array([1.0, 2.0, 3.0])
LOG = np.zeros(3)


def loss(v: Any) -> Any:
    LOG[0] = v.sum()
    LOG[1] += 1
    return (v * v).sum() + LOG[0]


def pulled(x: Any) -> Any:
    value, back = vjp(loss, x)
    return value, back(1.0), back(2.0)


def pushed(x: Any) -> Any:
    value, forth = linearize(loss, x)
    return value, forth(x), forth(2 * x)


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda x: grad(loss)(x),
    "value_and_grad": lambda x: value_and_grad(loss)(x),
    "jvp": lambda x: jvp(loss, (x,), (x,)),
    "vjp": pulled,
    "linearize": pushed,
    "hvp": lambda x: hvp(loss, (x,), (x,)),
    "jacfwd": lambda x: jacfwd(loss)(x),
    "jacrev": lambda x: jacrev(loss)(x),
    "hessian": lambda x: hessian(loss)(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shapes", ["none", "auto", "dynamic"])
def test_written_once_and_read_later(name: str, shapes: str) -> None:
    def read_later(x: Any) -> Any:
        found = TRANSFORMS[name](x)
        LOG[2] = 10 * LOG[0] + LOG[1]
        return found

    given = X.copy()
    run: Any = read_later if shapes == "none" else jit(read_later, shapes=shapes)
    for count in (1, 2):
        LOG[:] = 0
        run(given * count)
        assert list(LOG) == [6.0 * count, 1.0, 60.0 * count + 1]
    assert list(given) == list(X)


def test_what_is_written_depends_on_the_argument() -> None:
    def through(x: Any) -> Any:
        log = np.zeros(1)

        def inner(v: Any) -> Any:
            log[0] = v.sum() ** 2
            return (v**2).sum()

        return grad(inner)(x).sum() + log[0]

    np.testing.assert_allclose(grad(through)(X), 2 + 2 * X.sum() * np.ones(3))
    np.testing.assert_allclose(jit(grad(through))(X), 2 + 2 * X.sum() * np.ones(3))


def test_in_a_loop_and_a_branch() -> None:
    def descended(x: Any, n: Any) -> Any:
        log = np.zeros(2)

        def inner(v: Any) -> Any:
            if v[0] > 0.6:
                log[0] += v.sum()
            log[1] += 1
            return (v**2).sum()

        for _ in range(n):
            x = x - 0.1 * grad(inner)(x)
        return x, log

    def by_hand(x: Any, n: Any) -> Any:
        log = np.zeros(2)
        for _ in range(n):
            if x[0] > 0.6:
                log[0] += x.sum()
            log[1] += 1
            x = x - 0.1 * (2 * x)
        return x, log

    for n in (0, 1, 4):
        for got, want in zip(jit(descended)(X, n), by_hand(X, n), strict=True):
            np.testing.assert_allclose(got, want)


def test_a_buffer_that_the_function_works_in() -> None:
    work = np.zeros(3)

    def inner(v: Any) -> Any:
        work[:] = 2 * v
        return (work**2).sum()

    np.testing.assert_allclose(grad(inner)(X), 8 * X)
    np.testing.assert_array_equal(work, 2 * X)


def test_a_root_may_not_write() -> None:
    def rooted(a: Any) -> Any:
        def equation(x: Any) -> Any:
            LOG[0] = x
            return x * x - a

        def solve(f: Any, x: Any) -> Any:
            for _ in range(6):
                x = x - f(x) / (2 * x)
            return x

        return custom_root(equation, 1.0, solve, lambda g, y: y / g(1.0))

    with pytest.raises(UnsupportedError, match="writes to an array from outside"):
        grad(rooted)(4.0)
