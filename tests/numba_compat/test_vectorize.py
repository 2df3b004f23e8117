"""``vectorize`` against the ufunc of NumPy that computes the same: values, dtypes, exceptions."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit import numba as nb

SIGNATURES = ["i4(i4,i4)", "i8(i8,i8)", "f4(f4,f4)", "f8(f8,f8)"]
F = np.arange(6.0).reshape(2, 3) - 2
I32 = np.array([[3, -1, 2], [0, 5, -4]], np.int32)


def product(a: Any, b: Any) -> Any:
    return a * b


def negative(a: Any) -> Any:
    return -a


declared = nb.vectorize(SIGNATURES, identity=1)(product)
dynamic = nb.vectorize(identity=1)(product)
TYPED = [pytest.param(declared, id="declared"), pytest.param(dynamic, id="dynamic")]
Use = Callable[[Any], Any]


def outcome(use: Use, ufunc: Any) -> Any:
    try:
        return use(ufunc)
    except Exception as error:
        return type(error)


def assert_as_numpy(use: Use, ufunc: Any, reference: Any = np.multiply) -> None:
    got, want = outcome(use, ufunc), outcome(use, reference)
    if isinstance(want, type):
        assert isinstance(got, type), got
        expected = next(e for e in (IndexError, ValueError, TypeError) if issubclass(want, e))
        assert issubclass(got, expected)
        return
    np.testing.assert_array_equal(got, want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    assert np.ndim(got) == np.ndim(want)
    assert isinstance(got, np.ndarray) == isinstance(want, np.ndarray)


CALLS: dict[str, Use] = {
    "arrays": lambda f: f(F, F),
    "row": lambda f: f(F, F[0]),
    "column": lambda f: f(F, F[:, :1]),
    "outer shapes": lambda f: f(F[:, None, :], F[None]),
    "python float": lambda f: f(F, 3.0),
    "python int": lambda f: f(F, 3),
    "float32 and python float": lambda f: f(F.astype("f4"), 1.5),
    "int32 and python int": lambda f: f(I32, 7),
    "float32 and numpy float64": lambda f: f(F.astype("f4"), np.float64(1.5)),
    "numbers": lambda f: f(3.0, 4.0),
    "numpy scalars": lambda f: f(np.float32(3), np.float32(4)),
    "0-d": lambda f: f(np.array(2.0), np.array(3.0)),
    "empty": lambda f: f(np.zeros((0, 3)), 1.0),
    "lists": lambda f: f([1.0, 2.0], [3.0, 4.0]),
    "strided": lambda f: f(F[::-1, ::2], F[:, ::2]),
    "transposed": lambda f: f(F.T, F.T),
    "out": lambda f: (o := np.zeros((2, 3)), f(F, F, out=o), o)[-1],
    "out is returned": lambda f: (o := np.zeros((2, 3))) is f(F, F, out=(o,)),
    "out by position": lambda f: (o := np.zeros((2, 3)), f(F, F, o))[0],
    "out of a wider dtype": lambda f: f(F.astype("f4"), F.astype("f4"), out=np.zeros((2, 3))),
    "out of a lower dtype": lambda f: f(F, F, out=np.zeros((2, 3), np.int64)),
    "out is an input": lambda f: (x := F.copy(), f(x, x.T.copy().T, out=x), x)[-1],
    "out overlaps": lambda f: (x := np.arange(5.0), f(x[1:], x[:-1], out=x[1:]), x)[-1],
    "where": lambda f: f(F, F, out=np.full((2, 3), 9.0), where=F > 0),
    "dtype": lambda f: f(F.astype("f4"), F.astype("f4"), dtype="f8"),
    "shapes do not fit": lambda f: f(F, np.zeros(4)),
    "too many arguments": lambda f: f(F, F, F, F),
    "too few": lambda f: f(F),
    "outer": lambda f: f.outer(F[0], F[:, 1]),
    "outer of ranks": lambda f: f.outer(F, F[0]),
    "reduce": lambda f: f.reduce(F),
    "reduce axis": lambda f: f.reduce(F, axis=1),
    "reduce all": lambda f: f.reduce(F, axis=None),
    "reduce axes": lambda f: f.reduce(F, axis=(0, 1)),
    "reduce keepdims": lambda f: f.reduce(F, axis=1, keepdims=True),
    "reduce initial": lambda f: f.reduce(F, initial=2.0),
    "reduce where": lambda f: f.reduce(F, where=F > 0),
    "reduce out": lambda f: (o := np.zeros(3), f.reduce(F, out=o), o)[-1],
    "reduce a vector": lambda f: f.reduce(F[0]),
    "reduce nothing": lambda f: f.reduce(np.zeros((0, 2))),
    "reduce int64": lambda f: f.reduce(I32.astype("i8"), axis=0),
    "accumulate": lambda f: f.accumulate(F),
    "accumulate axis": lambda f: f.accumulate(F, axis=1),
    "reduceat": lambda f: f.reduceat(np.arange(1.0, 8), [0, 3, 5]),
    "reduceat decreasing": lambda f: f.reduceat(np.arange(1.0, 8), [0, 5, 2]),
    "reduceat axis": lambda f: f.reduceat(F, [0, 2], axis=1),
    "reduceat outside": lambda f: f.reduceat(np.arange(3.0), [0, 3]),
    "at": lambda f: (x := np.ones(4), f.at(x, [0, 0, 2], 3.0), x)[-1],
    "at of several": lambda f: (x := np.ones(4), f.at(x, [3, 0, 3], [2.0, 3.0, 4.0]), x)[-1],
    "at a matrix": lambda f: (x := F.copy(), f.at(x, (slice(None), [0, 0]), 2.0), x)[-1],
    "at a transpose": lambda f: (x := F.copy(), f.at(x.T, [0, 0], 2.0), x)[-1],
}  # fmt: skip


@pytest.mark.parametrize("ufunc", TYPED)
@pytest.mark.parametrize("use", CALLS.values(), ids=CALLS)
def test_as_numpys_ufunc(ufunc: Any, use: Use) -> None:
    assert_as_numpy(use, ufunc)


UNARY: dict[str, Use] = {
    "call": lambda f: f(F),
    "number": lambda f: f(2.0),
    "at": lambda f: (x := np.arange(4.0), f.at(x, [1, 1, 2]), x)[-1],
    "reduce": lambda f: f.reduce(F),
}


@pytest.mark.parametrize("use", UNARY.values(), ids=UNARY)
def test_of_one_operand(use: Use) -> None:
    assert_as_numpy(use, nb.vectorize(negative), np.negative)


def test_no_identity() -> None:
    f = nb.vectorize("f8(f8, f8)")(product)
    for call in (
        lambda: f.reduce(np.zeros((0, 2))),
        lambda: f.reduce(F, axis=None),
        lambda: f.reduce(F, where=F > 0),
    ):
        with pytest.raises(ValueError, match=r"identity|reorderable"):
            call()
    assert f.reduce(F[0]) == F[0].prod()


def test_no_loop_fits() -> None:
    f = nb.vectorize("f4(f4, f4)")(product)
    with pytest.raises(TypeError, match="not supported for the input types"):
        f(F, F)
    with pytest.raises(TypeError, match="not supported"):
        f(F.astype(complex), 1.0)


def test_what_it_says_of_itself() -> None:
    assert (declared.nin, declared.nout, declared.nargs, declared.ntypes) == (2, 1, 3, 4)
    assert declared.types == ["ii->i", "ll->l", "ff->f", "dd->d"]
    assert declared.identity == 1
    assert declared.__name__ == "product"


def clipped(a: Any, low: Any) -> Any:
    if a < low:
        return low
    return a


def test_branches_and_dtypes_of_results() -> None:
    f = nb.vectorize(["b1(f8)"])(lambda a: a > 0)
    assert f(F).dtype == np.bool_
    assert nb.vectorize(lambda a: a > 0)(F).dtype == np.bool_
    np.testing.assert_array_equal(nb.vectorize(clipped)(F, 0.0), np.maximum(F, 0.0))


def test_zero_divided_as_ufuncs_do() -> None:
    f = nb.vectorize(lambda a, b: a / b)
    np.testing.assert_array_equal(f(np.array([1.0, 0.0]), 0.0), [np.inf, np.nan])


class Meters:
    """An operand with its own ``__array_ufunc__``."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        given = [i.x if isinstance(i, Meters) else i for i in inputs]
        return Meters(getattr(ufunc, method)(*given, **kwargs))


class Named(np.ndarray):
    """A subclass that keeps NumPy's ufuncs."""


def test_operands_with_their_own_ufuncs() -> None:
    found = declared(Meters(F), 2.0)
    np.testing.assert_array_equal(found.x, F * 2)
    assert type(declared(F.view(Named), 2.0)) is Named
    with pytest.raises(TypeError):
        declared(type("No", (), {"__array_ufunc__": None})(), 2.0)


@pytest.mark.parametrize("ufunc", TYPED)
def test_inside_of_compiled_code(ufunc: Any) -> None:
    @jit
    def f(x: Any, y: Any) -> Any:
        out = np.zeros_like(x)
        ufunc(x, y, out=out)
        return out + ufunc(x, 2.0) + ufunc(x[0, 0], y[0])

    np.testing.assert_array_equal(f(F, F[0]), F * F[0] + F * 2 + F[0, 0] * F[0, 0])


def test_pickled() -> None:
    for f in (declared, dynamic):
        again = pickle.loads(pickle.dumps(f))
        np.testing.assert_array_equal(again(F, 2.0), F * 2)


def test_signatures_state_results() -> None:
    with pytest.raises(TypeError, match="states its result"):
        nb.vectorize(["(f8, f8)"])
    with pytest.raises(ValueError, match="identity"):
        nb.vectorize(identity=3)
