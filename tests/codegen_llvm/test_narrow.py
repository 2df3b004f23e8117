"""Conversions of narrow floats: NumPy's bits, with the instruction for it and without."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from tracejit.codegen_llvm.engine import Engine
from tracejit.dtypes import ROWS, is_narrow, named
from tracejit.llvm_text.narrow import conversion

F32 = np.dtype(np.float32)
NARROW = [row.dtype for row in ROWS.values() if is_narrow(row.dtype)]
if find_spec("ml_dtypes"):
    NARROW = sorted({*NARROW, named("bf16")}, key=str)
X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="processors of that family")
TARGETS = [pytest.param(cpu, marks=X86) for cpu in ("x86-64", "x86-64-v3")] + [None]


def loop(source: np.dtype[Any], target: np.dtype[Any]) -> str:
    """`void convert(ptr to, ptr from, i64 n)`."""
    result, symbol = conversion(source, target).split(" ")
    given = conversion(target, source).split(" ")[0]
    return f"""
define void @convert(ptr noalias %to, ptr noalias %from, i64 %n) #0 {{
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %source = getelementptr {given}, ptr %from, i64 %i
  %x = load {given}, ptr %source
  %y = call {result} {symbol}({given} %x)
  %target = getelementptr {result}, ptr %to, i64 %i
  store {result} %y, ptr %target
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %body, label %done
done:
  ret void
}}
"""


def converted(cpu: str | None, x: Any, target: np.dtype[Any]) -> Any:
    made = Engine(cpu).compile(loop(x.dtype, target), exports=["convert"])
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    out = np.empty(x.shape, target)
    run(made.addresses["convert"])(out.ctypes.data, x.ctypes.data, x.size)
    return out


def same_bits(got: Any, want: Any) -> None:
    nan = np.isnan(want.astype(np.float64))
    assert np.array_equal(np.isnan(got.astype(np.float64)), nan)
    unsigned = f"u{want.dtype.itemsize}"
    np.testing.assert_array_equal(got.view(unsigned)[~nan], want.view(unsigned)[~nan])


@pytest.mark.parametrize("cpu", TARGETS)
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_every_number_is_widened(dtype: np.dtype[Any], cpu: str | None) -> None:
    x = np.arange(2**16).astype(np.uint16).view(dtype)
    same_bits(converted(cpu, x, F32), x.astype(F32))


@pytest.mark.parametrize("cpu", TARGETS)
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_numbers_are_rounded_to_the_nearest(dtype: np.dtype[Any], cpu: str | None) -> None:
    """Each number, half way to the next one, next to both, and any other bits."""
    with np.errstate(all="ignore"):
        each = np.arange(2**16).astype(np.uint16).view(dtype).astype(F32)
        half = ((each.astype(np.float64) + np.roll(each, -1)) / 2).astype(F32)
        near = [np.nextafter(x, F32.type(to)) for x in (each, half) for to in (-np.inf, np.inf)]
        other = np.random.default_rng(0).integers(0, 2**32, 2**18, dtype=np.uint32).view(F32)
        x = np.concatenate([each, half, *near, other])
        same_bits(converted(cpu, x, dtype), x.astype(dtype))
