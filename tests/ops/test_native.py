"""Every row of the op table, each dtype and edge sample: native code gives what the oracle gives.

The rows of one dtype are compiled together, without optimisation, with all of it, and at one of the
two levels between in turn.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from tests.ir.scalar_samples import agrees
from tests.ops.samples import ELSEWHERE, Case, apply, cases, rows
from tracejit.codegen_llvm.compile import compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import DTYPES
from tracejit.lower.lower import lower

ALL = {d: [c for n in rows() for c in cases(n, DTYPES[d])] for d in DTYPES}
BATCH = 60
#: Rows of LAPACK and BLAS that native code calls itself, where NumPy calls its own copy.
NUMERIC = frozenset(["solve", "triangular_solve", "inv", "cholesky", "det", "pinv"])


def test_every_row_has_samples() -> None:
    covered = {c.name for found in ALL.values() for c in found}
    assert set(TABLE) - set(ELSEWHERE) == covered
    assert set(ELSEWHERE) <= set(TABLE)


def test_many_checks_are_made() -> None:
    """Rows times dtypes times samples; each is run at three levels."""
    assert sum(map(len, ALL.values())) > 3000


LEVELS = [(d, level) for k, d in enumerate(DTYPES) for level in (0, 1 + k % 2, 3)]


@pytest.mark.parametrize(("dtype", "level"), LEVELS)
def test_native_is_the_interpreter(dtype: str, level: int) -> None:
    left = iter(ALL[dtype])
    while batch := list(islice(left, BATCH)):
        check(batch, level)


def check(batch: list[Case], level: int) -> None:
    """Compile the cases as one function and compare each result."""
    b = Builder("rows")
    results: list[Any] = []
    owners: list[Case] = []
    args: list[Any] = []
    for case in batch:
        got = apply(b, case)
        results += got
        owners += [case] * len(got)
        args += [np.asarray(x) for x in case.operands]
    function = b.build(results)
    with np.errstate(all="ignore"):
        wants = interpret(function, args)
    gots = compile_program(lower(function), opt_level=level).call(*args)
    for case, got, want in zip(owners, gots, wants, strict=True):
        same(case, np.asarray(got), want)


def same(case: Case, got: Any, want: Any) -> None:
    """Bits for what is exact, a few ulp for what rounds (``scalar_samples.agrees``)."""
    assert got.dtype == want.dtype, case.name
    assert got.shape == want.shape, case.name
    exact = case.exact and case.name not in NUMERIC
    if exact or case.name in ("convert", "select", "bitcast"):
        if got.dtype.kind == "V":  # a nan that NumPy does not know
            got, want = (x.astype(np.float32) for x in (got, want))
        np.testing.assert_array_equal(got, want, err_msg=f"{case.name} {case.attrs}")
        return
    if case.name in NUMERIC:
        single = got.dtype.char in "fF"
        np.testing.assert_allclose(got, want, *[1e-4 if single else 1e-11] * 2, err_msg=case.name)
        return
    if case.name == "dot":
        np.testing.assert_allclose(got, want, rtol=1e-5, err_msg="dot")
        return
    inputs = tuple(map(np.asarray, case.operands))
    good = agrees(TABLE[case.name], got, want, inputs)
    k = np.flatnonzero(~good)[:5]
    shown = [(*(x[i] for x in inputs), got[i], want[i]) for i in k]
    assert not k.size, f"{case.name} (operands…, got, want): {shown}"
