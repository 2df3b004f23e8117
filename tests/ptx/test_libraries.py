"""Sorts, FFT and LAPACK on the device: by the functions of cupy, or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

cupy = pytest.importorskip("cupy")

from tests.ptx.fake_device import FakeDriver, fake_device  # noqa: E402
from tests.ptx.fake_library import signature_of  # noqa: E402
from tracejit import jit  # noqa: E402
from tracejit.device.driver import CudaError  # noqa: E402
from tracejit.device.libraries import FOR_ALL, LIBRARY, RealLibrary  # noqa: E402
from tracejit.ir.core import TABLE  # noqa: E402

RNG = np.random.default_rng(3)
X = RNG.normal(size=(3, 4))
X[1, 2] = np.nan
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
POSITIVE = SQUARE @ SQUARE.T
STACK = np.stack([POSITIVE, np.zeros((3, 3)), 2 * POSITIVE])
COMPLEX = POSITIVE + 1j * np.triu(SQUARE, 1) - 1j * np.triu(SQUARE, 1).T

#: What is compiled, with its arguments, and the functions of cupy that it calls.
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], set[str]]] = {
    "sort": (lambda x: (np.sort(x), np.sort(x, 0)), (X,), {"sort"}),
    "sort of integers": (lambda x: np.sort(x)[::-1], (np.array([3, 1, 2]),), {"sort"}),
    "sort of complex": (np.sort, (X + 1j * X[::-1],), {"sort"}),
    "argsort": (lambda x: np.argsort(x, axis=0, kind="stable"), (X,), {"argsort"}),
    "partition": (
        lambda x: (np.partition(x, 2, axis=0)[2], np.argpartition(x, 1)[:, 1]),
        (X,),
        {"sort", "argsort"},
    ),
    "lexsort": (lambda x: np.unique(x, axis=0), (np.array([[1, 2], [1, 0], [1, 2]]),), {"lexsort"}),
    "unique": (np.unique, (np.array([3, 1, 3, 2.0]),), {"sort"}),
    "median": (np.median, (np.array([3, 1, 3, 2.0]),), {"sort"}),
    "fft": (lambda x: (np.fft.fft(x), np.fft.ifft(x, axis=0)), (X[:1],), {"fft.fft", "fft.ifft"}),
    "rfft": (lambda x: np.fft.irfft(np.fft.rfft(x), 4), (X[0],), {"fft.rfft", "fft.irfft"}),
    "fft2": (np.fft.fft2, (np.eye(4),), {"fft.fft"}),
    "solve": (np.linalg.solve, (SQUARE, X[0, :3]), {"linalg.solve"}),
    "inv": (np.linalg.inv, (STACK[::2],), {"linalg.inv"}),
    "det": (lambda a: (np.linalg.det(a), np.linalg.det(a[0])), (STACK,), {"linalg.det"}),
    "slogdet": (np.linalg.slogdet, (STACK,), {"linalg.slogdet"}),
    "cholesky": (np.linalg.cholesky, (STACK[::2],), {"linalg.cholesky"}),
    "upper": (
        lambda a: np.linalg.cholesky(a, upper=True),
        (COMPLEX,),
        {"linalg.cholesky", "conj"},
    ),
    "qr": (lambda a: np.linalg.qr(a, mode="complete"), (SQUARE[:, :2],), {"linalg.qr"}),
    "svd": (lambda a: np.linalg.svd(a, full_matrices=False), (SQUARE[:2],), {"linalg.svd"}),
    "svd of nothing": (np.linalg.svd, (np.empty((3, 0)),), set()),
    "norm": (lambda a: np.linalg.norm(a, 2), (SQUARE,), {"linalg.svd"}),
    "eigh": (lambda a: np.linalg.eigh(a, "U"), (COMPLEX,), {"linalg.eigh"}),
    "eigvalsh": (np.linalg.eigvalsh, (STACK,), {"linalg.eigvalsh"}),
    "eig": (np.linalg.eig, (SQUARE,), {"linalg.eig"}),
    "eigvals": (np.linalg.eigvals, (SQUARE,), {"linalg.eigvals"}),
    "pinv": (np.linalg.pinv, (SQUARE[:2],), {"linalg.pinv"}),
    "pinv with a tolerance": (lambda a: np.linalg.pinv(a, 0.5), (STACK,), {"linalg.pinv"}),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b)[0], (SQUARE, X[0, :3]), {"linalg.lstsq"}),
    "i0": (np.i0, (X[0],), {"i0"}),
}
#: What NumPy computes, and what `explain` says of it.
BY_NUMPY: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "eig of a stack": (np.linalg.eigvals, (STACK,), "cupy looks at failures of the last matrix"),
    "hermitian": (lambda a: np.linalg.pinv(a, hermitian=True), (POSITIVE,), "no hermitian"),
    "tolerances": (
        lambda a, b: np.linalg.lstsq(a, b, 0.1)[0],
        (SQUARE, SQUARE),
        "cupy.linalg.lstsq reads tolerances otherwise",
    ),
    "i0 of float32": (np.i0, (X.astype("f4"),), "cupy.i0 is less exact in this dtype"),
}


@pytest.fixture
def gpu() -> Iterator[FakeDriver]:
    with fake_device() as driver:
        yield driver


def compared(gpu: FakeDriver, f: Callable[..., Any], args: tuple[Any, ...], fast: Any) -> set[str]:
    """Which functions of cupy it calls; its values are NumPy's."""
    before = gpu.counts.calls.copy()
    got, want = fast(*map(gpu.put, args)), f(*args)
    found = got if isinstance(got, tuple) else (got,)
    for a, b in zip(found, want if isinstance(want, tuple) else (want,), strict=True):
        np.testing.assert_allclose(gpu.get(a), b, rtol=1e-12, atol=1e-12)
        assert a.dtype == np.asarray(b).dtype
    called = {name[5:] for name in gpu.counts.calls - before if name.startswith("cupy.")}
    return called - {*FOR_ALL, "item", "where", "isfinite", "all", "imag", "count_nonzero"}


@pytest.mark.parametrize("name", CASES)
def test_cupy_computes(gpu: FakeDriver, name: str) -> None:
    f, args, functions = CASES[name]
    fast = jit(lambda *a: f(*a))
    assert compared(gpu, f, args, fast) == functions
    assert gpu.counts.calls["cuMemcpyDtoHAsync"] <= 4, "no array is copied to the host"
    text = fast.explain(*map(gpu.put, args))
    assert "computed on the host" not in text
    assert "computed by cupy: " in text


@pytest.mark.parametrize("name", BY_NUMPY)
def test_numpy_computes_the_rest(gpu: FakeDriver, name: str) -> None:
    f, args, why = BY_NUMPY[name]
    fast = jit(lambda *a: f(*a))
    assert compared(gpu, f, args, fast) == set()
    assert why in fast.explain(*map(gpu.put, args))


def test_a_function_that_this_cupy_has_not(gpu: FakeDriver) -> None:
    gpu.missing.add("linalg.eig")
    f = jit(lambda a: np.linalg.eig(a))
    assert compared(gpu, np.linalg.eig, (SQUARE,), f) == set()
    assert "this version of cupy or CUDA has no linalg.eig" in f.explain(gpu.put(SQUARE))


def test_failures_of_lapack(gpu: FakeDriver) -> None:
    """The error is NumPy's, at its place in the program; of a stack only those that fail are."""
    bad = POSITIVE.copy()
    bad[1, 1] = np.nan

    def f(a: Any, out: Any) -> Any:
        out += 1
        found = np.linalg.inv(a)
        out += 1
        return found

    out = gpu.put(np.zeros(2))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        jit(f)(gpu.put(STACK), out)
    np.testing.assert_array_equal(gpu.get(out), [1, 1])
    for function, a in ((np.linalg.svd, bad), (np.linalg.cholesky, -bad), (np.linalg.eigvals, bad)):
        with pytest.raises(np.linalg.LinAlgError) as want:
            function(a)
        with pytest.raises(np.linalg.LinAlgError, match=str(want.value)):
            jit(lambda a, function=function: function(a))(gpu.put(a))

    def tried(a: Any) -> Any:
        try:
            return np.linalg.solve(a, a[:, :, :1])
        except np.linalg.LinAlgError:
            return a

    np.testing.assert_array_equal(gpu.get(jit(tried)(gpu.put(STACK))), STACK)


def test_the_order_of_nan_and_of_equal_elements(gpu: FakeDriver) -> None:
    """Radix sorts order bits: a nan with a sign is not the least of all for NumPy."""
    x = np.array([1.0, -np.nan, 0.5, np.nan, 0.5])
    got = jit(lambda x: (np.sort(x), np.argsort(x)))(gpu.put(x))
    np.testing.assert_array_equal(gpu.get(got[0]), [0.5, 0.5, 1, np.nan, np.nan])
    assert not np.signbit(gpu.get(got[0])).any()
    np.testing.assert_array_equal(gpu.get(got[1]), [2, 4, 0, 1, 3])


def test_errors_of_a_library(gpu: FakeDriver) -> None:
    def ordered(x: Any) -> Any:
        return np.sort(x)

    f = jit(ordered)
    x = gpu.put(np.arange(3.0))
    f(x)
    gpu.fail_at(8)  # the sort, after the memory that it needs
    with pytest.raises(CudaError, match=r"CUDA error in cupy\.sort: a library fails") as caught:
        f(x)
    lines = [e.lineno for e in caught.traceback if "test_libraries" in str(e.path)]
    assert ordered.__code__.co_firstlineno in lines


def test_the_table_names_functions_of_cupy() -> None:
    paths = {*FOR_ALL, *(path for entry in LIBRARY.values() for path in entry.uses)}
    for path in paths:
        assert callable(RealLibrary()(path)), path
        signature_of(path)
    rows = {name for name, row in TABLE.items() if row.kind == "extern"}
    ours = {"gemm", "pure_call", "ufunc", "cofactor"}
    assert rows == {*LIBRARY, *ours}, "a new row of a library: does cupy have it?"
