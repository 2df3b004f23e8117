"""Stabilising rules for norms: roots, powers and logarithms of sums of squares, and of powers.

The squares of float32 numbers are added in float64, where they do not overflow, and the root of
zero is a choice, so that the derivative of a norm at zero is 0: the subgradient of least norm.
"""

from __future__ import annotations

from tracejit.dtypes import is_float
from tracejit.ir.core import Instr, Value
from tracejit.ir.types import DTYPES
from tracejit.passes.stable import Rule, Stable, applied, emit, through_layout, times

#: How far back a sum of squares is looked at.
_DEPTH = 64


def squared(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``x * x`` or ``x ** 2``."""
    product, power = re.made(value, "mul"), re.made(value, "pow")
    if product is not None:
        a, b = product.operands
        return a if a is b else None
    two = power is not None and re.literal(power.operands[1]) == 2
    return power.operands[0] if power is not None and two else None


def is_sum_of_squares(re: Stable, value: Value, depth: int = _DEPTH) -> bool:
    """Whether a value is made of squares by sums, means and layout only."""
    made = re.instr_of(value)
    if made is None or depth == 0:
        return False
    if squared(re, value) is not None or _is_contraction(made):
        return True
    if re.made(value, "add"):
        return all(is_sum_of_squares(re, v, depth - 1) for v in made.operands)
    if re.made(value, "reduce_sum", "reshape", "broadcast", "transpose", "slice", "convert"):
        inner = made.operands[0]
        return is_float(inner.dtype) and is_sum_of_squares(re, inner, depth - 1)
    if re.made(value, "mul", "div"):
        a, b = made.operands
        if re.made(value, "mul") and re.literal(a) is not None:
            a, b = b, a
        number = re.literal(b)
        positive = number is not None and number > 0
        return positive and is_sum_of_squares(re, a, depth - 1)
    return False


def _is_contraction(made: Instr) -> bool:
    if not made.prim.contracts or made.operands[0] is not made.operands[1]:
        return False
    contract, batch = made.attrs["contract"], made.attrs["batch"]
    whole = len(contract[0]) + len(batch[0]) == made.operands[0].rank
    return whole and contract[0] == contract[1] and batch[0] == batch[1]


def _widened(re: Stable, value: Value) -> Value:
    """A sum of squares again, in float64."""
    made = re.instr_of(value)
    assert made is not None
    wide = DTYPES["f64"]
    x = squared(re, value)
    if x is not None:
        x = re.b.convert(x, wide)
        return emit(re, "mul", x, x)
    if _is_contraction(made):
        x = re.b.convert(made.operands[0], wide)
        return emit(re, "dot", x, x, **made.attrs)
    if re.made(value, "convert"):
        return _widened(re, made.operands[0])
    operands = [_widened(re, v) if is_sum_of_squares(re, v) else v for v in made.operands]
    operands = [re.b.convert(v, wide) if is_float(v.dtype) else v for v in operands]
    return emit(re, made.name, *operands, **made.attrs)


def _shifted(re: Stable, value: Value) -> bool:
    """Whether a float32 value is a sum of squares and positive numbers."""
    made = re.made(value, "add")
    if made is None or value.dtype != DTYPES["f32"]:
        return False
    numbers = [re.literal(v) for v in made.operands]
    squares = [v for v, number in zip(made.operands, numbers, strict=True) if number is None]
    positive = all(number is None or number > 0 for number in numbers)
    return positive and len(squares) == 1 and is_sum_of_squares(re, squares[0])


def _root(re: Stable, value: Value) -> Value:
    """The root of a sum of squares: 0 at 0 by choice, in float64 where the squares are."""
    if _shifted(re, value):
        out = re.b.convert(emit(re, "sqrt", _widened(re, value)), value.dtype)
        re.roots.add(out)
        return out
    x = squared(re, value)
    if x is not None:
        size = emit(re, "abs", x)
        re.roots.add(size)
        return size
    wide = _widened(re, value) if value.dtype == DTYPES["f32"] else value
    nil = re.full(0, wide)
    none = emit(re, "eq", wide, nil)
    r = emit(re, "sqrt", emit(re, "select", none, re.full(1, wide), wide))
    out = re.b.convert(emit(re, "select", none, nil, r), value.dtype)
    re.roots.add(out)
    return out


def norm(re: Stable, instr: Instr) -> Value | None:
    """``sqrt`` of a sum of squares, also with a positive number: everywhere."""
    (x,) = instr.operands
    return _root(re, x) if is_sum_of_squares(re, x) or _shifted(re, x) else None


def norm_at_zero(re: Stable, instr: Instr) -> Value | None:
    """``norm`` where it gives the same bits, in float64 and without ``abs``."""
    (x,) = instr.operands
    exact = x.dtype == DTYPES["f64"] and squared(re, x) is None
    return norm(re, instr) if exact else None


def power_of_norm(re: Stable, instr: Instr) -> Value | None:
    """``s ** p`` of a sum of squares ``-> norm ** (2 p)``: for literal p that are not whole
    and positive."""
    x, p = instr.operands
    number = re.literal(p)
    if number is None or not (is_sum_of_squares(re, x) or _shifted(re, x)):
        return None
    if number > 0 and float(number).is_integer():
        return None
    n = _root(re, x)
    if number == 0.5:
        return n
    if number == -0.5:
        return emit(re, "div", re.full(1, n), n)
    return emit(re, "pow", n, re.full(2 * float(number), n))


def log_of_norm(re: Stable, instr: Instr) -> Value | None:
    """``log`` of a sum of squares ``-> 2 log(norm)``: everywhere."""
    (x,) = instr.operands
    if not is_sum_of_squares(re, x):
        return None
    wide = x
    if squared(re, x) is None and x.dtype == DTYPES["f32"]:
        return re.b.convert(emit(re, "log", _widened(re, wide)), x.dtype)
    return times(re, 2.0, emit(re, "log", _root(re, x)))


def log_of_power(re: Stable, instr: Instr) -> Value | None:
    """``log(x ** p) -> p log(x)`` for literal p, with ``abs(x)`` where p is even; ``log(1 / x)``
    and logarithms of roots likewise."""
    (value,) = instr.operands
    root, quotient = re.made(value, "sqrt"), re.made(value, "div")
    if root is not None:
        return times(re, 0.5, applied(re, "log", root.operands[0]))
    if quotient is not None and re.literal(quotient.operands[0]) == 1:
        return emit(re, "neg", applied(re, "log", quotient.operands[1]))
    p, x = _power(re, value)
    if x is None:
        return None
    even = p % 2 == 0
    return times(re, p, applied(re, "log", emit(re, "abs", x) if even else x))


def _power(re: Stable, value: Value) -> tuple[float, Value | None]:
    """``p, x`` where a value is ``x ** p``, also as a product of two or three."""
    power, product = re.made(value, "pow"), re.made(value, "mul")
    if power is not None:
        number = re.literal(power.operands[1])
        usable = number is not None and number != 0
        return (float(number), power.operands[0]) if usable else (0.0, None)
    if product is not None:
        a, b = product.operands
        for x, rest in ((a, b), (b, a)):
            inner = squared(re, rest)
            if inner is x:
                return 3.0, x
    return 0.0, None


def log_of_abs(re: Stable, instr: Instr) -> Value | None:
    """``log(abs(sinh(x))) -> log(sinh(abs(x)))``: everywhere."""
    made = re.made(instr.operands[0], "abs")
    inner = None if made is None else re.made(made.operands[0], "sinh")
    if inner is None:
        return None
    return applied(re, "log", emit(re, "sinh", emit(re, "abs", inner.operands[0])))


def unit(re: Stable, instr: Instr) -> Value | None:
    """``x * (1 / norm) -> x / norm``: the derivative of the reciprocal is below what is left."""
    for x, other in (instr.operands, instr.operands[::-1]):
        made = re.made(through_layout(re, other), "div")
        if made is None or re.literal(made.operands[0]) != 1 or made.operands[1] not in re.roots:
            continue
        below = made.operands[1]
        if other is not made.result:
            spread = re.made(other, "broadcast")
            if spread is None or spread.operands[0] is not made.result:
                continue
            below = emit(re, "broadcast", below, *spread.operands[1:], **spread.attrs)
        return emit(re, "div", x, below)
    return None


NORM_RULES: dict[str, tuple[Rule, ...]] = {
    "sqrt": (norm,),
    "pow": (power_of_norm,),
    "mul": (unit,),
    "log": (log_of_norm, log_of_power, log_of_abs),
}
#: Rules that keep every bit of the value: derivatives of a value as it is take them too.
EXACT_RULES: dict[str, tuple[Rule, ...]] = {"sqrt": (norm_at_zero,)}
