"""Neighbouring kernels of one thread as one: the Program interpreter gives what it gave before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lower.test_outline import F, outcome
from tracejit import jit
from tracejit.ir.program import kernels, verify_program
from tracejit.lower.device_scalars import device_scalars
from tracejit.lower.expand_masked import plain
from tracejit.lower.join_points import join_points
from tracejit.lower.numbers_in_memory import numbers_in_memory
from tracejit.lower.parallel import Kernel


def by_dot(a: Any, b: Any) -> Any:
    """The sum, what follows it, and elements read before and after: one kernel."""
    for i in range(1, len(a)):
        a[i, 0] -= a[i, 1:] @ b
        a[i, 0] /= a[0, 0]
    return a


def elements(x: Any) -> Any:
    first = x[0]
    x[1] = first * 2.0
    x[0] = x[1] + x[2]
    return x


def around_a_sum(x: Any, y: Any) -> Any:
    """What is written before the sum is in it; what is written after is not."""
    x[0] = y[1]
    total = np.sum(x)
    x[1] = total
    y[0] = x[1] + x[0]
    return x, y


def over_a_check(x: Any, y: Any) -> Any:
    """Nothing moves over a check: x[0] is written before it fails, and x[1] is not."""
    x[0] = x[2]
    if y[0] > 1.0:
        raise ValueError("more than one")
    x[1] = x[0]
    return x


def on_the_host(x: Any, n: int) -> Any:
    """The host needs a sum that kernels need, too."""
    s = int(np.sum(x))
    x[0] = s
    return np.zeros(s + n), x


def between(x: Any, y: Any) -> Any:
    """A loop over all elements in between reads one thing that was written, and writes another."""
    x[0] = 3.0
    z = x * 2.0
    y[1] = x[1]
    x[2] = z[0] + z[1]
    return x, y, z


def line(n: int) -> np.ndarray:
    return np.arange(n) + 1.0


CASES = {
    "dot": (by_dot, lambda: (line(600).reshape(3, 200), line(199)), ["total"]),
    "elements": (elements, lambda: (F(1, 2, 3),), ["serial"]),
    "sum": (around_a_sum, lambda: (line(200), F(4, 5)), ["serial", "total"]),
    "check holds": (over_a_check, lambda: (F(1, 2, 3), F(0)), ["serial", "serial"]),
    "check fails": (over_a_check, lambda: (F(1, 2, 3), F(2)), ["serial", "serial"]),
    "host": (on_the_host, lambda: (np.arange(200), 2), ["total", "map"]),
    "between": (between, lambda: (line(200), F(4, 5)), ["serial", "map", "serial"]),
}


@pytest.mark.parametrize("name", CASES)
def test_same_as_before(name: str) -> None:
    function, make, roles = CASES[name]
    made = jit(function)._dispatcher.version_for(*make()).artefacts
    program = plain(made.program)
    joined = join_points(program)
    verify_program(joined)
    assert outcome(made.traced, joined, make()) == outcome(made.traced, program, make())
    found = [
        Kernel(k.regions[0], k.attrs.get("aliases", ())).phases() for k in kernels(joined.host)
    ]
    assert [phase.role for phases in found for phase in phases] == roles


def scaled(x: Any) -> Any:
    """A sum, arithmetic with it, and a kernel that needs that."""
    return x / np.sqrt(np.sum(x * x)) + x[0]


def chosen(x: Any, y: Any) -> Any:
    """A place that is found, and an element written there: the host checks the place."""
    y[np.argmax(x)] = 7.0
    return y


def asked(x: Any) -> Any:
    """The host needs the sum: nothing stays."""
    s = np.sum(x)
    return x / s if s > 3 else x


STAYING = {
    "scaled": (scaled, lambda: (line(300),), 0),
    "moments": (lambda x: (x - x.mean()) / x.std(), lambda: (line(300),), 0),
    "place": (chosen, lambda: (line(90), np.zeros(90)), 1),
    "asked": (asked, lambda: (line(300),), 1),
}


@pytest.mark.parametrize("name", STAYING)
def test_numbers_stay_on_the_device(name: str) -> None:
    function, make, waits = STAYING[name]
    made = jit(function)._dispatcher.version_for(*make()).artefacts
    program = plain(made.program)
    staying = device_scalars(join_points(program))
    verify_program(staying)
    assert outcome(made.traced, staying, make()) == outcome(made.traced, program, make())
    assert sum(bool(k.results) for k in kernels(staying.host)) == waits


GIVEN_BACK = {
    "made by kernels": (lambda x: (x.sum(), x[1], x + 1, x.max()), lambda: (line(300),)),
    "arithmetic of the host": (lambda x, a: (np.sqrt(x.sum()) + a, x), lambda: (line(9), 2.0)),
    "given": (lambda x, a: (np.float64(a), x.mean()), lambda: (line(9), 2.0)),
}


@pytest.mark.parametrize("name", GIVEN_BACK)
def test_numbers_that_are_given_back_stay_in_memory(name: str) -> None:
    function, make = GIVEN_BACK[name]
    made = jit(function)._dispatcher.version_for(*make()).artefacts
    program = plain(made.program)
    staying = numbers_in_memory(program, range(len(program.results)))
    verify_program(staying)
    assert not staying.host.results
    assert {r.kind for r in staying.results} == {"out"}
    after = device_scalars(join_points(staying))
    for found in (staying, after):
        assert outcome(made.traced, found, make()) == outcome(made.traced, program, make())
    assert not any(k.results for k in kernels(after.host)), "nothing waits"
