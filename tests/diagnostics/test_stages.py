"""``jit(debug=True)`` names the pass or stage, the instruction and the line where results part."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tracejit import InternalError, grad, jit
from tracejit.diagnostics import stages
from tracejit.ir.core import TABLE, Constant, Function, Instr
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.rebuild import each_region

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
    wrong = lambda function, *how: right(divides(function), *how)  # noqa: E731
    if stage == "lower":
        monkeypatch.setattr(stages, "lower", wrong)
    else:
        held: list[Any] = []
        monkeypatch.setattr(
            stages, "lower", lambda f, *how: right(held.append((f, *how)) or f, *how)
        )
        monkeypatch.setattr(stages, "merge", lambda program: wrong(*held[-1]))
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


def effects(mode: Any, x: Any, n: Any) -> Any:
    y = x * 3.0
    x[1] = 7.0  # written
    print("first", n)  # printed
    for k in range(n):
        if x[0] > 100.0:
            raise ValueError(f"{k} is too much")  # raised
        y = y + np.sqrt(x) * k
    print("last")
    return y


Edit = Callable[[Instr], Instr | None]


def edited(edit: Edit) -> Callable[[Function], Function]:
    """A pass that changes instructions one by one, or drops them (None)."""

    def planted(function: Function) -> Function:
        function = each_region(function, planted)
        return replace(function, instrs=tuple(filter(None, map(edit, function.instrs))))

    return planted


def without(name: str) -> Edit:
    return lambda i: None if i.name == name else i


def other_number(i: Instr) -> Instr:
    """Seven becomes eight: wrong by one."""
    if i.name != "constant" or not np.all(i.attrs["value"].array == 7.0):
        return i
    value = i.attrs["value"].array + i.results[0].dtype.type(1)
    return replace(i, attrs={"value": Constant(value, i.results[0].dtype)})


def other_words(i: Instr) -> Instr:
    told = i.name == "raise" or (i.name == "check" and i.attrs["exc"] == "ValueError")
    return replace(i, attrs={**i.attrs, "message": "other words"}) if told else i


@pytest.mark.parametrize("stage", ["pass planted", "lowering"])
@pytest.mark.parametrize(
    ("edit", "first", "says", "comment"),
    [
        (without("write_back"), 1.0, r"leaves \[1., 2.\] in an array of the caller", "written"),
        (other_number, 1.0, r"(leaves|changed) .*8\.", "written"),
        (without("print"), 1.0, r"prints '', and 'first 2\\nlast\\n' before", "printed"),
        (other_words, 200.0, "ends in ValueError: other words, and in ValueError: 0 is", "raised"),
    ],
)
def test_wrong_effects_are_named(
    edit: Edit, first: float, says: str, comment: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted, right = edited(edit), stages.lower
    if stage == "lowering":
        monkeypatch.setattr(stages, "lower", lambda f, *how: right(planted(f), *how))
    else:
        monkeypatch.setattr(stages, "pipeline", lambda **_: (*DEFAULT[:2], planted))
    lines, start = inspect.getsourcelines(effects)
    (at,) = [start + k for k, text in enumerate(lines) if text.endswith(f"# {comment}\n")]
    with pytest.raises(InternalError, match=rf"test_stages\.py:{at}: {stage} {says}"):
        jit(effects, debug=True)(None, np.array([first, 2.0]), 2)


OUTSIDE = np.random.default_rng(7)


def test_draws_and_layouts_are_no_alarm() -> None:
    @jit(debug=True)
    def draws(mode: Any, generator: Any, x: Any) -> Any:
        x += generator.normal(size=3) + OUTSIDE.random() + np.random.rand()
        return x

    x = np.asfortranarray(np.ones((2, 3)))
    np.random.seed(1)
    drawn = draws("text", np.random.default_rng(1), x)
    assert drawn is x
    np.random.seed(1)
    want = 1.0 + np.random.default_rng(1).normal(size=3) + np.random.default_rng(7).random()
    np.testing.assert_allclose(x, [want + np.random.rand()] * 2)
