"""Phrases of sizes that depend on values: slices, masks, index sets, arrays that grow."""

from __future__ import annotations

import numpy as np

from tests.programs.phrase import Phrases

DYNAMIC_SIZES = Phrases()
X = np.array([3.0, -1.0, 4.0, -1.5, 5.0, 9.0, -2.0, 6.0])
I = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
A = np.arange(12.0).reshape(3, 4) - 5.0


@DYNAMIC_SIZES((X, 2, 5), (X, -3, 100), (X, 5, 2), (X, -100, -6), (X, 0, 0))
def slice_bounds(x, i, j):
    a = x[i:j]
    b = x[i:]
    c = x[:j:2]
    d = x[j:i:-1]
    x[i:j] += 10.0
    e = x[-2:][:i]
    return a, b, c, d, e, len(a), a.sum()


@DYNAMIC_SIZES((X, 3), (X, 1), (X, 8))
def slices_in_loops(x, n):
    total = 0.0
    y = x.copy()
    for i in range(n):
        total += x[:i].sum() + x[i:].max() + (x[i : n - i] ** 2).sum()
        y[i:n] -= y[i] * 0.5
        y[:i] = y[:i][::-1]
    for step in range(1, 4):
        total += x[::step].sum() - x[n - 1 :: -step].sum()
    return total, y


@DYNAMIC_SIZES((X,), (np.abs(X),), (-np.abs(X),), (X[:0],))
def masks(x):
    m = x > 0
    y = x[m]
    x[m] = -1.0
    x[~m] *= 2.0
    x[x == -1.0] = y * 3 if True else y
    return y, len(y), y.sum(), m.sum(), x[m & (x > 10)][::2]


@DYNAMIC_SIZES((A,), (A * 0,), (A.T,))
def masks_of_matrices(a):
    m = a > 0
    flat = a[m]
    rows = a[a[:, 1] > 0]
    picked = a[:, a[0] < -2]
    part = a[a[:, 0] > 0, 1]
    a[m] = flat[::-1]
    a[a.sum(axis=1) > 3] = 0.0
    a[:, (a > 5).any(axis=0)] += 100.0
    return flat, rows, picked, part, rows.shape, rows.sum(axis=0)


@DYNAMIC_SIZES((X, np.ones(5)), (X, np.ones(1)), (X, np.ones(3)))
def masks_must_match(x, v):
    x[0] = 5.0
    x[x > 0] = v
    return x


@DYNAMIC_SIZES((A,), (A * 0,))
def positions(a):
    i, j = np.nonzero(a > 1)
    k = np.flatnonzero(a[0] < 0)
    p = np.argwhere(a < 0)
    (w,) = np.where(a[:, 0] > -100)
    a[i, j] = np.arange(len(i))
    return i, j, k, p, w, a[i, j].sum(), len(p), np.count_nonzero(a)


@DYNAMIC_SIZES((I,), (I[:1],), (I * 0,))
def distinct(x):
    u = np.unique(x)
    v, first, back, count = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    top = v[count == count.max()]
    return u, first, back, count, top, v[back] - x, len(u)


@DYNAMIC_SIZES((X, X > 0), (X, X > 100), (X, X < 100))
def selections(x, m):
    a = np.compress(m, x)
    b = np.extract(x > 1, x)
    c = np.take(x, np.flatnonzero(m))
    d = np.where(m)[0]
    e = x.compress(m)
    np.place(x, m, [1.0, 2.0, 3.0])
    np.putmask(x, ~m, x[::-1])
    np.copyto(x, 0.25, where=x > 2)
    return a, b, c, d, e, np.delete(x, np.flatnonzero(m)[:0])


@DYNAMIC_SIZES((X, 3), (X, 0), (X, 7))
def grown_in_a_loop(x, n):
    out = np.zeros(0)
    rows = np.zeros((1, 3))
    k = 0
    while k < n:
        if x[k] > 0:
            out = np.append(out, x[k])
        out = np.concatenate((out, x[:k]))
        rows = np.vstack((rows, np.full(3, float(k))))
        k += 1
    return out, out.size, rows, rows.shape


@DYNAMIC_SIZES((X,), (np.abs(X),))
def shrunk_in_a_loop(x):
    rounds = 0
    kept = np.arange(len(x))
    while len(x) > 1 and rounds < 20:
        stay = x > x.min()
        x, kept = x[stay], kept[stay]
        rounds += 1
    return x, kept, rounds


@DYNAMIC_SIZES((X,), (np.abs(X),))
def consumed_at_once(x):
    m = x > 0
    return x[m].mean(), x[m].sum() - x[~m].sum(), (x[m] ** 2).max(), np.count_nonzero(x[m] > 4)


@DYNAMIC_SIZES((X,), (-np.abs(X),))
def nothing_to_reduce(x):
    y = x[x > 0]
    total = y.sum() + y.prod() + len(y) + float(np.any(y > 2)) + float(np.all(y > 2))
    return total, y.max()


@DYNAMIC_SIZES((X, 2.0), (X, 100.0))
def loops_over_selections(x, limit):
    total = 0.0
    for i in np.flatnonzero(x < limit):
        total += i * x[i]
    for v in x[x > 0]:
        if v > limit:
            break
        total += v
    for i, j in np.argwhere(np.abs(np.subtract.outer(x, x)) < 1.0):
        total += i - 2 * j
    return total


@DYNAMIC_SIZES((4, 2.5), (0, 0.5), (1, 1.0))
def made_to_measure(n, y):
    a = np.zeros(n)
    b = np.arange(n) * y
    c = np.linspace(0.0, y, n)
    d = np.ones((n, 2)).T
    e = np.full((2, n), y)
    f = np.eye(n)
    g = np.repeat(np.array([1.0, 2.0]), n)
    h = np.tile(np.array([1, 2]), n)
    k = np.arange(0.0, y, 0.5)
    return a, b, c, d.shape, e.sum(), f, g, h, k


@DYNAMIC_SIZES((np.arange(12.0), 3), (np.arange(12.0), 4), (np.arange(12.0), 12), rtol=1e-15)
def reshaped(x, n):
    a = x.reshape(n, -1)
    b = x.reshape((-1, n)).T
    a[0] += 1.0
    return a.sum(axis=0), b.sum(axis=0), a.shape, (a @ a.T).sum() + (b[:n] @ b[:n].T).sum()


@DYNAMIC_SIZES((np.arange(12.0), 5), (np.arange(12.0), 4))
def reshape_that_may_fail(x, n):
    x[0] = -1.0
    return x.reshape(n, -1)


@DYNAMIC_SIZES((X, np.array([1, 3])), (X, np.array([0, 7, 2, 5])))
def selected_then_computed(x, idx):
    y = x[x > 0]
    z = np.sort(y)[::-1]
    w = np.concatenate((z[: len(idx)], x[idx], y[-1:]))
    c = np.cumsum(y)
    d = np.diff(y) / y[1:]
    return z, w, c, d, np.median(y), np.argsort(y), np.outer(y, y).sum()


@DYNAMIC_SIZES((X, 3), (X, 8))
def parts_of_equal_size(x, k):
    parts = x[: len(x) // k * k].reshape(-1, k)
    means = parts.mean(axis=1)
    rest = x[len(parts) * k :]
    return means, rest, parts.max(initial=-9.0)


@DYNAMIC_SIZES((I, 10), (I, 6))
def counted(x, n):
    counts = np.bincount(x[x < n])
    edges = np.flatnonzero(np.diff(np.sort(x)))
    runs = np.diff(np.concatenate(([-1], edges, [len(x) - 1])))
    return counts, edges, runs, np.searchsorted(np.sort(x), n)


@DYNAMIC_SIZES(
    (np.arange(12.0), 3, 4), (np.arange(12.0), 3, -1), (np.arange(12.0), -1, 6),
    (np.arange(12.0), 2, 6), (np.arange(12.0), -1, -1), (np.arange(12.0), 5, -1),
)  # fmt: skip
def a_size_that_may_be_left_open(x, n, m):
    y = x.reshape(n, m)
    return y * 2, np.reshape(x, (m, n)).shape
