"""Calls that begin again because values decide a dtype: what is undone, kept and compiled."""

from __future__ import annotations

import contextlib
import gc
import io
import resource
import sys
import threading
import traceback
from typing import Any

import numpy as np
import pytest

from tracejit import FallbackWarning, UnsupportedError, check_grads, grad, jit, jvp, value_and_grad
from tracejit.trace.array_api import linalg

REAL = np.array([[2.0, 1.0], [1.0, 3.0]])
TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])
BOTH = (REAL, TURN)
GLOBAL = np.zeros(3)
SOURCE = np.random.default_rng(5)


def same(got: Any, want: Any) -> None:
    assert type(got) is type(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(got, want)


def test_calls_that_alternate_compile_twice() -> None:
    f = jit(lambda a: np.emath.sqrt(a))
    for k in range(60):
        same(f(BOTH[k % 2]), np.emath.sqrt(BOTH[k % 2]))
    assert f.stats().compilations == f.stats().versions == 2
    assert f.stats().families == 1


def test_calls_of_one_kind_are_native() -> None:
    f = jit(lambda a: np.emath.sqrt(a))
    for a in (TURN, REAL, TURN):  # the two versions are there, whichever is in front
        for _ in range(40):
            same(f(a), np.emath.sqrt(a))
        before = f.stats().slow_calls
        for _ in range(10):
            same(f(a), np.emath.sqrt(a))
        assert f.stats().slow_calls == before
    assert f.stats().compilations == 2


def test_containers() -> None:
    f = jit(lambda d: {"w": np.emath.sqrt(d["a"])})
    for k in range(30):
        same(f({"a": BOTH[k // 5 % 2]})["w"], np.emath.sqrt(BOTH[k // 5 % 2]))
    assert f.stats().compilations == 2
    assert f.stats().slow_calls < 30


def test_sizes_that_vary() -> None:
    f, rng = jit(lambda a: np.emath.sqrt(a)), np.random.default_rng(1)
    for n in (2, 3, 4, 5, 6, 5, 4, 3, 2):
        a = rng.standard_normal((n, n))
        for x in (a, a + a.T):
            same(f(x), np.emath.sqrt(x))
    assert f.stats().compilations <= 6


def test_many_places() -> None:
    def each(matrices: Any) -> Any:
        return [np.emath.sqrt(m) for m in matrices]

    f, rng = jit(each), np.random.default_rng(0)
    assert [w.dtype.kind for w in f([TURN.copy() for _ in range(10)])] == ["c"] * 10
    assert f.stats().compilations == 2
    for _ in range(40):
        given = [BOTH[k].copy() for k in rng.integers(0, 2, 6)]
        for got, want in zip(f(given), each(given), strict=True):
            same(got, want)
    live = len(f._dispatcher.versions())
    assert live <= 18


def test_memory_is_freed_where_a_run_is_given_up() -> None:
    f = jit(lambda a, x: (x * 2, np.emath.sqrt(a), np.cumsum(x)))
    x = np.zeros(1_000_000)
    f(REAL, x), f(TURN, x)
    gc.collect()  # what compiling left
    before, held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sys.getrefcount(x)
    for k in range(60):
        f(BOTH[k % 2], x)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    gc.collect()
    assert sys.getrefcount(x) == held


def test_what_was_written_is_undone() -> None:
    def writes(a: Any, x: Any, d: Any) -> Any:
        x += 1
        GLOBAL[1:] += x[0]
        d["y"][::2] *= 2
        d["n"] = d["n"] + 1
        d["log"].append(x[0])
        values = np.emath.sqrt(a)
        x *= 2
        return values

    f = jit(writes)
    states = []
    for call in (writes, f):
        GLOBAL[:] = 0
        x, d = np.ones(3), {"y": np.ones(4), "n": 0, "log": []}
        found = [call(BOTH[k % 2], x, d) for k in (0, 1, 1, 0, 1)]
        states.append((found, x, d["y"], d["n"], d["log"], GLOBAL.copy()))
    for got, want in zip(states[1], states[0], strict=True):
        for g, w in zip(np.atleast_1d(got), np.atleast_1d(want), strict=True):
            np.testing.assert_array_equal(g, w)
    assert [w.dtype.kind for w in states[1][0]] == ["f", "c", "c", "f", "c"]


def test_arguments_that_overlap() -> None:
    def shifts(a: Any, x: Any) -> Any:
        x += 1
        values = np.emath.sqrt(a)
        x[0] = values.real[0, 0]
        return values

    f = jit(shifts)
    for sign in (1.0, -1.0, 1.0, -1.0):
        memories = [np.array([0.0, 1.0, sign, 0.5, 3.0, 1.0, 2.0]) for _ in range(2)]
        want = shifts(memories[0][:4].reshape(2, 2), memories[0][3:])
        same(f(memories[1][:4].reshape(2, 2), memories[1][3:]), want)
        same(memories[1], memories[0])


def test_foreign_arrays_are_left_as_numpy_leaves_them() -> None:
    def scales(a: Any, x: Any) -> Any:
        x *= 2
        return np.emath.sqrt(a)

    f = jit(scales)
    for a in (REAL, TURN, REAL):
        x = np.ones(3, ">f8")
        same(f(a.astype(">f8"), x), np.emath.sqrt(a))
        np.testing.assert_array_equal(x, 2.0)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_generators_go_on_as_if_called_once(make: Any) -> None:
    def draws(rng: Any, n: int) -> Any:
        a = rng.normal(size=(n, n))
        return a, np.emath.sqrt(a), rng.normal()

    f, ours, theirs = jit(draws), make(3), make(3)
    for _ in range(12):
        for got, want in zip(f(ours, 2), draws(theirs, 2), strict=True):
            same(got, want)


def test_generators_in_globals() -> None:
    def draws() -> Any:
        return np.emath.sqrt(SOURCE.normal(size=(2, 2)))

    f, state = jit(draws), SOURCE.bit_generator.state
    got = [f() for _ in range(8)]
    SOURCE.bit_generator.state = state
    for value in got:
        same(value, draws())


def test_printing_comes_once_and_before_an_exception() -> None:
    def shows(a: Any) -> Any:
        print("before")
        values = np.emath.sqrt(a)
        print("after", len(values))
        if a[0, 0] == 0:
            raise ValueError("zero")
        return values

    f = jit(shows)
    for a in (TURN, REAL, TURN):
        texts = []
        for call in (shows, f):
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                try:
                    call(a)
                except ValueError as error:
                    print(error)
            texts.append(shown.getvalue())
        assert texts[1] == texts[0]


def test_iterations_that_disagree() -> None:
    def total(matrices: Any, x: Any) -> Any:
        found = 0.0
        for k in range(len(matrices)):
            x += 1
            found = found + np.abs(np.emath.sqrt(matrices[k])).sum()
        return found

    f, x = jit(total), np.zeros(2)
    with pytest.raises(
        UnsupportedError, match=r"negative in one part .* x.astype\(complex\)"
    ) as info:
        f(np.stack([REAL, TURN]), x)
    last = traceback.extract_tb(info.value.__traceback__)[-1]
    assert last.filename == __file__
    assert last.line is not None
    assert "np.emath.sqrt(matrices[k])" in last.line
    np.testing.assert_array_equal(x, 0)
    for a in (REAL, TURN):
        assert f(np.stack([a, a]), x) == total(np.stack([a, a]), np.zeros(2))


def test_iterations_that_disagree_run_in_python_if_asked() -> None:
    def total(matrices: Any, x: Any) -> Any:
        found = 0.0
        for k in range(len(matrices)):
            x += 1
            found = found + np.abs(np.emath.sqrt(matrices[k])).sum()
        return found

    f = jit(total, fallback=True)
    for both in ((REAL, TURN), (REAL, REAL), (TURN, REAL), (TURN, TURN)):
        x, y = np.zeros(2), np.zeros(2)
        with contextlib.ExitStack() as stack:
            if f.stats().python_calls == 0 and both[0] is not both[1]:
                stack.enter_context(pytest.warns(FallbackWarning, match="one part"))
            assert f(np.stack(both), x) == total(np.stack(both), y)
        np.testing.assert_array_equal(x, y)
    assert f.stats().python_calls == 2


def test_code_that_compiles_for_one_outcome_only() -> None:
    def last(a: Any, n: int) -> Any:
        found = np.zeros((2, 2), complex)
        for _ in range(n):
            found = np.emath.sqrt(a)
        return found

    f = jit(last, shapes="dynamic")
    for n in (3, 0, 5):
        same(f(TURN, n), last(TURN, n))
    with pytest.raises(UnsupportedError.__mro__[1], match="found"):
        f(REAL, 3)
    same(f(REAL, 0), last(REAL, 0))
    same(f(TURN, 2), last(TURN, 2))
    compiled = f.stats().compilations
    for _ in range(5):
        same(f(TURN, 4), last(TURN, 4))
    assert f.stats().compilations == compiled
    loose = jit(last, shapes="dynamic", fallback=True)
    with pytest.warns(FallbackWarning):
        same(loose(REAL, 3), last(REAL, 3))
    same(loose(TURN, 3), last(TURN, 3))


def test_threads() -> None:
    def bumps(a: Any, x: Any) -> Any:
        x += 1
        return np.emath.sqrt(a)

    f, wrong = jit(bumps), []

    def work(first: int) -> None:
        x = np.zeros(2)
        for k in range(100):
            a = BOTH[(k + first) % 2]
            values = f(a, x)
            if values.dtype != np.emath.sqrt(a).dtype or x[0] != k + 1:
                wrong.append((k, values, x.copy()))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert f.stats().compilations == 2


def test_derivatives_past_and_through_it() -> None:
    def loss(x: Any, a: Any) -> Any:
        return np.sum(x * x) * np.abs(np.linalg.eigvals(a)).sum()

    slope, x = value_and_grad(loss), np.arange(3.0)
    for a in (REAL, TURN, REAL, TURN):
        scale = np.abs(np.linalg.eigvals(a)).sum()
        value, gradient = slope(x, a)
        np.testing.assert_allclose(value, loss(x, a))
        np.testing.assert_allclose(gradient, 2 * x * scale)
    for a in (REAL, TURN):
        check_grads(lambda x, a=a: loss(x, a), (x,))
        np.testing.assert_allclose(
            jvp(lambda x, a=a: loss(x, a), (x,), (x,))[1],
            2 * x @ x * np.abs(np.linalg.eigvals(a)).sum(),
        )
    # REAL's moduli sum to its trace, TURN's to twice the root of its determinant.
    by_matrix = grad(loss, argnums=1)
    for _ in range(2):
        np.testing.assert_allclose(by_matrix(x, REAL), x @ x * np.eye(2), atol=1e-12)
        np.testing.assert_allclose(by_matrix(x, TURN), x @ x * TURN, atol=1e-12)
    for a in (REAL, TURN):
        check_grads(lambda a: loss(x, a), (a,))


def test_inspection() -> None:
    f = jit(lambda a: np.emath.sqrt(a))
    assert "f64[2, 2]" in f.inspect_ir(REAL).splitlines()[0].split("->")[1]
    f(TURN)
    f(REAL)
    assert len(f.inspect_ir()) == len(f.signatures) == 2
    assert any(
        "if not no element of the argument of np.emath is negative" in s for s in f.signatures
    )
    assert {t.splitlines()[0].split("-> ")[1][1:4] for t in f.inspect_ir().values()} == {
        "f64",
        "c12",
    }
    for show in (f.inspect_program, f.inspect_llvm, f.inspect_asm):
        assert show(TURN)


@pytest.mark.parametrize("result", ["f8[:, :]", "c16[:, :]"])
def test_signatures_state_the_outcome(result: str) -> None:
    f = jit(f"{result}(f8[:, :])")(lambda a: np.emath.sqrt(a))
    assert f.stats().versions in (1, 2)
    for a in (*BOTH, np.eye(3)):
        same(f(a), np.emath.sqrt(a))
    with pytest.raises(TypeError, match="another result"):
        jit("f4[:, :](f8[:, :])")(lambda a: np.emath.sqrt(a))


def test_errors_are_numpys() -> None:
    f = jit(lambda a: np.linalg.eig(a))
    for a in (REAL, TURN):
        f(a)
        with pytest.raises(np.linalg.LinAlgError, match="infs or NaNs"):
            f(a + np.inf)
        with pytest.raises(np.linalg.LinAlgError, match="square"):
            f(a[:1])
        with pytest.raises(np.linalg.LinAlgError, match="two-dimensional"):
            f(a[0])


def test_a_power_after_something_was_written_raises() -> None:
    def powers(x: Any, n: int) -> Any:
        x += 1
        return 2**n

    f = jit(powers, shapes="dynamic")
    assert f(np.zeros(2), 3) == 8
    with pytest.raises(ValueError, match="negative power"):
        f(np.zeros(2), -3)


def test_recompile_forgets() -> None:
    f = jit(lambda a: np.emath.sqrt(a))
    for a in (TURN, REAL):
        f(a)
    f.recompile()
    assert f.stats().versions == 0
    same(f(TURN), np.emath.sqrt(TURN))


def test_called_from_another_compiled_function() -> None:
    inner = jit(lambda a: np.emath.sqrt(a))
    outer = jit(lambda a, b: (inner(a), inner(b)))
    for a, b in ((REAL, TURN), (TURN, REAL), (TURN, TURN.copy()), (REAL, REAL.copy())):
        for got, want in zip(outer(a, b), (np.emath.sqrt(a), np.emath.sqrt(b))):
            same(got, want)


def test_eigenvalues_are_complex_where_numpys_always_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since NumPy 2.5 they are; roots stay real where all are."""
    monkeypatch.setattr(linalg, "EIGENVALUES_ARE_COMPLEX", True)
    f = jit(lambda x: (np.emath.sqrt(x), np.linalg.eig(x), np.roots(x[0])), cache=False)
    x = np.array([[2.0, -3.0], [-1.0, 2.0]])
    values, (again, vectors), roots = f(x)
    assert {values.dtype, again.dtype, vectors.dtype} == {np.dtype(complex)}
    assert roots.dtype == np.dtype(float)
    np.testing.assert_allclose(x @ vectors, vectors * again)
