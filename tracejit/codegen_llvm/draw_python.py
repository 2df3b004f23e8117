"""Plans of draws of Python's `random`, whose methods are formulas over one generator of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.abi import generators
from tracejit.codegen_llvm.draws import Draw, Drawing, DrawPlan, as_number, declare_c, is_number
from tracejit.codegen_llvm.python_draws_text import DECLARATIONS, OBJECTS, python_draw_text
from tracejit.ir.core import Value
from tracejit.ir.scalar.emit import BOOL, F64, I64
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar

#: Beyond these, differences of integers need more than 64 bits, or are not exact as floats.
_WIDE, _EXACT = 2**62, 2**53
_GAUSS, _EXPOVARIATE = "gauss", "expovariate"


def python_plan(draw: Draw) -> DrawPlan | None:
    """A method of a `random.Random` that has nothing of its user's."""
    if draw.of.held is None or set(vars(draw.of.held)) - {"gauss_next"}:
        return None
    plan = _PLANS.get(draw.of.method)
    return None if plan is None else plan(draw)


def _known(name: str) -> bool:
    return all(generators.legacy_function(c) is not None for c in python_draw_text(name)[1])


def _symbol(f: FunctionText, name: str) -> str:
    texts, library = python_draw_text(name)
    for c in sorted(library):
        declare_c(f, c)
    for line in DECLARATIONS:
        f.module.declare(line)
    for known in OBJECTS:
        f.module.tables[f"@{known}"] = f"@{known} = external global i8"
    for symbol, text in texts:
        f.module.once(symbol, text)
    return f"@random_{name}"


# -- floats ------------------------------------------------------------------------------------


def _floats(
    name: str, params: Sequence[tuple[str, float | None]], exact: bool = False
) -> Callable[[Draw], DrawPlan | None]:
    """A formula of parameters that become floats; ``exact``: integers must do so exactly."""

    def plan(draw: Draw) -> DrawPlan | None:
        given = [draw.given.get(p, default) for p, default in params]
        if not all(is_number(x, "f8") for x in given) or not _known(name):
            return None
        return DrawPlan(lambda f, d, c: _formula(f, name, given, c, exact), retreats=name == _GAUSS)

    return plan


def _formula(
    f: FunctionText, name: str, given: Sequence[Any], conditions: list[Reg], exact: bool
) -> Drawing:
    numbers = [as_number(f, x, "f8") for x in given]
    for x in numbers if exact else ():
        size = f.e.fabs(x)
        conditions.append(f.e.fcmp("ole", size, f.e.const(float(_EXACT), F64)))
    if name == _EXPOVARIATE:
        conditions.append(f.e.fcmp("one", numbers[0], f.e.const(0.0, F64)))
    arguments = ", ".join(["", *map(str, numbers)])
    if name == _GAUSS:
        return lambda f, state: _gauss(f, state, arguments)
    symbol = _symbol(f, name)
    return lambda f, state: f.e.op(F64, f"call double {symbol}({state}{arguments})")


def _gauss(f: FunctionText, state: Pointer, arguments: str) -> tuple[Reg, Reg]:
    """The number, and whether it was drawn."""
    place, offset = f.stack("i64"), generators.python_state_offset()
    assert offset is not None
    source = f.at(state, -offset, bound="")
    text = f"call i1 {_symbol(f, 'gauss')}({state}, {source}{arguments}, {place})"
    drawn = f.e.op(BOOL, text)
    found = load_scalar(f, place, F64)
    assert isinstance(found, Reg)
    return found, drawn


# -- integers ----------------------------------------------------------------------------------


def _below(draw: Draw) -> DrawPlan | None:
    return _between(draw, 0, draw.given.get("n"), closed=False)


def _randint(draw: Draw) -> DrawPlan | None:
    return _between(draw, draw.given.get("a"), draw.given.get("b"), closed=True)


def _randrange(draw: Draw) -> DrawPlan | None:
    given = draw.given
    if type(given.get("step", 1)) is not int or given.get("step", 1) != 1:
        return None
    if given.get("stop") is None:
        return None if "step" in given else _between(draw, 0, given.get("start"), closed=False)
    return _between(draw, given.get("start"), given.get("stop"), closed=False)


def _between(draw: Draw, low: Any, high: Any, closed: bool) -> DrawPlan | None:
    if not is_number(low, "i8") or not is_number(high, "i8") or draw.sized:
        return None
    return DrawPlan(lambda f, d, c: _integer(f, low, high, closed, c))


def _integer(f: FunctionText, low: Any, high: Any, closed: bool, conditions: list[Reg]) -> Drawing:
    first, last = as_number(f, low, "i8"), as_number(f, high, "i8")
    for given, x in ((low, first), (high, last)):
        if isinstance(given, Value) or abs(given) >= _WIDE:
            conditions.append(f.e.icmp("lt", x, f.const(_WIDE)))
            conditions.append(f.e.icmp("gt", x, f.const(-_WIDE)))
    conditions.append(f.e.icmp("le" if closed else "lt", first, last))
    count = f.e.isub(last, first)
    if closed:
        count = f.e.iadd(count, f.const(1))
    symbol = _symbol(f, "below")

    def drawing(f: FunctionText, state: Pointer) -> Reg:
        return f.e.iadd(first, f.e.op(I64, f"call i64 {symbol}({state}, {count})"))

    return drawing


_PLANS: dict[str, Callable[[Draw], DrawPlan | None]] = {
    "random": _floats("random", ()),
    "uniform": _floats("uniform_between", (("a", None), ("b", None)), exact=True),
    "expovariate": _floats("expovariate", (("lambd", 1.0),)),
    "normalvariate": _floats("normalvariate", (("mu", 0.0), ("sigma", 1.0))),
    "gauss": _floats("gauss", (("mu", 0.0), ("sigma", 1.0))),
    "randint": _randint,
    "randrange": _randrange,
    "_randbelow": _below,
}
