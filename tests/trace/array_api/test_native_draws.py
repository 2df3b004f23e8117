"""Draws in native code: NumPy's numbers, the state that NumPy leaves, its errors, its locks."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit.abi import generators
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.errors import UnsupportedError
from tracejit.ir.interpret.draws import HostDraw

BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)

#: A method, its positional arguments, and keywords; both of them as the program has them.
Row = tuple[str, tuple[Any, ...], dict[str, Any]]
F4 = {"dtype": np.float32}
CONTINUOUS: list[Row] = [
    ("uniform", (), {}),
    ("uniform", (-1.5, 3.0), {}),
    ("normal", (), {}),
    ("normal", (1.0, 2.5), {}),
    ("normal", (3, 0.0), {}),
    ("exponential", (0.5,), {}),
    ("standard_exponential", (), {}),
    ("lognormal", (0.1, 0.7), {}),
    ("laplace", (0.0, 2.0), {}),
    ("gumbel", (1.0, 2.0), {}),
    ("logistic", (1.0, 2.0), {}),
    ("triangular", (-1.0, 0.5, 2.0), {}),
    ("standard_normal", (), {}),
    ("gamma", (2.5, 1.5), {}),
    ("gamma", (0.3, 1.5), {}),
    ("standard_gamma", (1.0,), {}),
    ("standard_gamma", (7.5,), {}),
    ("chisquare", (3.0,), {}),
    ("pareto", (3.0,), {}),
    ("weibull", (1.5,), {}),
    ("power", (2.5,), {}),
    ("poisson", (3.5,), {}),
    ("poisson", (50.0,), {}),
    ("geometric", (0.6,), {}),
]
MODERN: list[Row] = [
    *CONTINUOUS,
    ("random", (), {}),
    ("random", (), F4),
    ("standard_normal", (), F4),
    ("standard_exponential", (), F4),
    ("standard_exponential", (), {"method": "inv"}),
    ("standard_exponential", (), {"method": "inv", "dtype": np.float32}),
    ("standard_gamma", (2.5,), F4),
    ("beta", (0.5, 1.5), {}),
    ("noncentral_chisquare", (3.0, 1.0), {}),
    ("f", (3.0, 4.0), {}),
    ("noncentral_f", (3.0, 4.0, 0.5), {}),
    ("standard_cauchy", (), {}),
    ("standard_t", (4.0,), {}),
    ("vonmises", (0.5, 2.0), {}),
    ("rayleigh", (2.0,), {}),
    ("wald", (1.0, 2.0), {}),
    ("binomial", (10, 0.3), {}),
    ("binomial", (200, 0.6), {}),
    ("negative_binomial", (5.0, 0.6), {}),
    ("zipf", (2.5,), {}),
    ("geometric", (0.1,), {}),
    ("logseries", (0.7,), {}),
    ("hypergeometric", (15, 20, 12), {}),
    ("integers", (10,), {}),
    ("integers", (-5, 6), {"endpoint": True}),
    ("integers", (0, 2**33), {}),
    ("integers", (0, 2**32), {}),
    ("integers", (-(2**63), 2**63 - 1), {"endpoint": True}),
    ("integers", (3, 4), {}),
    ("integers", (0, 2), {"dtype": bool}),
    ("integers", (5,), {"dtype": int}),
    *[("integers", (1, 100), {"dtype": np.dtype(c).type}) for c in "bBhHiIlL"],
    ("choice", (7,), {}),
]
LEGACY: list[Row] = [
    *CONTINUOUS,
    ("rand", (), {}),
    ("randn", (), {}),
    ("random_sample", (), {}),
    ("random", (), {}),
    ("randint", (10,), {}),
    ("randint", (-5, 2**33), {}),
    ("randint", (0, 2), {"dtype": bool}),
    *[("randint", (1, 100), {"dtype": np.dtype(c).type}) for c in "bBhHiIlL"],
    ("choice", (7,), {}),
]
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "shuffle": lambda r, x: r.shuffle(x),
    "permutation of n": lambda r, x: r.permutation(9),
    "permutation": lambda r, x: r.permutation(x),
    "choice": lambda r, x: r.choice(x[0]),
    "choice sized": lambda r, x: r.choice(x[0], (2, 2)),
}


def name_of(row: Row) -> str:
    method, args, options = row
    shown = [str(getattr(v, "__name__", v)) for v in (*args, *options.values())]
    return f"{method}({', '.join(shown)})"


def state(source: Any) -> Any:
    if isinstance(source, np.random.RandomState):
        return source.get_state(legacy=False)
    return source.bit_generator.state


@pytest.fixture
def host_draws(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that Python called."""
    seen: list[str] = []
    call = HostDraw.__call__

    def counted(self: HostDraw, *operands: Any) -> Any:
        seen.append(self.method)
        return call(self, *operands)

    monkeypatch.setattr(HostDraw, "__call__", counted)
    return seen


def program(row: Row) -> Callable[..., Any]:
    """Scalars in a loop and under a condition, and arrays, with parameters of the run."""
    method, _, options = row
    sizes = {} if method in ("rand", "randn") else {"size": (2, 3)}

    def f(rng: Any, n: int, args: tuple[Any, ...]) -> Any:
        draw = getattr(rng, method)
        kept = np.zeros(n)
        for i in range(n):
            kept[i] = draw(*args, **options)
            if kept[i] > 0.7:
                kept[i] += draw(*args, **options)
        while n > 3 and draw(*args, **options) > kept[0]:
            n -= 1
        return kept, draw(*args, **options), draw(*args, **options, **sizes)

    return f


def constant(row: Row) -> Callable[[Any], Any]:
    """The same with parameters that are known when compiling."""
    method, args, options = row
    return lambda rng: (getattr(rng, method)(*args, **options),) * 2


def check(f: Callable[..., Any], sources: list[tuple[Any, Any]], *args: Any) -> None:
    compiled = tracejit.jit(f, shapes="dynamic")
    for ours, plain in sources:
        same(compiled(ours, *args), f(plain, *args))
        np.testing.assert_equal(state(ours), state(plain))


def same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            same(x, y)
        return
    assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
    np.testing.assert_array_equal(a, b)


def modern() -> list[tuple[Any, Any]]:
    return [tuple(np.random.Generator(b(5)) for _ in range(2)) for b in BITS]  # type: ignore[misc]


def legacy() -> list[tuple[Any, Any]]:
    odd = [tuple(np.random.RandomState(np.random.PCG64(5)) for _ in range(2))]
    return [tuple(np.random.RandomState(5) for _ in range(2)), *odd]  # type: ignore[list-item]


@pytest.mark.parametrize("row", MODERN, ids=name_of)
def test_generators(row: Row, host_draws: list[str]) -> None:
    check(program(row), modern(), 9, row[1])
    assert not host_draws


@pytest.mark.parametrize("row", LEGACY, ids=name_of)
def test_random_states(row: Row, host_draws: list[str]) -> None:
    check(program(row), legacy(), 9, row[1])
    assert not host_draws or generators.legacy_function("log") is None


@pytest.mark.parametrize("row", MODERN[::3], ids=name_of)
def test_constant_parameters(row: Row, host_draws: list[str]) -> None:
    check(constant(row), modern()[:2])
    assert not host_draws


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.bool_, np.complex128])
@pytest.mark.parametrize("name", ORDERS)
def test_orders(name: str, dtype: Any, kind: Any, host_draws: list[str]) -> None:
    order = ORDERS[name]

    def f(rng: Any, x: Any) -> Any:
        found = [order(rng, x) for _ in range(2)]
        return found[1], x

    compiled = tracejit.jit(f)
    ours, plain = kind(3), kind(3)
    for shape in ((4, 3), (1, 6), (3, 5)):
        x = (np.arange(np.prod(shape)) % 7).reshape(shape).astype(dtype)
        same(compiled(ours, x.copy()), f(plain, x.copy()))
        same(compiled(ours, x.T.copy().T), f(plain, x.T.copy().T))
    np.testing.assert_equal(state(ours), state(plain))
    assert not host_draws or dtype is np.complex128


# What is refused, and where --------------------------------------------------------------------

WRONG: list[Row] = [
    ("normal", (0.0, -1.0), {}),
    ("normal", (0.0, -0.0), {}),
    ("exponential", (-2.0,), {}),
    ("uniform", (0.0, np.inf), {}),
    ("uniform", (-1e308, 1e308), {}),
    ("uniform", (3.0, 1.0), {}),
    ("triangular", (0.0, 2.0, 1.0), {}),
    ("triangular", (1.0, 1.0, 1.0), {}),
    ("poisson", (-1.0,), {}),
    ("poisson", (1e30,), {}),
    ("poisson", (np.nan,), {}),
    ("geometric", (0.0,), {}),
    ("geometric", (1.5,), {}),
    ("binomial", (-3, 0.5), {}),
    ("binomial", (3, 1.5), {}),
    ("binomial", (3, np.nan), {}),
    ("gamma", (-1.0, 1.0), {}),
    ("pareto", (0.0,), {}),
    ("power", (-1.0,), {}),
    ("hypergeometric", (-1, 3, 2), {}),
    ("hypergeometric", (1, 1, 5), {}),
    ("hypergeometric", (2 * 10**9, 1, 5), {}),
    ("negative_binomial", (-1.0, 0.5), {}),
    ("negative_binomial", (1e20, 0.6), {}),
    ("logseries", (1.0,), {}),
    ("zipf", (1.0,), {}),
    ("choice", (0,), {}),
    ("choice", (-2,), {}),
]
#: Parameters that NumPy takes and the native rows leave to it.
RARE: list[Row] = [
    ("normal", (np.nan, 1.0), {}),
    ("normal", (0.0, np.nan), {}),
    ("uniform", (np.nan, 1.0), {}),
    ("exponential", (np.inf,), {}),
    ("exponential", (0.0,), {}),
    ("standard_gamma", (0.0,), {}),
    ("weibull", (0.0,), {}),
    ("geometric", (0.01,), {}),
    ("geometric", (1.0,), {}),
    ("negative_binomial", (3.0, 0.1), {}),
    ("binomial", (0, 0.5), {}),
    ("binomial", (10, 0.0), {}),
    ("poisson", (0.0,), {}),
    ("normal", (True, np.float32(2.0)), {}),
    ("uniform", (np.int8(-3), np.uint64(2**63)), {}),
]
BOUNDS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((5, 5), {}),
    ((5, 4), {}),
    ((0,), {}),
    ((-(2**63), -(2**63)), {}),
    ((0, 300), {"dtype": np.uint8}),
    ((0, 256), {"dtype": np.uint8}),
    ((-1, 5), {"dtype": np.uint16}),
    ((-1, 5), {"dtype": np.uint64}),
    ((-129, 5), {"dtype": np.int8}),
    ((0, 3), {"dtype": bool}),
]


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except (ValueError, OverflowError, TypeError) as error:
        return type(error), str(error)


def half_way(row: Row) -> Callable[..., Any]:
    """Draws that succeed, a write, and then one with the parameters of the row."""
    method, args, options = row

    def f(rng: Any, x: Any, args: tuple[Any, ...]) -> Any:
        total = 0.0
        for i in range(4):
            x[i] = rng.uniform(1.0, 2.0)
            if i == 2:
                total += getattr(rng, method)(*args, **options)
        return total, rng.normal()

    return f


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("row", [*WRONG, *RARE], ids=name_of)
def test_parameters_at_the_edge(row: Row, kind: Any) -> None:
    f = half_way(row)
    compiled = tracejit.jit(f)
    ours, plain = kind(3), kind(3)
    for _ in range(2):
        arrays = np.zeros(4), np.zeros(4)
        want = outcome(f, plain, arrays[0], row[1])
        np.testing.assert_equal(outcome(compiled, ours, arrays[1], row[1]), want)
        np.testing.assert_array_equal(*arrays)
        np.testing.assert_equal(state(ours), state(plain))
    assert not held_elsewhere(ours)


@pytest.mark.parametrize(("args", "options"), BOUNDS)
def test_bounds_of_integers(args: Any, options: Any) -> None:
    for kind, method in ((np.random.default_rng, "integers"), (np.random.RandomState, "randint")):
        f = half_way((method, args, options))
        ours, plain = kind(3), kind(3)
        want = outcome(f, plain, np.zeros(4), args)
        np.testing.assert_equal(outcome(tracejit.jit(f), ours, np.zeros(4), args), want)
        np.testing.assert_equal(state(ours), state(plain))


# Whose state, and when --------------------------------------------------------------------------


def held_elsewhere(source: Any) -> bool:
    """Whether another thread cannot have the lock of a generator."""
    lock, got = source._bit_generator.lock, []
    thread = threading.Thread(target=lambda: got.append(lock.acquire(timeout=5)))
    thread.start()
    thread.join()
    return not got[0]


def walk(rng: Any, n: int) -> float:
    s = 0.0
    for _ in range(n):
        s += rng.random() + rng.standard_normal()
    return s


def test_a_generator_that_was_copied_pickled_or_set_back() -> None:
    compiled = tracejit.jit(walk)
    for kind in (np.random.default_rng, np.random.RandomState):
        first = kind(4)
        compiled(first, 9)
        others = copy.deepcopy(first), pickle.loads(pickle.dumps(first))
        want = walk(copy.deepcopy(first), 9)
        assert [compiled(g, 9) for g in (*others, first)] == [want] * 3
    rng = np.random.default_rng(4)
    before = rng.bit_generator.state
    first_time = compiled(rng, 5)
    rng.bit_generator.state = before
    assert compiled(rng, 5) == first_time
    legacy_rng = np.random.RandomState(4)
    first_time = compiled(legacy_rng, 5)
    legacy_rng.seed(4)
    assert compiled(legacy_rng, 5) == first_time


def test_two_generators_of_one_bit_generator() -> None:
    def f(a: Any, b: Any, n: int) -> Any:
        out = np.zeros((n, 2))
        for i in range(n):
            out[i, 0] = a.random()
            out[i, 1] = b.normal()
        return out

    compiled = tracejit.jit(f)
    for _ in range(2):
        ours, plain = np.random.PCG64(3), np.random.PCG64(3)
        pairs = [[np.random.Generator(bits) for _ in range(2)] for bits in (ours, plain)]
        same(compiled(*pairs[0], 6), f(*pairs[1], 6))
        same(compiled(*pairs[0][:1], *pairs[0][:1], 6), f(*pairs[1][:1], *pairs[1][:1], 6))
        assert ours.state == plain.state
        assert not held_elsewhere(pairs[0][0])


def test_numpys_global_generator_and_its_bit_generator() -> None:
    def f(n: int) -> Any:
        s = 0.0
        for _ in range(n):
            s += np.random.random() + np.random.randn() + np.random.randint(7)
        np.random.seed(n)
        return s, np.random.rand(), np.random.uniform(1, 2, 3)

    compiled = tracejit.jit(f)
    before = np.random.get_bit_generator()
    try:
        for n in (4, 5):
            np.random.seed(9)
            want = f(n), np.random.get_state()[2:]
            np.random.seed(9)
            np.testing.assert_equal((compiled(n), np.random.get_state()[2:]), want)
        for bits in (np.random.MT19937(8), np.random.MT19937(9)):
            np.random.set_bit_generator(copy.deepcopy(bits))
            want = f(4)
            np.random.set_bit_generator(bits)
            np.testing.assert_equal(compiled(4), want)
    finally:
        np.random.set_bit_generator(before)


class Own(np.random.Generator):
    """A generator of a class of the user's, whose methods may be others."""


def test_a_generator_of_a_class_of_the_users_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="would draw once"):
        tracejit.jit(walk)(Own(np.random.PCG64(3)), 5)


def test_interleaved_with_what_numpy_does(host_draws: list[str]) -> None:
    def f(rng: Any, n: int) -> Any:
        s = 0.0
        for _ in range(n):
            s += rng.integers(100) + rng.dirichlet([1.0, 2.0])[0] + rng.integers(0, 2, dtype=bool)
            s += rng.normal(np.arange(3.0)).sum() + rng.random()
        return s

    check(f, modern(), 5)
    assert {"dirichlet", "normal"} == set(host_draws)


def test_sizes_of_the_run() -> None:
    def f(rng: Any, n: int, m: int) -> Any:
        x = rng.normal(0.5, 2.0, (n, m))
        x[:, 0] = rng.random(n)
        return x, rng.integers(9, size=m), rng.permutation(n)

    compiled = tracejit.jit(f, shapes="dynamic")
    ours, plain = np.random.default_rng(3), np.random.default_rng(3)
    for sizes in ((4, 3), (5, 2), (7, 7), (0, 3), (1, 1)):
        same(compiled(ours, *sizes), f(plain, *sizes))
    assert outcome(compiled, ours, -1, 3) == outcome(f, plain, -1, 3)
    order = tracejit.jit(lambda r, n: r.permutation(n), shapes="dynamic")
    for n in (4, -2, 0):
        same(order(ours, n), plain.permutation(n))
    assert state(ours) == state(plain)


def test_vmap_and_derivatives_draw_as_before() -> None:
    def loss(w: Any, rng: Any) -> Any:
        s = 0.0
        for _ in range(5):
            s += (w * rng.normal() - rng.random()) ** 2
        return s

    rng = np.random.default_rng(0)
    noise = [(rng.normal(), rng.random()) for _ in range(5)]
    want = sum(2 * (3.0 * a - b) * a for a, b in noise)
    assert tracejit.grad(loss)(3.0, np.random.default_rng(0)) == pytest.approx(want)
    over = tracejit.vmap(lambda w: w * np.random.normal(), in_axes=0)
    np.random.seed(1)
    want = np.arange(4.0) * [np.random.normal() for _ in range(4)]
    np.random.seed(1)
    np.testing.assert_array_equal(over(np.arange(4.0)), want)


def test_caught_in_a_loop_the_native_draws_go_on() -> None:
    def f(rng: Any, scales: Any) -> Any:
        failed = 0
        s = 0.0
        for scale in scales:
            try:
                s += rng.normal(0.0, scale)
                s += rng.integers(int(scale), 3)
            except ValueError:
                failed += 1
        return s, failed

    check(f, modern()[:2], np.array([1.0, -1.0, 2.0, 4.0, 0.5]))


# Threads, locks and lifetimes -------------------------------------------------------------------


def test_threads_share_one_generator() -> None:
    """NumPy fills arrays without the GIL; each number is drawn once, whoever draws it."""
    compiled = tracejit.jit(walk_uniform)
    rng, million = np.random.Generator(np.random.PCG64(2)), 1_000_000
    large = np.zeros(million)  # a call on that much lets go of the GIL
    compiled(rng, 2, large), compiled(rng, 3, large[:9])
    sums: list[float] = []
    in_threads(
        [
            lambda: sums.append(sum(rng.random(million // 10).sum() for _ in range(50))),
            lambda: sums.append(compiled(rng, 6 * million, large)),
            lambda: sums.append(compiled(rng, million, large[:9])),
        ]
    )
    plain = np.random.Generator(np.random.PCG64(2))
    plain.random(5)
    assert sum(sums) == pytest.approx(sum(plain.random(million).sum() for _ in range(12)))
    assert plain.bit_generator.state == rng.bit_generator.state


@pytest.mark.parametrize("size", [9, 1_000_000])
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_a_draw_waits_for_the_lock(kind: Any, size: int) -> None:
    compiled, rng, x = tracejit.jit(walk_uniform), kind(2), np.zeros(size)
    compiled(rng, 2, x), compiled(rng, 3, x)
    before, found = state(rng), list[float]()
    thread = threading.Thread(target=lambda: found.append(compiled(rng, 5, x)), daemon=True)
    with rng._bit_generator.lock:
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        np.testing.assert_equal(state(rng), before)
    thread.join(60)
    assert len(found) == 1
    assert not held_elsewhere(rng)


def walk_uniform(rng: Any, n: int, x: Any) -> float:
    s = x[0]
    for _ in range(n):
        s += rng.random()
    return s


def in_threads(jobs: list[Callable[[], Any]]) -> None:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "threads wait for one another"


def test_threads_that_draw_from_two_generators_do_not_wait_for_one_another() -> None:
    def f(a: Any, b: Any, n: int) -> float:
        s = 0.0
        for i in range(n):
            s += a.random()
            s += b.random()
            if i % 100 == 0:
                s += np.random.default_rng(i).dirichlet([1.0, 2.0])[0]
        return s

    compiled = tracejit.jit(f)
    a, b = np.random.default_rng(1), np.random.default_rng(2)
    compiled(a, b, 2), compiled(a, b, 3)
    in_threads([lambda: compiled(a, b, 20_000), lambda: compiled(b, a, 20_000)] * 2)


def test_the_host_may_wait_for_a_thread_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)

    class Out:
        def write(self, text: str) -> int:
            in_threads([lambda: rng.random(3)])
            return len(text)

        def flush(self) -> None: ...

    def f(g: Any, n: int) -> float:
        s = 0.0
        for _ in range(n):
            s += g.random()
            print(n)
        return s

    compiled = tracejit.jit(f)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Out())
        compiled(rng, 3)
    assert not held_elsewhere(rng)


def test_a_generator_outside_lives_as_long_as_the_code() -> None:
    rng = np.random.default_rng(3)
    compiled = tracejit.jit(lambda: rng.random())
    compiled()
    tables = [x for x in gc.get_objects() if type(x) is HostTable]
    assert any(held is rng for table in tables for held in table.held)


def test_generators_made_inside_are_let_go_of() -> None:
    def f(n: int) -> float:
        s = 0.0
        for i in range(n):
            rng = np.random.default_rng(i)
            s += rng.random() + rng.integers(3)
        return s

    def alive() -> int:
        gc.collect()
        return sum(type(x) is np.random.Generator for x in gc.get_objects())

    compiled = tracejit.jit(f)
    assert [compiled(4), compiled(5)] == [f(4), f(5)]
    before = alive()
    assert compiled(50) == f(50)
    assert alive() <= before
