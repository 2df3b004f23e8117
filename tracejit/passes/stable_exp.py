"""Stabilising rules for exponentials, their logarithms and quotients."""

from __future__ import annotations

import math

from tracejit.ir.core import Instr, Value
from tracejit.passes import scaled_regions  # noqa: F401  (enters its rule)
from tracejit.passes.scaled import power, quotient, root, scaled, whole
from tracejit.passes.stable import (
    Rule,
    Stable,
    emit,
    exp_of,
    minus,
    negated,
    one_minus,
    one_plus,
    times,
    without_units,
)

_LN2, _LN10 = math.log(2.0), math.log(10.0)


def exp_minus_one(re: Stable, instr: Instr) -> Value | None:
    """``exp(x) - 1 -> expm1(x)`` and ``1 - exp(x) -> -expm1(x)``: everywhere."""
    a, b = instr.operands
    x = exp_of(re, a)
    if x is not None and re.literal(b) == 1:
        return emit(re, "expm1", x)
    x = exp_of(re, b)
    if x is not None and re.literal(a) == 1:
        return emit(re, "neg", emit(re, "expm1", x))
    return None


def hyperbolic(re: Stable, instr: Instr) -> Value | None:
    """``exp(x) + exp(-x) -> 2 cosh(x)`` and ``exp(x) - exp(-x) -> 2 sinh(x)``: everywhere."""
    x, y = (exp_of(re, v) for v in instr.operands)
    if x is None or y is None or (negated(re, y) is not x and negated(re, x) is not y):
        return None
    inner = x if negated(re, y) is x or instr.name == "sub" else y
    return times(re, 2.0, emit(re, "cosh" if instr.name == "add" else "sinh", inner))


def tangent(re: Stable, instr: Instr) -> Value | None:
    """``sinh(x) / cosh(x) -> tanh(x)``: everywhere; multiples of both by one number too."""
    top, below = (_unscaled(re, v) for v in instr.operands)
    above, under = re.made(top[1], "sinh"), re.made(below[1], "cosh")
    if above is None or under is None or above.operands[0] is not under.operands[0]:
        return None
    y = emit(re, "tanh", above.operands[0])
    return y if top[0] == below[0] else times(re, top[0] / below[0], y)


def _unscaled(re: Stable, value: Value) -> tuple[float, Value]:
    """``c, x`` where ``value`` is ``c * x`` with a literal c that is not 0."""
    made = re.made(value, "mul", "div")
    if made is not None:
        a, b = made.operands
        for number, x in ((b, a), (a, b)):
            c = re.literal(number)
            if c is not None and c != 0 and (made.name == "mul" or number is b):
                inner, below = _unscaled(re, x)
                return (inner * float(c) if made.name == "mul" else inner / float(c)), below
    return 1.0, value


def _logistic_of(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``1 / (1 + exp(-x))``, as written before it was rewritten."""
    made = re.made(value, "logistic")
    return None if made is None else made.operands[0]


def logistic(re: Stable, instr: Instr) -> Value | None:
    """``1 / (1 + exp(-x))`` and ``exp(x) / (1 + exp(x)) -> logistic(x)``: everywhere."""
    above, below = instr.operands
    e = one_plus(re, below)
    x = None if e is None else exp_of(re, e)
    if e is None or x is None:
        return None
    if above is e:
        return emit(re, "logistic", x)
    y = emit(re, "logistic", minus(re, x))
    return y if re.literal(above) == 1 else emit(re, "mul", above, y)


def plain_logistic(re: Stable, instr: Instr) -> Value | None:
    """``1 / (1 + exp(-x)) -> logistic(x)``, which is computed just so."""
    return logistic(re, instr) if re.literal(instr.operands[0]) == 1 else None


def logistic_of_tanh(re: Stable, instr: Instr) -> Value | None:
    """``(1 + tanh(x)) / 2 -> logistic(2 x)`` and ``(1 - tanh(x)) / 2 -> logistic(-2 x)``."""
    a, b = instr.operands
    for number, x in ((b, a),) if instr.name == "div" else ((b, a), (a, b)):
        c = re.literal(number)
        one, sign = one_plus(re, x), 2.0
        if one is None:
            one, sign = one_minus(re, x), -2.0
        made = None if one is None else re.made(one, "tanh")
        if c is None or c == 0 or made is None:
            continue
        y = emit(re, "logistic", times(re, sign, made.operands[0]))
        factor = 2.0 / float(c) if instr.name == "div" else 2.0 * float(c)
        return y if factor == 1 else times(re, factor, y)
    return None


def rest_of_logistic(re: Stable, instr: Instr) -> Value | None:
    """``1 - logistic(x) -> logistic(-x)``: everywhere."""
    x = _logistic_of(re, instr.operands[1])
    if x is None or re.literal(instr.operands[0]) != 1:
        return None
    return emit(re, "logistic", minus(re, x))


def log_exp(re: Stable, instr: Instr) -> Value | None:
    """``log(exp(x)) -> x``: everywhere; the left side overflows where x does not."""
    return exp_of(re, instr.operands[0])


def _softplus(re: Stable, x: Value) -> Value:
    return emit(re, "logaddexp", re.full(0, x), x)


def log_one_plus(re: Stable, instr: Instr) -> Value | None:
    """``log(1 + x) -> log1p(x)`` and ``log(1 - x) -> log1p(-x)``: everywhere."""
    x = one_plus(re, instr.operands[0])
    if x is not None:
        return emit(re, "log1p", x)
    x = one_minus(re, instr.operands[0])
    return None if x is None else emit(re, "log1p", emit(re, "neg", x))


def log1p_exp(re: Stable, instr: Instr) -> Value | None:
    """``log1p(exp(x)) -> logaddexp(0, x)`` and ``log1p(-exp(x))``: everywhere."""
    x = exp_of(re, instr.operands[0])
    if x is not None:
        return _softplus(re, x)
    y = negated(re, instr.operands[0])
    x = None if y is None else exp_of(re, y)
    return None if x is None else _log1m_exp(re, x)


def log_one_plus_exp(re: Stable, instr: Instr) -> Value | None:
    """``log(1 + exp(x)) -> logaddexp(0, x)``: everywhere, x itself where exp overflows."""
    e = one_plus(re, instr.operands[0])
    x = None if e is None else exp_of(re, e)
    return None if x is None else _softplus(re, x)


def log_logistic(re: Stable, instr: Instr) -> Value | None:
    """``log(1 / (1 + exp(-x))) -> -logaddexp(0, -x)``: everywhere."""
    x = _logistic_of(re, instr.operands[0])
    return None if x is None else emit(re, "neg", _softplus(re, minus(re, x)))


def _log1m_exp(re: Stable, x: Value) -> Value:
    """``log(1 - exp(x))``: by expm1 near 0 and by log1p far out, as each keeps what matters."""
    near = emit(re, "log", emit(re, "neg", emit(re, "expm1", x)))
    far = emit(re, "log1p", emit(re, "neg", emit(re, "exp", x)))
    return emit(re, "select", emit(re, "gt", x, re.full(-_LN2, x)), near, far)


def log_of_expm1(re: Stable, instr: Instr) -> Value | None:
    """``log(-expm1(x))``, which is ``log(1 - exp(x))``, and ``log(expm1(x)) -> x + log(1 -
    exp(-x))``: everywhere."""
    (value,) = instr.operands
    inner = negated(re, value)
    made = re.made(value if inner is None else inner, "expm1")
    if made is None:
        return None
    (x,) = made.operands
    if inner is not None:
        return _log1m_exp(re, x)
    return emit(re, "add", x, _log1m_exp(re, minus(re, x)))


def log_of_difference(re: Stable, instr: Instr) -> Value | None:
    """``log(exp(a) - exp(b)) -> a + log(1 - exp(b - a))``: everywhere."""
    made = re.made(instr.operands[0], "sub")
    if made is None:
        return None
    a, b = (exp_of(re, v) for v in made.operands)
    if a is None or b is None:
        return None
    return emit(re, "add", a, _log1m_exp(re, emit(re, "sub", b, a)))


def log_tanh(re: Stable, instr: Instr) -> Value | None:
    """``log(tanh(x)) -> log(1 - exp(-2 x)) - log(1 + exp(-2 x))``: everywhere."""
    made = re.made(instr.operands[0], "tanh")
    if made is None:
        return None
    y = times(re, -2.0, made.operands[0])
    return emit(re, "sub", _log1m_exp(re, y), _softplus(re, y))


def log_cosh(re: Stable, instr: Instr) -> Value | None:
    """``log(cosh(x))``: ``log1p(2 sinh(x / 2)**2)`` near 0, ``abs(x) - log(2)`` and a rest far."""
    c, inner = _unscaled(re, instr.operands[0])
    made = re.made(inner, "cosh")
    if made is None or c <= 0:
        return None
    (x,) = made.operands
    s = emit(re, "sinh", times(re, 0.5, x))
    near = emit(re, "log1p", times(re, 2.0, emit(re, "mul", s, s)))
    size = emit(re, "abs", x)
    rest = _softplus(re, times(re, -2.0, size))
    far = emit(re, "add", emit(re, "sub", size, re.full(_LN2, x)), rest)
    out = emit(re, "select", emit(re, "lt", size, re.full(1.0, x)), near, far)
    return out if c == 1 else emit(re, "add", out, re.full(math.log(c), x))


def log_scaled(re: Stable, instr: Instr) -> Value | None:
    """``log(c * exp(e)) -> e + log(c)``: everywhere, with sums of exponentials in it too."""
    x = without_units(re, instr.operands[0])
    found = scaled(re, x)
    if found is None:
        return None
    out = found.exponent
    if found.coefficient is not None:
        out = emit(re, "add", out, emit(re, "log", found.coefficient))
    return re.b.reshape(out, instr.operands[0].shape)


def log1p_scaled(re: Stable, instr: Instr) -> Value | None:
    """``log1p(c * exp(e)) -> e + log(c)`` where the exponential overflows."""
    return _log1p_scaled(re, instr.operands[0])


def log_one_plus_scaled(re: Stable, instr: Instr) -> Value | None:
    """``log(1 + c * exp(e))`` likewise, and ``log1p`` elsewhere."""
    x = one_plus(re, instr.operands[0])
    return None if x is None else _log1p_scaled(re, x)


def _log1p_scaled(re: Stable, x: Value) -> Value | None:
    found = scaled(re, x)
    if found is None:
        return None
    e = found.exponent
    large = emit(re, "gt", e, re.full(50.0, e))
    far = e
    if found.coefficient is not None:
        far = emit(re, "add", e, emit(re, "log", found.coefficient))
    near = emit(re, "log1p", x)
    return emit(re, "select", large, far, near)


def other_base(re: Stable, instr: Instr) -> Value | None:
    """``log2`` and ``log10`` of what has a rule for ``log``."""
    for rule in re.rules["log"]:
        by = rule(re, instr)
        if by is not None:
            return times(re, 1 / (_LN2 if instr.name == "log2" else _LN10), by)
    return None


def odds(re: Stable, instr: Instr) -> Value | None:
    """``logistic(x) / logistic(-x) -> exp(x)``: everywhere."""
    x, y = (_logistic_of(re, v) for v in instr.operands)
    if x is None or y is None or (negated(re, y) is not x and negated(re, x) is not y):
        return None
    return emit(re, "exp", x)


def div_scaled(re: Stable, instr: Instr) -> Value | None:
    """``a / (c * exp(e)) -> a / c * exp(-e)``: softmax, ratios of sums of exponentials."""
    if scaled(re, instr.operands[1]) is None:
        return None
    found = quotient(re, instr, instr.results[0], 64)
    return None if found is None else whole(re, found)


def sqrt_scaled(re: Stable, instr: Instr) -> Value | None:
    """``sqrt(c * exp(e)) -> sqrt(c) * exp(e / 2)``: everywhere."""
    found = root(re, instr, instr.results[0], 64)
    return None if found is None else whole(re, found)


def pow_scaled(re: Stable, instr: Instr) -> Value | None:
    """``(c * exp(e)) ** p -> c ** p * exp(p e)``: everywhere."""
    found = power(re, instr, instr.results[0], 64)
    return None if found is None else whole(re, found)


EXP_RULES: dict[str, tuple[Rule, ...]] = {
    "log": (
        *(log_exp, log_one_plus_exp, log_logistic, log_of_expm1, log_of_difference),
        *(log_tanh, log_cosh, log_one_plus_scaled, log_scaled),
    ),
    "log1p": (log1p_exp, log1p_scaled),
    "add": (hyperbolic,),
    "sub": (exp_minus_one, rest_of_logistic, hyperbolic),
    "div": (logistic, logistic_of_tanh, tangent, odds, div_scaled),
    "mul": (logistic_of_tanh,),
    "sqrt": (sqrt_scaled,),
    "pow": (pow_scaled,),
}
#: Rules that keep every bit.
EXACT_EXP: dict[str, tuple[Rule, ...]] = {"div": (plain_logistic,)}
#: Tried when no other rule applies.
LAST_RULES: dict[str, tuple[Rule, ...]] = {"log": (log_one_plus,)}
