"""Sums, products and quotients of Python's complex numbers, as the Python that runs has them.

Since 3.14 a real operand has no imaginary part, where it was 0.0 before: signs of zeros differ, and
infinities. Products and quotients of which both parts are nan are given anew where an operand is
infinite, as in C11, Annex G.5. Formulas: ``_Py_c_prod``, ``_Py_c_quot`` and ``_Py_rc_quot`` of
CPython's ``complexobject.c``.
"""

from __future__ import annotations

import math
from typing import Final

from tracejit.ir.core import Value
from tracejit.trace.session.session import current

#: Whether reals stay real beside complex numbers: asked of Python itself.
REALS_STAY: Final = math.copysign(1.0, (complex(0.0, -0.0) + 0.0).imag) < 0.0

_Parts = tuple[Value, Value]


def complex_arithmetic(name: str, left: Value, right: Value, reals: tuple[bool, bool]) -> Value:
    """``add``, ``sub``, ``mul`` or ``div`` of two complex values.

    ``reals``: which of the two is a real number of the program, made complex.
    """
    b = current().b
    if not REALS_STAY:
        if name != "div":
            return b.op(name, left, right)  # type: ignore[no-any-return]
        return _joined(_smith(_parts(left), _parts(right)))
    x, y = _parts(left)
    re, im = _parts(right)
    if name in ("add", "sub"):
        real = b.op(name, x, re)
        if reals[1]:
            return _joined((real, y))
        if reals[0]:
            return _joined((real, im if name == "add" else b.op("neg", im)))
        return b.op(name, left, right)  # type: ignore[no-any-return]
    if reals[1]:
        return _joined((b.op(name, x, re), b.op(name, y, re)))
    if name == "mul":
        if reals[0]:
            return _joined((b.op("mul", re, x), b.op("mul", im, x)))
        return _joined(_product((x, y), (re, im)))
    return _joined(_quotient((x, None if reals[0] else y), (re, im)))


def _parts(value: Value) -> _Parts:
    b = current().b
    return b.op("real", value), b.op("imag", value)


def _joined(parts: _Parts) -> Value:
    return current().b.op("complex", *parts)  # type: ignore[no-any-return]


def _smith(left: tuple[Value, Value | None], right: _Parts) -> _Parts:
    """The quotient rounded as Python's: each part is divided, where NumPy takes the reciprocal.

    An imaginary part of None is none.
    """
    b = current().b
    (x, y), (re, im) = left, right
    wide = b.op("ge", b.op("abs", re), b.op("abs", im))
    small, large = b.op("select", wide, im, re), b.op("select", wide, re, im)
    ratio = b.op("div", small, large)
    whole = b.op("add", large, b.op("mul", small, ratio))
    if y is None:
        scaled, minus = b.op("mul", x, ratio), b.op("neg", x)
        real = b.op("select", wide, x, scaled)
        gap = b.op("select", wide, b.op("mul", minus, ratio), minus)
        return b.op("div", real, whole), b.op("div", gap, whole)
    first, second = b.op("select", wide, x, y), b.op("select", wide, y, x)
    cross = b.op("mul", first, ratio)
    gap = b.op("select", wide, b.op("sub", second, cross), b.op("sub", cross, second))
    real = b.op("div", b.op("add", first, b.op("mul", second, ratio)), whole)
    return real, b.op("div", gap, whole)


class _Signs:
    """What the formulas for infinities ask of numbers."""

    def __init__(self) -> None:
        self.b = current().b

    def number(self, value: float) -> Value:
        return self.b.const(value, "f64")

    def ask(self, what: str, *values: Value) -> Value:
        """Whether one of the values is so."""
        answers = [self.b.op(what, value) for value in values]
        found = answers[0]
        for answer in answers[1:]:
            found = self.b.op("bitwise_or", found, answer)
        return found  # type: ignore[no-any-return]

    def both(self, *answers: Value) -> Value:
        found = answers[0]
        for answer in answers[1:]:
            found = self.b.op("bitwise_and", found, answer)
        return found

    def boxed(self, value: Value) -> Value:
        """One where it is infinite, else zero, of its sign."""
        one = self.b.op("select", self.ask("isinf", value), self.number(1.0), self.number(0.0))
        return self.b.op("copysign", one, value)  # type: ignore[no-any-return]

    def without_nan(self, value: Value) -> Value:
        zero = self.b.op("copysign", self.number(0.0), value)
        return self.b.op("select", self.ask("isnan", value), zero, value)  # type: ignore[no-any-return]

    def chosen(self, where: Value, these: _Parts, those: _Parts) -> _Parts:
        first, second = (self.b.op("select", where, s, t) for s, t in zip(these, those))
        return first, second


def _product(left: _Parts, right: _Parts) -> _Parts:
    s = _Signs()
    b = s.b

    def terms(z: _Parts, w: _Parts) -> list[Value]:
        pairs = ((z[0], w[0]), (z[1], w[1]), (z[0], w[1]), (z[1], w[0]))
        return [b.op("mul", *pair) for pair in pairs]

    plain = terms(left, right)
    found = b.op("sub", plain[0], plain[1]), b.op("add", plain[2], plain[3])
    one, other = s.ask("isinf", *left), s.ask("isinf", *right)
    again = b.op("bitwise_or", b.op("bitwise_or", one, other), s.ask("isinf", *plain))
    z, w = ((s.without_nan(p), s.without_nan(q)) for p, q in (left, right))
    z = s.chosen(one, (s.boxed(left[0]), s.boxed(left[1])), z)
    w = s.chosen(other, (s.boxed(right[0]), s.boxed(right[1])), w)
    new = terms(z, w)
    infinity = s.number(math.inf)
    real = b.op("mul", infinity, b.op("sub", new[0], new[1]))
    imag = b.op("mul", infinity, b.op("add", new[2], new[3]))
    lost = s.both(s.ask("isnan", found[0]), s.ask("isnan", found[1]), again)
    return s.chosen(lost, (real, imag), found)


def _quotient(left: tuple[Value, Value | None], right: _Parts) -> _Parts:
    s = _Signs()
    b = s.b
    found = _smith(left, right)
    lost = s.both(s.ask("isnan", found[0]), s.ask("isnan", found[1]))
    given: list[Value] = [part for part in left if part is not None]
    finite = s.both(*(b.op("isfinite", part) for part in given))
    small = s.both(lost, finite, s.ask("isinf", *right))
    zero = s.number(0.0)
    found = s.chosen(small, _turned(zero, left, (s.boxed(right[0]), s.boxed(right[1]))), found)
    if left[1] is None:
        return found
    finite = s.both(*(b.op("isfinite", part) for part in right))
    large = s.both(lost, finite, s.ask("isinf", *given))
    boxed = (s.boxed(left[0]), s.boxed(left[1]))
    return s.chosen(large, _turned(s.number(math.inf), boxed, right), found)


def _turned(scale: Value, z: tuple[Value, Value | None], w: _Parts) -> _Parts:
    """``scale`` times each part of ``z`` times the conjugate of ``w``."""
    b = current().b
    (x, y), (re, im) = z, w
    if y is None:
        real, imag = b.op("mul", x, re), b.op("mul", b.op("neg", x), im)
    else:
        real = b.op("add", b.op("mul", x, re), b.op("mul", y, im))
        imag = b.op("sub", b.op("mul", y, re), b.op("mul", x, im))
    return b.op("mul", scale, real), b.op("mul", scale, imag)
