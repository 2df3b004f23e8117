"""Loops of which the dear part is done apart: the bits are those of the loop as it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.by_reference import by_reference
from tracejit import jit
from tracejit.ir.builder import Builder
from tracejit.ir.types import INDEX, tensor
from tracejit.llvm_text import lower_apart
from tracejit.llvm_text.lower_apart import CHUNK, FEW

SIZES = (FEW + 1, CHUNK, CHUNK + 1)


def total(x, w, at):
    s = x.dtype.type(0)
    for i in range(x.shape[0]):
        s += np.log(x[i]) * w[i]
    return s


def two_ways(x, w, at):
    s, t = x.dtype.type(0), x.dtype.type(1)
    for i in range(x.shape[0]):
        e = np.exp(-x[i])
        s += e * t
        t = t * w[i] + np.tanh(x[i])
    return s, t


def gathered(x, w, at):
    s = x.dtype.type(0)
    for i in range(at.shape[0]):
        s = s * w[i] + np.sin(x[at[i]] * x.dtype.type(1e6))
    return s


def backwards(x, w, at):
    s = x.dtype.type(0)
    for i in range(x.shape[0] - 1, -1, -1):
        s = np.tanh(s + np.exp(-x[i]))
    return s


def of_rows(x, w, at):
    out = np.empty_like(w)
    for k in range(w.shape[0]):
        s = x.dtype.type(0)
        for i in range(x.shape[0]):
            s += np.exp(-x[i] * w[k])
        out[k] = s
    return out


def kept_behind(x, w, at):
    s = x.dtype.type(0)
    for i in range(x.shape[0]):
        s += np.log(x[i])
        if i == at[0]:
            raise ValueError(i)
    return s


APART = [total, two_ways, backwards, of_rows]


def given(dtype: Any, n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(n)
    x, w = rng.uniform(0.1, 2.0, (2, n)).astype(dtype)
    return x, w, rng.integers(0, max(n, 1), n)


@pytest.mark.parametrize(
    ("program", "dtype"), [*((p, np.float64) for p in (*APART, gathered)), (two_ways, np.float32)]
)
def test_bits_are_those_of_the_loop(program: Callable[..., Any], dtype: Any) -> None:
    compiled, reference = jit(program), by_reference(program)
    for n in SIZES:
        x, w, at = given(dtype, n)
        args = (x, w[:3] if program is of_rows else w, at)
        np.testing.assert_array_equal(compiled(*args), reference(*args), strict=True)


@pytest.mark.parametrize("program", APART)
def test_these_are_done_apart(program: Callable[..., Any]) -> None:
    assert loops_apart(program, *given(np.float64, 100)) == 1


def poisson(count, rate):
    s = 0.0
    for i in range(count.shape[0]):
        s += count[i] * np.log(rate[i]) - math.lgamma(count[i])
    return s


def test_what_a_check_asks_about_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[lower_apart.Parts | None] = []
    parts_of = lower_apart.parts_of
    monkeypatch.setattr(lower_apart, "parts_of", lambda *a: found.append(parts_of(*a)) or found[-1])
    x = np.linspace(0.5, 2.0, 100)
    np.testing.assert_allclose(jit(poisson, cache=False)(x, x), poisson(x, x), rtol=1e-13)
    (parts,) = filter(None, found)
    assert sum(i.prim.cost for i in parts.apart.instrs) > 100
    assert sum(i.prim.cost for i in parts.rest.instrs) < 30
    x[70] = 0.0
    with pytest.raises(ValueError, match="domain"):
        jit(poisson)(x, x + 1.0)


def test_a_long_body_is_looked_at_once() -> None:
    """No recursion along what values are made of, and cheap values are not kept."""
    count = 20_000
    b = Builder("body")
    i, s = b.param(INDEX), b.param(tensor("f8"))
    x = b.convert(i, "f8")
    for _ in range(count):
        x = b.op("add", x, x)
    body = b.build([b.op("add", s, x)])
    parts = lower_apart.parts_of(body, 1, None)
    assert parts is not None
    assert parts.kept == (x,)
    assert len(parts.apart.instrs) == count + 3
    assert len(parts.rest.instrs) == 3


def test_an_exception_comes_in_its_iteration() -> None:
    x = np.linspace(1.0, 2.0, 1000)
    with pytest.raises(ValueError, match="700"):
        jit(kept_behind)(x, x, np.array([700]))
    reference = by_reference(kept_behind)
    assert jit(kept_behind)(x, x, np.array([2000])) == reference(x, x, np.array([2000]))


def loops_apart(program: Callable[..., Any], *args: Any) -> int:
    compiled = jit(program, parallel=False, cache=False)
    compiled(*args)
    (text,) = compiled.inspect_llvm().values()
    return len(re.findall(r"^rest\.v\d+:", text, re.MULTILINE))


def cheap(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i] * x[i] + 1.0
    return s


def what_is_read_is_written(x):
    s = 0.0
    for i in range(x.shape[0] - 1):
        s += np.exp(x[i])
        x[i + 1] = s
    return s


def largest(x):
    s = 0.0
    for i in range(x.shape[0]):
        s = max(s, np.exp(x[i]))
    return s


def handed_on(x):
    s = 0.0
    for i in range(x.shape[0]):
        s = np.exp(-s) + x[i]
    return s


def short(x):
    s = 0.0
    for i in range(8):
        s += np.exp(x[i])
    return s


def recursive(x, n):
    s = 0.0
    for i in range(x.shape[0]):
        s += np.exp(x[i] * n)
    return s if n <= x[0] else s + recursive(x, n - 1.0)


@pytest.mark.parametrize("program", [cheap, what_is_read_is_written, largest, handed_on, short])
def test_these_stay_one_loop(program: Callable[..., Any]) -> None:
    x = np.linspace(0.0, 1.0, 100)
    assert loops_apart(program, x) == 0
    again = np.linspace(0.0, 1.0, 100)
    np.testing.assert_allclose(jit(program)(x), program(again), rtol=1e-13)


@pytest.mark.parametrize(("target", "splits"), [("thumbv7em", 0), ("aarch64", 1)])
def test_small_devices_have_small_stacks(
    target: str, splits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    run = lower_apart.Apart.run
    monkeypatch.setattr(lower_apart.Apart, "run", lambda *a: found.append("") or run(*a))
    jit(total).export(str(tmp_path / "total.o"), "(f8[100], f8[100], i8[100])", target=target)
    assert len(found) == splits


def test_the_stack_of_a_recursion_stays_small() -> None:
    x = np.linspace(0.5, 1.0, 100)
    assert loops_apart(recursive, x, 3.0) == 0
