"""``cfunc`` and C functions by address: called through ``ctypes``, by SciPy and by Numba."""

from __future__ import annotations

import ctypes
import ctypes.util
import pickle
import random
import sys
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit
from tracejit import numba as nb
from tracejit.ir.ops.c_function import CFunction
from tracejit.numba_compat import extending, types

NUMBERS = [
    ("int64(int64, int64)", (7, -2)),
    ("int32(int32, int32)", (7, -2)),
    ("float64(float64, float64)", (1.5, -2.25)),
    ("float32(float32, float32)", (1.5, -2.25)),
    ("float64(int32, float32)", (3, 0.5)),
    ("uint8(uint8, uint8)", (200, 3)),
    ("int16(int16, int16)", (-300, 2)),
]


def combined(a: Any, b: Any) -> Any:
    return a * b + a


@pytest.mark.parametrize(("signature", "args"), NUMBERS, ids=[s for s, _ in NUMBERS])
def test_numbers(signature: str, args: Any) -> None:
    f = nb.cfunc(signature)(combined)
    kinds = f.declared
    given = [t.dtype.type(x) for t, x in zip(kinds.args, args, strict=True)]
    with np.errstate(over="ignore"):
        want = kinds.return_type.dtype.type(combined(*given))
    assert f.ctypes(*args) == want
    assert f.address == ctypes.cast(f.ctypes, ctypes.c_void_p).value
    assert f(2, 3) == 8


def test_void_and_constants() -> None:
    @nb.cfunc("void(CPointer(float64))")
    def halved(p: Any) -> None:
        p[0] = p[0] / 2

    x = np.array([3.0])
    assert halved.ctypes(x.ctypes.data_as(ctypes.POINTER(ctypes.c_double))) is None
    assert x[0] == 1.5
    assert nb.cfunc("float64(float64)")(lambda x: 2.5).ctypes(1.0) == 2.5
    assert nb.cfunc("int32(float64)")(lambda x: -3).ctypes(1.0) == -3


def test_pointers_and_carray() -> None:
    @nb.cfunc("float64(CPointer(float64), intp, intp)")
    def trace(p: Any, m: Any, n: Any) -> Any:
        a = nb.carray(p, (m, n))
        s = 0.0
        for i in range(min(m, n)):
            s += a[i, i]
        return s

    @nb.cfunc("float64(CPointer(float64), intp, intp)")
    def last_of_first_column(p: Any, m: Any, n: Any) -> Any:
        return nb.farray(p, (m, n))[m - 1, 0]

    x = np.arange(12.0).reshape(3, 4)
    p = x.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    assert trace.ctypes(p, 3, 4) == np.trace(x)
    assert last_of_first_column.ctypes(p, 3, 4) == 2.0
    np.testing.assert_array_equal(nb.carray(p, (3, 4)), x)
    np.testing.assert_array_equal(nb.farray(p, (3, 4)), x.ravel().reshape((3, 4), order="F"))


DRAWS: dict[str, Any] = {
    "numpy": lambda x: np.random.random() + x,
    "a generator made inside": lambda x: np.random.default_rng(3).normal() + x,
    "python": lambda x: random.random() + random.gauss(0.0, 1.0) + x,
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_take_the_gil(name: str) -> None:
    """ctypes calls C functions without it, and a draw takes a lock, which is a Python object."""
    f = nb.cfunc("float64(float64)")(DRAWS[name])
    found = []
    for function in (f.ctypes, DRAWS[name]):
        np.random.seed(1)
        random.seed(1)
        found.append([function(1.0) for _ in range(20)])
    assert found[0] == found[1]


def test_what_fails_is_reported_and_gives_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda seen: reported.append(seen.exc_value))

    @nb.cfunc("int64(int64, int64)")
    def quotient(a: Any, b: Any) -> Any:
        if b == 3:
            raise ValueError("three")
        return a // b

    assert [quotient.ctypes(7, 2), quotient.ctypes(7, 0), quotient.ctypes(7, 3)] == [3, 0, 0]
    assert [type(e) for e in reported] == [ZeroDivisionError, ValueError]


def test_python_is_called_from_a_c_function() -> None:
    import threading

    @nb.cfunc("float64(float64)")
    def total(x: Any) -> Any:
        import math

        return math.fsum(np.array([x, 21.0]))

    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(total.ctypes(5.0)))
    thread.start()
    thread.join()
    assert found == [26.0] == [total.ctypes(5.0)]


OUTSIDE = np.arange(3.0)


def test_refused() -> None:
    with pytest.raises(UnsupportedError, match="from outside"):
        nb.cfunc("float64(int64)")(lambda i: OUTSIDE[i])
    with pytest.raises(TypeError, match="states its result"):
        nb.cfunc("(float64,)")
    with pytest.raises(UnsupportedError, match="numbers and pointers"):
        nb.cfunc("float64(float64[:])")


def test_used_in_compiled_code() -> None:
    f = nb.cfunc("float64(float64)")(lambda x: x * 2)

    @jit
    def twice(x: Any) -> Any:
        return f(x[0]) + f(x[1])

    assert twice(np.array([1.0, 2.0])) == 6.0


# C functions of others ----------------------------------------------------------------------------


class Foreign(types.WrapperAddressProtocol):
    """A function of the C library."""

    def __init__(self, name: str, declared: types.FunctionSignature) -> None:
        library = ctypes.CDLL(ctypes.util.find_library("m"))
        self.address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        self.declared = declared

    def __wrapper_address__(self) -> int:
        return self.address

    def signature(self) -> types.FunctionSignature:
        return self.declared


hypot = Foreign("hypot", types.float64(types.float64, types.float64))
cbrtf = Foreign("cbrtf", types.float32(types.float32))
scalbn = Foreign("scalbn", types.float64(types.float64, types.int32))
X = np.array([3.0, 5.0, 8.0])


@pytest.mark.parametrize(
    ("function", "others", "want"),
    [
        (hypot, (4.0,), np.hypot(X, 4.0)),
        (cbrtf, (), np.cbrt(X.astype("f4"))),
        (scalbn, (3,), X * 8),
    ],
    ids=["hypot", "cbrtf", "scalbn"],
)
def test_c_functions_by_address(function: Any, others: Any, want: Any) -> None:
    @jit
    def f(x: Any) -> Any:
        out = np.zeros_like(x)
        for i in range(len(x)):
            out[i] = function(x[i], *others)
        return out

    np.testing.assert_allclose(f(X), want, rtol=1e-6)
    assert "tj_c_function_0" in f.inspect_llvm(X)
    np.testing.assert_allclose([function(x, *others) for x in X], want, rtol=1e-6)


def test_two_functions_of_one_signature_are_told_apart() -> None:
    sin = Foreign("sin", types.float64(types.float64))
    cos = Foreign("cos", types.float64(types.float64))

    @jit
    def f(x: Any) -> Any:
        return sin(x[0]), cos(x[0]), sin(x[1])

    @jit
    def g(x: Any) -> Any:
        return cos(x[0]), sin(x[0]), cos(x[1])

    x = np.array([0.3, 0.7])
    np.testing.assert_allclose(f(x), [np.sin(0.3), np.cos(0.3), np.sin(0.7)])
    np.testing.assert_allclose(g(x), [np.cos(0.3), np.sin(0.3), np.cos(0.7)])


def test_addresses_are_not_pickled() -> None:
    f = CFunction("f", 1, (np.dtype("f8"),), np.dtype("f8"))
    with pytest.raises(TypeError, match="this process"):
        pickle.dumps(f)


def test_functions_that_cython_exports() -> None:
    pytest.importorskip("scipy.special")
    from scipy import special

    address = extending.get_cython_function_address("scipy.special.cython_special", "ndtri")
    ndtri = type(
        "ndtri",
        (types.WrapperAddressProtocol,),
        {
            "__wrapper_address__": lambda self: address,
            "signature": lambda self: types.float64(types.float64),
        },
    )()
    assert jit(lambda x: ndtri(x))(0.3) == special.ndtri(0.3)


def test_callbacks_of_scipy() -> None:
    scipy = pytest.importorskip("scipy")
    from scipy import integrate, ndimage

    @nb.cfunc(types.float64(types.intc, types.CPointer(types.float64)))
    def integrand(n: Any, xx: Any) -> Any:
        return np.exp(-xx[1] * xx[0] * xx[0]) if n == 2 else 0.0

    low_level = scipy.LowLevelCallable(integrand.ctypes)
    got = integrate.quad(low_level, -5, 5, args=(1.5,))[0]
    assert got == pytest.approx(integrate.quad(lambda x: np.exp(-1.5 * x * x), -5, 5)[0])

    @nb.cfunc("intc(CPointer(float64), intp, CPointer(float64), voidptr)")
    def mean(values: Any, n: Any, out: Any, data: Any) -> Any:
        out[0] = nb.carray(values, n).sum() / n
        return 1

    image = np.arange(30.0).reshape(5, 6) ** 2
    got = ndimage.generic_filter(image, scipy.LowLevelCallable(mean.ctypes), size=3)
    np.testing.assert_allclose(got, ndimage.uniform_filter(image, 3))


def test_called_by_numba() -> None:
    numba = pytest.importorskip("numba")
    call = nb.cfunc("float64(float64)")(lambda x: x * x + 1).ctypes

    @numba.njit  # type: ignore[untyped-decorator]
    def total(n: Any) -> Any:
        s = 0.0
        for i in range(n):
            s += call(i * 1.0)
        return s

    assert total(4) == 18.0
