"""Pairs of `Num`s, and the products of an exponential and a rotation that complex exp, sinh and
cosh are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.ir import elementary as real
from tracejit.ir.elementary.num import DOUBLE, INF, NAN, Num, format_of, where

Pair = tuple[Num, Num]


def call(fn: Callable[..., Any], *operands: Num) -> Num:
    """A real lowering applied to `Num`s."""
    e = operands[0].e
    return Num(e, fn(e, *(x.v for x in operands)))


def multiply(a: Pair, b: Pair) -> Pair:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def exp_polar(x: Num, y: Num) -> Pair:
    """exp(x) (cos y + i sin y): large x is taken in two factors, since cos y may be small."""
    large, step = (700.0, 100.0) if format_of(x) is DOUBLE else (80.0, 10.0)
    high = x > large
    first = call(real.exp, where(high, x - step, x))
    factor = where(high, call(real.exp, x.const(step)), 1.0)
    sin, cos = call(real.sin, y), call(real.cos, y)
    re, im = first * cos * factor, first * sin * factor
    bad_angle = ~(y.abs() < INF)
    decayed, grown = x.eq(-INF) & bad_angle, x.eq(INF) & bad_angle
    re = where(decayed, 0.0, where(grown, INF, re))
    im = where(decayed, 0.0, im)
    real_axis = y.eq(0.0)
    return where(real_axis, call(real.exp, x), re), where(real_axis, y, im)


def hyperbolic(x: Num, y: Num) -> tuple[Pair, Pair]:
    """sinh and cosh of x + iy; large |x| in two factors."""
    large, step = (700.0, 100.0) if format_of(x) is DOUBLE else (80.0, 10.0)
    high = x.abs() > large
    inner = where(high, x.abs() - step, x.abs()).copysign(x)
    factor = where(high, call(real.exp, x.const(step)), 1.0)
    sinh, cosh = call(real.sinh, inner), call(real.cosh, inner)
    sin, cos = call(real.sin, y), call(real.cos, y)
    loose = ~(y.abs() < INF)
    grown, origin = x.abs().eq(INF) & loose, x.eq(0.0)
    flat = y.eq(0.0)
    sinh_re = where(grown, x, where(origin, x, sinh * cos * factor))
    sinh_im = where(flat, y, cosh * sin * factor)
    cosh_re = where(grown, INF, cosh * cos * factor)
    on_axis = where(loose, x.const(0.0), x * where(flat, y, sin))
    slanted = where(flat, x.const(0.0).copysign(x) * y, sinh * sin * factor)
    cosh_im = where(origin, on_axis, slanted)
    return (sinh_re, where(grown, NAN, sinh_im)), (cosh_re, where(grown, NAN, cosh_im))
