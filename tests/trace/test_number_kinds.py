"""Lists and dicts of the run with numbers of several kinds: exact, or an error; never rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit


def _filled(n: Any, x: Any) -> list[Any]:
    found = []
    for _ in range(n):
        found.append(x)
    return found


def appended(n: Any, x: Any, other: Any) -> Any:
    found = _filled(n, x)
    found.append(other)
    return found, found[0]


def put_in_front(n: Any, x: Any, other: Any) -> Any:
    found = _filled(n, x)
    found.insert(0, other)
    return found


def written(n: Any, x: Any, other: Any) -> Any:
    found = _filled(n, x)
    found[n - 1] = other
    return found


def in_tuples(n: Any, x: Any, other: Any) -> Any:
    found = []
    for i in range(n):
        found.append((x, i))
    found.append((other, 1))
    return found


def in_a_dict(n: Any, x: Any, other: Any) -> Any:
    found = {}
    for i in range(n):
        found[i] = x
    found[n] = other
    return found


FORMS = [appended, put_in_front, written, in_tuples, in_a_dict]
LARGE = [(2**53 + 1, 0.5), (2**63 - 1, np.uint64(5)), (np.uint64(2**64 - 1), 1j)]


@pytest.mark.parametrize("f", FORMS)
def test_ints_that_a_later_kind_would_round_are_an_error(f: Callable[..., Any]) -> None:
    other = LARGE[FORMS.index(f) % 3]
    compiled = jit(f, shapes="dynamic")
    for x, y in {LARGE[0], other}:
        with pytest.raises(OverflowError, match="53 bits"):
            compiled(2, x, y)
        fits = type(x)(2**53)
        assert repr(compiled(2, fits, y)) == repr(f(2, fits, y))


def test_room_that_is_left_is_no_item() -> None:
    def f(n: Any, x: Any) -> Any:
        found = _filled(n, x)
        for _ in range(n):
            found.pop()
        found.append(3)
        found.append(0.5)
        return found

    assert jit(f, shapes="dynamic")(5, 2**60 + 1) == [3, 0.5]


@pytest.mark.parametrize("x", [np.int64(5), np.uint8(5), 5, True])
def test_an_item_is_of_its_own_kind(x: Any) -> None:
    assert repr(jit(appended, shapes="dynamic")(1, x, 0.5)) == repr(appended(1, x, 0.5))


def in_order(n: Any, x: Any, other: Any) -> Any:
    found = _filled(n, x)
    found.append(other)
    found.sort()
    return found


@pytest.mark.parametrize("x", [2j, 2, 2.0])
def test_complex_numbers_of_pythons_have_no_order(x: Any) -> None:
    compiled = jit(in_order, shapes="dynamic")
    with pytest.raises(TypeError, match="'<' not supported between instances of 'complex'"):
        compiled(3, x, 1j)
    assert compiled(0, x, 1j) == [1j]


def total(n: Any, x: Any, other: Any, start: Any) -> Any:
    found = _filled(n, x)
    if n > 5:
        found.append(other)
    return sum(found, start)


@pytest.mark.parametrize(
    ("x", "other", "start"),
    [
        (True, 0.5, 0),
        (2, 0.5, 0),
        (0.5, 1j, 0j),
        (0.5, 1j, 0),
        (True, np.int8(3), 0),
        (np.uint8(200), np.int8(100), np.int64(0)),
        (np.uint8(200), np.int8(100), 0),
    ],
)
def test_a_sum_is_of_the_kind_that_the_order_gives_it(x: Any, other: Any, start: Any) -> None:
    compiled = jit(total, shapes="dynamic")
    for n in (0, 3, 9):
        assert repr(compiled(n, x, other, start)) == repr(total(n, x, other, start))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_an_array_of_ints_and_narrow_floats_is_of_their_common_dtype(dtype: str) -> None:
    def f(a: Any) -> Any:
        found = [x if x > 2 else int(x) for x in a]
        return np.array(found), np.array([found])

    x = np.array([1, 2, 3], dtype)
    for got, wanted in zip(jit(f)(x), f(x), strict=True):
        assert got.dtype == wanted.dtype
        assert (got == wanted).all()


def test_pythons_numbers_are_not_weak_in_an_array() -> None:
    def f(x: Any, n: Any) -> Any:
        return np.array([1, x]), np.array([[0.5, x]]), np.array([x, n]), np.array([True, x])

    x = np.float32(2)
    assert repr(jit(f)(x, 3)) == repr(f(x, 3))


def test_a_complex_number_of_pythons_stays_one_with_a_float_of_numpys() -> None:
    def f(c: Any, own: Any) -> Any:
        z = c[0] if own else 1j
        return z + np.float64(1.0), np.float64(2.0) * z, z * 2.0

    c = np.array([1 + 2j])
    for own in (True, False):
        found, expected = jit(f)(c, own), f(c, own)
        assert (found, *map(type, found)) == (expected, *map(type, expected))


def asked(x: Any, own: Any) -> Any:
    y = x[0] if own else 2.5
    test = y > 1
    return test, (test & (y < 2)) | (y == 1), test is True, y.imag, y.conjugate(), round(y, 1)


def asked_of_an_int(x: Any, own: Any) -> Any:
    y = x[0] if own else 3
    return y != 2, y.real, y.imag, y.bit_count(), y == 3.0


def asked_of_a_complex(x: Any, own: Any) -> Any:
    y = x[0] if own else 1j
    return y == 1j, y.real, y.imag, y.conjugate()


@pytest.mark.parametrize(
    ("f", "dtype"),
    [(asked, "float64"), (asked_of_an_int, "int64"), (asked_of_a_complex, "complex128")],
)
def test_what_is_asked_of_a_number_is_of_the_kind_that_it_is(f: Any, dtype: str) -> None:
    x = np.array([1], dtype)
    for own in (True, False):
        found, expected = jit(f)(x, own), f(x, own)
        assert [*found, *map(type, found)] == [*expected, *map(type, expected)]
