"""sinh and cosh by polynomials of both, tanh from exp; their inverses from log1p of two floats."""

from __future__ import annotations

from tracejit.ir.scalar.elementary.exponential import (
    exp_less_one,
    low_bits,
    power_of_two,
    reduce,
)
from tracejit.ir.scalar.elementary.logarithm import log_of_sum
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    Num,
    elementary,
    fma,
    format_of,
    half_inverse_root,
    inverse,
    poly,
    smaller,
    two_product,
    two_sum,
    where,
)


def _sum_of_exponentials(a: Num, sign: float) -> Num:
    """e**a + sign e**-a, over 2, for a >= 0: with a = n ln 2 + r and q = 4**-n,
    2**(n - 1) ((1 + sign q) cosh r + (1 - sign q) sinh r)."""
    f = format_of(a)
    top, lost = (710.5, 32) if f is DOUBLE else (89.5, 16)  # infinite; q lost beside 1
    shifted, rh, rl = reduce(smaller(a, top))
    few = low_bits(smaller(shifted, f.magic + 2 * f.bias + lost))
    q = (few.const((5 * f.bias) << f.mantissa) - (few << (f.mantissa + 1))).floats()
    signed = q if sign > 0 else -q
    c, d = 1.0 + signed, 1.0 - signed
    z = rh * rh
    beyond = fma(rh * z, poly(z, f.table("SINH")), rl)
    h = fma(d, rh, c)
    lost_of_c = (1.0 - c) + signed
    rest = fma(d, beyond, fma(d, rh, c - h) + lost_of_c)
    rest = fma(c, z * poly(z, f.table("COSH")), rest)
    return (h + rest) * power_of_two(f, low_bits(shifted), -2) * 2.0


@elementary
def sinh(x: Num) -> Num:
    """Hyperbolic sine."""
    a = x.abs()
    r = _sum_of_exponentials(a, -1.0)
    return where(a < format_of(x).tiny, x, r.copysign(x))


@elementary
def cosh(x: Num) -> Num:
    """Hyperbolic cosine."""
    return _sum_of_exponentials(x.abs(), 1.0)


@elementary
def tanh(x: Num) -> Num:
    """Hyperbolic tangent: an odd polynomial up to 0.55, 1 - 2 / (e**(2|x|) + 1) beyond."""
    f = format_of(x)
    a = smaller(x.abs(), 20.0)
    z = a * a
    near = fma(a * z, poly(z, f.table("TANH")), a)
    n, q = exp_less_one(2.0 * a)
    scale = power_of_two(f, n)
    far = fma(inverse(fma(q, scale, scale + 1.0)), -2.0, a.const(1.0))
    return where(a < 0.55, near, far).copysign(x)


@elementary
def arcsinh(x: Num) -> Num:
    """log(|x| + sqrt(x*x + 1)) = log1p(|x| + x*x / (1 + sqrt(1 + x*x))), odd."""
    f = format_of(x)
    a = x.abs()
    big = a > f.huge
    b = where(big, 1.0, a)
    root = fma(b, b, 1.0).sqrt()
    uh, ul = two_sum(b, b * b / (root + 1.0))
    vh, vl = two_sum(b.const(1.0), uh)
    r = log_of_sum(where(big, smaller(a, f.max), vh), where(big, 0.0, vl + ul), double=big)
    r = where(a < INF, r, a)
    return where(a < f.tiny, x, r.copysign(x))


@elementary
def arccosh(x: Num) -> Num:
    """log(x + sqrt(x*x - 1)) = log1p(t + sqrt(2t + t*t)), t = x - 1; nan below 1."""
    f = format_of(x)
    big = x > f.huge
    t = where(big, 1.0, x) - 1.0
    tt, tl = two_product(t, t)
    ph, pl = two_sum(2.0 * t, tt)
    root = ph.sqrt()
    residual = (fma(-root, root, ph) + (pl + tl)) * half_inverse_root(ph)
    uh, ul = two_sum(t, root)
    vh, vl = two_sum(t.const(1.0), uh)
    low = vl + (ul + residual)
    r = log_of_sum(where(big, smaller(x, f.max), vh), where(big, 0.0, low), double=big)
    return where(x < 1.0, NAN, where(x.eq(INF) | x.isnan(), x, r))


@elementary
def arctanh(x: Num) -> Num:
    """log1p(2|x| / (1 - |x|)) / 2, odd; infinite at 1, nan beyond."""
    a = x.abs()
    dh, dl = two_sum(a.const(1.0), -a)
    inv = 1.0 / dh
    q = 2.0 * a * inv
    ql = (fma(-q, dh, 2.0 * a) - q * dl) * inv
    vh, vl = two_sum(q.const(1.0), q)
    r = 0.5 * log_of_sum(vh, vl + ql)
    r = where(a < 1.0, r, where(a.eq(1.0), INF, a.const(NAN)))
    return where(a < format_of(x).tiny, x, r.copysign(x))
