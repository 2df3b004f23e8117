"""Calls of a library are pure instructions: merged, hoisted and dropped; their errors are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import check_grads, jit
from tracejit.ir.arguments import ArrayArg
from tracejit.ir.core import Function
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import run
from tracejit.trace.driver import trace

A = np.array([[4.0, 1.0, -0.5], [0.3, 3.0, 0.25], [1.5, -1.0, 5.0]])


def twice(a: Any) -> Any:
    return np.linalg.inv(a) + np.linalg.inv(a)


def after_what_changes(a: Any) -> Any:
    first = np.linalg.det(a)
    a[0, 0] += 1
    return first + np.linalg.det(a)


def dead(a: Any) -> Any:
    np.sort(a)
    np.fft.fft(a)
    np.linalg.qr(a)
    return a.sum()


def dead_but_may_fail(a: Any) -> Any:
    np.linalg.inv(a)
    return a.sum()


def invariant(a: Any) -> Any:
    total = 0.0
    for i in range(5):
        total += np.linalg.det(a) * i + np.linalg.inv(a)[0, 0]
    return total


def one_transform(a: Any) -> Any:
    return np.abs(np.fft.fft(a)) + np.angle(np.fft.fft(a)) + np.sort(a) * np.sort(a)


def counted(function: Function, inside: bool = False) -> Counter[str]:
    """Calls of libraries, those in loops with a star."""
    found: Counter[str] = Counter()
    for instr in function.instrs:
        if instr.prim.kind == "extern":
            found[instr.name + "*" * inside] += 1
        for region in instr.regions:
            found += counted(region, instr.name in ("for", "while") or inside)
    return found


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (twice, {"inv": 1}),
        (after_what_changes, {"det": 2}),
        (dead, {}),
        (dead_but_may_fail, {"inv": 1}),
        (invariant, {"det": 1, "inv": 1}),
        (one_transform, {"fft": 1, "sort": 1}),
    ],
)
def test_calls(function: Callable[..., Any], calls: dict[str, int]) -> None:
    ir = run(trace(function, [ArrayArg(A.dtype, A.shape)]).function, DEFAULT)
    assert counted(ir) == calls
    np.testing.assert_allclose(jit(function)(A.copy()), function(A.copy()), rtol=1e-12)


def test_an_error_keeps_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Also of a call whose result nobody wants, and of one that has left its loop."""

    def printing(a: Any, n: int) -> Any:
        print("before")
        for i in range(n):
            print("in")
            np.linalg.inv(a)
            print("after")
        return a

    jit(printing)(A * 0, 0)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        jit(printing)(A * 0, 2)
    assert capsys.readouterr().out.split() == ["before", "before", "in"]


def test_an_error_may_be_caught() -> None:
    def guarded(a: Any) -> Any:
        try:
            return np.linalg.cholesky(a)[0, 0]
        except np.linalg.LinAlgError as error:
            return float(len(str(error)))

    compiled = jit(guarded)
    for a in (A @ A.T, -A @ A.T):
        assert compiled(a) == guarded(a)


# Derivatives in programs, compiled ------------------------------------------------------------


def log_likelihood(a: Any) -> Any:
    """A Gaussian's, its Cholesky factor in a loop."""
    total = 0.0
    for k in range(3):
        low = np.linalg.cholesky(a @ a.T + (k + 1) * np.eye(3))
        white = np.linalg.solve(low, a[:, k])
        total += 2 * np.sum(np.log(np.diag(low))) + white @ white
    return total


def newton(a: Any) -> Any:
    x, steps = a[:, 0].copy(), 0
    while steps < 4:
        x = x - np.linalg.solve(a + np.diag(3 * x**2), a @ x + x**3 - a[0])
        steps += 1
    return np.sum(x)


def rows(a: Any) -> Any:
    out = np.zeros_like(a)
    for i in range(a.shape[0]):
        out[i] = np.fft.irfft(np.fft.rfft(a[i]) * (i + 1j), a.shape[1])
    return np.sum(out * out * a)


def chosen(a: Any) -> Any:
    if np.linalg.det(a) > 0:
        return np.sum(np.linalg.eigh(a + a.T)[0] ** 3)
    return np.sum(a)


def caught(a: Any) -> Any:
    try:
        low = np.linalg.cholesky(a @ a.T)
    except np.linalg.LinAlgError:
        return np.sum(a)
    return np.sum(np.linalg.slogdet(low)[1] * np.linalg.pinv(a))


@pytest.mark.parametrize("function", [log_likelihood, newton, rows, chosen, caught])
def test_derivatives_of_programs(function: Callable[..., Any]) -> None:
    check_grads(function, (A,), order=2)
