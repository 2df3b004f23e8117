"""Rows of draws, and programs that make them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import tracejit

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


def held_elsewhere(source: Any) -> bool:
    """Whether another thread cannot have the lock of a generator."""
    lock, got = source._bit_generator.lock, []
    thread = threading.Thread(target=lambda: got.append(lock.acquire(timeout=5)))
    thread.start()
    thread.join()
    return not got[0]


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except (ValueError, OverflowError, TypeError) as error:
        return type(error), str(error)
