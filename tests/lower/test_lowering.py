"""Function -> Program: the lowered (and merged) program computes what the interpreter computes,
frees what it allocates, and copies nothing where nothing needs copying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tests.autodiff.programs import PROGRAMS
from tests.programs import all_programs
from tracejit import jit
from tracejit.autodiff import jvp, vjp
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, type_uses
from tracejit.ir.interpret.interpreter import interpret, number
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.printer import format_function
from tracejit.ir.program import Program, kernels, verify_program
from tracejit.ir.types import tensor
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import run


def arguments(function: Function, seed: int, given: Sequence[Any]) -> list[Any]:
    """The given arguments, then random ones for the parameters that a transform added."""
    rng = np.random.default_rng(seed)
    out = [np.array(a, dtype=p.dtype) for a, p in zip(given, function.params, strict=False)]
    for p in function.params[len(out) :]:
        env = dict(zip(function.params, out, strict=False))
        out.append(np.asarray(rng.standard_normal([number(d, env) for d in p.shape]), p.dtype))
    return out


def same_as_interpreter(function: Function, args: Sequence[Any]) -> Program:
    """Lower, verify, run on copies and compare results and what is left in the arguments."""
    program = merge(lower(function))
    verify_program(program)
    want_args = [np.array(a) for a in args]

    def write_back(k: int, value: Any) -> None:
        want_args[k][...] = value

    want = interpret(function, args, write_back=write_back)
    left = [np.array(a) for a in args]
    got = interpret_program(program, left)
    for w, g in zip([*want, *want_args], [*got, *left], strict=True):
        g = np.asarray(g)
        assert g.dtype == w.dtype
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-12)
    return program


def static_results(name: str) -> bool:
    """Whether cotangents of a program have known extents."""
    function = PROGRAMS[name]()[0]
    known = set(function.params)
    return all(v in known for r in function.results for v in type_uses(r.type))


CASES = [(n, t) for n in PROGRAMS for t in ("primal", "jvp")]
CASES += [(n, t) for n in PROGRAMS if static_results(n) for t in ("vjp", "vjp, simplified")]


@pytest.mark.parametrize(("name", "transform"), CASES)
def test_program(name: str, transform: str) -> None:
    function, given, wrt = PROGRAMS[name]()
    if transform == "jvp":
        function = jvp(function, wrt)
    elif transform.startswith("vjp"):
        function = vjp(function, wrt)
    if transform.endswith("simplified"):
        function = run(function, DEFAULT)
    same_as_interpreter(function, arguments(function, 0, given))


COPY_FREE = (
    "lu lu_pivoted cholesky gram_schmidt forward_substitution back_substitution thomas householder "
    "heat_1d heat_3d seidel fdtd_2d wave adi blur smooth cavity_pressure"
).split()


@pytest.mark.parametrize("name", COPY_FREE)
def test_factorisations_and_stencils_copy_nothing_in_loops(name: str) -> None:
    program = next(p for p in all_programs.ALL if p.name == name)
    copied = jit(program.fn).explain(*program.arguments(0))
    assert "in a loop" not in copied


def test_an_operand_still_needed_is_copied_once() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (4,)))
    y = b.op("mul", x, x)
    z = b.op("put_slice", y, b.full(1.0, tensor("f64", (2,))), *b.bounds([1], None))
    function = b.build([y, z])
    program = same_as_interpreter(function, [np.arange(4.0)])
    assert len(program.copies) == 1


def test_a_stencil_reads_before_it_overwrites() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (6,)))
    left, right = b.slice(x, [0], (4,)), b.slice(x, [2], (4,))
    y = b.op("put_slice", x, b.op("add", left, right), *b.bounds([1], None))
    b.op("write_back", y, arg=0)
    program = same_as_interpreter(b.build([]), [np.arange(6.0) ** 2])
    assert len(list(kernels(program.host))) == 2
    assert program.copies == ()


def test_an_elementwise_update_is_one_kernel_in_place() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (3, 5)))
    y = b.op("add", b.op("mul", x, x), b.full(1.0, x.tensor))
    b.op("write_back", y, arg=0)
    program = same_as_interpreter(b.build([]), [np.arange(15.0).reshape(3, 5)])
    assert "alloc" not in format_function(program.host)
    assert len(list(kernels(program.host))) == 1


def test_softmax_is_one_pass_over_rows() -> None:
    b = Builder("softmax")
    x = b.param(tensor("f64", (4, 7)))
    top = b.op("reduce_max", x, axes=(1,))
    e = b.op("exp", b.op("sub", x, b.broadcast(top, x.shape, (0,))))
    total = b.op("reduce_sum", e, axes=(1,))
    function = b.build([b.op("div", e, b.broadcast(total, x.shape, (0,)))])
    program = same_as_interpreter(function, [np.random.default_rng(0).normal(size=(4, 7))])
    assert len(list(kernels(program.host))) == 1


def test_kernels_do_not_merge_where_rows_need_each_other() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (6, 4)))
    y = b.op("exp", x)
    up = b.slice(y, [0, 0], (5, 4))
    down = b.slice(y, [1, 0], (5, 4))
    function = b.build([y, b.op("sub", b.op("mul", up, down), up)])
    program = same_as_interpreter(function, [np.random.default_rng(0).normal(size=(6, 4))])
    assert len(list(kernels(program.host))) == 2


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("name", ["reduce_min", "reduce_max"])
def test_extremes_with_nan_and_zeros(dtype: str, name: str) -> None:
    b = Builder("f")
    x = b.param(tensor(dtype, (5,)))
    function = b.build([b.op(name, x, axes=(0,))])
    program = merge(lower(function))
    for values in (
        [1.0, -3.0, 2.0, -0.0, 0.5],
        [np.inf, -np.inf, 1.0, 2.0, 3.0],
        [1.0, np.nan, 2.0, 3.0, 4.0],
        [-np.nan, -np.inf, 2.0, 3.0, 4.0],
        [-1.0, -2.0, -3.0, -4.0, -5.0],
    ):
        array = np.array(values, function.params[0].dtype)
        (got,) = interpret_program(program, [array])
        (want,) = interpret(function, [array])
        np.testing.assert_array_equal(got, want)


def test_rows_of_a_run_time_length_that_may_be_one() -> None:
    def total(x: np.ndarray, count: int) -> float:
        found = 0.0
        for i in range(count):
            table = np.zeros((2, 2**i))
            table[:] = x[: 2**i]  # the row has 1, 2, 4 elements: the first is repeated
            found += table.sum()
        return found

    x = np.arange(8.0)
    assert jit(total)(x, 3) == total(x, 3)


def test_a_join_of_many_pieces() -> None:
    """Searched by halves: neither the compiler's stack nor an element's cost grows with them."""

    def rows(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.array([row.sum() for row in x])

    x = np.arange(1200.0).reshape(400, 3)
    np.testing.assert_array_equal(jit(rows)(x), rows(x))
