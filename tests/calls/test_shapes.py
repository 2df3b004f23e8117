"""Which calls compile, and arrays of every layout, alignment, byte order and overlap."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.errors import FallbackWarning


def thirty_operations(x: Any, y: Any, steps: int) -> Any:
    """Stencils, reductions, products, masks, a loop and a branch."""
    z = x * 2.0 + y
    z[1:-1] += 0.25 * (x[2:] - 2.0 * x[1:-1] + x[:-2])
    centred = z - z.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=0) / len(x) + 1e-3)
    unit = centred / scale
    unit[unit > 1.5] = 1.5
    gram = unit.T @ unit
    for _ in range(steps):
        unit = 0.5 * (unit + np.tanh(unit @ gram / len(x)))
        if np.abs(unit).max() < 0.1:
            unit *= 2.0
    order = np.where(unit[:, 0] > 0, unit.max(axis=1), unit.min(axis=1))
    return np.concatenate([order, gram.diagonal()]), np.exp(-order).cumsum()


def test_a_thousand_shapes_compile_three_times() -> None:
    rng = np.random.default_rng(0)
    f = jit(thirty_operations)
    for _ in range(1000):
        n, m = rng.integers(2, 60, 2)
        x, y = rng.random((n, m)), rng.random(m)
        for got, want in zip(f(x, y, 2), thirty_operations(x, y, 2), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    assert f.stats().compilations <= 3


def test_integers_compile_three_times() -> None:
    f = jit(lambda n: np.zeros(n).sum() + n)
    for n in range(50):
        assert f(n) == n
    assert f.stats().compilations <= 3


def test_policies() -> None:
    dynamic = jit(shapes="dynamic")(lambda x: x + 1)
    static = jit(shapes="static")(lambda x: x + 1)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for n in range(2, 14):
            np.testing.assert_array_equal(dynamic(np.ones(n)), np.full(n, 2.0))
            np.testing.assert_array_equal(static(np.ones(n)), np.full(n, 2.0))
    assert dynamic.stats().compilations == 1
    assert static.stats().compilations == 12
    assert "versions" in str(shown[0].message)


def changed(x: Any) -> Any:
    x[1:3] += 1
    return x * 2


def test_byte_swapped_and_misaligned() -> None:
    raw = np.zeros(6 * 8 + 1, "u1")
    misaligned = raw[1:].view("f8")
    packed = np.zeros(6, dtype=[("p", "u1"), ("q", "f8")])["q"]
    for x in (np.zeros(6, ">f8"), misaligned, packed):
        x[:] = np.arange(6.0)
        y = np.arange(6.0)
        np.testing.assert_array_equal(jit(changed)(x), changed(y))
        np.testing.assert_array_equal(x, y)
        assert jit(lambda a: a)(x) is x


def _foreign(kind: str) -> tuple[Any, Any]:
    """An array that compiled code cannot read in place, and the memory it lies in."""
    raw = np.zeros(300, "u1")
    x: Any = {
        "swapped": lambda: raw[:128].view(">f8").reshape(4, 4),
        "swapped, in F order": lambda: raw[:128].view(">f8").reshape(4, 4).T,
        "misaligned": lambda: raw[1:129].view("f8").reshape(4, 4),
        "misaligned rows, backwards": lambda: raw[1:257].view("f8").reshape(8, 4)[::-2],
        "packed": lambda: raw[:144].view([("p", "u1"), ("q", "f8")])["q"].reshape(4, 4),
        "packed, swapped": lambda: raw[:144].view([("p", "u1"), ("q", ">f8")])["q"].reshape(4, 4).T,
        "native": lambda: raw[:128].view("f8").reshape(4, 4),
    }[kind]()
    x[...] = np.arange(16).reshape(4, 4)
    return x, raw


FOREIGN = [
    "swapped",
    "swapped, in F order",
    "misaligned",
    "misaligned rows, backwards",
    "packed",
    "packed, swapped",
    "native",
]


def _kept_and_written(x: Any) -> Any:
    y = x.reshape(-1)
    x[0, 0] = 77
    return y, x[1:]


def _decided(x: Any) -> Any:
    y = x[1:] if x[0, 1] > 3 else x[:2]
    y[0] = 5
    return y


VIEWS_OF_FOREIGN: list[Any] = [
    lambda x: (x[1:], x.T, x[::-1], x[0], x[:, 0], x[2, 1:3]),
    lambda x: (x.reshape(-1), x.T.reshape(-1), x.reshape(2, 8), x.reshape(-1)[1:5]),
    lambda x: (np.diagonal(x), np.diagonal(x.T, 1), x.T.diagonal(-1)[::-1], x.T.diagonal()[::2]),
    lambda x: (np.einsum("ii->i", x[:3, :3].T), np.diagonal(x[::-1].T)[1:], x[:, ::2].T.diagonal()),
    lambda x: np.broadcast_to(x, (2, 4, 4)),
    lambda x: x.view(np.int64),
    _kept_and_written,
    _decided,
]


@pytest.mark.parametrize("kind", FOREIGN)
def test_views_of_foreign_arrays_and_diagonals(kind: str) -> None:
    def described(result: Any, memory: Any) -> list[Any]:
        found = []
        for a in result if isinstance(result, tuple) else (result,):
            within = np.shares_memory(a, memory)
            start = a.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
            layout = (start, a.strides, a.dtype) if within else None
            found.append((within, a.tolist(), a.shape, a.flags.writeable, layout))
        return found

    for f in VIEWS_OF_FOREIGN:
        (x, memory), (y, other) = _foreign(kind), _foreign(kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            found = described(jit(f)(x), memory)
        assert found == described(f(y), other)
        np.testing.assert_array_equal(memory, other)


def test_views_of_foreign_arrays_in_containers() -> None:
    def f(x: Any, d: Any) -> Any:
        d["v"] = x[1:]
        x[2, 0] = 9
        return d["v"][0]

    for kind in FOREIGN:
        (x, memory), d = _foreign(kind), {"v": 0}
        assert np.shares_memory(jit(f)(x, d), memory)
        assert np.shares_memory(d["v"], memory)
        assert d["v"][1, 0] == 9


@pytest.mark.parametrize("dtype", [">f8", "f8"])
@pytest.mark.parametrize("start", [0, 1])
def test_views_of_foreign_arrays_that_overlap(dtype: str, start: int) -> None:
    def f(x: Any, y: Any) -> Any:
        x[0] = y[-1]
        return x[1:], y[:2], x, y[::-1]

    def made(memory: Any) -> tuple[Any, Any]:
        a = memory[start : start + 64].view(dtype)
        a[:] = np.arange(8)
        return a[1:], a[:-1]

    ours, theirs = np.zeros(65, "u1"), np.zeros(65, "u1")
    for got, want in zip(jit(f)(*made(ours)), f(*made(theirs)), strict=True):
        assert (got.dtype, got.strides) == (want.dtype, want.strides)
        np.testing.assert_array_equal(got, want)
        first = [a.__array_interface__["data"][0] for a in (got, ours, want, theirs)]
        assert first[0] - first[1] == first[2] - first[3]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (0, 1)])
def test_nothing_in_it(shape: tuple[int, int]) -> None:
    x = np.zeros(shape)
    for f in (
        lambda x: x + 1,
        lambda x: x.sum(axis=0),
        lambda x: np.concatenate([x, x]),
        lambda x: x.T @ x,
        lambda x: np.exp(x[:, None] - x[None]),
        lambda x: np.cumsum(x),
    ):
        found, want = jit(f)(x), f(x)
        assert found.shape == want.shape
        np.testing.assert_array_equal(found, want)


LAYOUTS = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a[:, ::-2],
    lambda a: a.T,
    lambda a: a[::2, ::3],
    lambda a: a[1:3, 2:5],
    np.asfortranarray,
]


def test_layouts_read_and_written() -> None:
    def f(x: Any) -> Any:
        x[1] += 1
        x[:, 0] = 7
        return x * 2 + x.sum(axis=0), x[::-1], x.T @ x

    g = jit(f)
    for layout in LAYOUTS:
        a, b = (np.arange(24.0).reshape(4, 6) for _ in range(2))
        for p, q in zip(g(layout(a)), f(layout(b)), strict=True):
            np.testing.assert_allclose(p, q)
        np.testing.assert_array_equal(a, b)


OVERLAPS = [
    lambda a: (a, a),
    lambda a: (a[1:], a[:-1]),
    lambda a: (a[:-1], a[1:]),
    lambda a: (a[::-1], a),
    lambda a: (a[:3], a[3:6]),
    lambda a: (a[::2], a[1::2]),
]


def test_overlapping_arguments() -> None:
    def f(x: Any, y: Any) -> Any:
        x += 1
        y *= 2
        return x + y

    def g(x: Any, y: Any) -> None:
        for i in range(3):
            x[i] = y[i] + 1

    for function in (f, g):
        compiled = jit(function)
        for views in OVERLAPS * 2:
            a, b = np.arange(6.0), np.arange(6.0)
            np.testing.assert_array_equal(compiled(*views(a)), function(*views(b)))
            np.testing.assert_array_equal(a, b)


def test_argument_that_overlaps_a_global_array() -> None:
    buffer = np.arange(6.0)

    def f(x: Any) -> Any:
        buffer[1:] = x[:-1] * 2
        return buffer.sum()

    want = f(buffer)
    after = buffer.copy()
    buffer[:] = np.arange(6.0)
    assert jit(f)(buffer) == want
    np.testing.assert_array_equal(buffer, after)


def test_two_dtypes_in_one_memory() -> None:
    raw = np.zeros(4)

    def f(x: Any, y: Any) -> Any:
        x[0] = 1.0
        return y.sum()

    assert jit(f)(raw, raw.view("i8")) == np.float64(1.0).view("i8")


def test_results_alias_what_numpy_says() -> None:
    a = np.arange(6.0)
    x, same, part, shaped = jit(lambda x: (x, x, x[1:], x.reshape(2, 3)))(a)
    assert x is a
    assert same is a
    assert part.base is a
    assert np.shares_memory(shaped, a)
    twice = jit(lambda x: [x + 1] * 2)(a)
    assert twice[0] is twice[1]
    choose = jit(lambda x, c: x if c.sum() > 0 else x + 1)
    assert choose(a, a) is a
    assert choose(a, -a) is not a


@pytest.mark.parametrize("f", [lambda x: x.__setitem__(0, 1), lambda x: x.__iadd__(1)])
def test_read_only(f: Any) -> None:
    frozen, other = np.arange(5.0), np.arange(5.0)
    frozen.flags.writeable = False
    g = jit(f)
    g(other)
    for x in (frozen, np.broadcast_to(np.ones(3), (4, 3))):
        with pytest.raises(ValueError, match="read-only"):
            g(x)
    np.testing.assert_array_equal(jit(lambda x: x + 1)(frozen), frozen + 1)
    assert not jit(lambda x: x[1:])(frozen).flags.writeable


def test_read_only_fails_at_the_first_write() -> None:
    frozen, other = np.arange(5.0), np.zeros(3)
    frozen.flags.writeable = False

    def f(x: Any, y: Any) -> None:
        y[0] = 1
        x[0] = 1
        y[1] = 1

    with pytest.raises(ValueError, match="read-only"):
        jit(f)(frozen, other)
    assert other.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "x",
    [
        np.array([object()]),
        np.array(["a"]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, np.longdouble),
        np.ma.masked_array([1.0, 2], [0, 1]),
    ],
    ids=lambda x: f"{type(x).__name__}-{x.dtype}",
)
def test_arrays_that_are_refused(x: Any) -> None:
    with pytest.raises(TypeError):
        jit(lambda x: x + x)(x)
