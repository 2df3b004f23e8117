"""Phrases of lists of which the run decides how long they are: events, runs, stacks and queues."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

GROWING = Phrases()
UP = np.array([1.0, 2.0, -0.5, 3.0, 0.25, -1.0, -2.0, 4.0, 4.0, 1.5])
DOWN = -np.abs(UP)
MIXED = np.array([-1.0, 2.0, -3.0, 0.5, -0.5, 5.0, 6.0])
XS = ((UP,), (DOWN,), (MIXED,))


@GROWING(*XS)
def kept(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append(x[i])
    return np.array(out), out, len(out)


@GROWING(*XS)
def places(x: Any) -> Any:
    found = []
    for i in range(1, len(x) - 1):
        if x[i] > x[i - 1] and x[i] > x[i + 1]:
            found.append(i)
    return x[found] if found else np.zeros(0), found


@GROWING(*XS)
def events(x: Any) -> Any:
    found = []
    inside, start = False, 0
    for i in range(len(x)):
        if x[i] > 0 and not inside:
            start, inside = i, True
        elif x[i] <= 0 and inside:
            found.append((start, i))
            inside = False
    if inside:
        found.append((start, len(x)))
    return np.array(found) if len(found) else np.zeros((0, 2), int)


@GROWING(*XS)
def run_lengths(x: Any) -> Any:
    values, lengths = [], []
    k = 0
    while k < len(x):
        j = k
        while j < len(x) and (x[j] > 0) == (x[k] > 0):
            j += 1
        values.append(x[k])
        lengths.append(j - k)
        k = j
    return np.array(values), np.array(lengths)


@GROWING((7,), (1,), (27,))
def collatz(n: Any) -> Any:
    seen = []
    while n != 1:
        seen.append(n)
        n = n // 2 if n % 2 == 0 else 3 * n + 1
    return seen


@GROWING((2,), (3,), (60,))
def primes(n: Any) -> Any:
    found = []
    for i in range(2, n):
        good = True
        for p in found:
            if i % p == 0:
                good = False
                break
        if good:
            found.append(i)
    return found


@GROWING(*XS)
def depth_first(x: Any) -> Any:
    stack, seen = [0], 0
    while stack:
        k = stack.pop()
        seen += 1
        for child in (2 * k + 1, 2 * k + 2):
            if child < len(x):
                stack.append(child)
    return seen


@GROWING(*XS)
def breadth_first(x: Any) -> Any:
    queue, order = [0], []
    while len(queue) > 0:
        k = queue.pop(0)
        order.append(k)
        for child in (2 * k + 1, 2 * k + 2):
            if child < len(x):
                queue.append(child)
    return order


@GROWING(*XS)
def begun_anew(x: Any) -> Any:
    run, longest = [], 0
    for v in x:
        if v > 0:
            run.append(v)
        else:
            longest = max(longest, len(run))
            run = []
    return max(longest, len(run)), run


@GROWING(*XS)
def made_in_the_body(x: Any) -> Any:
    sizes = []
    for i in range(len(x)):
        row = []
        for j in range(i):
            if x[j] < x[i]:
                row.append(j)
        sizes.append(len(row) + sum(row))
    return sizes


@GROWING(*XS)
def fixed_in_the_body(x: Any) -> Any:
    total = 0.0
    for v in x:
        pair = []
        pair.append(v)
        pair.append(2 * v)
        total += pair[0] * pair[1]
    return total


@GROWING(*XS)
def tuples(x: Any) -> Any:
    rows = []
    for i, v in enumerate(x):
        if v != 0.25:
            rows.append((i, v, v > 0))
    total = 0.5 * x[0]
    for i, v, flag in rows:
        if flag:
            total += i * v
    for (i, v, _), w in zip(rows, x):
        total += i + v * w
    for k, row in enumerate(rows):
        total += k * row[1]
    for row in reversed(rows):
        total = total / 2 + row[0]
    return total, rows


@GROWING(*XS)
def changed(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 1:
            out += [i, -i]
        elif x[i] > 0:
            out.extend((i, 2 * i))
        elif out and x[i] < -1:
            out.pop()
        else:
            out.insert(0, i)
    out.reverse()
    other = out.copy()
    other.append(7)
    other[0] = 9
    del other[-2]
    return out, other, out + other, out[1:], out[::-1], out[1:-1:2], 3 in out


@GROWING(*XS)
def folded(x: Any) -> Any:
    out = [x[0]]
    for v in x[1:]:
        if v > 0:
            out.append(v)
    return max(out), min(out), np.mean(out), np.sort(out), np.stack(out), any(out), np.diff(out)


@GROWING(lambda: (UP, [UP[1]]), lambda: (DOWN, [UP[1]]), lambda: (MIXED, []))
def of_the_caller(x: Any, out: Any) -> Any:
    for v in x:
        if v > 0:
            out.append(v)
    return out


@GROWING(*XS)
def through_a_function(x: Any) -> Any:
    found = []

    def see(v):
        if v > 0:
            found.append(v)

    for v in x:
        see(v)
        see(-v)
    return {"found": found, "again": found, "size": len(found)}


@GROWING(*XS)
def branches(x: Any) -> Any:
    out = []
    if x[0] > 0:
        out.append(x[0])
    if x[1] > 0:
        out.append(x[1])
        out.append(x[2])
    first = out[0] if len(out) > 0 else x[3]
    return np.array(out), first


@GROWING(*XS)
def stopped(x: Any) -> Any:
    out = []
    for v in x:
        if v < -1.5:
            return out
        out.append(v)
        if len(out) == 5:
            break
    return out


@GROWING(*XS)
def out_of_range(x: Any) -> Any:
    out = []
    for v in x:
        if v > 1.7:
            out.append(v)
    return out[1], out[-2]


@GROWING(*XS)
def emptied(x: Any) -> Any:
    out = []
    for v in x:
        if v > 1.7:
            out.append(v)
    while True:
        out.pop()
        if x[0] > 10:
            return out


@GROWING(*XS)
def taken_apart(x: Any) -> Any:
    out = []
    for v in x:
        if v > 3.5:
            out.append(v)
    a, b = out
    return a + b


@GROWING(*((x.astype(k),) for k in ("i1", "f4", "?", "u8", "c16") for x in (UP, MIXED)), rtol=1e-6)
def of_every_dtype(x: Any) -> Any:
    out = []
    for v in x:
        if v != 0:
            out.append(v)
    return out, np.asarray(out)


@GROWING(*XS)
def added(x: Any) -> Any:
    out = []
    for v in x:
        if v > 0:
            out.append(v)
    both = [x[0]] + out + [x[1]]
    ints = [0] + out
    twice = out * 2
    return len(both), both, both[0], float(sum(ints)), np.asarray(ints, float), len(twice), twice


@GROWING(*XS)
def truth(x: Any) -> Any:
    out = []
    for v in x:
        if v > 1.7:
            out.append(v)
    total = 0.0 * x[0]
    while out and total < 9:
        total += out.pop()
    return total, out, bool(out), not out


@GROWING(*XS)
def settled_later(x: Any) -> Any:
    total, sums = 0, []
    for v in x:
        total += v
        if total > 1:
            sums.append(total)
    return sums


@GROWING(*XS, (UP[:1],))
def joined_with_one(x: Any) -> Any:
    before: Any = []
    after: Any = []
    for v in x:
        before = [v] + before
        after = after + [v]
    return before, after


@GROWING(*XS)
def joined_where(x: Any) -> Any:
    out = [0.0]
    for v in x:
        if v > 0:
            out = out + [float(v), 1.0]
    return out * 2, len(out), out[1:] + [2.0], out[-1]


@GROWING((5,), (9,))
def joined_counts(n: int) -> Any:
    found: Any = []
    while n > 0:
        found = found + [(n, n * n)]
        n -= 2
    return found + [(0, 0)]
