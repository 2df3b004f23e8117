"""Every differentiable row: jvp against differences, vjp against jvp, to second order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.autodiff.rows import ELSEWHERE, Case, cases
from tracejit.autodiff.numeric import check_function
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Primitive
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import dtype_of, tensor
from tracejit.ir.verifier import verify

NAMES = sorted(
    name for name, p in TABLE.items() if (p.jvp or p.transpose) and name not in ELSEWHERE
)
DTYPES = ["f8", "c16", "f4", "c8"]


def run(function: Function, args: Sequence[Any]) -> list[Any]:
    """Verify, then interpret."""
    verify(function)
    return interpret(function, args)


def function_of(name: str, case: Case) -> Function:
    """One instruction over parameters that are its operands."""
    b = Builder(name)
    operands = [b.param(tensor(dtype_of(np.asarray(x).dtype), np.shape(x))) for x in case.operands]
    if name in ("slice", "put_slice", "add_slice", "pad"):
        operands = [
            b.const(int(x)) if np.asarray(x).dtype == np.int64 else v
            for x, v in zip(case.operands, operands, strict=True)
        ]
    out = b.op(name, *operands, **case.attrs)
    if name == "compress":  # the extent is found inside: what comes out must not mention it
        out = b.op("reduce_sum", b.op("exp", out[1]), axes=(0, 1))
    return b.build(out if isinstance(out, tuple) else [out])


def test_every_differentiable_row_has_cases() -> None:
    rng = np.random.default_rng(0)
    without = [n for n in NAMES if not any(cases(n, rng, d) for d in DTYPES)]
    assert without == []


def test_a_row_is_either_differentiable_or_says_that_it_is_not() -> None:
    silent = [
        name
        for name, p in TABLE.items()
        if p.differentiable and not (p.jvp or p.transpose) and name not in ELSEWHERE
    ]
    assert silent == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_row(name: str, dtype: str) -> None:
    rng = np.random.default_rng(7)
    order = 2 if np.dtype(dtype).char in "dD" and name != "convert" else 1
    for case in cases(name, rng, dtype):
        function = function_of(name, case)
        wrt = [k for k, x in enumerate(case.operands) if np.asarray(x).dtype.kind in "fc"]
        if name in ("pinv", "lstsq") and np.ndim(case.operands[-1]) == 0:
            wrt = wrt[:-1]  # a tolerance
        check_function(function, case.operands, wrt, run, order=order)


def test_the_check_notices_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong JVP rule and a wrong transpose are both found."""
    x = np.array([0.3, 0.8])
    wrong = Primitive(
        "wrong",
        "elementwise",
        TABLE["sin"].infer,
        np.sin,
        jvp=lambda b, operands, tangents, results, attrs: [b.op("mul", tangents[0], results[0])],
    )
    monkeypatch.setitem(TABLE, "wrong", wrong)
    with pytest.raises(AssertionError, match="central differences"):
        check_function(function_of("wrong", Case((x,))), [x], [0], run)
    unlike = replace(TABLE["neg"], transpose=_identity, name="unlike")
    monkeypatch.setitem(TABLE, "unlike", unlike)
    with pytest.raises(AssertionError, match="vjp c"):
        check_function(function_of("unlike", Case((x,))), [x], [0], run)


def _identity(b: Builder, cts: Any, operands: Any, accs: Any, attrs: Any) -> None:
    accs[0].add(cts[0])
