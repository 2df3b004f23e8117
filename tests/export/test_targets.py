"""Code for other machines, run in an emulator: it answers as the function does here."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.export import programs
from tests.export.programs import SQUARE, XS, X
from tracejit import jit, value_and_grad
from tracejit.calls.versions import Options
from tracejit.errors import UnsupportedError
from tracejit.export.export import exported
from tracejit.export.targets import TARGETS
from tracejit.trees import leaves_of

pytest.importorskip("unicorn")
from tests.export.emulated import run

#: The emulator has no AVX.
CPUS = {"x86-64": "x86-64-v2"}
EMULATED = ["x86-64", "aarch64", "armv7", "thumbv7em", "riscv64"]


def steps(x: Any, a: Any) -> Any:
    y = x @ a
    for k in range(4):
        y = np.cos(y @ a) + k
    return y, y[1:, ::-1].T


def solves(a: Any, b: Any) -> Any:
    return np.sort(np.linalg.solve(a, b.T), axis=0)


@functools.cache
def wanted(name: str) -> list[Any]:
    function, args = {
        "fixed": (programs.fixed, (X, 0.75)),
        "steps": (steps, (XS, XS[:3])),
        "grows": (programs.grows, (X, 0.9)),
        "solves": (solves, (SQUARE, SQUARE[:2])),
    }[name]
    return leaves_of(jit(function)(*args))


def compare(found: tuple[int, list[Any], list[int]], name: str) -> None:
    status, results, _ = found
    assert status == 0
    for x, y in zip(results, wanted(name), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-13)


@pytest.mark.parametrize("target", EMULATED)
def test_fixed_sizes_and_errors(target: str) -> None:
    cpu = CPUS.get(target)
    compare(run(programs.fixed, "(f8[5], f8)", (X, 0.75), target, cpu), "fixed")
    status, _, words = run(programs.fails, "(f8[3], i8, f8)", (X[:3].copy(), 7, 1.0), target, cpu)
    assert [status, words[0] & 0xFFFFFFFF] == [4, 4]  # after memory, and two of a raise
    assert words[1:4] == [7, 0, 3]  # "index 7 is out of bounds for axis 0 with size 3"


@pytest.mark.parametrize("target", ["aarch64", "thumbv7em"])
def test_a_system_is_solved_and_sorted(target: str) -> None:
    cpu = CPUS.get(target)
    signature = "(f8[4, 4], f8[2, 4])"
    compare(run(solves, signature, (SQUARE, SQUARE[:2].copy()), target, cpu), "solves")
    status, _, _ = run(solves, signature, (SQUARE * 0, SQUARE[:2].copy()), target, cpu)
    assert status > 0


@pytest.mark.parametrize("target", ["aarch64", "armv7", "riscv64"])  # x86-64: test_c.py
def test_any_sizes(target: str) -> None:
    compare(run(programs.grows, "(f8[n], f8)", (X, 5, 0.9), target, CPUS.get(target)), "grows")


def test_without_a_heap_blocks_are_counted() -> None:
    """Two blocks of one size: what a step reads, and what it writes."""
    compare(run(steps, (XS, XS[:3]), (XS, XS[:3].copy()), "thumbv7em"), "steps")
    (text,) = exported(steps, Options(), (XS, XS[:3]), TARGETS["thumbv7em"]).texts
    blocks = [line.split(" zero")[0] for line in text.splitlines() if line.startswith("@blocks")]
    assert blocks == ["@blocks.144 = internal global [2 x [144 x i8]]"]
    assert "malloc" not in text


@pytest.mark.parametrize(
    ("function", "signature", "says"),
    [
        (programs.fixed, "(f8[n], f8)", "sizes are numbers: in fixed, n is an extent"),
        (programs.grows, "(f8[5], f8)", "in grows, the run decides the size of a result"),
        (lambda x, n: np.zeros(n).sum() + x, "(f8, i8)", None),
        (
            lambda x, n: np.cumsum(np.zeros(n) + x)[-1],
            "(f8, i8)",
            "without a heap, the size of each array is a number",
        ),
    ],
)
def test_without_a_heap_sizes_are_numbers(function: Any, signature: str, says: str | None) -> None:
    if says is None:  # no array is made of it
        exported(function, Options(), signature, TARGETS["thumbv7em"])
        return
    with pytest.raises(UnsupportedError, match=says):
        exported(function, Options(), signature, TARGETS["thumbv7em"])


def countdown(n: Any) -> Any:
    return 0 if n < 1 else 1 + countdown(n - 1)


def test_calls_within_one_another_need_a_stack() -> None:
    run_time = "(i8)"
    exported(countdown, Options(shapes="dynamic"), run_time, TARGETS["aarch64"])
    for name in ("thumbv7em", "wasm32"):
        with pytest.raises(UnsupportedError, match="no stack for calls within one another"):
            exported(countdown, Options(), run_time, TARGETS[name])


def test_without_a_heap_a_loop_goes_back_if_its_length_is_a_number() -> None:
    def decays(x: Any) -> Any:
        for _ in range(40):
            x = np.sin(x) * x
        return x.sum()

    def halves(x: Any) -> Any:
        while x.max() > 0.1:
            x = x * x / 2
        return x.sum()

    found = run(value_and_grad(decays), "(f8[5])", (X,), "thumbv7em")
    value, slope = value_and_grad(decays)(X)
    np.testing.assert_allclose(found[1][0], value, rtol=1e-12)
    np.testing.assert_allclose(found[1][1], slope, rtol=1e-12)
    with pytest.raises(UnsupportedError, match="the gradient of a loop of which the run"):
        exported(value_and_grad(halves), Options(), "(f8[5])", TARGETS["thumbv7em"])
