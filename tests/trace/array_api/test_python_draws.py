"""Python's `random` in compiled code: its numbers, the state that it leaves, its errors."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit.errors import UnsupportedError

OWN = random.Random(3)
#: One draw, of two parameters of the run, and whether it is native for those.
DRAWS: dict[str, tuple[Callable[[Any, Any], Any], bool]] = {
    "random": (lambda a, b: random.random(), True),
    "of an own generator": (lambda a, b: OWN.random() + OWN.gauss(0, 1), True),
    "uniform": (lambda a, b: random.uniform(a, b), True),
    "uniform of ints": (lambda a, b: random.uniform(1, 7) + random.uniform(int(b), a), True),
    "uniform of wide ints": (lambda a, b: random.uniform(-(2**62), int(b)), False),
    "randint": (lambda a, b: random.randint(1, 6) + random.randint(-3, int(b)), True),
    "randint of 40 bits": (lambda a, b: random.randint(-(2**40), 2**41), True),
    "randint of wide bounds": (lambda a, b: random.randint(-(2**62), 2**62), False),
    "randint of one": (lambda a, b: random.randint(4, 4), True),
    "randrange": (lambda a, b: random.randrange(9) + random.randrange(2, 11), True),
    "randrange by steps": (lambda a, b: random.randrange(0, 100, 7), False),
    "expovariate": (lambda a, b: random.expovariate(b), True),
    "normalvariate": (lambda a, b: random.normalvariate(a, b), True),
    "gauss": (lambda a, b: random.gauss(a, b) + random.gauss(0, 1), True),
    "triangular": (lambda a, b: random.triangular(a, b), False),
    "choice of a range": (lambda a, b: random.choice(range(5, 50, 5)), True),
    "choice of a list": (lambda a, b: random.choice([3.0, 4.0, 7.0]), True),
    "choice of a tuple": (lambda a, b: random.choice((3, 4, 7)), True),
}


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    """What a call gives or raises, and the states that it leaves."""
    random.seed(11)
    OWN.seed(12)
    try:
        found = f(*args)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        found = type(error), str(error)
    return found, random.getstate(), OWN.getstate()


@pytest.mark.parametrize("name", DRAWS)
def test_draws(name: str, host_draws: list[str]) -> None:
    draw, native = DRAWS[name]

    def f(n: int, a: float, b: float) -> Any:
        kept = np.zeros(n)
        for i in range(n):
            kept[i] = draw(a, b)
            if kept[i] > 1.5:
                kept[i] += draw(a, b)
        return kept, draw(a, b), random.random()

    compiled = tracejit.jit(f)
    for n in (5, 700):
        np.testing.assert_equal(outcome(compiled, n, 1.0, 2.5), outcome(f, n, 1.0, 2.5))
    assert native == (not host_draws)


LISTS: dict[str, Callable[[Any], Any]] = {
    "shuffled array": lambda x: (random.shuffle(x), x)[1],
    "shuffled rows": lambda x: (random.shuffle(x.reshape(4, 2)), x)[1],
    "shuffled argument": lambda x: (random.shuffle(x), random.random()),
    "choices": lambda x: (random.choices(x, k=3), random.choices(range(9), k=2)),
    "choices of numbers": lambda x: random.choices([1, 2, 7], k=len(x)),
    "choice": lambda x: random.choice(x[x > 2]) + random.choice(x),
    "choice of nothing": lambda x: (random.random(), random.choice(x[x > 99])),
}


def shuffled_list(x: Any) -> Any:
    order = list(range(len(x)))
    short = [3, 1, 2]
    random.shuffle(order)
    for _ in range(3):
        random.shuffle(short)
    alone, nothing = [5], list(range(0))
    random.shuffle(alone)
    random.shuffle(nothing)
    return x[order], short, alone, nothing


@pytest.mark.parametrize("f", [*LISTS.values(), shuffled_list], ids=[*LISTS, "lists"])
def test_orders_and_choices(f: Callable[[Any], Any]) -> None:
    compiled = tracejit.jit(f)
    for n in (8, 8):
        arrays = np.arange(n) * 1.0, np.arange(n) * 1.0
        np.testing.assert_equal(outcome(compiled, arrays[0]), outcome(f, arrays[1]))
        np.testing.assert_array_equal(*arrays)


def test_a_list_of_the_callers_is_shuffled() -> None:
    ours, plain = [1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 8.0]
    outcome(tracejit.jit(random_order), ours)
    outcome(random_order, plain)
    assert ours == plain


def random_order(x: Any) -> None:
    random.shuffle(x)


@pytest.mark.parametrize(
    "draw",
    [
        lambda a: random.randint(3, int(a)),
        lambda a: random.randrange(int(a)),
        lambda a: random.randrange(5, int(a)),
        lambda a: random.expovariate(a),
        lambda a: random.uniform(a, np.inf) - random.gauss(a, np.nan),
    ],
)
def test_errors_and_rare_values(draw: Callable[[Any], Any]) -> None:
    def f(x: Any, a: float) -> Any:
        for i in range(3):
            x[i] = random.random()
            if i == 1:
                x[i] += draw(a)
        return x.sum()

    compiled = tracejit.jit(f)
    for a in (9.0, 0.0, -2.0):
        arrays = np.zeros(3), np.zeros(3)
        np.testing.assert_equal(outcome(compiled, arrays[0], a), outcome(f, arrays[1], a))
        np.testing.assert_array_equal(*arrays)


def test_what_is_kept_of_a_pair_of_normal_numbers(host_draws: list[str]) -> None:
    def f() -> float:
        return random.gauss(1.0, 2.0)

    compiled = tracejit.jit(f)
    random.seed(1)
    want = [f() for _ in range(5)]
    random.seed(1)
    assert [g() for g in (compiled, f, f, compiled, compiled)] == want
    assert not host_draws
    random._inst.gauss_next = 1  # type: ignore[attr-defined]  # an int: what Python makes of it
    assert compiled() == 3.0
    assert host_draws == ["gauss"]


def test_a_method_that_an_object_has_itself_is_not_passed_over(host_draws: list[str]) -> None:
    own = random.Random(3)
    own.random = lambda: 0.25  # type: ignore[method-assign]
    assert tracejit.jit(lambda: own.uniform(0.0, 1.0))() == 0.25
    assert host_draws == ["uniform"]


def test_threads_draw_each_number_once() -> None:
    def f(x: Any) -> int:
        total = 0
        for _ in range(20_000):
            total += random.getrandbits(20) if False else random.randint(0, 2**20 - 1)
        return total + int(x[0])

    def plain() -> None:
        sums.append(sum(random.randint(0, 2**20 - 1) for _ in range(20_000)))

    compiled, sums = tracejit.jit(f), list[int]()
    large = np.zeros(1_000_000)  # a call on that much lets go of the GIL
    compiled(large)
    random.seed(2)
    jobs = [lambda: sums.append(compiled(large)), plain] * 2
    threads = [threading.Thread(target=job) for job in jobs]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sys.setswitchinterval(before)
    random.seed(2)
    assert sum(sums) == sum(random.randint(0, 2**20 - 1) for _ in range(80_000))


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (lambda: random.sample(range(9), 2), "random.sample"),
        (lambda: random.choices([1, 2], [1, 2]), "with weights"),
        (lambda: random.shuffle([None, 1]), "numbers of one kind"),
        (lambda: random.choices([]), "of nothing"),
    ],
)
def test_refused(draw: Callable[[], Any], text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        tracejit.jit(draw)()
