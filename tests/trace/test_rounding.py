"""``round(x, digits)`` of Python's floats is Python's: of the number that the float stands for."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tracejit import UnsupportedError, grad, jit

RNG = random.Random(0)
SPECIAL = [2.675, 1.005, 0.5, 2.5, 0.125, -0.0, -0.001, 15.0, 25.0, 1234.5, 5e-324, 1e300, 2.0**53]
SPECIAL += [4503599627370497.5 / 100, float("inf"), float("nan")]
NUMBERS = [
    *SPECIAL,
    *(RNG.randrange(10**6) / 1000 + 0.0005 for _ in range(200)),
    *((RNG.randrange(2**54) + 0.5) / 2.0 ** RNG.randrange(40) for _ in range(200)),
    *(RNG.uniform(-1, 1) * 10.0 ** RNG.randrange(-9, 20) for _ in range(200)),
    *(float(RNG.randrange(10**17)) for _ in range(200)),
]


def to(digits: int) -> Callable[[float], float]:
    return lambda x: round(x, digits)


@pytest.mark.parametrize("digits", [0, 2, 15, 22, -1, -3])
def test_of_digits(digits: int) -> None:
    compiled = jit(to(digits))
    for x in NUMBERS:
        assert repr(compiled(x)) == repr(round(x, digits)), x


def test_of_digits_at_run_time() -> None:
    def f(x: float, digits: int) -> float:
        return round(x, digits)

    compiled = jit(f, shapes="dynamic")
    for x in NUMBERS[::8]:
        for digits in (0, 2, 22, -3):
            assert repr(compiled(x, digits)) == repr(round(x, digits)), (x, digits)
    with pytest.raises(ValueError, match="more than 22 digits"):
        compiled(1.0, 23)


def test_more_digits_than_are_compiled() -> None:
    with pytest.raises(UnsupportedError, match="at most 22"):
        jit(to(23))(1.0)


def test_it_has_no_slope() -> None:
    slope: Any = grad(to(2))
    assert slope(1.2345) == 0.0
