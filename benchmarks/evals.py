"""GradBench's programs as a user writes them: `python -m tracejit.bench --gradients -k eval`.

The mathematics follows the evals (github.com/gradbench/gradbench), on random inputs; JAX's forms
are those of its tool there, or vmap and scan in place of loops. `gmm` leaves out constants.
k-means is in `gradients.py`, `ba` in `bundles.py`, `ht` in `hand_tracking.py`.
"""

from __future__ import annotations

import numpy as np

from tracejit import grad
from tracejit.bench.gradients import GradientRow


def mixture(points, alpha, means, logs, below):
    """The log likelihood of normals whose inverse factors have exp(logs) as their diagonals."""
    d = points.shape[1]
    centred = points[:, None, :] - means
    rows, columns = np.tril_indices(d, -1)
    factors = np.zeros((means.shape[0], d, d))
    factors[:, rows, columns] = below
    turned = np.exp(logs) * centred + np.einsum("kij,nkj->nki", factors, centred)
    inner = alpha + np.sum(logs, axis=1) - 0.5 * np.sum(turned * turned, axis=2)
    top = np.max(inner, axis=1)
    likely = np.sum(top + np.log(np.sum(np.exp(inner - top[:, None]), axis=1)))
    prior = 0.5 * (np.sum(np.exp(2.0 * logs)) + np.sum(below**2))
    return likely - points.shape[0] * np.log(np.sum(np.exp(alpha))) - prior


def mixture_of_jax(jax):
    jnp = jax.numpy

    def fn(points, alpha, means, logs, below):
        d = points.shape[1]
        centred = points[:, None, :] - means
        rows, columns = np.tril_indices(d, -1)
        factors = jnp.zeros((means.shape[0], d, d)).at[:, rows, columns].set(below)
        turned = jnp.exp(logs) * centred + jnp.einsum("kij,nkj->nki", factors, centred)
        inner = alpha + jnp.sum(logs, axis=1) - 0.5 * jnp.sum(turned**2, axis=2)
        likely = jnp.sum(jax.scipy.special.logsumexp(inner, axis=1))
        prior = 0.5 * (jnp.sum(jnp.exp(2.0 * logs)) + jnp.sum(below**2))
        weights = jax.scipy.special.logsumexp(alpha)
        return likely - points.shape[0] * weights - prior

    return fn


def mixture_setup(d, k, n):
    def setup(rng):
        shapes = (n, d), k, (k, d), (k, d), (k, d * (d - 1) // 2)
        return tuple(0.5 * rng.normal(size=shape) for shape in shapes)

    return setup


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def log_sum_exp_of_jax(jax):
    def fn(x):
        top = jax.numpy.max(x)
        return top + jax.numpy.log(jax.numpy.sum(jax.numpy.exp(x - top)))

    return fn


def least_squares(x, n):
    """Fit the sign of n points of [-1, 1] by the polynomial with coefficients x."""
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1.0)
        found, power = np.sign(t), 1.0
        for c in x:
            found -= c * power
            power *= t
        total += found * found
    return 0.5 * total


def least_squares_of_jax(jax):
    jnp = jax.numpy

    def fn(x, n):
        def at(i):
            t = -1.0 + 2.0 * i / (n - 1.0)
            powers = jnp.cumprod(jnp.full(x.shape[0], t).at[0].set(1.0))
            return (jnp.sign(t) - jnp.sum(x * powers)) ** 2

        return 0.5 * jnp.sum(jax.vmap(at)(jnp.arange(n)))

    return fn


def runge_kutta(x, steps):
    """The last component of y' = x * (1, y[:-1]) at 2, from 0."""

    def slope(y):
        out = x.copy()
        out[1:] *= y[:-1]
        return out

    h = 2.0 / steps
    y = np.zeros_like(x)
    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + h / 2.0 * k1)
        k3 = slope(y + h / 2.0 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y[-1]


def runge_kutta_of_jax(jax):
    def fn(x, steps):
        h = 2.0 / steps

        def slope(y):
            return jax.numpy.where(np.arange(x.shape[0]) == 0, x, x * jax.numpy.roll(y, 1))

        def step(y, _):
            k1 = slope(y)
            k2 = slope(y + h / 2.0 * k1)
            k3 = slope(y + h / 2.0 * k2)
            k4 = slope(y + h * k3)
            return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

        return jax.lax.scan(step, 0.0 * x, None, steps)[0][-1]

    return fn


def memory_cells(weights, ends, state, sequence):
    """LSTM with diagonal weights, as ADBench's: (layers, 2, 4, n), (3, n), (layers, 2, n)."""

    def sigmoid(v):
        return 1.0 / (1.0 + np.exp(-v))

    state = state.copy()
    total = 0.0
    for t in range(sequence.shape[0] - 1):
        x = sequence[t] * ends[0]
        for layer in range(weights.shape[0]):
            (w, b), (hidden, cell) = weights[layer], state[layer]
            forget = sigmoid(x * w[0] + b[0])
            let_in = sigmoid(hidden * w[1] + b[1])
            out = sigmoid(x * w[2] + b[2])
            new = cell * forget + let_in * np.tanh(hidden * w[3] + b[3])
            state[layer, 1] = new
            state[layer, 0] = out * np.tanh(new)
            x = state[layer, 0]
        guess = x * ends[1] + ends[2]
        total += np.sum(sequence[t + 1] * (guess - np.log(np.sum(np.exp(guess)) + 2.0)))
    return -total / ((sequence.shape[0] - 1) * sequence.shape[1])


def memory_cells_of_jax(jax):
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid

    def fn(weights, ends, state, sequence):
        def step(state, pair):
            now, then = pair
            x, kept = now * ends[0], []
            for layer in range(weights.shape[0]):
                (w, b), (hidden, cell) = weights[layer], state[layer]
                forget, out = sigmoid(x * w[0] + b[0]), sigmoid(x * w[2] + b[2])
                let_in = sigmoid(hidden * w[1] + b[1])
                cell = cell * forget + let_in * jnp.tanh(hidden * w[3] + b[3])
                x = out * jnp.tanh(cell)
                kept.append(jnp.stack([x, cell]))
            guess = x * ends[1] + ends[2]
            return jnp.stack(kept), jnp.sum(then * (guess - jnp.log(jnp.sum(jnp.exp(guess)) + 2.0)))

        found = jax.lax.scan(step, state, (sequence[:-1], sequence[1:]))[1]
        return -jnp.sum(found) / ((sequence.shape[0] - 1) * sequence.shape[1])

    return fn


def cells_setup(rng):
    layers, n, steps = 2, 14, 200
    return (
        rng.normal(size=(layers, 2, 4, n)),
        rng.normal(size=(3, n)),
        rng.normal(size=(layers, 2, n)),
        1.0 * (rng.random((steps, n)) < 0.5),
    )


def minors(a):
    """The determinant by minors, which are inlined: the eval is a test of deep call trees."""

    def minor(row, columns):
        if len(columns) == 1:
            return a[row, columns[0]]
        total = 0.0
        for k in range(len(columns)):
            part = a[row, columns[k]] * minor(row + 1, columns[:k] + columns[k + 1 :])
            total = total + part if k % 2 == 0 else total - part
        return total

    return minor(0, tuple(range(5)))


def particle(w):
    """Where a particle among charges lands, squared; forces are gradients of the potential."""
    charges = ((10.0, 10.0 - w), (10.0, 0.0))

    def potential(at):
        total = 0.0
        for x, y in charges:
            total += 1.0 / np.sqrt((at[0] - x) ** 2 + (at[1] - y) ** 2)
        return total

    at, speed, step = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
    while at[1] > 0.0:
        force = -grad(potential)(at)
        at = at + step * speed
        speed = speed + step * force
    landed = at - at[1] / speed[1] * speed
    return landed[0] ** 2


def saddle(x):
    """What the second player makes of x by 100 steps up a gradient."""

    def gain(y, x):
        return x @ x - y @ y

    y = np.array([1.0, 1.0]) * x
    for _ in range(100):
        y = y + 0.01 * grad(gain)(y, x)
    return gain(y, x)


def saddle_of_jax(jax):
    def gain(y, x):
        return x @ x - y @ y

    def fn(x):
        y = jax.lax.scan(lambda y, _: (y + 0.01 * jax.grad(gain)(y, x), None), x, None, 100)[0]
        return gain(y, x)

    return fn


GRADIENTS = [
    GradientRow(
        "eval gmm: 1000 points of 10, 25 normals",
        mixture,
        mixture_setup(10, 25, 1000),
        (1, 2, 3, 4),
        mixture_of_jax,
    ),
    GradientRow(
        "eval lse: 100,000",
        log_sum_exp,
        lambda rng: (rng.normal(size=100_000),),
        0,
        log_sum_exp_of_jax,
    ),
    GradientRow(
        "eval llsq: 16 coefficients, 4096 points",
        least_squares,
        lambda rng: (rng.normal(size=16), 4096),
        0,
        least_squares_of_jax,
    ),
    GradientRow(
        "eval ode: 50 components, 1000 steps",
        runge_kutta,
        lambda rng: (1.0 + rng.random(50), 1000),
        0,
        runge_kutta_of_jax,
    ),
    GradientRow(
        "eval lstm: 2 layers of 14, 200 steps",
        memory_cells,
        cells_setup,
        (0, 1),
        memory_cells_of_jax,
    ),
    GradientRow(
        "eval det: 5", minors, lambda rng: (rng.normal(size=(5, 5)),), 0, lambda jax: minors
    ),
    GradientRow("eval particle: its `while` over Euler's steps", particle, lambda rng: (0.5,)),
    GradientRow(
        "eval saddle: 100 inner steps",
        saddle,
        lambda rng: (rng.normal(size=2),),
        0,
        saddle_of_jax,
    ),
]
