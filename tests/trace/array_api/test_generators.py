"""Generators of NumPy's in compiled code: the same numbers, and the same state left behind."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit.errors import StructureError, UnsupportedError

X = np.arange(12.0).reshape(3, 4)
DRAWS: dict[str, Callable[[Any], Any]] = {
    "random": lambda r: r.random(),
    "random shape": lambda r: r.random((2, 3), dtype=np.float32),
    "standard_normal": lambda r: r.standard_normal(5),
    "standard_exponential": lambda r: r.standard_exponential(3, method="inv"),
    "standard_gamma": lambda r: r.standard_gamma(np.array([1.0, 2.0])),
    "normal": lambda r: r.normal(),
    "normal size": lambda r: r.normal(1.0, 2.0, size=4),
    "normal arrays": lambda r: r.normal(np.arange(3.0), np.ones((2, 1))),
    "uniform": lambda r: r.uniform(-1, 1, 3),
    "integers": lambda r: r.integers(10),
    "integers int32": lambda r: r.integers(2, 10, (3,), dtype=np.int32),
    "integers of arrays": lambda r: r.integers(np.array([1, 5, 9])),
    "integers endpoint": lambda r: r.integers(3, endpoint=True, size=7),
    "integers bool": lambda r: r.integers(0, 2, 5, dtype=bool),
    "integers Python": lambda r: r.integers(0, 5, dtype=int),
    "exponential": lambda r: r.exponential(2.0, 3),
    "poisson": lambda r: (r.poisson(), r.poisson(3.0, 5)),
    "binomial": lambda r: r.binomial(5, 0.3, 3),
    "beta": lambda r: r.beta(1.0, 2.0),
    "choice of count": lambda r: (r.choice(10), r.choice(5, 3, replace=False)),
    "choice of array": lambda r: (r.choice(np.arange(5.0)), r.choice(X, 2, axis=1)),
    "choice with p": lambda r: r.choice(3, 4, p=[0.1, 0.2, 0.7]),
    "permutation": lambda r: (r.permutation(6), r.permutation(X), r.permutation(X, axis=1)),
    "permuted": lambda r: r.permuted(X, axis=1),
    "dirichlet": lambda r: r.dirichlet([1.0, 2.0, 3.0], 4),
    "multinomial": lambda r: (r.multinomial(10, [0.2, 0.8]), r.multinomial(9, [0.5, 0.5], size=3)),
    "multivariate_normal": lambda r: r.multivariate_normal([0.0, 1.0], np.eye(2), 3),
    "multivariate_hypergeometric": lambda r: r.multivariate_hypergeometric([3, 4], 2),
}
LEGACY: dict[str, Callable[[Any], Any]] = {
    "rand": lambda r: (r.rand(), r.rand(2, 3)),
    "randn": lambda r: r.randn(4),
    "randint": lambda r: (r.randint(5), r.randint(2, 9, size=3, dtype=np.int16)),
    "random_sample": lambda r: r.random_sample(3),
    "choice": lambda r: r.choice(4, 3),
    "poisson": lambda r: r.poisson(3.0, 2),
    "permutation": lambda r: r.permutation(5),
}


def same(a: Any, b: Any) -> None:
    """Equal in type, dtype and every bit."""
    assert type(a) is type(b)
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            same(x, y)
        return
    assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", DRAWS)
def test_generator(name: str) -> None:
    draw = DRAWS[name]
    plain, ours = np.random.default_rng(1), np.random.default_rng(1)
    compiled = tracejit.jit(draw)
    for _ in range(2):
        same(compiled(ours), draw(plain))
    assert ours.bit_generator.state == plain.bit_generator.state
    assert compiled.stats().compilations == 1


@pytest.mark.parametrize("name", LEGACY)
def test_random_state(name: str) -> None:
    plain, ours = np.random.RandomState(1), np.random.RandomState(1)
    same(tracejit.jit(LEGACY[name])(ours), LEGACY[name](plain))
    same(ours.random_sample(3), plain.random_sample(3))


def walk(rng: Any, n: int, x: np.ndarray) -> float:
    t = 0.0
    for _ in range(n):
        if rng.random() < 0.5:
            t += rng.normal()
        else:
            rng.shuffle(x)
            t += x[0] * rng.integers(3)
    return t


def test_order_is_kept_in_loops_and_branches() -> None:
    compiled = tracejit.jit(walk)
    for seed in range(4):
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        arrays = [np.arange(5.0) for _ in range(2)]
        assert compiled(rngs[0], 9 + seed, arrays[0]) == walk(rngs[1], 9 + seed, arrays[1])
        np.testing.assert_array_equal(arrays[0], arrays[1])
        assert rngs[0].bit_generator.state == rngs[1].bit_generator.state
    assert compiled.stats().compilations == 2  # one generator is as good as another


def test_sizes_known_at_run_time() -> None:
    compiled = tracejit.jit(lambda r, n: r.normal(size=(n, 2)), shapes="dynamic")
    for n in (3, 5):
        same(compiled(np.random.default_rng(0), n), np.random.default_rng(0).normal(size=(n, 2)))


def test_two_generators_are_not_confused() -> None:
    compiled = tracejit.jit(lambda r, s: (r.random(), s.random(), r.random()))
    a, b = np.random.default_rng(0), np.random.default_rng(1)
    found = compiled(a, b)
    a, b = np.random.default_rng(0), np.random.default_rng(1)
    same(found, (a.random(), b.random(), a.random()))
    c = np.random.default_rng(0)
    same(compiled(c, c), tuple(np.random.default_rng(0).random(3).tolist()))


def test_out() -> None:
    def fill(rng: Any, x: np.ndarray) -> np.ndarray:
        rng.standard_normal(out=x)
        return rng.random(out=x[1:])

    arrays = np.zeros(4), np.zeros(4)
    got = tracejit.jit(fill)(np.random.default_rng(0), arrays[0])
    same(got, fill(np.random.default_rng(0), arrays[1]))
    same(arrays[0], arrays[1])


def test_an_address_is_never_taken_from_the_caller() -> None:
    """An integer where a generator was: a version of its own, not a wild pointer."""
    compiled = tracejit.jit(lambda r: r.random())
    compiled(np.random.default_rng(0))
    with pytest.raises(AttributeError, match="random"):
        compiled(np.int64(12345))


def test_numpys_global_state() -> None:
    def draw(n: int) -> Any:
        return np.random.rand(n), np.random.randint(5), np.random.normal(size=3)

    np.random.seed(3)
    want = draw(4)
    np.random.seed(3)
    same(tracejit.jit(draw)(4), want)


RNG = np.random.default_rng(7)


def test_a_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = tracejit.jit(lambda: RNG.normal(size=2))
    same((compiled(), compiled()), _two(np.random.default_rng(7)))
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(8))
    same((compiled(), compiled()), _two(np.random.default_rng(8)))


def _two(rng: Any) -> Any:
    return rng.normal(size=2), rng.normal(size=2)


@dataclass
class Model:
    rng: np.random.Generator
    w: np.ndarray

    def step(self) -> Any:
        self.w += self.rng.normal(size=self.w.shape)
        return self.w.sum()


def test_inside_a_dataclass() -> None:
    ours, plain = (Model(np.random.default_rng(0), np.zeros(3)) for _ in range(2))
    compiled = tracejit.jit(Model.step)
    for _ in range(3):
        assert compiled(ours) == plain.step()


def test_draws_that_a_derivative_does_not_pass_through() -> None:
    def loss(w: np.ndarray, rng: Any) -> Any:
        return ((w - rng.normal(size=3)) ** 2).sum()

    found = tracejit.grad(loss)(np.ones(3), np.random.default_rng(0))
    np.testing.assert_allclose(found, 2 * (1 - np.random.default_rng(0).normal(size=3)))


@pytest.mark.parametrize(
    ("draw", "error", "text"),
    [
        (lambda r: r.bytes(3), UnsupportedError, "np.uint8"),
        (lambda r: r.spawn(2), UnsupportedError, "pass the generators"),
        (lambda r: r.bit_generator, UnsupportedError, "cannot be read"),
        (lambda r: r.nothing(), AttributeError, "nothing"),
        (lambda r: r.shuffle([1, 2]), UnsupportedError, "use an array"),
        (lambda r: (r, r.random()), UnsupportedError, "make it outside and pass it"),
        (lambda r: np.random.default_rng(3), UnsupportedError, "make it outside and pass it"),
        (lambda r: np.random.PCG64(3), UnsupportedError, "pass it as an argument"),
        (lambda r: r.normal(0, -1.0), ValueError, "scale < 0"),
        (lambda r: r.integers(3, -5), ValueError, "low >= high"),
        (lambda r: r.normal(1, 2, 3, 4), TypeError, "positional"),
    ],
)
def test_errors(draw: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        tracejit.jit(draw)(np.random.default_rng(0))


def known(rng: Any) -> Any:
    if isinstance(rng, np.random.Generator):
        return rng.normal()
    return -1.0 if isinstance(rng, np.random.RandomState) else 0.0


def test_isinstance() -> None:
    compiled = tracejit.jit(known)
    assert compiled(np.random.default_rng(0)) == np.random.default_rng(0).normal()
    assert compiled(np.random.RandomState(0)) == -1.0
    assert compiled(3.0) == 0.0


def test_default_rng_of_a_generator_is_itself() -> None:
    found = tracejit.jit(lambda r: np.random.default_rng(r).normal())(np.random.default_rng(0))
    assert found == np.random.default_rng(0).normal()


# Seeds, and generators that the program makes ----------------------------------------------------


def seeded(n: int) -> Any:
    np.random.seed(n * 2)
    return np.random.rand(3), np.random.randint(9)


def of_seed(n: int) -> Any:
    return np.random.default_rng(n).normal(size=3), np.random.default_rng([n, 2]).random()


def in_a_loop(n: int) -> Any:
    s = 0.0
    for i in range(n):
        rng = np.random.default_rng(i)
        s += rng.random() + rng.random()
    return s


def legacy(n: int) -> Any:
    rng = np.random.RandomState(n)
    first = rng.rand(2)
    rng.seed(n + 1)
    return first, rng.randint(0, 100, 5)


def interleaved(n: int) -> Any:
    a, b = np.random.default_rng(1), np.random.default_rng(n)
    return a.random() + b.random() - a.random(), [g.random() for g in (a, b)]


def in_branches(n: int) -> Any:
    rng = np.random.default_rng(5)
    x = rng.random() if n > 3 else -rng.random()
    return x + rng.random()


def swapped(n: int) -> Any:
    old, s = np.random.default_rng(99), 0.0
    for i in range(n):
        new = np.random.default_rng(i)
        s += old.random() + new.random()
        old = new
    return s


def wander(n: int) -> Any:
    random.seed(n)
    place = 0
    for _ in range(n):
        place += random.randint(0, 1) * 2 - 1
    return place, random.random(), random.choice(np.arange(5.0)), random.choice(range(2, 9))


def of_python(n: int) -> Any:
    random.seed("text")
    return random.uniform(1, n), random.gauss(0, 1), random.randrange(n + 1), random.expovariate(2)


MADE = (seeded, of_seed, in_a_loop, legacy, interleaved, in_branches, swapped, wander, of_python)


@pytest.mark.parametrize("f", MADE)
def test_seeds_and_generators_made_inside(f: Callable[[int], Any]) -> None:
    compiled = tracejit.jit(f)
    for n in (5, 5, 2):
        want, states = f(n), (random.getstate(), np.random.get_state()[2])
        np.testing.assert_equal(compiled(n), want)
        assert (random.getstate(), np.random.get_state()[2]) == states


def test_a_seed_that_is_wrong() -> None:
    def f(n: int) -> Any:
        np.random.seed(n)
        return np.random.rand()

    for g in (f, tracejit.jit(f)):
        with pytest.raises(ValueError, match="Seed must be between 0 and"):
            g(-3)


def test_a_generator_without_seed_is_new_in_every_call() -> None:
    compiled = tracejit.jit(lambda: np.random.default_rng().random())
    assert len({compiled() for _ in range(5)}) == 5


def test_threads_have_generators_of_their_own() -> None:
    compiled, found = tracejit.jit(in_a_loop), []
    threads = [threading.Thread(target=lambda: found.append(compiled(300))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [in_a_loop(300)] * 4


def test_which_generator_is_not_decided_at_run_time() -> None:
    def f(n: int) -> Any:
        rng, s = np.random.default_rng(0), 0.0
        for _ in range(n):
            if s > 1:
                rng = np.random.default_rng(7)
            s += rng.random()
        return s

    with pytest.raises(StructureError, match="'rng' as RandomSource"):
        tracejit.jit(f)(6)


# Exceptions ---------------------------------------------------------------------------------------


def _caught(g: Any, scale: float) -> Any:
    try:
        return g.normal(0, scale, 3)
    except ValueError as error:
        print(error, type(error).__name__, f"{error}!")
        return np.zeros(3)


def _drawn_in_a_loop(g: Any, scale: float) -> Any:
    total = 0.0
    for k in range(4):
        try:
            total += g.normal(0, scale - k)
            total += g.uniform(0, scale)
        except (ValueError, OverflowError) as error:
            total += 100
            print(k, "failed:", repr(str(error)))
    return total


def _raised_as_another(g: Any, scale: float) -> Any:
    try:
        g.uniform(0, scale)
    except OverflowError as error:
        raise RuntimeError(f"bad: {error}") from None
    finally:
        print("done")
    return 1


def _raised_again(g: Any, scale: float) -> Any:
    try:
        return g.gamma(scale)
    except ValueError:
        print("no")
        raise


def _not_caught(g: Any, scale: float) -> Any:
    try:
        return g.normal(0, scale)
    except OverflowError:
        return 1.0


def _chosen(g: Any, scale: float) -> Any:
    x = np.arange(4.0)
    try:
        g.shuffle(x)
        chance = (x + 1) / 10 * scale
        return g.choice(4, p=chance), x
    except Exception:
        x[0] = -1
        return -1, x


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize(
    "f",
    [_caught, _drawn_in_a_loop, _raised_as_another, _raised_again, _not_caught, _chosen],
)
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_what_they_raise_is_caught(f: Any, shapes: Any, kind: Any, capsys: Any) -> None:
    compiled = tracejit.jit(f, shapes=shapes)
    for scale in (1.0, -1.0, 2.5, np.inf, 1.0):
        outcomes = []
        for g in (f, compiled):
            source = kind(3)
            try:
                result = g(source, scale)
            except (ValueError, RuntimeError, OverflowError) as error:
                result = type(error).__name__, str(error)
            drawn = source.random(2)
            outcomes.append((result, drawn, capsys.readouterr().out))
        np.testing.assert_equal(outcomes[1], outcomes[0])
