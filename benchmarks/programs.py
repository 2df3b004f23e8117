"""Rows with statements: mutation in place, loops over elements, `while`."""

from __future__ import annotations

import numpy as np

from tracejit.bench import Row


def heat(u, steps):
    for _ in range(steps):
        u[1:-1, 1:-1] += 0.1 * (
            u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
        )


def n_body(pos, vel, mass, steps):
    for _ in range(steps):
        d = pos[None, :, :] - pos[:, None, :]
        r2 = (d * d).sum(axis=2) + 0.01
        acc = (d * (mass / (r2 * np.sqrt(r2)))[:, :, None]).sum(axis=1)
        vel += 0.01 * acc
        pos += 0.01 * vel


def mandelbrot(re, im, limit):
    counts = np.zeros((len(im), len(re)), dtype=np.int64)
    for i in range(len(im)):
        for j in range(len(re)):
            x = y = 0.0
            n = 0
            while n < limit and x * x + y * y <= 4.0:
                x, y = x * x - y * y + re[j], 2.0 * x * y + im[i]
                n += 1
            counts[i, j] = n
    return counts


def cholesky(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[j, :j]
            A[i, j] /= A[j, j]
        A[i, i] = np.sqrt(A[i, i] - A[i, :i] @ A[i, :i])


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, path[:, k : k + 1] + path[k : k + 1, :])


def njit(fn):
    return {"numba": lambda nb: nb.njit(fn)}


def heat_jax(jax):
    def fn(u, steps):
        def step(_, u):
            lap = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
            return u.at[1:-1, 1:-1].add(0.1 * lap)

        return jax.lax.fori_loop(0, steps, step, u)

    return jax.jit(fn)


def heat_fresh(u, steps):
    """As `heat`, but the result is fresh, so that jax can run it too."""
    u = u.copy()
    heat(u, steps)
    return u


def definite(rng):
    x = rng.standard_normal((200, 200))
    return (x @ x.T + 200.0 * np.eye(200),)


def bodies(rng):
    return rng.standard_normal((100, 3)), rng.standard_normal((100, 3)), rng.random(100), 10


ROWS = (
    Row("heat 2-D in place", lambda r: (r.random((400, 400)), 20), heat, njit(heat), writes=True),
    Row("heat 2-D", lambda r: (r.random((400, 400)), 20), heat_fresh, {"jax": heat_jax}),
    Row("n-body, 100 bodies", bodies, n_body, writes=True),
    Row(
        "escape time, while",
        lambda r: (np.linspace(-2.2, 0.8, 90), np.linspace(-1.0, 1.0, 60), 100),
        mandelbrot,
        njit(mandelbrot),
        baseline="python",
    ),
    Row("cholesky by loops", definite, cholesky, njit(cholesky), writes=True),
    Row(
        "shortest paths",
        lambda r: (r.integers(1, 99, (120, 120)).astype(float),),
        floyd_warshall,
        njit(floyd_warshall),
        writes=True,
    ),
)
