"""`for_true` and `sum_true`: blocks of 64, ends of blocks, masks of every density, NumPy's bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.codegen_llvm.compile import CompiledProgram, compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import verify_program
from tracejit.ir.types import BOOL, INDEX, TensorType, tensor
from tracejit.lower.lower import lower

LENGTHS = [0, 1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 1000, 4097]
DENSITIES = [0.0, 0.02, 0.5, 0.98, 1.0]
DTYPES = ["f4", "f8", "c8", "c16", "i1", "i4", "i8", "u2", "?"]


def selection(dtype: str, make: Callable[[Builder, Value], list[Value]]) -> CompiledProgram:
    """A function of x and a mask of any length: what is made of x[mask]."""
    b = Builder("f")
    n = b.param(INDEX, "n").dim
    x = b.param(tensor(np.dtype(dtype), (n,)))
    mask = b.param(TensorType(BOOL.dtype, (n,)))
    count, found = b.op("compress", x, mask, axis=0)
    program = lower(b.build([count, *make(b, found)]))
    verify_program(program)
    return compile_program(program)


def numbers(rng: np.random.Generator, n: int, dtype: str) -> Any:
    x = rng.normal(size=n) * 10.0 ** rng.integers(-3, 3, n)
    kind = np.dtype(dtype).kind
    if kind in "fc":
        return (x + 1j * rng.normal(size=n) if kind == "c" else x).astype(dtype)
    return rng.integers(0, 100, n).astype(dtype)


def same_bits(got: Any, want: Any) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_selected_elements(dtype: str) -> None:
    run = selection(dtype, lambda b, found: [found])
    rng = np.random.default_rng(0)
    for n in LENGTHS:
        for density in DENSITIES:
            x, mask = numbers(rng, n, dtype), rng.random(n) < density
            count, got = run.call(n, x, mask)
            assert count == mask.sum()
            same_bits(got, x[mask])


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_sums_have_the_bits_of_numpy_and_take_no_memory(dtype: str) -> None:
    def total(b: Builder, found: Value) -> list[Value]:
        return [b.op("reduce_sum", found, axes=(0,))]

    run = selection(dtype, total)
    assert not any(i.name == "alloc" for i in run.program.host.instrs)
    rng = np.random.default_rng(1)
    for n in (*LENGTHS, 70_000):
        for density in DENSITIES:
            x, mask = numbers(rng, n, dtype), rng.random(n) < density
            same_bits(run.call(n, x, mask)[1], x[mask].sum())
    x, mask = numbers(rng, 300, dtype), rng.random(300) < 0.7
    same_bits(interpret_program(run.program, [300, x, mask])[1], x[mask].sum())


@pytest.mark.parametrize("dtype", ["f8", "c16", "i8", "?"])
@pytest.mark.parametrize("name", ["prod", "min", "max", "and", "or"])
def test_other_reductions(name: str, dtype: str) -> None:
    if name in ("and", "or") and dtype not in ("i8", "?"):
        pytest.skip("no bits")
    run = selection(dtype, lambda b, found: [b.op(f"reduce_{name}", found, axes=(0,))])
    assert not any(i.name == "alloc" for i in run.program.host.instrs)
    by = {"prod": np.multiply, "min": np.minimum, "max": np.maximum}
    by |= {"and": np.bitwise_and, "or": np.bitwise_or}
    rng = np.random.default_rng(2)
    for n in LENGTHS[1:]:
        for density in DENSITIES[1:]:
            x, mask = numbers(rng, n, dtype), rng.random(n) < density
            mask[-1] = True
            with np.errstate(all="ignore"):
                want = by[name].reduce(x[mask])
            got = run.call(n, x, mask)[1]
            if name == "prod" and dtype in ("f8", "c16"):
                np.testing.assert_allclose(got, want, rtol=1e-12)
            else:
                same_bits(got, np.asarray(want, np.dtype(dtype)))


# -- as users write it


def kept(x: Any, t: float) -> Any:
    return x[x > t]


def mean(x: Any, t: float) -> Any:
    return x[x > t].mean()


def spread(x: Any, t: float) -> Any:
    y = x[x > t]
    return y.var(), y.max() - y.min(), y.size


def of_a_function(x: Any, t: float) -> Any:
    return np.exp(-x[np.sqrt(np.abs(x)) + np.sin(x) > t]).max()


def strided(x: Any, t: float) -> Any:
    return x[::-2][x[::2] > t].sum()


def with_another(x: Any, t: float) -> Any:
    return (x[x > t] * x[x <= t][: (x > t).sum()]).sum() if 2 * (x > t).sum() <= x.size else 0.0


def changed_before_it_is_summed(x: Any, t: float) -> Any:
    y = x[x > t] * 2
    x[:] = 0
    return y.sum()


def mask_changed_before_it_is_used(x: Any, t: float) -> Any:
    m = x > t
    y = x[m]
    m[:] = False
    return y.sum(), m.sum()


def positions(x: Any, t: float) -> Any:
    return np.nonzero(x.reshape(-1, 2) > t)


def wide_positions(x: Any, t: float) -> Any:
    return np.nonzero(np.outer(x, x) > t)


def in_a_loop(x: Any, t: float) -> Any:
    out = np.zeros(5)
    for k in range(5):
        out[k] = x[(x > t) & (x < t + k)].sum()
    return out


USERS = [kept, mean, spread, of_a_function, strided, changed_before_it_is_summed, positions]
USERS += [mask_changed_before_it_is_used, wide_positions, in_a_loop, with_another]


@pytest.mark.parametrize("fn", USERS, ids=lambda f: f.__name__)
def test_against_numpy(fn: Callable[..., Any]) -> None:
    compiled = jit(fn)
    rng = np.random.default_rng(3)
    for n in (2, 64, 130, 1000):
        for t in (-0.5, 0.3, 1.0):
            x = rng.normal(size=n)
            x[:2] = 5.0, -5.0
            ours, theirs = x.copy(), x.copy()
            got, want = compiled(ours, t), fn(theirs, t)
            np.testing.assert_array_equal(ours, theirs)
            got, want = (r if isinstance(r, tuple) else (r,) for r in (got, want))
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, rtol=1e-13, strict=True)


def test_nothing_selected() -> None:
    x = np.zeros(100)
    with pytest.raises(ValueError, match="zero-size"):
        jit(lambda x: x[x > 1].max())(x)
    assert np.isnan(jit(mean)(x, 1.0))
    assert jit(kept)(x, 1.0).shape == (0,)
