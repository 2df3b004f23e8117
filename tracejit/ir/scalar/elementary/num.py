"""`Num`: an emitted scalar with operators, so that algorithms read as formulas; and arithmetic
on unevaluated sums of two floats (Dekker, Knuth), which the more exact algorithms are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from tracejit.dtypes import computed_in, is_float, is_signed, kind_of, signed_like
from tracejit.ir.scalar.elementary import coefficients
from tracejit.ir.scalar.emit import BOOL, F32, DType, Emitter


class Num:
    """A scalar `v` of emitter `e`. Operators follow the dtype; Python numbers become constants.

    `<<` and `>>` take counts in range (`>>` keeps the sign of signed integers); `eq` and `ne`
    are methods because `==` stays identity.
    """

    __slots__ = ("e", "v")

    def __init__(self, e: Emitter, v: Any) -> None:
        self.e, self.v = e, v

    @property
    def dtype(self) -> DType:
        dtype: DType = self.v.dtype
        return dtype

    def lift(self, other: Any) -> Any:
        """The raw scalar of `other`, a Num or a Python number, in this dtype."""
        return other.v if isinstance(other, Num) else self.e.const(other, self.dtype)

    def const(self, value: Any) -> Num:
        return Num(self.e, self.e.const(value, self.dtype))

    def known(self) -> float | int | None:
        """Its value if that is known while code is made."""
        return self.e.known(self.v)

    def _two(self, name: str, other: Any, swap: bool = False) -> Num:
        a, b = self.v, self.lift(other)
        kind = kind_of(self.dtype)
        full = name if name in ("iand", "ior", "ixor") else ("f" if kind == "f" else "i") + name
        return Num(self.e, getattr(self.e, full)(*((b, a) if swap else (a, b))))

    def __add__(self, o: Any) -> Num:
        return self._two("add", o)

    __radd__ = __add__

    def __sub__(self, o: Any) -> Num:
        return self._two("sub", o)

    def __rsub__(self, o: Any) -> Num:
        return self._two("sub", o, swap=True)

    def __mul__(self, o: Any) -> Num:
        return self._two("mul", o)

    __rmul__ = __mul__

    def __truediv__(self, o: Any) -> Num:
        return self._two("div", o)

    def __rtruediv__(self, o: Any) -> Num:
        return self._two("div", o, swap=True)

    def __neg__(self) -> Num:
        if is_float(self.dtype):
            return Num(self.e, self.e.fneg(self.v))
        return self.const(0) - self

    def __and__(self, o: Any) -> Num:
        return self._two("iand", o)

    def __or__(self, o: Any) -> Num:
        return self._two("ior", o)

    def __xor__(self, o: Any) -> Num:
        return self._two("ixor", o)

    def __invert__(self) -> Num:
        return self ^ (True if self.dtype == BOOL else -1)

    def __lshift__(self, o: Any) -> Num:
        return Num(self.e, self.e.shl(self.v, self.lift(o)))

    def __rshift__(self, o: Any) -> Num:
        shift = self.e.ashr if is_signed(self.dtype) else self.e.lshr
        return Num(self.e, shift(self.v, self.lift(o)))

    def _compare(self, pred: str, o: Any) -> Num:
        b = self.lift(o)
        if is_float(self.dtype):
            return Num(self.e, self.e.fcmp(("u" if pred == "ne" else "o") + pred, self.v, b))
        return Num(self.e, self.e.icmp(pred, self.v, b))

    def __lt__(self, o: Any) -> Num:
        return self._compare("lt", o)

    def __le__(self, o: Any) -> Num:
        return self._compare("le", o)

    def __gt__(self, o: Any) -> Num:
        return self._compare("gt", o)

    def __ge__(self, o: Any) -> Num:
        return self._compare("ge", o)

    def eq(self, o: Any) -> Num:
        return self._compare("eq", o)

    def ne(self, o: Any) -> Num:
        return self._compare("ne", o)

    def isnan(self) -> Num:
        return Num(self.e, self.e.fcmp("uno", self.v, self.v))

    def abs(self) -> Num:
        return Num(self.e, self.e.fabs(self.v))

    def sqrt(self) -> Num:
        return Num(self.e, self.e.sqrt(self.v))

    def floor(self) -> Num:
        return Num(self.e, self.e.floor(self.v))

    def trunc(self) -> Num:
        return Num(self.e, self.e.trunc(self.v))

    def rint(self) -> Num:
        return Num(self.e, self.e.rint(self.v))

    def copysign(self, o: Num) -> Num:
        return Num(self.e, self.e.copysign(self.v, self.lift(o)))

    def bits(self) -> Num:
        """A float's bits as a signed integer."""
        return Num(self.e, self.e.bitcast(self.v, signed_like(self.dtype)))

    def unsigned(self) -> Num:
        """The unsigned integer with these bits."""
        return Num(self.e, self.e.bitcast(self.v, np.dtype(f"u{self.dtype.itemsize}")))

    def floats(self, dtype: DType | None = None) -> Num:
        """The float with these bits."""
        dtype = np.dtype(f"f{self.dtype.itemsize}") if dtype is None else dtype
        return Num(self.e, self.e.bitcast(self.v, dtype))

    def computed(self) -> Num:
        """The same number in the format in which it is computed with."""
        wide = computed_in(self.dtype)
        return self if wide == self.dtype else self.to_float(wide)

    def signbit(self) -> Num:
        return self.bits() < 0

    def to_float(self, dtype: DType) -> Num:
        """From an integer or another float."""
        if self.dtype == dtype:
            return self
        cast = self.e.float_cast if is_float(self.dtype) else self.e.int_to_float
        return Num(self.e, cast(self.v, dtype))

    def to_int(self, dtype: DType) -> Num:
        """From an integer (wraps) or a float in range (truncates)."""
        cast = self.e.float_to_int if is_float(self.dtype) else self.e.int_cast
        return Num(self.e, cast(self.v, dtype))


class Format:
    """What algorithms need to know of a float format."""

    def __init__(self, bits: int, mantissa: int, bias: int) -> None:
        self.bits, self.mantissa, self.bias = bits, mantissa, bias
        self.magic = 1.5 * 2.0**mantissa  # adding it rounds to an integer in the low bits
        self.tiny = 2.0 ** -(mantissa // 2 + 2)  # below it x**2 is lost beside 1
        self.huge = 2.0 ** (mantissa // 2 + 2)
        self.min_normal = 2.0 ** (1 - bias)
        self.max = (2.0 - 2.0**-mantissa) * 2.0**bias

    def table(self, name: str) -> tuple[float, ...]:
        values: tuple[float, ...] = getattr(coefficients, f"{name}_{self.bits}")
        return values


SINGLE = Format(32, 23, 127)
DOUBLE = Format(64, 52, 1023)
INF = float("inf")
NAN = float("nan")


def format_of(x: Num) -> Format:
    return SINGLE if x.dtype == F32 else DOUBLE


def elementary(fn: Callable[..., Num]) -> Callable[..., Any]:
    """Turns a function of `Num`s into a lowering `f(e, *scalars)`, always strict IEEE."""

    @wraps(fn)
    def lower(e: Emitter, *operands: Any, **attrs: Any) -> Any:
        with e.strict():
            return fn(*(Num(e, v) for v in operands), **attrs).v

    return lower


def where(c: Num, a: Any, b: Any) -> Num:
    """`a` if `c` else `b`; at most one of them a Python number."""
    like = a if isinstance(a, Num) else b
    return Num(c.e, c.e.select(c.v, like.lift(a), like.lift(b)))


def rarely(c: Num, usual: Sequence[Num], otherwise: Callable[[], Sequence[Num]]) -> list[Num]:
    """`otherwise()` where `c`, else `usual`: for what is dear and few elements need."""
    found = c.e.rarely(c.v, [u.v for u in usual], lambda: [r.v for r in otherwise()])
    return [Num(c.e, v) for v in found]


def shortcut(e: Emitter, quick: Callable[[], tuple[Num, Num]], full: Callable[[], Num]) -> Num:
    """`full()`; or what `quick()` says where the bool before it holds: the same to the bit."""

    def asked() -> tuple[Any, Any]:
        holds, value = quick()
        return holds.v, value.v

    return Num(e, e.shortcut(asked, lambda: full().v))


def choose(c: Num, a: float, b: float, like: Num) -> Num:
    """`where` of two constants."""
    return where(c, like.const(a), b)


def fma(a: Num, b: Any, c: Any) -> Num:
    return Num(a.e, a.e.fma(a.v, a.lift(b), a.lift(c)))


def poly(t: Num, coefs: Sequence[float]) -> Num:
    """Horner's rule, coefficients lowest first."""
    p = t.const(coefs[-1])
    for c in reversed(coefs[:-1]):
        p = fma(p, t, c)
    return p


def poly_by_halves(t: Num, square: Num, coefs: Sequence[float]) -> Num:
    """The same as two polynomials of t*t, which need not wait for one another."""
    return fma(t, poly(square, coefs[1::2]), poly(square, coefs[::2]))


def smaller(a: Num, bound: float) -> Num:
    """min(a, bound), keeping nan."""
    return where(a > bound, bound, a)


def larger(a: Num, bound: float) -> Num:
    """max(a, bound), keeping nan."""
    return where(a < bound, bound, a)


def two_sum(a: Num, b: Num) -> tuple[Num, Num]:
    """Rounded sum and its error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def fast_two_sum(a: Num, b: Num) -> tuple[Num, Num]:
    """The same for |a| >= |b| or a == 0."""
    s = a + b
    return s, b - (s - a)


def two_product(a: Num, b: Num) -> tuple[Num, Num]:
    """Rounded product and its error."""
    p = a * b
    return p, fma(a, b, -p)


def _is_divided(x: Num) -> bool:
    return format_of(x) is not SINGLE or not x.e.rounds_quotients


def _guess(x: Num) -> Num:
    """1 / x to 5%, a float32, from its bits."""
    found: Num = 0x7EF31000 - x.bits()
    return found.floats()


def inverse(x: Num) -> Num:
    """1 / x within an ulp, for x of which it is normal; any number where it is not.

    In float32 a guess and two steps are fewer instructions than a division on a GPU, and take no
    more time on a CPU.
    """
    one = x.const(1.0)
    if _is_divided(x):
        return one / x
    r = _guess(x)
    h = fma(-x, r, one)
    r = fma(r, fma(h, h, h), r)
    return fma(r, fma(-x, r, one), r)


def rough_inverse(x: Num) -> Num:
    """The same to 2**-17."""
    one = x.const(1.0)
    if _is_divided(x):
        return one / x
    r = _guess(x)
    for _ in range(2):
        r = fma(r, fma(-x, r, one), r)
    return r


def quotient(n: Num, d: Num) -> Num:
    """n / d, hardly more than half an ulp off, for d as in `rough_inverse`."""
    if _is_divided(d):
        return n / d
    r = rough_inverse(d)
    q = n * r
    return fma(fma(-d, q, n), r, q)


def half_inverse_root(z: Num) -> Num:
    """1 / (2 sqrt(z)) to 3.5%, finite at 0: by it the rounding of a root is made good."""
    magic = 0x5EB76000 if format_of(z) is SINGLE else 0x5FD6EB50C7B537A9
    found: Num = magic - (z.bits() >> 1)
    return found.floats()


def scale_by_power(x: Num, n: Num) -> Num:
    """`x * 2**n` for an integer `n` within twice the exponent range, in two exact steps."""
    f = format_of(x)
    half = n >> 1
    first = ((half + f.bias) << f.mantissa).floats()
    second = ((n - half + f.bias) << f.mantissa).floats()
    return x * first * second
