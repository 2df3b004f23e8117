"""float16 and bfloat16 in kernels: PTX gives the interpreter's bits."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from tests.ptx.run_program import Simulator, run_program
from tests.ptx.test_programs import compiled
from tracejit.dtypes import named
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import tensor

NARROW = ["f16", *(["bf16"] if find_spec("ml_dtypes") else [])]


def fused(dtype: str, n: int) -> Function:
    b = Builder("fused")
    x, y = (b.param(tensor(dtype, (n,))) for _ in range(2))
    total = b.op("add", b.op("mul", x, y), b.op("sqrt", b.op("abs", x)))
    wide = b.convert(total, "f32")
    results = [total, wide, b.convert(b.op("mul", wide, wide), dtype), b.op("maximum", x, y)]
    return b.build([*results, b.op("lt", x, y), b.op("reduce_max", total, axes=(0,))])


@pytest.mark.parametrize("name", NARROW)
def test_kernels(name: str) -> None:
    dtype: np.dtype[Any] = named(name)
    x, y = (np.random.default_rng(k).normal(size=50).astype(dtype) for k in range(2))
    x[:4] = [np.inf, 0.0, -0.0, 1e-4]
    function = fused(name, 50)
    ptx = compiled(function)
    with np.errstate(all="ignore"):
        want = interpret(function, [x, y])
        got = run_program(ptx, [x, y], Simulator(ptx.text))
    for g, w in zip(got, want, strict=True):
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_array_equal(np.asarray(g).astype("f8"), np.asarray(w).astype("f8"))
