"""Pairs and triples of transforms in any order, against forward mode alone.

Each takes a function of an array to one of an array of the same kind, and means the identity, the
derivative along ``V`` (``J V``) or against ``W`` (``W J``). ``TRACEJIT_FUZZ_GRADIENTS`` (default
150) says how many: a fifth of it pairs, a twentieth triples, drawn at random; 900 has every pair.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from tracejit import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)

Function = Callable[[Any], Any]
EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_GRADIENTS", "150"))
V, W = np.array([0.5, -0.3, 0.2]), np.array([1.0, 0.4, -0.7])
X = np.array([0.3, -1.2, 0.8])


def function(x: Any) -> Any:
    """A loop, a branch, mutation and views."""
    y = np.sin(x)
    for i in range(2):
        y[1:] += 0.3 * y[:-1] * x[i]
        if x[i] > 0:
            y = y * np.cos(x[2])
    return y


def ruled_forward(f: Function) -> Function:
    g = custom_jvp(lambda x: f(x))
    g.defjvp(lambda primals, tangents: jvp(f, primals, tangents))
    return g


def ruled_backward(f: Function) -> Function:
    g = custom_vjp(lambda x: f(x))
    g.defvjp(lambda x: (f(x), x), lambda x, ct: vjp(f, x)[1](ct))
    return g


#: Name -> what it means, and the transform.
TRANSFORMS: dict[str, tuple[str, Callable[[Function], Function]]] = {
    "jit": ("", jit),
    "checkpoint": ("", checkpoint),
    "custom_jvp": ("", ruled_forward),
    "custom_vjp": ("", ruled_backward),
    "vmap": ("", lambda f: lambda x: vmap(f)(np.stack([x * 0.5, x]))[1]),
    "jvp": ("v", lambda f: lambda x: jvp(f, (x,), (V,))[1]),
    "linearize": ("v", lambda f: lambda x: linearize(f, x)[1](V)),
    "jacfwd": ("v", lambda f: lambda x: jacfwd(f)(x) @ V),
    "grad": ("w", lambda f: grad(lambda x: np.sum(W * f(x)))),
    "value_and_grad": ("w", lambda f: lambda x: value_and_grad(lambda x: W @ f(x))(x)[1]),
    "vjp": ("w", lambda f: lambda x: vjp(f, x)[1](W)[0]),
    "jacrev": ("w", lambda f: lambda x: W @ jacrev(f)(x)),
    "hvp": ("wv", lambda f: lambda x: hvp(lambda x: W @ f(x), (x,), (V,))[0]),
}


@cache
def meant(word: str) -> Any:
    """What a sequence of derivatives is, by forward mode along unit vectors."""
    f: Function = function
    for letter in word:
        f = along(f) if letter == "v" else against(f)
    return f(X)


def along(f: Function) -> Function:
    return lambda x: jvp(f, (x,), (V,))[1]


def against(f: Function) -> Function:
    def columns(x: Any) -> Any:
        return np.array([W @ jvp(f, (x,), (e,))[1] for e in np.eye(3)])

    return columns


def check(names: tuple[str, ...], under_jit: bool) -> None:
    f: Function = function
    for name in names:
        f = TRANSFORMS[name][1](f)
    # A rule for reverse mode has none for forward mode, where that comes to it first.
    after = [TRANSFORMS[n][0] for n in names]
    refused = any(
        name == "custom_vjp" and "".join(after[k + 1 :]).startswith("v")
        for k, name in enumerate(names)
    )
    if refused:
        with pytest.raises(TypeError, match="custom_vjp"):
            (jit(f) if under_jit else f)(X)
        return
    have = (jit(f) if under_jit else f)(X)
    np.testing.assert_allclose(have, meant("".join(after)), rtol=1e-9, atol=1e-9)


def drawn(length: int, count: int) -> list[tuple[str, ...]]:
    every = list(itertools.product(TRANSFORMS, repeat=length))
    return random.Random(length).sample(every, min(count, len(every)))


PAIRS, TRIPLES = drawn(2, EXAMPLES // 5), drawn(3, EXAMPLES // 20)


@pytest.mark.parametrize("part", range(8))
def test_compositions(part: int) -> None:
    for k, names in enumerate([*PAIRS, *TRIPLES]):
        if k % 8 == part:
            check(names, under_jit=k // 8 % 2 == 0)
