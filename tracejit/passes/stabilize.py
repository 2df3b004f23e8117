"""Stabilising rewrites: the same real function, computed without cancellation or overflow.

They change bits, so they run on what is differentiated and on derivatives, and on everything under
``jit(stabilize=True)``. Each rule says where it holds; all are for real floating values. Rules of
exponentials are in ``stable_exp.py``, of norms in ``stable_norms.py``, of quotients that are 0 / 0
in ``stable_series.py``.
"""

from __future__ import annotations

from collections.abc import Collection

from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.passes.stable import Rule, Rules, Some, Stable
from tracejit.passes.stable_exp import EXACT_EXP, EXP_RULES, LAST_RULES, other_base
from tracejit.passes.stable_norms import EXACT_RULES, NORM_RULES
from tracejit.passes.stable_series import SERIES_RULES


def _joined(*tables: Rules) -> dict[str, tuple[Rule, ...]]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: sum((t.get(name, ()) for t in tables), ()) for name in names}


#: By the name of the instruction that is rewritten; the first rule that applies does.
RULES: Rules = {
    **_joined(SERIES_RULES, EXP_RULES, NORM_RULES, LAST_RULES),
    "log2": (other_base,),
    "log10": (other_base,),
}
#: Those that keep every bit of a value.
EXACT: Rules = _joined(EXACT_RULES, EXACT_EXP)


def is_positive(dim: Dim) -> bool:
    """Whether an extent is a number that is not zero."""
    return isinstance(dim, int) and dim > 0


def stabilize(
    function: Function,
    only: Collection[Value] | None = None,
    some: Some = is_positive,
    rules: Rules = RULES,
) -> Function:
    """Rewrite the instructions that make a value in ``only`` (None: all), in regions too.

    ``some``: whether an extent is known not to be zero. The same function where no rule applies.
    """
    re = Stable(function, some, rules)
    changed = False
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.regions:
            regions = tuple(stabilize(r, only, rules=rules) for r in now.regions)
            changed |= any(a is not b for a, b in zip(regions, now.regions, strict=True))
            re.emit(instr, re.with_regions(now, regions))
            continue
        by = None
        if only is None or (instr.results and instr.results[0] in only):
            by = re.rewritten(now)
        if by is not None and re.fits(instr.results[0], by):
            re.replace(instr.results[0], by)
            changed = True
        else:
            re.emit(instr, now)
    return re.finish() if changed else function
