"""Functions to transform, each of one array to an array: straight, loops, branches, mutation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit import jit

Program = Callable[[Any], Any]
PROGRAMS: dict[str, Program] = {}
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3))


def program(f: Program) -> Program:
    """Enters a function into the table."""
    PROGRAMS[f.__name__] = f
    return f


def point() -> Any:
    """Where all of them are smooth."""
    return np.array([0.3, -1.2, 2.0])


@program
def elementwise(x: Any) -> Any:
    return np.sin(x) * x + np.where(x > 0, np.exp(-x), x * x)


@program
def layer(x: Any) -> Any:
    return np.tanh(WEIGHTS @ x)


@program
def reductions(x: Any) -> Any:
    return np.cumsum(x / x.sum()) * np.max(x) + np.prod(x)


@program
def views_and_mutation(x: Any) -> Any:
    y = x * x
    y[::-1] += np.sin(x)
    v = y[1:]
    v *= x[:2]
    y[0] = y[2] * x[1]
    return y


@program
def counted_loop(x: Any) -> Any:
    for i in range(4):
        x = np.sin(x) + x[i % 3] * x
        x[0] = x[1] * 0.5
    return x


@program
def nested_loops(x: Any) -> Any:
    a = np.zeros((3, 3))
    for i in range(3):
        for j in range(i + 1):
            a[i, j] = x[i] * np.cos(x[j])
    return a @ x


@program
def over_its_own_elements(x: Any) -> Any:
    for v in x:  # as many residuals as elements, which are read after they have changed
        x[:] *= np.cos(v * x)
    return x


@program
def while_loop(x: Any) -> Any:
    s = x.sum()
    while abs(s) < 10:
        s = s * 1.5 * x[1] * x[1]
        x = x * 1.1 + s * 0.01
    return x


@program
def branches(x: Any) -> Any:
    if x[0] > 0:
        y = x * x
    else:
        y = np.sin(x)
    return y[0] * x if y.sum() > 1 else y


@program
def of_a_jitted_one(x: Any) -> Any:
    return jit(counted_loop)(x * 2.0)


@program
def sorted_and_picked(x: Any) -> Any:
    return np.sort(x) * x[np.array([2, 0, 0])]


def differences(f: Program, x: Any, step: float = 1e-6) -> Any:
    """The Jacobian by central differences, last axis the argument's."""
    columns = []
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = step
        e = e.reshape(x.shape)
        columns.append((np.asarray(f(x + e)) - np.asarray(f(x - e))) / (2 * step))
    return np.stack(columns, axis=-1)
