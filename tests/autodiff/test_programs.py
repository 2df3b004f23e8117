"""Derivatives through loops, branches and mutation, to second order, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

from tests.autodiff.programs import PROGRAMS, for_loop
from tests.autodiff.test_rows import run
from tracejit.autodiff import grad, jvp, vjp
from tracejit.autodiff.numeric import check_function
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import INDEX, tensor


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives(name: str) -> None:
    function, args, wrt = PROGRAMS[name]()
    check_function(function, args, wrt, run, order=2)


def _loops(function: Function) -> list[Instr]:
    return [i for i in function.instrs if i.name == "for"]


def test_an_undone_array_is_not_kept_whole() -> None:
    """The forward loop keeps one overwritten element per trip, not an array per trip."""
    function, args, wrt = PROGRAMS["gauss_seidel"]()
    forward, backward = _loops(vjp(function, wrt))
    kept = [r.shape for r in forward.results[1:]]
    assert [s[1:] for s in kept] == [(1,)]
    stored = [i for i in backward.regions[0].instrs if i.name == "put_slice"]
    assert stored, "the reverse loop puts the old elements back"
    got = interpret(vjp(function, wrt), [*args, np.ones(6)])
    assert len(got) == 2


def test_the_undo_log_reaches_through_nested_loops() -> None:
    """LU keeps the rows it overwrites: a triangle of windows, never the matrix."""
    function, _, wrt = PROGRAMS["lu"]()
    forward, backward = _loops(vjp(function, wrt))
    (push,) = (i for i in forward.regions[0].instrs if i.name == "push")
    outside = function.params[0].shape
    assert all(v.shape != outside for v in push.operands[1:])
    inner = _loops(backward.regions[0])
    assert len(inner) == 1
    assert [r.shape for r in inner[0].results] == [(4, 4), (4, 4)]  # cotangent and array


def test_reading_an_element_costs_an_element() -> None:
    """The cotangent of a loop constant is carried and added into, never rebuilt."""
    function, _, wrt = PROGRAMS["recurrence"]()
    _, backward = _loops(vjp(function, wrt))
    wide = [i.name for i in backward.regions[0].instrs for r in i.results if r.shape == (5,)]
    assert wide == ["add_slice"]


def test_errors_stay_in_the_derivative() -> None:
    function, _, wrt = PROGRAMS["raising_branch"]()
    for transform in (jvp, vjp):
        derivative = transform(function, wrt)
        with pytest.raises(ValueError, match="not positive"):
            run(derivative, [-np.ones(3), np.ones(3)])
        with pytest.raises(ValueError, match="too large"):
            run(derivative, [np.full(3, 50.0), np.ones(3)])


def test_prints_happen_once_and_writes_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    b = Builder("noisy")
    x = b.param(tensor("f64", (2,)))
    y = b.op("exp", x)
    b.op("print", parts=("seen",), sep=" ", end="\n")
    b.op("write_back", y, arg=0)
    function = b.build([b.op("reduce_sum", b.op("mul", y, y), axes=(0,))])
    written: list[int] = []
    for derivative, args in ((jvp(function, [0]), 2), (grad(function, [0]), 1)):
        values = [np.array([0.1, 0.2])] * args
        interpret(derivative, values, write_back=lambda k, _: written.append(k))
        assert capsys.readouterr().out == "seen\n"
    assert written == []


def test_a_loop_that_always_raises() -> None:
    b = Builder("raises")
    n, x = b.param(INDEX), b.param(tensor("f64", (2,)))

    def body(b: Builder, i: Value, x: Value) -> list[Value]:
        b.op("raise", exc="ZeroDivisionError", message="no")
        return []

    function = b.build([for_loop(b, n, [x], [], body)])
    got = run(vjp(function, [1]), [0, np.ones(2), np.array([3.0, 4.0])])
    np.testing.assert_array_equal(got[1], [3.0, 4.0])
    with pytest.raises(ZeroDivisionError):
        run(vjp(function, [1]), [1, np.ones(2), np.ones(2)])


def test_only_real_numbers_have_derivatives() -> None:
    b = Builder("ints")
    n = b.param(tensor("i64", (2,)))
    function = b.build([b.convert(n, "f64")])
    with pytest.raises(TypeError, match="only floating and complex"):
        vjp(function, [0])


def test_cotangents_of_a_shape_found_on_the_way() -> None:
    b = Builder("positive")
    x = b.param(tensor("f64", (4,)))
    mask = b.op("gt", x, b.zeros_like(x))
    _, kept = b.op("compress", x, mask, axis=0)
    function = b.build([b.op("mul", kept, kept)])
    pull = vjp(function, [0])
    args = np.array([1.0, -2.0, 3.0, -4.0])
    got = run(pull, [args, 2, np.array([1.0, 10.0])])
    np.testing.assert_array_equal(got[1], [2.0, 0.0, 60.0, 0.0])
    with pytest.raises(ValueError, match="another shape"):
        run(pull, [args, 3, np.ones(3)])


def test_third_order_through_a_loop() -> None:
    function, args, wrt = PROGRAMS["recurrence"]()
    check_function(function, args, wrt, run, order=3)


def test_a_host_call_on_an_active_value_is_an_error() -> None:
    b = Builder("hosted")
    x = b.param(tensor("f64", (3,)))
    y = b.op("host_call", x, fn=np.sort, types=(x.type,))
    function = b.build([y])
    for transform in (jvp, vjp):
        with pytest.raises(TypeError, match="host_call\\) has no derivative"):
            transform(function, [0])
