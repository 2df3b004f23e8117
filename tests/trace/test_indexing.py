"""Indexing and assignment on traced arrays against NumPy, key by key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_same

_MASK = np.array([True, False, True, True])
KEYS: dict[str, Any] = {
    "int": 1,
    "negative": -1,
    "out": 9,
    "out negative": -5,
    "all": slice(None),
    "slice": slice(1, 3),
    "open": slice(2, None),
    "step": slice(None, None, 2),
    "back": slice(None, None, -1),
    "back part": slice(3, 0, -2),
    "empty": slice(3, 1),
    "beyond": slice(-100, 100),
    "dots": Ellipsis,
    "two ints": (1, 2),
    "int slice": (1, slice(1, 3)),
    "slice int": (slice(1, 3), 2),
    "dots int": (Ellipsis, 1),
    "int dots": (1, Ellipsis),
    "three": (1, 2, 0),
    "three dots": (1, 2, 0, Ellipsis),
    "new": None,
    "new first": (None, 1),
    "new middle": (slice(None), None, 1),
    "new last": (Ellipsis, None),
    "too many": (0, 0, 0, 0),
    "list": [0, 2],
    "list repeated": [1, 1, 3],
    "array": np.array([[0, 1], [2, 3]]),
    "array negative": np.array([-1, 0]),
    "array out": np.array([0, 7, 9]),
    "array slice": (np.array([0, 2]), slice(1, 3)),
    "slice array": (slice(None), np.array([0, 2])),
    "two arrays": (np.array([0, 1]), np.array([1, 2])),
    "broadcast arrays": (np.array([[0], [1]]), np.array([1, 2])),
    "bad arrays": (np.array([0, 1, 2]), np.array([1, 2])),
    "apart": (np.array([0, 1]), slice(None), np.array([0, 1])),
    "array int": (np.array([0, 1]), 2),
    "int apart": (0, slice(None), np.array([0, 1])),
    "new array": (None, np.array([0, 1])),
    "mask": _MASK,
    "mask none": np.zeros(4, bool),
    "mask second": (slice(None), np.array([True, False, True, False, True])),
    "mask int": (_MASK, 2),
    "mask array": (_MASK, np.array([0, 1, 2])),
    "mask wrong": np.array([True, False]),
    "mask 2d": np.arange(20).reshape(4, 5) % 3 == 0,
    "mask full": np.arange(40).reshape(4, 5, 2) % 3 == 0,
    "true": True,
    "false": False,
    "empty list": [],
    "float": 1.0,
    "float array": np.array([1.0]),
    "zero step": slice(None, None, 0),
}


def array() -> np.ndarray[Any, Any]:
    return np.arange(40.0).reshape(4, 5, 2)


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_read(key: Any, symbolic: bool) -> None:
    assert_same(lambda x: x[key], lambda: [array()], symbolic=symbolic)


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_write_scalar(key: Any, symbolic: bool) -> None:
    def write(x):  # type: ignore[no-untyped-def]
        x[key] = -1
        return x

    assert_same(write, lambda: [array()], symbolic=symbolic)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_write_array(key: Any) -> None:
    def write(x, v):  # type: ignore[no-untyped-def]
        x[key] = v

    try:
        shape = array()[key].shape
    except (IndexError, ValueError):
        shape = (1,)
    assert_same(write, lambda: [array(), np.random.default_rng(0).standard_normal(shape)])


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_add_in_place(key: Any) -> None:
    def add(x):  # type: ignore[no-untyped-def]
        x[key] += 2.5
        return x.sum()

    assert_same(add, lambda: [array()])


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("i", [0, 3, -4, 4, -5])
def test_traced_int(i: int, symbolic: bool) -> None:
    def pick(x, i):  # type: ignore[no-untyped-def]
        x[i, 1] = 7
        return x[i], x[i, 0, 1]

    assert_same(pick, lambda: [array(), i], symbolic=symbolic)


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize(
    "bounds", [(0, 3, 1), (1, 9, 2), (-2, 9, 1), (3, 0, -1), (2, 1, 1), (-9, -1, 3), (0, 2, 0)]
)
def test_traced_slice(bounds: tuple[int, int, int], symbolic: bool) -> None:
    def cut(x, a, b, c):  # type: ignore[no-untyped-def]
        y = x[a:b:c]
        y[...] = y + 1
        return y.copy(), x[a:, b:], x[:, :a]

    assert_same(cut, lambda: [array(), *bounds], symbolic=symbolic)


def views_of_views(x):  # type: ignore[no-untyped-def]
    x[1][2][0] = 5
    x.T[0, 1:3][1] += 1
    x[::-1][0] *= 2
    x.reshape(-1)[3:7] = 9
    y = x.transpose(1, 0, 2)[1:, ::2]
    y[0] = y[1]
    x.ravel()[0] = -3
    return y


def test_views_of_views() -> None:
    assert_same(views_of_views, lambda: [array()])
    assert_same(views_of_views, lambda: [np.asfortranarray(array())])


def flat_and_parts(z):  # type: ignore[no-untyped-def]
    z.real[0] = 3
    z.imag += 1
    z.flat[1:3] = 2j
    return z.real.copy(), z.imag.sum(), z.flat[0]


def test_complex_parts() -> None:
    assert_same(flat_and_parts, lambda: [np.arange(6).reshape(2, 3) * (1 + 2j)])


def casts(x, y):  # type: ignore[no-untyped-def]
    x[0] = 3.7
    x[1:3] = y[:2]
    return x


def test_casts_on_assignment() -> None:
    for dtype in ("i1", "i8", "f4", "?", "c16"):
        assert_same(casts, lambda dtype=dtype: [np.zeros(4, dtype), np.array([1.9, -2.5, 7.0])])


def narrowing(x):  # type: ignore[no-untyped-def]
    x += 1.5
    return x


def too_big(x):  # type: ignore[no-untyped-def]
    x[0] = 300


def test_casting_errors() -> None:
    assert_same(narrowing, lambda: [np.zeros(3, "i8")])
    assert_same(too_big, lambda: [np.zeros(3, "i1")])
    assert_same(lambda x: x.__setitem__(0, np.ones(2)), lambda: [np.zeros(3)])
