"""Partial derivatives of special functions, each a line of mathematics.

``PARTIALS[module:name][k](x…, y)`` is the derivative of ``y = name(x…)`` by operand ``k``; None
where none is known (by the order of a Bessel function). Formulas: NIST Digital Library of
Mathematical Functions, in brackets. They use functions of the same library, so that they have
derivatives in turn. By a parameter of an incomplete function, or of zeta, there is no closed form,
but a row (``incomplete.py``).

Where a product such as ``x log y`` has a factor that is zero, so is its derivative by the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

from tracejit.dtypes import is_complex
from tracejit.ir.ops.derivatives import Expr

Partial: TypeAlias = Callable[..., Expr]

_ROOT_PI = math.sqrt(math.pi)
_ROOT_2PI = math.sqrt(2 * math.pi)
_ROOT_2_OVER_PI = math.sqrt(2 / math.pi)


def _of(place: str) -> Callable[..., Expr]:
    """A function of the library, with results of the dtype of its last operand."""

    def call(*operands: Expr) -> Expr:
        last = operands[-1]  # the argument; orders and parameters before it may be real or ints
        values = [x.v for x in operands]
        loop = f"{''.join(v.dtype.char for v in values)}->{last.v.dtype.char}"
        return Expr(last.b, last.b.op("ufunc", *values, function=place, loop=loop))

    return call


def _special(name: str) -> Callable[..., Expr]:
    return _of(f"scipy.special:{name}")


def _math(name: str) -> Callable[..., Expr]:
    return lambda x, *rest: x.op(name, *rest)


_exp, _log, _log1p, _cos, _sin, _sqrt, _sign, _expit = map(
    _math, ("exp", "log", "log1p", "cos", "sin", "sqrt", "sign", "logistic")
)
_psi, _gamma, _gammaln, _betaln, _erfcx, _expn = map(
    _special, ("psi", "gamma", "gammaln", "betaln", "erfcx", "expn")
)
_i0, _i1, _i0e, _i1e, _iv, _ive = map(_special, ("i0", "i1", "i0e", "i1e", "iv", "ive"))
_k0, _k1, _k0e, _k1e, _kv, _kve = map(_special, ("k0", "k1", "k0e", "k1e", "kv", "kve"))
_j0, _j1, _jv, _y0, _y1, _yv = map(_special, ("j0", "j1", "jv", "y0", "y1", "yv"))
_kn, _yn = map(_special, ("kn", "yn"))
_zeta = _of("scipy.special._ufuncs:_zeta")


def _product(factor: Expr, other: Expr) -> Expr:
    """``factor * other``, zero where the factor is."""
    return factor.same(0).where(factor.num(0), factor * other)


def _gaussian(x: Expr) -> Expr:
    """The density of the standard normal distribution."""
    return _exp(x * x * -0.5) / _ROOT_2PI


def _rgamma(x: Expr, y: Expr) -> Expr:
    """By the reflection formula on the left, where psi has poles [5.5.3]."""
    if is_complex(x.v.dtype):
        return -(y * _psi(x))
    left = x.op("lt", 0.5)
    inside = left.where(x, 0.25)
    turn = inside * math.pi
    mirrored = (-inside) + 1
    reflected = _gamma(mirrored) * (_cos(turn) - _sin(turn) * _psi(mirrored) / math.pi)
    return left.where(reflected, -(y * _psi(left.where(x.num(1), x))))


def _log_ndtr(x: Expr, y: Expr) -> Expr:
    """Density over distribution; below zero by the scaled complementary error function, as both
    vanish there."""
    below = x.op("lt", 0)
    tail = below.where(x, 0.0)
    scaled = _erfcx(tail * -math.sqrt(0.5))
    return below.where(_ROOT_2_OVER_PI / scaled, _gaussian(below.where(x.num(0), x)) / _exp(y))


def _far(x: Expr, scale: float, sign: int) -> Expr:
    """``scale`` times the sum of ``sign**n (2n + 1)!! / (2 x**2)**n``, over ``x**2`` [7.12.1]."""
    t = 0.5 / (x * x)
    total = x.num(1)
    for n in range(10, 0, -1):
        total = 1 + total * t * (sign * (2 * n + 1))
    return 2 * scale * t * total


def _cancelling(name: str, near: Partial, scale: float, sign: int) -> Partial:
    """A derivative that cancels far out, where a series is for it; of float32 in float64."""

    def rule(x: Expr, y: Expr) -> Expr:
        if is_complex(x.v.dtype):
            return near(x, y)
        b, own = x.b, x.v.dtype
        x = Expr(b, b.convert(x.v, "float64"))
        y = y if own == x.v.dtype else _special(name)(x)
        far = (x * x).op("gt", 144) if name == "dawsn" else x.op("gt", 12)
        found = far.where(_far(far.where(x, 12), scale, sign), near(far.where(x.num(0), x), y))
        return Expr(b, b.convert(found.v, own))

    return rule


def _bell(levels: Sequence[Expr]) -> Expr | float:
    """``exp(-f)`` times the derivative of ``exp(f)``, of which ``levels`` are those of f."""
    found: list[Expr | float] = [1.0]
    for n in range(len(levels)):
        terms = (levels[k] * math.comb(n, k) * found[n - k] for k in range(n + 1))
        found.append(reduce(Expr.__add__, terms))
    return found[-1]


def _polygamma(n: int, x: Expr) -> Expr:
    if n == 0:
        return _psi(x)
    return _zeta(x.num(n + 1), x) * ((-1.0) ** (n + 1) * math.factorial(n))


def _gamma_density(a: Expr, x: Expr) -> Expr:
    """``x**(a-1) e**-x / gamma(a)`` [8.8.13]."""
    return _exp((a - 1) * _log(x) - x - _gammaln(a))


def gamma_density_by(a: Expr, x: Expr, n: int) -> Expr:
    """Its derivative of order n by a."""
    levels = [-_polygamma(k, a) for k in range(n)]
    levels[0] = levels[0] + _log(x)
    return _gamma_density(a, x) * _bell(levels)


def gammainc_by(a: Expr, x: Expr, n: int) -> Expr:
    return Expr(a.b, a.b.op("gammainc_by", a.v, x.v, n=n))


def _gammainc_by_a(a: Expr, x: Expr) -> Expr:
    return gammainc_by(a, x, 1)


def _beta_density(a: Expr, b: Expr, x: Expr) -> Expr:
    """``x**(a-1) (1-x)**(b-1) / beta(a, b)`` [8.17.1]."""
    return _exp((a - 1) * _log(x) + (b - 1) * _log1p(-x) - _betaln(a, b))


def beta_density_by(a: Expr, b: Expr, x: Expr, m: int, n: int) -> Expr:
    """Its derivative, m times by a and n times by b: of a product whose logarithm is a sum.

    Levels by a are ``log x + psi(a+b) - psi(a)`` and so on; those by both are of ``psi(a+b)``.
    """
    found: dict[tuple[int, int], Expr | float] = {(0, 0): 1.0}

    def level(i: int, j: int) -> Expr:
        of_both = _polygamma(i + j - 1, a + b)
        if j == 0:
            of_both = of_both - _polygamma(i - 1, a)
        if i == 0:
            of_both = of_both - _polygamma(j - 1, b)
        if (i, j) == (1, 0):
            of_both = of_both + _log(x)
        return of_both + _log1p(-x) if (i, j) == (0, 1) else of_both

    for i in range(m + 1):
        for j in range(n + 1):
            if (i, j) == (0, 0):
                continue
            up, across = (i - 1, j) if i else (0, j - 1)
            terms = [
                level(i - g, j - h) * math.comb(up, g) * math.comb(across, h) * found[g, h]
                for g in range(up + 1)
                for h in range(across + 1)
            ]
            found[i, j] = reduce(Expr.__add__, terms)
    return _beta_density(a, b, x) * found[m, n]


def betainc_by(a: Expr, b: Expr, x: Expr, m: int, n: int) -> Expr:
    return Expr(a.b, a.b.op("betainc_by", a.v, b.v, x.v, m=m, n=n))


def _betainc_by_a(a: Expr, b: Expr, x: Expr) -> Expr:
    return betainc_by(a, b, x, 1, 0)


def _betainc_by_b(a: Expr, b: Expr, x: Expr) -> Expr:
    return betainc_by(a, b, x, 0, 1)


def _betaincinv_by_a(a: Expr, b: Expr, p: Expr, y: Expr) -> Expr:
    """Where ``I_y(a, b)`` stays as it is; and the same of the complement."""
    return -(_betainc_by_a(a, b, y) / _beta_density(a, b, y))


def _betaincinv_by_b(a: Expr, b: Expr, p: Expr, y: Expr) -> Expr:
    return -(_betainc_by_b(a, b, y) / _beta_density(a, b, y))


def _student_density(df: Expr, t: Expr) -> Expr:
    half = df * 0.5
    scale = _gammaln(half + 0.5) - _gammaln(half) - _log(df * math.pi) * 0.5
    return _exp(scale - (half + 0.5) * _log1p(t * t / df))


def student_density_by(df: Expr, t: Expr, n: int) -> Expr:
    """Its derivative of order n by df.

    The logarithm is ``gammaln((df+1)/2) - gammaln(df/2) + df/2 log df - (df+1)/2 log(df + t**2)``
    and a constant.
    """
    half, inside = df * 0.5, 1 / df
    s = t * t / df
    z = 1 / (s + 1)
    apart = [(_polygamma(k, half + 0.5) - _polygamma(k, half)) * 0.5 ** (k + 1) for k in range(n)]
    first = apart[0] - _log1p(s) * 0.5 + (s * z - z * inside) * 0.5
    levels, power, of_z = [first], inside, z  # df**-k and z**k
    for k in range(1, n):
        of_power = 1 - of_z - of_z * z * (s - inside) * k
        levels.append(apart[k] + power * of_power * ((-1.0) ** (k + 1) * math.factorial(k - 1) / 2))
        power, of_z = power * inside, of_z * z
    return _student_density(df, t) * _bell(levels)


def student_by(df: Expr, t: Expr, n: int) -> Expr:
    return Expr(df.b, df.b.op("stdtr_by", df.v, t.v, n=n))


def _student_by_df(df: Expr, t: Expr) -> Expr:
    return student_by(df, t, 1)


def _neighbours(f: Callable[..., Expr], sign: float) -> Partial:
    """``(f(v-1) + sign f(v+1)) / 2`` [10.6.1, 10.29.1]."""
    return lambda v, x, y: (f(v - 1, x) + f(v + 1, x) * sign) * 0.5


def _huber_by_delta(delta: Expr, r: Expr, y: Expr) -> Expr:
    size = r.op("abs")
    return size.op("le", delta).where(r.num(0), size - delta)


def _huber_by_r(delta: Expr, r: Expr, y: Expr) -> Expr:
    return r.op("abs").op("le", delta).where(r, delta * _sign(r))


def _pseudo_root(delta: Expr, r: Expr) -> Expr:
    return (r / delta).op("hypot", 1)


def _spence(x: Expr, y: Expr) -> Expr:
    at_one = x.same(1)
    away = at_one.where(x.num(2), x)
    return at_one.where(x.num(-1), _log(away) / (1 - away))


_UNARY: dict[str, Partial] = {
    # Gamma and its kin [5.4, 5.15]
    "gamma": lambda x, y: y * _psi(x),
    "gammaln": lambda x, y: _psi(x),
    "loggamma": lambda x, y: _psi(x),
    "rgamma": _rgamma,
    "psi": lambda x, y: _zeta(x.num(2), x),
    "digamma": lambda x, y: _zeta(x.num(2), x),
    "gammasgn": lambda x, y: x * 0,
    # Errors of the normal distribution [7.10, 7.2]
    "erf": lambda x, y: _exp(-(x * x)) * (2 / _ROOT_PI),
    "erfc": lambda x, y: _exp(-(x * x)) * (-2 / _ROOT_PI),
    "erfcx": _cancelling("erfcx", lambda x, y: 2 * x * y - 2 / _ROOT_PI, -1 / _ROOT_PI, -1),
    "erfi": lambda x, y: _exp(x * x) * (2 / _ROOT_PI),
    "dawsn": _cancelling("dawsn", lambda x, y: 1 - 2 * x * y, -0.5, 1),
    "erfinv": lambda x, y: _exp(y * y) * (_ROOT_PI / 2),
    "erfcinv": lambda x, y: _exp(y * y) * (-_ROOT_PI / 2),
    "ndtr": lambda x, y: _gaussian(x),
    "ndtri": lambda x, y: _exp(y * y * 0.5) * _ROOT_2PI,
    "ndtri_exp": lambda x, y: _exp(y * y * 0.5 + x) * _ROOT_2PI,
    "log_ndtr": _log_ndtr,
    # Logistic
    "expit": lambda x, y: y * _expit(-x),
    "logit": lambda x, y: 1 / (x * (1 - x)),
    "log_expit": lambda x, y: _expit(-x),
    # Entropy
    "entr": lambda x, y: -(_log(x) + 1),
    # Bessel functions of orders 0 and 1 [10.6.3, 10.29.3]
    "j0": lambda x, y: -_j1(x),
    "j1": lambda x, y: (_j0(x) - _jv(x.num(2), x)) * 0.5,
    "y0": lambda x, y: -_y1(x),
    "y1": lambda x, y: (_y0(x) - _yv(x.num(2), x)) * 0.5,
    "i0": lambda x, y: _i1(x),
    "i1": lambda x, y: (_i0(x) + _iv(x.num(2), x)) * 0.5,
    "k0": lambda x, y: -_k1(x),
    "k1": lambda x, y: (_k0(x) + _kv(x.num(2), x)) * -0.5,
    "i0e": lambda x, y: _i1e(x) - _sign(x) * y,
    "i1e": lambda x, y: (_i0e(x) + _ive(x.num(2), x)) * 0.5 - _sign(x) * y,
    "k0e": lambda x, y: y - _k1e(x),
    "k1e": lambda x, y: y - (_k0e(x) + _kve(x.num(2), x)) * 0.5,
    # Exponential integrals [6.2], dilogarithm
    "exp1": lambda x, y: -(_exp(-x) / x),
    "expi": lambda x, y: _exp(x) / x,
    "spence": _spence,
    # More exact forms of elementary functions
    "expm1": lambda x, y: _exp(x),
    "log1p": lambda x, y: 1 / (x + 1),
    "exp2": lambda x, y: y * math.log(2),
    "exp10": lambda x, y: y * math.log(10),
    "cbrt": lambda x, y: 1 / (3 * y * y),
    "cosm1": lambda x, y: -_sin(x),
    "wrightomega": lambda x, y: y / (y + 1),
}

_BINARY: dict[str, tuple[Partial | None, Partial | None]] = {
    "beta": (
        lambda a, b, y: y * (_psi(a) - _psi(a + b)),
        lambda a, b, y: y * (_psi(b) - _psi(a + b)),
    ),
    "betaln": (
        lambda a, b, y: _psi(a) - _psi(a + b),
        lambda a, b, y: _psi(b) - _psi(a + b),
    ),
    "binom": (
        lambda n, k, y: y * (_psi(n + 1) - _psi(n - k + 1)),
        lambda n, k, y: y * (_psi(n - k + 1) - _psi(k + 1)),
    ),
    "poch": (
        lambda a, m, y: y * (_psi(a + m) - _psi(a)),
        lambda a, m, y: y * _psi(a + m),
    ),
    "gammainc": (
        lambda a, x, y: _gammainc_by_a(a, x),
        lambda a, x, y: _gamma_density(a, x),
    ),
    "gammaincc": (
        lambda a, x, y: -_gammainc_by_a(a, x),
        lambda a, x, y: -_gamma_density(a, x),
    ),
    "gammaincinv": (
        lambda a, p, y: -(_gammainc_by_a(a, y) / _gamma_density(a, y)),
        lambda a, p, y: 1 / _gamma_density(a, y),
    ),
    "gammainccinv": (
        lambda a, p, y: -(_gammainc_by_a(a, y) / _gamma_density(a, y)),
        lambda a, p, y: -1 / _gamma_density(a, y),
    ),
    "chdtr": (
        lambda v, x, y: _gammainc_by_a(v * 0.5, x * 0.5) * 0.5,
        lambda v, x, y: _gamma_density(v * 0.5, x * 0.5) * 0.5,
    ),
    "chdtrc": (
        lambda v, x, y: _gammainc_by_a(v * 0.5, x * 0.5) * -0.5,
        lambda v, x, y: _gamma_density(v * 0.5, x * 0.5) * -0.5,
    ),
    "pdtr": (None, lambda k, m, y: -_gamma_density(k.op("floor") + 1, m)),
    "pdtrc": (None, lambda k, m, y: _gamma_density(k.op("floor") + 1, m)),
    "stdtr": (
        lambda df, t, y: _student_by_df(df, t),
        lambda df, t, y: _student_density(df, t),
    ),
    "stdtrit": (
        lambda df, p, y: -(_student_by_df(df, y) / _student_density(df, y)),
        lambda df, p, y: 1 / _student_density(df, y),
    ),
    "xlogy": (lambda x, y, z: _log(y), lambda x, y, z: _product(x, 1 / y)),
    "xlog1py": (lambda x, y, z: _log1p(y), lambda x, y, z: _product(x, 1 / (y + 1))),
    "rel_entr": (lambda x, y, z: _log(x / y) + 1, lambda x, y, z: _product(-x, 1 / y)),
    "kl_div": (lambda x, y, z: _log(x / y), lambda x, y, z: 1 - _product(x, 1 / y)),
    "huber": (_huber_by_delta, _huber_by_r),
    "pseudo_huber": (
        lambda d, r, y: 2 * y / d - (r / d) * (r / _pseudo_root(d, r)),
        lambda d, r, y: r / _pseudo_root(d, r),
    ),
    "jv": (None, _neighbours(_jv, -1)),
    "jn": (None, _neighbours(_jv, -1)),
    "yv": (None, _neighbours(_yv, -1)),
    "iv": (None, _neighbours(_iv, 1)),
    "kv": (None, lambda v, x, y: -_neighbours(_kv, 1)(v, x, y)),
    "ive": (None, lambda v, x, y: _neighbours(_ive, 1)(v, x, y) - _sign(x) * y),
    "kve": (None, lambda v, x, y: y - _neighbours(_kve, 1)(v, x, y)),
    "kn": (None, lambda n, x, y: -_neighbours(_kn, 1)(n, x, y)),
    "yn": (None, _neighbours(_yn, -1)),
    "expn": (None, lambda n, x, y: -_expn(n - 1, x)),
}

_TERNARY: dict[str, tuple[Partial | None, ...]] = {
    "betainc": (
        lambda a, b, x, y: _betainc_by_a(a, b, x),
        lambda a, b, x, y: _betainc_by_b(a, b, x),
        lambda a, b, x, y: _beta_density(a, b, x),
    ),
    "betaincc": (
        lambda a, b, x, y: -_betainc_by_a(a, b, x),
        lambda a, b, x, y: -_betainc_by_b(a, b, x),
        lambda a, b, x, y: -_beta_density(a, b, x),
    ),
    "betaincinv": (
        _betaincinv_by_a,
        _betaincinv_by_b,
        lambda a, b, p, y: 1 / _beta_density(a, b, y),
    ),
    "betainccinv": (
        _betaincinv_by_a,
        _betaincinv_by_b,
        lambda a, b, p, y: -1 / _beta_density(a, b, y),
    ),
}


def zeta_by(s: Expr, q: Expr, n: int) -> Expr:
    """Hurwitz' zeta function differentiated n times by s."""
    return _zeta(s, q) if n == 0 else Expr(s.b, s.b.op("zeta_by", s.v, q.v, n=n))


def _zeta_by_q(s: Expr, q: Expr, y: Expr) -> Expr:
    """``d/dq zeta(s, q) = -s zeta(s + 1, q)`` [25.11.17]."""
    return -(s * _zeta(s + 1, q))


def _zeta_by_s(s: Expr, q: Expr, y: Expr) -> Expr:
    """Nan where SciPy's function is: it has no continuation to the left of 1."""
    return s.op("ge", 1).where(zeta_by(s, q, 1), math.nan)


def _riemann_by_s(s: Expr, y: Expr) -> Expr:
    """By the reflection formula on the left [25.4.1]."""
    left = s.op("lt", 0)
    inside = left.where(s, -0.5)
    turn, mirrored = inside * (math.pi / 2), 1 - inside
    size = _exp((inside - 1) * math.log(2 * math.pi)) * _gamma(mirrored) * 2
    value, slope = _zeta(mirrored, mirrored.num(1)), zeta_by(mirrored, mirrored.num(1), 1)
    level = (math.log(2 * math.pi) - _psi(mirrored)) * value - slope
    reflected = size * (_cos(turn) * (math.pi / 2) * value + _sin(turn) * level)
    return left.where(reflected, zeta_by(left.where(s.num(2), s), s.num(1), 1))


PARTIALS: dict[str, tuple[Partial | None, ...]] = {
    **{f"scipy.special:{name}": (partial,) for name, partial in _UNARY.items()},
    **{f"scipy.special:{name}": pair for name, pair in (_BINARY | _TERNARY).items()},
    "scipy.special._ufuncs:_zeta": (_zeta_by_s, _zeta_by_q),
    "scipy.special._ufuncs:_riemann_zeta": (_riemann_by_s,),
    "scipy.special._ufuncs:_lambertw": (lambda z, k, tol, y: _exp(-y) / (y + 1), None, None),
}
