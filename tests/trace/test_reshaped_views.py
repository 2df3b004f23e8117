"""A reshape is a view exactly where NumPy makes one, also where only the run knows the extents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs.program import Program, assert_same, run
from tracejit import UnsupportedError, jit
from tracejit.trace.values.view_transforms import split_axes

BOUNDS = [(0, 2), (0, 1), (1, 2), (0, 3), (2, 3)]


def with_shape(v: Any, shape: Any) -> Any:
    v = v[...]
    v.shape = shape
    return v


RESHAPED: dict[str, Any] = {
    "a column": lambda x, a, b: x[:, a:b].reshape(-1),
    "a column raveled": lambda x, a, b: x[:, a:b].ravel(),
    "a column in Fortran order": lambda x, a, b: x[:, a:b].reshape(-1, order="F"),
    "a column in its order": lambda x, a, b: x.T[:, a:b].ravel("A"),
    "in the order of memory": lambda x, a, b: x[a:b].T.ravel("K"),
    "equal extents": lambda x, a, b: x[:b].reshape((*x[:b].shape, 1)),
    "a difference": lambda x, a, b: x[a:b].reshape(b - a, -1),
    "a difference last": lambda x, a, b: x[:, a:b].reshape(-1, b - a),
    "rows of another slice": lambda x, a, b: x[:, a:b].reshape(x[a:b].shape[0], -1),
    "split and merged": lambda x, a, b: x[:, ::2][:, a:b].reshape(2, -1),
    "the shape is set": lambda x, a, b: with_shape(x[a:b], (b - a, -1, 1)),
    "the shape cannot be set": lambda x, a, b: with_shape(x[:, a:b], -1),
    "no copy": lambda x, a, b: np.reshape(x[:, a:b], -1, copy=False),
    "squeezed": lambda x, a, b: x[:, a:b].squeeze().reshape(-1),
    "one of two views": lambda x, a, b: (x if a > 0 else x[::-1])[a:b].reshape(-1),
    "an array or its transpose": lambda x, a, b: (x if a > 0 else x.T)[:, ::3].reshape(-1),
    "one of two, its shape set": lambda x, a, b: with_shape(x if a > 0 else x.T, -1),
    "twice": lambda x, a, b: x[:, a:b].reshape(2, -1).reshape(-1),
    "a new axis between": lambda x, a, b: np.expand_dims(x[a:b], 1).reshape(b - a, -1),
}


@pytest.mark.parametrize("function", RESHAPED.values(), ids=RESHAPED)
def test_what_is_written_reaches_the_array_where_numpy_makes_a_view(function: Any) -> None:
    def written(x: Any, a: Any, b: Any) -> Any:
        y = function(x, a, b)
        y[...] = 9
        x[0] = 3
        return y

    program = Program("reshaped", written, lambda rng: ())
    compiled = jit(written, shapes="dynamic")
    for a, b in BOUNDS:
        x = np.arange(24.0).reshape(4, 6)
        expected = run(written, (x.copy(), a, b))
        assert_same(run(compiled, (x.copy(), a, b)), expected, program)


def test_a_shape_of_no_elements_cannot_be_worked_out() -> None:
    compiled = jit(lambda x, a, b: x[a:b].reshape(b - a, -1), shapes="dynamic")
    assert compiled(np.ones((4, 6)), 1, 3).shape == (2, 6)
    with pytest.raises(ValueError, match=r"array of size 0 into shape \(0,newaxis\)"):
        compiled(np.ones((4, 6)), 1, 1)


@pytest.mark.parametrize("order", "CFAK")
@pytest.mark.parametrize(
    "flat", [lambda x, order: x.flatten(order), lambda x, order: x.ravel(order)]
)
def test_orders(flat: Any, order: str) -> None:
    x = np.arange(24.0).reshape(4, 6)
    compiled = jit(lambda x: flat(x, order), shapes="dynamic")
    for given in (x, x.T, np.asfortranarray(x), x[::2], x.T[::2]):
        np.testing.assert_array_equal(compiled(given), flat(given, order))


def test_an_unknown_order_in_memory_is_not_supposed() -> None:
    compiled = jit(lambda x, k: x[::k].ravel("K"), shapes="dynamic")
    with pytest.raises(UnsupportedError, match="order='C' does not ask"):
        compiled(np.arange(24.0).reshape(4, 6), -1)


@pytest.mark.parametrize(
    ("before", "after", "axes"),
    [
        ((4, 6), (4, 1, 6), [[0], [2]]),
        ((4, 6), (2, 2, 6), [[0, 1], [2]]),
        ((1, 6, 5), (2, 3, 5), [[], [0, 1], [2]]),
        ((6,), (1, 2, 3), [[1, 2]]),
        ((4, 6), (8, 3), None),
        ((4, 6), (24,), None),
        ((0, 6), (0, 7), None),
        ((2, 12, 5), (2, 3, 4, 5), [[0], [1, 2], [3]]),
    ],
)
def test_which_axes_an_axis_becomes(before: Any, after: Any, axes: Any) -> None:
    assert split_axes(before, after) == axes


def test_windows_of_parts_under_other_shapes() -> None:
    def f(x: Any, k: int) -> Any:
        v = x[1:].reshape(-1, 2, 3)
        v[:, k], v[k, 1:, ::2], v[-1] = 1.5, v[0, 1:, ::2] * 2, v[0]
        z = (x + 1j).real[1:]
        z[k:] += x[1 + k :]
        empty = x[:0].reshape(0, 7)
        empty[:, 6] = 1.0
        return v[:, :, 1], z, empty[:, 2:]

    x = np.arange(24.0).reshape(4, 6)
    for policy in ("auto", "dynamic"):
        a, b = x.copy(), x.copy()
        found = jit(f, shapes=policy, debug=True)(a, 1)
        for got, wanted in zip([*found, a], [*f(b, 1), b], strict=True):
            np.testing.assert_array_equal(got, wanted)


def random_key(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Numbers and slices, of which few are whole."""
    key: list[Any] = []
    for n in shape:
        a, b = sorted(int(v) for v in rng.integers(0, n + 1, 2))
        step = int(rng.choice([1, 1, 1, 2, -1]))
        part = slice(a, b, step) if step > 0 else slice(None, None, step)
        number = int(rng.integers(0, max(n, 1)))
        key.append([number if n else slice(None), part, slice(None)][int(rng.integers(0, 3))])
    return tuple(key)


@pytest.mark.parametrize("seed", range(40))
def test_windows_of_windows_under_other_shapes(seed: int) -> None:
    """What is sliced first is a block; what is written is what NumPy writes."""
    rng = np.random.default_rng(seed)
    shapes = [(2, 3, 4), (6, 4), (24,), (3, 2, 2, 2), (4, 6), (2, 1, 12), (2, 2, 6)]
    first, second = (shapes[int(rng.integers(0, len(shapes)))] for _ in range(2))
    start = int(rng.integers(0, 4))
    keys = [random_key(rng, first)]
    keys.append(random_key(rng, np.empty(first)[keys[0]].shape))
    other = random_key(rng, second)

    def written(x: Any, i: Any) -> Any:
        y = x[start : start + 24].reshape(first)
        inner = y[keys[0]]
        z = x[start : start + 24].reshape(second)
        for k in range(i):
            inner[keys[1]] = inner[keys[1]] * 2.0 + k
            z[other] += y[0].sum()
        return inner, z

    fast = jit(written)
    x, mine = np.arange(28.0), np.arange(28.0)
    try:
        want = written(x, 2)
    except TypeError:  # a window of one number does not take items
        with pytest.raises(TypeError):
            fast(mine, 2)
        return
    for got, wanted in zip(fast(mine, 2), want, strict=True):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(mine, x)
