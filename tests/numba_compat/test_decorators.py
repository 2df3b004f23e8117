"""``jit`` and ``njit`` with Numba's options and signatures, types, containers, the stand-in."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError
from tracejit import numba as nb
from tracejit.numba_compat import errors, extending, lapack, typed, types
from tracejit.numba_compat.types import UniTuple

X = np.arange(3.0)


def plus_one(x: Any) -> Any:
    return x * 2 + 1


OPTIONS: list[dict[str, Any]] = [
    {},
    {"nopython": True},
    {"nogil": True},
    {"cache": True},
    {"cache": False},
    {"parallel": True},
    {"parallel": {"reduction": True}},
    {"fastmath": True},
    {"fastmath": {"contract"}},
    {"error_model": "numpy"},
    {"error_model": "python"},
    {"boundscheck": True},
    {"boundscheck": None},
    {"inline": "always"},
    {"forceobj": True},
    {"locals": {}},
    {"debug": False},
    {"nopython": True, "cache": True, "parallel": True, "fastmath": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_that_change_no_result(options: dict[str, Any]) -> None:
    f = nb.jit(**options)(plus_one)
    np.testing.assert_array_equal(f(X), [1.0, 3.0, 5.0])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"locals": {"x": nb.float32}}, UnsupportedError),
        ({"pipeline_class": object}, UnsupportedError),
        ({"target": "cuda"}, UnsupportedError),
        ({"error_model": "c"}, ValueError),
        ({"nopyton": True}, TypeError),
    ],
    ids=str,
)
def test_options_that_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        nb.njit(**options)(plus_one)


def divided(a: Any, b: Any) -> Any:
    return a / b


def test_error_models() -> None:
    assert nb.njit(error_model="numpy")(divided)(1.0, 0.0) == np.inf
    with pytest.raises(ZeroDivisionError):
        nb.njit(divided)(1.0, 0.0)
    with pytest.raises(ZeroDivisionError):
        nb.njit("f8(f8, f8)")(divided)(1.0, 0.0)
    assert nb.njit("f8(f8, f8)", error_model="numpy")(divided)(1, 0) == np.inf


MATH = [
    (math.log, 0.0), (math.log, -1.0), (math.log2, 0.0), (math.log10, 0.0), (math.log1p, -1.0),
    (math.log1p, -2.0), (math.sqrt, -1.0), (math.exp, 1000.0), (math.expm1, 1000.0),
    (math.acos, 2.0), (math.asin, 2.0), (math.acosh, 0.0), (math.atanh, 1.0), (math.cosh, 1000.0),
    (math.sinh, 1000.0), (math.sin, np.inf), (math.log, 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x"), MATH, ids=lambda v: getattr(v, "__name__", str(v)))
def test_math_under_the_error_models(f: Any, x: float) -> None:
    other = {"acos": "arccos", "asin": "arcsin", "acosh": "arccosh", "atanh": "arctanh"}
    with np.errstate(all="ignore"):
        want = getattr(np, other.get(f.__name__, f.__name__))(x)
    applied = nb.njit(error_model="numpy")(lambda x: f(x[0]))
    constant = nb.njit(error_model="numpy")(lambda: f(x))
    inner = nb.njit(lambda x: f(x[0]))
    outer = nb.njit(error_model="numpy")(lambda x: 0.0 if x[0] == 99 else applied(x))
    np.testing.assert_allclose([applied(np.array([x])), constant(), outer(np.array([x]))], want)
    if np.isfinite(want):
        assert inner(np.array([x])) == pytest.approx(want)
    else:
        with pytest.raises((ValueError, OverflowError)):
            inner(np.array([x]))


def product(a: Any, b: Any) -> Any:
    return a * b


@pytest.mark.parametrize(
    ("signature", "args", "want"),
    [
        ("f8(f8, f8)", (2, 3), 6.0),
        ("float64(float64, float64)", (np.int32(2), True), 2.0),
        (nb.float64(nb.float64, nb.float64), (2, 3), 6.0),
        ((nb.float64, nb.float64), (2, 3), 6.0),
        ("(float64, float64)", (2, 3), 6.0),
        ("i8(i8, i8)", (2.9, 3), 6),
        ("i8(f8, f8)", (2.5, 2.0), 5),
        ("f4(f4, f4)", (0.1, 1.0), np.float32(0.1)),
        ("u8(u8, u8)", (2, 3), np.uint64(6)),
        (["i8(i8, i8)", "f8(f8, f8)"], (2, 3), 6),
        (["i8(i8, i8)", "f8(f8, f8)"], (2.5, 3), 7.5),
        (["f4(f4, f4)", "f8(f8, f8)"], (np.float32(2), np.float32(3)), np.float32(6)),
        (["f8[:](f8[:], f8)"], (X, 2), X * 2),
        (["f4[:](f4[:], f4)", "f8[:](f8[:], f8)"], (X.astype("f4"), 2), X.astype("f4") * 2),
        ("c16(c16, f8)", (1, 2), 2 + 0j),
    ],
    ids=str,
)
def test_signatures_convert(signature: Any, args: Any, want: Any) -> None:
    got = nb.njit(signature)(product)(*args)
    np.testing.assert_array_equal(got, want)
    if not isinstance(want, np.ndarray):
        assert type(got) is type(want)
    else:
        assert got.dtype == want.dtype


@pytest.mark.parametrize(
    ("signature", "args"),
    [
        ("f8(f8)", (X,)),
        ("f8[:](f8[:])", (X.astype("f4"),)),
        ("f8[:](f8[:])", (np.ones((2, 2)),)),
        ("f8[:](f8[:])", (1.0,)),
        ("f8(f8, f8)", (1.0,)),
        ("f8(f8[:])", (X,)),
    ],
)
def test_signatures_that_do_not_fit(signature: str, args: Any) -> None:
    f = nb.njit(signature)(plus_one if signature.count(",") == 0 else product)
    with pytest.raises(TypeError):
        f(*args)


def test_signatures_of_tuples_and_none() -> None:
    total = nb.njit(nb.float64(UniTuple(nb.float64, 2)))(lambda t: t[0] + t[1])
    assert total((1, 2)) == 3.0

    @nb.njit("f8(f8[:], optional(f8))")
    def scaled(x: Any, k: Any) -> Any:
        return x.sum() if k is None else x.sum() * k

    assert (scaled(X, None), scaled(X, 2)) == (3.0, 6.0)

    @nb.njit("void(f8[:])")
    def filled(x: Any) -> None:
        x[:] = 1

    x = X.copy()
    assert filled(x) is None
    np.testing.assert_array_equal(x, np.ones(3))


def test_a_signature_that_states_an_optional_result() -> None:
    @nb.njit("optional(f8)(f8)")
    def f(x: Any) -> Any:
        return None if x > 1 else 3

    assert f(2) is None
    assert type(f(0.5)) is float


def test_chunk_sizes_are_kept() -> None:
    with nb.parallel_chunksize(4):
        assert nb.set_parallel_chunksize(8) == 4
    assert nb.get_parallel_chunksize() == 0
    with pytest.raises(ValueError, match="greater"):
        nb.set_parallel_chunksize(-1)


def test_signatures_inside_of_compiled_code() -> None:
    half = nb.njit("f8(f8)")(lambda a: a / 2)

    @nb.njit
    def f(n: Any) -> Any:
        s = 0.0
        for i in range(n):
            s += half(i)
        return s

    assert f(4) == 3.0


def test_no_signature() -> None:
    for given in ("f8(", "float99(f8)", 3, ["f8(f8)", 4]):
        with pytest.raises(TypeError):
            nb.njit(given)


def test_attributes() -> None:
    f = nb.njit("f8(f8)")(plus_one)
    assert f.py_func(2) == f.__wrapped__(2) == 5
    assert f.__name__ == "plus_one"
    assert extending.is_jitted(f)
    assert not extending.is_jitted(plus_one)
    assert pickle.loads(pickle.dumps(f))(2) == 5.0


def test_static_and_class_methods() -> None:
    class Shape:
        @staticmethod
        @nb.njit
        def area(a: Any) -> Any:
            return a * a

        side = nb.njit(classmethod(lambda cls, a: a))

    assert Shape.area(3.0) == 9.0
    assert Shape.side(3.0) == 3.0


def test_generators_are_inlined_and_run_in_python_alone() -> None:
    @nb.njit
    def squares(n: Any) -> Any:
        for i in range(n):
            yield i * i

    @nb.njit
    def total(n: Any) -> Any:
        s = 0
        for v in squares(n):
            s += v
        return s

    assert total(5) == 30
    with pytest.warns(errors.FallbackWarning, match="generator"):
        assert list(squares(4)) == [0, 1, 4, 9]


def test_prange_is_a_loop() -> None:
    @nb.njit(parallel=True)
    def f(x: Any) -> Any:
        s = 0.0
        for i in nb.prange(len(x)):
            s += x[i] * x[i]
        return s

    assert f(X) == 5.0
    assert list(nb.prange(3)) == [0, 1, 2]


def test_objmode_is_refused_where_it_is_reached() -> None:
    @nb.njit
    def f(x: Any, ask: Any) -> Any:
        if ask:
            with nb.objmode(y="f8"):
                x = x + 1
        return x

    assert f(1.0, None) == 1.0
    with pytest.raises(UnsupportedError, match=r"test_decorators.py:\d+.*objmode"):
        f(1.0, "yes")


def test_jitclass_is_refused() -> None:
    for use in (lambda: nb.experimental.jitclass([("x", nb.int64)]),):
        with pytest.raises(UnsupportedError, match="leave the class as it is"):
            use()


def test_typed_containers_are_pythons() -> None:
    made = typed.List([1.0, 2.0])
    assert type(made) is list
    assert isinstance(made, typed.List)
    assert typed.List.empty_list(nb.float64) == []
    assert typed.Dict.empty(nb.int64, nb.float64) == {}

    @nb.njit
    def f(n: Any) -> Any:
        found = typed.List()
        for i in range(n):
            found.append(i * 0.5)
        return sum(found)

    assert f(5) == 5.0


def test_types() -> None:
    assert nb.float64[:] == types.Array(nb.float64, 1, "A")
    assert nb.float64[:, ::1].layout == "C"
    assert nb.float64[::1, :].layout == "F"
    assert nb.from_dtype(np.int32) is nb.int32
    assert nb.float32(0.1) == np.float32(0.1)
    assert np.zeros(2, nb.int16).dtype == np.int16
    assert nb.typeof(X) == types.Array(nb.float64, 1, "C")
    assert nb.typeof((1, 2.0)) == types.Tuple((nb.int64, nb.float64))
    assert nb.typeof(np.float32(1)) is nb.float32
    assert str(nb.float64(nb.int64)) == "(int64) -> float64"
    assert isinstance(nb.int8, types.Integer)
    assert {nb.float64: 1}[types.float64] == 1
    with pytest.raises(UnsupportedError):
        nb.from_dtype("U3")
    with pytest.raises(KeyError):
        nb.float64[2]


def test_types_convert_in_compiled_code() -> None:
    @nb.njit
    def f(x: Any) -> Any:
        return nb.int32(x.sum()), nb.float32(x), np.zeros(2, nb.int8), np.empty(3, dtype=nb.float64)

    total, single, zeros, fresh = f(X)
    assert (type(total), single.dtype, zeros.dtype) == (np.int32, np.float32, np.int8)
    assert fresh.dtype == np.float64


def test_overload_stands_in_compiled_code() -> None:
    def twice(x: Any) -> Any:
        return "python"

    @extending.overload(twice)
    def choose(x: Any) -> Any:
        if isinstance(x, types.Array):
            return lambda x: x.sum() * 2
        if isinstance(x, types.Float):
            return lambda x: x * 2
        return None

    f = nb.njit(lambda x: twice(x))
    assert twice(1.0) == "python"
    assert f(X) == 6.0
    assert f(1.5) == 3.0
    assert f(2) == "python"


def test_lapack_without_checks() -> None:
    solve = lapack._LAPACK().numba_xgesv(types.float64)

    @nb.njit
    def solved(a: Any, b: Any) -> Any:
        n = len(a)
        pivots = np.empty(n, np.int32)
        found = solve(ord("d"), n, 1, a.ctypes, n, pivots.ctypes, b.ctypes, n)
        return found, pivots

    a, b = np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 5.0], [0.0, 1.0, 7.0]]), np.array([1.0, 2.0, 3.0])
    want = np.linalg.solve(a, b)
    for order, matrix in (("F", a), ("C", a.T)):  # it takes matrices by columns
        work, right = np.array(matrix, order=order), b.copy()
        found, pivots = solved(work, right)
        assert found == 0
        assert pivots.tolist() == [2, 3, 3]
        np.testing.assert_allclose(right, want)
        np.testing.assert_allclose((work if order == "F" else work.T)[0], [3.0, 4.0, 5.0])
    right = b.copy()
    assert solved(np.asfortranarray([[0.0, 1, 2], [3, 4, 5], [3, 5, 7]]), right)[0] == 3
    np.testing.assert_array_equal(right, b)
    with pytest.raises(UnsupportedError, match=r"use np\.linalg"):
        lapack._LAPACK().numba_xgetrf(types.float64)
    with pytest.raises(UnsupportedError, match="where arrays are values"):
        nb.njit(lambda x: x.ctypes.data)(b)


@pytest.mark.parametrize("name", ["intrinsic", "overload_method", "overload_attribute"])
def test_extensions_that_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedError, match="Numba's compiler"):
        getattr(extending, name)(int, "x")


def test_exceptions_have_numbas_names() -> None:
    @nb.njit
    def f(x: Any) -> Any:
        return hash(x[0])

    with pytest.raises(errors.TypingError):
        f(X)
    assert issubclass(errors.TypingError, errors.NumbaError)


STOOD_IN = """
import tracejit
tracejit.numba.stand_in()
import numba, numpy as np
from numba import njit, prange, types, vectorize
from numba.core import types as core_types
from numba.core.errors import NumbaPerformanceWarning, TypingError
from numba.extending import overload, register_jitable
from numba.np.numpy_support import from_dtype
from numba.np.ufunc.gufunc import GUFunc
from numba.typed import Dict, List
assert numba.__name__ == "tracejit.numba_compat"
assert numba.core.types is core_types is types
assert numba.njit(lambda x: x + 1)(1) == 2
g = numba.guvectorize(["(f8[:], f8[:])"], "(n)->(n)")(lambda a, b: None)
assert isinstance(g, GUFunc)
numba.stand_in()
print("stood in")
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_stands_in_for_import_numba() -> None:
    assert run(STOOD_IN) == "stood in"


def test_import_of_the_package_does_not_bring_it() -> None:
    code = "import tracejit, sys; print('tracejit.numba_compat' in sys.modules)"
    assert run(code) == "False"
