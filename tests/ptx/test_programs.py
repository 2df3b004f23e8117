"""Whole functions: lowered to a Program, to PTX, run in the simulator, compared with the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import PROGRAMS
from tests.passes.derived import derivative
from tests.ptx import gpu_programs as gpu
from tests.ptx.assembler import assemble
from tests.ptx.run_program import CupyMachine, Machine, Simulator, run_program
from tests.ptx.test_codegen import has_gpu
from tracejit.codegen_ptx.lower import PtxProgram, ptx_module
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.program import verify_program
from tracejit.lower.lower import lower

CASES: dict[str, Callable[[], gpu.Case]] = {
    **{f"fused_{t}": lambda t=t: gpu.fused(t, (13, 50)) for t in ("f32", "f64", "i8", "u16")},
    **{f"fused_{t}": lambda t=t: gpu.fused(t, (700,)) for t in ("i32", "i64", "u64", "c64")},
    "fused_empty": lambda: gpu.fused("f64", (0, 5)),
    "elementary_f32": lambda: gpu.elementary("f32"),
    "elementary_f64": lambda: gpu.elementary("f64"),
    "softmax_of_short_rows": lambda: gpu.softmax("f32", (300, 7)),
    "softmax_of_long_rows": lambda: gpu.softmax("f64", (5, 1000)),
    **{f"moments_{t}": lambda t=t: gpu.moments(t, (20_011,)) for t in ("f32", "f64")},
    "moments_of_a_matrix": lambda: gpu.moments("f64", (70, 40)),
    "sum_of_nothing": lambda: gpu.reduction("reduce_sum", "f64", (0,), (0,)),
    "sum_of_one": lambda: gpu.reduction("reduce_sum", "f64", (1,), (0,)),
    "sum_c128": lambda: gpu.reduction("reduce_sum", "c128", (600,), (0,)),
    "sum_i64": lambda: gpu.reduction("reduce_sum", "i64", (5000,), (0,)),
    "sum_of_rows": lambda: gpu.reduction("reduce_sum", "f64", (6, 500), (1,)),
    "sum_of_columns": lambda: gpu.reduction("reduce_sum", "f64", (30, 90), (0,)),
    "sum_of_outer_axes": lambda: gpu.reduction("reduce_sum", "f64", (5, 40, 6), (0, 2)),
    "any_of_rows": lambda: gpu.reduction("reduce_or", "bool", (4, 300), (1,)),
    "all": lambda: gpu.reduction("reduce_and", "bool", (3000,), (0,)),
    "smallest_i32": lambda: gpu.reduction("reduce_min", "i32", (3000,), (0,)),
    "largest_of_columns": lambda: gpu.reduction("reduce_max", "f32", (40, 30), (0,)),
    "product_of_floats": lambda: gpu.reduction("reduce_prod", "f64", (20, 9), (1,)),
    "selected_f64": lambda: gpu.selected("f64", 700),
    "selected_i64": lambda: gpu.selected("i64", 300),
    "keys_i64": lambda: gpu.keys("i64"),
    "keys_f32": lambda: gpu.keys("f32"),
    "argmax_of_rows": lambda: gpu.argmax((20, 30), 1),
    "running_sum": lambda: gpu.running((20, 30), 1),
    "heat": lambda: gpu.heat(5, 400),
    "dot_f64": lambda: gpu.product("f64", 7, 30, 11),
    "dot_c64": lambda: gpu.product("c64", 3, 5, 4),
}
STAGES = {
    "fused_f32": ["map"],
    "softmax_of_short_rows": ["rows", "map", "rows", "map"],
    "sum_i64": ["partials", "finish"],
    "sum_of_rows": ["rows"],
    "sum_of_columns": ["map", "map"],
    "running_sum": ["rows"],
    "dot_f64": ["map"],
}
ROUGH = {"f": 3e-5, "d": 1e-10, "F": 3e-5, "D": 1e-10}


def compiled(function: Function, arch: str = "sm_80") -> PtxProgram:
    program = lower(function)
    verify_program(program)
    return ptx_module(program, arch)


def outcome(run: Callable[[], Any]) -> tuple[str, Any]:
    try:
        with np.errstate(all="ignore"):
            return "returned", [np.asarray(r) for r in run()]
    except (ArithmeticError, LookupError, ValueError) as error:
        return type(error).__name__, str(error)


def check(function: Function, args: list[Any], machine: Callable[[str], Machine]) -> PtxProgram:
    ptx = compiled(function)
    typed = [
        np.array(a, p.dtype) if p.rank else np.asarray(a).astype(p.dtype)[()]
        for a, p in zip(args, function.params, strict=True)
    ]
    kind, want = outcome(lambda: interpret(function, args))
    found, got = outcome(lambda: run_program(ptx, typed, machine(ptx.text)))
    assert found == kind
    if kind != "returned":
        assert got == want
        return ptx
    for g, w in zip(got, want, strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        rough = ROUGH.get(w.dtype.char, 0)
        np.testing.assert_allclose(g, w, rtol=rough, atol=rough)
    return ptx


@pytest.mark.parametrize("name", CASES)
def test_function(name: str) -> None:
    ptx = check(*CASES[name](), Simulator)
    if name in STAGES:
        assert [k.stage for k in ptx.kernels] == STAGES[name]


@pytest.mark.parametrize("arch", ["sm_75", "sm_100"])
def test_ptxas_accepts_every_kernel(arch: str, tmp_path: Path) -> None:
    for name, case in CASES.items():
        ptx = compiled(case()[0], arch)
        report = assemble(ptx.text, arch, tmp_path)
        assert all(f"'{k.name}'" in report for k in ptx.kernels), name


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_and_its_derivative(name: str) -> None:
    """What a tape holds stays on the host: such programs are refused, with the reason."""
    function, args, wrt = PROGRAMS[name]()
    for f, given in ((function, args), derivative(function, args, wrt)):
        taped = [r for r in compiled(f).on_host if "tape" in r]
        if not taped:
            check(f, list(given), Simulator)
        else:
            assert f is not function, "only a derivative needs a tape"


def test_nan_and_zeros_in_extremes_and_sums() -> None:
    x = np.zeros(1000)
    function, _ = gpu.reduction("reduce_max", "f64", (1000,), (0,))
    x[[3, 700]] = -1, np.nan
    ptx = compiled(function)
    assert np.isnan(run_program(ptx, [1000, x], Simulator(ptx.text))[0])
    function, _ = gpu.reduction("reduce_sum", "f64", (1000,), (0,))
    ptx = compiled(function)
    (total,) = run_program(ptx, [1000, np.full(1000, -0.0)], Simulator(ptx.text))
    np.testing.assert_array_equal(total, np.full(1000, -0.0).sum())
    assert np.signbit(total) == np.signbit(np.full(1000, -0.0).sum())


def test_the_order_of_a_sum_depends_on_its_size_only() -> None:
    ptx = compiled(gpu.reduction("reduce_sum", "f32", (1,), (0,))[0])
    x = gpu.numbers("f32", (9001,))
    bits = {run_program(ptx, [9001, x], Simulator(ptx.text))[0].tobytes() for _ in range(2)}
    assert len(bits) == 1
    assert ptx.text == compiled(gpu.reduction("reduce_sum", "f32", (1,), (0,))[0]).text


def test_arguments_with_strides_are_read_and_written_in_place() -> None:
    function, _ = gpu.fused("f64", (4, 6))
    program = lower(function, [None, None, (96, -16)])
    ptx = ptx_module(program)
    x = gpu.numbers("f64", (4, 12))[:, ::-2]
    y = gpu.numbers("f64", (4, 6))
    (got,) = run_program(ptx, [4, 6, x, y, 0.5], Simulator(ptx.text))
    np.testing.assert_array_equal(got, np.where(x == 0.5, y, x * y + 0.5))


def test_the_plan_names_kernels_and_grids() -> None:
    plan = compiled(gpu.moments("f64", (5,))[0]).plan
    assert "launch moments_0_total_partials <<<clamp(ceil((%n) / 512), 1, 1024), 128>>>" in plan
    assert "launch moments_0_total_finish <<<1, 128>>> (finish)" in plan


def test_a_kernel_of_one_thread_says_why() -> None:
    product = gpu.unary("running", "f64", (300,), lambda b, x: b.op("cumprod", x, axis=0))
    cases = (
        (product, "each iteration needs what the one before has found"),
        (gpu.keys("i64"), "only the run knows how often it goes round"),
        (gpu.selected("f64", 300), "it touches single elements"),
    )
    for (function, _), reason in cases:
        kernels = compiled(function).kernels
        assert reason in {k.reason for k in kernels}
        assert all(bool(k.reason) == (k.stage == "serial") for k in kernels)


@pytest.mark.skipif(not has_gpu(), reason="no CUDA device")
@pytest.mark.parametrize("name", CASES)
def test_function_on_a_device(name: str) -> None:
    check(*CASES[name](), CupyMachine)
