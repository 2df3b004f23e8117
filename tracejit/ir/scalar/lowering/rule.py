"""How lowerings are written down: tables of functions of an emitter, chosen by dtype kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.dtypes import computed_in, is_narrow, kind_of
from tracejit.ir.scalar.emit import ComplexPair, Emitter

Lower = Callable[..., Any]


def by_kind(**rules: Lower) -> Lower:
    """Dispatches on the kind of the last operand's dtype: `f c i u b`; `n` is for i and u."""
    if "n" in rules:
        rules = {**rules, "i": rules["n"], "u": rules["n"]}

    def lower(e: Emitter, *operands: Any, **attrs: Any) -> Any:
        kind = kind_of(operands[-1].dtype)
        if kind not in rules:
            raise TypeError(f"no scalar lowering for {operands[-1].dtype}")
        return rules[kind](e, *operands, **attrs)

    return lower


def rounded(rule: Lower) -> Lower:
    """Computes narrow floats in the format that their row names, and rounds what comes out.

    Bits are those of NumPy's loops, which do the same for each operation.
    """

    def lower(e: Emitter, *operands: Any, **attrs: Any) -> Any:
        narrow = next((v.dtype for v in operands if is_narrow(v.dtype)), None)
        if narrow is None:
            return rule(e, *operands, **attrs)
        wide = computed_in(narrow)
        out = rule(e, *(e.float_cast(v, wide) if v.dtype == narrow else v for v in operands))
        return e.float_cast(out, narrow) if out.dtype == wide else out

    return lower


def both_parts(rule: Lower) -> Lower:
    """Applies a real lowering to real and imaginary parts."""

    def lower(e: Emitter, *operands: Any) -> ComplexPair:
        return ComplexPair(rule(e, *(z.re for z in operands)), rule(e, *(z.im for z in operands)))

    return lower
