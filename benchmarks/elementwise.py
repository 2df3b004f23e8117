"""Rows whose work is one pass over memory, fused or not, and the cost of a call."""

from __future__ import annotations

import numpy as np

from tracejit.bench import Row


def increment(x):
    return x + 1.0


def chain(x, y):
    """Ten operations that need no temporary."""
    a = 2.0 * x - y
    b = a * a + x * y
    return np.where(b > 1.0, b, a) / (1.0 + np.abs(b))


def black_scholes(spot, strike, time):
    """Elementary functions in a row (a logistic stands for the normal distribution)."""
    s = 0.3 * np.sqrt(time)
    d1 = (np.log(spot / strike) + (0.02 + 0.045) * time) / s
    d2 = d1 - s
    n1 = 1.0 / (1.0 + np.exp(-1.702 * d1))
    n2 = 1.0 / (1.0 + np.exp(-1.702 * d2))
    return spot * n1 - strike * np.exp(-0.02 * time) * n2


def chain_numexpr(ne):
    code = "where((2*x-y)**2 + x*y > 1, (2*x-y)**2 + x*y, 2*x-y) / (1 + abs((2*x-y)**2 + x*y))"
    return lambda x, y: ne.evaluate(code, local_dict={"x": x, "y": y})


def chain_jax(jax):
    def fn(x, y):
        a = 2.0 * x - y
        b = a * a + x * y
        return jax.numpy.where(b > 1.0, b, a) / (1.0 + jax.numpy.abs(b))

    return jax.jit(fn)


def scholes_jax(jax):
    def fn(spot, strike, time):
        s = 0.3 * jax.numpy.sqrt(time)
        d1 = (jax.numpy.log(spot / strike) + (0.02 + 0.045) * time) / s
        n1 = 1.0 / (1.0 + jax.numpy.exp(-1.702 * d1))
        n2 = 1.0 / (1.0 + jax.numpy.exp(-1.702 * (d1 - s)))
        return spot * n1 - strike * jax.numpy.exp(-0.02 * time) * n2

    return jax.jit(fn)


def two(n):
    return lambda rng: (rng.standard_normal(n), rng.standard_normal(n))


def options(rng):
    n = 200_000
    return 80.0 + 40.0 * rng.random(n), 80.0 + 40.0 * rng.random(n), 0.1 + rng.random(n)


ROWS = (
    Row(
        "call: x + 1 on 10 doubles",
        lambda rng: (rng.standard_normal(10),),
        increment,
        {"jax": lambda jax: jax.jit(increment), "numba": lambda nb: nb.njit(increment)},
    ),
    Row(
        "fused chain, 10 thousand",
        two(10_000),
        chain,
        {"jax": chain_jax, "numba": lambda nb: nb.njit(chain), "numexpr": chain_numexpr},
    ),
    Row(
        "fused chain, 2 million",
        two(2_000_000),
        chain,
        {"jax": chain_jax, "numba": lambda nb: nb.njit(chain), "numexpr": chain_numexpr},
    ),
    Row(
        "exp, log, sqrt: option prices",
        options,
        black_scholes,
        {"jax": scholes_jax, "numba": lambda nb: nb.njit(black_scholes)},
    ),
)
