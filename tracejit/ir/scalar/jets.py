"""Truncated Taylor polynomials of `Num`s: algorithms that carry derivatives along.

A `Jet` of orders ``(m,)`` or ``(m, n)`` has the coefficients of ``f(x + s)`` or ``f(x + s, y + t)``
up to ``s**m`` or ``s**m t**n``: derivatives over factorials (Griewank and Walther, *Evaluating
Derivatives*, ch. 13). A coefficient that is a Python number is known while code is made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tracejit.ir.scalar.elementary.num import Num, where
from tracejit.ir.scalar.emit import F64

Coefficient: TypeAlias = Num | float
Index: TypeAlias = tuple[int, ...]


def indices(orders: Index) -> list[Index]:
    """Of all coefficients, the value's first."""
    return list(itertools.product(*(range(n + 1) for n in orders)))


def plus(a: Coefficient, b: Coefficient) -> Coefficient:
    if isinstance(a, Num) and isinstance(b, Num):
        return a + b
    if not isinstance(b, Num):
        a, b = b, a
    return b + a if isinstance(a, Num) or a else b


def times(a: Coefficient, b: Coefficient) -> Coefficient:
    if isinstance(b, Num) and not isinstance(a, Num):
        a, b = b, a
    if isinstance(b, Num) or b not in (0, 1):
        return a * b
    return a if b else 0.0


def chosen(c: Num, a: Coefficient, b: Coefficient) -> Coefficient:
    """``a`` where ``c`` holds, else ``b``."""
    if isinstance(a, Num) or isinstance(b, Num):
        return where(c, a, b)
    return a if a == b else where(c, Num(c.e, c.e.const(a, F64)), b)


class Jet:
    """A polynomial; ``coefficients`` in the order of `indices`."""

    __slots__ = ("coefficients", "orders")

    def __init__(self, orders: Index, coefficients: Sequence[Coefficient]) -> None:
        self.orders, self.coefficients = orders, tuple(coefficients)

    @staticmethod
    def of(value: Num, orders: Index, slopes: Sequence[Coefficient] = ()) -> Jet:
        """A number, and its first derivatives."""
        first = dict(zip(_units(orders), slopes, strict=False))
        rest = (first.get(k, 0.0) for k in indices(orders)[1:])
        return Jet(orders, [value, *rest])

    @property
    def value(self) -> Num:
        value = self.coefficients[0]
        assert isinstance(value, Num)
        return value

    def derivative(self) -> Num:
        """The one of the highest orders."""
        last = self.nums()[-1]
        return last * float(math.prod(map(math.factorial, self.orders)))

    def nums(self) -> list[Num]:
        return [c if isinstance(c, Num) else self.value.const(c) for c in self.coefficients]

    def __getitem__(self, index: Index) -> Coefficient:
        at = 0
        for k, n in zip(index, self.orders, strict=True):
            at = at * (n + 1) + k
        return self.coefficients[at]

    def _by(self, f: Callable[[Coefficient], Coefficient]) -> Jet:
        return Jet(self.orders, [f(c) for c in self.coefficients])

    def __add__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.orders, [plus(self.value, other), *self.coefficients[1:]])
        pairs = zip(self.coefficients, other.coefficients, strict=True)
        return Jet(self.orders, [plus(a, b) for a, b in pairs])

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return self._by(lambda c: -c)

    def __sub__(self, other: Any) -> Jet:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Jet:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return self._by(lambda c: times(c, other))
        return Jet(self.orders, [_convolved(self, other, k) for k in indices(self.orders)])

    __rmul__ = __mul__

    def inverse(self) -> Jet:
        """``1 / self``."""
        first = 1.0 / self.value
        found: dict[Index, Coefficient] = {indices(self.orders)[0]: first}
        for k in indices(self.orders)[1:]:
            total: Coefficient = 0.0
            for i, rest in _splits(k):
                if any(i):
                    total = plus(total, times(self[i], found[rest]))
            found[k] = times(first, -total)
        return Jet(self.orders, list(found.values()))

    def log(self, value: Num) -> Jet:
        """The logarithm, whose ``value`` is known."""
        first = 1.0 / self.value
        found: dict[Index, Coefficient] = {indices(self.orders)[0]: value}
        for k in indices(self.orders)[1:]:
            along = next(axis for axis, n in enumerate(k) if n)
            total: Coefficient = 0.0
            for i, rest in _splits(k):
                if any(i) and rest[along]:
                    share = times(self[i], found[rest])
                    total = plus(total, times(share, rest[along] / k[along]))
            found[k] = times(first, plus(self[k], -total))
        return Jet(self.orders, list(found.values()))


def _units(orders: Index) -> list[Index]:
    """The indices of the first derivatives."""
    return [tuple(int(j == k) for j in range(len(orders))) for k in range(len(orders))]


def _splits(k: Index) -> list[tuple[Index, Index]]:
    """The ways to write ``k`` as a sum."""
    return [(i, tuple(n - m for n, m in zip(k, i, strict=True))) for i in indices(k)]


def _convolved(a: Jet, b: Jet, k: Index) -> Coefficient:
    total: Coefficient = 0.0
    for i, rest in _splits(k):
        total = plus(total, times(a[i], b[rest]))
    return total


def choose_jet(c: Num, a: Jet, b: Jet) -> Jet:
    pairs = zip(a.coefficients, b.coefficients, strict=True)
    return Jet(a.orders, [chosen(c, x, y) for x, y in pairs])


def poly_jet(t: Jet, coefs: Sequence[float]) -> Jet:
    """Horner's rule, coefficients lowest first."""
    found = t * coefs[-1]
    for c in reversed(coefs[1:-1]):
        found = (found + c) * t
    return found + coefs[0]


def exponential(value: Num, levels: Sequence[Jet]) -> Jet:
    """The jet with this value whose logarithm has these derivatives."""
    orders = levels[0].orders
    found: dict[Index, Coefficient] = {indices(orders)[0]: value}
    for k in indices(orders)[1:]:
        along = next(axis for axis, n in enumerate(k) if n)
        below = tuple(n - (axis == along) for axis, n in enumerate(k))
        total: Coefficient = 0.0
        for i, rest in _splits(below):
            total = plus(total, times(levels[along][i], found[rest]))
        found[k] = times(total, 1.0 / k[along])
    return Jet(orders, list(found.values()))


class Fraction:
    """A continued fraction under way, by Lentz's method: its convergent, and what steps need.

    Convergents are products of ``c d``, ``c = b + r / c'`` and ``d = 1 / (b + r d')`` of the primed
    ones before; ``upside`` is ``1 / c``.
    """

    def __init__(self, d: Jet, upside: Jet, convergent: Jet) -> None:
        self.d, self.upside, self.convergent = d, upside, convergent

    @staticmethod
    def of(orders: Index, values: Sequence[Num]) -> Fraction:
        size = len(indices(orders))
        parts = [values[k : k + size] for k in range(0, 3 * size, size)]
        return Fraction(*(Jet(orders, part) for part in parts))

    def nums(self) -> list[Num]:
        return [*self.d.nums(), *self.upside.nums(), *self.convergent.nums()]

    def advanced(self, r: Jet, b: Any, weights: Jet, settled: float) -> tuple[Fraction, Num]:
        """One convergent more, by the partial numerator and denominator; whether it has moved what
        is wanted, the highest coefficient of ``weights`` times the fraction."""
        d = (r * self.d + b).inverse()
        c = r * self.upside + b
        ratio, before = c * d, self.convergent
        now = before * ratio
        highest = indices(now.orders)[-1]
        size, moves = ratio.value.const(0.0), []
        for i, rest in _splits(highest):
            size = size + _size(times(weights[rest], now[i]), size)
            if any(i):
                move: Coefficient = 0.0
                for j, other in _splits(i):
                    if any(j):
                        move = plus(move, times(before[other], ratio[j]))
                moves.append(_size(times(weights[rest], move), size))
        moved = (ratio.value - 1.0).abs() > settled
        for move in moves:
            moved = moved | (move > size * settled)
        return Fraction(d, c.inverse(), now), moved


def _size(c: Coefficient, like: Num) -> Num:
    return c.abs() if isinstance(c, Num) else like.const(abs(c))
