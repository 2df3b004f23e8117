"""Writes the constants of the elementary functions; needs mpmath.

    python tools/fit_coefficients.py > tracejit/ir/scalar/elementary/coefficients.py

Every polynomial interpolates its function at Chebyshev points in 60-digit arithmetic
(near-minimax) with the least degree whose error on a dense grid is below the stated bound;
coefficients are then rounded to the format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np

HEADING = (
    "Constants of the elementary functions, written by `tools/fit_coefficients.py`; do not edit."
)

mp.mp.dps = 60
HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.001")
S_MAX = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.001")  # s = (m-1)/(m+1), squared
LOG1P = -0.25, 0.5
NEAR_ONE = (mp.sqrt(0.5) - 1, mp.sqrt(2) - 1)
QUARTER_PI2 = (mp.pi / 4) ** 2 * mp.mpf("1.001")


def _series(terms: Callable[[int], Any]) -> Callable[[Any], Any]:
    """Sum of terms(k) * t**k, for quotients that cancel at zero."""
    return lambda t: mp.nsum(lambda k: terms(int(k)) * t ** int(k), [0, 60], method="d")


def _exp(r: Any) -> Any:  # exp(r) = 1 + r + r**2 P(r)
    return _series(lambda k: 1 / mp.factorial(k + 2))(r)


def _exp2(r: Any) -> Any:  # 2**r = 1 + r (ln 2 + r P(r))
    return _series(lambda k: mp.log(2) ** (k + 2) / mp.factorial(k + 2))(r)


def _cosh(z: Any) -> Any:  # cosh r = 1 + z P(z), z = r*r
    return _series(lambda k: 1 / mp.factorial(2 * k + 2))(z)


def _sinh(z: Any) -> Any:  # sinh r = r + r z P(z), z = r*r
    return _series(lambda k: 1 / mp.factorial(2 * k + 3))(z)


def _log(z: Any) -> Any:  # log((1+s)/(1-s)) = 2s + s z (2/3 + z P(z)), z = s*s
    return _series(lambda k: mp.mpf(2) / (2 * k + 5))(z)


def _log1p(f: Any) -> Any:  # log(1 + f) = f - f*f/2 + f**3 P(f)
    return _series(lambda k: (-1) ** k / mp.mpf(k + 3))(f)


def _log2(z: Any) -> Any:  # log2((1+s)/(1-s)) = s (2/ln 2) + s z (2/(3 ln 2) + z P(z))
    return _log(z) / mp.log(2)


def _half_inverse(f: Any) -> Any:
    return 1 / (2 + f)


def _sin(z: Any) -> Any:  # sin r = r + r z P(z), z = r*r
    return _series(lambda k: -((-1) ** k) / mp.factorial(2 * k + 3))(z)


def _cos(z: Any) -> Any:  # cos r = 1 - z/2 + z**2 P(z)
    return _series(lambda k: (-1) ** k / mp.factorial(2 * k + 4))(z)


def _tan(z: Any) -> Any:  # tan r = r + r z P(z), z = r*r
    return (mp.tan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-9 else mp.mpf(1) / 3 + 2 * z / 15


def _atanh(z: Any) -> Any:  # atanh s = s + s z P(z), z = s*s
    return _series(lambda k: mp.mpf(1) / (2 * k + 3))(z)


def _atan(z: Any) -> Any:  # atan t = t + t z P(z)
    return (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-9 else -mp.mpf(1) / 3 + z / 5


def _asin(z: Any) -> Any:  # asin t = t + t z P(z)
    return (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-9 else mp.mpf(1) / 6 + 3 * z / 40


def _tanh(z: Any) -> Any:  # tanh x = x + x z P(z), z = x*x
    return (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > 1e-9 else -mp.mpf(1) / 3 + 2 * z / 15


def _erf(z: Any) -> Any:  # erf x = x + x (2/sqrt(pi) - 1 + z P(z))
    return _series(
        lambda k: (-1) ** (k + 1) * 2 / mp.sqrt(mp.pi) / (mp.factorial(k + 1) * (2 * k + 3))
    )(z)


def _erfc(t: Any) -> Any:  # erfc x = exp(-x*x) P(t), t = (x-2)/(x+2)
    x = 2 * (1 + t) / (1 - t)
    return mp.exp(x * x) * mp.erfc(x)


def _erfc_far(w: Any) -> Any:  # erfc x = exp(-x*x) P(w) / x, w = 1/x**2
    x = 1 / mp.sqrt(w)
    return x * mp.exp(x * x) * mp.erfc(x)


def _cbrt(m: Any) -> Any:
    return mp.cbrt(m)


# name: function, interval, error bound in float32 and float64 as a power of two; 0: not needed
FITS: dict[str, tuple[Callable[[Any], Any], Any, Any, int, int]] = {
    "EXP": (_exp, -HALF_LN2, HALF_LN2, -27, -56),
    "EXP2": (_exp2, -mp.mpf("0.5005"), mp.mpf("0.5005"), -28, -57),
    "COSH": (_cosh, 0, HALF_LN2**2, -27, -55),
    "SINH": (_sinh, 0, HALF_LN2**2, -27, -55),
    "LOG": (_log, 0, S_MAX, -26, -58),
    "LOG2": (_log2, 0, S_MAX, -26, -58),
    "HALF_INVERSE": (_half_inverse, *NEAR_ONE, -13, 0),
    "SIN": (_sin, 0, QUARTER_PI2, -27, -56),
    "COS": (_cos, 0, QUARTER_PI2, -27, -56),
    "TAN": (_tan, 0, QUARTER_PI2, -26, -55),
    "ATANH": (_atanh, 0, mp.mpf("0.0765"), -23, -52),
    "ATAN": (_atan, 0, mp.mpf("0.25") * mp.mpf("1.001"), -26, -55),
    "ASIN": (_asin, 0, mp.mpf("0.25"), -26, -55),
    "TANH": (_tanh, 0, mp.mpf("0.55") ** 2, -26, -55),
    "ERF": (_erf, 0, mp.mpf(1), -27, -56),
    "ERFC": (_erfc, -mp.mpf(1) / 3, mp.mpf("0.5"), -24, -53),
    "ERFC_MIDDLE": (_erfc, -mp.mpf("0.6"), mp.mpf("0.21"), -26, -56),
    "ERFC_FAR": (_erfc_far, mp.mpf(1) / 800, mp.mpf(1) / 9 * mp.mpf("1.001"), -26, -56),
    "CBRT": (_cbrt, 1, 2, -11, -20),
}


def fit(f: Callable[[Any], Any], a: Any, b: Any, bound: int) -> list[Any]:
    """Monomial coefficients, lowest first, of the first interpolant within 2**bound."""
    a, b = mp.mpf(a), mp.mpf(b)
    grid = [a + (b - a) * mp.mpf(2 * k + 1) / 400 for k in range(200)]
    values = [f(t) for t in grid]
    for n in range(3, 40):
        points = [
            (a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)
        ]
        matrix = mp.matrix(n, n)
        for i, t in enumerate(points):
            for j in range(n):
                matrix[i, j] = t**j
        c = list(mp.lu_solve(matrix, mp.matrix([f(t) for t in points])))
        if (
            max(abs(mp.polyval(c[::-1], t) - v) for t, v in zip(grid, values, strict=True))
            < mp.mpf(2) ** bound
        ):
            return c
    raise ValueError("no degree below 40 is enough")


def fit_weighted(f: Callable[[Any], Any], a: float, b: float, count: int) -> list[float]:
    """`count` coefficients for which the error times |t|**3, beside 1, is least at its largest.

    Lawson's least squares: where the error is large its weight grows.
    """
    t = (a + b) / 2 + (b - a) / 2 * np.cos(np.pi * (np.arange(1000) + 0.5) / 1000)
    values, powers = np.array([float(f(mp.mpf(v))) for v in t]), np.vander(t, count, True)
    weight = np.full(t.size, 1 / t.size)
    for _ in range(300):
        scale = np.sqrt(weight) * np.abs(t) ** 3
        found = np.linalg.lstsq(powers * scale[:, None], values * scale, rcond=None)[0]
        weight *= np.abs((powers @ found - values) * t**3)
        weight /= weight.sum()
    return [float(c) for c in found]


def split(x: Any, parts: int, dtype: Any, bits: int = 0) -> list[float]:
    """`x` as a sum of floats, each the rounding of what is left; with `bits`, the first has
    that many bits and one more part follows."""
    out: list[float] = []
    for _ in range(parts + bool(bits)):
        v = float(dtype(float(x))) if dtype is np.float32 else float(x)
        if bits and not out:
            m, e = np.frexp(v)
            v = float(np.ldexp(np.rint(np.ldexp(m, bits)), int(e) - bits))
        out.append(v)
        x = x - mp.mpf(v)
    return out


def two_over_pi(first: int, last: int, step: int, parts: int, weight: int) -> list[list[float]]:
    """For k = first, first+step, …: 2**(k-weight) * 2/pi modulo 4, as `parts` float64 rows."""
    mp.mp.prec = 1600
    rows: list[list[float]] = [[] for _ in range(parts)]
    for k in range(first, last, step):
        window = mp.fmod(mp.mpf(2) ** (k - weight) * 2 / mp.pi, 4)
        for row, v in zip(rows, split(window, parts, np.float64), strict=True):
            row.append(v)
    mp.mp.dps = 60
    return rows


def _tuple(name: str, values: list[float]) -> str:
    body = "".join(f"    {v!r},\n" for v in values)
    return f"{name}: tuple[float, ...] = (\n{body})"


def main() -> None:
    print(f'"""{HEADING}"""\n')
    for name, (f, a, b, b32, b64) in FITS.items():
        for bits, bound in ((32, b32), (64, b64)):
            if not bound:
                continue
            c = fit(f, a, b, bound)
            cast = (lambda v: float(np.float32(float(v)))) if bits == 32 else float
            print(_tuple(f"{name}_{bits}", [cast(v) for v in c]))
    print(_tuple("LOG1P_32", [float(np.float32(c)) for c in fit_weighted(_log1p, *LOG1P, 8)]))
    for name, value in (
        ("LN2", mp.log(2)),
        ("INV_LN2", 1 / mp.log(2)),
        ("INV_LN10", 1 / mp.log(10)),
        ("LOG10_2", mp.log10(2)),
        ("PIO2", mp.pi / 2),
        ("PI", mp.pi),
        ("PIO4", mp.pi / 4),
        ("INV_PIO2", 2 / mp.pi),
        ("ERF_SLOPE", 2 / mp.sqrt(mp.pi) - 1),
        ("TWO_THIRDS", mp.mpf(2) / 3),
        ("TWO_BY_LN2", 2 / mp.log(2)),
        ("TWO_THIRDS_BY_LN2", 2 / (3 * mp.log(2))),
    ):
        print(_tuple(f"{name}_32", split(value, 3, np.float32)))
        print(_tuple(f"{name}_64", split(value, 3, np.float64)))
    # Short high parts: an exponent times them is exact.
    print(_tuple("LN2_SHORT_32", split(mp.log(2), 1, np.float32, 15)))
    print(_tuple("LN2_SHORT_64", split(mp.log(2), 1, np.float64, 40)))
    print(_tuple("LOG10_2_SHORT_32", split(mp.log10(2), 1, np.float32, 15)))
    print(_tuple("LOG10_2_SHORT_64", split(mp.log10(2), 1, np.float64, 40)))
    for j, row in enumerate(two_over_pi(16, 1024, 16, 4, 52)):
        print(_tuple(f"TWO_OVER_PI_64_{j}", row))
    for j, row in enumerate(two_over_pi(16, 128, 16, 2, 23)):
        print(_tuple(f"TWO_OVER_PI_32_{j}", row))


if __name__ == "__main__":
    main()
