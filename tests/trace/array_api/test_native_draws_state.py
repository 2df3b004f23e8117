"""Draws in native code: whose state it is, and when; locks, threads and lifetimes."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tests.trace.array_api.native_draws import check, held_elsewhere, modern, outcome, same, state
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.errors import UnsupportedError


def walk(rng: Any, n: int) -> float:
    s = 0.0
    for _ in range(n):
        s += rng.random() + rng.standard_normal()
    return s


def test_a_generator_that_was_copied_pickled_or_set_back() -> None:
    compiled = tracejit.jit(walk)
    for kind in (np.random.default_rng, np.random.RandomState):
        first = kind(4)
        compiled(first, 9)
        others = copy.deepcopy(first), pickle.loads(pickle.dumps(first))
        want = walk(copy.deepcopy(first), 9)
        assert [compiled(g, 9) for g in (*others, first)] == [want] * 3
    rng = np.random.default_rng(4)
    before = rng.bit_generator.state
    first_time = compiled(rng, 5)
    rng.bit_generator.state = before
    assert compiled(rng, 5) == first_time
    legacy_rng = np.random.RandomState(4)
    first_time = compiled(legacy_rng, 5)
    legacy_rng.seed(4)
    assert compiled(legacy_rng, 5) == first_time


def test_two_generators_of_one_bit_generator() -> None:
    def f(a: Any, b: Any, n: int) -> Any:
        out = np.zeros((n, 2))
        for i in range(n):
            out[i, 0] = a.random()
            out[i, 1] = b.normal()
        return out

    compiled = tracejit.jit(f)
    for _ in range(2):
        ours, plain = np.random.PCG64(3), np.random.PCG64(3)
        pairs = [[np.random.Generator(bits) for _ in range(2)] for bits in (ours, plain)]
        same(compiled(*pairs[0], 6), f(*pairs[1], 6))
        same(compiled(*pairs[0][:1], *pairs[0][:1], 6), f(*pairs[1][:1], *pairs[1][:1], 6))
        assert ours.state == plain.state
        assert not held_elsewhere(pairs[0][0])


def test_numpys_global_generator_and_its_bit_generator() -> None:
    def f(n: int) -> Any:
        s = 0.0
        for _ in range(n):
            s += np.random.random() + np.random.randn() + np.random.randint(7)
        np.random.seed(n)
        return s, np.random.rand(), np.random.uniform(1, 2, 3)

    compiled = tracejit.jit(f)
    before = np.random.get_bit_generator()
    try:
        for n in (4, 5):
            np.random.seed(9)
            want = f(n), np.random.get_state()[2:]
            np.random.seed(9)
            np.testing.assert_equal((compiled(n), np.random.get_state()[2:]), want)
        for bits in (np.random.MT19937(8), np.random.MT19937(9)):
            np.random.set_bit_generator(copy.deepcopy(bits))
            want = f(4)
            np.random.set_bit_generator(bits)
            np.testing.assert_equal(compiled(4), want)
    finally:
        np.random.set_bit_generator(before)


class Own(np.random.Generator):
    """A generator of a class of the user's, whose methods may be others."""


def test_a_generator_of_a_class_of_the_users_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="would draw once"):
        tracejit.jit(walk)(Own(np.random.PCG64(3)), 5)


def test_interleaved_with_what_numpy_does(host_draws: list[str]) -> None:
    def f(rng: Any, n: int) -> Any:
        s = 0.0
        for _ in range(n):
            s += rng.integers(100) + rng.dirichlet([1.0, 2.0])[0] + rng.integers(0, 2, dtype=bool)
            s += rng.normal(np.arange(3.0)).sum() + rng.random()
        return s

    check(f, modern(), 5)
    assert {"dirichlet", "normal"} == set(host_draws)


def test_sizes_of_the_run() -> None:
    def f(rng: Any, n: int, m: int) -> Any:
        x = rng.normal(0.5, 2.0, (n, m))
        x[:, 0] = rng.random(n)
        return x, rng.integers(9, size=m), rng.permutation(n)

    compiled = tracejit.jit(f, shapes="dynamic")
    ours, plain = np.random.default_rng(3), np.random.default_rng(3)
    for sizes in ((4, 3), (5, 2), (7, 7), (0, 3), (1, 1)):
        same(compiled(ours, *sizes), f(plain, *sizes))
    assert outcome(compiled, ours, -1, 3) == outcome(f, plain, -1, 3)
    order = tracejit.jit(lambda r, n: r.permutation(n), shapes="dynamic")
    for n in (4, -2, 0):
        same(order(ours, n), plain.permutation(n))
    assert state(ours) == state(plain)


def test_vmap_and_derivatives_draw_as_before() -> None:
    def loss(w: Any, rng: Any) -> Any:
        s = 0.0
        for _ in range(5):
            s += (w * rng.normal() - rng.random()) ** 2
        return s

    rng = np.random.default_rng(0)
    noise = [(rng.normal(), rng.random()) for _ in range(5)]
    want = sum(2 * (3.0 * a - b) * a for a, b in noise)
    assert tracejit.grad(loss)(3.0, np.random.default_rng(0)) == pytest.approx(want)
    over = tracejit.vmap(lambda w: w * np.random.normal(), in_axes=0)
    np.random.seed(1)
    want = np.arange(4.0) * [np.random.normal() for _ in range(4)]
    np.random.seed(1)
    np.testing.assert_array_equal(over(np.arange(4.0)), want)


def test_caught_in_a_loop_the_native_draws_go_on() -> None:
    def f(rng: Any, scales: Any) -> Any:
        failed = 0
        s = 0.0
        for scale in scales:
            try:
                s += rng.normal(0.0, scale)
                s += rng.integers(int(scale), 3)
            except ValueError:
                failed += 1
        return s, failed

    check(f, modern()[:2], np.array([1.0, -1.0, 2.0, 4.0, 0.5]))


def test_threads_share_one_generator() -> None:
    """NumPy fills arrays without the GIL; each number is drawn once, whoever draws it."""
    compiled = tracejit.jit(walk_uniform)
    rng, million = np.random.Generator(np.random.PCG64(2)), 1_000_000
    large = np.zeros(million)  # a call on that much lets go of the GIL
    compiled(rng, 2, large), compiled(rng, 3, large[:9])
    sums: list[float] = []
    in_threads(
        [
            lambda: sums.append(sum(rng.random(million // 10).sum() for _ in range(50))),
            lambda: sums.append(compiled(rng, 6 * million, large)),
            lambda: sums.append(compiled(rng, million, large[:9])),
        ]
    )
    plain = np.random.Generator(np.random.PCG64(2))
    plain.random(5)
    assert sum(sums) == pytest.approx(sum(plain.random(million).sum() for _ in range(12)))
    assert plain.bit_generator.state == rng.bit_generator.state


@pytest.mark.parametrize("size", [9, 1_000_000])
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_a_draw_waits_for_the_lock(kind: Any, size: int) -> None:
    compiled, rng, x = tracejit.jit(walk_uniform), kind(2), np.zeros(size)
    compiled(rng, 2, x), compiled(rng, 3, x)
    before, found = state(rng), list[float]()
    thread = threading.Thread(target=lambda: found.append(compiled(rng, 5, x)), daemon=True)
    with rng._bit_generator.lock:
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        np.testing.assert_equal(state(rng), before)
    thread.join(60)
    assert len(found) == 1
    assert not held_elsewhere(rng)


def walk_uniform(rng: Any, n: int, x: Any) -> float:
    s = x[0]
    for _ in range(n):
        s += rng.random()
    return s


def in_threads(jobs: list[Callable[[], Any]]) -> None:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "threads wait for one another"


def test_threads_that_draw_from_two_generators_do_not_wait_for_one_another() -> None:
    def f(a: Any, b: Any, n: int) -> float:
        s = 0.0
        for i in range(n):
            s += a.random()
            s += b.random()
            if i % 100 == 0:
                s += np.random.default_rng(i).dirichlet([1.0, 2.0])[0]
        return s

    compiled = tracejit.jit(f)
    a, b = np.random.default_rng(1), np.random.default_rng(2)
    compiled(a, b, 2), compiled(a, b, 3)
    in_threads([lambda: compiled(a, b, 20_000), lambda: compiled(b, a, 20_000)] * 2)


def test_the_host_may_wait_for_a_thread_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)

    class Out:
        def write(self, text: str) -> int:
            in_threads([lambda: rng.random(3)])
            return len(text)

        def flush(self) -> None: ...

    def f(g: Any, n: int) -> float:
        s = 0.0
        for _ in range(n):
            s += g.random()
            print(n)
        return s

    compiled = tracejit.jit(f)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Out())
        compiled(rng, 3)
    assert not held_elsewhere(rng)


def test_a_generator_outside_lives_as_long_as_the_code() -> None:
    rng = np.random.default_rng(3)
    compiled = tracejit.jit(lambda: rng.random())
    compiled()
    tables = [x for x in gc.get_objects() if type(x) is HostTable]
    assert any(held is rng for table in tables for held in table.held)


def test_generators_made_inside_are_let_go_of() -> None:
    def f(n: int) -> float:
        s = 0.0
        for i in range(n):
            rng = np.random.default_rng(i)
            s += rng.random() + rng.integers(3)
        return s

    def alive() -> int:
        gc.collect()
        return sum(type(x) is np.random.Generator for x in gc.get_objects())

    compiled = tracejit.jit(f)
    assert [compiled(4), compiled(5)] == [f(4), f(5)]
    before = alive()
    assert compiled(50) == f(50)
    assert alive() <= before
