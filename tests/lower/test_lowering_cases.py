"""Programs that lowering once got wrong, or easily could: each against NumPy, for exact shapes and
for any, with the arrays that a call (also a failing one) leaves behind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from tracejit import grad, jit

Fn = Callable[..., Any]
CASES: list[tuple[Fn, tuple[tuple[Any, ...], ...]]] = []


def F(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=float).reshape(shape) + 1.0


def case(*calls: tuple[Any, ...]) -> Callable[[Fn], Fn]:
    """Enter a function with the arguments of its calls."""

    def enter(fn: Fn) -> Fn:
        CASES.append((fn, calls))
        return fn

    return enter


def outcome(fn: Fn, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What a call returns or raises, and its arguments afterwards."""
    args = copy.deepcopy(args)
    try:
        return fn(*args), args
    except (IndexError, ValueError) as error:
        return (type(error).__name__, str(error)), args


def assert_same(got: Any, want: Any) -> None:
    """Equal, array by array, in tuples of any depth."""
    if isinstance(want, tuple):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
    elif isinstance(want, str) or want is None:
        assert got == want
    else:
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, strict=True)


# -- what a failing call has not assigned yet is not in the caller's array


@case((np.arange(4.0), 1), (np.arange(4.0), 9), (np.arange(6.0), 7))
def computed_where_it_ends_up(x: Any, i: int) -> Any:
    y = x * 2
    z = y[i]
    x[:] = y
    return z


@case((np.arange(4.0), 1), (np.arange(4.0), 9))
def updated_where_it_ends_up(x: Any, i: int) -> Any:
    y = x * 1.0
    y[0] = 5
    z = y[i]
    x[:] = 0
    return z


@case((np.arange(4.0), 1, 2), (np.arange(4.0), 1, 6), (np.arange(5.0), 2, 4))
def updated_by_a_loop_that_fails(x: Any, i: int, n: int) -> Any:
    y = x.copy()
    for k in range(n):
        y[k] = y[k + i] + 1
    x[:] = y


@case((np.arange(4.0), 1, 2), (np.arange(4.0), 1, 6), (np.arange(5.0), 2, 4))
def assigned_in_each_iteration(x: Any, i: int, n: int) -> Any:
    for k in range(n):
        t = x * 2
        t[k] = 1
        t[k + i] += 3
        x[:] = t


@case((np.arange(4.0), 0), (np.arange(4.0), 6), (np.arange(5.0), 2))
def updated_by_a_branch_that_fails(x: Any, i: int) -> Any:
    y = np.sin(x)
    if y[0] < 3:
        y[1] = y[i]
    x[:] = y


@case((np.arange(4.0), 1), (np.arange(4.0), 3), (np.arange(6.0), 9))
def in_step_with_the_loop(x: Any, n: int) -> Any:
    for i in range(n):
        x[i] += x[i + 1]
        if x[i] > 3:
            raise ValueError("big")
    return x


# -- a branch takes over memory that nothing needs afterwards: each side yields it or frees it


@case((np.arange(6.0), True), (np.arange(6.0), False))
def one_or_the_other(x: Any, first: bool) -> Any:
    y, z = np.sin(x), np.cos(x)
    y[0] = z[1] = 3
    w = y if first else z
    return w + 1


@case((np.arange(6.0), 1), (np.arange(6.0), 0), (np.arange(6.0), -1))
def kept_in_another_shape(x: Any, k: int) -> Any:
    y = np.exp(x)
    y[k] = 7
    if k > 0:
        z = y.reshape(2, 3)
    elif k < 0:
        raise ValueError("negative")
    else:
        z = np.ones((2, 3))
    return z * 2


@case((np.arange(9.0), 4), (np.arange(9.0), 0), (np.arange(3.0), 40))
def shrinking(x: Any, n: int) -> Any:
    y, at = x * 1.5, np.arange(x.size)
    for k in range(n):
        if y.size == 0:
            break
        keep = y > k
        y, at = y[keep], at[keep]
    return y, at


@case((np.arange(9.0), 4), (np.arange(9.0), 12))
def still_needed_outside(x: Any, n: int) -> Any:
    y = x * 2
    z = y
    for k in range(n):
        if k % 2:
            z = z[1:] if z.size > 1 else y
        z = z[z != k]
    return y, z, y.sum()


@case((np.arange(40_000.0), 5), (np.arange(40_000.0), 0))
def large_and_shrinking(x: Any, n: int) -> Any:
    y = np.sqrt(x)
    for k in range(n):
        y = y[y > 3 * k] + 1
        if y.size < 10_000:
            y = np.concatenate((y, y))
    return y


# -- lines of the elements of another tensor are computed along that tensor's axes


@case((np.arange(24.0), 2, 3), (np.arange(24.0), 4, 1), (np.arange(24.0), 1, 24))
def in_another_order(x: Any, a: int, b: int) -> Any:
    y = x.reshape(a, -1, b).transpose(1, 0, 2).reshape(x.size) * 2
    return (y + 1).reshape(2, -1), y


@case((np.arange(24.0), 2, 3), (np.arange(24.0), 6, 2))
def over_its_own_memory(x: Any, a: int, b: int) -> Any:
    y = np.sin(x).reshape(a, -1)
    y[0] = 3
    z = (y * 2).T.reshape(-1) + np.repeat(np.arange(b), x.size // b)
    y[:] = (z * y.reshape(-1)).reshape(y.shape)
    x[:] = y.T.reshape(-1) - x
    return y


@case((np.arange(12.0).reshape(3, 4), 1.5), (np.arange(6.0).reshape(6, 1), 0.5))
def two_orders(x: Any, t: float) -> Any:
    return x.T.ravel() * x.ravel() + x[::-1].ravel() * t - (x + t).T.ravel()


# -- selections


@case((np.arange(6.0), np.array([True, False] * 3)), (np.arange(6.0), np.zeros(6, bool)))
def updated_where_a_mask_holds(x: Any, m: Any) -> Any:
    y = np.cos(x)
    x[m] = x[m] ** 2 + y[m]
    x[~m] -= 1
    return x, y


@case((np.arange(6.0), np.array([True, False] * 3)), (np.arange(6.0), np.zeros(6, bool)))
def from_elsewhere_in_the_same_array(x: Any, m: Any) -> Any:
    x[m] = x[::-1][m] + x[m]
    x[1:][m[1:]] = x[:-1][m[1:]]
    return x


@case((np.arange(6.0).reshape(2, 3), 2.0), (np.arange(6.0).reshape(2, 3), 9.0))
def of_two_axes(x: Any, t: float) -> Any:
    m = x > t
    y = x.copy()
    y[m] = np.floor(y[m] / 2) * x[m]
    y.T[m.T] += 1
    return y, x[m].sum() + y[m].sum()


@case((np.arange(6.0), np.array([True, False] * 3)), (np.arange(6.0), np.ones(6, bool)))
def the_mask_changes_between(x: Any, m: Any) -> Any:
    y = x[m]
    m[0] = False
    z = x[m]
    return y.sum(), z.sum(), y.size - z.size


# Sizes that only the run compares: what is made of one array is computed where another one is.


@case((F(4), F(4)), (F(3), F(3)), (F(4), F(3)))
def the_second_changes_before_the_use(x: Any, y: Any) -> Any:
    t = x + y
    y[0] = 5.0
    return t * 2.0


@case((F(4), F(4), F(4)), (F(4), F(3), F(3)), (F(4), F(4), F(3)))
def one_changes_before_sizes_are_compared(x: Any, y: Any, z: Any) -> Any:
    x[0] = 9.0
    t = y * z
    x += t
    y[:] = x.sum()
    return t, x


@case((F(4), F(4)), (F(4), F(5)))
def in_a_loop(x: Any, y: Any) -> Any:
    total = 0.0
    for k in range(3):
        t = x * y
        x = x + t
        y[k] = total
        total += t.sum()
    return x


@case((F(2, 2), F(2, 2)), (F(2, 2), F(3, 2)), (F(3, 2), F(2)), (F(2), F(3)))
def products_say_which_sizes_differ(x: Any, y: Any) -> Any:
    x *= 2.0
    return x @ y


def two_operands(x: Any, y: Any, z: Any) -> Any:
    return 2.0 * x + y * z


def test_sizes_that_are_compared_keep_no_arrays_in_between() -> None:
    made = jit(two_operands, shapes="dynamic")
    program = made._dispatcher.version_for(F(5), F(5), F(5)).artefacts.program
    assert [i.name for i in program.host.instrs if i.name in ("alloc", "launch")] == ["launch"]


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize(("fn", "calls"), CASES, ids=[fn.__name__ for fn, _ in CASES])
def test_case(
    fn: Fn, calls: tuple[tuple[Any, ...], ...], shapes: Literal["auto", "dynamic"]
) -> None:
    native = jit(fn, shapes=shapes)
    for args in calls:
        assert_same(outcome(native, args), outcome(fn, args))


def stepped(x: Any, n: int) -> Any:
    y = x * 2
    for i in range(n):
        y[1:] = np.sin(y[:-1]) * y[1:]
        y[0] = y[i] * y[-1]
    return (y * x).sum()


def mixed_with_a_constant(x: Any, n: int) -> Any:
    y = x
    for k in range(12):
        y = np.sin(y) * x[::-1] - (k + n) / (2 + y * y)
    return (y + x).sum()


@pytest.mark.parametrize("fn", [stepped, mixed_with_a_constant])
def test_gradient_of_a_loop_for_any_shape(fn: Fn) -> None:
    exact, general = jit(grad(fn), shapes="static"), jit(grad(fn), shapes="dynamic")
    for size in (4, 6):
        x = np.random.default_rng(size).normal(size=size)
        got = general(x, 2)
        np.testing.assert_allclose(got, exact(x, 2), rtol=1e-9, atol=1e-12)
        step = 1e-6 * np.eye(size)
        numeric = [(fn(x + d, 2) - fn(x - d, 2)) / 2e-6 for d in step]
        np.testing.assert_allclose(got, numeric, rtol=1e-5, atol=1e-6)
