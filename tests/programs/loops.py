"""Element loops over tables, strings of bits, orbits and roots: what NumPy itself runs slowly."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, np.add.outer(path[:, k], path[k, :]))


def nussinov(seq):
    """RNA folding: a triangular table filled from the diagonal outwards."""
    n = len(seq)
    table = np.zeros((n, n), dtype=np.int32)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            best = max(table[i, j - 1], table[i + 1, j])
            if i + 1 <= j - 1:
                pair = 1 if seq[i] + seq[j] == 3 else 0
                best = max(best, table[i + 1, j - 1] + pair)
            for k in range(i + 1, j):
                best = max(best, table[i, k] + table[k + 1, j])
            table[i, j] = best
    return table


def edit_distance(a, b):
    n, m = len(a), len(b)
    row = np.arange(m + 1)
    for i in range(1, n + 1):
        diagonal = row[0]
        row[0] = i
        for j in range(1, m + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
            diagonal = row[j]
            row[j] = best
    return row[m]


def crc16(data):
    """Bits of a 16-bit register in Python ints, a loop in a loop, shifts and xors."""
    crc = 0xFFFF
    for i in range(len(data)):
        crc ^= int(data[i]) << 8
        for _ in range(8):
            if crc & 0x8000:
                crc = ((crc << 1) ^ 0x1021) & 0xFFFF
            else:
                crc = (crc << 1) & 0xFFFF
    return crc


def escape_time(c_re, c_im, limit):
    """Python `while` per pixel, with early exit."""
    counts = np.zeros(c_re.shape, dtype=np.int64)
    for i in range(c_re.shape[0]):
        for j in range(c_re.shape[1]):
            x = y = 0.0
            n = 0
            while n < limit and x * x + y * y <= 4.0:
                x, y = x * x - y * y + c_re[i, j], 2.0 * x * y + c_im[i, j]
                n += 1
            counts[i, j] = n
    return counts


def mandelbrot_masks(c, limit):
    """The array form: a mask picks the points that have not escaped yet."""
    z = np.zeros_like(c)
    counts = np.zeros(c.shape, dtype=np.int64)
    for n in range(limit):
        inside = np.abs(z) <= 2.0
        counts[inside] = n
        z[inside] = z[inside] ** 2 + c[inside]
    return counts


def bisection(lo, hi, target):
    while hi - lo > 1e-12:
        mid = 0.5 * (lo + hi)
        if mid * mid * mid < target:
            lo = mid
        else:
            hi = mid
    return 0.5 * (lo + hi)


def newton(x, target):
    """Newton's method on a whole vector until the largest step is small."""
    for _ in range(100):
        step = (x**3 - target) / (3.0 * x**2)
        x = x - step
        if np.max(np.abs(step)) < 1e-13:
            break
    return x


def jacobi(A, b):
    """`while True` with a break on convergence."""
    d = np.diag(A)
    R = A - np.diag(d)
    x = np.zeros_like(b)
    while True:
        new = (b - R @ x) / d
        if np.abs(new - x).max() < 1e-13:
            return new
        x = new


def n_body(pos, vel, mass, steps):
    """Softened gravity with arrays [n, n] of differences; leapfrog steps."""
    for _ in range(steps):
        d = pos[None, :, :] - pos[:, None, :]
        r2 = (d**2).sum(axis=2) + 0.01
        acc = (mass[None, :, None] * d / r2[:, :, None] ** 1.5).sum(axis=1)
        vel += 0.01 * acc
        pos += 0.01 * vel
    energy = 0.5 * np.sum(mass[:, None] * vel**2)
    return pos, energy


def n_body_loops(pos, vel, mass):
    n = len(mass)
    for i in range(n):
        for j in range(n):
            if i != j:
                d = pos[j] - pos[i]
                vel[i] += 0.01 * mass[j] * d / np.sqrt(d @ d + 0.01) ** 3
    pos += 0.01 * vel


def sieve(n):
    prime = np.ones(n + 1, dtype=bool)
    prime[:2] = False
    i = 2
    while i * i <= n:
        if prime[i]:
            prime[i * i :: i] = False
        i += 1
    return prime.sum(), prime


def collatz(starts):
    """The longest chain: integers grow and shrink, `continue` and a running best."""
    best, which = 0, -1
    for s in starts:
        n, length = int(s), 1
        if n < 1:
            continue
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            length += 1
        if length > best:
            best, which = length, int(s)
    return best, which


def insertion_sort(a):
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key


def binary_search(table, keys):
    found = np.full(len(keys), -1)
    for i, key in enumerate(keys):
        lo, hi = 0, len(table)
        while lo < hi:
            mid = (lo + hi) // 2
            if table[mid] < key:
                lo = mid + 1
            else:
                hi = mid
        if lo < len(table) and table[lo] == key:
            found[i] = lo
    return found


def lorenz(state, dt, steps):
    """Runge-Kutta of order four with an inner function."""

    def slope(s):
        x, y, z = s[0], s[1], s[2]
        return np.array([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])

    path = np.zeros((steps + 1, 3))
    path[0] = state
    for t in range(steps):
        s = path[t]
        k1 = slope(s)
        k2 = slope(s + 0.5 * dt * k1)
        k3 = slope(s + 0.5 * dt * k2)
        k4 = slope(s + dt * k3)
        path[t + 1] = s + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return path


def plane(r: Rng) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-2.0, 0.6, 9), np.linspace(-1.1, 1.1, 7))
    return x + 0.01 * r.random(x.shape), y


def bodies(r: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return r.standard_normal((6, 3)), r.standard_normal((6, 3)), r.random(6) + 0.5


def dominant_system(r: Rng) -> tuple[np.ndarray, np.ndarray]:
    return r.standard_normal((7, 7)) + 15.0 * np.eye(7), r.standard_normal(7)


WHILE = frozenset({"while"})

LOOPS = (
    Program("floyd_warshall", floyd_warshall, lambda r: (r.integers(1, 50, (9, 9)),), exact=True),
    Program("nussinov", nussinov, lambda r: (r.integers(0, 4, 12),), exact=True),
    Program(
        "edit_distance",
        edit_distance,
        lambda r: (r.integers(0, 3, 11), r.integers(0, 3, 8)),
        exact=True,
    ),
    Program("crc16", crc16, lambda r: (r.integers(0, 256, 40).astype("u1"),), exact=True),
    Program("escape_time", escape_time, lambda r: (*plane(r), 40), tags=WHILE, exact=True),
    Program(
        "mandelbrot_masks",
        mandelbrot_masks,
        lambda r: (plane(r)[0] + 1j * plane(r)[1], 25),
        exact=True,
    ),
    Program("bisection", bisection, lambda r: (0.0, 4.0, 1 + r.random()), tags=WHILE, exact=True),
    Program(
        "newton",
        newton,
        lambda r: (1.0 + r.random(5), 1.0 + r.random(5)),
        argnums=(1,),
        tags=WHILE,
    ),
    Program("jacobi", jacobi, dominant_system, argnums=(0, 1), tags=WHILE),
    Program("n_body", n_body, lambda r: (*bodies(r), 3), argnums=(0, 1, 2)),
    Program("n_body_loops", n_body_loops, bodies, argnums=(0, 1, 2)),
    Program("sieve", sieve, lambda r: (200,), tags=WHILE, exact=True),
    Program("collatz", collatz, lambda r: (r.integers(0, 200, 12),), tags=WHILE, exact=True),
    Program(
        "insertion_sort", insertion_sort, lambda r: (r.standard_normal(15),), tags=WHILE, exact=True
    ),
    Program(
        "binary_search",
        binary_search,
        lambda r: (np.sort(r.integers(0, 40, 20)), r.integers(0, 40, 9)),
        tags=WHILE,
        exact=True,
    ),
    Program("lorenz", lorenz, lambda r: (r.standard_normal(3), 0.01, 12), argnums=(0, 1)),
)
