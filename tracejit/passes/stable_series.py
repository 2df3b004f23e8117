"""Stabilising rules for quotients with a removable singularity: ``sin(x) / x`` and its kin.

Near 0 the quotient is its Taylor polynomial, elsewhere it is what was written. The polynomial has
derivatives of any order that keep their accuracy; those of the quotient cancel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

from tracejit.ir.core import Instr, Value
from tracejit.ir.types import DTYPES
from tracejit.passes.stable import Rule, Stable, emit, minus, negated
from tracejit.passes.stable_norms import squared
from tracejit.records import dataclass

Coefficients = list[Fraction]
_TERMS = 40


def _odd(term: Callable[[int], Fraction]) -> Callable[[int], Fraction]:
    return lambda n: term(n) if n % 2 else Fraction(0)


def _even(term: Callable[[int], Fraction]) -> Callable[[int], Fraction]:
    return lambda n: Fraction(0) if n % 2 else term(n)


def _alternating(n: int) -> int:
    return -1 if n // 2 % 2 else 1


def _quotient(above: Coefficients, below: Coefficients) -> Coefficients:
    """Coefficients of a quotient of series; ``below`` begins with a number that is not 0."""
    out: Coefficients = []
    for n in range(len(above)):
        rest = sum((out[k] * below[n - k] for k in range(n)), Fraction(0))
        out.append((above[n] - rest) / below[0])
    return out


def _series(term: Callable[[int], Fraction], sign: int = 1, first: int = 0) -> Coefficients:
    return [sign * term(n) if n >= first else Fraction(0) for n in range(_TERMS)]


def _hyperbolic(n: int) -> Fraction:
    return Fraction(1, math.factorial(n))


def _circular(n: int) -> Fraction:
    return Fraction(_alternating(n), math.factorial(n))


def _central(n: int) -> Fraction:
    """Of arcsin: ``(2k)! / (4**k k!**2 (2k + 1))`` at ``n = 2k + 1``."""
    k = n // 2
    return Fraction(math.factorial(2 * k), 4**k * math.factorial(k) ** 2 * n)


_SIN, _COS = _series(_odd(_circular)), _series(_even(_circular))
_SINH, _COSH = _series(_odd(_hyperbolic)), _series(_even(_hyperbolic))


@dataclass(frozen=True)
class _Kind:
    """Taylor coefficients at 0, the first of them that is not 0, and where the series is used."""

    order: int
    radius: float
    series: Coefficients


_KINDS: dict[str, _Kind] = {
    "expm1": _Kind(1, 1.0, _series(_hyperbolic, first=1)),
    "expm1 - x": _Kind(2, 1.0, _series(_hyperbolic, first=2)),
    "sin": _Kind(1, 1.0, _SIN),
    "x - sin": _Kind(3, 1.0, _series(_odd(_circular), -1, first=3)),
    "1 - cos": _Kind(2, 1.0, _series(_even(_circular), -1, first=2)),
    "sinh": _Kind(1, 1.0, _SINH),
    "cosh - 1": _Kind(2, 1.0, _series(_even(_hyperbolic), first=2)),
    "tan": _Kind(1, 0.5, _quotient(_SIN, _COS)),
    "tanh": _Kind(1, 0.5, _quotient(_SINH, _COSH)),
    "log1p": _Kind(1, 0.25, _series(lambda n: Fraction(-((-1) ** n), max(n, 1)), first=1)),
    "arctan": _Kind(1, 0.25, _series(_odd(lambda n: Fraction(_alternating(n), n)))),
    "arctanh": _Kind(1, 0.25, _series(_odd(lambda n: Fraction(1, n)))),
    "arcsin": _Kind(1, 0.25, _series(_odd(_central))),
    "arcsinh": _Kind(1, 0.25, _series(_odd(lambda n: _alternating(n) * _central(n)))),
}
#: ``first - second`` with a function of x in it: the kind, and which of the two is that function.
_DIFFERENCES = (
    ("1 - cos", "cos", 1),
    ("cosh - 1", "cosh", 0),
    ("x - sin", "sin", 1),
    ("expm1 - x", "expm1", 0),
)


@cache
def coefficients(kind: str, power: int, inverse: bool, digits: int) -> tuple[float, ...]:
    """Of ``f(x) / x**power``, or of ``x**power / f(x)``, as many as ``digits`` bits need."""
    row = _KINDS[kind]
    terms = row.series[power:]
    if inverse:
        terms = _quotient([Fraction(int(n == 0)) for n in range(len(terms))], terms)
    numbers = [float(c) for c in terms]
    for last in range(len(numbers) - 1, 0, -1):  # a second derivative loses the factor n**2
        if abs(numbers[last]) * row.radius**last * last**2 > 2.0 ** -(digits + 4):
            return tuple(numbers[: last + 1])
    return tuple(numbers)


def _numerator(re: Stable, value: Value) -> tuple[str, Value, bool] | None:
    """``kind, x, negative`` of a function in the table."""
    inner = negated(re, value)
    if inner is not None:
        found = _numerator(re, inner)
        return None if found is None else (found[0], found[1], not found[2])
    made, difference = re.made(value, *_KINDS), re.made(value, "sub")
    if made is not None:
        return made.name, made.operands[0], False
    return None if difference is None else _difference(re, difference)


def _difference(re: Stable, made: Instr) -> tuple[str, Value, bool] | None:
    for kind, name, place in _DIFFERENCES:
        inner = re.made(made.operands[place], name)
        other = made.operands[1 - place]
        if inner is None:
            continue
        x = inner.operands[0]
        if other is x if "x" in kind.replace("exp", "") else re.literal(other) == 1:
            return kind, x, False
    return None


def _power(re: Stable, value: Value) -> tuple[Value, int]:
    """``x, k`` where ``value`` is ``x**k``."""
    x = squared(re, value)
    if x is not None:
        return x, 2
    power, product = re.made(value, "pow"), re.made(value, "mul")
    if power is not None:
        number = re.literal(power.operands[1])
        if number is not None and float(number).is_integer() and 1 <= number <= 4:
            return power.operands[0], int(number)
    if product is not None:
        for a, b in (product.operands, product.operands[::-1]):
            inner, k = _power(re, b) if squared(re, b) is not None else (b, 0)
            if k and inner is a:
                return a, k + 1
    return value, 1


def removable(re: Stable, instr: Instr) -> Value | None:
    """``f(x) / x**k`` and ``x / f(x)`` for the functions of the table."""
    above, below = instr.operands
    for inverse, (top, bottom) in ((False, (above, below)), (True, (below, above))):
        found = _numerator(re, top)
        if found is None:
            continue
        kind, x, negative = found
        base, k = _power(re, bottom)
        if (base is not x and negated(re, x) is not base and negated(re, base) is not x) or (
            k > _KINDS[kind].order or (inverse and k != _KINDS[kind].order)
        ):
            continue
        flip = negative != (base is not x and k % 2 == 1)
        return _near_and_far(re, instr, kind, x, k, inverse, flip)
    return None


def _near_and_far(
    re: Stable, instr: Instr, kind: str, x: Value, k: int, inverse: bool, flip: bool
) -> Value:
    digits = 52 if x.dtype == DTYPES["f64"] else 23
    near = _polynomial(re, x, coefficients(kind, k, inverse, digits))
    if flip:
        near = emit(re, "neg", near)
    if inverse and kind == "expm1":
        far = _far_of_expm1(re, x, flip)
    else:
        far = emit(re, instr.name, *instr.operands)
    size = emit(re, "abs", x)
    return emit(re, "select", emit(re, "lt", size, re.full(_KINDS[kind].radius, x)), near, far)


def _far_of_expm1(re: Stable, x: Value, flip: bool) -> Value:
    """``x / expm1(x)``, for positive x as ``exp(-x) * (-x / expm1(-x))``."""
    y = emit(re, "neg", emit(re, "abs", x))
    out = emit(re, "div", y, emit(re, "expm1", y))
    positive = emit(re, "gt", x, re.full(0, x))
    out = emit(re, "select", positive, emit(re, "mul", out, emit(re, "exp", minus(re, x))), out)
    return emit(re, "neg", out) if flip else out


def _polynomial(re: Stable, x: Value, numbers: tuple[float, ...]) -> Value:
    """Horner's scheme, in the square where every other coefficient is 0."""
    even, odd = numbers[::2], numbers[1::2]
    if not any(odd):
        return _horner(re, emit(re, "mul", x, x), even)
    if not any(even):
        return emit(re, "mul", x, _horner(re, emit(re, "mul", x, x), odd))
    return _horner(re, x, numbers)


def _horner(re: Stable, x: Value, numbers: tuple[float, ...]) -> Value:
    out = re.full(numbers[-1], x)
    for c in numbers[-2::-1]:
        out = emit(re, "add", emit(re, "mul", out, x), re.full(c, x))
    return out


SERIES_RULES: dict[str, tuple[Rule, ...]] = {"div": (removable,)}
