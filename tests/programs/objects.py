"""Phrases of objects: of the program's own classes, how they are made and changed; of ranges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

OBJECTS = Phrases()
UP = np.array([1.0, 2.0, 0.5])
DOWN = np.array([-1.0, 0.2, -3.0])
BOTH = ((UP,), (DOWN,), (np.array([0.25, -4.0, 7.0, 1.0, 2.0]),))


class Ring:
    """The last values, and how many there were."""

    def __init__(self, like):
        self.data = np.zeros((3, *like.shape))
        self.n = 0

    def push(self, v):
        self.data[self.n % 3] = v
        self.n += 1

    def __getitem__(self, k):
        return self.data[(self.n - 1 - k) % 3]

    def __len__(self):
        return min(self.n, 3)


class Weighted(Ring):
    """Inherits what makes it; a product is a weighted sum."""

    def __matmul__(self, w):
        return w @ self.data

    @property
    def spread(self):
        if self.data.max() > 1.0:
            return self.data.max() - self.data.min()
        return 0.0


class Vector:
    """A vector that counts what is done with it."""

    def __init__(self, a):
        self.a = a
        self.uses = 0

    def __add__(self, other):
        self.uses += 1
        return Vector(self.a + (other.a if isinstance(other, Vector) else other))

    __radd__ = __add__

    def __iadd__(self, other):
        self.uses += 1
        if np.sum(self.a) > 0:
            self.a = self.a + other
        return self

    def __neg__(self):
        self.uses += 1
        return Vector(-self.a)

    def __setitem__(self, k, v):
        self.uses += 1
        self.a[k] = v

    def __lt__(self, other):
        self.uses += 1
        return np.sum(self.a) < np.sum(other.a)

    def __eq__(self, other):
        self.uses += 1
        return np.all(self.a == other.a)

    __hash__ = None

    def __bool__(self):
        self.uses += 1
        return bool(self.a[0] > 0)

    def __contains__(self, v):
        self.uses += 1
        return np.any(self.a == v)

    def __abs__(self):
        self.uses += 1
        return np.sqrt(self.a @ self.a)

    def __float__(self):
        self.uses += 1
        return float(self.a[0])

    @property
    def length(self):
        self.uses += 1
        return np.sqrt(self.a @ self.a)

    @length.setter
    def length(self, v):
        self.a = self.a * (v / self.length)

    @cached_property
    def total(self):
        self.uses += 1
        return self.a.sum() if self.a[0] > 0 else 0.0

    def moved(self, d):
        return Vector(self.a + d)


class Shape(ABC):
    def __init__(self, size):
        self.size = size

    @abstractmethod
    def area(self): ...

    def __call__(self, scale):
        if self.size > 1.0:
            self.size = self.size * scale
        return self.area()


class Square(Shape):
    def area(self):
        return self.size**2


@dataclass
class Model:
    rate: float
    weights: np.ndarray = field(default_factory=lambda: np.zeros(3))
    steps: int = 0

    def __post_init__(self):
        if self.rate > 0:
            self.weights[0] = self.rate
        else:
            self.weights = self.weights - 1.0


@dataclass(frozen=True)
class State:
    x: np.ndarray
    k: int = 0


@OBJECTS(*BOTH)
def attributes_in_a_loop(x: Any) -> Any:
    ring = Ring(x[0])
    out = np.empty_like(x)
    for t, v in enumerate(x):
        ring.push(v)
        out[t] = ring[0] - ring[1]
    return out, ring.n, len(ring), ring.data


@OBJECTS(*BOTH)
def attributes_in_branches(x: Any) -> Any:
    ring = Ring(x[0])
    while ring.n < 5:
        if x[ring.n % len(x)] > 0:
            ring.push(x[0])
        else:
            ring.n += 2
    return ring.n, ring.data


@OBJECTS(*BOTH)
def inherited(x: Any) -> Any:
    ring = Weighted(x)
    for k in range(4):
        ring.push(x * k)
    return ring @ np.array([1.0, 2.0, 3.0]), ring.spread, ring.n


@OBJECTS(*BOTH)
def operators(x: Any) -> Any:
    v, w = Vector(x.copy()), Vector(np.abs(x))
    total = 0.0
    for i in range(3):
        total += (v + 1.0).a[0] + (2.0 + v).a[1] + (-v).a.sum()
        v += 0.5
        v[i] = total
        if v < w or v == w:
            total += 1.0
        if not v:
            total += abs(v) + float(v)
        if x[0] in v:
            total += 3.0
    return total, v.a, v.uses, w.uses


@OBJECTS(*BOTH, rtol=1e-14)
def properties(x: Any) -> Any:
    v = Vector(x)
    for k in range(3):
        v.length = k + 1.0
    return v.a, v.length, v.total, v.total, v.uses


@OBJECTS(*BOTH)
def abstract(x: Any) -> Any:
    shape = Square(x[1])
    areas = np.zeros(3)
    for k in range(3):
        areas[k] = shape(1.5)
    return areas, shape.size


@OBJECTS(*BOTH)
def generated_init(x: Any) -> Any:
    model = Model(x[0])
    for v in x:
        model.weights[1] += v
        model.steps += 1
    return model.weights, model.steps


@OBJECTS(*BOTH)
def chosen(x: Any) -> Any:
    v = Vector(x)
    w = v if x[0] > 0 else v.moved(2.0)
    if x[1] > 0:
        u = Vector(x + 1.0)
        u.uses = 7
    else:
        u = Vector(x * 2.0)
    u.uses += 1
    return w.a, w.uses, u.a, u.uses


@OBJECTS(*BOTH)
def best_so_far(x: Any) -> Any:
    best = Vector(x)
    for i in range(len(x)):
        candidate = Vector(x * (-1.0) ** i + i)
        if best.a.sum() < candidate.a.sum():
            best = candidate
    return best.a


@OBJECTS(*BOTH)
def replaced_in_a_loop(x: Any) -> Any:
    state = State(x)
    while state.x.sum() < 20.0:
        state = replace(state, x=state.x + 1.0, k=state.k + 1)
    return state.x, state.k


@OBJECTS((3, UP), (4, DOWN), (1, UP), (2, UP))
def ranges(n: Any, x: Any) -> Any:
    """Rows in turn from left and from right; grids and indices of run-time sizes."""
    total = 0.0
    for row in range(n):
        for i in range(n) if row % 2 == 0 else range(n - 1, -1, -1):
            total = 0.5 * total + i + row
    picked = np.outer(np.arange(n), x)[np.ix_(range(n), [0, -1])]
    return total, picked, np.mgrid[0 : 1 : n * 1j], np.ogrid[0:n, 0 : 2 : n * 1j]


@OBJECTS((4, UP), (6, DOWN), (1, UP), (0, UP))
def known_truth(n: Any, x: Any) -> Any:
    """The recursion ends where one side of `or` is known to hold."""

    def halves(v, depth):
        if len(v) % 2 or depth == 0:
            return v.sum()
        return halves(v[::2], depth - 1) * halves(v[1::2], depth - 1)

    return halves(np.arange(n) * x[0], 2)


class Comparing:
    """An object that is called and compares by value, so that it has no hash."""

    def __init__(self, v: Any) -> None:
        self.v = v

    def __eq__(self, other: object) -> bool:
        return bool(self.v == other.v)  # type: ignore[attr-defined]

    def __call__(self, k: Any) -> Any:
        return self.v + k


@OBJECTS((UP,), (DOWN,))
def called_and_compared(x: Any) -> Any:
    """Asking which function is called must not ask the object what it equals."""
    a, b = Comparing(x[0]), Comparing(x[1])
    return a(3), a == b, [c(k) for k, c in enumerate((a, b))], list(map(a, [1, 2])), a(None or 1)
