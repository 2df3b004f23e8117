"""Every scalar operation of the emitter, and every elementary function, as LLVM-made PTX.

The same function of an emitter runs on whole arrays in NumPy and, compiled, in the simulator: the
results must agree bit for bit (nan is one value).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ir.test_lowering import lowering
from tests.ptx.assembler import assemble
from tests.ptx.simulator import Device, launch
from tracejit.codegen_ptx.compile import compile_ptx
from tracejit.codegen_ptx.emit import (
    KernelParam,
    PTXEmitter,
    SpacePointer,
    kernel_text,
    module_text,
)
from tracejit.ir.core import TABLE
from tracejit.ir.scalar.emit_numpy import apply

BOOL, F32, F64 = np.dtype("?"), np.dtype("f4"), np.dtype("f8")
RNG = np.random.default_rng(3)
INTS = [np.dtype(f"{s}{n}") for s in "iu" for n in (1, 2, 4, 8)]
FLOATS = [F32, F64]
COUNT = 256


def ints(dtype: np.dtype) -> np.ndarray:
    bits = 8 * dtype.itemsize
    x = RNG.integers(0, 2**64, COUNT, np.uint64).astype(dtype)
    x >>= RNG.integers(0, bits, COUNT).astype(dtype)
    edges = np.array([0, 1, -1 & (2**bits - 1), 1 << (bits - 1), (1 << (bits - 1)) - 1], np.uint64)
    x[:5] = edges.astype(dtype)
    return RNG.permutation(x)


def floats(dtype: np.dtype) -> np.ndarray:
    info = np.finfo(dtype)
    x = RNG.normal(size=COUNT) * 2.0 ** RNG.integers(-20, 20, COUNT)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, 2.5, info.max, info.tiny, -info.tiny]
    edges += [float(info.smallest_subnormal), 3e9, -7.5, 1e5, 88.7, -104.0, 710.0]
    x[: len(edges)] = edges
    with np.errstate(over="ignore"):
        return RNG.permutation(x).astype(dtype)


def on_device(function: Callable[..., Any], result: np.dtype, *arrays: np.ndarray) -> np.ndarray:
    ptx = compile_ptx(scalar_module(function, result, *(a.dtype for a in arrays)))
    device = Device()
    out = device.empty(COUNT, result)
    launch(device, ptx, "k", 2, 128, [*(device.put(a) for a in arrays), out])
    return device.get(out, COUNT, result)


def scalar_module(function: Callable[..., Any], result: np.dtype, *kinds: np.dtype) -> str:
    def body(e: PTXEmitter, params: list[Any]) -> None:
        i = e.global_thread()
        *inputs, out = params
        values = [e.load(e.element(p, i, t), t) for p, t in zip(inputs, kinds)]
        e.store(e.element(out, i, result), function(e, *values))

    names = [KernelParam(f"x{i}", t, buffer=True) for i, t in enumerate(kinds)]
    return module_text(
        [kernel_text("k", [*names, KernelParam("out", result, buffer=True)], 128, body)]
    )


def agree(function: Callable[..., Any], *arrays: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(np.asarray(apply(function, *arrays)), COUNT)
    got = on_device(function, expected.dtype, *arrays)
    differs = got != expected
    if expected.dtype.kind == "f":
        both_nan = np.isnan(got) & np.isnan(expected)
        differs = (differs | (np.signbit(got) != np.signbit(expected))) & ~both_nan
    at = np.flatnonzero(differs)
    shown = [(*(a[i] for a in arrays), got[i], expected[i]) for i in at[:5]]
    assert not at.size, f"{at.size} differ; (operands, got, expected): {shown}"


def method(name: str) -> Callable[..., Any]:
    return lambda e, *values: getattr(e, name)(*values)


@pytest.mark.parametrize("dtype", INTS, ids=str)
@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "iand", "ior", "ixor"])
def test_integer_arithmetic(name: str, dtype: np.dtype) -> None:
    agree(method(name), ints(dtype), ints(dtype))


@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_integer_division(dtype: np.dtype) -> None:
    a, b = ints(dtype), ints(dtype)
    b[b == 0] = 3
    if dtype.kind == "i":
        b[b == -1] = 5  # the least value divided by -1 is undefined
    for name in ("sdiv",) if dtype.kind == "i" else ("udiv", "urem"):
        agree(method(name), a, b)


@pytest.mark.parametrize("dtype", INTS, ids=str)
@pytest.mark.parametrize("name", ["shl", "lshr", "ashr"])
def test_shifts(name: str, dtype: np.dtype) -> None:
    if (name == "ashr") != (dtype.kind == "i") and name != "shl":
        dtype = np.dtype(("i" if name == "ashr" else "u") + str(dtype.itemsize))
    agree(method(name), ints(dtype), RNG.integers(0, 8 * dtype.itemsize, COUNT).astype(dtype))


@pytest.mark.parametrize("dtype", [t for t in INTS if t.itemsize >= 4], ids=str)
def test_bit_counts(dtype: np.dtype) -> None:
    agree(method("ctpop"), ints(dtype))


@pytest.mark.parametrize("dtype", [np.dtype("i4"), np.dtype("i8")], ids=str)
@pytest.mark.parametrize("name", ["sadd_overflow", "ssub_overflow", "smul_overflow"])
@pytest.mark.parametrize("part", [0, 1])
def test_overflow_is_seen(name: str, dtype: np.dtype, part: int) -> None:
    agree(lambda e, a, b: getattr(e, name)(a, b)[part], ints(dtype), ints(dtype))


@pytest.mark.parametrize("dtype", INTS, ids=str)
@pytest.mark.parametrize("pred", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_integer_comparison_and_select(pred: str, dtype: np.dtype) -> None:
    a, b = ints(dtype), ints(dtype)
    b[::3] = a[::3]
    agree(lambda e, x, y: e.icmp(pred, x, y), a, b)
    agree(lambda e, x, y: e.select(e.icmp(pred, x, y), y, x), a, b)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", ["fadd", "fsub", "fmul", "fdiv", "copysign"])
def test_float_arithmetic(name: str, dtype: np.dtype) -> None:
    agree(method(name), floats(dtype), floats(dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", ["fneg", "fabs", "sqrt", "floor", "ceil", "trunc", "rint"])
def test_float_functions(name: str, dtype: np.dtype) -> None:
    agree(method(name), floats(dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_fma_and_no_contraction(dtype: np.dtype) -> None:
    a, b, c = floats(dtype), floats(dtype), floats(dtype)
    agree(method("fma"), a, b, c)
    agree(lambda e, x, y, z: e.fadd(e.fmul(x, y), z), a, b, c)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("pred", "oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno".split())
def test_float_comparison(pred: str, dtype: np.dtype) -> None:
    a, b = floats(dtype), floats(dtype)
    b[::3] = a[::3]
    agree(lambda e, x, y: e.fcmp(pred, x, y), a, b)


@pytest.mark.parametrize("target", [*INTS, F32, F64], ids=str)
@pytest.mark.parametrize("source", [*INTS, BOOL, F32, F64], ids=str)
def test_conversions(source: np.dtype, target: np.dtype) -> None:
    if source == BOOL:
        x = RNG.integers(0, 2, COUNT) > 0
    elif source.kind == "f":
        x = floats(source)
    else:
        x = ints(source)
    if source.kind != "f" and target.kind != "f":
        agree(lambda e, v: e.int_cast(v, target), x)
    elif source.kind != "f":
        agree(lambda e, v: e.int_to_float(v, target), x)
    elif target.kind == "f":
        agree(lambda e, v: e.float_cast(v, target), x)
    else:
        info = np.iinfo(target)
        x = np.where(abs(x) < min(info.max, 1e18), x, 5).astype(source)
        x = abs(x) if target.kind == "u" else x
        agree(lambda e, v: e.float_to_int(v, target), x)


def test_bitcasts_loops_and_tables() -> None:
    agree(lambda e, v: e.bitcast(v, np.dtype("u8")), RNG.normal(size=COUNT))
    agree(lambda e, v: e.bitcast(v, F32), RNG.integers(1, 2**30, COUNT).astype("i4"))
    table = [0.5 * k * k for k in range(16)]
    agree(lambda e, i: e.lookup(table, i, F64), RNG.integers(0, 16, COUNT).astype("i8"))

    def collatz(e: Any, n: Any) -> Any:
        one = e.const(1, np.dtype("i8"))

        def step(c: tuple[Any, ...]) -> list[Any]:
            even = e.icmp("eq", e.iand(c[0], one), e.const(0, np.dtype("i8")))
            odd = e.iadd(e.imul(c[0], e.const(3, np.dtype("i8"))), one)
            return [e.select(even, e.ashr(c[0], one), odd), e.iadd(c[1], one)]

        start = e.imul(n, one)
        return e.while_loop([start, e.isub(start, start)], lambda c: e.icmp("gt", c[0], one), step)[
            1
        ]

    agree(collatz, RNG.integers(1, 1000, COUNT))


#: Rows that are more than one operation of the emitter.
COSTLY = [p for p in TABLE.values() if p.kind == "elementwise" and p.cost > 1]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", [p.name for p in COSTLY])
def test_rows_have_the_bits_of_the_cpu(name: str, dtype: np.dtype) -> None:
    agree(lowering(name), *(floats(dtype) for _ in range(TABLE[name].arity)))


@pytest.mark.parametrize("architecture", ["sm_75", "sm_100"])
def test_ptxas_accepts_elementary_functions(architecture: str, tmp_path: Path) -> None:
    def body(e: PTXEmitter, params: list[Any]) -> None:
        i = e.global_thread()
        buffer: SpacePointer = params[0]
        value = e.load(e.element(buffer, i, F32), F32)
        for row in COSTLY:
            value = lowering(row.name)(e, *[value] * row.arity)
        e.store(e.element(buffer, i, F32), value)

    text = kernel_text("k", [KernelParam("x", F32, buffer=True)], 128, body)
    assemble(compile_ptx(module_text([text]), architecture), architecture, tmp_path)
