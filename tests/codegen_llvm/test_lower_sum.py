"""`sum_pairwise` gives np.sum's bits, as vector code wherever its element has a vector form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit.codegen_llvm.compile import CompiledProgram, compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, tensor
from tracejit.lower.lower import lower

LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 71, 127, 128, 129, 130, 136, 255]
LENGTHS += [256, 257, 263, 1000, 1025, 5003, 65536]


def element(b: Builder, what: str, x: Value, y: Value, n: Dim) -> Value:
    if what == "itself":
        return x
    if what == "product":
        return b.op("mul", x, y)  # type: ignore[no-any-return]
    if what == "reversed":
        return b.op("mul", b.slice(x, [n - 1], [n], [-1]), y)  # type: ignore[no-any-return]
    if what == "chosen":
        return b.op("select", b.op("gt", x, y), x, b.op("neg", y))  # type: ignore[no-any-return]
    if what == "gathered":
        place = b.op("iota", shape=(n,), axis=0, dtype=np.dtype(np.int64))
        half = b.op("floor_divide", place, b.broadcast(b.const(2, "i64"), (n,)))
        return b.op("gather", x, half, axes=(0,))  # type: ignore[no-any-return]
    raise KeyError(what)


def reference(what: str, x: Any, y: Any) -> Any:
    return {
        "itself": lambda: x,
        "product": lambda: x * y,
        "reversed": lambda: x[::-1] * y,
        "chosen": lambda: np.where(x > y, x, -y),
        "gathered": lambda: x[np.arange(len(x)) // 2],
    }[what]()


def compiled(dtype: str, what: str, length: int | None = None, level: int = 3) -> CompiledProgram:
    b = Builder("f")
    n = b.param(INDEX, "n").dim if length is None else length
    x, y = (b.param(tensor(dtype, (n,))) for _ in range(2))
    total = b.op("reduce_sum", element(b, what, x, y, n), axes=(0,))
    return compile_program(lower(b.build([total])), level)


def numbers(rng: np.random.Generator, n: int, dtype: str) -> Any:
    x = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4, n)
    return (x + 1j * rng.normal(size=n) if np.dtype(dtype).kind == "c" else x).astype(dtype)


CASES = [(d, w) for d in ("f4", "f8") for w in ("itself", "product", "reversed", "chosen")]
CASES += [("f8", "gathered"), ("c8", "itself"), ("c16", "itself")]


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize(("dtype", "what"), CASES)
def test_bits_of_numpy(dtype: str, what: str, level: int) -> None:
    rng = np.random.default_rng(0)
    f = compiled(dtype, what, level=level)
    for n in LENGTHS:
        x, y = numbers(rng, n, dtype), numbers(rng, n, dtype)
        want = np.sum(reference(what, x, y))
        got = f.call(n, x, y)[0]
        assert got.tobytes() == want.tobytes(), n


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 8, 64, 65, 100, 128, 129, 400])
def test_static_length(length: int, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x, y = numbers(rng, length, dtype), numbers(rng, length, dtype)
    assert compiled(dtype, "itself", length).call(x, y)[0] == np.sum(x)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_rows_of_a_matrix(dtype: str) -> None:
    rng = np.random.default_rng(2)
    b = Builder("f")
    m, n = b.param(INDEX).dim, b.param(INDEX).dim
    x = b.param(tensor(dtype, (m, n)))
    f = compile_program(lower(b.build([b.op("reduce_sum", x, axes=(1,))])))
    for shape in [(3, 5), (2, 200), (1, 1000), (4, 0), (0, 4)]:
        a = numbers(rng, int(np.prod(shape)), dtype).reshape(shape)
        assert f.call(*shape, a)[0].tobytes() == a.sum(axis=1).tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_edge_values(dtype: str) -> None:
    f = compiled(dtype, "itself")
    edges = [np.nan, np.inf, -np.inf, -0.0, 0.0, np.finfo(dtype).max, np.finfo(dtype).tiny]
    for n in (1, 3, 9, 40):
        for value in edges:
            with np.errstate(all="ignore"):
                x = np.full(n, value, dtype)
                want = x.sum()
            got = f.call(n, x, x)[0]
            assert got == want or (np.isnan(got) and np.isnan(want))
            assert np.signbit(got) == np.signbit(want)


@pytest.mark.parametrize("what", ["itself", "product", "chosen", "gathered"])
def test_the_inner_loop_is_vector_code(what: str) -> None:
    text = compiled("f8", what).llvm_ir
    leaf = text[text.index("@sum_leaf") :]
    loop = leaf[leaf.index("loop:") : leaf.index("combine:")]
    assert "fadd <8 x double>" in loop
    assert "call { double }" not in loop
