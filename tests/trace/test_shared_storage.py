"""Names that share storage in some runs only: branches and loops must keep who sees which write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.programs.cross_check import outcomes
from tests.trace.sharing_cases import CASES
from tracejit import jit


def identities(results: Any, arguments: tuple[Any, ...]) -> list[list[bool]]:
    """Which results and arguments are one object."""
    flat = [p for r in results for p in (r if isinstance(r, list) else [r])]
    return [[p is q for q in (*flat, *arguments)] for p in flat]


@pytest.mark.parametrize("policy", ["auto", "static", "dynamic"])
@pytest.mark.parametrize(("function", "others"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_same_as_numpy(function: Callable[..., Any], others: tuple[Any, ...], policy: Any) -> None:
    ours, theirs = np.arange(4.0), np.arange(4.0)
    got, want = jit(function, shapes=policy)(ours, *others), function(theirs, *others)
    np.testing.assert_equal(got, want)
    np.testing.assert_array_equal(ours, theirs)
    if isinstance(want, tuple):
        assert identities(got, (ours,)) == identities(want, (theirs,))


def dense_once(x: Any, n: int) -> Any:
    for _ in range(n):
        x = np.ascontiguousarray(x)
    x[...] = -x
    return x


def dense_sometimes(x: Any, n: int) -> Any:
    for i in range(n):
        if i > 1:
            x = np.ascontiguousarray(x)
        x.ravel()[0] += 1
        x.reshape(-1)[1] += 2
    x[...] = -x
    return x


LAYOUTS: list[Callable[[], Any]] = [
    lambda: np.arange(6.0)[::-1],
    lambda: np.arange(6.0),
    lambda: np.arange(6.0).reshape(2, 3).T,
    lambda: np.arange(6.0).reshape(2, 3)[:, ::-1],
    lambda: np.arange(12.0).reshape(3, 4)[:, :2],
]


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("make", LAYOUTS)
@pytest.mark.parametrize("function", [dense_once, dense_sometimes])
def test_memory_order_of_the_first_iteration(
    function: Callable[..., Any], make: Callable[[], Any], turns: int
) -> None:
    ours, theirs = make(), make()
    got, want = jit(function)(ours, turns), function(theirs, turns)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(ours, theirs)
    assert (got is ours) == (want is theirs)


@pytest.mark.parametrize("width", [2, 3, 4])
def test_dense_or_not_is_found_at_run_time(width: int) -> None:
    def f(x: Any, m: int) -> Any:
        y = np.ascontiguousarray(x[:, :m])
        y[0, 0] = 9
        return y

    ours, theirs = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4)
    got, want = jit(f, shapes="dynamic")(ours, width), f(theirs, width)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(ours, theirs)


def fresh_or_read_only(x: Any, n: int) -> Any:
    for _ in range(n):
        x = x + 1
    x[0] *= 2
    x[1] = 5
    np.add(x, 1, out=x)
    return x


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_read_only_in_some_runs(turns: int) -> None:
    x = np.arange(4.0)
    x.flags.writeable = False
    f = jit(fresh_or_read_only, shapes="dynamic")
    if turns == 0:
        with pytest.raises(ValueError, match="read-only"):
            f(x, turns)
    else:
        np.testing.assert_array_equal(f(x, turns), fresh_or_read_only(x, turns))
    np.testing.assert_array_equal(x, np.arange(4.0))


def values_returned_twice(x: Any, n: int) -> Any:
    zeros = np.zeros(4)
    joined = np.concatenate([zeros[0:3], zeros[3:4]])
    if joined.sum() > 100:
        joined[:] = 1
    filled = zeros.copy()
    for i in range(n):
        if x[i] >= 0:
            filled.fill(2.0)
    return joined, filled, filled.copy(), zeros, zeros.copy(), zeros.copy()


@pytest.mark.parametrize("turns", [0, 3])
def test_values_that_are_results_twice_keep_their_memory(turns: int) -> None:
    f = jit(values_returned_twice, shapes="dynamic")
    got, want = f(np.arange(4.0), turns), values_returned_twice(np.arange(4.0), turns)
    np.testing.assert_equal(got, want)
    got[1][:] = 7
    np.testing.assert_equal(got[2], want[2])


def stretched_in_a_loop(x: Any, n: int, *, write: bool) -> Any:
    y = x + 1
    for i in range(n):
        y = np.broadcast_to(y[0] + i, (4,))
    if write:
        y[1] = 5
    return y


def stretched_on_one_side(x: Any, n: int, *, write: bool) -> Any:
    y = np.broadcast_to(x[0] + 1, (4,)) if n else x + 1
    if write:
        y[1] = 5
    return y


@pytest.mark.parametrize("turns", [0, 1, 3])
@pytest.mark.parametrize("function", [stretched_in_a_loop, stretched_on_one_side])
def test_stretched_arrays_stay_read_only(function: Callable[..., Any], turns: int) -> None:
    x = np.arange(4.0)
    f = jit(function, shapes="dynamic", static_argnames="write")
    np.testing.assert_array_equal(f(x, turns, write=False), function(x, turns, write=False))
    if turns:
        with pytest.raises(ValueError, match=r"read-only|copy it before it is written"):
            f(x, turns, write=True)


def parts_of_what_one_side_made(x: Any, flag: Any) -> Any:
    if flag[0] > 0:
        y = np.concatenate([x[x > 5], x])[0:3]
        z = y
    else:
        y = x[0:3] * 2
        z = x
    return y + 1, y.sum(), z[0:2].sum()


@pytest.mark.parametrize("policy", ["static", "dynamic"])
@pytest.mark.parametrize("flag", [1.0, -1.0])
def test_no_view_reaches_beyond_the_other_sides_empty_storage(flag: float, policy: str) -> None:
    def make() -> tuple[Any, ...]:
        return np.arange(10.0), np.array([flag])

    for way, got, want in outcomes(parts_of_what_one_side_made, [make], policy):
        assert got.raised is None, (way, got.raised)
        np.testing.assert_equal(got.results, want.results)


def two_views_that_move(x: Any, n: int) -> Any:
    now = x[:2]
    for i in range(n):
        before = now
        now = x[i % 3 :]
    return now.sum(), before.sum()


@pytest.mark.parametrize("policy", ["static", "dynamic"])
@pytest.mark.parametrize("turns", [1, 3, 7])
def test_views_that_move(turns: int, policy: Any) -> None:
    x = np.arange(4.0)
    assert jit(two_views_that_move, shapes=policy)(x, turns) == two_views_that_move(x, turns)


def moves(x: Any, n: int) -> Any:
    k = 0
    while k < n:
        last = x[k:]
        k += 1
    return last


def moves_and_is_written_later(x: Any, n: int) -> Any:
    for k in range(n):
        last = x[k:]
        if x[k] > 3:
            break
    last[0] = 50
    return last, x


def moves_over_two_arrays(x: Any, n: int) -> Any:
    y = x[::2]
    for k in range(n):
        last = x[k:] if k % 2 else y[k:]
    return last, y


def made_together(x: Any, n: int) -> Any:
    for k in range(n):
        last = x * k
        part = last[1:]
    return last, part


def moves_in_a_tuple(x: Any, n: int) -> Any:
    for k in range(n):
        pair = x[k:], x[: k + 1]
    return pair


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize(
    "function",
    [
        moves, moves_and_is_written_later, moves_over_two_arrays, made_together, moves_in_a_tuple,
    ],
)  # fmt: skip
def test_results_share_memory_as_pythons(function: Callable[..., Any], turns: int) -> None:
    """A name that is bound in a loop only, and not written there."""
    ours, theirs = np.arange(4.0), np.arange(4.0)
    compiled = jit(function, opt_level=0, shapes="dynamic")
    try:
        want = function(theirs, turns)
    except UnboundLocalError:
        with pytest.raises(UnboundLocalError):
            compiled(ours, turns)
        return
    got = compiled(ours, turns)
    np.testing.assert_equal(got, want)
    np.testing.assert_array_equal(ours, theirs)

    def shared(results: Any, x: Any) -> list[bool]:
        flat = [*results, x] if isinstance(results, tuple) else [results, x]
        return [np.shares_memory(p, q) for p in flat for q in flat]

    assert shared(got, ours) == shared(want, theirs)
