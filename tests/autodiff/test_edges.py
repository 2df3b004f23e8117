"""Every elementary row at its poles, branch points and along its cuts, real and complex.

Forward and reverse mode agree at orders 1 and 2 wherever they are, and where the derivative is a
number it is the slope of NumPy's function, on a cut along it and on the side that the sign of a
zero says.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.autodiff.test_rows import run
from tests.ops.samples import Case, accepted
from tracejit import grad
from tracejit import vjp as transposed
from tracejit.autodiff import jvp, vjp
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function
from tracejit.ir.types import dtype_of, tensor

PARTS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0]
REAL = np.array([*PARTS, 1e-20, 30.0, -30.0, 1e200, -1e200, np.inf, -np.inf, np.nan])
COMPLEX = np.array([complex(a, b) for a, b in product(PARTS, PARTS)])
#: Cuts on the imaginary axis; those of the others are on the real one.
UPRIGHT = ("arctan", "arcsinh")
#: Not complex differentiable: forward and reverse are different numbers.
MIXED = ("abs", "sign", "conj")
#: Kinks, jumps and essential singularities, where differences say nothing.
SINGULAR = {
    "cbrt": [0.0, 1e-20],
    "abs": [0.0, 1e-20],
    "sign": [0.0, 1e-20],
    **{name: [1e-20] for name in ("gamma", "lgamma", "polygamma")},
    "frexp_mantissa": [a for a in REAL if abs(a) in (0.0, 1e-20, 0.5, 1.0, 2.0)],
}


def derivatives(name: str, at: Any) -> dict[str, Any]:
    """``f r`` of order 1 and ``ff fr rf rr`` of order 2, elementwise at many points."""
    b = Builder(name)
    x = b.param(tensor(dtype_of(at.dtype), at.shape))
    function = b.build([b.op(name, x)])
    one = np.ones_like(at)

    def along(f: Function) -> Function:
        made = jvp(f, [0])
        return Function(made.name, made.params, made.instrs, made.results[-1:])

    def back(f: Function) -> Function:
        made = vjp(f, [0])
        return Function(made.name, made.params, made.instrs, made.results[-1:])

    made: dict[str, Function] = {"f": along(function), "r": back(function)}
    for first, outer in product("fr", "fr"):
        made[outer + first] = (along if outer == "f" else back)(made[first])
    seeds = {k: len(f.params) - 1 for k, f in made.items()}
    with np.errstate(all="ignore"):
        return {k: run(f, [at] + [one] * seeds[k])[0] for k, f in made.items()}


def slopes(name: str, at: Any) -> Any:
    """Differences of order four, in the direction that does not cross a cut."""
    f = TABLE[name].eval
    assert f is not None
    h = 3e-4

    def moved(k: float) -> Any:
        if at.dtype.kind != "c":
            return f(at + k * h)
        up = (name in UPRIGHT) & (at.real == 0)
        out = np.empty_like(at)  # by parts: a sum with 0j would lose the sign of a zero
        out.real = np.where(up, at.real, at.real + k * h)
        out.imag = np.where(up, at.imag + k * h, at.imag)
        return f(out)

    turn = np.where((name in UPRIGHT) & (at.real == 0), 1j, 1) if at.dtype.kind == "c" else 1
    with np.errstate(all="ignore"):
        near, far = moved(1) - moved(-1), moved(2) - moved(-2)
        return (8 * near - far) / (12 * h) / turn


def alike(found: dict[str, Any], order: int, points: Any) -> None:
    group = {k: v for k, v in found.items() if len(k) == order}
    first = next(iter(group.values()))
    scale = 1e-12 * np.nanmax(np.abs(np.where(np.isfinite(first), first, 0)), initial=1.0)
    for mode, value in group.items():
        number = np.isfinite(first)
        np.testing.assert_array_equal(number, np.isfinite(value), f"{mode} {points}")
        np.testing.assert_allclose(
            value[number], first[number], rtol=1e-10, atol=scale, err_msg=mode
        )


def _unary(points: Any) -> list[str]:
    """Differentiable elementwise rows of one operand that take such points."""
    found = [p for p in TABLE.values() if p.kind == "elementwise" and p.arity == 1]
    smooth = [p.name for p in found if p.differentiable and p.samples.smooth_in]
    return [
        n for n in smooth if n not in ("convert", "real", "imag") and accepted(Case(n, (points,)))
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", _unary(REAL))
def test_real(name: str) -> None:
    found = derivatives(name, REAL)
    alike(found, 1, REAL)
    alike(found, 2, REAL)
    want = slopes(name, REAL)
    kept = np.isfinite(found["r"]) & np.isfinite(want) & (np.abs(REAL) < 1e100)
    kept &= ~np.isin(REAL, SINGULAR.get(name, []))
    np.testing.assert_allclose(found["r"][kept], want[kept], rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in _unary(COMPLEX) if n not in MIXED])
def test_complex(name: str) -> None:
    found = derivatives(name, COMPLEX)
    alike(found, 1, COMPLEX)
    alike(found, 2, COMPLEX)
    want = slopes(name, COMPLEX)
    kept = np.isfinite(found["r"]) & np.isfinite(want)
    assert kept.sum() > 40
    np.testing.assert_allclose(found["r"][kept], want[kept], rtol=1e-5, atol=1e-6)


def overflows_beside(x: Any, n: int) -> Any:
    v, y = x.copy(), x * 1.0
    for _ in range(n):
        v *= v * 1e200
        y = y * x
    return y.sum()


def overflows_in_a_branch(x: Any, n: int) -> Any:
    v, y = x * 1e200, x * 1.0
    if x[0] > 0:
        v = v * v
        y = y * n
    return y.sum()


def overflows_inside_of_a_loop(x: Any, n: int) -> Any:
    v, y = x.copy(), x * 1.0
    for _ in range(n):
        for _ in range(2):
            v *= v * 1e200
            y = y * x
    return y.sum()


@pytest.mark.parametrize(
    ("f", "power"),
    [(overflows_beside, 4), (overflows_in_a_branch, 1), (overflows_inside_of_a_loop, 7)],
)
def test_what_no_result_depends_on_has_no_cotangent(f: Any, power: int) -> None:
    """Zero times what has overflowed is nan."""
    x = np.array([1.5, 2.0])
    factor = 3.0 if power == 1 else power
    want = factor * x ** (power - 1)
    np.testing.assert_allclose(grad(f)(x, 3), want, rtol=1e-14)
    _, pull = transposed(lambda x: f(x, 3), x)
    np.testing.assert_allclose(pull(1.0)[0], want, rtol=1e-14)
