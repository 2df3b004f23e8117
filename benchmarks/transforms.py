"""Transforms that give more than one gradient: `python -m tracejit.bench -k transform:`.

NumPy's column is the derivative by hand.
"""

from __future__ import annotations

import numpy as np

import tracejit
from tracejit.bench.rows import Row


def layer(x, w):
    return np.tanh(w @ x)


def jacobian_by_hand(x, w):
    return (1.0 - np.tanh(w @ x) ** 2)[:, None] * w


def jacobian_of_jax(jax):
    return jax.jit(jax.jacrev(lambda x, w: jax.numpy.tanh(w @ x)))


def logistic(x, a):
    return np.sum(np.log1p(np.exp(a @ x))) + 0.5 * np.sum(x * x)


def hessian_by_hand(x, a):
    s = 1.0 / (1.0 + np.exp(-(a @ x)))
    return (a.T * (s * (1.0 - s))) @ a + np.eye(x.shape[0])


def hessian_of_jax(jax):
    jnp = jax.numpy
    return jax.jit(
        jax.hessian(lambda x, a: jnp.sum(jnp.log1p(jnp.exp(a @ x))) + 0.5 * jnp.sum(x * x))
    )


def of_one(w, v, x, y):
    return (v @ np.tanh(w @ x) - y) ** 2


def gradients_by_hand(w, v, x, y):
    h = np.tanh(x @ w.T)
    e = 2.0 * (h @ v - y)
    return (e[:, None] * v * (1.0 - h * h))[:, :, None] * x[:, None, :], e[:, None] * h


def gradients_of_jax(jax):
    def one(w, v, x, y):
        return (v @ jax.numpy.tanh(w @ x) - y) ** 2

    return jax.jit(jax.vmap(jax.grad(one, (0, 1)), (None, None, 0, 0)))


def network(rng):
    return tuple(rng.normal(size=shape) for shape in ((32, 16), 32, (500, 16), 500))


ROWS = (
    Row(
        "transform: Jacobian 60 x 60",
        lambda rng: (rng.normal(size=60), rng.normal(size=(60, 60)) / 8.0),
        jacobian_by_hand,
        {"jax": jacobian_of_jax},
        lambda: tracejit.jit(tracejit.jacrev(layer)),
    ),
    Row(
        "transform: Hessian of 30, 200 terms",
        lambda rng: (rng.normal(size=30), rng.normal(size=(200, 30)) / 5.0),
        hessian_by_hand,
        {"jax": hessian_of_jax},
        lambda: tracejit.jit(tracejit.hessian(logistic)),
    ),
    Row(
        "transform: 500 gradients of a network 16 x 32",
        network,
        gradients_by_hand,
        {"jax": gradients_of_jax},
        lambda: tracejit.jit(
            tracejit.vmap(tracejit.grad(of_one, (0, 1)), in_axes=(None, None, 0, 0))
        ),
    ),
)
