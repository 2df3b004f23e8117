"""What is computed from concatenations is filled piece by piece: nothing is asked of an element."""

import numpy as np
import pytest

from tracejit import jit

rng = np.random.default_rng(7)


def _shift(x, y):
    x[:] = np.concatenate((x[3:], x[:3]))
    return x


def _computed(x, y):
    return 2.0 * np.concatenate((x, y)) + np.concatenate((y, x))


def _other_places(x, y):
    return np.concatenate((x, y, y[:1])) + np.concatenate((y[:1], x, y))


PROGRAMS = [
    lambda x, y: np.concatenate((x, y)),
    lambda x, y: np.concatenate((y, x, y, x[::-1])),
    lambda x, y: np.concatenate((np.concatenate((x, y)), [1.0], x)),
    lambda x, y: np.sqrt(np.abs(np.concatenate((x, y)))),
    lambda x, y: np.concatenate((x[:, None], y[:, None]), axis=0)[None] * 2.0,
    lambda x, y: np.concatenate((np.outer(x, x), np.outer(y, x))) + 1.0,
    lambda x, y: np.concatenate((np.outer(x, x), np.outer(x, y)), axis=1),
    lambda x, y: np.concatenate((x, y)).sum() + np.roll(x, 2),
    lambda x, y: np.concatenate([x] * 12),
    _shift,
    _computed,
    _other_places,
]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_values_are_numpys(number):
    f = PROGRAMS[number]
    g = jit(f)
    for m, n in ((5, 5), (8, 3), (4, 0), (33, 64), (1, 1)):
        if number == PROGRAMS.index(_computed) and m != n:
            continue
        args = rng.normal(size=m), rng.normal(size=n)
        if number == PROGRAMS.index(_other_places) and n == 0:
            continue
        mine = [a.copy() for a in args]
        found, wanted = g(*mine), f(*args)
        np.testing.assert_array_equal(found, wanted, strict=True)
        np.testing.assert_array_equal(mine[0], args[0])


@pytest.mark.parametrize("number", [0, 1, 3])
def test_nothing_is_asked_of_an_element(number):
    f = jit(PROGRAMS[number])
    f(np.ones(50), np.ones(70))
    (program,) = f.inspect_program().values()
    assert "cond" not in program
