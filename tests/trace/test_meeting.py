"""Numbers of unlike kinds under one name, what NumPy says of outputs that do not fit, messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import StructureError, UnsupportedError, jit

A = np.zeros(3)
I = np.arange(3)
M = np.zeros((2, 3))


def chosen(x: Any, n: Any) -> Any:
    return n if x[0] > 0 else x[1]


def test_an_integer_that_a_float_holds() -> None:
    compiled = jit(chosen)
    x = np.array([1.0, 2.5])
    assert compiled(x, 2**53) == 2**53
    assert compiled(-x, 2**53) == -2.5
    with pytest.raises(OverflowError, match="53 bits"):
        compiled(x, 2**53 + 1)
    single = x.astype("f4")
    assert compiled(single, 2**24 + 1) == 2**24 + 1
    assert repr(compiled(-single, 2**24 + 1)) == "np.float32(-2.5)"


@pytest.mark.parametrize("n", [1.5, np.float32(1), np.int8(1)])
def test_what_is_not_exact_keeps_its_kind(n: Any) -> None:
    x = np.array([1.0, 2.0], np.float32 if isinstance(n, float) else np.float64)
    if isinstance(n, np.int8):
        x = x.astype(np.int16)
    compiled = jit(chosen)
    for given in (x, -x):
        assert repr(compiled(given, n)) == repr(chosen(given, n))


def of_either(use: Any) -> Any:
    def function(x: Any) -> Any:
        return use(True if x[0] > 0 else 2)

    return function


@pytest.mark.parametrize(
    "use",
    [
        type,
        lambda s: np.array([s, 3]),
        lambda s: np.zeros(3)[s],
        lambda s: f"{s}" == "2",
        lambda s: [1, 2, 3][:s],
        lambda s: {s: 1},
    ],
    ids=["type", "array", "index", "text", "slice", "key"],
)
def test_what_needs_one_kind_is_refused(use: Any) -> None:
    with pytest.raises((UnsupportedError, StructureError)):
        jit(of_either(use))(A)


def test_a_sum_that_is_an_integer_array_s_or_zero() -> None:
    def total(x: Any) -> Any:
        found = 0.0
        for k in range(len(x)):
            if x[k] > 1:
                found = x[:k].sum()
        return found

    for x in (np.arange(100), np.zeros(100, int)):
        assert jit(total)(x) == total(x)


@pytest.mark.parametrize("draw", ["integers", "normal", "random"])
def test_draws_are_summed(draw: str) -> None:
    def summed(g: Any, n: Any) -> Any:
        s = 0
        for _ in range(n):
            v = g.integers(5) if draw == "integers" else getattr(g, draw)()
            if v > 0.25:
                s += v
            else:
                s -= 1
        return s

    got = jit(summed)(np.random.default_rng(1), 20)
    assert got == summed(np.random.default_rng(1), 20)


def add(x: Any, y: Any) -> Any:
    x += y
    return x


def tail(x: Any, y: Any) -> Any:
    x[1:] += y
    return x


def masked(x: Any, y: Any) -> Any:
    x[x > -1] += y
    return x


def product(x: Any, y: Any) -> Any:
    x @= y
    return x


def root(x: Any, y: Any) -> Any:
    return np.sqrt(x, out=y)


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize(
    ("f", "x", "y"),
    [
        *((f, A, y) for f in (add, tail, masked) for y in (M, np.zeros(4), np.zeros((2, 2)))),
        (add, np.zeros((1, 3)), M), (add, np.zeros((3, 1)), A), (add, np.array(1.0), A),
        (add, A[:1], A), (add, I, A), (add, I, 0.5), (add, A, 1j), (add, I > 1, I),
        (add, I.astype("i1"), 300), (root, A, np.zeros(4)), (root, A, np.zeros((2, 2))),
        (product, M, M.T), (product, np.eye(3), np.zeros((3, 2))), (product, np.eye(3), A),
    ],
)  # fmt: skip
def test_what_numpy_says_of_outputs(f: Callable[..., Any], x: Any, y: Any, shapes: str) -> None:
    with pytest.raises(Exception) as wanted:
        f(x.copy(), y)
    with pytest.raises(Exception) as got:
        jit(f, shapes=shapes)(x.copy(), y)
    assert type(got.value) is type(wanted.value)
    assert str(got.value) == str(wanted.value)


def test_complex_scalars_in_real_arrays() -> None:
    def store(x: Any, z: Any) -> Any:
        x[0] = z[0]
        x[1] += z[1]
        return x

    z = np.array([1 + 2j, 3 + 4j])
    with np.testing.suppress_warnings() as silent:
        silent.filter(np.exceptions.ComplexWarning)
        want = store(A.copy(), z)
    np.testing.assert_array_equal(jit(store)(A.copy(), z), want)


def test_messages_have_no_internal_names() -> None:
    def found(x: Any, c: Any) -> Any:
        while True:
            c -= 1
            if c < 0:
                return x
            if c > 10:
                return other

    for other in ("none", -1, A[0], (A, A)):
        with pytest.raises(StructureError) as caught:
            jit(found)(A, 1)
        assert "_tj_" not in str(caught.value)
        assert "'what is returned' as float64 array of shape (3)" in str(caught.value)
        assert "make both the same kind" in str(caught.value)
    other = None
    compiled = jit(found, shapes="dynamic")
    np.testing.assert_array_equal(compiled(A, 11), A)
    assert compiled(A, 20) is None


def test_python_ints_do_not_wrap_where_other_runs_have_numpys() -> None:
    def doubled(x: Any, n: int) -> Any:
        best = 2**62 if n > 3 else x[0]
        return best + best

    compiled = jit(doubled, shapes="dynamic")
    x = np.array([2**62])
    with np.errstate(all="ignore"):
        assert repr(compiled(x, 2)) == repr(doubled(x, 2)) == f"np.int64({-(2**63)})"
    with pytest.raises(OverflowError):
        compiled(x, 4)
