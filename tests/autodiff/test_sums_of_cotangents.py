"""What the way back of a loop does in each iteration, counted in the IR."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit, jvp, vjp, vmap

RNG = np.random.default_rng(0)
MATRIX, X = RNG.normal(size=(6, 6)) + 6 * np.eye(6), RNG.normal(size=6)


def heat(u: Any) -> Any:
    u = u.copy()
    for _ in range(5):
        u[1:-1, 1:-1] += 0.1 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] - 3 * u[1:-1, 1:-1])
    return np.sum(u * u)


def moved(u: Any) -> Any:
    """A window that is read and another that is written."""
    u = u.copy()
    for _ in range(5):
        u[1:-1, 1:-1] = np.sin(u[2:, 2:]) + 0.5 * u[1:-1, 1:-1]
    return np.sum(u * u)


def written_over(u: Any) -> Any:
    u = u.copy()
    for i in range(5):
        u[1:-1, 1:-1] = 0.25 * u[0, i]
        u[0, :] += u[2, :]
    return np.sum(u * u)


def jacobi(a: Any) -> Any:
    d, x = np.diag(a), np.zeros(6)
    for _ in range(5):
        x = x + (X - a @ x) / d
    return np.sum(x * x)


def rate(s: Any) -> Any:
    u = MATRIX.copy()
    for _ in range(3):
        u[1:, 1:] += s * u[:-1, :-1]
    return np.sum(u[:, 1:])


def way_back(f: Callable[..., Any], x: Any) -> str:
    """The text of the reverse loop's body."""
    found = re.search(r"func @\w*_reverse.*?\n    }\n", jit(grad(f)).inspect_ir(x), re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("f", [heat, moved, written_over, jacobi])
def test_gradients(f: Callable[..., Any]) -> None:
    np.testing.assert_allclose(grad(f)(MATRIX), numerical(f, MATRIX), rtol=2e-5, atol=1e-6)


def numerical(f: Callable[..., Any], x: Any, step: float = 1e-6) -> Any:
    found = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[k] = step
        found[k] = (f(x + e) - f(x - e)) / (2 * step)
    return found


def test_a_window_that_is_left_out_and_added_into_is_set() -> None:
    text = way_back(heat, MATRIX)
    assert len(re.findall("= add_slice ", text)) == 4
    assert "put_slice" not in text
    assert "constant {value=0.0}" not in text


def test_outer_products_are_elementwise() -> None:
    assert "contract=[[], []]" not in way_back(jacobi, MATRIX)


def test_sums_over_all_axes_are_taken_one_by_one() -> None:
    text = way_back(rate, 0.3)
    assert re.findall(r"reduce_sum [^{]*\{axes=\[(.*?)\]\}", text) == ["1", "0"]
    np.testing.assert_allclose(grad(rate)(0.3), numerical(rate, np.array(0.3)), rtol=1e-7)


def first_to_all(x):
    x[::-1][...] = np.array(x[::-1][0])


def less_than_was_written(x):
    x[1:4] = np.sin(x[1:3])[0]


def wider_in_turn(x):
    for k in range(1, 4):
        x[:k] = x[0] * 2.0 + x[:k].sum()
        x[2 : 2 + k] += x[2:3]


def rows_and_parts_of_them(x):
    y = x.reshape(2, 3)
    y[0] = y[0, :1]
    y[:, 1:] = y[:1, 1:2]


@pytest.mark.parametrize(
    "change", [first_to_all, less_than_was_written, wider_in_turn, rows_and_parts_of_them]
)
def test_windows_that_begin_together_and_end_apart(change: Callable[[Any], None]) -> None:
    def f(x: Any) -> Any:
        y = x * 1.5
        change(y)
        return y

    x = np.linspace(0.2, 1.4, 6)
    forward = np.stack([jvp(f, (x,), (e,))[1] for e in np.eye(6)], axis=1)
    pulled = np.stack([vjp(f, x)[1](e)[0] for e in np.eye(6)])
    np.testing.assert_allclose(pulled, forward, rtol=1e-12, atol=1e-12)


def to_the_nearest(centres: Any, points: Any) -> Any:
    cost = 0.0
    for i in range(points.shape[0]):
        best = np.inf
        for k in range(centres.shape[0]):
            d = 0.0
            for j in range(points.shape[1]):
                d += (points[i, j] - centres[k, j]) ** 2
            best = min(best, d)
        cost += best
    return cost


def test_a_loop_that_no_branch_used_has_no_way_back() -> None:
    """Of all distances to centres one is used: the loops of the others add nothing."""
    points, centres = RNG.normal(size=(20, 3)), RNG.normal(size=(4, 5, 3))
    one = jit(grad(to_the_nearest))
    text = one.inspect_ir(centres[0], points)
    assert text.count("{idle=True}") == 2  # of the first centre, of the others
    want = []
    for c in centres:
        near = ((points[:, None] - c) ** 2).sum(-1).argmin(1)
        want.append([-2 * (points[near == k] - c[k]).sum(0) for k in range(5)])
    np.testing.assert_allclose([one(c, points) for c in centres], want, rtol=1e-12)
    # Examples differ in what they use: the loops are done for all, and no array is chosen.
    many = jit(vmap(grad(to_the_nearest), in_axes=(0, None)))
    np.testing.assert_allclose(many(centres, points), want, rtol=1e-12)
    assert "f64[4, 5, 3] = select" not in many.inspect_ir(centres, points)


def chained(x: Any) -> Any:
    y = np.zeros_like(x)
    for _ in range(4):
        out = x.copy()
        out[1:] *= y[:-1]
        y = 0.5 * y + out
    return y[-1]


def test_what_overwrites_a_copy_goes_into_a_running_sum_in_one_pass() -> None:
    """Not as the rest with a window of zeros, and the window after it: one window is ``y``'s."""
    slope = jit(grad(chained))
    assert slope.inspect_ir(X).split("body_reverse")[1].count("add_slice") == 1
    eye = 1e-6 * np.eye(6)
    want = [(chained(X + e) - chained(X - e)) / 2e-6 for e in eye]
    np.testing.assert_allclose(slope(X), want, rtol=1e-7, atol=1e-9)


def begins_with_what_it_reads(x: Any, n: Any) -> Any:
    """The array that a loop begins with is one that it reads, and adds nothing to."""
    y = x
    for i in range(n):
        y = y * 2.0 if x[i] > 0.5 else np.sin(y)
    return y, x


def begins_with_what_it_walks(x: Any, n: Any) -> Any:
    y = x
    for v, k in zip(x, np.arange(n), strict=False):
        if k > 1 or v > 1e9:
            break
        y = np.sin(y * 2.0)
    return y, x


def begins_a_while(x: Any, n: Any) -> Any:
    y, i = x, 0
    while i < n and x[i] < 1e9:
        y, i = np.cos(y), i + 1
    return y, x * 3.0


def begins_two(x: Any, n: Any) -> Any:
    y, z = x, x
    for i in range(n):
        y, z = (z * 2.0, y) if x[i] > 0.5 else (np.sin(y), z)
    return y + z, x


def begins_in_a_branch(x: Any, n: Any) -> Any:
    y = x
    if n > 1:
        for i in range(n):
            y = y * x[i] if x[-1] > 0.5 else np.sin(y)
    return y, x


def begins_with_its_reshape(x: Any, n: Any) -> Any:
    y, rows = x, x.reshape(2, 3)
    for i in range(n):
        y = np.sin(y) if rows[0, i] > 0.5 else y * 2.0
    return y, rows


BEGINNINGS = [
    begins_with_what_it_reads,
    begins_with_what_it_walks,
    begins_a_while,
    begins_two,
    begins_in_a_branch,
    begins_with_its_reshape,
]


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("f", BEGINNINGS)
def test_what_a_loop_begins_with_and_reads(f: Callable[..., Any], n: int) -> None:
    """What it begins with gets its share beside what other results gave the same array."""
    x, tangent = np.linspace(0.2, 0.9, 6), np.linspace(1.0, 2.0, 6)
    first, second = np.linspace(-1.0, 1.0, 6), np.linspace(2.0, 3.0, 6)
    value, pulled = vjp(lambda x: f(x, n), x)
    cts = first, second.reshape(value[1].shape)
    _, moved = jvp(lambda x: f(x, n), (x,), (tangent,))
    want = sum(np.sum(c * m) for c, m in zip(cts, moved, strict=True))
    assert np.isclose(pulled(cts)[0] @ tangent, want, rtol=1e-12)
    both = jit(lambda x, n: vjp(lambda x: f(x, n), x)[1](cts)[0])
    assert np.isclose(both(x, n) @ tangent, want, rtol=1e-12)
