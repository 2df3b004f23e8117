"""Pairs of `Num`s, and the products of an exponential and a rotation that complex exp, sinh and
cosh are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tracejit.ir.scalar import elementary as real
from tracejit.ir.scalar.elementary.num import DOUBLE, INF, NAN, Num, format_of, where
from tracejit.ir.scalar.emit import ComplexPair, Emitter

Pair = tuple[Num, Num]


def complex_function(fn: Callable[..., Pair]) -> Callable[..., Any]:
    """Turns a function of pairs of `Num`s into a lowering on `ComplexPair`s, always strict."""

    @wraps(fn)
    def lower(e: Emitter, *operands: ComplexPair) -> ComplexPair:
        with e.strict():
            re, im = fn(*((Num(e, z.re), Num(e, z.im)) for z in operands))
        return ComplexPair(re.v, im.v)

    return lower


def call(fn: Callable[..., Any], *operands: Num) -> Num:
    """A real lowering applied to `Num`s."""
    e = operands[0].e
    return Num(e, fn(e, *(x.v for x in operands)))


def multiply(a: Pair, b: Pair) -> Pair:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def divide(a: Pair, b: Pair) -> Pair:
    """Smith's algorithm (1962), as NumPy: scale by the larger part of the divisor."""
    wide = b[0].abs() >= b[1].abs()
    big, small = where(wide, b[0], b[1]), where(wide, b[1], b[0])
    zero = big.eq(0.0)
    ratio = small / big
    scale = 1.0 / (big + small * ratio)
    re = where(wide, a[0] + a[1] * ratio, a[0] * ratio + a[1]) * scale
    im = where(wide, a[1] - a[0] * ratio, a[1] * ratio - a[0]) * scale
    divisor = b[0].abs()
    return where(zero, a[0] / divisor, re), where(zero, a[1] / divisor, im)


def _reduced(x: Num) -> tuple[Num, Callable[[Num], Num]]:
    """x less one or two steps where exp(x) overflows, and the product with exp of those steps.

    The least sine is the least subnormal: its product with exp(x) may be finite at twice the x.
    """
    large, step, larger = (700.0, 380.0, 1080.0) if format_of(x) is DOUBLE else (80.0, 55.0, 140.0)
    high, higher = x > large, x > larger
    size = call(real.exp, x.const(step))
    one, two = where(high, size, 1.0), where(higher, size, 1.0)
    less = where(high, x - where(higher, x.const(2.0 * step), step), x)
    return less, lambda product: product * one * two


def exp_polar(x: Num, y: Num) -> Pair:
    """exp(x) (cos y + i sin y)."""
    less, restored = _reduced(x)
    first = call(real.exp, less)
    sin, cos = call(real.sin, y), call(real.cos, y)
    re, im = restored(first * cos), restored(first * sin)
    bad_angle = ~(y.abs() < INF)
    decayed, grown = x.eq(-INF) & bad_angle, x.eq(INF) & bad_angle
    re = where(decayed, 0.0, where(grown, INF, re))
    im = where(decayed, y.const(0.0).copysign(y), im)
    real_axis = y.eq(0.0)
    return where(real_axis, call(real.exp, x), re), where(real_axis, y, im)


def hyperbolic(x: Num, y: Num) -> tuple[Pair, Pair]:
    """sinh and cosh of x + iy."""
    less, restored = _reduced(x.abs())
    inner = less.copysign(x)
    sinh, cosh = call(real.sinh, inner), call(real.cosh, inner)
    sin, cos = call(real.sin, y), call(real.cos, y)
    loose = ~(y.abs() < INF)
    grown, origin = x.abs().eq(INF) & loose, x.eq(0.0)
    flat = y.eq(0.0)
    on_origin = where(loose, x, x * cos)
    sinh_re = where(grown, INF, where(origin, on_origin, restored(sinh * cos)))
    sinh_im = where(flat, y, restored(cosh * sin))
    cosh_re = where(grown, INF, restored(cosh * cos))
    on_axis = where(loose, x.const(0.0), x * where(flat, y, sin))
    flat_im = where(x.isnan(), y, x.const(0.0).copysign(x) * y)
    slanted = where(flat, flat_im, restored(sinh * sin))
    cosh_im = where(origin, on_axis, slanted)
    return (sinh_re, where(grown, NAN, sinh_im)), (cosh_re, where(grown, NAN, cosh_im))
