"""What is kept of a forward pass: the cheapest values from which the reverse can be computed."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.cut import minimum_cut, size
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import TYPICAL_EXTENT
from tracejit.ir.types import INDEX, tensor


def test_the_narrowest_place_is_kept() -> None:
    """wide -> narrow -> (wide, wide): the narrow value in the middle is kept."""
    b = Builder()
    wide, seed = b.param(tensor("f64", (100,))), b.param(tensor("f64"))
    middle = b.op("sin", seed)
    ends = [b.broadcast(middle, (100,)), b.broadcast(b.op("exp", middle), (100,))]
    made = {r: i.operands for i in b.instrs for r in i.results}

    def parents(v: Value) -> Sequence[Value] | None:
        return made.get(v)

    kept, cost = minimum_cut([*ends, wide], parents, lambda v: v is wide)
    assert (kept, cost) == ([middle], 8)


def test_of_equal_cuts_the_one_that_recomputes_least() -> None:
    b = Builder()
    x = b.param(tensor("f64", (4,)))
    y = b.op("exp", b.op("sin", x))
    made = {r: i.operands for i in b.instrs for r in i.results}
    kept, _ = minimum_cut([y], made.get, lambda v: False)
    assert kept == [y]


def test_nothing_is_kept_of_what_comes_from_free_values() -> None:
    b = Builder()
    x = b.param(tensor("f64", (4,)))
    y = b.op("sin", x)
    made = {r: i.operands for i in b.instrs for r in i.results}
    assert minimum_cut([y], made.get, lambda v: v is x) == ([], 0)


def test_symbolic_extents_count_as_typical_ones() -> None:
    n = Value(INDEX)
    assert size(Value(tensor("f32", (n.dim, 3)))) == TYPICAL_EXTENT * 12
    assert size(Value(tensor("bool", (0,)))) == 1
