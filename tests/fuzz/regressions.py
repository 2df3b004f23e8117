"""Small programs that once went wrong, each found by the fuzz and made small by it.

A row is a function and its arguments; where the shape policy matters, it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Regression:
    """A program and how to make its arguments."""

    function: Callable[..., Any]
    arguments: Callable[[], tuple[Any, ...]]
    policy: str = "auto"

    @property
    def name(self) -> str:
        return self.function.__name__


def read_only(x):
    x.flags.writeable = False
    return x


def return_of_an_argument_from_a_loop(a, b):
    for _ in range(3, 0, -1):
        return b
    return b


def swap_in_an_inner_loop(a, b):
    for i in range(3, 0, -1):
        for _ in range(1, i if a[3] else 0):
            a, b = b, a
    return b


def swap_in_a_branch_beside_writes(a, b, x, i):
    for _ in range(0, int(np.count_nonzero(np.full((0, 4), True))) % 7, 2):
        x = np.sign(np.concatenate([x[1:1] - x[4:4], x * -0.25]))
        if x[i % 4] == x[i % 4]:
            b[...] = np.array(np.maximum(b[...], np.concatenate([a, a])))
        else:
            a, b = b, a
            b[np.full((0,), True)] += int(np.arange(4).argmin())
    for _ in range(3):
        np.add(x, 1.0, out=x)
    return a, b, b


def a_number_and_itself_as_a_float(a, s):
    return float(s), s, float(s), (s, float(a[0]), a[0])


def a_slice_or_the_whole(a, n):
    b = a[::-1]
    for _ in range(n):
        b = a
    b *= np.arange(a.size)
    return b


def the_whole_or_a_slice(a, n):
    b = a
    for _ in range(n):
        b = a[::-1]
    b *= np.arange(a.size)
    return b


def transposed_until_a_break(a, b):
    c = a * 1.0
    for _ in range(3):
        if c.sum() > 7:
            break
        b = c
        c = (a.T * 2 - c.T).T
        b[0] += 1
    b[1] += 5
    c[:, 1] -= 3
    return b, c


def maximum_of_nothing(a):
    return a.max(axis=0)


def count_in_an_empty_matrix(a, flag):
    return np.count_nonzero(np.take(np.arange(4), a.astype(np.int64)) == flag)


def rebound_unless_continued(a):
    for _ in range(0, 7, 3):
        if False if np.zeros(8, dtype=np.bool).all() else True:
            continue
        a = np.zeros((8, 2)).max(axis=1)
    a[0] = False
    return a


def number_unchanged_in_a_loop_over_an_array(a, s):
    s = (s + s) % 7
    for _ in a:
        s = s
    return s


def constant_index_out_of_range(a):
    at = np.array([4])
    at[at[0]] = 2
    return a + at


def reversed_in_a_branch(a, flag):
    if flag:
        a[:] = a[::-1]
    return a


def copy_changed_after_the_argument(a):
    a += 1
    b = a * 1
    b[1] = 100.0
    return b


def copy_changed_in_a_branch(a, flag):
    b = a * 1
    if flag:
        a[:] = b[::-1]
        b[1] = 100.0
    return b


def copy_changed_in_the_other_branch(a, flag):
    b = a * 1
    if flag:
        a[:] = b + 1
    else:
        b[1] = 100.0
    return b


def round_of_an_integer(a):
    return round(a[0]) + np.array(round(a[1]))


def limits_beyond_the_dtype(a):
    return np.clip(a, -2, 300), a.clip(1, 300), np.clip(a, -1, 3)


def identity_of_a_bool(a, s):
    small = s < 1.0
    if small is True:
        a[0] = 5.0
    if (s > 3.0) is not True and (a[0] > 0) is not True:
        a[1] = 6.0
    return small is False


def taken_from_nothing(a):
    return a.take(range(0)), a.take(range(0), axis=0)


def the_median_of_what_a_turn_may_have_replaced(a):
    """The reversed array is copied where it is no longer the argument, and has another extent."""
    a = a[::-1]
    for v in a:
        if not v > 0:
            a[np.gcd(np.full((1,), 1), 6) % 2] = np.median(a[::-1])
        elif v > 9:
            a = np.concatenate([a[::2] + a[1:], a[::-2] + a[::-2]]) + 0.0
    return np.ravel(a[::-1], "K")


REGRESSIONS = [
    Regression(taken_from_nothing, lambda: (np.zeros(0, bool),)),
    Regression(identity_of_a_bool, lambda: (np.arange(3.0), 0.5)),
    Regression(identity_of_a_bool, lambda: (np.arange(3.0), 2.5)),
    Regression(round_of_an_integer, lambda: (np.arange(3),)),
    Regression(limits_beyond_the_dtype, lambda: (np.array([0, 2, 200], np.uint8),)),
    Regression(return_of_an_argument_from_a_loop, lambda: (np.ones(3), np.arange(3.0))),
    Regression(
        swap_in_an_inner_loop,
        lambda: (np.array([1, 0, 0, 0, 1], bool), np.array([0, 1, 0, 1, 1], bool)),
    ),
    Regression(
        swap_in_a_branch_beside_writes,
        lambda: (np.zeros(0, int), read_only(np.zeros(0, int)), np.ones(4), 0),
        "dynamic",
    ),
    Regression(a_number_and_itself_as_a_float, lambda: (np.arange(2.0), np.float64(1.25))),
    *[
        Regression(function, lambda n=n: (np.arange(1.0, 5.0), n), policy)
        for function in (a_slice_or_the_whole, the_whole_or_a_slice)
        for n in (0, 1, 2)
        for policy in ("auto", "dynamic")
    ],
    *[
        Regression(
            transposed_until_a_break,
            lambda x=x: (np.arange(12.0).reshape(4, 3) * x, np.ones((4, 3))),
            policy,
        )
        for x in (0.0, 0.1, 1.0, -1.0)
        for policy in ("auto", "dynamic")
    ],
    Regression(maximum_of_nothing, lambda: (np.zeros((0, 0)),)),
    Regression(maximum_of_nothing, lambda: (np.zeros((0, 3)),), "dynamic"),
    Regression(count_in_an_empty_matrix, lambda: (np.zeros((4, 0)), 1)),
    Regression(copy_changed_after_the_argument, lambda: (np.arange(5.0),)),
    *[
        Regression(function, lambda flag=flag: (np.arange(5.0), flag))
        for function in (
            reversed_in_a_branch,
            copy_changed_in_a_branch,
            copy_changed_in_the_other_branch,
        )
        for flag in (1.0, 0.0)
    ],
    Regression(constant_index_out_of_range, lambda: (np.arange(3.0),)),
    Regression(rebound_unless_continued, lambda: (np.array([1.0, -1.5, 0.5]),)),
    Regression(number_unchanged_in_a_loop_over_an_array, lambda: (np.arange(4), 2), "dynamic"),
    *[
        Regression(
            the_median_of_what_a_turn_may_have_replaced, lambda x=x: (np.array(x),), "dynamic"
        )
        for x in ([0.8, -0.2], [11.0, 2.0], [-1.0, 10.0])
    ],
]
