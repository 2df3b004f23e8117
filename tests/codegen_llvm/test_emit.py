"""Every elementwise lowering through LLVM gives the bits of `NumpyEmitter`; and the text's form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.elementwise_loop import compile_loop
from tests.ir.scalar_samples import BOOL, COMPLEX, FLOATS, INTS, distance, operands, pairs
from tests.ir.test_lowering import cases, convert_inputs, lowering
from tracejit.ir.core import TABLE
from tracejit.ir.scalar import elementary
from tracejit.ir.scalar.emit import BOOL as I1
from tracejit.ir.scalar.emit import F32, F64, I32, I64
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.llvm_text.emit import LLVMEmitter, Reg, literal

DTYPES = [BOOL, *INTS, *FLOATS, *COMPLEX]


def assert_same_bits(got: Any, want: Any) -> None:
    want = np.broadcast_to(want, got.shape)
    assert got.dtype == want.dtype
    bad = np.flatnonzero(distance(got, want) != 0)
    assert not bad.size, [(got[k], want[k]) for k in bad[:5]]


@pytest.mark.parametrize(("name", "dtype"), cases())
def test_lowering_through_llvm(name: str, dtype: Any) -> None:
    inputs = operands(TABLE[name], dtype)
    loop = compile_loop(lowering(name), [x.dtype for x in inputs])
    assert_same_bits(loop(*inputs), apply(lowering(name), *inputs))


@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_convert_through_llvm(source: Any) -> None:
    x = convert_inputs(source)
    for target in DTYPES:
        loop = compile_loop(lowering("convert"), [source], dtype=target)
        assert_same_bits(loop(x), apply(lowering("convert"), x, dtype=target))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_select_through_llvm(dtype: Any) -> None:
    a, b = pairs(dtype)
    c = np.arange(a.size) % 3 == 0
    loop = compile_loop(lowering("select"), [BOOL, dtype, dtype])
    assert_same_bits(loop(c, a, b), np.where(c, a, b))


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_overflow_through_llvm(name: str) -> None:
    a, b = pairs(np.dtype("i8"))
    lower = lowering(f"{name}_overflow")
    for got, want in zip(compile_loop(lower, ["i8", "i8"])(a, b), apply(lower, a, b), strict=True):
        assert_same_bits(got, want)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_fma_is_the_hardware_s(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    bits = np.iinfo(f"i{dtype.itemsize}")
    a, b, c = (
        rng.integers(bits.min, bits.max, 4000, f"i{dtype.itemsize}").view(dtype) for _ in range(3)
    )
    with np.errstate(all="ignore"):
        near = rng.normal(size=(3, 20000)).astype(dtype)
        cancelling = -(near[0] * near[1])
        underflow = np.ldexp(near[0], np.finfo(dtype).minexp // 2 - 20).astype(dtype)
    a = np.concatenate([a, near[0], near[0], underflow])
    b = np.concatenate([b, near[1], near[1], underflow[::-1]])
    c = np.concatenate([c, near[2], cancelling, np.zeros_like(near[0])])

    def lower(e: Any, *xs: Any) -> Any:
        return e.fma(*xs)

    assert_same_bits(compile_loop(lower, [dtype] * 3)(a, b, c), apply(lower, a, b, c))


@pytest.mark.parametrize("name", ["exp", "log", "sin", "tanh", "pow"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_loops_vectorize(name: str, dtype: Any) -> None:
    operands = [dtype] * (2 if name == "pow" else 1)
    loop = compile_loop(getattr(elementary, name), operands, usual=True)
    packed = [line for line in loop.asm.splitlines() if "ymm" in line or "zmm" in line]
    if "xmm" not in loop.asm:
        pytest.skip("not an x86-64 host")
    assert len(packed) > 20
    assert "call" not in loop.asm


def test_literals() -> None:
    assert literal(0.1, F64) == "0x3FB999999999999A"
    assert literal(0.1, F32) == "0x3FB99999A0000000"
    assert literal(-1, np.dtype("u1")) == "-1"
    assert literal(2**63, np.dtype("u8")) == str(-(2**63))
    assert literal(True, I1) == "true"


def test_names_and_declarations_are_deterministic() -> None:
    texts = []
    for _ in range(2):
        lines: list[str] = []
        e = LLVMEmitter(lines)
        elementary.sin(e, Reg("%x", F64))
        texts.append("\n".join([*e.module_lines(), *lines]))
    assert texts[0] == texts[1]
    assert "declare double @llvm.fma.f64(double, double, double)" in texts[0]


def test_fast_flags_stop_at_strict() -> None:
    lines: list[str] = []
    e = LLVMEmitter(lines, flags="fast")
    x = Reg("%x", F64)
    e.fadd(x, x)
    with e.strict():
        e.fadd(x, x)
    assert lines == ["  %v1 = fadd fast double %x, %x", "  %v2 = fadd double %x, %x"]
    elementary.exp(e, x)
    assert "fast" not in "\n".join(lines[2:])


def test_while_loop_tracks_blocks() -> None:
    def lower(e: Any, x: Any) -> Any:
        one = e.const(1, I64)
        return e.while_loop(
            (x, e.const(0, I64)),
            lambda v: e.icmp("gt", v[0], one),
            lambda v: (e.ashr(v[0], one), e.iadd(v[1], one)),
        )[1]

    x = np.array([0, 1, 2, 3, 1000, 2**40], np.int64)
    np.testing.assert_array_equal(compile_loop(lower, [I64])(x), [0, 0, 1, 1, 9, 40])
    np.testing.assert_array_equal(apply(lower, x), [0, 0, 1, 1, 9, 40])


def test_lookup() -> None:
    table = (1.5, -2.0, 0.25)

    def lower(e: Any, x: Any) -> Any:
        return e.lookup(table, x, F32)

    index = np.array([2, 0, 1, 1], np.int32)
    want = np.asarray(table, F32)[index]
    assert_same_bits(compile_loop(lower, [I32])(index), want)
    assert_same_bits(apply(lower, index), want)
