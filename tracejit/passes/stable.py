"""What the stabilising rules share: a body under construction, and how a value was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracejit.dtypes import is_wide_float
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim
from tracejit.passes.rebuild import Rebuild

#: Whether an extent is known not to be zero.
Some = Callable[[Dim], bool]


class Stable(Rebuild):
    """A body under construction that knows which extents are not zero.

    ``rules``: by the name of an instruction, what may replace it. ``scales``: what ``scaled.py``
    found out about values of the new body. ``roots``: roots of sums of squares.
    """

    def __init__(self, function: Function, some: Some, rules: Rules) -> None:
        super().__init__(function)
        self.some, self.rules = some, rules
        self.scales: dict[Value, Any] = {}
        self.roots: set[Value] = set()

    def rewritten(self, instr: Instr) -> Value | None:
        """What the first rule that applies makes of an instruction."""
        if not instr.prim.elementwise or not is_wide_float(instr.results[0].dtype):
            return None
        for rule in self.rules.get(instr.name, ()):
            by = rule(self, instr)
            if by is not None:
                return by
        return None


Rule = Callable[[Stable, Instr], "Value | None"]
Rules = Mapping[str, tuple[Rule, ...]]


def applied(re: Stable, name: str, *operands: Value) -> Value:
    """An instruction by the rules for it, or as it is."""
    by = re.rewritten(Builder().append(name, operands, {}))
    return emit(re, name, *operands) if by is None else by


def emit(re: Stable, name: str, *operands: Value, **attrs: Any) -> Value:
    """Append an instruction with one result."""
    out: Value = re.b.op(name, *operands, **attrs)
    return out


def one_plus(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``1 + x``."""
    made = re.made(value, "add")
    if made is None:
        return None
    a, b = made.operands
    if re.literal(a) == 1:
        return b
    return a if re.literal(b) == 1 else None


def one_minus(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``1 - x``."""
    made = re.made(value, "sub")
    if made is None or re.literal(made.operands[0]) != 1:
        return None
    return made.operands[1]


def exp_of(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``exp(x)``."""
    made = re.made(value, "exp")
    return None if made is None else made.operands[0]


def negated(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``-x``."""
    made = re.made(value, "neg")
    if made is not None:
        return made.operands[0]
    made = re.made(value, "mul")
    if made is None:
        return None
    a, b = made.operands
    if re.literal(a) == -1:
        return b
    return a if re.literal(b) == -1 else None


def minus(re: Stable, value: Value) -> Value:
    """``-value``, the operand itself where that is a negation."""
    inner = negated(re, value)
    return emit(re, "neg", value) if inner is None else inner


def times(re: Stable, number: float, value: Value) -> Value:
    """A multiple of a value."""
    return emit(re, "mul", re.full(number, value), value)


def without_units(re: Stable, value: Value) -> Value:
    """A value looked at through what only adds axes of extent one to it (``keepdims``)."""
    while made := re.made(value, "broadcast", "reshape"):
        inner = made.operands[0]
        if [d for d in inner.shape if d != 1] != [d for d in value.shape if d != 1]:
            break
        value = inner
    return value


def through_layout(re: Stable, value: Value) -> Value:
    """A value looked at through what repeats or rearranges it."""
    while made := re.made(value, "broadcast", "reshape", "transpose"):
        value = made.operands[0]
    return value
