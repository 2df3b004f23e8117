"""``is`` between arrays whose bindings a branch or a loop decides at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def copied_unless_new(x: Any, y: Any, n: int) -> Any:
    z = np.abs(x) if x[0] < n else x
    if z is x:
        z = z.copy()
    z += 1
    return z


def copied_at_first_write(x: Any, y: Any, n: int) -> Any:
    work = x
    for i in range(n):
        if work is x:
            work = x.copy()
        work[i % 4] += i
    return work, work is x


def swapped(x: Any, y: Any, n: int) -> Any:
    p, q = x, y
    for _ in range(n):
        q[1:-1] = (p[2:] + p[:-2]) / 2
        p, q = q, p
    return p is x, q is not x


def in_turn(x: Any, y: Any, n: int) -> Any:
    z, count = x, 0
    for _ in range(n):
        if z is x:
            z = y
        elif z is y:
            z = z + 1
        else:
            z = x
            count += 1
    return z is x, z is y, count, z


def made_on_both_sides(x: Any, y: Any, n: int) -> Any:
    if x[0] < n:
        u = x * 2
        v = u
    else:
        u = y * 3
        v = u
    return u is v, u is x


def one_side_copies(x: Any, y: Any, n: int) -> Any:
    if x[0] < n:
        u = x * 2
        v = u
    else:
        u = y * 3
        v = u.copy()
    return u is v


def nested(x: Any, y: Any, n: int) -> Any:
    p, found = x, 0
    for i in range(n):
        for _ in range(i):
            p = y if p is x else x
        if p is y:
            found += 1
    return found, p is x


def views_are_other_objects(x: Any, y: Any, n: int) -> Any:
    z = x if x[0] < n else y
    return x[:] is x, x.reshape(4) is x, np.asarray(x) is x, x[1:] is x[1:], z is x, z is y


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
@pytest.mark.parametrize(
    "f",
    [
        copied_unless_new,
        copied_at_first_write,
        swapped,
        in_turn,
        made_on_both_sides,
        one_side_copies,
        nested,
        views_are_other_objects,
    ],
)
def test_identity(f: Callable[..., Any], n: int) -> None:
    ours, theirs = [(np.arange(4.0), np.arange(4.0) + 10) for _ in range(2)]
    got, want = jit(f)(*ours, n), f(*theirs, n)
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for a, b in pairs:
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


# The caller's array on one path, None on another --------------------------------------------------


def from_an_endless_while(x: Any, n: int) -> Any:
    while True:
        n -= 1
        if n < 0:
            return x
        if n > 10:
            return None


def written_in_an_endless_while(x: Any, n: int) -> Any:
    while True:
        n -= 1
        x[0] += 1
        if n < 0:
            return x
        if n > 10:
            return None


def found_in_a_for(x: Any, n: int) -> Any:
    for i in range(n):
        if x[i] > 2:
            return x
    return None


def found_or_none_in_a_for(x: Any, n: int) -> Any:
    for i in range(n):
        if x[i] > 2:
            return x
        if x[i] < 0:
            return None
    return x


def bound_in_a_for(x: Any, n: int) -> Any:
    y = None
    for i in range(n):
        if x[i] > 2:
            y = x
    return y


def bound_in_a_branch(x: Any, n: int) -> Any:
    y = None
    if n > 1:
        y = x
    return y


def written_through_the_name(x: Any, n: int) -> Any:
    y = None
    for i in range(n):
        if x[i] > 2:
            y = x
    if y is not None:
        y[0] = 50.0
    return x


def one_of_two_arrays(x: Any, n: int) -> Any:
    z = np.ones(4)
    y = None
    for i in range(n):
        if x[i] > 2:
            y = x
        elif x[i] < 0:
            y = z
    return y


def the_array_or_a_new_one(x: Any, n: int) -> Any:
    y = None
    for i in range(n):
        if x[i] > 2:
            y = x
        elif x[i] < 0:
            y = x * 2
    return y


FOUND = [
    from_an_endless_while,
    written_in_an_endless_while,
    found_in_a_for,
    found_or_none_in_a_for,
    bound_in_a_for,
    bound_in_a_branch,
    written_through_the_name,
    one_of_two_arrays,
    the_array_or_a_new_one,
]


@pytest.mark.parametrize("f", FOUND)
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_none_or_the_caller_s_array(f: Callable[..., Any], shapes: str) -> None:
    compiled = jit(f, shapes=shapes)
    for n in (1, 2, 3, 4):
        mine, theirs = np.array([1.0, 2.0, 3.0, -1.0]), np.array([1.0, 2.0, 3.0, -1.0])
        want, got = f(theirs, n), compiled(mine, n)
        assert (got is mine) == (want is theirs)
        assert repr((got, mine)) == repr((want, theirs))
