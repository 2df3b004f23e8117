"""Algebra: named, directional rules that are exact in IEEE and in two's complement arithmetic.

``x + 0.0`` and ``x * 0`` are not here: they change the sign of a zero, or hide a nan. ``pow`` by a
small whole number is what NumPy's own operator computes. A nan's sign and payload are not kept.
Each rule has an example on which a generated test fires it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.dtypes import finfo, is_exact, kind_of
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.passes.rebuild import Rebuild
from tracejit.records import dataclass

Apply = Callable[[Rebuild, Instr], Value | None]
Example = Callable[[Builder, Value], Value]


@dataclass(frozen=True)
class Rule:
    """``name`` reads as ``before -> after``; tried on instructions called ``on``.

    ``kinds`` are the dtype kinds of the first operand on which it holds.
    """

    name: str
    on: str
    kinds: str
    apply: Apply
    example: Example


def algebra(function: Function) -> Function:
    """Apply the rules once, operands before their uses, in regions too."""
    re = Rebuild(function)
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.regions:
            re.emit(instr, re.with_regions(now, tuple(algebra(r) for r in now.regions)))
            continue
        by = _apply(re, now)
        if by is not None and re.fits(instr.results[0], by):
            re.replace(instr.results[0], by)
        else:
            re.emit(instr, now)
    return re.finish()


def _apply(re: Rebuild, instr: Instr) -> Value | None:
    for rule in _BY_NAME.get(instr.name, ()):
        if kind_of(instr.operands[0].dtype) in rule.kinds:
            by = rule.apply(re, instr)
            if by is not None:
                return by
    return None


def _is(number: Any, want: float) -> bool:
    """Equal, and of the same sign when zero."""
    if number is None or isinstance(number, np.complexfloating) or number != want:
        return False
    return bool(np.signbit(np.float64(number)) == np.signbit(np.float64(want)))


def _right(want: float, make: Callable[[Rebuild, Value], Value]) -> Apply:
    """``x op want``: what ``make`` gives for x."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        x, y = instr.operands
        return make(re, x) if _is(re.literal(y), want) else None

    return apply


def _either(want: float, make: Callable[[Rebuild, Value], Value]) -> Apply:
    """``x op want`` and ``want op x``."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        x, y = instr.operands
        if _is(re.literal(y), want):
            return make(re, x)
        return make(re, y) if _is(re.literal(x), want) else None

    return apply


def _same(re: Rebuild, x: Value) -> Value:
    return x


def _op(name: str) -> Callable[[Rebuild, Value], Value]:
    def make(re: Rebuild, x: Value) -> Value:
        out: Value = re.b.op(name, x)
        return out

    return make


def _number(number: Any) -> Callable[[Rebuild, Value], Value]:
    return lambda re, x: re.full(number, x)


def _square(re: Rebuild, x: Value) -> Value:
    out: Value = re.b.op("mul", x, x)
    return out


def _reciprocal(re: Rebuild, x: Value) -> Value:
    out: Value = re.b.op("div", re.full(1, x), x)
    return out


def _undo(inner: str) -> Apply:
    """``op(inner(x)) -> x``."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        made = re.made(instr.operands[0], inner)
        return None if made is None else made.operands[0]

    return apply


def _again(name: str) -> Apply:
    """``op(op(x)) -> op(x)``."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        return instr.operands[0] if re.made(instr.operands[0], name) else None

    return apply


def _twice(make: Callable[[Rebuild, Instr], Value]) -> Apply:
    """``x op x``."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        return make(re, instr) if instr.operands[0] is instr.operands[1] else None

    return apply


def _through_neg(re: Rebuild, instr: Instr) -> Value | None:
    made = re.made(instr.operands[0], "neg")
    if made is None:
        return None
    out: Value = re.b.op(instr.name, made.operands[0])
    return out


def _other_sign(name: str) -> Apply:
    """``a op (-b) -> a name b``."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        made = re.made(instr.operands[1], "neg")
        if made is None:
            return None
        out: Value = re.b.op(name, instr.operands[0], made.operands[0])
        return out

    return apply


def _both_neg(re: Rebuild, instr: Instr) -> Value | None:
    a, b = (re.made(v, "neg") for v in instr.operands)
    if a is None or b is None:
        return None
    out: Value = re.b.op(instr.name, a.operands[0], b.operands[0])
    return out


def _by_power_of_two(re: Rebuild, instr: Instr) -> Value | None:
    x, y = instr.operands
    number = re.literal(y)
    if number is None or not np.isfinite(number) or abs(np.frexp(number)[0]) != 0.5:
        return None
    inverse = number.dtype.type(1) / number
    # A subnormal factor is exact too, but slow on some machines.
    if not np.isfinite(inverse) or abs(inverse) < finfo(number.dtype).tiny:
        return None
    out: Value = re.b.op("mul", x, re.full(inverse, y))
    return out


def _part(position: int) -> Apply:
    """``real(complex(a, b)) -> a`` and its like."""

    def apply(re: Rebuild, instr: Instr) -> Value | None:
        made = re.made(instr.operands[0], "complex")
        return None if made is None else made.operands[position]

    return apply


_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def _not_compared(re: Rebuild, instr: Instr) -> Value | None:
    made = re.made(instr.operands[0], *_OPPOSITE)
    if made is None:
        return None
    equality = re.made(made.result, "eq", "ne") is not None
    if not equality and not is_exact(made.operands[0].dtype):
        return None  # a nan is neither less nor greater or equal
    out: Value = re.b.op(_OPPOSITE[made.name], *made.operands)
    return out


def _x(name: str, number: Any) -> Example:
    return lambda b, x: b.op(name, x, b.lit(number, x))


def _xx(name: str) -> Example:
    return lambda b, x: b.op(name, x, x)


def _nested(outer: str, inner: str) -> Example:
    return lambda b, x: b.op(outer, b.op(inner, x))


def _first(re: Rebuild, instr: Instr) -> Value:
    return instr.operands[0]


def _known(answer: Any) -> Callable[[Rebuild, Instr], Value]:
    return lambda re, instr: re.full(answer, instr.results[0])


def _alike(re: Rebuild, instr: Instr) -> Value | None:
    _, x, y = instr.operands
    return x if x is y else None


_COMPARED = {"eq": True, "ne": False, "lt": False, "le": True, "gt": False, "ge": True}

RULES: tuple[Rule, ...] = (
    Rule("x * 1 -> x", "mul", "iuf", _either(1, _same), _x("mul", 1)),
    Rule("x * -1 -> -x", "mul", "if", _either(-1, _op("neg")), _x("mul", -1)),
    Rule("x / 1 -> x", "div", "f", _right(1, _same), _x("div", 1)),
    Rule("x / -1 -> -x", "div", "f", _right(-1, _op("neg")), _x("div", -1)),
    Rule("x / 2**k -> x * 2**-k", "div", "f", _by_power_of_two, _x("div", 8)),
    Rule("x - 0 -> x", "sub", "iuf", _right(0.0, _same), _x("sub", 0)),
    Rule("x + -0.0 -> x", "add", "f", _either(-0.0, _same), _x("add", -0.0)),
    Rule("i + 0 -> i", "add", "iu", _either(0, _same), _x("add", 0)),
    Rule("i * 0 -> 0", "mul", "iu", _either(0, _number(0)), _x("mul", 0)),
    Rule("i - i -> 0", "sub", "iu", _twice(_known(0)), _xx("sub")),
    Rule("i // 1 -> i", "floor_divide", "iu", _right(1, _same), _x("floor_divide", 1)),
    Rule("i % 1 -> 0", "remainder", "iu", _right(1, _number(0)), _x("remainder", 1)),
    Rule("-(-x) -> x", "neg", "iufc", _undo("neg"), _nested("neg", "neg")),
    Rule(
        "a + -b -> a - b",
        "add",
        "iufc",
        _other_sign("sub"),
        lambda b, x: b.op("add", x, b.op("neg", x)),
    ),
    Rule(
        "a - -b -> a + b",
        "sub",
        "iufc",
        _other_sign("add"),
        lambda b, x: b.op("sub", x, b.op("neg", x)),
    ),
    Rule(
        "-a * -b -> a * b",
        "mul",
        "iuf",
        _both_neg,
        lambda b, x: b.op("mul", b.op("neg", x), b.op("neg", x)),
    ),
    Rule(
        "-a / -b -> a / b",
        "div",
        "f",
        _both_neg,
        lambda b, x: b.op("div", b.op("neg", x), b.op("neg", x)),
    ),
    Rule("x ** 0 -> 1", "pow", "iuf", _right(0.0, _number(1)), _x("pow", 0)),
    Rule("x ** 1 -> x", "pow", "iuf", _right(1, _same), _x("pow", 1)),
    Rule("x ** 2 -> x * x", "pow", "iuf", _right(2, _square), _x("pow", 2)),
    Rule("x ** -1 -> 1 / x", "pow", "f", _right(-1, _reciprocal), _x("pow", -1)),
    Rule("abs(abs(x)) -> abs(x)", "abs", "iuf", _again("abs"), _nested("abs", "abs")),
    Rule("abs(-x) -> abs(x)", "abs", "ifc", _through_neg, _nested("abs", "neg")),
    Rule("floor(floor(x)) -> floor(x)", "floor", "f", _again("floor"), _nested("floor", "floor")),
    Rule("cos(-x) -> cos(x)", "cos", "f", _through_neg, _nested("cos", "neg")),
    Rule("conj(conj(x)) -> x", "conj", "fc", _undo("conj"), _nested("conj", "conj")),
    Rule(
        "real(complex(a, b)) -> a",
        "real",
        "c",
        _part(0),
        lambda b, x: b.op("real", b.op("complex", b.op("real", x), b.op("imag", x))),
    ),
    Rule(
        "imag(complex(a, b)) -> b",
        "imag",
        "c",
        _part(1),
        lambda b, x: b.op("imag", b.op("complex", b.op("real", x), b.op("imag", x))),
    ),
    Rule("p ? x : x -> x", "select", "b", _alike, lambda b, x: b.op("select", x, x, x)),
    Rule("minimum(x, x) -> x", "minimum", "biufc", _twice(_first), _xx("minimum")),
    Rule("maximum(x, x) -> x", "maximum", "biufc", _twice(_first), _xx("maximum")),
    Rule("x & x -> x", "bitwise_and", "biu", _twice(_first), _xx("bitwise_and")),
    Rule("x | x -> x", "bitwise_or", "biu", _twice(_first), _xx("bitwise_or")),
    Rule("x ^ x -> 0", "bitwise_xor", "biu", _twice(_known(0)), _xx("bitwise_xor")),
    Rule("p & true -> p", "bitwise_and", "b", _either(1, _same), _x("bitwise_and", True)),
    Rule(
        "p & false -> false",
        "bitwise_and",
        "b",
        _either(0, _number(False)),
        _x("bitwise_and", False),
    ),
    Rule("p | false -> p", "bitwise_or", "b", _either(0, _same), _x("bitwise_or", False)),
    Rule("p | true -> true", "bitwise_or", "b", _either(1, _number(True)), _x("bitwise_or", True)),
    Rule("~~x -> x", "invert", "biu", _undo("invert"), _nested("invert", "invert")),
    Rule(
        "~(a < b) -> a >= b",
        "invert",
        "b",
        _not_compared,
        lambda b, x: b.op("invert", b.op("lt", x, b.lit(1, x))),
    ),
    *(
        Rule(f"i {name} i -> {answer}", name, "biu", _twice(_known(answer)), _xx(name))
        for name, answer in _COMPARED.items()
    ),
)

_BY_NAME: dict[str, list[Rule]] = {}
for _rule in RULES:
    _BY_NAME.setdefault(_rule.on, []).append(_rule)
