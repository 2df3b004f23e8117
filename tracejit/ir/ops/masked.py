"""Program-level rows that visit the positions where a mask holds.

What the body or element does must not change what the mask reads: masks may be evaluated ahead.
"""

from __future__ import annotations

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Primitive, row
from tracejit.ir.ops.control import check_params, check_yield
from tracejit.ir.ops.rules import Attrs, Operands, Regions, indices, require
from tracejit.ir.traits import Passing, Trait
from tracejit.ir.types import BOOL, Type


def _for_true(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (mask, body), carried = regions, attrs["carried"]
    indices(operands[:1])
    check_params(mask, (operands[0], *operands[1 + carried :]), "mask")
    require([r.type for r in mask.results] == [BOOL], "a mask yields one bool")
    check_params(body, operands, "for_true body")
    check_yield(body, 1, carried, "for_true body")
    return tuple(v.type for v in operands[1 : 1 + carried])


def _sum_true(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    mask, element = regions
    indices(operands[:2])
    for region, what in ((mask, "mask"), (element, "summed element")):
        check_params(region, operands[1:], what)
    require([r.type for r in mask.results] == [BOOL], "a mask yields one bool")
    (result,) = element.results
    require(result.rank == 0 and is_inexact(result.dtype), "only inexact scalars are summed")
    return (result.type,)


row(
    Primitive(
        "for_true",
        "memory",
        _for_true,
        effect="ordered",
        differentiable=False,
        traits=frozenset([Trait.REPEATS_REGION]),
        passing=Passing(lead=1, counted=True),
        doc="for_true(n, *inits, *consts) {carried} mask(i, *consts) -> bool, "
        "body(i, *carried, *consts): body for each i below n where mask holds.",
    )
)
row(
    Primitive(
        "sum_true",
        "memory",
        _sum_true,
        effect="ordered",
        differentiable=False,
        traits=frozenset([Trait.REPEATS_REGION, Trait.SUMS]),
        passing=Passing(lead=2, counted=True),
        doc="sum_true(k, n, *consts) mask(i, *consts), element(i, *consts): the k elements below n "
        "where mask holds, summed in NumPy's order.",
    )
)
