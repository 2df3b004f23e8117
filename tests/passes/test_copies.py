"""Programs that change an array while they hold elements of it copy nothing in their loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.programs import in_place, sorts
from tests.programs.program import Program, assert_same, run
from tests.trace.running import call_traced
from tracejit import jit
from tracejit.ir.builder import Builder
from tracejit.ir.copies import copies_in_loops, whole_copies
from tracejit.ir.program_interpreter import Traffic, interpret_program
from tracejit.ir.types import tensor
from tracejit.passes.lower import lower

SIZED = (*in_place.SIZED, *sorts.SIZED)
Make = Callable[[], tuple[Any, ...]]


def measured(fast: Any, make: Make) -> tuple[Any, Traffic]:
    """The lowered program of a call, and what running it in the interpreter does to memory."""
    made = fast._dispatcher.version_for(*make()).artefacts
    traffic = Traffic()
    bound, kwargs = fast._dispatcher.bind(make(), {})

    def execute(values: list[Any], write_back: Any) -> Any:
        return interpret_program(made.program, values, traffic)

    call_traced(made.traced, bound, execute, kwargs)
    return made.program, traffic


def growth(fast: Any, make: Callable[[int], Make]) -> float:
    """How many times the elements loaded and stored are at twice the size."""
    (_, small), (_, large) = measured(fast, make(6)), measured(fast, make(12))
    return (large.loads + large.stores) / (small.loads + small.stores)


def made_by(arguments: Callable[..., Any]) -> Callable[[int], Make]:
    return lambda n: lambda: arguments(np.random.default_rng([n, 7]), n)


def on_copies(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The program on arrays of its own, which nobody looks at before it is done."""

    def own(*args: Any) -> Any:
        mine = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
        return fn(*mine)

    return own


@pytest.mark.parametrize("where", ["argument", "own"])
@pytest.mark.parametrize(("fn", "arguments"), [c[:2] for c in SIZED], ids=lambda c: c.__name__)
def test_nothing_is_copied_in_a_loop(fn: Any, arguments: Any, where: str) -> None:
    """In the caller's arrays, which every exception must find as NumPy leaves them, and others."""
    program = fn if where == "argument" else on_copies(fn)
    fast, make = jit(program), made_by(arguments)
    for n in (5, 8):
        whole = Program(fn.__name__, program, make(n))
        assert_same(run(fast, make(n)()), run(program, make(n)()), whole)
    lowered, _ = measured(fast, make(6))
    assert copies_in_loops(lowered) == []


def all_held(A: Any) -> Any:
    """The whole array is needed as it was: a copy in each iteration is what it takes."""
    out = np.zeros_like(A)
    for i in range(A.shape[0]):
        before = A.copy()
        A[i, 0] += 1.0
        A[0, i] *= 2.0
        out += before
    return out


def row_held(A: Any) -> Any:
    out = np.zeros_like(A)
    for i in range(A.shape[0]):
        before = A[i].copy()
        A[i, 0] += 1.0
        A[0, i] *= 2.0
        out[i] += before
    return out


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize(("fn", "count"), [(all_held, 1), (row_held, 0)])
def test_a_copy_of_all_of_an_array_is_found(fn: Any, count: int, shapes: Any) -> None:
    fast, x = jit(fn, shapes=shapes), np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(fast(x.copy()), fn(x.copy()))
    program = fast._dispatcher.version_for(x).artefacts.program
    assert len(copies_in_loops(program)) == count


def test_a_copy_outside_loops_is_found_apart() -> None:
    b = Builder("f")
    x = b.param(tensor("f64", (3, 4)))
    y = b.op("put_slice", x, b.full(1.0, tensor("f64", (1, 1))), *b.bounds([0, 0], None))
    program = lower(b.build([x, y]))
    assert [c.loops for c in whole_copies(program)] == [0, 0]
    assert copies_in_loops(program) == []
