"""Programs whose gradients are timed: `python -m tracejit.bench --gradients`."""

from __future__ import annotations

import numpy as np

from tracejit.bench.gradients import GradientRow


def definite(n):
    def setup(rng):
        a = rng.normal(size=(n, n))
        return (a @ a.T / n + np.eye(n),)

    return setup


def cholesky_by_scalars(a):
    n = a.shape[0]
    lower = np.zeros((n, n))
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= lower[j, k] * lower[j, k]
        lower[j, j] = np.sqrt(s)
        for i in range(j + 1, n):
            t = a[i, j]
            for k in range(j):
                t -= lower[i, k] * lower[j, k]
            lower[i, j] = t / lower[j, j]
    total = 0.0
    for i in range(n):
        total += np.log(lower[i, i])
    return total


def cholesky_by_rows(a):
    n = a.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            lower[i, j] = (a[i, j] - lower[i, :j] @ lower[j, :j]) / lower[j, j]
        lower[i, i] = np.sqrt(a[i, i] - lower[i, :i] @ lower[i, :i])
    return np.sum(np.log(np.diag(lower)))


def lu(a):
    a = a.copy()
    n = a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= a[k + 1 :, k, None] * a[k, k + 1 :]
    return np.sum(np.log(np.abs(np.diag(a))))


def qr_by_rows(a):
    """Householder's reflections, one row of the rest after another."""
    a = a.copy()
    m, n = a.shape
    for k in range(n):
        v = a[k:, k].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        scale = 2.0 / (v @ v)
        w = np.zeros(n - k)
        for i in range(m - k):
            w += v[i] * a[k + i, k:]
        for i in range(m - k):
            a[k + i, k:] -= scale * v[i] * w
    return np.sum(np.abs(np.diag(a)))


def gauss_seidel(a, b, sweeps):
    n = b.shape[0]
    x = np.zeros(n)
    for _ in range(sweeps):
        for i in range(n):
            x[i] = (b[i] - a[i, :] @ x + a[i, i] * x[i]) / a[i, i]
    return np.sum(x * x)


def jacobi(a, b, sweeps):
    d = np.diag(a)
    x = np.zeros(b.shape[0])
    for _ in range(sweeps):
        x = x + (b - a @ x) / d
    return np.sum(x * x)


def heat(u, rate, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1, 1:-1] += rate * (
            u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
        )
    return np.sum(u * u)


def hidden_markov(start, step, seen):
    """The likelihood of observations, by the forward algorithm in logarithms."""
    alpha = start + seen[0]
    for t in range(1, seen.shape[0]):
        x = alpha[:, None] + step
        top = np.max(x, axis=0)
        alpha = seen[t] + top + np.log(np.sum(np.exp(x - top), axis=0))
    top = np.max(alpha)
    return top + np.log(np.sum(np.exp(alpha - top)))


def k_means(points, centres):
    cost = 0.0
    for i in range(points.shape[0]):
        best = np.inf
        for k in range(centres.shape[0]):
            d = 0.0
            for j in range(points.shape[1]):
                d += (points[i, j] - centres[k, j]) ** 2
            best = min(best, d)
        cost += best
    return cost


def dominant(n, sweeps):
    def setup(rng):
        a = rng.normal(size=(n, n)) * 0.01
        a[np.arange(n), np.arange(n)] += 4.0
        return a, rng.normal(size=n), sweeps

    return setup


def heat_of_jax(jax):
    def fn(u, rate, steps):
        def one(u, _):
            change = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
            return u.at[1:-1, 1:-1].add(rate * (change - 4.0 * u[1:-1, 1:-1])), None

        return jax.numpy.sum(jax.lax.scan(one, u, None, steps)[0] ** 2)

    return fn


def jacobi_of_jax(jax):
    def fn(a, b, sweeps):
        d = jax.numpy.diag(a)
        x = jax.lax.scan(lambda x, _: (x + (b - a @ x) / d, None), 0.0 * b, None, sweeps)[0]
        return jax.numpy.sum(x * x)

    return fn


def hidden_markov_of_jax(jax):
    def fn(start, step, seen):
        logsumexp = jax.scipy.special.logsumexp

        def one(alpha, now):
            return now + logsumexp(alpha[:, None] + step, axis=0), None

        return logsumexp(jax.lax.scan(one, start + seen[0], seen[1:])[0])

    return fn


def k_means_of_jax(jax):
    def fn(points, centres):
        d = jax.numpy.sum((points[:, None] - centres) ** 2, axis=-1)
        return jax.numpy.sum(jax.numpy.min(d, axis=1))

    return fn


GRADIENTS = [
    GradientRow("Cholesky by scalars, 128", cholesky_by_scalars, definite(128)),
    GradientRow("Cholesky by rows, 128", cholesky_by_rows, definite(128)),
    GradientRow("LU, 128", lu, definite(128)),
    GradientRow("QR by rows, 96 x 64", qr_by_rows, lambda rng: (rng.normal(size=(96, 64)),)),
    GradientRow("Gauss-Seidel, 512, 5 sweeps", gauss_seidel, dominant(512, 5), (0, 1)),
    GradientRow("Jacobi, 256, 20 sweeps", jacobi, dominant(256, 20), (0, 1), jacobi_of_jax),
    GradientRow(
        "heat, 256 x 256, 20 steps",
        heat,
        lambda rng: (rng.random((256, 256)), 0.2, 20),
        (0, 1),
        heat_of_jax,
    ),
    GradientRow(
        "hidden Markov, 16 states, 200 steps",
        hidden_markov,
        lambda rng: (rng.normal(size=16), rng.normal(size=(16, 16)), rng.normal(size=(200, 16))),
        (0, 1, 2),
        hidden_markov_of_jax,
    ),
    GradientRow(
        "k-means, 2000 points of 8, 10 centres",
        k_means,
        lambda rng: (rng.normal(size=(2000, 8)), rng.normal(size=(10, 8))),
        1,
        k_means_of_jax,
    ),
]
