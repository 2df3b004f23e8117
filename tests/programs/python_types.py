"""Phrases that ask Python about values: types, patterns, methods of numbers, builtins' keywords."""

from __future__ import annotations

import collections.abc
import functools
import math
import numbers
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

TYPES = Phrases()
PATTERNS = Phrases()
METHODS = Phrases()
KEYWORDS = Phrases()

X = np.array([3.0, 1.0, 2.5, -4.0])
K = np.array([5, 3, -7, 3])
FLOATS = ((X,), (X[:1],), (X[::-1].copy(),))
#: Numbers and arrays of every kind that a program may ask for the type of.
KINDS = ((True,), (3,), (2.5,), (1j,), (X,), (np.float64(2.0),), (np.float32(2.0),), (K[0],))


# Types --------------------------------------------------------------------------------------------


def each_kind(table: Phrases) -> Any:
    """Enters a phrase once for each kind: they are versions of one function all the same."""
    return table(*KINDS)


@each_kind(TYPES)
def names_of_types(v):
    return type(v).__name__, v.__class__.__name__, type(v) is float, type(v) is np.ndarray


@each_kind(TYPES)
def instances(v):
    return (
        isinstance(v, float), isinstance(v, (int, np.integer)), isinstance(v, int | complex),
        isinstance(v, np.generic), isinstance(v, np.floating), isinstance(v, np.ndarray),
    )  # fmt: skip


@each_kind(TYPES)
def abstract_classes(v):
    return (
        isinstance(v, numbers.Number), isinstance(v, numbers.Integral), isinstance(v, numbers.Real),
        isinstance(v, collections.abc.Iterable), isinstance(v, collections.abc.Sequence),
        issubclass(type(v), numbers.Complex), callable(v),
    )  # fmt: skip


@TYPES(*FLOATS)
def types_of_elements(x):
    v = x[0]
    return type(v).__name__, isinstance(v, float), type(v) is float, type(float(v)) is float


@TYPES((X, 5), (X, 7))
def types_of_comparisons(x, n):
    return 0 < x[0] < 5, 0 < n < 5, x[0] > 1, not n, n in (5, 6), x[0] in (1, 2, 3), 2.5 in x


@TYPES((X,), (np.array([np.nan, 1.0]),), (np.array([1.0, 2.0]),))
def identity_counts_in_containers(x):
    v = x[0]
    return v in (v, 2), v in [1.0, 2.0], v not in (3, 4), x[1] in [x[0], 2.0], (v, 1) in [(v, 1)]


@TYPES((5,), (0,))
def types_of_ranges(n):
    r = range(n)
    return type(r) is range, isinstance(r, collections.abc.Sequence), isinstance(r, list)


@functools.singledispatch
def described(v):
    return 0.0


@described.register
def _(v: float):
    return v + 1


@described.register
def _(v: int):
    return v if v > 3 else -1


@described.register
def _(v: np.ndarray):
    return v.sum()


class Describer:
    @functools.singledispatchmethod
    def of(self, v):
        return 0.0

    @of.register
    def _(self, v: float):
        return v if v > 2 else -v

    @functools.lru_cache(maxsize=None)
    def doubled(self, v):
        return 2 * v if v > 2 else v


@functools.lru_cache
def squared(v):
    return v * v if v > 2 else -v


@each_kind(TYPES)
def dispatched(v):
    return described(v), Describer().of(v)


@TYPES((X, 3), (X, 1))
def cached(x, n):
    made = Describer()
    return squared(n), squared(x[0]), squared(4), made.doubled(n), made.doubled(x[2])


# Patterns -----------------------------------------------------------------------------------------


@dataclass
class Point:
    x: Any
    y: Any


@each_kind(PATTERNS)
def pattern_of_kind(v):
    match v:
        case bool():
            return 0
        case int(k):
            return 1 + k
        case float(k):
            return 2 + k
        case np.ndarray():
            return 3
        case complex():
            return 4
    return 5


@PATTERNS((np.array([0.0]),), (np.array([1.0]),), (np.array([2.0]),), (np.array([6.0]),), (K,))
def pattern_of_values(x):
    match x[0]:
        case 0:
            return 10.0
        case 1 | 2:
            return 20.0
        case v if v > 5:
            return v * 1.0
        case _:
            return -1.0


@PATTERNS((X,), (np.array([0.0, 1.0, 2.0]),), (np.array([0.5, 1.0, 2.0]),))
def patterns_of_structure(x):
    total = 0.0
    for p in (Point(x[0], 1.0), Point(0.0, x[1]), (x[0], x[1]), [x[2]], {"a": x[0], "b": 1}):
        match p:
            case Point(0.0, y):
                total += y
            case Point(x=a, y=b) if a > 1:
                total += 100 * a * b
            case Point():
                total += 7
            case (a, b):
                total += a - b
            case [*rest]:
                total += len(rest) + rest[0]
            case {"a": a, **rest}:
                total -= a + len(rest)
    return total


@PATTERNS((np.array([0.0, 3.0]),), (np.array([4.0, 0.0]),), (np.array([2.0, 5.0]),))
def alternatives_that_capture(x):
    match (x[0], x[1]):
        case (0.0, v) | (v, 0.0):
            return v
        case (a, b):
            return a * b


@PATTERNS((np.array([1.0, 0.0, 2.0, 3.0, 4.0]),), (np.array([3.0, 0.0]),), (np.zeros(3),))
def patterns_that_jump(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        match x[i]:
            case 0.0:
                continue
            case 3.0:
                break
            case v:
                out[i] = v * 2
    return out


@PATTERNS((2,), (5,), (6,), (7,))
def guarded_class(n):
    match n:
        case int(k) if k > 3:
            return k * 2
        case _:
            return 0


@PATTERNS((1,), (3,))
def truth_as_pattern(n):
    match n > 1:
        case True:
            return 1
        case False:
            return 2


@PATTERNS((Point(1.0, 2.0),))
def too_many_positions(p):
    match p:
        case Point(1, 2, 3):
            return 1
    return 2


# Methods of numbers -------------------------------------------------------------------------------

REALS = ((0.0,), (2.5,), (-3.0,), (0.1,), (-1e15,), (np.inf,), (np.nan,), (5e-324,), (1e300,))
INTS = ((0,), (1,), (-1,), (255,), (-256,), (2**62,), (-(2**63),))


@METHODS(*REALS)
def is_integer(v):
    return v.is_integer()


@METHODS(*REALS[:5])
def ratio(v):
    return v.as_integer_ratio()


@METHODS((np.inf,), (np.nan,), (1.5,))
def ratio_of_what_has_none(v):
    return v.as_integer_ratio()


@METHODS(*INTS)
def bits(n):
    return n.bit_length(), n.bit_count(), n.numerator, n.denominator, n.real, n.imag


@METHODS(*INTS[:6])
def whole_numbers(n):
    return n.conjugate(), n.as_integer_ratio()


@METHODS((True,), (False,))
def of_bools(b):
    return b.real, b.imag, b.conjugate(), b.bit_length(), b.numerator


@METHODS((2.5 - 1j,), (np.complex128(2.5 - 1j),))
def of_complex_numbers(z):
    return z.real, z.imag, z.conjugate()


@METHODS((X,), (X.astype("f4"),))
def of_numpy_floats(x):
    return x[0].is_integer(), x[2].is_integer(), x[2].as_integer_ratio(), x[0].item(), x[0].real


@METHODS((K,), (K.astype("i1"),), (K.astype("u2"),))
def of_numpy_integers(k):
    return k[0].bit_count(), k[2].bit_count(), k[0].is_integer(), k[0].numerator, k[0].denominator


@METHODS((X,))
def what_numbers_do_not_have(x):
    return x[0].bit_count()


@METHODS((2.5,))
def what_python_numbers_do_not_have(v):
    return v.dtype


# Keywords of builtins -----------------------------------------------------------------------------


@KEYWORDS((2.345, 1234, 15), (-2.5, -25, 25), (0.5, 5, -15))
def rounded(v, n, m):
    return (
        round(v, ndigits=1), round(number=v), round(v, ndigits=None), round(n, -2), round(m, -1),
        round(-m, ndigits=-1), round(n, 1), round(n),
    )  # fmt: skip


@KEYWORDS((3,), (7,))
def parsed_and_counted(n):
    return (
        int("ff", base=16) + n, pow(base=n, exp=2), divmod(n, 2), sum([n, 1], start=5),
        list(enumerate([n, 2], start=1)), list(zip([1, n], [3, 4], strict=True)),
        list(enumerate(iterable=(n,))), pow(7, 5, mod=3) + n,
    )  # fmt: skip


@KEYWORDS((X,), (X[:1],), (np.array([2.0, -2.0, 2.0]),), (np.array([np.nan, 1.0]),))
def extrema_by_key(x):
    return max(x, key=lambda v: -v), min(x, key=abs), max(x, key=lambda v: (v > 1, -v))


@KEYWORDS((X,), (np.array([-1.0, 0.5]),), (np.zeros(0),))
def extrema_of_nothing(x):
    return max(x, default=-1.0), min(x[x > 1], default=7.0), max(x[x > 9], default=-2.0)


@KEYWORDS((X,), (np.zeros(0),))
def extrema_without_default(x):
    return max(x, key=abs)


@KEYWORDS((X, K), (X[:2], K[:2]))
def extrema_of_pairs(x, k):
    best = max(enumerate(x), key=lambda pair: pair[1])
    return max(zip(x, k)), min(zip(k, x)), best, min(range(len(x)), key=lambda i: x[i])


@KEYWORDS((X, 3), (X[::-1].copy(), 5))
def extrema_of_few(x, n):
    pairs = [(x[0], 1), (x[1], n), (x[2], 2)]
    return max(pairs), min(pairs, key=lambda p: p[1]), max(n, 4, key=lambda v: -v), max(x[0], 2.0)


@KEYWORDS((X.reshape(2, 2),), (X[::-1].reshape(2, 2).copy(),))
def extrema_of_rows(x):
    return max(x, key=lambda row: row[1]) * 1, min(x, key=lambda row: row.sum()) * 1


@KEYWORDS((X,), (X[:1],), (X[:0],))
def reduced(x):
    return functools.reduce(lambda a, b: a - b, x, 1.0), functools.reduce(lambda a, b: a * b, x)


@KEYWORDS((X, K), (X[::-1].copy(), K))
def tuples_in_order(x, k):
    return (x[0], k[0]) < (x[1], k[1]), (x[0], 1) >= (x[0], 2), [x[0]] <= [x[0], 1], (1, 2) < (1, 3)


@KEYWORDS((3,))
def unknown_keyword(n):
    return round(n, digits=1)


# Sentinels ----------------------------------------------------------------------------------------

SENTINELS = Phrases()
INTEGERS = ((K,), (K[:2],), (np.array([1, 2]),), (np.array([2**62, 2**62 + 1, -(2**62)]),))


@SENTINELS(*INTEGERS)
def least_below_maxsize(x):
    best = sys.maxsize
    for v in x:
        if v < best:
            best = v
    return best


@SENTINELS(*INTEGERS)
def least_below_one_more(x):
    best = sys.maxsize
    for v in x:
        if v < best + 1:
            best = v
    return best


@SENTINELS(*INTEGERS)
def widest_of_pairs(x):
    low, high = -sys.maxsize - 1, sys.maxsize
    for k in range(len(x) - 1):
        if abs(x[k + 1] - x[k]) < high - low:
            low, high = x[k], x[k + 1]
    return low, high


@SENTINELS(*INTEGERS)
def least_below_infinity(x):
    best = float("inf")
    for v in x:
        if v < best:
            best = v
    return best


@SENTINELS(*INTEGERS, *FLOATS)
def between_infinities(x):
    low, high = np.inf, -np.inf
    for v in x:
        low, high = min(low, v), max(high, v)
    return low, high


@SENTINELS((3,), (7,))
def python_ints_and_infinity(n):
    best, last = float("inf"), -math.inf
    for k in range(n):
        if (k - 2) ** 2 < best:
            best, last = (k - 2) ** 2, max(last, k)
    return best + 0.0, last + 0.0, n < 2**70, n == 2**64, n > -math.inf, n != math.nan


@SENTINELS(*INTEGERS)
def compared_with_what_is_beyond(x):
    return x[0] < 2**63, x < 2**65, x[0] > -math.inf, x == np.inf, -(2**70) <= x[0]


@SENTINELS((3, np.array([4, 1])), (7, np.array([9, 20])))
def shortest_ways(d, w):
    dist = [0, sys.maxsize, sys.maxsize]
    for u, v, length in ((1, 2, w[0]), (0, 1, d), (1, 2, w[1])):
        if dist[u] + length < dist[v]:
            dist[v] = dist[u] + length
    return dist[2]


@SENTINELS((K, 1), (K, 4), (K, 100))
def python_in_some_runs(x, n):
    best = 2**62 if n > 3 else x[0]
    return best - 1, best // 2, best * 1


@SENTINELS((X, 1), (X, 4))
def python_floats_raise(x, n):
    zero = 0.0 if n > 3 else x[0] * 0
    return x[1] * 1.0, 1.0 / zero
