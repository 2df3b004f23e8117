"""sinh and cosh by polynomials of both, tanh from exp; the inverses of those two by a
logarithm of two floats, that of tanh by its own series."""

from __future__ import annotations

from tracejit.ir.scalar.elementary.exponential import (
    exp_less_one,
    low_bits,
    power_of_two,
    reduce,
)
from tracejit.ir.scalar.elementary.logarithm import exponent_of_normal, log_of_split, moves_log
from tracejit.ir.scalar.elementary.num import (
    DOUBLE,
    INF,
    NAN,
    SINGLE,
    Num,
    choose,
    elementary,
    fma,
    format_of,
    inverse,
    poly,
    quotient,
    shortcut,
    smaller,
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


def _log_with_root(b: Num, root: Num, residual: Num, larger: bool, more: Num | None) -> Num:
    """log(b + y) + more ln 2 for y = root + residual / (2 root); `larger`: of the two, root is,
    where the logarithm is small."""
    w = b + root
    e, scale = exponent_of_normal(w)
    first, second = (b, root) if larger else (root, b)
    less = fma(first, scale, -1.0)
    if format_of(w) is SINGLE:  # m from 3/4 on: where `less` is the greater, f is exact
        f = fma(second, scale, less)
        rounding = less + fma(second, scale, -f)
    else:
        f, rounding = two_sum(second * scale, less)
    low = moves_log(rounding, f)
    return log_of_split(e if more is None else e + more, f, fma(residual, _slope(root, w), low))


def _slope(root: Num, w: Num) -> Num:
    """1 / (2 root w) from bits, to a quarter: exact for powers of two, finite for root = 0."""
    one = root.const(1.0).bits()
    found: Num = (root.const(0.5).bits() + one + one) - root.bits() - w.bits()
    return found.floats()


def _arcsinh(b: Num, one: Num, more: Num | None = None) -> Num:
    root = fma(b, b, one).sqrt()
    return _log_with_root(b, root, fma(b, b, fma(-root, root, one)), False, more)


def _arccosh(b: Num, one: Num, more: Num | None = None) -> Num:
    t = b - one
    rest = t * one
    root = fma(t, b, rest).sqrt()
    return _log_with_root(b, root, fma(t, b, fma(-root, root, rest)), True, more)


#: From where 1 is nothing beside the square; a factor for which that is finite, and its power of 2.
_FAR = {32: (2.0**60, 2.0**-70, 70), 64: (2.0**500, 2.0**-600, 600)}


@elementary
def arcsinh(x: Num) -> Num:
    """log(|x| + sqrt(x*x + 1)), odd."""
    a = x.abs()
    far, down, power = _FAR[format_of(x).bits]

    def full() -> Num:
        big = a > far
        more = choose(big, power, 0, x.bits())
        r = _arcsinh(where(big, a * down, a), choose(big, 0.0, 1.0, a), more)
        return where(a < INF, r, a).copysign(x)

    return shortcut(x.e, lambda: (a < far, _arcsinh(a, a.const(1.0)).copysign(x)), full)


@elementary
def arccosh(x: Num) -> Num:
    """log(x + sqrt(t x + t)), t = x - 1; nan below 1."""
    far, down, power = _FAR[format_of(x).bits]
    one = x.const(1.0)

    def quick() -> tuple[Num, Num]:
        inside = (x - one).bits().unsigned() < x.const(far).bits().unsigned()
        return inside, _arccosh(x, one)

    def full() -> Num:
        big = x > far
        more = choose(big, power, 0, x.bits())
        r = _arccosh(where(big, x * down, x), choose(big, 0.0, 1.0, x), more)
        return where(x < 1.0, NAN, where(x < INF, r, x))

    return shortcut(x.e, quick, full)


@elementary
def arctanh(x: Num) -> Num:
    """log(u / v) / 2 with u = 1 + |x|, v = 1 - |x|: k ln 2 / 2 + arctanh(s) with k near log2(u/v)
    and s = (u - 2**k v) / (u + 2**k v), which is |x| for k = 0; infinite at 1, nan beyond."""
    f = format_of(x)
    a = x.abs()
    shifted = (a + 1.0).bits() - (1.0 - a).bits() + (1 << f.mantissa - 2)
    k = shifted >> f.mantissa
    c = (k + f.bias << f.mantissa).floats() + 1.0
    d = 2.0 - c  # exact; what c lost by rounding counts v times, so for nothing
    s = quotient(fma(a, c, d), fma(a, d, c))
    z = s * s
    ln2, ln2_low = (0.5 * part for part in f.table("LN2_SHORT"))
    kf = k.to_float(x.dtype)
    low = fma(s * z, poly(z, f.table("ATANH")), kf * ln2_low)
    r = fma(kf, ln2, s + low)
    r = where(a < 1.0, r, where(a.eq(1.0), INF, a.const(NAN)))
    return r.copysign(x)
