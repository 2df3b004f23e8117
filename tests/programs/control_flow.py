"""Phrases of control flow: loops and their ends, short circuits, names bound on the way."""

from __future__ import annotations

import numpy as np

from tests.programs.phrase import Phrases

CONTROL_FLOW = Phrases()
X = np.array([3.0, -1.0, 4.0, -1.5, 5.0, 9.0])
A = np.arange(12.0).reshape(3, 4) - 5.0
SCALE = 2.0


@CONTROL_FLOW((A, 2.0), (A, 6.5), (A, -9.0))
def nested_break_continue_else(a, limit):
    found = 0
    total = np.float64(0.0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if a[i, j] < -2:
                continue
            if a[i, j] > limit:
                break
            total += a[i, j]
        else:
            found += 1
            continue
        total *= 2
        if total > 30:
            break
    else:
        total = -total
    return found, total, i, j


@CONTROL_FLOW((A, -5.0), (A, 0.0), (A, 6.0), (A, 7.0))
def return_from_any_depth(a, wanted):
    for i in range(len(a)):
        k = 0
        while True:
            for j in (k, k + 1):
                if a[i, j] == wanted:
                    return i, j
            k += 2
            if k >= a.shape[1]:
                break
        if a[i].sum() > 20:
            return -1, i
    return -2, -2


@CONTROL_FLOW((X, 3), (X, 0), (X, 9))
def while_else(x, n):
    i = 0
    while i < n:
        if i >= len(x):
            result = -1.0
            break
        i += 1
    else:
        result = x[:i].sum()
    return result, i


@CONTROL_FLOW((X,), (X * 100,), (X * 0,))
def while_on_array_conditions(x):
    n = 0
    while (np.abs(x) > 1.0).any():
        x = x / 2
        n += 1
    y = x.copy()
    while not np.allclose(y, 0.25) and n < 60:
        y = 0.5 * (y + 0.25)
        n += 1
    while np.any(y < 1) and not (x > 5).all():
        y += 0.5
        n += 1
    return x, y, n


@CONTROL_FLOW(
    (2, 9, 3),
    (9, 2, -3),
    (0, 5, -1),
    (5, 0, 2),
    (-4, 4, 1),
    (7, -7, -5),
    (1, 2, 0),
)
def ranges_at_run_time(start, stop, step):
    seen = np.zeros(12, dtype=np.int64)
    k = -100
    n = 0
    for k in range(start, stop, step):
        seen[k] += 1
        n += 1
    return seen, k, n


@CONTROL_FLOW((X, 1, 6), (X, 0, 6), (X, 6, 1), (X, 3, 3))
def ranges_downwards(x, low, high):
    out = np.zeros(8)
    for i in range(high - 1, low - 1, -1):
        out[i] = x[i] + (out[i + 1] if i + 1 < high else 0.0)
    for i in reversed(range(low, high)):
        out[i] *= 2
    for i in range(len(x) - 1, -1, -2):
        i = i + 1  # rebinding the loop's variable does not change the rounds
        out[i] += 0.5
    return out


@CONTROL_FLOW((A,), (A.T,), (A[::-1],), (A[:, ::2],), (A[:1],))
def loops_over_arrays(a):
    total = 0.0
    best = a[0, 0]
    for row in a:
        for value in row:
            if value > best:
                best = value
        total += row[0] * row[-1]
    for column in a.T:
        column *= 2.0
    for row, k in zip(a[::-1], range(10)):
        row[0] = k
    for i, (row, other) in enumerate(zip(a, a[::-1]), start=2):
        total += i * (row @ other)
    return total, best


@CONTROL_FLOW((X, 2), (X, 5), (X, -1), (X, 7), (X[:0], 0))
def short_circuit(x, i):
    hits = 0
    if 0 <= i < len(x) and x[i] > 0:
        hits += 1
    if i < 0 or i >= len(x) or x[i] < 0:
        hits += 10
    while i < len(x) and x[i] > -2 and not (i > 3 and x[i] > 4):
        i += 1
    return hits, i


@CONTROL_FLOW((3, 0.0), (0, 2.5), (0, 0.0), (2, float("nan")))
def truth_of_numbers(n, y):
    a = float(n) or y
    b = float(n) and y
    c = not n
    d = n or (7 if y else 8)
    e = 10 if n else 20 if y else 30
    f = bool(np.float64(y)) + bool(n)
    if n:
        d += 1
    elif y:
        d += 2
    return a, b, c, d, e, f


@CONTROL_FLOW((X[:1],), (X[:1] * 0,), (X,), (X[:0],))
def truth_of_arrays(x):
    n = 0
    if x.any() and x[0] != 7:
        n += 1
    if x:
        n += 2
    while x > 1:
        x = x / 2
        n += 10
    return n, not x


@CONTROL_FLOW((1, 2, 3), (3, 2, 1), (2, 2, 2), (1, 3, 2))
def chained_comparisons(a, b, c):
    calls = []

    def middle():
        calls.append(b)
        return b

    first = a < middle() < c
    second = a <= b >= c
    third = a == b == c != 5
    fourth = 0 < a < b < c < 10
    return first, second, third, fourth, len(calls)


@CONTROL_FLOW((X, 1), (X, -1))
def conditional_expressions(x, n):
    y = x.copy()
    (x if n > 0 else y)[0] = 100.0
    z = (x if n > 0 else y) + (1 if n > 0 else 2)
    w = np.sum(x[1:] if n < 0 else x[:2])
    return y, z, w, -n if n < 0 else n if n < 5 else 0


@CONTROL_FLOW((X, 1), (X, 0), (X, 2))
def first_bound_in_a_branch(x, n):
    if n > 0:
        y = x * 2
        scale = 3.0
    if n > 1:
        scale = 4.0
    for k in range(n):
        last = x[k]
    if n > 0:
        return y * scale + last
    return x


@CONTROL_FLOW((X, 1), (X, 0))
def not_bound(x, n):
    if n > 0:
        y = x.sum()
    return y


@CONTROL_FLOW((X, 0), (X, 2), (X, 4))
def first_bound_in_a_loop(x, n):
    i = 0
    while i < n:
        if i == 0:
            top = x[0]
            where = 0
        elif x[i] > top:
            top, where = x[i], i
        i += 1
    return (top, where) if n > 0 else (x[0], -1)


@CONTROL_FLOW((X, 2), (X, 5), (X, 60))
def state_machine(x, n):
    state, count, total = 0, 0, np.float64(0.0)
    while True:
        count += 1
        if count > n:
            break
        v = x[count % len(x)]
        if state == 0:
            if v > 0:
                state = 1
            continue
        if state == 1 and v < 0:
            state = 2
        elif state == 2:
            total += v
            state = 0 if v > 4 else 2
            if total > 50:
                return -1, count, total
    return -2, state, total


@CONTROL_FLOW((X, 7.0), (X, 50.0))
def returns_of_inner_functions(x, limit):
    def first_above(v, bound):
        for k in range(len(v)):
            if v[k] > bound:
                return k
        return -1

    def total(v):
        s = 0.0
        for item in v:
            if item < 0:
                continue
            s += item * SCALE
        return s

    k = first_above(x, limit)
    return k, total(x), first_above(x[::-1], 4.0)


@CONTROL_FLOW((X, 3), (X, -3), (X, 0))
def raises_at_depth(x, n):
    for i in range(3):
        x[i] += 1
        for j in range(2):
            if n < 0 and i == 1 and j == 1:
                raise ValueError(f"bad {n} at {i}, {j}: {x[i] > 0}")
            assert n != 0 or i < 2, f"no steps in round {i}"
    return x.sum()


@CONTROL_FLOW((X, 3), (X, 1))
def finally_runs(x, n):
    log = np.zeros(2)
    for i in range(n):
        try:
            if i == 2:
                break
            x[i] = -7.0
        finally:
            log[0] += 1
    with np.errstate(all="ignore"):
        if n > 2:
            return log, x / 0.0
    return log, x


@CONTROL_FLOW((X, 3), (X, 9), (X, -1), policies=("auto",))
def handlers(x, i):
    steps = 0
    try:
        steps += 1
        x[0] = x[i]
        if i < 0:
            raise ValueError(f"negative {i}")
        steps += 1
    except IndexError:
        steps += 10
    except ValueError:
        steps += 20
    else:
        steps += 100
    finally:
        x[1] = steps
    return steps


@CONTROL_FLOW((X, 2), (X, 0))
def names_that_rotate(x, n):
    a, b, c = x[0], x[1], x[2]
    for i in range(n):
        a, b, c = b, c, a + b
    u, v = n, 4
    while v:
        u, v = v, u % v
    return a, b, c, u


@CONTROL_FLOW((X, 3), (X, 1))
def functions_in_containers(x, n):
    scale = [lambda v, k=k: v * k for k in range(1, 4)]

    def chained(v):
        for f in scale:
            v = f(v) + 1
        return v

    def fibonacci(k):
        return k if k < 2 else fibonacci(k - 1) + fibonacci(k - 2)

    stack = [x[0], x[1]]
    while stack:
        x[2] += stack.pop()
    return chained(x[:n]), fibonacci(7) * x[0]


@CONTROL_FLOW((5, 2), (4, 0), (0, 3))
def bit_by_bit(n, m):
    count, power = 0, 1
    while n:
        count += n & 1
        n >>= 1
        power <<= 1
    while m > 0:
        m -= 1
        power = power * 3 % 7
    return count, power, n | m, -n // 2 if n else ~count


@CONTROL_FLOW((A, 1), (A, 2), (A, 3))
def loops_in_branches_in_loops(a, n):
    out = np.zeros(4)
    for i in range(n):
        if i % 2:
            for j in range(i):
                out[j] += a[i - 1, j]
            else:
                out[3] += 1
        else:
            j = 3
            while j > i:
                out[j] -= a[i, j] if a[i, j] > 0 else 1
                j -= 1
    return out


@CONTROL_FLOW((A, X), (A, X[:4]), policies=("auto",))
def shapes_decide(a, x):
    if a.ndim == 2 and x.ndim == 1 and a.shape[1] == x.shape[0]:
        return a @ x
    if x.size > a.shape[0] * 2 or a.shape == x.shape:
        return a[0, 0]
    return x * len(a)


@CONTROL_FLOW((A,), (A.T,))
def all_indices(a):
    total = 0.0
    for i, j in np.ndindex(a.shape):
        total += (i + 1) * a[i, j] - j
    for (i, j), v in np.ndenumerate(a):
        if v > 2:
            a[i, j] = total
    for v in a.flat:
        total -= v
    return total


@CONTROL_FLOW((A,), (A.T,))
def iterators_of_flat(a):
    least, at = np.inf, -1
    for i, v in enumerate(a.flat):
        if v < least or (at == -1 and not np.isnan(v)):
            least, at = v, i
    for v, w in zip(a.flat, a.T.flat):
        least += v * w
    for i, v in enumerate(a.flat, start=3):
        least += i * v
    for v, i in zip(a.flat, range(3)):
        least -= i * v
    for i, (v, w) in enumerate(zip(a.flat, a[0])):
        least += i * v * w
    return least, at


@CONTROL_FLOW((X, 2.0), (X, 4.0))
def quantifiers(x, y):
    some = any(v > 4 for v in (x[0], x[2], x[4]))
    every = all(v < 100 for v in [x[0], x[-1]])
    largest = max(x[0], x[1], x[2])
    most = max(abs(v) for v in (x[0], x[1]))
    return some, every, largest, most, sum(k * k for k in range(4)), min(y, 3.0), sum(x)


@CONTROL_FLOW((np.zeros(90),), (np.full(90, 3.0),), (np.full(90, 1.7),))
def nothing_returned_from_loops(x):
    def alone(y):
        for v in y:
            if v > 2:
                return None
        return 3.0

    def beside_a_value(y):
        k = 0
        while k < len(y):
            if y[k] > 2:
                return
            if y[k] > 1.5:
                return 4.0
            k += 1
        return 3.0

    def caught(y):
        try:
            for v in y:
                if 1 // int(v) > 2:
                    return 5.0
        except ZeroDivisionError:
            return None
        return 6.0

    return [f(x) is None for f in (alone, beside_a_value, caught)], alone(x) or 1.0
