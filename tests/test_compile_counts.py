"""How much is done to compile: counts of calls, not seconds.

Bodies of loops are counted in `trace/test_trace_counts.py`, kernels in `lower/test_merge.py`.
"""

from __future__ import annotations

import inspect
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest

from tests.trace.running import specs_of
from tracejit import grad, jit
from tracejit.calls.compiler import simplify
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function
from tracejit.ir.types import tensor
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.passes import runner
from tracejit.trace.driver import trace
from tracejit.trace.traced import Traced


@contextmanager
def profiled(note: Callable[[Any], object]) -> Iterator[None]:
    """``note`` is told of the frame of each call of a Python function."""
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: note(frame) if event == "call" else None)
    try:
        yield
    finally:
        sys.setprofile(before)


def calls_in(work: Callable[..., Any], *args: Any) -> int:
    """How many calls of Python functions some work makes."""
    calls: list[CodeType] = []
    with profiled(lambda frame: calls.append(frame.f_code)):
        work(*args)
    return len(calls)


def updates(count: int) -> Function:
    """``y[k + 1] = y[k] + 1`` for so many k, written out."""
    b = Builder("updates")
    y = b.op("copy", b.param(tensor("f64", (1000,))))
    for k in range(count):
        one = b.op("add", b.reshape(b.slice(y, (k,), (1,)), ()), b.const(1.0, "f64"))
        y = b.op("put_slice", y, b.reshape(one, (1,)), *b.bounds((k + 1,), None))
    return b.build([y])


@pytest.mark.parametrize("stage", [simplify, lower, lambda f: merge(lower(f))])
def test_updates_one_after_another_are_linear(stage: Callable[..., Any]) -> None:
    few, many = (calls_in(stage, updates(count)) for count in (50, 200))
    assert many < 4.4 * few


def exchanges(count: int, folder: Path) -> Traced:
    """Two names of arrays that so many branches exchange, each written after each."""
    lines = [f"    if z[{k}] > 0: a, b = b, a\n    a[{k}] += b[0]\n" for k in range(count)]
    file = folder / f"exchanges{count}.py"
    file.write_text(f"def f(a, b, z):\n{''.join(lines)}    return a, b\n")
    f = runpy.run_path(str(file))["f"]
    return trace(f, specs_of((np.ones(count), np.ones(count), np.ones(count))))


def test_exchanges_one_after_another_are_linear(tmp_path: Path) -> None:
    """After each, a name is one of the same two arrays, not of two choices between them."""
    few, many = (calls_in(exchanges, count, tmp_path) for count in (8, 24))
    assert many < 3.5 * few


def conditions(count: int, folder: Path) -> None:
    """Compile so many statements that reassign an array under a condition."""
    lines = [f"    if s > {k}: x = x * {k}.5\n" for k in range(count)]
    file = folder / f"conditions{count}.py"
    file.write_text(f"def f(x, s):\n{''.join(lines)}    return x\n")
    f = runpy.run_path(str(file))["f"]
    x = np.ones(5)
    np.testing.assert_array_equal(jit(f, cache=False)(x, 3.0), f(x, 3.0))
    assert jit(f, cache=False)(x, -1.0) is x


def test_arrays_reassigned_under_conditions_are_linear(tmp_path: Path) -> None:
    """Each reads an array that all before may have made: the choice is made anew by few of them."""
    conditions(2, tmp_path)  # imports
    few, many = (calls_in(conditions, count, tmp_path) for count in (10, 30))
    assert many < 3.6 * few


def squares(read: str, count: int, folder: Path) -> Function:
    """A value that is used twice by the next, so many times, and one way to read the last."""
    first, last = read.split("|")
    file = folder / f"squares{count}.py"
    head = f"import numpy as np\ndef f(x, m, square):\n    x = {first}\n"
    file.write_text(head + "    x = x * x - x / (x + 3.0)\n" * count + f"    return {last}\n")
    f = runpy.run_path(str(file))["f"]
    args = np.ones(6), np.arange(6) > 2, np.ones((2, 3))
    return simplify(trace(f, specs_of(args)).function)


READS = ["x|x", "x|x.sum()", "x|x[m].sum()", "x[m]|x.sum()", "square.ravel()|x", "square|x.ravel()"]
READS += ["np.concatenate([x, x])|x", "np.concatenate([x, x])|x[1:]", "square.T|x.sum(0)"]


@pytest.mark.parametrize("read", READS)
def test_expressions_that_double_their_parts_are_linear(read: str, tmp_path: Path) -> None:
    """What is computed where it is used has as many paths as a power of two."""
    few, many = (calls_in(lower, squares(read, count, tmp_path)) for count in (6, 12))
    assert many < 2.5 * few


def test_long_expressions_need_no_deep_stack() -> None:
    """A program may call a jitted function where not much is left of Python's stack."""
    b = Builder("chain")
    x = b.param(tensor("f64", (8,)))
    y = x
    for _ in range(290):
        y = b.op("add", b.op("neg", y), x)
    function = b.build([y])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    try:
        lower(function)
    finally:
        sys.setrecursionlimit(limit)


def loss(w: Any, x: Any) -> Any:
    return np.sum(np.tanh(x @ w) ** 2)


def bent(w: Any, x: Any) -> Any:
    return np.sum(grad(loss)(w, x) ** 2)


@pytest.mark.parametrize(
    ("function", "runs"), [(jit(loss), 1), (grad(loss), 3), (grad(bent), 5)], ids=["", "'", "''"]
)
def test_the_passes_run_once_over_each_function(function: Any, runs: int) -> None:
    """Over what is differentiated, over each derivative, and over what is lowered."""
    names: list[str] = []

    def note(frame: Any) -> None:
        if frame.f_code is runner.run.__code__:
            names.append(frame.f_locals["function"].name)

    with profiled(note):
        function(np.ones((3, 2)), np.ones((4, 3)))
    assert len(names) == len(set(names)) == runs
