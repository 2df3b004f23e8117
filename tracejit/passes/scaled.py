"""Values as ``c * exp(e)``: how logarithms, quotients and roots of exponentials stay in range.

``scaled`` looks at how a value was made, through products, quotients, sums, contractions, choices,
layout, loops and branches, and emits ``e`` and ``c`` beside it. Where exponentials are added, ``e``
becomes a whole number near the largest exponent and ``c`` the sum of what is left:
``log(sum(w * exp(x)))`` is ``m + log(sum(w * exp(x - m)))`` for any m. The number has no derivative
and is 0 where nothing overflows, so ordinary points are computed as they were written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from tracejit.dtypes import is_bool, is_wide_float
from tracejit.ir.core import Instr, Value
from tracejit.ir.types import TensorType
from tracejit.passes.stable import Stable, emit, minus, through_layout, times
from tracejit.records import dataclass

#: An exponential of a sum is kept between ``exp(LOW)`` and ``exp(HIGH)``.
LOW, HIGH = -10.0, 10.0
#: Stands for the exponent of zero: finite, so that the difference of two is a number.
NEVER = -1e30
#: How far back a value is looked at.
DEPTH = 64


@dataclass(frozen=True)
class Scaled:
    """``coefficient * exp(exponent)``; no coefficient is one.

    ``flat``: the exponent is a shift, or some of them, and the coefficient is in range.
    """

    exponent: Value
    coefficient: Value | None = None
    flat: bool = False


def scaled(re: Stable, value: Value, depth: int = DEPTH) -> Scaled | None:
    """``value`` as a coefficient and an exponent; None where no exponential is in it."""
    if value in re.scales:
        found: Scaled | None = re.scales[value]
        return found
    made = re.instr_of(value)
    out = None
    if made is not None and depth and is_real(value):
        rule = RULES.get("region" if made.regions else made.name)
        out = None if rule is None else rule(re, made, value, depth - 1)
    re.scales[value] = out
    return out


def is_real(value: Value) -> bool:
    """Whether a value is of real floating numbers."""
    return isinstance(value.type, TensorType) and is_wide_float(value.dtype)


def whole(re: Stable, found: Scaled) -> Value:
    """The value itself again."""
    e = emit(re, "exp", found.exponent)
    out = e if found.coefficient is None else emit(re, "mul", found.coefficient, e)
    re.scales[out] = found
    return out


def shift(re: Stable, top: Value) -> Value:
    """A whole number m without a derivative: ``exp(top - m)`` is in range, 0 where that is."""
    f = emit(re, "floor", top)
    kept = emit(re, "minimum", emit(re, "maximum", f, re.full(LOW, f)), re.full(HIGH, f))
    m = emit(re, "sub", f, kept)
    return emit(re, "select", emit(re, "isfinite", m), m, re.full(0, m))


def _is_shift(re: Stable, value: Value, depth: int = 4) -> bool:
    """Whether a value is a ``shift``, or made of some."""
    value = through_layout(re, value)
    chosen, made = re.made(value, "select"), re.made(value, "maximum", "add", "sub", "neg")
    if not depth or (chosen is None and made is None):
        return False
    if chosen is not None:
        return re.made(chosen.operands[0], "isfinite") is not None
    return made is not None and any(_is_shift(re, v, depth - 1) for v in made.operands)


def _is_shifted(re: Stable, exponent: Value) -> bool:
    """Whether a shift is in an exponent: nothing more is to be done."""
    made = re.made(exponent, "sub")
    return _is_shift(re, exponent) or (made is not None and _is_shift(re, made.operands[1]))


def below_maximum(re: Stable, exponent: Value) -> bool:
    """Whether an exponent is ``x - max(x)``, as programs write it themselves."""
    made = re.made(exponent, "sub")
    if made is None:
        return False
    top = re.made(through_layout(re, made.operands[1]), "reduce_max")
    return top is not None and top.operands[0] is made.operands[0]


def _mul(re: Stable, a: Value | None, b: Value | None) -> Value | None:
    if a is None or b is None:
        return b if a is None else a
    return emit(re, "mul", a, b)


def _exp(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    (x,) = instr.operands
    return None if _is_shifted(re, x) else Scaled(x)


def _exp2(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    return Scaled(times(re, math.log(2), instr.operands[0]))


def _neg(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    found = scaled(re, instr.operands[0], depth)
    if found is None:
        return None
    c = re.full(1, value) if found.coefficient is None else found.coefficient
    return Scaled(found.exponent, emit(re, "neg", c), found.flat)


def _product(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    for factor, mask in (instr.operands, instr.operands[::-1]):
        chosen = re.made(mask, "convert")
        if chosen is not None and is_bool(chosen.operands[0].dtype):
            return _choice(re, chosen.operands[0], factor, None, depth)
    x, y = instr.operands
    a, b = scaled(re, x, depth), scaled(re, y, depth)
    if a is not None and b is not None:
        e = emit(re, "add", a.exponent, b.exponent)
        return Scaled(e, _mul(re, a.coefficient, b.coefficient), a.flat and b.flat)
    if a is not None:
        return Scaled(a.exponent, _mul(re, y, a.coefficient), a.flat)
    return None if b is None else Scaled(b.exponent, _mul(re, x, b.coefficient), b.flat)


def quotient(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """``a / b`` with an exponential in either."""
    x, y = instr.operands
    a, b = scaled(re, x, depth), scaled(re, y, depth)
    if b is None:
        if a is None:
            return None
        top = re.full(1, value) if a.coefficient is None else a.coefficient
        return Scaled(a.exponent, emit(re, "div", top, y), a.flat)
    above = x if a is None else a.coefficient
    e = minus(re, b.exponent) if a is None else emit(re, "sub", a.exponent, b.exponent)
    if b.coefficient is None:
        return Scaled(e, above)
    flat = b.flat and (a is None or a.flat)
    above = re.full(1, value) if above is None else above
    return Scaled(e, emit(re, "div", above, b.coefficient), flat)


def power(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """``a ** p`` of a scaled ``a``."""
    x, p = instr.operands
    found = scaled(re, x, depth)
    if found is None:
        return None
    c = found.coefficient
    e = emit(re, "mul", p, found.exponent)
    return Scaled(e, None if c is None else emit(re, "pow", c, p))


def root(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """``sqrt(a)`` of a scaled ``a``."""
    found = scaled(re, instr.operands[0], depth)
    if found is None:
        return None
    c = found.coefficient
    return Scaled(times(re, 0.5, found.exponent), None if c is None else emit(re, "sqrt", c))


@dataclass(frozen=True)
class _Term:
    value: Value
    positive: bool


def _terms(re: Stable, value: Value, positive: bool, depth: int) -> list[_Term]:
    """The terms of a sum of sums; a literal zero is none."""
    made = re.made(value, "add", "sub")
    if made is None or depth == 0:
        return [] if re.literal(value) == 0 else [_Term(value, positive)]
    a, b = made.operands
    other = positive == (made.name == "add")
    return _terms(re, a, positive, depth - 1) + _terms(re, b, other, depth - 1)


def _sum(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    terms = _terms(re, value, True, depth)
    found = [scaled(re, t.value, depth) for t in terms]
    if all(f is None for f in found):
        return None
    if len(terms) == 1 and terms[0].positive:
        return found[0]
    m: Value | None = None
    for f in found:
        own = re.full(0, value) if f is None else _own_shift(re, f)
        m = own if m is None else emit(re, "maximum", m, own)
    assert m is not None
    total: Value | None = None
    for t, f in zip(terms, found, strict=True):
        share = Scaled(minus(re, m), t.value) if f is None else f
        if f is not None:
            share = Scaled(emit(re, "sub", f.exponent, m), f.coefficient)
        one = whole(re, share)
        if total is None:
            total = one if t.positive else emit(re, "neg", one)
        else:
            total = emit(re, "add" if t.positive else "sub", total, one)
    return Scaled(m, total, True)


def _own_shift(re: Stable, found: Scaled) -> Value:
    return found.exponent if found.flat else shift(re, found.exponent)


def _shifted(re: Stable, found: Scaled, axes: Sequence[int]) -> tuple[Value, Value]:
    """A shift along ``axes``, and the values less it; ``axes`` are dropped from the shift."""
    e = found.exponent
    top = Scaled(emit(re, "reduce_max", e, axes=tuple(axes)), None, found.flat)
    m = _own_shift(re, top)
    kept = tuple(a for a in range(e.rank) if a not in axes)
    rest = emit(re, "sub", e, re.b.broadcast(m, e.shape, kept))
    return m, whole(re, Scaled(rest, found.coefficient))


def _reduce_sum(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    (x,), axes = instr.operands, instr.attrs["axes"]
    made = re.made(x, "exp")
    if made is not None and below_maximum(re, made.operands[0]):
        return None  # at least one term is 1
    if not axes or not all(re.some(x.shape[a]) for a in axes):  # there is no maximum of nothing
        return None
    found = scaled(re, x, depth)
    if found is None:
        return None
    m, rest = _shifted(re, found, axes)
    return Scaled(m, emit(re, "reduce_sum", rest, axes=axes), True)


def _dot(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    found = [scaled(re, v, depth) for v in instr.operands]
    if all(f is None for f in found):
        return None
    contract, batch = instr.attrs["contract"], instr.attrs["batch"]
    sides, total = list(instr.operands), None
    start = len(batch[0])
    for k, (x, f) in enumerate(zip(instr.operands, found, strict=True)):
        free = [a for a in range(x.rank) if a not in (*contract[k], *batch[k])]
        if f is not None:
            if not all(re.some(x.shape[a]) for a in contract[k]):
                return None
            m, sides[k] = _shifted(re, f, contract[k])
            axes = [a for a in range(x.rank) if a not in contract[k]]
            where = [batch[k].index(a) if a in batch[k] else start + free.index(a) for a in axes]
            if any(p >= q for p, q in pairwise(where)):
                return None
            spread = re.b.broadcast(m, value.shape, where)
            total = spread if total is None else emit(re, "add", total, spread)
        start += len(free)
    assert total is not None
    return Scaled(total, emit(re, "dot", *sides, **instr.attrs), True)


def _choice(
    re: Stable, chosen: Value, yes: Value | None, no: Value | None, depth: int
) -> Scaled | None:
    """``select(chosen, yes, no)``; None stands for zero."""
    found = [None if v is None else scaled(re, v, depth) for v in (yes, no)]
    if all(f is None for f in found):
        return None
    like = yes if yes is not None else no
    assert like is not None
    flat = all(f is None or f.flat for f in found)
    exponents, coefficients = [], []
    for v, f in zip((yes, no), found, strict=True):
        if f is not None:
            exponents.append(f.exponent)
            coefficients.append(re.full(1, like) if f.coefficient is None else f.coefficient)
        elif v is None:
            exponents.append(re.full(NEVER, like))
            coefficients.append(re.full(0, like))
        else:
            exponents.append(re.full(0, like))
            coefficients.append(v)
    e, c = (emit(re, "select", chosen, *pair) for pair in (exponents, coefficients))
    return Scaled(e, c, flat)


def _select(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    chosen, yes, no = instr.operands
    a, b = (None if re.literal(v) == 0 else v for v in (yes, no))
    return None if a is None and b is None else _choice(re, chosen, a, b, depth)


def _layout(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """What moves elements moves exponents and coefficients alike."""
    found = scaled(re, instr.operands[0], depth)
    if found is None:
        return None

    def moved(v: Value) -> Value:
        return emit(re, instr.name, v, *instr.operands[1:], **instr.attrs)

    c = found.coefficient
    return Scaled(moved(found.exponent), None if c is None else moved(c), found.flat)


def _hyperbolic(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """``exp(abs(x) - m) / 2`` where m is not 0, the function itself elsewhere."""
    (x,) = instr.operands
    size = emit(re, "abs", x)
    m = shift(re, size)
    far = times(re, 0.5, emit(re, "exp", emit(re, "sub", size, m)))
    if instr.name == "sinh":
        far = emit(re, "copysign", far, x)
    return Scaled(m, emit(re, "select", emit(re, "gt", m, re.full(0, m)), far, value), True)


def _expm1(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    (x,) = instr.operands
    m = shift(re, emit(re, "maximum", x, re.full(0, x)))
    far = emit(re, "exp", emit(re, "sub", x, m))
    return Scaled(m, emit(re, "select", emit(re, "gt", m, re.full(0, m)), far, value), True)


def _logistic(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """``exp(x - m)`` with x below any of which 1 + exp(x) is not 1."""
    (x,) = instr.operands
    m = shift(re, emit(re, "minimum", x, re.full(0, x)))
    far = emit(re, "exp", emit(re, "sub", x, m))
    return Scaled(m, emit(re, "select", emit(re, "lt", m, re.full(0, m)), far, value), True)


def _reduce_prod(re: Stable, instr: Instr, value: Value, depth: int) -> Scaled | None:
    """A product of many is the exponential of a sum of logarithms, with the sign beside it."""
    (x,), axes = instr.operands, instr.attrs["axes"]
    e = emit(re, "reduce_sum", emit(re, "log", emit(re, "abs", x)), axes=axes)
    return Scaled(e, emit(re, "reduce_prod", emit(re, "sign", x), axes=axes))


#: By name; those of instructions with regions are entered by ``scaled_regions``.
RULES: dict[str, Callable[[Stable, Instr, Value, int], Scaled | None]] = {
    "exp": _exp,
    "exp2": _exp2,
    "neg": _neg,
    "mul": _product,
    "div": quotient,
    "pow": power,
    "sqrt": root,
    "add": _sum,
    "sub": _sum,
    "reduce_sum": _reduce_sum,
    "reduce_prod": _reduce_prod,
    "dot": _dot,
    "select": _select,
    "cosh": _hyperbolic,
    "sinh": _hyperbolic,
    "expm1": _expm1,
    "logistic": _logistic,
    **dict.fromkeys(
        ("broadcast", "reshape", "transpose", "slice", "gather", "cast_shape", "convert"), _layout
    ),
}
