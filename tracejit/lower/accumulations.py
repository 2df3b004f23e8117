"""Loops that add to an element in memory, in an order that is free."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence

from tracejit.dtypes import is_complex, is_exact
from tracejit.ir.accesses import Access
from tracejit.ir.core import Instr, Value, uses
from tracejit.ir.traits import Trait
from tracejit.records import dataclass


@dataclass(frozen=True)
class Accumulation:
    """`buffer[index] = combine(buffer[index], value)`, in any order of the values."""

    load: Instr
    combine: Instr
    store: Instr
    value: Value


def accumulation(
    leaf: Sequence[Instr], accesses: Collection[Access], overlap: Container[Value]
) -> Accumulation | None:
    """What a leaf adds to an element, if that is all that it does and the order is free.

    `accesses`: its own; `overlap`: buffers that others may overlap. The order is free for exact
    operations, and where the `store` says that it is: NumPy's own sums, whose order is nobody's
    promise. A user's `s += x[i]` keeps its order.
    """
    stores = [a for a in accesses if a.stores]
    if len(stores) != 1 or any(i.regions for i in leaf):
        return None
    (target,) = stores
    store = target.instr
    combine = next((i for i in leaf if store.operands[1] in i.results), None)
    if combine is None or not combine.has(Trait.FOLDS):
        return None
    if not (store.attrs.get("sums") or is_exact(combine.result.dtype)):
        return None
    loads = [a for a in accesses if not a.stores and a.root is target.root]
    if len(loads) != 1 or target.root in overlap or is_complex(combine.result.dtype):
        return None
    load = loads[0].instr
    users = [i for i in leaf if load.result in uses(i) or combine.result in uses(i)]
    if not loads[0].same(target) or users != [combine, store]:
        return None
    if combine.operands.count(load.result) != 1:
        return None
    (value,) = [v for v in combine.operands if v is not load.result]
    return Accumulation(load, combine, store, value)
