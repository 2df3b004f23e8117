"""Calls at the edges of what functions take, found by the array-API suite: compiled as in NumPy."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.array_api.agreement import disagreement
from tracejit import jit

X = np.arange(6).reshape(2, 3)
INF, NAN = np.inf, np.nan

REPEATS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x, r: np.repeat(x, r), (X, np.array([1, 0, 2, 0, 3, 1]))),
    (lambda x, r: np.repeat(x, r, axis=1), (X, np.array([1, 0, 2], np.uint8))),
    (lambda x, r: np.repeat(x, r, axis=1), (X, np.array([1, 0]))),
    (lambda x, r: np.repeat(x, r, axis=1), (X, np.array([1, -1, 0]))),
    (lambda x, r: np.repeat(x, r, axis=1), (X, np.array([1.0, 2.0, 0.0]))),
    (lambda x, r: np.repeat(x, r, axis=1), (X, np.array([1, 2, 0], np.uint64))),
    (lambda x, r: np.repeat(x, r, axis=0), (X, np.array([3]))),
    (lambda x, r: np.repeat(x, r), (X, np.array(2))),
    (lambda x, r: np.repeat(x, r), (X, np.ones((2, 3), int))),
    (lambda x, r: np.repeat(x, r), (X[:0], np.zeros(0, int))),
    (lambda x, r: x.repeat(r, axis=0).sum(axis=0), (X, np.array([2, 3]))),
]
CREATED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda: np.arange(5, None, 2), ()),
    (lambda: np.arange(5.5, stop=None, step=2), ()),
    (lambda: np.arange(5, None), ()),
    (lambda: np.arange(-3.5, step=-1), ()),
    (lambda s: np.arange(0.0, -3.5, s), (-1.0,)),
    (lambda n: np.zeros(n + 1), (np.array(2),)),
    (lambda n: np.zeros(n.item()), (np.array(2),)),
    (lambda x: np.flip(x), (np.array(True),)),
    (lambda x: np.flip(x), (np.float64(2.5),)),
    (lambda x: np.unique_all(x), (X,)),
    (lambda x: np.unique_counts(x), (X,)),
    (lambda x: np.unique_inverse(x), (X,)),
]
OPERATORS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    *[
        (lambda x: operator.index(x), (v,))
        for v in (np.array(3, np.uint8), np.int8(3), 3, True, np.array(True), 2.5, np.array([3]))
    ],
    (lambda n: np.zeros(operator.index(n)), (np.array(3),)),
    (lambda x, y: functools.reduce(operator.add, [x, y, x]), (X, X)),
    (lambda x, y: (operator.and_(x, y), operator.truth(x), operator.lt(x, y)), (3, 5)),
]
BRANCHES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (
        lambda z: np.tanh(z),
        (np.array([complex(3e16, INF), complex(-3e16, NAN), complex(30.0, INF)]),),
    ),
    (
        lambda z: np.tanh(z),
        (np.array([complex(-INF, INF), complex(INF, NAN), complex(5, INF), complex(NAN, 0)]),),
    ),
]
EDGES = np.array(
    [complex(a, b) for a in (0.0, -0.0, -2.0, INF, NAN) for b in (0.0, 3.0, -INF, NAN)]
)
SPREAD = np.array([complex(-2e16, -2e82), complex(-1e127, 3e16), complex(3e-200, 1e-180), 1e-310j])
COMPLEX: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda z: np.reciprocal(z), (EDGES,)),
    (lambda z: np.reciprocal(z), (np.array([3 - 4j, 1e-30 + 1e30j], np.complex64),)),
    *[
        (lambda z, f=f: f(z), (EDGES,))
        for f in (np.exp, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh, np.expm1, np.sqrt)
    ],
    *[
        (lambda z, f=f: f(z), (np.array([140 + 1e-40j, -113 + 8e-24j, 190 - 1e-45j], dtype),))
        for f in (np.exp, np.sinh, np.cosh)
        for dtype in (np.complex64, np.complex128)
    ],
    *[
        (lambda z, f=f: f(z), (np.array([1400 + 5e-324j, -1000 + 1e-300j, 720 + 1j]),))
        for f in (np.exp, np.sinh, np.cosh)
    ],
    *[
        (lambda z, f=f: f(z), (z,))
        for f in (np.log, np.log2, np.log10, np.log1p)
        for z in (SPREAD, np.array([complex(-3e4, 2e24), 1e30 + 1e-5j], np.complex64))
    ],
]
INDEXED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: x[...], (np.array(3),)),
    (lambda x: x[..., None][0, ...], (np.array(3),)),
    (lambda x: x[()], (np.array(3),)),
    *[
        (lambda x, m: x[m], (np.ones((2, 3, 4)), np.ones(shape, bool)))
        for shape in [(0,), (0, 0), (2, 0), (0, 3), (0, 5), (3, 0), (0, 0, 4), (0, 3, 0)]
    ],
    (lambda x: np.eye(2, 11, k=10**19), (X,)),
    (lambda x: np.eye(3, k=-(10**19)), (X,)),
    (lambda x: np.tri(3, k=10**19), (X,)),
    (lambda x, t: np.linalg.matrix_rank(x, rtol=t), (np.ones((2, 3, 4)), np.array([0.5, 2.0]))),
]


def put(x: Any, m: Any, v: Any) -> Any:
    """Through a mask, in place."""
    x[m] = v
    return x


PUT = [(put, (np.ones((2, 3)), np.ones(s, bool), 7.0)) for s in [(0,), (2, 0), (0, 3), (0, 2)]]


@pytest.mark.parametrize(
    ("function", "args"), [*COMPLEX, *INDEXED, *PUT, *REPEATS, *CREATED, *OPERATORS, *BRANCHES]
)
def test_as_numpy(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in args]
    with np.errstate(all="ignore"):
        expected = _outcome(function, copies)
    result = _outcome(jit(function), args)
    assert disagreement(result, expected, list(args), copies) == ""


def _outcome(function: Callable[..., Any], args: Any) -> Any:
    try:
        return function(*args)
    except Exception as error:
        return error


def test_ints_beyond_64_bits_are_refused() -> None:
    big = np.array([2**63 + 5], np.uint64)
    for function, x in [
        (lambda x: int(x), big[0]),
        (lambda x: x.item(), big),
        (lambda x: x.tolist(), big),
    ]:
        with pytest.raises(OverflowError, match="too large"):
            jit(function)(x)
        assert jit(function)(x // 2) == function(x // 2)


def test_log1p_of_small_complex_numbers_is_accurate() -> None:
    z = np.array([5.5e-167 + 9.4e-206j, 3e-9 - 1e-8j])
    found = jit(lambda z: np.log1p(z))(z)
    np.testing.assert_allclose(found.real, [5.5e-167, 3e-9 + (1e-16 - 9e-18) / 2], rtol=1e-15)
    np.testing.assert_allclose(found.imag, [9.4e-206, -1e-8 + 3e-17], rtol=1e-15)
