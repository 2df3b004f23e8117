"""A value of the run is never hashed while tracing: sets and dicts would compare tracers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit

KNOWN = {1: 10, 2: 20}


def added_to_one_of_the_run(x: Any) -> Any:
    seen = set(x)
    seen.add(3)
    return len(seen)


def changed_in_place(x: Any) -> Any:
    seen = other = set(x)
    seen |= {1}
    return len(other)


HASHED: tuple[Callable[[Any], Any], ...] = (
    lambda x: len({(x[0], x[1]), (x[3], x[4])}),
    lambda x: len({x[0], "a"}),
    lambda x: KNOWN.get((x[0], 1)),
    lambda x: {1, 2}.union([x[0]]),
)


@pytest.mark.parametrize("f", HASHED)
def test_what_would_hash_a_value_of_the_run_is_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        jit(f)(np.array([3, 1, 2, 3, 1]))
    assert str(caught.value).startswith("test_keys.py:")
    assert "known at run time only" in str(caught.value)


@pytest.mark.parametrize(
    "f", [added_to_one_of_the_run, changed_in_place, lambda x: set(x) | {0.5}, lambda x: {x[0], 1}]
)
def test_sets_of_the_run_are_of_one_kind_and_not_changed(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedError):
        jit(f)(np.array([3, 1, 2, 3, 1]))


def caught_and_told(x: Any) -> Any:
    try:
        return {x}
    except TypeError as error:
        raise TypeError(str(error)) from None


UNHASHABLE: tuple[Callable[[Any], Any], ...] = (
    lambda x: {x},
    lambda x: x in {1, 2},
    lambda x: (x, 1) in {(1, 1)},
    lambda x: {x: 1},
    lambda x: set([x[:1]]),
    caught_and_told,
)


@pytest.mark.parametrize(
    "made", [lambda x: {(1, [2])}, lambda x: {x}, lambda x: set([[1]]), lambda x: {x: [1]}]
)
def test_what_has_no_hash_can_be_caught(made: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        try:
            made(x)
        except TypeError:
            return x + 1
        return x

    x = np.array([3, 1])
    np.testing.assert_array_equal(jit(f)(x), f(x))


@pytest.mark.parametrize("f", UNHASHABLE)
def test_arrays_are_as_unhashable_as_in_numpy(f: Callable[[Any], Any]) -> None:
    x = np.array([3, 1])
    with pytest.raises(TypeError) as wanted:
        f(x)
    with pytest.raises(TypeError) as caught:
        jit(f)(x)
    # Since Python 3.14 it also says what for.
    for told in (str(caught.value), str(wanted.value)):
        assert "unhashable type: 'numpy.ndarray'" in told
        assert "tracejit" not in told
