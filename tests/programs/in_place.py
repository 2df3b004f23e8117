"""Algorithms that change an array element by element while they still hold elements of it.

Each is written as in a textbook, with loops over scalars. What an element was when it was read must
survive the updates that follow, and that may cost a load, never a copy of the array.
"""

from __future__ import annotations

import numpy as np

from tests.programs.linear_algebra import definite, dominant

Rng = np.random.Generator


# -- factorisations ----------------------------------------------------------------------------


def cholesky_by_elements(A):
    n = A.shape[0]
    for j in range(n):
        for k in range(j):
            f = A[j, k]
            for i in range(j, n):
                A[i, j] -= A[i, k] * f
        d = np.sqrt(A[j, j])
        for i in range(j, n):
            A[i, j] /= d
    for i in range(n):
        for j in range(i + 1, n):
            A[i, j] = 0.0
    return A


def lu_by_elements(A):
    """The multiplier is held in a name while its row changes."""
    n = A.shape[0]
    for k in range(n - 1):
        for i in range(k + 1, n):
            f = A[i, k] / A[k, k]
            for j in range(k, n):
                A[i, j] -= f * A[k, j]
            A[i, k] = f
    return A


def lu_stored_multipliers(A):
    n = A.shape[0]
    for k in range(n - 1):
        p = A[k, k]
        for i in range(k + 1, n):
            A[i, k] = A[i, k] / p
            for j in range(k + 1, n):
                A[i, j] -= A[i, k] * A[k, j]
    return A


def lu_pivoted_by_elements(A):
    """The largest pivot is looked for, and rows are swapped element by element."""
    n = A.shape[0]
    sign = 1.0
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(A[i, k]) > abs(A[p, k]):
                p = i
        if p != k:
            sign = -sign
            for j in range(n):
                t = A[k, j]
                A[k, j] = A[p, j]
                A[p, j] = t
        for i in range(k + 1, n):
            f = A[i, k] / A[k, k]
            A[i, k] = f
            for j in range(k + 1, n):
                A[i, j] -= f * A[k, j]
    return A, sign


def householder_by_elements(A):
    """QR by reflections; the column that makes the reflection is overwritten by it."""
    m, n = A.shape
    beta = np.zeros(n)
    for k in range(n):
        s = 0.0
        for i in range(k, m):
            s += A[i, k] * A[i, k]
        a = A[k, k]
        alpha = -np.sqrt(s) if a > 0 else np.sqrt(s)
        v = a - alpha
        beta[k] = -v / alpha
        for i in range(k + 1, m):
            A[i, k] /= v
        A[k, k] = alpha
        for j in range(k + 1, n):
            t = A[k, j]
            for i in range(k + 1, m):
                t += A[i, k] * A[i, j]
            t *= beta[k]
            A[k, j] -= t
            for i in range(k + 1, m):
                A[i, j] -= t * A[i, k]
    return A, beta


def givens_by_elements(A):
    """QR by rotations of two rows."""
    m, n = A.shape
    for j in range(n):
        for i in range(m - 1, j, -1):
            a, b = A[i - 1, j], A[i, j]
            if b != 0.0:
                r = np.sqrt(a * a + b * b)
                c, s = a / r, b / r
                for k in range(j, n):
                    x, y = A[i - 1, k], A[i, k]
                    A[i - 1, k] = c * x + s * y
                    A[i, k] = c * y - s * x
    return A


def gram_schmidt_by_elements(A):
    m, n = A.shape
    R = np.zeros((n, n))
    for k in range(n):
        s = 0.0
        for i in range(m):
            s += A[i, k] ** 2
        R[k, k] = np.sqrt(s)
        for i in range(m):
            A[i, k] /= R[k, k]
        for j in range(k + 1, n):
            t = 0.0
            for i in range(m):
                t += A[i, k] * A[i, j]
            R[k, j] = t
            for i in range(m):
                A[i, j] -= A[i, k] * t
    return A, R


def gauss_jordan(A):
    """The inverse in place, without pivoting."""
    n = A.shape[0]
    for k in range(n):
        p = A[k, k]
        A[k, k] = 1.0
        for j in range(n):
            A[k, j] /= p
        for i in range(n):
            if i != k:
                f = A[i, k]
                A[i, k] = 0.0
                for j in range(n):
                    A[i, j] -= f * A[k, j]
    return A


def thomas_by_elements(a, b, c, d):
    n = len(b)
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    d[n - 1] /= b[n - 1]
    for i in range(n - 2, -1, -1):
        t = d[i]
        d[i] = (t - c[i] * d[i + 1]) / b[i]
    return d


# -- running values and tables -----------------------------------------------------------------


def prefix_sums(x):
    for i in range(1, len(x)):
        x[i] += x[i - 1]
    return x


def exclusive_sums(x):
    total = 0.0
    for i in range(len(x)):
        v = x[i]
        x[i] = total
        total += v
    return x


def smoothed(x):
    """The old left neighbour is held while its place changes."""
    before = x[0]
    for i in range(1, len(x) - 1):
        here = x[i]
        x[i] = (before + here + x[i + 1]) / 3.0
        before = here
    return x


def seidel_by_elements(A, sweeps):
    n = A.shape[0]
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                old = A[i, j]
                new = 0.25 * (A[i - 1, j] + A[i + 1, j] + A[i, j - 1] + A[i, j + 1])
                A[i, j] = old + 1.5 * (new - old)
    return A


def gauss_seidel(A, b, x):
    """Until it changes little, at most so often."""
    for _ in range(4):
        change = 0.0
        for i in range(len(b)):
            s = b[i]
            for j in range(len(b)):
                if j != i:
                    s -= A[i, j] * x[j]
            old = x[i]
            x[i] = s / A[i, i]
            change = max(change, abs(x[i] - old))
        if change < 1e-12:
            break
    return x


def heat_by_elements(u, v, steps):
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.2 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        for i in range(1, len(u) - 1):
            u[i] = v[i]
    return u


def lcs(a, b):
    """The diagonal is held in a name; one row of the table is kept."""
    row = np.zeros(len(b) + 1, np.int64)
    for i in range(len(a)):
        diagonal = 0
        for j in range(len(b)):
            above = row[j + 1]
            if a[i] == b[j]:
                row[j + 1] = diagonal + 1
            else:
                row[j + 1] = max(above, row[j])
            diagonal = above
    return row[len(b)]


def knapsack_by_elements(weights, values, capacity):
    best = np.zeros(capacity + 1)
    for k in range(len(weights)):
        for c in range(capacity, weights[k] - 1, -1):
            taken = best[c - weights[k]] + values[k]
            if taken > best[c]:
                best[c] = taken
    return best


def floyd_by_elements(d):
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            first = d[i, k]
            for j in range(n):
                through = first + d[k, j]
                if through < d[i, j]:
                    d[i, j] = through
    return d


def viterbi_by_elements(start, move, emit):
    steps, states = emit.shape
    score = start + emit[0]
    fresh = np.zeros(states)
    back = np.zeros((steps, states), np.int64)
    for t in range(1, steps):
        for s in range(states):
            best, where = score[0] + move[0, s], 0
            for r in range(1, states):
                here = score[r] + move[r, s]
                if here > best:
                    best, where = here, r
            fresh[s] = best + emit[t, s]
            back[t, s] = where
        for s in range(states):
            score[s] = fresh[s]
    return score, back


def union_find(parent, a, b):
    joined = 0
    for k in range(len(a)):
        i = a[k]
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        j = b[k]
        while parent[j] != j:
            parent[j] = parent[parent[j]]
            j = parent[j]
        if i != j:
            parent[i] = j
            joined += 1
    return joined


def sieve_by_elements(n):
    prime = np.ones(n, dtype=np.bool_)
    for i in range(2, n):
        if prime[i]:
            for j in range(2 * i, n, i):
                prime[j] = False
    return prime


def relaxed(x):
    """A branch updates the array whose element it was taken by."""
    out = np.zeros_like(x)
    for i in range(len(x) - 1):
        t = x[i]
        if t > 0.5:
            x[i + 1] += 0.5 * t
        out[i] = t
    return out


def horner_steps(c, a):
    """Synthetic division: the coefficients become those of the quotient."""
    carry = 0.0
    for i in range(len(c) - 1, -1, -1):
        old = c[i]
        c[i] = carry
        carry = old + a * carry
    return c, carry


def rows_held(A):
    """A row is held as a copy, and two elements of it as a window, while it changes."""
    n = A.shape[0]
    out = np.zeros((n, 2))
    for i in range(1, n):
        row = A[i].copy()
        pair = A[i, :2] * 2.0
        for j in range(n):
            A[i, j] -= row[0] * A[0, j]
        out[i] = pair + row[1]
    return out


def rows_of_the_flat(x):
    """Rows of a matrix, written through a view of another shape."""
    n = len(x)
    for k in range(1, n):
        flat = x.reshape(-1)
        flat[k * n : k * n + n] += np.sin(flat[k * n : k * n + n])
    return x


def elements_of_the_flat(x):
    """Elements that are read through a view of another shape."""
    total = 0.0
    for k in range(x.size):
        total = total * 0.5 + np.sin(x.reshape(-1)[k])
    return total


def parts_under_other_shapes(A):
    """Windows and rows under other shapes, before the loop and in it."""
    n, m = A.shape
    rows, turned = A[1:].reshape(n - 1, 1, m), A.T[np.newaxis]
    for i in range(n - 1):
        line = A[i].reshape(m, 1)
        for j in range(1, m):
            rows[i, 0, j] = np.sin(rows[i, 0, j]) + 0.5 * line[j - 1, 0]
            turned[0, j, i] *= 0.5
        line[0, 0] += A[i : i + 1].reshape(m, 1)[1, 0]
    return A


def square(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return (r.standard_normal((n, n)),)


def tall(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return (r.standard_normal((n + 2, n)),)


def line(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return (r.standard_normal(n),)


def system(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return dominant(r, n), r.standard_normal(n), np.zeros(n)


def bands(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.random(n), 3 + r.random(n), r.random(n), r.random(n)


def letters(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.integers(0, 3, n), r.integers(0, 3, n + 1)


def chances(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return r.random(n), r.random((n, n)), r.random((n, n))


def edges(r: Rng, n: int) -> tuple[np.ndarray, ...]:
    return np.arange(n), r.integers(0, n, n), r.integers(0, n, n)


#: name, program, arguments of a size, whether it has a derivative worth comparing
SIZED = (
    (cholesky_by_elements, lambda r, n: (definite(r, n),), True),
    (lu_by_elements, lambda r, n: (dominant(r, n),), True),
    (lu_stored_multipliers, lambda r, n: (dominant(r, n),), True),
    (lu_pivoted_by_elements, square, True),
    (householder_by_elements, tall, True),
    (givens_by_elements, tall, True),
    (gram_schmidt_by_elements, tall, True),
    (gauss_jordan, lambda r, n: (dominant(r, n),), True),
    (thomas_by_elements, bands, True),
    (prefix_sums, line, True),
    (exclusive_sums, line, True),
    (smoothed, line, True),
    (seidel_by_elements, lambda r, n: (r.random((n, n)), 3), True),
    (gauss_seidel, system, True),
    (heat_by_elements, lambda r, n: (r.random(n), r.random(n), 3), True),
    (lcs, letters, False),
    (knapsack_by_elements, lambda r, n: (r.integers(1, 6, n), r.random(n), 3 * n), True),
    (floyd_by_elements, lambda r, n: (r.random((n, n)),), True),
    (viterbi_by_elements, chances, True),
    (union_find, edges, False),
    (sieve_by_elements, lambda r, n: (4 * n,), False),
    (relaxed, line, True),
    (horner_steps, lambda r, n: (r.standard_normal(n), 0.7), True),
    (rows_held, square, True),
    (rows_of_the_flat, square, True),
    (elements_of_the_flat, square, True),
    (parts_under_other_shapes, tall, False),
)
