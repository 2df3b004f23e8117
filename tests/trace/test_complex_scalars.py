"""Complex scalars with real ones: a Python complex meets an np.float64 on its right as a float."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.trace.convert.symbols import BINARY, COMPARED

F = np.float64(0.1)
REALS = [np.float64(0.3), np.float32(0.3), np.int64(3), 0.3, 3]
COMPLEXES = [0.7 + 0.3j, np.complex128(0.7 + 0.3j), np.complex64(0.7 + 0.3j)]
PAIRS = [
    *itertools.product(COMPLEXES, REALS),
    *itertools.product(REALS, COMPLEXES),
    *itertools.product(COMPLEXES, COMPLEXES),
]


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        result = f(*args)
    except (TypeError, ZeroDivisionError) as error:
        return type(error), str(error)
    results = result if isinstance(result, tuple) else (result,)
    return [(type(r), np.asarray(r).tobytes()) for r in results]


def operators(a: Any, b: Any) -> tuple[Any, ...]:
    return a + b, a - b, a * b, a == b, a != b


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_operators(a: Any, b: Any) -> None:
    assert outcome(jit(operators), a, b) == outcome(operators, a, b)


@pytest.mark.parametrize("symbol", ["/", "**"])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_types_of_quotients_and_powers(symbol: str, a: Any, b: Any) -> None:
    f = BINARY[symbol]

    def operate(a: Any, b: Any) -> Any:
        return f(a, b)

    want, got = operate(a, b), jit(operate)(a, b)
    assert type(got) is type(want)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def constants_left(x: Any) -> Any:
    return 2j + x, 2j - x, 2j * x, (1 + 2j) / x, 2j == x, 2j != x, x == 2j, x + 2j, x * 2j


def constants_right(z: Any) -> Any:
    return z + F, z - F, z * F, z / F, z == F, F == z, F + z, z + np.float32(1)


def accumulated(x: Any) -> Any:
    z = 0j
    for v in x:
        z += v
    return z


def scaled(z: Any, x: Any) -> Any:
    z *= x
    return z


def elements(x: Any) -> Any:
    return 2j + x[0], 2j * x.mean(), x[0] + 2j, 2j + x.sum()


def grown(n: Any, x: Any) -> Any:
    z = 1j
    while abs(z) < n:
        z = z * x
    return z


def either(x: Any, p: Any) -> Any:
    y = x if p else 2.0
    return 2j * y, y * 2j


def quotient(z: Any, x: Any) -> Any:
    return z / x


def remainder(x: Any) -> Any:
    return 2j % x


CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (constants_left, (F,)),
    (constants_left, (np.float32(0.1),)),
    (constants_right, (0.3 + 0.7j,)),
    (constants_right, (np.complex128(0.3 + 0.7j),)),
    (accumulated, (np.arange(3.0) + 0.1,)),
    (accumulated, (np.zeros(0),)),
    (scaled, (2j, F)),
    (scaled, (np.complex128(2j), F)),
    (elements, (np.arange(3.0) + 0.1,)),
    (elements, (np.arange(3.0).astype("f4"),)),
    (grown, (9.0, np.float64(1.7))),
    (either, (np.float64(3), True)),
    (either, (np.float64(3), False)),
    (quotient, (2j, np.float64(0))),
    (remainder, (F,)),
]


@pytest.mark.parametrize(("f", "args"), CASES)
def test_programs(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert outcome(jit(f), *args) == outcome(f, *args)


EDGES = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e308, 5e-324]
REAL_EDGES = [*EDGES, 0, -3, True]
COMPLEX_EDGES = [complex(*parts) for parts in itertools.product(EDGES, repeat=2)]
SOME = [complex(*parts) for parts in np.random.default_rng(0).normal(size=(200, 2)).tolist()]


@pytest.mark.parametrize(
    "pairs",
    [
        [*itertools.product(COMPLEX_EDGES, COMPLEX_EDGES), *zip(SOME, SOME[::-1])],
        [*itertools.product(COMPLEX_EDGES, REAL_EDGES), *zip(SOME, [z.real for z in SOME[::-1]])],
        [*itertools.product(REAL_EDGES, COMPLEX_EDGES), *zip([z.real for z in SOME], SOME[::-1])],
    ],
    ids=["two complex", "a real right", "a real left"],
)
def test_arithmetic_of_python_s_numbers_bit_for_bit(pairs: list[tuple[Any, Any]]) -> None:
    """Signs of zeros, infinities and nan, too, of which the versions of Python differ."""
    plain, divided = jit(lambda z, w: (z + w, z - w, z * w)), jit(quotient)
    for z, w in pairs:
        assert repr(plain(z, w)) == repr((z + w, z - w, z * w)), (z, w)
        if w:
            assert repr(divided(z, w)) == repr(z / w), (z, w)


def test_quotients_by_numpy_s_reals() -> None:
    compiled = jit(quotient)
    for z, c in itertools.product(COMPLEX_EDGES, EDGES):
        if c:
            assert repr(compiled(z, np.float64(c))) == repr(z / np.float64(c)), (z, c)


def test_comparisons_with_every_symbol() -> None:
    for symbol, f in COMPARED.items():

        def compare(z: Any, x: Any, f: Any = f) -> Any:
            return f(z, x)

        assert outcome(jit(compare), 2 + 0j, F) == outcome(compare, 2 + 0j, F), symbol


def shows(z: Any) -> None:
    print(repr(z), [z], f"{z!r} {z}", {1: z * 2})
    raise ValueError(f"{z!r} or {z}", [z])


@pytest.mark.parametrize("z", [1.5 + 2j, 2j, complex(-0.0, 2), complex(1, -0.0)])
@pytest.mark.parametrize("kind", [complex, np.complex128, np.complex64])
def test_texts(kind: type, z: complex, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for f in (shows, jit(shows)):
        with pytest.raises(ValueError) as caught:
            f(kind(z))
        found.append((capsys.readouterr().out, repr(caught.value)))
    assert found[0] == found[1]
