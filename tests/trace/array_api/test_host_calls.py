"""Calls of NumPy in compiled programs: in loops and branches, failing, under derivatives."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit import check_grads, jit
from tracejit.errors import UnsupportedError
from tracejit.ir.ops.extern import Reference


def same(function: Any, *args: Any) -> None:
    """Compiled equals plain, in values, dtypes, types of results, and in the arguments after."""
    mine = [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]
    theirs = [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]
    got, want = jit(function)(*mine), function(*theirs)
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for g, w in [*pairs, *zip(mine, theirs, strict=True)]:
        assert type(g) is type(w)
        np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12)


def running_median(x: Any, width: int) -> Any:
    out = np.empty(len(x) - width + 1)
    for i in range(len(out)):
        out[i] = np.sort(x[i : i + width])[width // 2]
    return out


def sorted_on_one_side(x: Any, k: int) -> Any:
    if k > 0:
        x.sort()
    else:
        x = np.sort(x)[::-1]
    return x[:2], x.sum()


def shrinking(x: Any) -> Any:
    total = 0
    for i in range(5):
        found = np.unique(np.floor(x[x > i / 10] * 5))
        total += len(found)
        if len(found) > 3:
            total += np.bincount(found.astype(int)).max()
    return total


def of_run_time_length(x: Any) -> Any:
    y = x[x > 0.2]
    y.sort()
    counts, edges = np.histogram(y, 4)
    middle, inside = np.median(y), np.percentile(y, [5, 50])
    return y, np.argsort(x[x > 0.5]), middle, np.median(x[x > 9]), inside, counts, edges


def solved(A: Any, b: Any, n: int) -> Any:
    x = b
    for i in range(n):
        x = np.linalg.solve(A + i * np.eye(len(b)), x)
        if np.abs(np.fft.fft(x)).max() > 1.0:
            x = x / np.linalg.norm(x)
    return x


def decomposed(A: Any) -> Any:
    (q, r), (w, v) = np.linalg.qr(A), np.linalg.eigh(A + A.T)
    return q @ r, v @ np.diag(w) @ v.T, np.fft.irfft(np.fft.rfft(A, axis=0)), np.linalg.det(A)


X = np.random.default_rng(5).random(20)
A = np.random.default_rng(6).standard_normal((6, 6))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (running_median, (X, 5)),
        (sorted_on_one_side, (X, 1)),
        (sorted_on_one_side, (X, -1)),
        (shrinking, (X,)),
        (of_run_time_length, (X,)),
        (solved, (A, A[0], 4)),
        (decomposed, (A,)),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_as_numpy(function: Any, args: tuple[Any, ...]) -> None:
    same(function, *args)


def test_one_compilation_for_many_shapes() -> None:
    compiled = jit(lambda A, b: np.linalg.solve(A, b))
    for n in (2, 3, 4, 5):
        part, right = A[:n, :n], A[0, :n]
        np.testing.assert_allclose(compiled(part, right), np.linalg.solve(part, right))
    with pytest.raises(np.linalg.LinAlgError, match="must be square"):
        compiled(A[:5, :4], A[0, :5])


def test_a_failing_call_leaves_what_was_done_before() -> None:
    def steps(A: Any, b: Any, done: Any) -> Any:
        for i in range(3):
            b = np.linalg.solve(A * (2 - i), b)
            done[i] = 1.0
        return b

    done = np.zeros(3)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        jit(steps)(A, A[0], done)
    np.testing.assert_array_equal(done, [1.0, 1.0, 0.0])


def test_a_call_on_the_other_side_is_not_made() -> None:
    def guarded(A: Any, flag: int) -> Any:
        return np.linalg.inv(A) if flag > 0 else A

    np.testing.assert_array_equal(jit(guarded)(A * 0, 0), A * 0)


def test_sorts_are_differentiable() -> None:
    def ordered(x: Any) -> Any:
        total = np.sort(x)[3] + np.median(x * x) + np.percentile(x, 20)
        for i in range(3):
            total += np.sort(x * (i + 1))[i] * x[i]
        return total + (np.sort(x.reshape(4, 5), axis=0) * np.arange(20.0).reshape(4, 5)).sum()

    check_grads(ordered, (X,), order=2)


def test_functions_are_values() -> None:
    function = Reference("sort", (("axis", 0), ("kind", "stable")))
    copy = pickle.loads(pickle.dumps(function))
    assert copy == function
    assert copy.__qualname__ == "sort(axis=0, kind='stable')"
    np.testing.assert_array_equal(copy(np.array([2, 1])), [1, 2])


def ignoring(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return x / 0


def raising(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="raise"):
        return x / 0


def setting(x: np.ndarray) -> np.ndarray:
    np.seterr(all="raise")
    return x


def test_errstate() -> None:
    x = np.array([1.0, -1.0])
    np.testing.assert_array_equal(tracejit.jit(ignoring)(x), [np.inf, -np.inf])
    with pytest.raises(UnsupportedError, match=r"divide='raise'.*np.isfinite"):
        tracejit.jit(raising)(x)
    with pytest.raises(UnsupportedError, match="seterr"):
        tracejit.jit(setting)(x)
