"""Functions that call themselves: to a known depth, and until a run-time value says stop."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tests.programs.flows import multigrid
from tests.programs.recursions import fibonacci, queens, quicksort, remembered
from tracejit import UnsupportedError, grad, jit, jvp, vmap
from tracejit.trace.control import calls_under_way


def doubled(x: Any, n: int) -> Any:
    return x if n <= 0 else doubled(x * 2, n - 1)


def halves(x: Any) -> Any:
    if len(x) <= 1:
        return x
    return np.concatenate([halves(x[: len(x) // 2]) + 1, halves(x[len(x) // 2 :])])


def branches(x: Any, depth: int) -> Any:
    if depth > 0 and x.sum() > 0:
        return branches(x - 0.125, depth - 1) + depth
    return x


def test_an_integer_that_ends_recursion_is_compiled_for() -> None:
    f = jit(doubled, shapes="dynamic")
    for n in (4, 0, 2, 4):
        np.testing.assert_array_equal(f(np.ones(3), n), doubled(np.ones(3), n))
    assert f.stats().compilations == 3


def test_recursion_that_is_too_much_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_under_way, "_MUCH_CODE", 300)
    with pytest.raises(UnsupportedError, match=r"test_recursion.py:\d+: .* code of its own"):
        jit(halves)(np.ones(128))


def test_extents_stay_dynamic_beside_it() -> None:
    f = jit(multigrid, shapes="dynamic")
    for n in (17, 33, 65):
        u, v = np.random.default_rng(n).random((2, n))
        np.testing.assert_allclose(f(u.copy(), v, 3), multigrid(u.copy(), v, 3), rtol=1e-12)
    assert f.stats().compilations == 1


def test_an_extent_that_ends_recursion() -> None:
    f = jit(halves)
    for n in (4, 7, 5):
        np.testing.assert_array_equal(f(np.ones(n)), halves(np.ones(n)))
    with pytest.raises(UnsupportedError, match="write a loop"):
        jit(halves, shapes="dynamic")(np.ones(7))


def test_static_depth_in_branches_decided_at_run_time() -> None:
    f = jit(branches, static_argnames="depth")
    for x in (np.ones(3), np.full(3, 0.3), -np.ones(3)):
        np.testing.assert_array_equal(f(x, depth=12), branches(x, 12))


class Split:
    def __init__(self, depth: int, value: float) -> None:
        self.value = value
        self.below = Split(depth - 1, value * 1.5) if depth else None

    def place(self, x: Any) -> Any:
        if self.below is None or x.sum() < self.value:
            return x * self.value
        return self.below.place(x)


def test_objects_in_a_chain_decided_at_run_time() -> None:
    chain = Split(12, 0.5)
    f = jit(lambda x: chain.place(x))
    for scale in (0.1, 1.0, 10.0, 1e6):
        np.testing.assert_array_equal(f(scale * np.ones(3)), chain.place(scale * np.ones(3)))


def test_an_inner_function_is_refused() -> None:
    def f(x: Any) -> Any:
        def grown(v: Any) -> Any:
            return v if v.sum() > 100 else grown(v * 2)

        return grown(x)

    with pytest.raises(UnsupportedError, match="static_argnames"):
        jit(f)(np.ones(3))


# Until a value of the run says stop ---------------------------------------------------------------


def test_one_compilation_for_all_arguments() -> None:
    f = jit(fibonacci, shapes="dynamic")
    for n in (30, 4, 0, 25):
        assert f(n) == (832040, 3, 0, 75025)[(30, 4, 0, 25).index(n)]
    assert f.stats().compilations == 1


def test_known_arguments_are_not_traced_call_by_call() -> None:
    f = jit(fibonacci)  # for exactly 30, in 1.3 million calls
    assert f(30) == 832040
    (ir,) = f.inspect_ir().values()
    assert ir.count("= recursion ") == 1
    assert ir.count("= recur ") == 2


def down(n: int) -> int:
    return 0 if n == 0 else 1 + down(n - 1)


def endless(n: int) -> int:
    return 1 + endless(n + 1) if n >= 0 else 0


def test_deeper_than_python_but_not_than_the_stack() -> None:
    f = jit(down)
    assert f(900) == 900
    assert f(5000) == 5000
    for g, n in ((f, 10**7), (jit(endless), 3)):
        with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
            g(n)
    assert f(20) == 20


@pytest.mark.parametrize("size", [64 << 10, 1 << 20, 0])
def test_in_a_thread_with_a_stack_of(size: int) -> None:
    f = jit(down, shapes="dynamic")
    assert f(3) == 3  # compiling takes a larger stack
    found: list[Any] = []

    def run() -> None:
        found.append(f(300))
        with pytest.raises(RecursionError):
            f(10**7)
        found.append(f(7))

    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert found == [300, 7]


def test_the_sign_of_zero_is_told_apart() -> None:
    def f(n: int) -> Any:
        def signed(m: int, z: float) -> Any:
            return np.copysign(1.0, z) if m <= 0 else signed(m - 1, 0.0)

        return signed(n, -0.0)

    for policy in ("auto", "dynamic"):
        g = jit(f, shapes=policy)
        assert [g(n) for n in (0, 1, 30)] == [-1.0, 1.0, 1.0]


def test_arrays_of_other_lengths_under_a_known_depth() -> None:
    def tails(n: int, a: Any) -> Any:
        return a[0] if n <= 0 else tails(n - 1, a[1:]) + a[0]

    f = jit(tails, shapes="dynamic")
    for n, a in ((4, np.arange(9)), (2, np.arange(5)), (0, np.arange(3))):
        assert f(n, a) == tails(n, a)


def test_each_pass_is_interpreted_as_deep() -> None:
    assert jit(down, debug=True, shapes="dynamic")(900) == 900


def weighted(x: Any, n: int) -> Any:
    total = 0.0
    for i in range(n):
        total += x * fibonacci(i)
    return total


def powers(x: Any, n: int) -> Any:
    return 1.0 if n == 0 else x * powers(x, n - 1)


def test_derivatives_beside_one_of_integers() -> None:
    for n in (12, 25):
        sums = sum(fibonacci(i) for i in range(n))
        assert grad(weighted)(2.0, n) == sums
        assert jvp(lambda x, n=n: weighted(x, n), (2.0,), (1.0,))[1] == sums
        np.testing.assert_array_equal(vmap(grad(weighted), in_axes=(0, None))(np.ones(3), n), sums)


def test_a_derivative_through_known_calls() -> None:
    assert grad(powers)(1.5, 4) == pytest.approx(4 * 1.5**3)
    assert jit(grad(powers))(1.5, 40) == pytest.approx(40 * 1.5**39)


def test_no_derivative_through_one_of_the_run() -> None:
    def f(x: Any, y: Any) -> Any:
        def halved(v: Any) -> Any:
            return v if v < 1 else halved(v / 2) * y

        return halved(x)

    assert jit(f)(20.0, 3.0) == f(20.0, 3.0)
    with pytest.raises(UnsupportedError, match="is not differentiated"):
        grad(f)(20.0, 3.0)


def test_a_batch() -> None:
    many = np.arange(12)
    np.testing.assert_array_equal(vmap(fibonacci)(many), [fibonacci(int(n)) for n in many])
    np.testing.assert_array_equal(jit(vmap(queens))(np.arange(1, 6)), [1, 0, 0, 2, 10])


def rising(x: Any, k: int, last: int) -> None:
    """Ends in the middle, or with IndexError."""
    if k == last:
        raise ValueError("enough")
    x[k] += 1
    rising(x, k + 1, last)
    x[k] += 100


def test_an_exception_finds_arrays_as_they_are() -> None:
    f = jit(rising, shapes="dynamic")
    for last, exc in ((3, ValueError), (9, IndexError)):
        x, y = np.zeros(5), np.zeros(5)
        for g, a in ((f, x), (rising, y)):
            with pytest.raises(exc):
                g(a, 0, last)
        np.testing.assert_array_equal(x, y)


def sorted_by_parts(x: Any) -> Any:
    y = x.copy()
    quicksort(y, 0, len(y) - 1)
    return y


def test_arrays_in_a_batch_and_under_gradients() -> None:
    x = np.random.default_rng(0).standard_normal((3, 40))
    np.testing.assert_array_equal(vmap(sorted_by_parts)(x), np.sort(x))
    with pytest.raises(UnsupportedError, match="is not differentiated"):
        grad(lambda v: sorted_by_parts(v)[0])(x[0])
    memo = np.full(21, -1)
    assert grad(lambda v: v * remembered(20, memo.copy()))(1.0) == fibonacci(20)


def test_what_calls_have_in_turn_is_copied_nowhere() -> None:
    f, x = jit(lambda v: quicksort(v, 0, len(v) - 1)), np.arange(40.0)[::-1].copy()
    f(x)
    np.testing.assert_array_equal(x, np.arange(40.0))
    assert f._dispatcher.versions()[0].artefacts.program.copies == ()


def test_what_is_no_function_of_numbers_is_refused() -> None:
    def growing(x: Any, n: Any) -> Any:
        found: list[Any] = []

        def walk(k: Any) -> Any:
            found.append(k)
            return 0 if x[k] > 2 else walk(k + 1)

        return walk(n), found

    def counting(x: Any, n: Any) -> Any:
        calls = 0

        def walk(k: Any) -> Any:
            nonlocal calls
            calls += 1
            return 0 if x[k] > 2 else walk(k + 1)

        return walk(n), calls

    def passing(x: Any, n: Any) -> Any:
        return 0 if x[n] > 2 else 1 + passing(x[1:], n)

    def returning(x: Any, n: Any) -> Any:
        return x + 1 if x[n] > 2 else returning(x, n + 1)

    def printing(x: Any, n: Any) -> Any:
        print(n)
        return 0 if x[n] > 2 else printing(x, n + 1)

    for f in (growing, counting, passing, returning, printing):
        with pytest.raises(UnsupportedError, match="numbers for numbers"):
            jit(f)(np.array([1.0, 2.0, 4.0]), np.int64(0))


def test_where_it_is_caught() -> None:
    def f(x: Any, n: Any) -> Any:
        def walk(k: Any) -> Any:
            if x[k] < 0:
                raise ValueError("negative")
            return k if x[k] > 2 else walk(k + 1)

        try:
            return walk(n)
        except ValueError:
            return -1

    with pytest.raises(UnsupportedError, match="calls itself"):
        jit(f)(np.array([1.0, 2.0, 4.0]), np.int64(0))


def test_a_call_inside_that_is_caught_is_no_part_of_one() -> None:
    def f(n: Any, x: Any) -> Any:
        if n < 0:
            raise ValueError("negative")
        if x[n] > 1:
            return f(n - 1, x) + 1
        try:
            return 1 + f(n - 2, x)
        except ValueError:
            return 100

    x = np.array([0, 2, 0, 0, 2, 0])
    with pytest.raises(UnsupportedError, match="calls itself"):
        jit(f)(np.int64(5), x)
    assert jit(f, static_argnames="n")(n=5, x=x) == f(5, x) == 103
