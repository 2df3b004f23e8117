"""Python as users write it around NumPy: objects, closures, containers, recursion, messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator

GRAVITY = 9.81
DRAG = {"linear": 0.1, "quadratic": 0.02}
STENCIL = np.array([1.0, -2.0, 1.0])
OFFSETS = [(-1, 0), (1, 0), (0, -1), (0, 1)]


@dataclass
class Body:
    """A point mass; methods change it."""

    x: Any
    v: Any
    mass: float = 2.0
    trail: list = field(default_factory=list)

    def kick(self, force, dt):
        self.v = self.v + dt * force / self.mass

    def drift(self, dt, *, keep=True):
        self.x += dt * self.v
        if keep:
            self.trail.append(self.x.copy())

    @property
    def energy(self):
        return 0.5 * self.mass * (self.v**2).sum() + self.mass * GRAVITY * self.x[1]


def ballistics(x, v, steps=6, dt=0.05):
    """A dataclass made inside, properties, a growing list that is stacked."""
    body = Body(x.copy(), v)
    start = body.energy
    for _ in range(6):
        drag = -DRAG["linear"] * body.v - DRAG["quadratic"] * np.sqrt((body.v**2).sum()) * body.v
        body.kick(np.array([0.0, -GRAVITY * body.mass]) + drag, dt)
        body.drift(dt, keep=True)
    return np.stack(body.trail), body.energy - start


def advance_bodies(bodies, dt):
    """Objects of the caller in a list: their arrays and attributes change."""
    for body in bodies:
        body.kick(np.array([0.0, -GRAVITY]), dt)
        body.drift(dt, keep=False)
    return sum(body.energy for body in bodies)


class Polynomial:
    """Coefficients from the constant on, with operators."""

    def __init__(self, c):
        self.c = c

    def __call__(self, x):
        value = np.zeros_like(x)
        for c in self.c[::-1]:
            value = value * x + c
        return value

    def __add__(self, other):
        return Polynomial(self.c + other.c)

    def __mul__(self, other):
        return Polynomial(np.convolve(self.c, other.c))

    @classmethod
    def from_roots(cls, roots):
        made = cls(np.ones(1))
        for r in roots:
            made = made * cls(np.array([-r, 1.0]))
        return made

    @staticmethod
    def derivative(c):
        return c[1:] * np.arange(1, len(c))


def polynomials(a, b, x):
    p, q = Polynomial(a), Polynomial(b)
    slope = Polynomial(Polynomial.derivative((p * q).c))
    return (p + q)(x), (p * q)(x), slope(x)


def activations(x, kind="tanh", *, scale=2.0):
    """A table of lambdas, a default and a keyword-only argument."""
    table = {
        "relu": lambda t: np.maximum(t, 0.0),
        "tanh": np.tanh,
        "swish": lambda t, beta=1.5: t / (1.0 + np.exp(-beta * t)),
    }
    chosen = [table[kind], *(f for name, f in sorted(table.items()) if name != kind)]
    return [f(scale * x) for f in chosen]


def second_difference(x, kernel=STENCIL, repeat=2):
    """A global array as a default argument, applied with a comprehension of static length."""
    for _ in range(repeat):
        n = len(x) - len(kernel) + 1
        x = sum(k * x[i : i + n] for i, k in enumerate(kernel))
    return x


def laplace_determinant(A):
    """Recursion over minors: the depth is the size."""
    n = A.shape[0]
    if n == 1:
        return A[0, 0]
    total = 0.0
    for j in range(n):
        minor = np.delete(A[1:], j, axis=1)
        total = total + (-1) ** j * A[0, j] * laplace_determinant(minor)
    return total


def strassen(A, B, leaf=2):
    n = A.shape[0]
    if n <= leaf:
        return A @ B
    h = n // 2
    a, b, c, d = A[:h, :h], A[:h, h:], A[h:, :h], A[h:, h:]
    e, f, g, i = B[:h, :h], B[:h, h:], B[h:, :h], B[h:, h:]
    p1 = strassen(a, f - i, leaf)
    p2 = strassen(a + b, i, leaf)
    p3 = strassen(c + d, e, leaf)
    p4 = strassen(d, g - e, leaf)
    p5 = strassen(a + d, e + i, leaf)
    p6 = strassen(b - d, g + i, leaf)
    p7 = strassen(a - c, e + f, leaf)
    return np.block([[p5 + p4 - p2 + p6, p1 + p2], [p3 + p4, p1 + p5 - p3 - p7]])


def rows_and_pairs(A, B):
    """`for row in A`, `enumerate`, `zip`, rows written through the loop's variable."""
    longest, which = 0.0, -1
    for i, row in enumerate(A):
        size = np.sqrt((row**2).sum())
        if size > longest:
            longest, which = size, i
        row /= size
    dots = np.zeros(len(A))
    for k, (a, b) in enumerate(zip(A, B)):
        for p, q in zip(a, b):
            dots[k] += p * q
    return dots, longest, which


def containers_inside(x, missing=3):
    """Tuples, lists and dicts hold arrays on the way; unpacking with a star."""
    powers = [np.ones_like(x)]
    for _ in range(3):
        powers.append(powers[-1] * x)
    first, *middle, last = powers
    stats = {name: f(x) for name, f in (("low", np.min), ("high", np.max), ("mean", np.mean))}
    pair = (first + last, middle)
    middle.reverse()
    swapped = pair[1][0] - pair[1][1]
    return pair[0], swapped, stats["high"] - stats["low"], tuple(stats), stats.get("none", missing)


def closures(x, rate):
    """Nested functions that read and rebind names of the function around them."""
    calls = 0
    velocity = np.zeros_like(x)

    def slope(y):
        nonlocal calls
        calls += 1
        return 2.0 * y + np.sin(y)

    def step(y, *, momentum=0.5):
        nonlocal velocity
        velocity = momentum * velocity - rate * slope(y)
        return y + velocity

    half = partial(step, momentum=0.25)
    for k in range(4):
        x = half(x) if k % 2 else step(x)
    return x, calls


def checked_inverse(A, limit):
    """Gauss-Jordan that asserts its input and raises with the place where it fails."""
    n, m = A.shape
    assert n == m, f"a square matrix is wanted, not {n} by {m}"
    W = np.concatenate((A, np.eye(n)), axis=1)
    for k in range(n):
        pivot = W[k, k]
        if abs(pivot) < limit:
            raise ZeroDivisionError(f"pivot {k} of {n} vanishes")
        W[k] /= pivot
        for i in range(n):
            if i != k:
                W[i] -= W[i, k] * W[k]
    assert np.isfinite(W).all(), "overflow"
    return W[:, n:]


def verbose_descent(x, rate, steps):
    """Prints its progress, every other step, with formats."""
    print("start", x.shape, x.dtype)
    for k in range(steps):
        gradient = 4.0 * x**3 - 2.0 * x
        x = x - rate * gradient
        size = np.abs(gradient).max()
        if k % 2 == 0:
            print(f"step {k}: {size:.3f}", end=";\n")
        else:
            print("odd", k, sep=" = ")
    print()
    return x


def first_saddle(A):
    """Early return from nested loops, an inner loop's `else`."""
    n, m = A.shape
    for i in range(n):
        for j in range(m):
            for k in range(m):
                if A[i, k] < A[i, j]:
                    break
            else:
                for k in range(n):
                    if A[k, j] > A[i, j]:
                        break
                else:
                    return i, j
    return -1, -1


def guarded(x, y):
    """`errstate` around a division, chained comparisons, conditional expressions, a walrus."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x / y
    hits = 0
    i = 0
    while 0 <= i < len(x) and (r := ratio[i]) == r:
        hits += 1 if -1.0 < r <= 1.0 else 0
        i += 2 if r > 0 or y[i] > 1 else 1
    return ratio, hits, i


def dispatch(x, operation, amount=None):
    """`match` on a static string, `is None`, keyword arguments passed on."""
    amount = 1.0 if amount is None else amount
    match operation:
        case "shift" | "translate":
            return x + amount
        case "scale":
            return dispatch(x * amount, operation="shift")
        case _:
            raise ValueError(f"unknown {operation!r}")


def neighbours(grid):
    """A global list of tuples drives slices; a set and a string on the side."""
    seen = set()
    total = np.zeros_like(grid)
    for di, dj in OFFSETS:
        seen.add(abs(di) + 2 * abs(dj))
        total += np.roll(np.roll(grid, di, axis=0), dj, axis=1)
    label = "-".join(str(s) for s in sorted(seen))
    return total, label, max(OFFSETS, key=lambda t: t[0] + 2 * t[1])


def matrix(n: int):
    return lambda r: (r.standard_normal((n, n)),)


def bodies(r: Rng) -> tuple[object, ...]:
    return [Body(r.random(2), r.standard_normal(2), 1.5), Body(r.random(2), r.random(2))], 0.1


LANGUAGE = (
    Program("ballistics", ballistics, lambda r: (r.random(2), r.standard_normal(2)), (0, 1)),
    Program("advance_bodies", advance_bodies, bodies, argnums=(1,)),
    Program(
        "polynomials",
        polynomials,
        lambda r: (r.standard_normal(4), r.standard_normal(4), r.standard_normal(5)),
        argnums=(0, 1, 2),
    ),
    Program("activations", activations, lambda r: (r.standard_normal(5), "swish"), argnums=(0,)),
    Program(
        "second_difference", second_difference, lambda r: (r.random(9),), argnums=(0,), exact=True
    ),
    Program("laplace_determinant", laplace_determinant, matrix(4), argnums=(0,)),
    Program("strassen", strassen, lambda r: tuple(r.standard_normal((2, 8, 8))), argnums=(0, 1)),
    Program(
        "rows_and_pairs", rows_and_pairs, lambda r: tuple(r.standard_normal((2, 4, 5))), (0, 1)
    ),
    Program(
        "containers_inside", containers_inside, lambda r: (r.standard_normal(5),), argnums=(0,)
    ),
    Program("closures", closures, lambda r: (r.standard_normal(5), 0.1), argnums=(0, 1)),
    Program(
        "checked_inverse", checked_inverse, lambda r: (matrix(4)(r)[0] + 9 * np.eye(4), 1e-9), (0,)
    ),
    Program(
        "checked_inverse_raises", checked_inverse, lambda r: (np.ones((3, 3)), 1e-9), raises=True
    ),
    Program(
        "checked_inverse_asserts", checked_inverse, lambda r: (np.ones((3, 4)), 1e-9), raises=True
    ),
    Program("verbose_descent", verbose_descent, lambda r: (r.standard_normal(4), 0.05, 5), (0, 1)),
    Program("first_saddle", first_saddle, lambda r: (r.integers(0, 9, (4, 5)),), exact=True),
    Program(
        "guarded",
        guarded,
        lambda r: (r.standard_normal(12), np.maximum(r.standard_normal(12), 0.0)),
        exact=True,
    ),
    Program("dispatch", dispatch, lambda r: (r.random(4), "scale", 3.0), argnums=(0, 2)),
    Program("dispatch_raises", dispatch, lambda r: (r.random(4), "turn"), raises=True),
    Program("neighbours", neighbours, lambda r: (r.random((4, 5)),), argnums=(0,)),
)
