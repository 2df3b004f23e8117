"""Phrases of names that are of one kind of number in some runs and of another in others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

TAGGED = Phrases()
BOTH = tuple((np.array(x),) for x in ([1.0, 2.0], [-1.0, -2.0], [0.0, 1.0], [2.0, -3.0]))


@TAGGED(*BOTH)
def bool_or_int(x: Any) -> Any:
    s: Any = 0
    if x[0] > 0:
        s = any(v > 1 for v in x)
    return s, s + 1, -s, s * 2.5, not s, s == 1, s and 3, s or 4


@TAGGED(*BOTH)
def asked_for_its_class(x: Any) -> Any:
    s = bool(x[1] > 0) if x[0] > 0 else 3
    return isinstance(s, bool), isinstance(s, int), isinstance(s, float), s is True


@TAGGED(*BOTH)
def numpys_bool_or_int(x: Any) -> Any:
    s = x[0] > 0 if x[1] > 0 else 2
    return s, s & 1, s | 4, s ^ 1, s + 1, isinstance(s, np.bool_), [s, {"s": (s,)}]


@TAGGED(*BOTH)
def bool_or_float(x: Any) -> Any:
    s = True if x[0] > 0 else 2.5
    x[1] = s
    x[0] += s
    return x * s, s, 1.0 + s, math.sqrt(s), np.minimum(s, 2.0)


@TAGGED(*BOTH)
def both_operands(x: Any) -> Any:
    s: Any = True if x[0] > 0 else 2
    t = x[1] > 0 if x[1] > 1 else -1
    return s + t, s & t, max(s, t), min(s, t), abs(t), float(t), divmod(s, 2), s < t


@TAGGED(*BOTH)
def of_single_precision(x: Any) -> Any:
    s = np.float32(x[1]) if x[0] > 0 else 0.1
    t = 0.5 if x[0] > 0 else x[1]
    return s, s * 2, s + np.float32(1), t * np.float32(2)


@TAGGED(*BOTH)
def of_two_widths(x: Any) -> Any:
    s = np.int8(x[0]) if x[0] > 0 else np.int64(100)
    return s, s + np.int8(3)


@TAGGED(*BOTH)
def of_three_kinds(x: Any) -> Any:
    s: Any = float(x[0])
    for v in x:
        if v > 1:
            s = v > 0
        elif v < -1.5:
            s = bool(v < 0)
    return s, [s, {"k": (s,)}]


@TAGGED(*BOTH)
def found_in_a_loop(x: Any) -> Any:
    found: Any = False
    for v in x:
        if v > 1:
            found = 2
    if found:
        return found + 1
    return found


@TAGGED(*BOTH)
def left_by_a_while(x: Any) -> Any:
    s: Any = 1
    while s < 5:
        s = s + 1
        if x[0] > 0:
            s = True
            break
    return s


@TAGGED(*BOTH)
def in_loops_in_loops(x: Any) -> Any:
    r: Any = 0
    for v in x:
        for w in x:
            r = bool(w > 0) if v > w else r + 1
    return r


@TAGGED(*BOTH)
def last_of_or(x: Any) -> Any:
    s: Any = 0
    for v in x:
        s = s or v > 0
    return s


@TAGGED(*BOTH)
def only_of_the_loop(x: Any) -> Any:
    n: Any = 0
    for k in range(int(x[0])):
        n = x[k] > 0
    return n


@TAGGED(*BOTH)
def returned_on_paths(x: Any) -> Any:
    def sign(v: Any) -> Any:
        if v > 0:
            return True
        return 7 if v < -1 else None

    return sign(x[0]), sign(x[1])


@TAGGED(*BOTH)
def shown(x: Any) -> Any:
    s = True if x[0] > 0 else 2
    print(s, "and", s + 1)
    return s in (1, 5), s in {2, 3}, sum([s, 1, s]), sum(range(s)), [4, 5, 6][:2]


@TAGGED(*BOTH)
def of_and(x: Any) -> Any:
    n = int(x[0])
    return n and x[1] > 0, n or x[0] > 5, max(n, bool(x[1] > 0)), not (n or x[1] > 0)


@TAGGED((np.array([1.0, 2.0]), 3), (np.array([-1.0, 2.0]), 2), (np.array([-1.0, -2.0]), 1))
def swapped_in_a_loop(x: Any, n: int) -> Any:
    a, b, c = 1, 2.5, np.uint8(200)
    for _ in range(n):
        a, b, c = b, a, c + c
    return a, b, c, a // 2, isinstance(a, int)


@TAGGED((np.array([1.0, 2.0]), 3), (np.array([-1.0, 2.0]), 2))
def of_narrow_ints(x: Any, n: int) -> Any:
    u = np.uint8(200) if x[0] > 0 else 0.5
    v = np.int64(3) if x[0] > 0 else np.uint64(2**63 + 5)
    w = x.astype("i1")[1] if x[0] > 0 else 1
    return u + u, u * 2, v + np.int64(1), v // 2, w + w, w, isinstance(w, int)


@TAGGED((0.5, 3), (-0.5, 3))
def a_float_or_complex(a: float, n: int) -> Any:
    z = a if a > 0 else 1j * n
    try:
        less: Any = z < 2
    except TypeError:
        less = -1
    return z, isinstance(z, float), z * 2, abs(z), less


@TAGGED((3,), (0,), (1,))
def added_up(n: int) -> Any:
    found, total = [], 0
    for i in range(n):
        found.append(np.int8(100) if i % 2 else np.float32(0.5))
    for v in found:
        total = total + v
    return total, sum(found), sum(v for v in found), sum(found, 1.5), [v * 2 for v in found]
