"""Phrases of lists as arrays: items read and written at places that only the run knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

PLACES = Phrases()
NS = ((1,), (7,), (70,))
XS = np.array([3.0, 1.0, 2.0, -1.0, 0.5])


def with_list(*others: Any) -> tuple[Any, ...]:
    """Makers of a short and a long list of ints before other arguments."""
    return tuple(lambda n=n: ([(k * 7) % 11 for k in range(n)], *others) for n in (5, 90))


@PLACES(*NS)
def squares(n: Any) -> Any:
    a = [0] * n
    for i in range(n):
        a[i] = i * i
    return a


@PLACES(*NS)
def prefix_sums(n: Any) -> Any:
    out = [0.0] * (n + 1)
    for i in range(n):
        out[i + 1] = out[i] + 0.5 * i
    return out[-1], out


@PLACES((11,), (120,))
def coins(amount: Any) -> Any:
    ways = [1] + [0] * amount
    for c in (1, 2, 5):
        for i in range(c, amount + 1):
            ways[i] += ways[i - c]
    return ways[amount], ways


@PLACES((30,), (200,))
def sieve(n: Any) -> Any:
    prime = [True] * (n + 1)
    prime[0] = prime[1] = False
    i = 2
    while i * i <= n:
        if prime[i]:
            for j in range(i * i, n + 1, i):
                prime[j] = False
        i += 1
    return [k for k in range(n + 1) if prime[k]]


@PLACES(*with_list())
def failure_function(t: Any) -> Any:
    f = [0] * len(t)
    j = 0
    for i in range(1, len(t)):
        while j > 0 and t[i] != t[j]:
            j = f[j - 1]
        if t[i] == t[j]:
            j += 1
        f[i] = j
    return f


@PLACES(*with_list())
def bubbles(v: Any) -> Any:
    swapped = True
    while swapped:
        swapped = False
        for i in range(len(v) - 1):
            if v[i] > v[i + 1]:
                v[i], v[i + 1] = v[i + 1], v[i]
                swapped = True
    return v


@PLACES(*with_list(1, 3), *with_list(-1, -5), *with_list(0, 200))
def swapped(v: Any, i: Any, j: Any) -> Any:
    v[i], v[j] = v[j], v[i]
    return v


@PLACES((XS,), (np.arange(100.0),))
def weights(x: Any) -> Any:
    w = [1.0, 4.0, 2.0]
    total = 0.0
    for i in range(len(x)):
        total += w[i % 3] * x[i]
    return total


@PLACES((XS,), (np.arange(100.0),))
def weights_in_tuple(x: Any) -> Any:
    w = (1, 4, 2)
    total = 0.0
    for i in range(len(x)):
        total += w[i % 3] * x[i]
    return total


@PLACES((np.array([0, 2, 1, -1, -3]),), (np.array([0, 3]),), (np.array([-4, 0]),))
def table(k: Any) -> Any:
    names = [10, 20, 30]
    return [names[i] for i in k], names


@PLACES((np.array([0, 1, 1]),))
def pairs(k: Any) -> Any:
    moves = [(0, 1), (1, 0)]
    x = y = 0
    for i in k:
        dx, dy = moves[i]
        x, y = x + dx, y + dy
    return x, y


@PLACES(*NS)
def two_names(n: Any) -> Any:
    a = [0] * n
    b = a
    for i in range(n):
        b[i] = i
    b.append(-1)
    return a, b, a is b


@PLACES(*NS)
def from_the_end(n: Any) -> Any:
    a = list(range(n))
    for i in range(1, n + 1):
        a[-i] = a[-i] * 3
    return a


@PLACES((XS, 3), (XS, 90))
def floats_over_ints(x: Any, n: Any) -> Any:
    out = [0] * n
    for i in range(n):
        out[i] = x[i % 5] * 2
    return out


@PLACES(*with_list(2))
def changed_in_the_caller(v: Any, k: Any) -> None:
    for i in range(len(v)):
        v[i] = v[i] * k


@PLACES(*with_list(2))
def parts(v: Any, k: Any) -> Any:
    n = len(v)
    return v[k:], v[: n - k], v[k : n - 1], v[::-1], v[-k:], v[n:], v[::2]


@PLACES(*with_list(1, 3), *with_list(2, 2), *with_list(3, 1))
def part_set(v: Any, i: Any, j: Any) -> Any:
    v[i:j] = [7, 8, 9]
    v[1:2] = []
    return v, len(v)


@PLACES(*with_list(2), *with_list(-1), *with_list(100))
def taken_out(v: Any, k: Any) -> Any:
    got = v.pop(k)
    v.insert(k, 99)
    del v[k]
    v.reverse()
    return got, v


@PLACES(*with_list(0, 2))
def part_deleted(v: Any, i: Any, j: Any) -> Any:
    del v[i:j]
    return v


@PLACES(*with_list(7), *with_list(1000))
def removed(v: Any, k: Any) -> Any:
    v.remove(k)
    return v, v.count(7), 7 in v


@PLACES(*NS)
def asked(n: Any) -> Any:
    a = [0] * n
    for i in range(n):
        a[i] = (i * 5) % 7
    return a.index(a[n - 1]), a.count(0), len(a), sum(a), max(a), min(a), sorted(a), 3 in a


@PLACES((3, 1), (3, 3), (3, -3), (3, -4), (80, 80))
def beyond(n: Any, k: Any) -> Any:
    a = [1.5] * n
    return a[k]


@PLACES((3, 1), (3, 3), (3, -4), (80, 80))
def written_beyond(n: Any, k: Any) -> Any:
    a = [1.5] * n
    a[k] = 2.0
    return a


@PLACES((XS,), (-XS,))
def in_branches(x: Any) -> Any:
    a = [0.0, 0.0, 0.0]
    for i in range(len(x)):
        if x[i] > 0:
            a[i % 3] += 1.0
        else:
            a[0] -= 1.0
    return a


@PLACES((4, 0), (4, 1), (70, 1))
def begun_in_a_branch(n: Any, k: Any) -> Any:
    if k > 0:
        a = [1] * n
    else:
        a = [2] * n
    a[k] = 5
    return a


@PLACES((3, 2), (70, 65))
def passed_on(n: Any, k: Any) -> Any:
    def put(a: Any, i: Any) -> Any:
        a[i] += 1
        return a

    a = [0] * n
    for i in range(k):
        put(a, i)
    return put(a, k) is a, a


@PLACES((0,), (-2,), (3,))
def none_or_many(n: Any) -> Any:
    return [1, 2] * n, n * [0.5], len([0] * n)


# Loops over lists that change meanwhile -----------------------------------------------------------


@PLACES(*NS)
def a_sieve_over_its_own_marks(n: Any) -> Any:
    marks, primes = [True] * (n + 2), []
    marks[0] = marks[1] = False
    for i, prime in enumerate(marks):
        if prime:
            primes.append(i)
            for k in range(i * i, n + 2, i):
                marks[k] = False
    return primes


@PLACES(*with_list())
def changed_ahead_of_enumerate(a: Any) -> Any:
    total = 0
    for i, v in enumerate(a):
        total += v
        for k in range(i + 1, len(a)):
            a[k] = v - k
    return total


@PLACES(*NS)
def changed_ahead_of_a_loop(n: Any) -> Any:
    a, total, i = [1] * n, 0, 0
    for v in a:
        total += v
        i += 1
        for k in range(i, n):
            a[k] = v + 1
    return total


@PLACES((2,), (6,))
def changed_ahead_of_zip_reversed_and_map(n: Any) -> Any:
    a, b, total, i = [1] * n, [2] * n, 0, n
    for k, (v, w) in enumerate(zip(a, b, strict=True)):
        total += v * w
        for j in range(k + 1, n):
            a[j], b[j] = w, v + w
    for v in reversed(a):
        i -= 1
        for j in range(i):
            a[j] = v - 1
    for v in map(abs, b):
        total += v
        for j in range(i, n):
            b[j] = v + 1
        i += 1
    return total, a, b


@PLACES(*with_list())
def the_item_after_this_one(a: Any) -> Any:
    total = 0
    for i, v in enumerate(a):
        total += v
        if v > 3:
            a[i] = 0
        elif i + 1 < len(a):
            a[i + 1] = 8
    return total


@PLACES((5, 2.5), (70, -1.0))
def known_numbers_of_two_kinds(n: Any, c: Any) -> Any:
    u = [[0] * 6 for _ in range(5)]
    u[0] = [1, 2.5, c, True, 3, 4]
    for i in range(n):
        for j in range(1, 5):
            u[1 + i % 4][j] = u[i % 5][j - 1] + c
    return u
