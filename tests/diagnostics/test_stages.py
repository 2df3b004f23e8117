"""``jit(debug=True)`` names the pass or stage, the instruction and the line where results part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import InternalError, grad, jit
from tracejit.diagnostics import stages
from tracejit.ir.core import TABLE, Function, Instr
from tracejit.passes.pipeline import DEFAULT

X = np.linspace(0.5, 2.0, 4)


def subject(x: Any, n: Any) -> Any:
    y = np.sin(x) + 1.0
    z = y * x  # the planted pass makes this a quotient
    for _ in range(n):
        z = z + np.sqrt(y)
    return z.sum(), z


LINE = subject.__code__.co_firstlineno + 2


def divides(function: Function) -> Function:
    """A wrong pass: the product of two parameters of the program becomes a quotient."""
    instrs = [
        Instr(TABLE["div"], i.operands, i.attrs, i.regions, i.results, i.loc)
        if i.name == "mul" and i.loc is not None and i.loc.line == LINE
        else i
        for i in function.instrs
    ]
    return Function(function.name, function.params, tuple(instrs), function.results)


def test_a_right_compiler_passes() -> None:
    checked = jit(subject, debug=True)
    for n in (0, 3):
        np.testing.assert_allclose(checked(X, n)[0], subject(X, n)[0])
    np.testing.assert_allclose(jit(grad(lambda x: subject(x, 2)[0]), debug=True)(X).shape, (4,))


def test_it_passes_what_writes_prints_and_raises(capsys: pytest.CaptureFixture[str]) -> None:
    @jit(debug=True)
    def effects(x: Any) -> Any:
        x[0] += 1.0
        print("one")
        if x[1] > 9.0:
            raise ValueError("too much")
        return x

    x = np.ones(3)
    assert effects(x) is x
    assert x[0] == 2.0
    assert capsys.readouterr().out == "one\n"
    with pytest.raises(ValueError, match="too much"):
        effects(np.full(3, 10.0))

    @jit(debug=True)
    def asserts(x: Any) -> Any:
        assert x[0] > 0.0, "not positive"
        return x + 1.0

    with pytest.raises(AssertionError, match="not positive"):
        asserts(-X)


def test_a_wrong_pass_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = (*DEFAULT[:2], divides, *DEFAULT[2:])
    monkeypatch.setattr(stages, "pipeline", lambda **_: passes)
    says = rf"test_stages\.py:{LINE}: pass divides changed .* at div\(float64\[4\], float64\[4\]\)"
    with pytest.raises(InternalError, match=says):
        jit(subject, debug=True)(X, 2)


@pytest.mark.parametrize(("stage", "name"), [("lower", "lowering"), ("merge", "fusion of kernels")])
def test_a_wrong_stage_is_named(stage: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = stages.lower
    wrong = lambda function: right(divides(function))  # noqa: E731
    if stage == "lower":
        monkeypatch.setattr(stages, "lower", wrong)
    else:
        held: list[Function] = []
        monkeypatch.setattr(
            stages, "lower", lambda function: right(held.append(function) or function)
        )
        monkeypatch.setattr(stages, "merge", lambda program: wrong(held[-1]))
    with pytest.raises(InternalError, match=rf"test_stages\.py:\d+: {name} changed what"):
        jit(subject, debug=True)(X, 2)


def test_wrong_native_code_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = stages.compile_program

    class Wrong:
        def __init__(self, program: Any) -> None:
            self.made = right(program)

        def call(self, *args: Any) -> Any:
            first, *rest = self.made.call(*args)
            return [first * (1.0 + 1e-9), *rest]

    monkeypatch.setattr(stages, "compile_program", Wrong)
    with pytest.raises(InternalError, match="native code changed what reduce_sum"):
        jit(subject, debug=True)(X, 2)
