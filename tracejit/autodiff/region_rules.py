"""What the transforms do with an instruction that holds regions: one row for each such primitive.

``control.py`` has the rows. A transform asks here and knows no loop, branch or call by name, so
another region op is another row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tracejit.ir.core import Instr, Value
from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.autodiff.batching import Batcher
    from tracejit.autodiff.forward import Forward
    from tracejit.autodiff.linearize import Linearizer

Mapping = dict[Value, Value]
Flow = Callable[[Instr, Sequence[bool]], list[bool]]


@dataclass(frozen=True, kw_only=True)
class RegionRules:
    """The columns. ``mapping`` takes what the results are; flags are of operands, or of results.

    ``active``: which results may have a tangent where the flagged operands do (never too few).
    ``linear``: which results depend on the flagged operands, in which all is linear; else
    NotLinearError. ``spread``: which results differ between examples where the operands do.
    ``batch(batcher, instr, operands, flags)``: the results for all examples; None where they have
    to be gone through one after another. ``forward(forward, instr, operands, mapping)``: the primal
    and its tangents. ``linearize(linearizer, instr, mapping)``: the primal and its linear steps.
    """

    active: Flow
    linear: Flow
    spread: Flow
    batch: Callable[[Batcher, Instr, list[Value], list[bool]], Sequence[Value] | None]
    forward: Callable[[Forward, Instr, list[Value], Mapping], None]
    linearize: Callable[[Linearizer, Instr, Mapping], None]


REGION_RULES: dict[str, RegionRules] = {}


def rules_of(instr: Instr) -> RegionRules | None:
    """The row of an instruction with regions; None for all others."""
    return REGION_RULES.get(instr.name) if instr.regions else None
