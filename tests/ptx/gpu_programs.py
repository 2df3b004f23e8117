"""Functions made with the Builder, with arguments: what a GPU program is tested on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Value
from tracejit.ir.types import tensor

Case = tuple[Function, list[Any]]
RNG = np.random.default_rng(5)


def array_param(b: Builder, dtype: str, rank: int) -> Value:
    """A parameter of symbolic extents, which come before it."""
    extents = [b.param(tensor("i64"), "n") for _ in range(rank)]
    return b.param(tensor(dtype, tuple(n.dim for n in extents)), "x")


def numbers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    kind = tensor(dtype).dtype
    if kind.kind == "c":
        return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(kind)
    if kind.kind == "f":
        return RNG.normal(size=shape).astype(kind)
    return RNG.integers(0, 100, shape).astype(kind)


def unary(
    name: str, dtype: str, shape: tuple[int, ...], make: Callable[[Builder, Value], Any]
) -> Case:
    """A function of one array."""
    b = Builder(name)
    out = make(b, array_param(b, dtype, len(shape)))
    return b.build(list(out) if isinstance(out, tuple) else [out]), [*shape, numbers(dtype, shape)]


def fused(dtype: str, shape: tuple[int, ...]) -> Case:
    """where(x == y, x, x * y + x) over two arrays and a scalar."""
    b = Builder("fused")
    x = array_param(b, dtype, len(shape))
    y = b.param(x.type, "y")
    a = b.param(tensor(dtype), "a")
    spread = b.broadcast(a, x.shape, ())
    value = b.op("add", b.op("mul", x, y), spread)
    out = b.op("select", b.op("eq", x, spread), y, value)
    args = [numbers(dtype, shape) for _ in range(2)]
    return b.build([out]), [*shape, *args, args[0].reshape(-1)[0] if args[0].size else 1]


def selected(dtype: str, count: int) -> Case:
    """x[x > x[0]]: how many, the elements, their sum, largest and product."""
    b = Builder("selected")
    x = array_param(b, dtype, 1)
    first = b.reshape(b.slice(x, [0], [1], [1]), ())
    more = b.op("gt", x, b.broadcast(first, x.shape, ()))
    found, stored = b.op("compress", x, more, axis=0)
    _, once = b.op("compress", x, more, axis=0)
    doubled = b.op("add", once, once)
    sums = [b.op(f"reduce_{name}", doubled, axes=(0,)) for name in ("sum", "max", "prod")]
    return b.build([found, stored, *sums]), [count, numbers(dtype, (count,))]


def keys(dtype: str) -> Case:
    """The slots of keys that differ; where one is, and one that is not there would be."""
    b = Builder("keys")
    column = b.param(tensor(dtype, (16,)), "keys")
    slots = b.op("key_slots", b.const(11, "i64"), column)
    found = [b.op("find_key", slots, column, b.const(k, dtype)) for k in (-9, 200)]
    every = (np.arange(16) * 7 - 9).astype(tensor(dtype).dtype)
    return b.build([slots, *found[0], *found[1]]), [every]


def elementary(dtype: str) -> Case:
    def make(b: Builder, x: Value) -> Value:
        y = b.op("add", b.op("exp", b.op("sin", x)), b.op("tanh", x))
        return b.op(
            "add", y, b.op("sqrt", b.op("log", b.op("add", b.op("exp", x), b.op("exp", y))))
        )

    return unary("elementary", dtype, (1000,), make)


def softmax(dtype: str, shape: tuple[int, int]) -> Case:
    def make(b: Builder, x: Value) -> Value:
        top = b.broadcast(b.op("reduce_max", x, axes=(1,)), x.shape, (0,))
        e = b.op("exp", b.op("sub", x, top))
        return b.op("div", e, b.broadcast(b.op("reduce_sum", e, axes=(1,)), x.shape, (0,)))

    return unary("softmax", dtype, shape, make)


def moments(dtype: str, shape: tuple[int, ...]) -> Case:
    """Sum, mean, variance and extremes of all elements."""

    def make(b: Builder, x: Value) -> tuple[Value, ...]:
        axes = tuple(range(len(shape)))
        count = b.convert(b.index(np.prod([d for d in x.shape])), dtype)
        total = b.op("reduce_sum", x, axes=axes)
        mean = b.op("div", total, count)
        away = b.op("sub", x, b.broadcast(mean, x.shape, ()))
        square = b.op("reduce_sum", b.op("mul", away, away), axes=axes)
        least, most = (b.op(f"reduce_{k}", x, axes=axes) for k in ("min", "max"))
        return total, mean, b.op("div", square, count), least, most

    return unary("moments", dtype, shape, make)


def reduction(name: str, dtype: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Case:
    return unary(name, dtype, shape, lambda b, x: b.op(name, x, axes=axes))


def argmax(shape: tuple[int, ...], axis: int) -> Case:
    return unary("argmax", "f32", shape, lambda b, x: b.op("argmax", x, axis=axis))


def running(shape: tuple[int, ...], axis: int) -> Case:
    return unary("cumsum", "f64", shape, lambda b, x: b.op("cumsum", x, axis=axis))


def heat(steps: int, size: int) -> Case:
    """`for`: u[1:-1] += 0.1 * (u[:-2] - 2 u[1:-1] + u[2:]), with its kernels inside."""
    b = Builder("heat")
    trip = b.param(tensor("i64"), "steps")
    u = b.param(tensor("f64", (size,)), "u")
    body = Builder("body")
    body.param(tensor("i64"), "t")
    v = body.param(u.type)
    inner = (size - 2,)
    left, mid, right = (body.slice(v, (k,), inner, (1,)) for k in range(3))
    rate = body.broadcast(body.const(0.1, "f64"), inner, ())
    bent = body.op("sub", body.op("add", left, right), body.op("add", mid, mid))
    new = body.op("add", mid, body.op("mul", rate, bent))
    put = body.op("put_slice", v, new, *body.bounds((1,), (1,)))
    region = body.build([put])
    (out,) = b.append("for", [trip, u], {"carried": 1}, (region,)).results
    return b.build([out]), [steps, numbers("f64", (size,))]


def product(dtype: str, m: int, k: int, n: int) -> Case:
    b = Builder("product")
    rows, inner, columns = (b.param(tensor("i64"), s) for s in "mkn")
    x = b.param(tensor(dtype, (rows.dim, inner.dim)), "x")
    y = b.param(tensor(dtype, (inner.dim, columns.dim)), "y")
    out = b.op("dot", x, y, contract=((1,), (0,)), batch=((), ()))
    return b.build([out]), [m, k, n, numbers(dtype, (m, k)), numbers(dtype, (k, n))]
