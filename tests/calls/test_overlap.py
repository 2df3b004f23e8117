"""Arguments that overlap in memory are compiled, and change the caller's memory as NumPy does."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit, value_and_grad
from tracejit.calls.overlap import Sharer

Views = Callable[[Any], tuple[Any, ...]]


def add_and_scale(x: Any, y: Any) -> Any:
    x += 1
    y *= 2
    return x, y, x.sum() + y.sum()


def crossed(x: Any, y: Any) -> Any:
    x[...] = x - y.sum()
    kept = y.copy()
    y[0] = x[-1] * 3
    return kept, y


def elementwise_loop(x: Any, y: Any) -> None:
    for i in range(len(x)):
        if y[i % len(y)].sum() > 3:
            x[i] = y[len(y) - 1 - i % len(y)].sum() + i


def bound_to_either(x: Any, y: Any) -> Any:
    z = x if y[0].sum() > 2 else y
    z += 5
    return z


VIEWS: dict[str, tuple[Any, Views]] = {
    "shifted": (np.arange(6.0), lambda a: (a[1:], a[:-1])),
    "reversed": (np.arange(6.0), lambda a: (a[::-1], a)),
    "part of": (np.arange(7.0), lambda a: (a[2:5], a)),
    "even and odd": (np.arange(6), lambda a: (a[::2], a[1::2])),
    "every other": (np.arange(6), lambda a: (a, a[::2])),
    "transposed": (np.arange(9.0).reshape(3, 3), lambda a: (a, a.T)),
    "rows": (np.arange(12.0).reshape(3, 4), lambda a: (a[1:], a[:-1])),
    "corners": (np.arange(12.0).reshape(3, 4), lambda a: (a[1:, 1:], a[:-1, :-1])),
    "other corners": (np.arange(12.0).reshape(3, 4), lambda a: (a[1:, :-1], a[:-1, 1:])),
    "a row": (np.arange(12.0).reshape(3, 4), lambda a: (a, a[0])),
    "a column": (np.arange(12.0).reshape(3, 4), lambda a: (a[:, 1:2], a)),
    "rows of a square, turned": (np.arange(9).reshape(3, 3), lambda a: (a.T, a[::-1])),
    "flat": (np.arange(12.0).reshape(3, 4), lambda a: (a, a.reshape(-1))),
    "split otherwise": (np.arange(12.0), lambda a: (a.reshape(3, 4), a.reshape(4, 3))),
    "diagonal": (np.arange(9.0).reshape(3, 3), lambda a: (a, a.reshape(-1)[::4])),
    "in F order": (np.asfortranarray(np.arange(12.0).reshape(3, 4)), lambda a: (a, a[:, :2])),
    "one element": (np.arange(5.0), lambda a: (a, a[2:3])),
    "real parts": (np.arange(6) + 1j, lambda a: (a.real, a[::-1].real)),
    "both parts": (np.arange(6) + 1j, lambda a: (a.real, a.imag)),
    "three axes": (np.arange(24.0).reshape(2, 3, 4), lambda a: (a[:, 1], a[:, :, 2])),
}


def run(function: Callable[..., Any], base: Any, views: Views) -> tuple[Any, Any]:
    """The result (or exception) and the memory afterwards."""
    memory = base.copy(order="K")
    args = views(memory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            result = function(*args)
        except (ValueError, TypeError, IndexError) as error:
            return (type(error), str(error)), memory
    if isinstance(result, tuple):
        return tuple(_described(r, args) for r in result), memory
    return _described(result, args), memory


def _described(result: Any, args: tuple[Any, ...]) -> Any:
    """Which argument it is (of those that are the same view, the first), or dtype and bits."""
    for k, a in enumerate(args):
        if a is result or (type(result) is np.ndarray and _place(a) == _place(result)):
            return k
    if result is None:
        return None
    value = np.asarray(result)
    return value.dtype, value.shape, value.tobytes()


def _place(x: Any) -> Any:
    return x.__array_interface__["data"], x.shape, x.strides, x.dtype


def check(compiled: Any, function: Callable[..., Any], base: Any, views: Views) -> None:
    want, memory = run(function, base, views)
    got, changed = run(compiled, base, views)
    assert got == want
    assert changed.tobytes("A") == memory.tobytes("A")
    assert compiled.stats().python_calls == 0


@pytest.mark.parametrize("name", VIEWS)
def test_as_numpy(name: str) -> None:
    base, views = VIEWS[name]
    check(jit(crossed), crossed, base, views)


FEW = ["shifted", "every other", "corners", "transposed", "both parts"]


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("function", [add_and_scale, elementwise_loop, bound_to_either])
def test_other_bodies(function: Callable[..., Any], name: str) -> None:
    base, views = VIEWS[name]
    check(jit(function), function, base, views)


@pytest.mark.parametrize("name", ["shifted", "corners", "diagonal"])
def test_any_extents(name: str) -> None:
    base, views = VIEWS[name]
    compiled = jit(crossed, shapes="dynamic")
    check(compiled, crossed, base, views)
    count = compiled.stats().compilations
    side = 2 * base.shape[0]
    larger = np.arange(float(side**base.ndim)).reshape((side,) * base.ndim)
    check(compiled, crossed, larger, views)
    assert compiled.stats().compilations == count


def test_offsets_become_numbers() -> None:
    compiled = jit(add_and_scale)
    for k in range(1, 9):
        check(compiled, add_and_scale, np.arange(20.0), lambda a, k=k: (a[k:], a[:-k]))
    assert compiled.stats().compilations <= 6  # three of them for arguments apart


def test_same_bits() -> None:
    def f(x: Any, y: Any) -> None:
        for i in range(1, len(x)):
            x[i] = -x[i - 1]
            y[i] |= 1

    base = np.arange(6) / 7
    check(jit(f), f, base, lambda a: (a, a.view(np.int64)))
    check(jit(f), f, base.astype(np.float32), lambda a: (a[1:], a.view(np.uint32)))


def test_inspection_shows_the_version_of_a_call() -> None:
    compiled = jit(add_and_scale)
    a = np.arange(6.0)
    text = compiled.inspect_ir(a[1:], a[:-1])
    assert text.count("put_slice") == 2
    assert compiled.signatures[-1] == "(f64[:] C, f64[:] C) overlapping"
    np.testing.assert_array_equal(a, np.arange(6.0))
    check(compiled, add_and_scale, a, lambda a: (a[1:], a[:-1]))
    assert compiled.stats().compilations == 2


def test_only_read() -> None:
    compiled = jit(lambda x, y: (x * y).sum())
    a = np.arange(6.0)
    assert compiled(a[1:], a[:-1]) == (a[1:] * a[:-1]).sum()
    assert compiled.stats().compilations == 1


def test_read_only_window() -> None:
    def f(x: Any, y: Any) -> None:
        x[0] = 7
        y[0] = 8

    compiled = jit(f)
    for g in (f, compiled):
        a = np.arange(4.0)
        locked = a[:2]
        locked.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            g(a, locked)
        np.testing.assert_array_equal(a, [7, 1, 2, 3])
    assert compiled.stats().python_calls == 0


def test_output_that_is_read_only() -> None:
    def f(x: Any, y: Any) -> None:
        x[0] = 7
        y += 0.5

    compiled = jit(f)
    for g in (f, compiled):
        a = np.arange(4)
        with pytest.raises(ValueError, match="output array is read-only"):
            g(a, np.broadcast_to(a[1:2], (3,)))
        np.testing.assert_array_equal(a, [7, 1, 2, 3])


def test_triples_and_containers() -> None:
    def f(pair: Any, *, out: Any) -> Any:
        x, y = pair["x"], pair["y"]
        out[...] = x + y
        x -= out
        return {"x": x, "view": y[1:], "sum": out.sum()}

    compiled = jit(f)
    for _ in range(2):
        results = []
        for g in (f, compiled):
            a = np.arange(8.0)
            result = g({"x": a[:-2], "y": a[1:-1]}, out=a[2:])
            assert np.shares_memory(result["view"], a)
            result["view"][0] = -1.0
            results.append((result["x"].tolist(), result["sum"], a.tolist()))
        assert results[0] == results[1]
    assert compiled.stats().python_calls == 0


def test_memory_beside_the_arguments_is_left_alone() -> None:
    def f(x: Any, y: Any) -> None:
        for i in range(3):
            x[i] = y[2 - i] + 1

    buffer = bytearray(np.arange(8.0).tobytes())
    whole = np.frombuffer(buffer)
    x = np.frombuffer(buffer, count=4, offset=8)
    y = np.frombuffer(buffer, count=4, offset=16)
    want = np.arange(8.0)
    f(want[1:5], want[2:6])
    compiled = jit(f)
    compiled(x, y)
    np.testing.assert_array_equal(whole, want)
    assert compiled.stats().python_calls == 0


def test_storages_stay_inside_the_owner() -> None:
    a = np.arange(20.0).reshape(4, 5)
    for views in ((a[1:3, 1:], a[2:, :-1]), (a[1, :3], a[1, 1:]), (a.T, a[::-1, ::-1])):
        for storage in Sharer().share(views).storages:
            low, high = np.lib.array_utils.byte_bounds(storage)
            assert np.lib.array_utils.byte_bounds(a)[0] <= low
            assert high <= np.lib.array_utils.byte_bounds(a)[1]


def test_an_array_beside_the_windows() -> None:
    def f(x: Any, y: Any, z: Any) -> None:
        x[...] = y + z[0]
        z[0] = 9

    compiled = jit(f)
    base = np.arange(12.0).reshape(2, 6)
    check(compiled, f, base, lambda a: (a[:, 0:2], a[:, 1:3], a[:, 4:5]))


def test_what_cannot_be_shared_says_so() -> None:
    def f(x: Any, y: Any) -> Any:
        x[0] = 1.0
        return y.sum()

    raw = np.zeros(4)
    compiled = jit(f)
    with pytest.warns(UserWarning, match="float64 and int8 share memory"):
        assert compiled(raw, raw.view(np.int8)) == f(np.zeros(4), raw.view(np.int8))
    assert compiled.stats().python_calls == 1


def test_gradients_take_arguments_apart() -> None:
    def f(x: Any, y: Any) -> Any:
        x *= y
        return (x * y).sum()

    a = np.arange(1.0, 6.0)
    apart = a[1:].copy(), a[:-1].copy()
    for g in (grad(f, argnums=(0, 1)), value_and_grad(f)):
        before = a.copy()
        got, want = g(a[1:], a[:-1]), g(*apart)
        for x, y in zip(got, want, strict=True):
            np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(a, before)


def test_gradient_inside_of_windows() -> None:
    def loss(x: Any, y: Any) -> Any:
        y[1:] *= x[:-1]
        return (y**2).sum()

    def step(x: Any, y: Any, scale: float) -> Any:
        y[...] = x * scale
        g = grad(loss)(x, y)
        x -= 0.1 * g
        return g

    compiled = jit(step)
    a, b = np.arange(1.0, 7.0), np.arange(1.0, 7.0)
    got = compiled(a[1:], a[:-1], 0.5)
    b[:-1] = b[1:] * 0.5
    x, y = b[1:].copy(), b[:-1].copy()
    want = np.zeros(5)
    want[:-1] = 2 * y[1:] ** 2 * x[:-1]
    b[1:] -= 0.1 * want
    np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(a, b)
    assert compiled.stats().python_calls == 0


# Random views through random bodies ---------------------------------------------------------------


# Arrays whose own elements meet -------------------------------------------------------------------
