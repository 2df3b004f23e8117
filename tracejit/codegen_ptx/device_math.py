"""``jit(math="device")``: elementary functions of float32 by approximate instructions of the GPU.

What PTX states of these instructions (ISA 9.1, 9.7.3) and what the functions are off by is in
`docs/accuracy.md`. They are chosen so that no function is far worse than its instruction:

- arguments of `sin` and `cos` are reduced to [-pi, pi] before, where the instruction is good, and
  large ones take the way that is exact to rounding; exponents are carried in two floats;
- `tanh.approx`, which has 11 bits, is not used; nor is anything for powers, whose error would grow
  with the exponent, or where the point of a function is what is near 0 (`expm1`, `log1p`, `sinh`);
- other functions keep their formula, and multiply by an approximate reciprocal where it divides.

Division and square roots of the program itself are operations of IEEE 754, and stay that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tracejit.dtypes import computed_in, is_float
from tracejit.ir.core import Instr
from tracejit.ir.scalar.elementary.num import SINGLE, Num, fma, poly, rarely, where
from tracejit.ir.scalar.emit import F32
from tracejit.llvm_text.lower_function import FunctionText, Rule

if TYPE_CHECKING:
    from tracejit.codegen_ptx.emit import PTXEmitter

_LN2 = SINGLE.table("LN2")[0]
_LOG10_2 = SINGLE.table("LOG10_2")[0]
_INV_LN2 = SINGLE.table("INV_LN2")
_PIO2 = SINGLE.table("PIO2")
#: Up to where arguments of `sin` and `cos` are reduced by turns in two floats.
_FEW_TURNS = 2.0**14


def _by(name: str, x: Num) -> Num:
    """An instruction of the device."""
    e: PTXEmitter = x.e  # type: ignore[assignment]
    return Num(e, e.approximate(name, x.v))


def _exp(x: Num) -> Num:
    """2**(x / ln 2): the quotient rounded, and what rounding took away as a factor near 1."""
    t = x * _INV_LN2[0]
    low = fma(x, _INV_LN2[1], fma(x, _INV_LN2[0], -t))
    factor = where(t.abs() < 256.0, fma(low, _LN2, 1.0), 1.0)  # infinite x has no rest
    return _by("ex2.approx", t) * factor


def _logistic(x: Num) -> Num:
    quotient: Num = 1.0 / (_exp(-x) + 1.0)  # `rcp.approx` has no subnormal results in LLVM
    return quotient


def _tanh(x: Num) -> Num:
    """An odd polynomial up to 0.55, 1 - 2 / (e**(2|x|) + 1) beyond."""
    a = x.abs()
    z = a * a
    near = fma(a * z, poly(z, SINGLE.table("TANH")), a)
    power = _by("ex2.approx.ftz", a * (2.0 * _INV_LN2[0]))
    far = fma(_by("rcp.approx.ftz", power + 1.0), -2.0, power.const(1.0))
    return where(a < 0.55, near, far).copysign(x)


def _turned(name: str, x: Num, exact: Callable[[], Num]) -> Num:
    """`sin` or `cos` of x minus whole turns; `exact` where there are many."""
    n = fma(x, SINGLE.table("INV_PIO2")[0] / 4.0, SINGLE.magic) - SINGLE.magic
    r = -fma(n, 4.0 * _PIO2[1], -fma(n, -4.0 * _PIO2[0], x))  # of which the sign of 0 comes out
    (found,) = rarely(x.abs() > _FEW_TURNS, [_by(f"{name}.approx", r)], lambda: [exact()])
    return found


#: Functions of x; the second argument is the function as it is without approximations.
_DIRECT: dict[str, Callable[[Num, Callable[[], Num]], Num]] = {
    "exp": lambda x, _: _exp(x),
    "exp2": lambda x, _: _by("ex2.approx", x),
    "log": lambda x, _: _by("lg2.approx", x) * _LN2,
    "log2": lambda x, _: _by("lg2.approx", x),
    "log10": lambda x, _: _by("lg2.approx", x) * _LOG10_2,
    "sin": partial(_turned, "sin"),
    "cos": partial(_turned, "cos"),
    "tanh": lambda x, _: _tanh(x),
    "logistic": lambda x, _: _logistic(x),
}
#: Functions with a quotient inside, by a divisor that is neither subnormal nor above 2**126.
_WITH_QUOTIENTS = (*("tan", "arctan", "arctan2", "arctanh", "cbrt", "hypot"),)


def _is_single(f: FunctionText, instr: Instr) -> bool:
    """Whether it is computed in float32: of complex numbers nothing is approximated."""
    dtypes = [v.dtype for v in (*instr.operands, *instr.results)]
    return all(is_float(d) and computed_in(d) == F32 for d in dtypes)


def _direct(f: FunctionText, instr: Instr) -> None:
    if not _is_single(f, instr):
        f.scalar_instr(instr)
        return
    (operand,) = instr.operands
    given = Num(f.e, f.scalar(operand))
    x = given.computed()
    lower = instr.prim.lower
    assert lower is not None
    found = _DIRECT[instr.name](x, lambda: Num(f.e, lower(f.e, x.v)))
    f.env[instr.result] = found.to_float(given.dtype).v


def _with_quotients(f: FunctionText, instr: Instr) -> None:
    if not _is_single(f, instr):
        f.scalar_instr(instr)
        return
    e: PTXEmitter = f.e  # type: ignore[assignment]
    with e.approximate_quotients():
        f.scalar_instr(instr)


APPROXIMATE: dict[str, Rule] = {
    **dict.fromkeys(_DIRECT, _direct),
    **dict.fromkeys(_WITH_QUOTIENTS, _with_quotients),
}
