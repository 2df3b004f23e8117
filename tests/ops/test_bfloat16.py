"""The rows on bfloat16: native code is the interpreter, which is NumPy by ml_dtypes' loops."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from tests.ops.samples import cases, rows
from tests.ops.test_native import BATCH, check
from tracejit.dtypes import is_float, is_narrow, kind_of, row_of, short_name
from tracejit.ir.types import dtype_of

ml_dtypes = pytest.importorskip("ml_dtypes")
BF16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)


def test_it_is_a_float_and_no_record() -> None:
    assert is_float(BF16)
    assert is_narrow(BF16)
    assert short_name(BF16) == "bf16"
    assert dtype_of("bf16") == BF16
    assert kind_of(np.dtype([("x", "f4")])) == "V"
    assert row_of(np.dtype(ml_dtypes.float8_e5m2)) is None


@pytest.mark.parametrize("level", [0, 3])
def test_native_is_the_interpreter(level: int) -> None:
    left = (case for name in rows() for case in cases(name, BF16))
    while batch := list(islice(left, BATCH)):
        check(batch, level)
