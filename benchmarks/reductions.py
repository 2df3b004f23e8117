"""Rows that reduce, alone or row by row with work around it; one gradient."""

from __future__ import annotations

import numpy as np

from tracejit.bench import Row


def total(x):
    return np.sum(x)


def variance(x):
    return np.var(x, axis=1)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def layer_norm(x, gain, bias):
    mean = x.mean(axis=1, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=1, keepdims=True)
    return gain * (x - mean) / np.sqrt(var + 1e-5) + bias


def logsumexp(x):
    m = x.max(axis=1, keepdims=True)
    return np.sum(m[:, 0] + np.log(np.sum(np.exp(x - m), axis=1)))


def dense(x, w, b):
    return np.tanh(x @ w + b)


def softmax_loops(nb):
    """As numba's users write it: the compiler has no `keepdims`."""

    @nb.njit
    def fn(x):
        out = np.empty_like(x)
        for i in range(x.shape[0]):
            top = x[i].max()
            s = 0.0
            for j in range(x.shape[1]):
                out[i, j] = np.exp(x[i, j] - top)
                s += out[i, j]
            for j in range(x.shape[1]):
                out[i, j] /= s
        return out

    return fn


def layer_norm_loops(nb):
    @nb.njit
    def fn(x, gain, bias):
        out = np.empty_like(x)
        n = x.shape[1]
        for i in range(x.shape[0]):
            mean = x[i].sum() / n
            var = 0.0
            for j in range(n):
                var += (x[i, j] - mean) ** 2
            scale = 1.0 / np.sqrt(var / n + 1e-5)
            for j in range(n):
                out[i, j] = gain[j] * (x[i, j] - mean) * scale + bias[j]
        return out

    return fn


def softmax_jax(jax):
    return jax.jit(lambda x: jax.nn.softmax(x, axis=1))


def layer_norm_jax(jax):
    def fn(x, gain, bias):
        mean = x.mean(axis=1, keepdims=True)
        var = ((x - mean) ** 2).mean(axis=1, keepdims=True)
        return gain * (x - mean) / jax.numpy.sqrt(var + 1e-5) + bias

    return jax.jit(fn)


def logsumexp_gradient():
    from tracejit import grad, jit

    return jit(grad(logsumexp))


def logsumexp_jax(jax):
    return jax.jit(jax.grad(lambda x: jax.nn.logsumexp(x, axis=1).sum()))


def matrix(m, n):
    return lambda rng: (rng.standard_normal((m, n)),)


def layer(rng):
    return rng.standard_normal((256, 512)), rng.standard_normal((512, 256)), np.zeros(256)


def normalized(rng):
    return rng.standard_normal((1000, 768)), rng.random(768), rng.random(768)


ROWS = (
    Row(
        "sum, 2 million",
        lambda rng: (rng.standard_normal(2_000_000),),
        total,
        {"jax": lambda jax: jax.jit(jax.numpy.sum), "numba": lambda nb: nb.njit(total)},
    ),
    Row(
        "variance of rows",
        matrix(2000, 500),
        variance,
        {"jax": lambda jax: jax.jit(lambda x: jax.numpy.var(x, axis=1))},
    ),
    Row("softmax", matrix(1000, 768), softmax, {"jax": softmax_jax, "numba": softmax_loops}),
    Row(
        "layer norm",
        normalized,
        layer_norm,
        {"jax": layer_norm_jax, "numba": layer_norm_loops},
    ),
    Row(
        "gradient of logsumexp",
        matrix(1000, 768),
        softmax,
        {"jax": logsumexp_jax},
        traced=logsumexp_gradient,
    ),
    Row(
        "tanh(x @ w + b)",
        layer,
        dense,
        {"jax": lambda jax: jax.jit(lambda x, w, b: jax.numpy.tanh(x @ w + b))},
    ),
)
