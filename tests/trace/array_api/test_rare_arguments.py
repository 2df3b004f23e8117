"""Rare forms of arguments, places outside, and what arrays do not let be set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_same, run_traced
from tracejit.errors import UnsupportedError

M = np.arange(12.0).reshape(3, 4)
CUBE = np.arange(24.0).reshape(2, 3, 4)
LINE = np.array([1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
UNEVEN = np.array([0.0, 1.0, 1.5, 3.5, 4.0, 6.0])


def _into_memory(x: Any) -> Any:
    room = np.ndarray((2, *x.shape), dtype=x.dtype)
    room[...] = x
    return room


def _wrapped(x: Any) -> Any:
    np.fill_diagonal(x, 9.0, wrap=True)
    return x


def _filled(x: Any) -> Any:
    np.fill_diagonal(x, [8.0, 9.0])
    return x


def _masked(x: Any) -> Any:
    np.putmask(x, x > 2.0, [-1.0, -2.0, -3.0])
    return x


# A name, a function, and its arguments.
CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("ndarray called", _into_memory, (M,)),
    ("insert columns", lambda x: np.insert(x, 1, [[7], [8], [9]], axis=1), (M,)),
    ("insert a column", lambda x: np.insert(x, 1, [7, 8, 9], axis=1), (M,)),
    ("insert a number", lambda x: np.insert(x, -2, 5.0, axis=1), (M,)),
    ("insert before all", lambda x, i: np.insert(x, i, 5.0), (LINE, -6)),
    ("insert outside", lambda x, i: np.insert(x, i, 5.0), (LINE, 7)),
    ("insert far below", lambda x, i: np.insert(x, i, 5.0), (LINE, -7)),
    ("insert outside, known", lambda x: np.insert(x, 7, 5.0), (LINE,)),
    ("unravel", lambda i: np.unravel_index(i, (7, 6), order="F"), (np.array([31, 41, 13]),)),
    ("unravel outside", lambda i: np.unravel_index(i, (3, 3)), (np.array([3, 10, -1]),)),
    ("unravel a number outside", lambda i: np.unravel_index(i, (3, 3)), (9,)),
    ("unravel none", lambda i: np.unravel_index(i, (3, 3)), (np.zeros(0, int),)),
    ("ravel F", lambda i: np.ravel_multi_index(i, (7, 6), order="F"), (np.eye(2, dtype=int) + 4,)),
    (
        "ravel with two modes",
        lambda i: np.ravel_multi_index(i, (4, 4), mode=("clip", "wrap")),
        (np.array([[3, 6], [4, 5]]),),
    ),
    ("uneven edges", lambda y, x: np.gradient(y, x, edge_order=2), (LINE, UNEVEN)),
    (
        "uneven edges of rows",
        lambda y, x: np.gradient(y, x, edge_order=2, axis=1),
        (np.outer(UNEVEN, LINE) ** 2, UNEVEN),
    ),
    ("putmask repeats", _masked, (M,)),
    ("a wrapped diagonal", _wrapped, (np.zeros((7, 3)),)),
    ("a wrapped diagonal, wide", _wrapped, (np.zeros((3, 7)),)),
    ("a diagonal of a list", _filled, (np.zeros((3, 5)),)),
    ("a diagonal of three axes", _filled, (np.zeros((3, 3, 3)),)),
    ("no diagonal", _filled, (np.zeros(3),)),
    ("no diagonal of unequal axes", _filled, (np.zeros((3, 3, 2)),)),
    ("weights of two axes", lambda x, w: np.average(x, (1, 0), w), (CUBE, M[:, :2] + 1.0)),
    ("weights of a turned square", lambda x, w: np.average(x, (1, 0), w), (M, M.T + 1.0)),
    ("weights that do not fit", lambda x, w: np.average(x, 0, w), (CUBE, np.ones((3, 2)))),
    ("weights of no axis", lambda x, w: np.average(x, None, w), (M, M[:, :2])),
    ("weights too narrow", lambda x, w: np.average(x, 0, w), (M, M[:, :2])),
    ("nan by place", lambda x, n: np.nan_to_num(x, nan=n), (np.array([1.0, np.nan]), M[0, :2])),
    ("bases", lambda b: np.logspace(1.0, 2.0, 4, base=b), (np.array([2.0, 3.0]),)),
    ("bases in rows", lambda b: np.logspace(1.0, 2.0, 4, base=b, axis=-1), (np.array([2.0, 3.0]),)),
    ("cut at an array", lambda x, i: np.hsplit(x, i), (M, np.array([1, 3]))),
    ("finite", np.asarray_chkfinite, (M,)),
    ("not finite", np.asarray_chkfinite, (np.array([1.0, np.inf]),)),
    ("the rank of a line", np.linalg.matrix_rank, (LINE,)),
    ("the type of flat", lambda x: type(x.flat) is np.flatiter, (M,)),
]  # fmt: skip


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize(("function", "args"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_same(function: Callable[..., Any], args: tuple[Any, ...], symbolic: bool) -> None:
    how = {"symbolic": symbolic}
    assert_same(
        lambda *a: function(*a), lambda: [np.copy(a) if np.ndim(a) else a for a in args], **how
    )


def _set_dtype(x: Any) -> None:
    x.dtype = np.int64


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: x[1:].base is x, "is a view of"),
    (_set_dtype, r"\.dtype of an array cannot be set"),
    (lambda x: x.flat, "x.flat cannot be returned"),
    (lambda x: np.testing.assert_equal(x, x), "values that are not there yet"),
    (lambda x: np.seterrcall(None), "set it once"),
    (lambda x: np.set_printoptions(precision=3), "set it once"),
    (lambda x: x.astype(int, casting="same_value"), "same_value"),
    (lambda x: np.isin(x, {1.0, 2.0}), "set object"),
]


@pytest.mark.parametrize(("function", "text"), REFUSED)
def test_refused(function: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        run_traced(function, [M.copy()])
