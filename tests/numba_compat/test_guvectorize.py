"""``guvectorize`` against NumPy's generalised ufuncs ``vecdot`` and ``matvec``."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit import numba as nb

R = np.random.default_rng(0)
A, B = R.integers(-3, 4, (4, 2, 3)).astype(float), R.integers(-3, 4, (2, 3)).astype(float)
M = R.integers(-3, 4, (4, 3, 2)).astype(float)
Use = Callable[[Any], Any]


def dot(a: Any, b: Any, out: Any) -> None:
    out[0] = 0
    for i in range(len(a)):
        out[0] += a[i] * b[i]


def times(m: Any, v: Any, out: Any) -> None:
    for i in range(m.shape[0]):
        out[i] = 0
        for j in range(m.shape[1]):
            out[i] += m[i, j] * v[j]


SIGNATURES = ["(i8[:], i8[:], i8[:])", "(f4[:], f4[:], f4[:])", "(f8[:], f8[:], f8[:])"]
vecdot = nb.guvectorize(SIGNATURES, "(n),(n)->()")(dot)
matvec = nb.guvectorize(["void(f8[:,:], f8[:], f8[:])"], "(m,n),(n)->(m)")(times)


def compare(use: Use, ours: Any, numpys: Any) -> None:
    try:
        want = use(numpys)
    except (ValueError, TypeError) as error:
        with pytest.raises(TypeError if isinstance(error, TypeError) else ValueError):
            use(ours)
        return
    got = use(ours)
    np.testing.assert_array_equal(got, want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    assert isinstance(got, np.ndarray) == isinstance(want, np.ndarray)


VECDOT: dict[str, Use] = {
    "vectors": lambda f: f(B[0], B[1]),
    "broadcast": lambda f: f(A, B),
    "one row": lambda f: f(A, B[0]),
    "strided": lambda f: f(A[:, ::-1], B[::-1]),
    "float32": lambda f: f(A.astype("f4"), B.astype("f4")),
    "integers": lambda f: f(A.astype("i8"), B.astype("i8")),
    "lists": lambda f: f([1.0, 2.0], [3.0, 4.0]),
    "no rows": lambda f: f(A[:0], B),
    "empty core": lambda f: f(np.zeros((2, 0)), np.zeros((2, 0))),
    "axis": lambda f: f(A, A, axis=0),
    "axis keepdims": lambda f: f(A, A, axis=1, keepdims=True),
    "keepdims": lambda f: f(A, A, keepdims=True),
    "axes": lambda f: f(A, M, axes=[2, 1]),
    "axes with result": lambda f: f(A, M, axes=[(-1,), (1,), ()]),
    "out": lambda f: (o := np.zeros((4, 2)), f(A, B, out=o), o)[-1],
    "out by position": lambda f: (o := np.zeros((4, 2)), f(A, B, o), o)[-1],
    "out of float32": lambda f: f(A, B, out=np.zeros((4, 2), "f4")),
    "out transposed": lambda f: (o := np.zeros((2, 4)), f(A, B, out=o.T), o)[-1],
    "out of integers": lambda f: f(A, B, out=np.zeros((4, 2), "i8")),
    "core does not fit": lambda f: f(A, np.zeros(4)),
    "too few axes": lambda f: f(A, 3.0),
    "loops do not fit": lambda f: f(A, np.zeros((3, 3))),
    "axis and axes": lambda f: f(A, A, axis=0, axes=[0, 0]),
    "axes too few": lambda f: f(A, A, axes=[0]),
    "too few": lambda f: f(A),
}
MATVEC: dict[str, Use] = {
    "one": lambda f: f(M[0], B[0, :2]),
    "many": lambda f: f(M, B[0, :2]),
    "broadcast": lambda f: f(M[:, None], B[:, :2]),
    "axes": lambda f: f(M, M[:, 0], axes=[(1, 2), 1, 1]),
    "axes of result": lambda f: f(M, B[0, :2], axes=[(1, 2), 0, 0]),
    "axes exchanged": lambda f: f(A, B[0, :2], axes=[(2, 1), 0, 1]),
    "out": lambda f: (o := np.zeros((4, 3)), f(M, B[0, :2], out=o), o)[-1],
    "out overlaps": lambda f: (x := M.copy(), f(x, x[:, 0], out=x[:, :, 0]), x)[-1],
    "axis": lambda f: f(M, B[0, :2], axis=0),
}


@pytest.mark.parametrize("use", VECDOT.values(), ids=VECDOT)
def test_as_vecdot(use: Use) -> None:
    compare(use, vecdot, np.vecdot)


@pytest.mark.parametrize("use", MATVEC.values(), ids=MATVEC)
def test_as_matvec(use: Use) -> None:
    compare(use, matvec, np.matvec)


def shifted(a: Any, k: Any, out: Any) -> None:
    for i in range(len(a)):
        out[i] = a[(i + k) % len(a)]


def test_numbers_as_operands() -> None:
    f = nb.guvectorize([(nb.float64[:], nb.int64, nb.float64[:])], "(n),()->(n)")(shifted)
    np.testing.assert_array_equal(f(B, 1), np.roll(B, -1, 1))
    np.testing.assert_array_equal(f(B[0], [0, 2]), [B[0], np.roll(B[0], -2)])
    with pytest.raises(TypeError):
        f(B, 1.5)


def scaled(a: Any, k: Any, out: Any) -> None:
    for i in range(len(a)):
        out[i] = a[i] * k[0]


def test_numbers_as_arrays_of_one() -> None:
    f = nb.guvectorize(["(f8[:], f8[:], f8[:])"], "(n),()->(n)")(scaled)
    np.testing.assert_array_equal(f(B, 2.0), B * 2)
    np.testing.assert_array_equal(f(B, [2.0, 3.0]), B * [[2.0], [3.0]])


def counted(labels: Any, counts: Any) -> None:
    for label in labels:
        if label >= 0:
            counts[label] += 1


def test_operands_that_are_written() -> None:
    f = nb.guvectorize([(nb.int64[:], nb.int64[:])], "(n),(z)")(counted)
    counts = np.zeros((2, 3), np.int64)
    assert f(np.array([[0, 1, 1], [2, -1, 2]]), counts) is None
    np.testing.assert_array_equal(counts, [[1, 2, 0], [0, 0, 2]])


def test_two_results() -> None:
    def extremes(a: Any, low: Any, high: Any) -> None:
        low[0], high[0] = a.min(), a.max()

    f = nb.guvectorize(["(f8[:], f8[:], f8[:])"], "(n)->(),()")(extremes)
    low, high = f(A)
    np.testing.assert_array_equal(low, A.min(-1))
    np.testing.assert_array_equal(high, A.max(-1))


def test_without_signatures_results_are_arguments() -> None:
    f = nb.guvectorize("(n),(n)->()")(dot)
    out = np.zeros(2, "f4")
    f(B.astype("f4"), B.astype("f4"), out)
    np.testing.assert_array_equal(out, (B * B).sum(1))
    with pytest.raises(TypeError, match="results as arguments"):
        f(B, B)


def test_size_of_a_result_alone() -> None:
    def first(a: Any, out: Any) -> None:
        out[:] = a[: len(out)]

    f = nb.guvectorize(["(f8[:], f8[:])"], "(n)->(m)")(first)
    with pytest.raises(ValueError, match="core dimension m"):
        f(B)
    np.testing.assert_array_equal(f(B, out=np.zeros((2, 2))), B[:, :2])


@pytest.mark.parametrize("layout", ["n->n", "(n)->(n", "", "(n?)->(n)"])
def test_no_layout(layout: str) -> None:
    with pytest.raises(ValueError, match="layout"):
        nb.guvectorize(["(f8[:], f8[:])"], layout)


def test_layout_and_signature_agree() -> None:
    with pytest.raises(TypeError, match="operands"):
        nb.guvectorize(["(f8[:], f8[:])"], "(n),(n)->()")(dot)


def test_inside_of_compiled_code() -> None:
    @jit
    def f(a: Any, b: Any) -> Any:
        out = np.zeros(a.shape[0])
        vecdot(a[:, 0], b[0], out)
        return vecdot(a, b), out, vecdot(b[0], b[1])

    got = f(A, B)
    for found, want in zip(got, ((A * B).sum(-1), A[:, 0] @ B[0], B[0] @ B[1]), strict=True):
        np.testing.assert_array_equal(found, want)


def test_pickled() -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(vecdot))(A, B), vecdot(A, B))
