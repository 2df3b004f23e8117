"""Plans of draws from a distribution whose parameters are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.abi import generators
from tracejit.codegen_llvm.distributions import CONDITIONS, Distribution, Param, distribution_of
from tracejit.codegen_llvm.draws import (
    Draw,
    Drawing,
    DrawPlan,
    as_number,
    declare_c,
    each,
    filled,
    is_number,
    numpy_function,
)
from tracejit.codegen_llvm.legacy_draws_text import legacy_text
from tracejit.ir.scalar.emit import F64, I64
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer

_NEXT_DOUBLE = "random_standard_uniform"


def distribution_plan(draw: Draw) -> DrawPlan | None:
    """A method of the tables in `distributions`."""
    method = draw.of.method
    given = {k: v for k, v in draw.given.items() if k not in ("dtype", "method")}
    if not np.dtype(draw.given.get("dtype", np.float64)).isnative:
        return None
    assert draw.of.of is not None
    row = distribution_of(draw.of.of, method, draw.result.dtype.str[1:], dict(draw.of.options))
    if row is None or row.result != draw.result.dtype.str[1:]:
        return None
    if not set(given) <= {p.name for p in row.params} or not _callable(row):
        return None
    for p in row.params:
        if not is_number(given.get(p.name, p.default), p.dtype):
            return None
    return DrawPlan(
        lambda f, d, conditions: _distribution(f, d, row, given, conditions), row.legacy
    )


def _callable(row: Distribution) -> bool:
    if not row.legacy:
        return generators.distribution(row.function) is not None
    if generators.gauss_offset() is None:
        return False
    return all(generators.legacy_function(n) is not None for n in legacy_text(row.function)[1])


def _function(f: FunctionText, row: Distribution, types: Sequence[str]) -> str:
    """The symbol of a row's function, declared or defined in the module."""
    if row.legacy:
        texts, library = legacy_text(row.function)
        for name in sorted(library):
            declare_c(f, name)
        f.module.declare("declare double @llvm.sqrt.f64(double)")
        for symbol, text in texts:
            f.module.once(symbol, text)
        return f"@legacy_{row.function}"
    if row.fills and len(types) > 1:
        return numpy_function(f, row.function, "void", types)
    return numpy_function(f, row.one or row.function, llvm_type(np.dtype(row.result)), types)


def _allows(f: FunctionText, param: Param, x: Reg) -> list[Reg]:
    value = (
        f.e.int_to_float(x, F64) if np.issubdtype(x.dtype, np.integer) else f.e.float_cast(x, F64)
    )
    found = []
    for test, bound in CONDITIONS[param.allowed]:
        if test == "sign":
            found.append(f.e.icmp("ge", f.e.bitcast(value, I64), f.const(0)))
        else:
            found.append(f.e.fcmp(test, value, f.e.const(bound, F64)))
    return found


def _distribution(
    f: FunctionText,
    draw: Draw,
    row: Distribution,
    given: Mapping[str, Any],
    conditions: list[Reg],
) -> Drawing:
    numbers = [as_number(f, given.get(p.name, p.default), p.dtype) for p in row.params]
    for p, x in zip(row.params, numbers, strict=True):
        conditions += _allows(f, p, x)
    arguments = [*map(str, _together(f, row.extra, numbers, conditions))]
    types = ["ptr", *(a.split(" ")[0] for a in arguments)]
    dtype = np.dtype(row.result)
    if row.fills and (draw.sized or not row.one):
        symbol = _function(f, row, ["ptr", "i64", "ptr"])
        return lambda f, interface: filled(f, draw, symbol, interface, dtype)
    if row.one == _NEXT_DOUBLE:
        return lambda f, interface: _next_double(f, interface)
    symbol, kind = _function(f, row, types), llvm_type(dtype)

    def one(f: FunctionText, interface: Pointer) -> Reg:
        return f.e.op(dtype, f"call {kind} {symbol}({', '.join([str(interface), *arguments])})")

    return lambda f, interface: each(f, draw, lambda: one(f, interface))


def _next_double(f: FunctionText, interface: Pointer) -> Reg:
    """What `random_standard_uniform` calls, without the call around it."""
    state, draw = f.e.fresh(), f.e.fresh()
    f.e.line(f"{state} = load ptr, {f.at(interface, generators.STATE)}")
    f.e.line(f"{draw} = load ptr, {f.at(interface, generators.NEXT_DOUBLE)}")
    return f.e.op(F64, f"call double {draw}(ptr {state})")


def _together(
    f: FunctionText, extra: str, numbers: list[Reg], conditions: list[Reg]
) -> Sequence[Reg | Pointer]:
    """What a row says about all parameters, and its arguments."""
    e = f.e
    if extra == "range":
        low, high = numbers
        wide = e.fsub(high, low)
        conditions.append(e.icmp("ge", e.bitcast(wide, I64), f.const(0)))
        conditions.append(e.fcmp("olt", wide, e.const(np.inf, F64)))
        return [low, wide]
    if extra == "ascending":
        left, mode, right = numbers
        conditions += [e.fcmp("ole", left, mode), e.fcmp("ole", mode, right)]
        conditions.append(e.fcmp("olt", left, right))
    if extra == "enough":
        good, bad, sample = numbers
        conditions.append(e.icmp("ge", f.add(good, bad), sample))
    if extra == "kept":  # what the function remembers of its last parameters: `binomial_t`
        return [*numbers, _binomials(f)]
    return numbers


def _binomials(f: FunctionText) -> Pointer:
    def new() -> Pointer:
        kept = f.stack("[32 x i64]")
        f.entry.append(f"  store [32 x i64] zeroinitializer, {kept}")
        return kept

    return f.kept("binomial_t", new)
