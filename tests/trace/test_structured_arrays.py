"""Structured arrays: as NumPy has them, in the memory of the caller, or refused in one line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.programs.structured_arrays import NAMED, PACKED, PARTICLE, PROGRAMS, filled
from tracejit import UnsupportedError, grad, jit


def seen(x):
    """What can be compared: classes, dtypes and numbers."""
    if isinstance(x, list | tuple):
        return type(x), [seen(i) for i in x]
    if isinstance(x, dict):
        return {k: seen(v) for k, v in x.items()}
    if isinstance(x, np.ndarray | np.void) and x.dtype.names:
        return type(x), x.dtype, {n: seen(x[n]) for n in x.dtype.names}
    if isinstance(x, np.ndarray):
        return type(x), x.dtype, x.shape, x.tolist()
    return type(x), x


def shared(x, args):
    """Of each structured array in a result, which arguments it is, and shares memory with."""
    if isinstance(x, list | tuple):
        return [shared(i, args) for i in x]
    if isinstance(x, np.ndarray) and x.dtype.names:
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        return [(x is a, np.shares_memory(x, a)) for a in arrays]
    return None


@pytest.mark.parametrize(
    ("f", "makers"), PROGRAMS, ids=[f"{f.__name__}-{k}" for k, (f, _) in enumerate(PROGRAMS)]
)
def test_programs_are_as_in_numpy(f, makers):
    compiled = jit(f, fallback=False)
    counts = set()
    for _ in range(2):
        mine, theirs = ([make() for make in makers] for _ in range(2))
        want, got = f(*theirs), compiled(*mine)
        assert seen(got) == seen(want)
        assert seen(mine) == seen(theirs)
        assert shared(got, mine) == shared(want, theirs)
        counts.add(compiled.stats().compilations)
    assert len(counts) == 1


@dataclass
class Cloud:
    particles: np.ndarray
    step: float


def test_a_field_of_a_dataclass():
    def moved(cloud):
        cloud.particles["x"] += cloud.step
        return cloud.particles["x"].sum()

    cloud = Cloud(filled(PARTICLE), 0.5)
    assert jit(moved)(cloud) == 24.0
    assert cloud.particles["x"][0] == 1.5


def test_one_array_twice_and_parts_of_one_array():
    def f(a, b):
        a["x"][0] = 5
        return b["x"].sum(), b["m"].sum()

    for cut in (lambda a: (a, a), lambda a: (a[::2], a[1::2])):
        mine, theirs = filled(PARTICLE), filled(PARTICLE)
        assert jit(f)(*cut(mine)) == f(*cut(theirs))
        assert seen(mine) == seen(theirs)


def test_gradients_are_records():
    floats = np.dtype([("x", "f8"), ("y", "f8")])
    found = grad(lambda a: (a["x"] ** 2 * a["y"]).sum())(filled(floats, 3))
    assert found.dtype == floats
    assert found["x"].tolist() == [2.0, 8.0, 18.0]
    assert found["y"].tolist() == [1.0, 4.0, 9.0]


def test_numpys_exceptions():
    a = filled(PARTICLE)

    def short(a):
        a[0] = (1, 2)

    for f in (lambda a: a["z"], lambda a: a[10], short):
        with pytest.raises(Exception) as theirs:
            f(a)
        with pytest.raises(theirs.type) as mine:
            jit(f)(a)
        assert str(mine.value) == str(theirs.value)


OUTSIDE = filled(PACKED)


def views_of_one_made(n):
    b = np.zeros(n, PARTICLE)
    return b, b[1:]


REFUSED = [
    (lambda a: a + 1, "no arithmetic"),
    (lambda a: np.mean(a), "np.mean of a structured array"),
    (lambda a: a.view("f8"), ".view of a structured array"),
    (lambda a: a["x"].sum() + OUTSIDE["x"].sum(), "pass it as an argument"),
    (lambda a: views_of_one_made(3), "two results share"),
    (lambda a: np.zeros(3, NAMED), "records of numbers only"),
]


@pytest.mark.parametrize(("f", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_refused_says_what_to_do(f, words):
    with pytest.raises(UnsupportedError, match=words):
        jit(f, fallback=False)(filled(PARTICLE))


def test_a_text_among_the_numbers_is_refused_where_it_is_read():
    with pytest.raises(UnsupportedError, match="field 'name' is of dtype <U5"):
        jit(lambda a: a["name"], fallback=False)(filled(NAMED))


PICKS = [
    lambda a: a[a["x"] > 2],
    lambda a: a[np.array([2, 0])],
    lambda a: a.reshape(2, 3)[::-1].ravel(),
]


@pytest.mark.parametrize("f", PICKS, ids=["mask", "indices", "ravel"])
def test_a_text_among_the_numbers_is_never_lost(f):
    """Compiled code has the numbers alone: new records would be without it."""
    with pytest.raises(UnsupportedError, match=r"a field that is no number"):
        jit(f, fallback=False)(filled(NAMED))
