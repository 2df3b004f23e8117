"""Operations with an operand that is known while code is made: powers and divisions by constants.

Quotients and remainders have NumPy's bits for any operand. Powers have the values of the general
function at the edges, and are within 2 ulp elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.elementwise_loop import compile_loop
from tests.ir.scalar_samples import FLOATS, INTS, distance, samples
from tests.ir.test_lowering import lowering
from tracejit import jit
from tracejit.ir.scalar.elementary.power import _BY_PRODUCTS
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.llvm_text.emit import LLVMEmitter, Reg
from tracejit.llvm_text.emit_vector import VectorEmitter

INF = np.inf


def with_constant(name: str, value: Any, dtype: Any) -> Callable[..., Any]:
    return lambda e, x: lowering(name)(e, x, e.const(value, dtype))


def spread(dtype: Any, count: int = 4000) -> Any:
    """Every kind of float, many of them near one, whole or half."""
    rng = np.random.default_rng(2)
    integer = np.iinfo(f"i{dtype.itemsize}")
    every = rng.integers(integer.min, integer.max, count, f"i{dtype.itemsize}").view(dtype)
    return np.concatenate(
        [
            samples(dtype),
            every,
            rng.normal(size=count).astype(dtype) * 100,
            rng.integers(-50, 50, count).astype(dtype) / 2,
            (rng.normal(size=count) * 2.0 ** (dtype.itemsize * 6)).astype(dtype),
        ]
    )


def no_difference(got: Any, want: Any, x: Any, most: float = 0.0) -> None:
    bad = np.flatnonzero(~(distance(got, want) <= most))
    assert not bad.size, [(x[k], got[k], want[k]) for k in bad[:5]]


@pytest.mark.parametrize("divisor", [3.0, 1.0, -7.0, 0.1, 2.0, 1e-30, 1e30, INF, -INF, 0.0, -0.0])
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_division_by_a_constant_has_numpy_s_bits(name: str, divisor: float, dtype: Any) -> None:
    x, y = spread(dtype), dtype.type(divisor)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x, y)
    no_difference(compile_loop(with_constant(name, y, dtype), [dtype])(x), want, x)


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_division_of_anything_by_anything_has_numpy_s_bits(name: str, dtype: Any) -> None:
    x = spread(dtype, 20000)
    y = np.random.default_rng(5).permutation(x)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x, y)
    no_difference(compile_loop(lowering(name), [dtype] * 2)(x, y), want, x)


_DIVISORS = [0, 1, 2, 3, 7, 10, 64, 641, 2**31 - 1, 2**32 + 1, 2**63 - 25, 2**64 - 1]
_NEGATIVE = [-1, -2, -7, -(2**63)]


def whole(dtype: Any, divisors: list[int]) -> Any:
    """Integers of every size, and those where the quotients step."""
    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    every = rng.integers(info.min, info.max, 500, dtype, endpoint=True)
    sizes = every >> rng.integers(0, 8 * dtype.itemsize, 500).astype(dtype)
    steps = [d * (int(x) // d) + k for d in divisors if d for x in every[:50] for k in (-1, 0, 1)]
    ends = [info.min, info.min + 1, 0, 1, info.max - 1, info.max, *steps]
    found = [x for x in ends if info.min <= x <= info.max]
    return np.concatenate([every, sizes, np.array(found, dtype)])


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_division_of_integers_by_a_constant(dtype: Any, many: bool) -> None:
    info = np.iinfo(dtype)
    divisors = [d for d in _DIVISORS + _NEGATIVE if info.min <= d <= info.max]
    names = ("floor_divide", "remainder")

    def lower(e: Any, x: Any) -> Any:
        known = [e.const(d, dtype) for d in divisors]
        return tuple(lowering(name)(e, x, y) for y in known for name in names)

    x = whole(dtype, divisors)
    found = iter(compile_loop(lower, [dtype], many=many)(x))
    with np.errstate(all="ignore"):
        for d in divisors:
            for name in names:
                want = getattr(np, name)(x, dtype.type(d))
                np.testing.assert_array_equal(next(found), want, f"{name} by {d}")


def test_division_by_a_constant_is_vector_code() -> None:
    compiled = jit(lambda x: x // 7)
    x = np.arange(-500, 500)
    np.testing.assert_array_equal(compiled(x), x // 7)
    (version,) = compiled._dispatcher.versions()
    assert "sdiv" not in version.artefacts.core_text


@pytest.mark.parametrize("exponent", sorted(_BY_PRODUCTS))
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_powers_by_constants(exponent: float, dtype: Any) -> None:
    x = spread(dtype)
    lower = with_constant("pow", exponent, dtype)
    got = compile_loop(lower, [dtype])(x)
    no_difference(got, np.broadcast_to(apply(lower, x), x.shape), x)
    general = np.asarray(apply(lowering("pow"), x, np.full_like(x, exponent)))
    no_difference(got, general, x, 2.0)
    special = np.isnan(general) | np.isinf(general) | (general == 0)
    no_difference(got[special], general[special], x[special])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7, 10, 63, -2])
@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_powers_of_integers_by_constants(exponent: int, dtype: Any) -> None:
    if dtype.kind == "u" and exponent < 0:
        pytest.skip("no such exponent")
    x = samples(dtype)
    got = compile_loop(with_constant("pow", exponent, dtype), [dtype])(x)
    want = np.power(x, dtype.type(exponent)) if exponent >= 0 else np.ones_like(x)
    np.testing.assert_array_equal(got, want)


def test_what_is_known() -> None:
    scalar = LLVMEmitter([])
    for e in (scalar, VectorEmitter(scalar, 4)):
        for value, kind in ((0.1, "f8"), (-2.5, "f4"), (INF, "f8"), (-3, "i8"), (255, "u1")):
            assert e.known(e.const(value, np.dtype(kind))) == value
        assert e.known(e.fabs(e.const(1.5, np.dtype("f8")))) is None
    assert scalar.known(Reg("%x", np.dtype("f8"))) is None


def cubed(x):
    return x**3 + np.power(x, 1.5) % 3.0


def test_constants_of_a_program_reach_its_kernels() -> None:
    compiled = jit(cubed)
    x = np.linspace(0.1, 9, 1000)
    np.testing.assert_allclose(compiled(x), cubed(x), rtol=1e-14)
    (version,) = compiled._dispatcher.versions()
    assert "@table" not in version.artefacts.core_text
    assert "fdiv" not in version.artefacts.core_text.split("again")[0]
    assert version.artefacts.core_text.count("call double @llvm.fma") <= 4
