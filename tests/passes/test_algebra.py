"""Every algebra rule fires on its example, on each dtype it claims, and keeps every bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ir.edges import edges
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import DTYPES, tensor
from tracejit.ir.verifier import verify
from tracejit.passes.algebra import RULES, Rule, algebra
from tracejit.passes.dce import dce
from tracejit.passes.runner import outcome

CASES = [(r, d) for r in RULES for d, dtype in DTYPES.items() if dtype.kind in r.kinds]


def example(rule: Rule, dtype: str, shape: tuple[int, ...]) -> Function:
    b = Builder("example")
    x = b.param(tensor(dtype, shape))
    return b.build([rule.example(b, x)])


@pytest.mark.parametrize(("rule", "dtype"), CASES, ids=lambda p: getattr(p, "name", p))
def test_rule_fires_and_keeps_the_bits(rule: Rule, dtype: str) -> None:
    values = edges(DTYPES[dtype])
    for x in (values, values[0]):
        function = example(rule, dtype, np.shape(x))
        after = dce(algebra(function))
        verify(after)
        # An integer that types may mention keeps its normal form, so not every rule fires on it.
        if dtype != "i64" or np.ndim(x):
            assert [i.name for i in after.instrs] != [i.name for i in function.instrs]
        if rule.on == "pow" and DTYPES[dtype].kind == "f":
            got, want = interpret(after, [x])[0], interpret(function, [x])[0]
            np.testing.assert_array_max_ulp(got[np.isfinite(want)], want[np.isfinite(want)], 2)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        else:
            assert outcome(after, [x]) == outcome(function, [x])


def test_names_are_unique() -> None:
    assert len({r.name for r in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("name", "number", "dtype"),
    [
        ("add", 0.0, "f64"),
        ("sub", -0.0, "f64"),
        ("mul", 0.0, "f32"),
        ("div", 3.0, "f64"),
        ("mul", 1.0, "c128"),
        ("div", 2.0**1023, "f64"),
        ("pow", 3.0, "f64"),
        ("pow", 0.5, "f64"),
    ],
)
def test_what_is_not_exact_stays(name: str, number: float, dtype: str) -> None:
    b = Builder("kept")
    x = b.param(tensor(dtype, (3,)))
    function = b.build([b.op(name, x, b.lit(number, x))])
    assert algebra(function) is function


def test_a_float_comparison_is_not_negated() -> None:
    b = Builder("kept")
    x = b.param(tensor("f64"))
    function = b.build([b.op("invert", b.op("lt", x, b.const(1.0)))])
    assert algebra(function) is function
