"""Every ufunc on every dtype: traced and interpreted equals NumPy, in values, dtype and errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare
from tracejit.trace.array_api.ufunc_loops import LOOPS

DTYPES = ["?", "i1", "i4", "i8", "u1", "u8", "f2", "f4", "f8", "c8", "c16"]
_REAL = [-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, np.inf, -np.inf, np.nan]


def sample(dtype: str, turn: int = 0) -> np.ndarray:
    """Ten values of a dtype with its edges."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        values = np.array([True, False] * 5)
    elif kind == "i":
        values = np.array([-7, -2, -1, 0, 1, 2, 3, 5, 7, 100]).astype(dtype)
    elif kind == "u":
        values = np.array([0, 1, 2, 3, 4, 5, 7, 9, 100, 200]).astype(dtype)
    elif kind == "f":
        values = np.array(_REAL, dtype)
    else:
        values = (np.array([-2.5, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5]) * (1 + 0.5j)).astype(dtype)
    return np.roll(values, turn)


UNARY = [u for u in LOOPS if u.nin == 1]
BINARY = [u for u in LOOPS if u.nin == 2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", UNARY, ids=lambda u: u.__name__)
def test_unary(ufunc: np.ufunc, dtype: str) -> None:
    compare(f"np.{ufunc.__name__}(x)", sample(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)
def test_binary(ufunc: np.ufunc, dtype: str) -> None:
    shift = "left_shift" if "shift" in ufunc.__name__ else ""
    other = sample(dtype, 3) if not shift else np.tile(np.arange(5), 2).astype(dtype)
    compare(f"np.{ufunc.__name__}(x, y)", sample(dtype), other)


PAIRS = [("i4", "f4"), ("u1", "i1"), ("u8", "i8"), ("?", "i4"), ("f4", "c8"), ("i8", "f4")]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("name", ["add", "multiply", "divide", "less", "equal", "maximum", "power"])
def test_promotion(name: str, pair: tuple[str, str]) -> None:
    right = sample(pair[1], 1)
    if name == "power" and right.dtype.kind == "i":
        right = abs(right) % 5
    compare(f"np.{name}(x, y)", sample(pair[0]), right)


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8", "u8", "f4", "c8"])
@pytest.mark.parametrize("scalar", ["2", "2.5", "1j", "True", "-1", "300", "x[0]"])
@pytest.mark.parametrize("name", ["add", "less", "divide", "not_equal"])
def test_weak_literals(name: str, scalar: str, dtype: str, symbolic: bool) -> None:
    compare(f"np.{name}(x, {scalar})", sample(dtype), symbolic=symbolic)


@pytest.mark.parametrize("power", ["2", "3", "True", "2.0", "np.int64(2)"])
def test_powers_of_bools(power: str) -> None:
    compare(f"x ** {power}", np.array([True, False]))
    compare(f"x[0] ** {power}", np.array([True, False]))


@pytest.mark.parametrize("dtype", ["i1", "u8", "f4", "i8"])
@pytest.mark.parametrize("scalar", [3, -1, 1000, 2.5])
@pytest.mark.parametrize("name", ["add", "greater", "equal"])
def test_weak_traced_scalars(name: str, scalar: float, dtype: str) -> None:
    compare(f"np.{name}(x, y)", sample(dtype), scalar)


CALLS = [
    "np.add(x, y, dtype=np.float32)",
    "np.add(x, y, dtype='i4', casting='unsafe')",
    "np.add(x, y, dtype='i4')",
    "np.add(x, y, casting='no')",
    "np.add(x, y, out=x)",
    "np.add(x, y, x)",
    "np.subtract(x, y, out=(x,))",
    "r = np.add(x, y, out=x) is x",
    "r = np.zeros((3, 4)); np.multiply(x, y, out=r)",
    "r = np.zeros((2, 3, 4)); np.multiply(x, y, out=r)",
    "r = np.zeros((3, 4), 'i4'); np.multiply(x, y, out=r)",
    "r = np.zeros((3, 4), 'i4'); np.multiply(x, y, out=r, casting='unsafe')",
    "r = np.zeros(4); np.multiply(x, y, out=r)",
    "r = np.zeros((3, 4)); np.multiply(x, y, out=r, where=x > 0)",
    "r = np.ones((3, 4)); np.sqrt(x, out=r, where=[True, False, True, False])",
    "np.modf(x)",
    "np.frexp(x)",
    "np.divmod(x, y)",
    "r = np.zeros((3, 4)); a, b = np.modf(x, out=(r, None)); r = (r, b)",
    "np.add.outer(y, x)",
    "np.add.reduce(x)",
    "np.multiply.reduce(x, axis=None)",
    "np.maximum.reduce(x, axis=1, keepdims=True)",
    "np.add.accumulate(x, axis=1)",
    "np.maximum.accumulate(x)",
    "np.logical_and.reduce(x > 0)",
    "np.add(x)",
    "np.add(x, y, x, x)",
    "np.add(x, [1.0, 2.0])",
    "np.power(x, 2)",
    "np.power(x, 0.5)",
    "np.power(x, -1)",
    "np.power(x, 0)",
    "np.power(x, 3)",
    "x**2",
    "x**np.float32(0.5)",
    "x**-1",
    "2.0**y",
    "np.power(2, x)",
    "np.ldexp(x, [1, 2, 3, 4])",
    "np.add(1, 2)",
    "np.add(1, 2.5)",
    "np.hypot(3, 4)",
]


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("source", CALLS)
def test_calls(source: str, symbolic: bool) -> None:
    x = np.arange(12.0).reshape(3, 4) - 4.25
    compare(source, x, np.array([2.0, -3.0, 0.5, 4.0]), symbolic=symbolic)


@pytest.mark.parametrize("y", [2, -1, np.array([1, 2, -3]), np.array([1, 2, 3])], ids=str)
def test_integer_power(y: object) -> None:
    compare("np.power(x, y)", np.array([1, 2, 3]), y)


AT = [
    "np.add.at(x, [0, 1, 0], 1.0); r = x",
    "np.add.at(x, y, [1.0, 2.0, 4.0]); r = x",
    "np.subtract.at(x, y, 1.0); r = x",
    "np.maximum.at(x, y, [1.0, 20.0, 4.0]); r = x",
    "np.add.at(x, 5, 1.0); r = x",
]


@pytest.mark.parametrize("source", AT)
def test_at(source: str) -> None:
    compare(source, np.arange(4.0), np.array([1, -1, 1]))


#: Index arrays among slices, of an array of shape (2, 3, 4): with values of the result's shape, of
#: less, and none, the arrays together, apart, with a mask, an int, of two axes, and too many.
AMONG_SLICES = [
    "np.multiply.at(x, (slice(None), y), np.arange(2.0, 26.0).reshape(2, 3, 4)); r = x",
    "np.multiply.at(x, (slice(None), y), np.arange(2.0, 6.0)); r = x",
    "np.multiply.at(x, (slice(None), y), 1.5); r = x",
    "np.add.at(x, (slice(None), slice(1, 3), y), np.arange(12.0).reshape(2, 2, 3)); r = x",
    "np.add.at(x, (..., y), np.arange(18.0).reshape(2, 3, 3)); r = x",
    "np.add.at(x, (y % 2, ..., y), np.arange(9.0).reshape(3, 3)); r = x",
    "np.add.at(x, (y % 2, slice(None, None, 2)), np.arange(24.0).reshape(3, 2, 4)); r = x",
    "np.subtract.at(x, (slice(None), y, y), np.arange(6.0).reshape(2, 3)); r = x",
    "np.multiply.at(x, (slice(None), y > 0), np.arange(16.0).reshape(2, 2, 4)); r = x",
    "np.maximum.at(x, (0, slice(None), y), np.arange(9.0).reshape(3, 3)); r = x",
    "np.divide.at(x, (slice(None), y, slice(0, 2)), np.arange(1.0, 13.0).reshape(2, 3, 2)); r = x",
    "np.add.at(x, (slice(None), np.stack([y, y])), np.arange(4.0)); r = x",
    "np.negative.at(x, (slice(None), y)); r = x",
    "np.add.at(x, (y, slice(None), slice(None), 0), 1.0); r = x",
    "np.add.at(x, (slice(None), y), np.ones((5, 4))); r = x",
]


@pytest.mark.parametrize("source", AMONG_SLICES)
def test_at_among_slices(source: str) -> None:
    compare(source, np.arange(1.0, 25.0).reshape(2, 3, 4), np.array([0, 1, 1]))


@pytest.mark.parametrize("name", ["multiply", "add", "maximum", "divide"])
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_at_among_slices(name: str, order: int) -> None:
    """Also where two indices are one, and a factor is 0."""
    from tracejit import check_grads

    ufunc, rows = getattr(np, name), np.array([0, 1, 1])

    def f(x, v):  # type: ignore[no-untyped-def]
        out = x * 1.0
        ufunc.at(out, (slice(None), rows), v)
        ufunc.at(out, slice(0, 1), 2.0)
        return np.sum(np.sin(out))

    x, v = np.arange(1.0, 9.0).reshape(2, 4) / 3, np.array([[0.7, 1.3, 0.0], [2.2, 1.9, 0.4]])
    check_grads(f, (x, v if name != "divide" else v + 1), order=order)


def test_fortran_results_keep_their_order() -> None:
    from tests.trace.array_api.tracing import run_traced

    x = np.asfortranarray(np.ones((2, 3)))

    def order(a: object) -> object:
        return np.add(a, 1).cell.order  # type: ignore[attr-defined]

    assert run_traced(order, (x,), False) == (1, 0)
