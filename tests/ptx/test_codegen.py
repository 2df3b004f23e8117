"""Kernels from `codegen_ptx`: run in the simulator, compared with NumPy, accepted by ptxas."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tests.ptx.assembler import assemble
from tests.ptx.simulator import Device, PtxError, launch
from tracejit.codegen_ptx.compile import (
    ARCHITECTURES,
    PtxCodegenError,
    architecture_for,
    compile_ptx,
)
from tracejit.codegen_ptx.emit import (
    KernelParam,
    KernelText,
    PTXEmitter,
    SpacePointer,
    Values,
    kernel_text,
    module_text,
)
from tracejit.codegen_ptx.launch import GpuUnavailableError, load
from tracejit.llvm_text.emit import Reg

F32, F64, I32, I64 = (np.dtype(t) for t in ("f4", "f8", "i4", "i8"))
THREADS = 128
RNG = np.random.default_rng(11)


def buffer(name: str, dtype: np.dtype, readonly: bool = False) -> KernelParam:
    return KernelParam(name, dtype, buffer=True, readonly=readonly, noalias=True)


def fused(dtype: np.dtype) -> KernelText:
    """out = where(x > 0, sqrt(x) * y + a, -y)"""

    def body(e: PTXEmitter, params: list[Reg | SpacePointer]) -> None:
        x, y, out, a, count = params

        def point(i: Reg, _: Values) -> list[Reg]:
            u, v = e.load(e.element(x, i, dtype), dtype), e.load(e.element(y, i, dtype), dtype)
            positive = e.fcmp("ogt", u, e.const(0, dtype))
            value = e.fadd(e.fmul(e.sqrt(u), v), a)
            e.store(e.element(out, i, dtype), e.select(positive, value, e.fneg(v)))
            return []

        e.grid_stride(count, [], point)

    names = [buffer("x", dtype, True), buffer("y", dtype, True), buffer("out", dtype)]
    return kernel_text(
        "fused", [*names, KernelParam("a", dtype), KernelParam("n", I64)], THREADS, body
    )


def add(e: PTXEmitter):
    return lambda a, b: [e.fadd(a[0], b[0])]


def total(dtype: np.dtype, name: str) -> KernelText:
    """Each block's part of a sum; one block of it finishes the sum."""

    def body(e: PTXEmitter, params: list[Reg | SpacePointer]) -> None:
        x, out, count = params
        zero = e.const(0, dtype)

        def step(i: Reg, carried: Values) -> list[Reg]:
            return [e.fadd(carried[0], e.load(e.element(x, i, dtype), dtype))]

        mine = e.grid_stride(count, [zero], step)
        (all_,) = e.block_reduce(mine, (zero,), add(e))
        block = e.int_cast(e.special("ctaid.x"), I64)
        first = e.icmp("eq", e.thread(), e.const(0, I32))
        e.when(first, lambda: e.store(e.element(out, block, dtype), all_))

    return kernel_text(
        name, [buffer("x", dtype, True), buffer("out", dtype), KernelParam("n", I64)], THREADS, body
    )


def row_argmax(dtype: np.dtype) -> KernelText:
    """Blocks stride over rows; out[r] is the first position of the row's maximum."""

    def body(e: PTXEmitter, params: list[Reg | SpacePointer]) -> None:
        x, out, rows, columns = params

        def better(a: Values, b: Values) -> list[Reg]:
            first = e.icmp("lt", b[1], a[1])
            tie = e.iand(e.fcmp("oeq", b[0], a[0]), first)
            take = e.ior(e.fcmp("ogt", b[0], a[0]), tie)
            return [e.select(take, b[0], a[0]), e.select(take, b[1], a[1])]

        identity = (e.const(-np.inf, dtype), e.const(2**62, I64))

        def row(r: Reg, _: Values) -> list[Reg]:
            start = e.imul(r, columns)

            def step(i: Reg, carried: Values) -> list[Reg]:
                value = e.load(e.element(x, e.iadd(start, i), dtype), dtype)
                return better(carried, (value, i))

            best = e.block_reduce(e.block_stride(columns, identity, step), identity, better)
            first = e.icmp("eq", e.thread(), e.const(0, I32))
            e.when(first, lambda: e.store(e.element(out, r, I64), best[1]))
            return []

        block = e.int_cast(e.special("ctaid.x"), I64)
        e.strided_loop(block, rows, e.int_cast(e.special("nctaid.x"), I64), [], row)

    sizes = [KernelParam("rows", I64), KernelParam("columns", I64)]
    params = [buffer("x", dtype, True), buffer("out", I64), *sizes]
    return kernel_text("row_argmax", params, THREADS, body)


def every_kernel(dtype: np.dtype) -> str:
    return module_text([fused(dtype), total(dtype, "total"), row_argmax(dtype)])


@pytest.mark.parametrize("architecture", ["sm_75", "sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_ptxas_accepts_every_kernel(architecture: str, dtype: np.dtype, tmp_path: Path) -> None:
    ptx = compile_ptx(every_kernel(dtype), architecture)
    report = assemble(ptx, architecture, tmp_path)
    assert "0 bytes spill stores" in report
    assert ptx.count(f".reqntid {THREADS}") == 3


def test_the_same_text_gives_the_same_ptx() -> None:
    assert compile_ptx(every_kernel(F32)) == compile_ptx(every_kernel(F32))


@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("count", [0, 1, 127, 1000])
def test_fused_elementwise(architecture: str, level: int, dtype: np.dtype, count: int) -> None:
    ptx = compile_ptx(module_text([fused(dtype)]), architecture, level)
    x, y = (RNG.normal(size=count).astype(dtype) for _ in range(2))
    device = Device()
    out = device.empty(count, dtype)
    args = [device.put(x, writable=False), device.put(y, writable=False), out, dtype.type(0.1)]
    launch(device, ptx, "fused", 3, THREADS, [*args, count])
    with np.errstate(invalid="ignore"):
        expected = np.where(x > 0, np.sqrt(x) * y + dtype.type(0.1), -y)
    np.testing.assert_array_equal(device.get(out, count, dtype), expected)


def sum_in_kernel_order(x: np.ndarray, blocks: int) -> np.ndarray:
    """The order that the kernel documents: strided threads, then halves of warps, then warps."""
    threads = blocks * THREADS
    padded = np.zeros(-(-len(x) // threads) * threads, x.dtype)
    padded[: len(x)] = x
    mine = np.zeros(threads, x.dtype)
    for stretch in padded.reshape(-1, threads):
        mine = mine + stretch
    parts = mine.reshape(blocks, THREADS // 32, 32)
    while parts.shape[-1] > 1:
        half = parts.shape[-1] // 2
        parts = parts[..., :half] + parts[..., half:]
    parts = parts[..., 0]
    while parts.shape[-1] > 1:
        half = parts.shape[-1] // 2
        parts = parts[..., :half] + parts[..., half:]
    return parts[..., 0]


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("count", [0, 1, 500, 20_011])
def test_two_stage_sum_has_a_fixed_order(dtype: np.dtype, count: int) -> None:
    ptx = compile_ptx(module_text([total(dtype, "total")]))
    x = RNG.normal(size=count).astype(dtype)
    blocks = max(1, -(-count // (4 * THREADS)))
    device = Device()
    partial, out = device.empty(blocks, dtype), device.empty(1, dtype)
    launch(device, ptx, "total", blocks, THREADS, [device.put(x), partial, count])
    launch(device, ptx, "total", 1, THREADS, [partial, out, blocks])
    got = device.get(out, 1, dtype)
    expected = sum_in_kernel_order(sum_in_kernel_order(x, blocks), 1)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(got[0], x.astype(F64).sum(), atol=1e-3 if dtype == F32 else 1e-10)


def test_row_reduction_of_pairs() -> None:
    ptx = compile_ptx(module_text([row_argmax(F32)]))
    x = RNG.integers(0, 40, (7, 300)).astype(F32)
    device = Device()
    out = device.empty(7, I64)
    launch(device, ptx, "row_argmax", 3, THREADS, [device.put(x), out, *x.shape])
    np.testing.assert_array_equal(device.get(out, 7, I64), x.argmax(axis=1))


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "f4", "i8", "f8"])
def test_shuffles_and_memory_of_every_dtype(dtype: str) -> None:
    """Lane i of the result holds what lane i ^ 1 loaded."""
    kind = np.dtype(dtype)

    def body(e: PTXEmitter, params: list[Reg | SpacePointer]) -> None:
        i = e.global_thread()
        value = e.load(e.element(params[0], i, kind), kind)
        e.store(e.element(params[1], i, kind), e.shuffle_xor(value, 1))

    text = kernel_text("swap", [buffer("x", kind, True), buffer("out", kind)], 32, body)
    x = RNG.integers(0, 256, 64 * kind.itemsize).astype(np.uint8).view(kind)
    x = (RNG.integers(0, 2, 64) > 0) if dtype == "?" else x
    device = Device()
    out = device.empty(64, kind)
    launch(device, compile_ptx(module_text([text])), "swap", 2, 32, [device.put(x), out])
    expected = x[np.arange(64) ^ 1]
    assert device.get(out, 64, kind).tobytes() == expected.tobytes()


def test_an_index_past_the_end_is_caught_in_compiled_code() -> None:
    ptx = compile_ptx(module_text([total(F32, "total")]))
    device = Device()
    x = device.put(np.ones(100, F32), "x")
    with pytest.raises(PtxError, match=r"out-of-bounds global .* nearest: x at"):
        launch(device, ptx, "total", 1, THREADS, [x, device.empty(1, F32), 101])


def test_text_without_ptx_is_refused() -> None:
    call = "declare double @{0}(double)\ndefine ptx_kernel void @k(ptr addrspace(1) %x) {{\n"
    call += "  %v = load double, ptr addrspace(1) %x\n  %y = call double @{0}(double %v)\n"
    call += "  store double %y, ptr addrspace(1) %x\n  ret void\n}}\n"
    with pytest.raises(PtxCodegenError, match="no lowering"):
        compile_ptx(call.format("llvm.exp.f64"))
    with pytest.raises(PtxCodegenError, match="what PTX does not have"):
        compile_ptx(call.format("atan"))
    with pytest.raises(PtxCodegenError, match="rejects"):
        compile_ptx("define void @k( {")
    with pytest.raises(PtxCodegenError, match="unknown architecture"):
        compile_ptx("", "sm_1")


def test_architectures_of_devices() -> None:
    assert architecture_for((8, 6)) is ARCHITECTURES["sm_80"]
    assert architecture_for((9, 0)) is ARCHITECTURES["sm_90"]
    with pytest.raises(PtxCodegenError, match="too old"):
        architecture_for((7, 0))


def has_gpu() -> bool:
    """Whether a CUDA driver reports a device, asked without the code under test."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and bool(count.value and importlib.util.find_spec("cupy"))
    )


def test_loading_on_a_device_or_a_clear_refusal() -> None:
    ptx = compile_ptx(module_text([fused(F32)]), "sm_75")
    if not has_gpu():
        with pytest.raises(GpuUnavailableError, match=r"cupy|driver|device"):
            load(ptx)
        return
    import cupy

    kernels = load(ptx)
    x, y = (RNG.random(1000).astype(F32) for _ in range(2))
    out = cupy.empty(1000, F32)
    args = [cupy.asarray(x), cupy.asarray(y), out, np.float32(0.1), np.int64(1000)]
    kernels.launch("fused", 4, THREADS, args)
    np.testing.assert_array_equal(out.get(), np.sqrt(x) * y + F32.type(0.1))
