"""Each stabilising rule: the value at ordinary points is kept, at extreme ones it is the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit.autodiff import grad
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import tensor
from tracejit.ir.verifier import verify
from tracejit.passes.stabilize import RULES, stabilize
from tracejit.passes.stable import Rule, Stable

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


def lit(b: Builder, x: Value, number: float) -> Value:
    return b.lit(number, x)


def sigma(b: Builder, x: Value) -> Value:
    return b.op("div", one(b, x), b.op("add", one(b, x), b.op("exp", b.op("neg", x))))


def half_of_one_plus_tanh(b: Builder, x: Value) -> Value:
    t = b.op("tanh", b.op("mul", x, lit(b, x, 0.5)))
    return b.op("mul", lit(b, x, 0.5), b.op("add", one(b, x), t))


def rest(b: Builder, x: Value) -> Value:
    return b.op("sub", one(b, x), sigma(b, x))


def exps(name: str, b: Builder, x: Value) -> Value:
    return b.op(name, b.op("exp", x), b.op("exp", b.op("neg", x)))


def exp_of(b: Builder, x: Value, factor: float = 1.0) -> Value:
    return b.op("exp", b.op("mul", x, lit(b, x, factor)))


def log_of(name: str) -> Emit:
    return lambda b, x: b.op("log", b.op(name, x))


def norm(b: Builder, x: Value) -> Value:
    """Of ``(x, x)``, in float32: squares overflow from 1e19 on."""
    x = b.convert(x, "f32")
    s = b.op("add", b.op("mul", x, x), b.op("mul", x, x))
    return b.convert(b.op("sqrt", s), "f64")


def norm_to(power: float) -> Emit:
    def emit(b: Builder, x: Value) -> Value:
        x = b.convert(x, "f32")
        s = b.op("add", b.op("mul", x, x), b.op("mul", x, x))
        return b.convert(b.op("pow", s, b.lit(power, s)), "f64")

    return emit


def unit(b: Builder, x: Value) -> Value:
    """``x * (x**2 + x**2) ** -0.5``, of float32 numbers."""
    x = b.convert(x, "f32")
    s = b.op("add", b.op("mul", x, x), b.op("mul", x, x))
    return b.convert(b.op("mul", x, b.op("pow", s, b.lit(-0.5, s))), "f64")


def log_of_squares(b: Builder, x: Value) -> Value:
    return b.op("log", b.op("add", b.op("mul", x, x), b.op("mul", x, x)))


ROOT2 = float(np.sqrt(2.0))
LN2 = float(np.log(2.0))
CASES: list[tuple[Emit, list[float], list[float]]] = [
    (half_of_one_plus_tanh, [-50.0, 800.0], [float(np.exp(-50.0)), 1.0]),
    (rest, [50.0, -1000.0], [float(np.exp(-50.0)), 1.0]),
    (lambda b, x: b.op("div", sigma(b, x), rest(b, x)), [50.0], [float(np.exp(50.0))]),
    (lambda b, x: b.op("div", b.op("sinh", x), b.op("cosh", x)), [1000.0, -1000.0], [1.0, -1.0]),
    (lambda b, x: b.op("log", exps("add", b, x)), [1000.0, -1000.0], [1000.0, 1000.0]),
    (lambda b, x: b.op("log", exps("sub", b, x)), [1000.0, 1e-18], [1000.0, float(np.log(2e-18))]),
    (log_of("cosh"), [1000.0, 1e-8], [1000.0 - LN2, 5e-17]),
    (log_of("tanh"), [40.0, 1e-8], [-2 * float(np.exp(-80.0)), float(np.log(1e-8))]),
    (log_of("expm1"), [1000.0, 40.0], [1000.0, 40.0 - float(np.exp(-40.0))]),
    (
        lambda b, x: b.op("log", b.op("sub", exp_of(b, x, 2.0), exp_of(b, x))),
        [500.0, 1e-17],
        [1000.0, float(np.log(1e-17))],
    ),
    (lambda b, x: b.op("log1p", b.op("neg", b.op("exp", x))), [-1e-18], [float(np.log(1e-18))]),
    (
        lambda b, x: b.op("log1p", b.op("mul", lit(b, x, 3.0), b.op("exp", x))),
        [1000.0],
        [1000.0 + float(np.log(3.0))],
    ),
    (
        lambda b, x: b.op(
            "log", b.op("add", one(b, x), b.op("mul", lit(b, x, 3.0), b.op("exp", x)))
        ),
        [1000.0, -50.0],
        [1000.0 + float(np.log(3.0)), 3 * float(np.exp(-50.0))],
    ),
    (lambda b, x: b.op("log2", b.op("exp", x)), [1000.0], [1000.0 / LN2]),
    (lambda b, x: b.op("log10", b.op("exp", x)), [1000.0], [1000.0 / float(np.log(10.0))]),
    (lambda b, x: b.op("sqrt", b.op("exp", x)), [1000.0, -1000.0], list(np.exp([500.0, -500.0]))),
    (lambda b, x: b.op("pow", b.op("exp", x), lit(b, x, 0.25)), [1000.0], [float(np.exp(250.0))]),
    (lambda b, x: b.op("div", b.op("exp", x), exp_of(b, x, 0.5)), [1000.0], [float(np.exp(500.0))]),
    (norm, [3e30, 3e-30], [ROOT2 * 3e30, ROOT2 * 3e-30]),
    (norm_to(-0.5), [3e30, 3e-30], [1 / (ROOT2 * 3e30), 1 / (ROOT2 * 3e-30)]),
    (norm_to(0.25), [3e30], [float(np.sqrt(ROOT2 * 3e30))]),
    (unit, [3e30, -3e30], [1 / ROOT2, -1 / ROOT2]),
    (
        lambda b, x: b.op("log", b.op("mul", x, x)),
        [1e300, -1e-300],
        [1381.5510557964275, -1381.5510557964275],
    ),
    (
        lambda b, x: b.op("log", b.op("pow", x, lit(b, x, 3.0))),
        [1e200],
        [600 * float(np.log(10.0))],
    ),
    (lambda b, x: b.op("log", b.op("abs", b.op("sinh", x))), [-1000.0], [1000.0 - LN2]),
    (
        lambda b, x: b.op("div", b.op("sub", b.op("exp", x), one(b, x)), x),
        [1e-12, 0.0],
        [1.0 + 5e-13, 1.0],
    ),
    (lambda b, x: b.op("div", b.op("sin", x), x), [0.0], [1.0]),
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
    close = 1e-6 if any(i.name == "convert" for i in function.instrs) else 1e-12
    np.testing.assert_allclose(interpret(after, [extreme])[0], truth, rtol=close)
    before = interpret(function, [extreme])[0]
    assert not np.allclose(before, truth, rtol=close, atol=0)
    plain = np.linspace(0.4, 0.7, len(extreme))
    np.testing.assert_allclose(
        interpret(after, [plain])[0], interpret(function, [plain])[0], rtol=close
    )


def test_every_rule_has_a_case() -> None:
    fired: set[str] = set()

    def watched(rule: Rule) -> Rule:
        def apply(re: Stable, instr: Instr) -> Value | None:
            by = rule(re, instr)
            if by is not None:
                fired.add(rule.__name__)
            return by

        return apply

    rules = {name: tuple(map(watched, group)) for name, group in RULES.items()}
    for emit, extreme, _ in CASES:
        stabilize(function_of(emit, len(extreme)), rules=rules)
    assert {rule.__name__ for group in RULES.values() for rule in group} == fired


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
    function = b.build([mean])
    derivative = grad(function, [0])
    assert not np.isfinite(interpret(derivative, [x])[1]).all()
    np.testing.assert_allclose(
        interpret(grad(stabilize(function), [0]), [x])[1] * len(x), np.multiply(slope, len(x))
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
