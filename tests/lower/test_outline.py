"""Host loops over elements as kernels: the Program interpreter gives what it gave before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.programs import all_programs
from tests.trace.running import call_traced
from tracejit import jit, trees
from tracejit.ir.core import Function
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import Program, kernels, verify_program
from tracejit.lower.expand_masked import plain
from tracejit.lower.outline import outline
from tracejit.lower.parallel import Kernel


def running(x: Any) -> Any:
    for i in range(1, len(x)):
        x[i] += 0.5 * x[i - 1]
    return x


def escape(c: Any, most: int) -> Any:
    out = np.zeros(len(c), dtype=np.int64)
    for k in range(len(c)):
        z = 0j
        n = 0
        while abs(z) < 2.0 and n < most:
            z = z * z + c[k]
            n += 1
        out[k] = n
    return out


def counted(x: Any, index: Any) -> Any:
    for i in range(len(index)):
        x[index[i]] += 1
    return x


def in_the_test(x: Any, limit: float) -> int:
    i = 0
    while x[i] < limit:
        x[i] = -1.0
        i += 1
    return i


def in_a_branch(x: Any) -> float:
    total = 0.0
    for i in range(len(x)):
        if x[i] < 0:
            raise ValueError(f"negative at {i}")
        x[i] = 0.0
        total += i
    return total


def in_an_inner_loop(x: Any, n: int) -> int:
    big = 1
    for i in range(len(x)):
        for _ in range(n):
            big *= 1000
        x[i] = 1.0
    return big


def after_a_branch(x: Any, at: int) -> Any:
    for i in range(len(x)):
        if x[i] > 1.0:
            y = x[at]
        else:
            y = 1.0
        x[i] = -y
    return x


def swapped(a: Any, b: Any, steps: int) -> Any:
    for _ in range(steps):
        for i in range(len(a) - 1):
            b[i] = a[i + 1] - a[i]
        a, b = b, a
    return a


def overlapping(x: Any) -> Any:
    left, right = x[:-1], x[1:]
    for i in range(len(left)):
        right[i] += left[i]
    return x


def F(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


CASES: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Any, ...]], int]] = {
    "carried": (running, lambda: (F(1, 2, 3, 4),), 1),
    "while inside": (escape, lambda: (np.array([0.1, 1, -2j, 0.3j]), 20), 2),
    "index in range": (counted, lambda: (np.zeros(3), np.array([1, 2, 1, -3])), 3),
    "index out of range": (counted, lambda: (np.zeros(3), np.array([1, 3, 1])), 3),
    "test in range": (in_the_test, lambda: (F(1, 2, 5), 3.0), 2),
    "test fails": (in_the_test, lambda: (F(1, 2), 3.0), 2),
    "raise not reached": (in_a_branch, lambda: (F(1, 2),), 1),
    "raise": (in_a_branch, lambda: (F(1, 2, -1, 3),), 1),
    "inner loop": (in_an_inner_loop, lambda: (F(1, 2), 2), 1),
    "inner loop fails": (in_an_inner_loop, lambda: (F(1, 2, 3), 4), 1),
    "branch": (after_a_branch, lambda: (F(0, 2, 1), 2), 1),
    "branch fails": (after_a_branch, lambda: (F(0, 2, 1), 7), 1),
    "swapped names": (swapped, lambda: (F(1, 4, 9), F(0, 0, 0), 3), -1),
    "views of one buffer": (overlapping, lambda: (F(1, 2, 3),), 1),
}


def outcome(traced: Any, program: Program, args: tuple[Any, ...]) -> tuple[Any, ...]:
    def execute(values: Any, write_back: Any) -> Any:
        return interpret_program(program, values)

    try:
        with np.errstate(all="ignore"):
            returned = trees.leaves_of(call_traced(traced, args, execute))
            results = [np.asarray(r).tolist() for r in returned]
    except (ArithmeticError, LookupError, ValueError) as error:
        results = [type(error).__name__, str(error)]
    return results, [a.tolist() for a in args if isinstance(a, np.ndarray)]


@pytest.mark.parametrize("name", CASES)
def test_same_as_before(name: str) -> None:
    function, make, count = CASES[name]
    compiled = jit(function, shapes="dynamic")
    made = compiled._dispatcher.version_for(*make()).artefacts
    program = plain(made.program)
    outlined = outline(program)
    verify_program(outlined)
    found = outcome(made.traced, outlined, make())
    assert found == outcome(made.traced, program, make())
    if count >= 0:
        assert len(list(kernels(outlined.host))) == count
        assert not _loops(outlined.host)


def _loops(function: Function) -> list[str]:
    return [i.name for i in function.instrs if i.name in ("for", "while")]


def test_of_nested_loops_the_one_that_is_parallel() -> None:
    def smooth(x: Any, steps: int) -> Any:
        y = np.zeros(len(x))
        for _ in range(steps):
            for i in range(1, len(x) - 1):
                y[i] = x[i - 1] + x[i + 1]
            for i in range(1, len(x) - 1):
                x[i] = 0.5 * y[i]
        return x

    program = jit(smooth, shapes="dynamic")._dispatcher.version_for(F(1, 2, 3, 4), 2)
    outlined = outline(plain(program.artefacts.program))
    assert _loops(outlined.host) == ["for"]
    roles = [
        [phase.role for phase in Kernel(k.regions[0], k.attrs.get("aliases", ())).phases()]
        for k in kernels(outlined.host)
    ]
    assert roles[-2:] == [["map"], ["map"]]


def test_what_numpy_computes_stays_on_the_host() -> None:
    def f(x: Any) -> Any:
        for i in range(len(x)):
            x[i] = np.median(x)
        return x

    program = plain(jit(f)._dispatcher.version_for(F(3, 1, 2)).artefacts.program)
    assert _loops(outline(program).host) == ["for"]


@pytest.mark.parametrize("name", ["lorenz", "jacobi_rotations", "n_body_loops"])
def test_temporaries_of_known_extents_are_made_once(name: str) -> None:
    (whole,) = [p for p in all_programs.ALL if p.name == name]
    made = jit(whole.fn)._dispatcher.version_for(*whole.arguments(0)).artefacts
    program = plain(made.program)
    outlined = outline(program)
    verify_program(outlined)
    assert len(list(kernels(outlined.host))) <= 3
    found = outcome(made.traced, outlined, whole.arguments(0))
    assert found == outcome(made.traced, program, whole.arguments(0))


def test_many_points_are_not_for_one_thread() -> None:
    def steps(x: Any, n: int) -> Any:
        for _ in range(n):
            x[1:] += 0.5 * x[:-1]
        return x

    made = jit(steps)._dispatcher.version_for(np.ones(1000), 4).artefacts
    assert _loops(outline(plain(made.program)).host) == ["for"]
