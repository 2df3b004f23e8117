"""scan, fori_loop, while_loop, map, cond, switch: called, compiled, differentiated, batched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit as tj
from tests.transforms.programs import differences
from tracejit import cond, fori_loop, grad, jacfwd, jit, scan, switch, trees, vmap, while_loop

X = np.array([0.3, -1.2, 2.0])
USES: dict[str, Callable[[Any], Any]] = {
    "fori_loop": lambda x: fori_loop(0, 3, lambda i, t: t + x[i] * i, 0.0),
    "fori_loop from a place": lambda x: fori_loop(1, 3, lambda i, t: np.sin(t) * x[i], x[0]),
    "fori_loop of containers": lambda x: fori_loop(
        0, 3, lambda i, t: {"a": t["a"] + x[i], "b": (t["b"][0] * 2,)}, {"a": 0.0, "b": (x,)}
    ),
    "while_loop": lambda x: while_loop(lambda p: p.sum() < 100, lambda p: p * 2, x),
    "cond": lambda x: cond(x[0] > 0, lambda x: x * 2, lambda x: -x, x),
    "cond, else": lambda x: cond(x[1] > 0, lambda x, y: x * y, lambda x, y: x - y, x, x[2]),
    "switch by a value": lambda x: switch(x.sum().astype(int), [np.sin, np.cos, np.exp], x),
    "switch of one": lambda x: switch(5, [np.sin], x),
    "scan": lambda x: scan(lambda c, v: (c + v, c * v), 0.0, x),
    "scan of containers": lambda x: scan(
        lambda c, v: (np.sin(c) + v["a"], {"o": c * v["b"], "n": (c,)}), 0.5, {"a": x, "b": x * 2}
    ),
    "scan from the end": lambda x: scan(lambda c, v: (c * 0.5 + v, c), x[0], x, reverse=True),
    "scan of a length": lambda x: scan(lambda c, _: (c * 1.1, c.sum()), x, length=4),
    "map": lambda x: tj.map(lambda r: r / (4.0 + r), x),
    "map of rows": lambda x: tj.map(lambda r: r @ x, np.outer(x, x)),
}


def flat(tree: Any) -> Any:
    return np.concatenate([np.ravel(leaf) for leaf in trees.leaves_of(tree)])


@pytest.mark.parametrize("name", USES)
def test_called_compiled_differentiated_batched(name: str) -> None:
    f = USES[name]
    want = flat(f(X))
    np.testing.assert_allclose(flat(jit(f)(X)), want, rtol=1e-14)

    def loss(x: Any) -> Any:
        return sum(np.sum(leaf * leaf) for leaf in trees.leaves_of(f(x)))

    slope = differences(loss, X)
    np.testing.assert_allclose(grad(loss)(X), slope, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(jacfwd(loss)(X), slope, rtol=1e-6, atol=1e-7)
    batch = np.stack([X, X * 1.01])
    np.testing.assert_allclose(flat(vmap(loss)(batch)), [loss(b) for b in batch], rtol=1e-13)


@pytest.mark.parametrize("k", [-3, 0, 1, 2, 9])
def test_switch_clamps_its_index(k: int) -> None:
    branches = [np.sin, np.cos, np.exp]
    want = branches[min(max(k, 0), 2)](X)
    np.testing.assert_array_equal(switch(k, branches, X), want)
    np.testing.assert_allclose(jit(lambda k, x: switch(k, branches, x))(k, X), want, rtol=1e-15)
    many = jit(vmap(lambda k, x: switch(k, branches, x), (0, None)))(np.array([k, k]), X)
    np.testing.assert_allclose(many[1], want, rtol=1e-15)


def test_steps_have_to_be_told() -> None:
    with pytest.raises(ValueError, match="length has to say"):
        scan(lambda c, x: (c, c), 0.0)
    with pytest.raises(ValueError, match="3 and 2 steps"):
        scan(lambda c, x: (c, c), 0.0, (X, X[:2]))
    with pytest.raises(ValueError, match="scan over nothing"):
        jit(lambda x: scan(lambda c, v: (c + v, c), 0.0, x))(X[:0])


def test_unroll_of_jax_is_taken_and_changes_nothing() -> None:
    def f(x: Any) -> Any:
        total = scan(lambda t, v: (t * v, t), 1.0, x, unroll=2)[0]
        return fori_loop(0, 3, lambda _, t: t * x[0], total, unroll=True)

    x = np.array([2.0, 3.0])
    assert jit(f)(x) == f(x) == 48.0
