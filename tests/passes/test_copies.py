"""Programs that change an array while they hold elements of it copy nothing in their loops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.programs import in_place, in_place_reshaped, sorts
from tests.programs.program import Program, assert_same, assert_slopes, run
from tests.trace.running import call_traced
from tracejit import grad, jit, trees
from tracejit.ir.builder import Builder
from tracejit.ir.copies import copies_in_loops, whole_copies
from tracejit.ir.interpret.program_interpreter import Traffic, interpret_program
from tracejit.ir.types import tensor
from tracejit.lower.lower import lower

SIZED = (*in_place.SIZED, *in_place_reshaped.SIZED, *sorts.SIZED)
SMOOTH = [(fn, arguments) for fn, arguments, smooth in SIZED if smooth]
Make = Callable[[], tuple[Any, ...]]


def touched(fast: Any, make: Callable[[int], Make], sizes: Sequence[int]) -> list[int]:
    """Elements that the lowered program loads and stores, at these sizes."""
    found = []
    for n in sizes:
        made = fast._dispatcher.version_for(*make(n)()).artefacts
        traffic = Traffic()
        bound, kwargs = fast._dispatcher.bind(make(n)(), {})
        call_traced(made.traced, bound, functools.partial(_counted, made.program, traffic), kwargs)
        found.append(traffic.loads + traffic.stores)
    return found


def _counted(program: Any, traffic: Traffic, values: list[Any], write_back: Any) -> Any:
    return interpret_program(program, values, traffic)


def made_by(arguments: Callable[..., Any]) -> Callable[[int], Make]:
    return lambda n: lambda: arguments(np.random.default_rng([n, 7]), n)


def on_copies(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The program on arrays of its own, which nobody looks at before it is done."""

    def own(*args: Any) -> Any:
        mine = tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)
        return fn(*mine)

    return own


#: Programs with a loop that copies an array element by element, which becomes a kernel.
COPIES_ITSELF = ("viterbi_by_elements", "merge_sort")


@pytest.mark.parametrize("where", ["argument", "own"])
@pytest.mark.parametrize(("fn", "arguments"), [c[:2] for c in SIZED], ids=lambda c: c.__name__)
def test_nothing_is_copied_in_a_loop(fn: Any, arguments: Any, where: str) -> None:
    """In the caller's arrays, which every exception must find as NumPy leaves them, and others."""
    program = fn if where == "argument" else on_copies(fn)
    fast, make = jit(program), made_by(arguments)
    for n in (5, 8):
        whole = Program(fn.__name__, program, make(n))
        assert_same(run(fast, make(n)()), run(program, make(n)()), whole)
    most = 1 if fn.__name__ in COPIES_ITSELF else 0
    assert all(
        len(copies_in_loops(v.artefacts.program)) <= most for v in fast._dispatcher.versions()
    )


#: Where the elements that the smallest size touches are more those of the loss than the loop's.
LARGER = (in_place.givens_by_elements,)


@pytest.mark.parametrize(("fn", "arguments"), SMOOTH, ids=lambda c: c.__name__)
def test_gradients_touch_what_the_program_does(fn: Any, arguments: Any) -> None:
    """They are right, and touch as many elements as the program at any size, times a constant."""
    make = made_by(arguments)
    given = make(5)()
    argnums = tuple(k for k, x in enumerate(given) if np.asarray(x).dtype.kind == "f")
    loss = loss_of(fn, make(5))
    program = Program(fn.__name__, fn, lambda rng: make(5)(), argnums)
    gradients = jit(grad(loss, argnums=argnums))
    assert_slopes(program, loss, gradients(*given))
    sizes = (10, 20) if fn in LARGER else (5, 10)
    small, large = touched(gradients, make, sizes)
    first, second = touched(jit(loss), make, sizes)
    assert large / small <= 1.15 * second / first
    assert large <= 8 * second


def loss_of(fn: Callable[..., Any], make: Make) -> Callable[..., Any]:
    """A sum over all floating results of a program, in which every element has a weight."""
    inexact = [np.asarray(r).dtype.kind == "f" for r in trees.leaves_of(fn(*make()))]

    def loss(*args: Any) -> Any:
        total = 0.0
        results = trees.leaves_of(fn(*args))
        for k in range(len(inexact)):
            if inexact[k]:
                weights = 1.0 + np.arange(np.size(results[k])).reshape(np.shape(results[k]))
                total = total + np.sum(np.sin(results[k]) * weights)
        return total

    return loss


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


@pytest.mark.parametrize("fn", in_place_reshaped.BLOCKS, ids=lambda c: c.__name__)
def test_a_window_of_a_block_copies_the_block_alone(fn: Any) -> None:
    """Four times as many blocks: values and gradients touch four times as many elements."""
    make, own = made_by(in_place_reshaped.lines), on_copies(fn)
    loss = loss_of(own, make(5))
    gradients = jit(grad(loss, argnums=(0, 1)))
    for n in (5, 8):
        program = Program(fn.__name__, own, lambda rng, n=n: make(n)(), (0, 1))
        assert_same(run(jit(own), make(n)()), run(own, make(n)()), program)
        assert_slopes(program, loss, gradients(*make(n)()))
    for fast in (jit(own), gradients):
        small, middle, large = touched(fast, make, (8, 16, 32))
        assert large - middle <= 2.1 * (middle - small)
