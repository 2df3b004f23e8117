"""Phrases: `copy` and `dataclasses` on arrays, numbers, and what holds them."""

from __future__ import annotations

import collections
import copy
import dataclasses
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

COPIES = Phrases()
_X = ((np.array([1.0, 2.0, 3.0]),), (np.array([-1.0, 0.0, 4.0]),))
Pair = collections.namedtuple("Pair", "a b")


class State:
    def __init__(self, x, k=1):
        self.x, self.k = x, k


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a, self.b = a, 2


class Own:
    def __init__(self, x):
        self.x = x

    def __deepcopy__(self, memo):
        made = Own(copy.deepcopy(self.x, memo))
        made.x[1] = 0.5
        return made

    def __copy__(self):
        return Own(self.x * 2)


@dataclasses.dataclass
class Record:
    w: Any
    n: int = 3
    inner: Any = None

    def __post_init__(self):
        self.twice = self.n * 2 if self.n > 0 else 0


GLOBAL = State(np.ones(2), 5)


@COPIES(*_X)
def arrays_and_numbers(x):
    y = copy.deepcopy(x)
    y[0] = 5.0
    z = copy.copy(x)
    z[1] = 6.0
    return x + y + z, copy.deepcopy(x[0]), copy.copy(x[1]), copy.deepcopy(x[::2])


@COPIES(*_X)
def an_object_with_an_array(x):
    s = State(x * 2)
    t, u = copy.deepcopy(s), copy.copy(s)
    t.x[0] = 9.0
    u.x[1] = 8.0
    u.k = 4
    return s.x, t.x, u.x is s.x, s.k, u.k


@COPIES(*_X)
def one_array_twice_in_a_list(x):
    held = [x, x, [x[0]]]
    made = copy.deepcopy(held)
    made[0][0] = 7.0
    made[2].append(1.0)
    return held, made, made[0] is made[1]


@COPIES(*_X)
def slots(x):
    s = Slots(x)
    t, u = copy.copy(s), copy.deepcopy(s)
    u.a[0] = 4.0
    return s.a, t.a is s.a, u.a, u.b


@COPIES(*_X)
def methods_of_the_class(x):
    o = Own(x)
    p, q = copy.deepcopy(o), copy.copy(o)
    return o.x, p.x, q.x


@COPIES(*_X)
def an_object_of_the_module(x):
    t = copy.deepcopy(GLOBAL)
    t.x[0] = x[0]
    t.k += 1
    return t.x, t.k, GLOBAL.x, GLOBAL.k


@COPIES(*_X)
def a_list_that_holds_itself(x):
    held = [x]
    held.append(held)
    made = copy.deepcopy(held)
    made[0][0] = 3.0
    return made[1] is made, made[0], x


@COPIES(*_X)
def dicts_tuples_and_deques(x):
    d = {"a": x, 1: [x[0]]}
    shallow, deep = copy.copy(d), copy.deepcopy(d)
    shallow["a"] = 1
    deep["a"][0] = 8.0
    q = collections.deque([x[0], x[1]], maxlen=2)
    r = copy.deepcopy(q)
    r.append(1.0)
    p = copy.deepcopy(Pair(x, 1))
    p.a[2] = 4.0
    return d, shallow, deep, list(q), list(r), p.a, p.b, copy.deepcopy((1, "a"))


@COPIES(*_X)
def copies_in_loops_and_branches(x):
    s = State(x)
    for k in range(5):
        t = copy.deepcopy(s)
        t.x[0] += k
        s = t
    if x[0] > 0:
        y = copy.deepcopy(x)
        y[0] = 3.0
    else:
        y = copy.copy(x)
    return s.x, x, y


@COPIES(*_X)
def records_as_dicts_and_tuples(x):
    r = Record(x, 2, [Record(x[0]), {"k": Record(1)}])
    d = dataclasses.asdict(r)
    d["w"][0] = 5.0
    return r.w, d, dataclasses.astuple(r)


@COPIES(*_X)
def records_replaced(x):
    r = Record(x)
    s = dataclasses.replace(r, n=5)
    return s.twice, s.w is x, r.twice, [f.name for f in dataclasses.fields(s)]
