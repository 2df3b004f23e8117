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
