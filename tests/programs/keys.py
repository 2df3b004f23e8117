"""Phrases: values of the run looked for in sets and dicts that are known while tracing."""

from __future__ import annotations

import numpy as np

from tests.programs.phrase import Phrases

KEYS = Phrases()
_INTS = ((np.array([3, 1, 2, 3, 1]),), (np.array([0, 9, 4]),))
_FLOATS = ((np.array([3.0, 0.5, np.nan]),), (np.array([-0.0, 1.0, 2.0, 7.0]),))
_TABLE = {1: "a", (3, 1): "b", "x": 0, 2.0: None}


@KEYS(*_INTS, *_FLOATS)
def in_a_set_display(x):
    return x[0] in {0, 1, 2, 3}, x[1] not in {1}, x[-1] in {4.0, 0.5}


@KEYS(*_INTS, *_FLOATS)
def in_a_frozenset_of_many_kinds(x):
    return x[0] in frozenset([3.0, "a", None, (1, 2)]), "a" in frozenset(["a"])


@KEYS(*_INTS, *_FLOATS)
def in_a_dict_of_the_module(x):
    return x[0] in _TABLE, x[1] in _TABLE.keys(), x[2] in dict.fromkeys([2, 4])


@KEYS(*_INTS)
def pairs_in_a_set(x):
    return (x[0], x[1]) in {(3, 1), (0, 8)}, (x[0], 1) in _TABLE, (x[0], x[1], 1) in _TABLE


@KEYS(*_INTS)
def a_test_in_a_loop(x):
    n = 0
    for v in x:
        if v in {1, 4}:
            n += 1
        elif int(v) in {3}:
            n += 10
    return n


@KEYS(*_INTS)
def counters_of_loops_as_keys(x):
    seen = {}
    for i in range(3):
        seen[i] = x[i]
    return seen, {i for i in range(3)}


# Sets of what only the run knows ------------------------------------------------------------------


@KEYS(*_INTS, *_FLOATS)
def sets_of_arrays_counted(x):
    return len(set(x)), len(set(x.tolist())), len({x[0], x[1]}), len({v % 2 for v in x})


@KEYS(*_INTS)
def sets_of_arrays_joined(x):
    a, b = set(x[:2]), set(x[2:])
    return len(a & b), len(a | b), len(a - b), len(a ^ b), a <= b, a == b, a.isdisjoint(b)


@KEYS(*_INTS)
def sets_of_arrays_returned(x):
    s = set(x.tolist())
    return set(x), s, s | {7}, s - {1}, {1, 7, 3} & s, {1, 2, 7} - s, frozenset(x), s | set()


@KEYS(*_INTS)
def sets_of_arrays_gone_through(x):
    s = set(x.tolist())
    total = 0
    for v in s:
        total += v * v
    return total, sum(s), min(s), max(s), 3 in s, x[0] in s, len(list(s)), bool(s)


@KEYS(*_INTS)
def sets_of_arrays_in_a_loop(x):
    found = 0
    known = set(x[:2])
    for v in x:
        if v in known and v not in {9}:
            found += len(known)
    return found, type(known) is set, isinstance(frozenset(x), frozenset)


@KEYS((np.array([0.0, -0.0, np.nan, np.nan]),))
def zeros_and_nans_in_sets(x):
    return len(set(x.tolist())), 0.0 in set(x)
