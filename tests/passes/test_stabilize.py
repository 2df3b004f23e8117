"""Each stabilising rule: the value at ordinary points is kept, at extreme ones it is the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit.autodiff import grad
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.interpreter import interpret
from tracejit.ir.types import tensor
from tracejit.ir.verifier import verify
from tracejit.passes.stabilize import stabilize

Emit = Callable[[Builder, Value], Value]


def one(b: Builder, x: Value) -> Value:
    return b.lit(1, x)


def log_of_one_plus_exp(b: Builder, x: Value) -> Value:
    return b.op("log", b.op("add", one(b, x), b.op("exp", x)))


def log_of_sigmoid(b: Builder, x: Value) -> Value:
    below = b.op("add", one(b, x), b.op("exp", b.op("neg", x)))
    return b.op("log", b.op("div", one(b, x), below))


def sigmoid_of_exp(b: Builder, x: Value) -> Value:
    e = b.op("exp", x)
    return b.op("div", e, b.op("add", one(b, x), e))


def softmax(b: Builder, x: Value) -> Value:
    e = b.op("exp", x)
    return b.op("div", e, b.broadcast(b.op("reduce_sum", e, axes=(0,)), x.shape, ()))


def log_sum_exp(b: Builder, x: Value) -> Value:
    total = b.op("log", b.op("reduce_sum", b.op("exp", x), axes=(0,)))
    return b.broadcast(total, x.shape, ())


CASES: list[tuple[Emit, list[float], list[float]]] = [
    (lambda b, x: b.op("log", b.op("exp", x)), [1000.0, -1000.0], [1000.0, -1000.0]),
    (lambda b, x: b.op("log", b.op("add", x, one(b, x))), [1e-20], [1e-20]),
    (lambda b, x: b.op("log", b.op("sub", one(b, x), x)), [1e-20], [-1e-20]),
    (lambda b, x: b.op("sub", b.op("exp", x), one(b, x)), [1e-20], [1e-20]),
    (log_of_one_plus_exp, [1000.0, -50.0], [1000.0, float(np.exp(-50.0))]),
    (lambda b, x: b.op("log1p", b.op("exp", x)), [1000.0], [1000.0]),
    (log_of_sigmoid, [-1000.0, 50.0], [-1000.0, float(-np.exp(-50.0))]),
    (sigmoid_of_exp, [1000.0, -1000.0], [1.0, 0.0]),
    (softmax, [1000.0, 1000.0], [0.5, 0.5]),
    (log_sum_exp, [1000.0, -1000.0], [1000.0, 1000.0]),
]


def function_of(emit: Emit, size: int) -> Function:
    b = Builder("subject")
    x = b.param(tensor("f64", (size,)))
    return b.build([emit(b, x)])


@pytest.mark.parametrize("case", range(len(CASES)))
def test_rule(case: int) -> None:
    emit, extreme, truth = CASES[case]
    function = function_of(emit, len(extreme))
    after = stabilize(function)
    verify(after)
    np.testing.assert_allclose(interpret(after, [extreme])[0], truth, rtol=1e-12)
    before = interpret(function, [extreme])[0]
    assert not np.allclose(before, truth, rtol=1e-12, atol=0)
    plain = np.linspace(-0.5, 0.4, len(extreme))
    np.testing.assert_allclose(
        interpret(after, [plain])[0], interpret(function, [plain])[0], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("emit", "x", "slope"),
    [
        (log_of_one_plus_exp, [1000.0], [1.0]),
        (log_sum_exp, [1000.0, 1000.0], [0.5, 0.5]),
    ],
)
def test_gradients_are_finite_where_the_truth_is(
    emit: Emit, x: list[float], slope: list[Any]
) -> None:
    b = Builder("loss")
    p = b.param(tensor("f64", (len(x),)))
    out = emit(b, p)
    mean = b.op("div", b.op("reduce_sum", out, axes=(0,)), b.const(float(len(x))))
    derivative = grad(b.build([mean]), [0])
    assert not np.isfinite(interpret(derivative, [x])[1]).all()
    np.testing.assert_allclose(
        interpret(stabilize(derivative), [x])[1] * len(x), np.multiply(slope, len(x))
    )


def test_only_what_is_named_changes() -> None:
    b = Builder("some")
    x = b.param(tensor("f64"))
    first = b.op("log", b.op("add", b.const(1.0), x))
    second = b.op("log", b.op("add", x, b.const(1.0)))
    function = b.build([first, second])
    assert stabilize(function, only=()) is function
    after = stabilize(function, only={second})
    assert [i.name for i in after.instrs].count("log1p") == 1
    assert after.results[0] is first
