"""``tracejit.random``: the cipher against its authors' vectors, moments, and bits under ``jit``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit import random, rounded

KEY = random.key(42)


@pytest.mark.parametrize(
    ("rounds", "counter", "key", "want"),
    [  # the known-answer vectors that are distributed with Random123
        (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        (13, (2**32 - 1,) * 2, (2**32 - 1,) * 2, (0xFD36D048, 0x2D17272C)),
        (13, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
        (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        (20, (2**32 - 1,) * 2, (2**32 - 1,) * 2, (0x1CB996FC, 0xBB002BE7)),
        (20, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(rounds: int, counter: Any, key: Any, want: Any) -> None:
    words = [np.array([c], np.uint32) for c in counter]
    found = random.threefry2x32(np.array(key, np.uint32), *words, rounds=rounds)
    assert tuple(int(w[0]) for w in found) == want


def test_an_attribute_of_the_package() -> None:
    assert tracejit.random is random


SAMPLES: dict[str, Callable[[Any], Any]] = {
    "split": lambda k: random.split(k, 5),
    "fold_in": lambda k: random.fold_in(k, 7),
    "bits": lambda k: (random.bits(k, 9), random.bits(k, (2, 3), np.uint8), random.bits(k)),
    "uniform": lambda k: (random.uniform(k, (4, 5)), random.uniform(k)),
    "uniform float32": lambda k: random.uniform(k, 100, -1.0, 3.0, np.float32),
    "normal": lambda k: (random.normal(k, (50, 40)), random.normal(k)),
    "normal float32": lambda k: random.normal(k, 9, np.float32),
    "exponential": lambda k: random.exponential(k, 100),
    "gumbel": lambda k: random.gumbel(k, 100),
    "bernoulli": lambda k: (random.bernoulli(k, 0.3, 100), random.bernoulli(k)),
    "integers": lambda k: (random.integers(k, 10), random.integers(k, -3, 4, 100)),
    "integers int32": lambda k: random.integers(k, -5, 100, (10, 10), np.int32),
    "integers wide": lambda k: random.integers(k, -(2**62), 2**62 + 5, 100),
    "integers of arrays": lambda k: random.integers(k, 0, np.array([2, 5, 9]), 3),
    "permutation": lambda k: (random.permutation(k, 20), random.permutation(k, np.eye(4), axis=1)),
    "choice": lambda k: (random.choice(k, 9, (3, 3)), random.choice(k, np.arange(5.0), 4)),
    "choice once": lambda k: random.choice(k, 9, 5, replace=False),
    "choice by p": lambda k: random.choice(k, 3, 50, p=np.array([0.5, 0.2, 0.3])),
    "choice once by p": lambda k: random.choice(k, 3, 2, False, np.array([0.5, 0.2, 0.3])),
    "categorical": lambda k: random.categorical(k, np.log(np.full((4, 3), 1 / 3))),
    "gamma": lambda k: (random.gamma(k, np.array([0.1, 1.0, 9.0])), random.gamma(k, 2.0)),
}


def same(a: Any, b: Any) -> None:
    """Equal in type, dtype and every bit."""
    assert type(a) is type(b)
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            same(x, y)
        return
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", SAMPLES)
def test_compiled_bits_are_the_same(name: str) -> None:
    same(tracejit.jit(SAMPLES[name])(KEY), SAMPLES[name](KEY))


def test_run_time_sizes_and_seeds() -> None:
    def draw(seed: int, n: int) -> Any:
        k = random.key(seed)
        once = random.choice(k, n, n, replace=False)
        return random.normal(k, (n, 2)), random.integers(k, 0, n, n), random.permutation(k, n), once

    compiled = tracejit.jit(draw, shapes="dynamic")
    for seed, n in ((0, 5), (-7, 9), (2**40, 3)):
        same(compiled(seed, n), draw(seed, n))
    assert compiled.stats().compilations == 1


def test_inside_a_loop() -> None:
    def walk(k: Any, n: int) -> Any:
        t = 0.0
        for i in range(n):
            k, step = random.split(k)
            if random.bernoulli(step, 0.7):
                t += random.normal(random.fold_in(step, i))
        return t

    compiled = tracejit.jit(walk)
    for n in (5, 30):
        assert compiled(KEY, n) == walk(KEY, n)


def test_differentiable_around_the_draws() -> None:
    def f(location: float, scale: float) -> Any:
        return (location + scale * random.normal(KEY, 10)).sum() + random.uniform(
            KEY, 10, 0.0, scale
        ).sum()

    a, b = tracejit.grad(f, argnums=(0, 1))(1.0, 2.0)
    assert a == 10.0
    assert b == pytest.approx((random.normal(KEY, 10) + random.uniform(KEY, 10)).sum())


@pytest.mark.parametrize(
    ("draw", "moments"),
    [
        (lambda n: random.uniform(KEY, n), (1 / 2, 1 / 3, 1 / 4, 1 / 5)),
        (lambda n: random.normal(KEY, n), (0, 1, 0, 3)),
        (lambda n: random.exponential(KEY, n), (1, 2, 6, 24)),
        (lambda n: random.gamma(KEY, 3.0, n), (3, 12, 60, 360)),
        (lambda n: random.gamma(KEY, 0.5, n), (0.5, 0.75, 1.875, 6.5625)),
        (lambda n: random.integers(KEY, 0, 3, n), (1, 5 / 3, 3, 17 / 3)),
        (lambda n: random.bernoulli(KEY, 0.25, n), (0.25,) * 4),
    ],
)
def test_moments(draw: Callable[[int], Any], moments: tuple[float, ...]) -> None:
    """Within five standard errors, which are estimated from the sample."""
    x = draw(400_000).astype(np.float64)
    for power, want in enumerate(moments, 1):
        y = x**power
        assert abs(y.mean() - want) < 5 * y.std() / math.sqrt(x.size) + 1e-12


def test_normal_is_the_inverse_of_the_distribution() -> None:
    u = np.concatenate([np.linspace(0.001, 0.999, 999), 2.0 ** -np.arange(2.0, 54.0)])
    x = rounded.normal_quantile(u)
    back = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    np.testing.assert_allclose(back, u, rtol=2e-14)


def test_elementary_functions() -> None:
    x = np.concatenate([2.0 ** -np.arange(54.0), np.linspace(1e-3, 50, 1000)])
    np.testing.assert_allclose(rounded.log(x), np.log(x), rtol=3e-16)
    np.testing.assert_allclose(rounded.exp(-x), np.exp(-x), rtol=5e-16)
    assert rounded.exp(np.array([-1e9]))[0] == 0.0


def test_uniform_stays_below_the_end() -> None:
    words = np.array([0, 2**64 - 1], np.uint64)
    for kind in (np.float64, np.float32):
        low, high = random._unit(words, np.dtype(kind))
        assert low == 0
        assert 1 - 2.0**-23 < high < 1


@pytest.mark.parametrize("span", [1, 3, 2**31 - 1, 2**32, 2**63 - 1])
def test_integers_take_every_value_alike(span: int) -> None:
    """Python's integers give the exact product of 128 bits."""
    halves = random.split(KEY)
    first, second = (random.bits(k, 50) for k in halves)
    want = [(int(a) * 2**64 + int(b)) * span >> 128 for a, b in zip(first, second, strict=True)]
    assert random.integers(KEY, 0, span, 50).tolist() == want


def test_choice_follows_the_probabilities() -> None:
    p = np.array([0.5, 0.2, 0.3])
    found = np.bincount(random.choice(KEY, 3, 100_000, p=p), minlength=3) / 100_000
    np.testing.assert_allclose(found, p, atol=0.01)
    found = np.bincount(random.categorical(KEY, np.log(np.tile(p, (100_000, 1))))) / 100_000
    np.testing.assert_allclose(found, p, atol=0.01)


def test_permutation_holds_each_element_once() -> None:
    assert sorted(random.permutation(KEY, 100).tolist()) == list(range(100))
    assert len(set(random.choice(KEY, 50, 30, replace=False).tolist())) == 30


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: random.normal(0), TypeError),
        (lambda: random.normal(KEY, 3, np.int64), TypeError),
        (lambda: random.bits(KEY, 3, np.int64), TypeError),
        (lambda: random.integers(KEY, 3, dtype=np.float64), TypeError),
        (lambda: random.choice(KEY, 3, 4, replace=False), ValueError),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
