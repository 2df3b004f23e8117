"""eq ne lt le gt ge, minimum maximum fmin fmax, isnan isinf isfinite, select.

Complex numbers are ordered lexicographically, as NumPy does. Of equal zeros the second operand is
the minimum and the maximum, as NumPy's vector loops have it; of float16, which has none, the first.
"""

from __future__ import annotations

from typing import Any

from tracejit.ir.scalar.elementary.num import INF, Num
from tracejit.ir.scalar.emit import F16, ComplexPair, Emitter
from tracejit.ir.scalar.lowering.rule import Lower, by_kind


def _integer(pred: str) -> Lower:
    return lambda e, a, b: e.icmp(pred, a, b)


def _float(pred: str) -> Lower:
    return lambda e, a, b: e.fcmp(pred, a, b)


def _eq_complex(e: Emitter, a: ComplexPair, b: ComplexPair) -> Any:
    return e.iand(e.fcmp("oeq", a.re, b.re), e.fcmp("oeq", a.im, b.im))


def _ne_complex(e: Emitter, a: ComplexPair, b: ComplexPair) -> Any:
    return e.ior(e.fcmp("une", a.re, b.re), e.fcmp("une", a.im, b.im))


def _lexicographic(strict: str, pred: str) -> Lower:
    """Real parts decide unless an imaginary part is nan; imaginary parts decide a tie."""

    def lower(e: Emitter, a: ComplexPair, b: ComplexPair) -> Any:
        decided = e.iand(e.fcmp(strict, a.re, b.re), e.fcmp("ord", a.im, b.im))
        tie = e.iand(e.fcmp("oeq", a.re, b.re), e.fcmp(pred, a.im, b.im))
        return e.ior(decided, tie)

    return lower


def select(e: Emitter, c: Any, a: Any, b: Any) -> Any:
    if isinstance(a, ComplexPair):
        return ComplexPair(e.select(c, a.re, b.re), e.select(c, a.im, b.im))
    return e.select(c, a, b)


def _isnan(e: Emitter, a: Any) -> Any:
    return e.fcmp("uno", a, a)


def _isinf(e: Emitter, a: Any) -> Any:
    return Num(e, a).abs().eq(INF).v


def _isfinite(e: Emitter, a: Any) -> Any:
    return (Num(e, a).abs() < INF).v


def _parts(combine: str, rule: Lower) -> Lower:
    return lambda e, z: getattr(e, combine)(rule(e, z.re), rule(e, z.im))


_isnan_complex = _parts("ior", _isnan)


def extremum(pred: str, *, ignore_nan: bool) -> Lower:
    def integer(e: Emitter, a: Any, b: Any) -> Any:
        return e.select(e.icmp(pred, a, b), a, b)

    def real(e: Emitter, a: Any, b: Any) -> Any:
        x, y = (Num(e, v).computed().v for v in (a, b))
        before = "o" + (pred[0] + "e" if a.dtype == F16 else pred)
        keep = e.fcmp("uno", *((y, y) if ignore_nan else (x, x)))
        return e.select(e.ior(e.fcmp(before, x, y), keep), a, b)

    before = _lexicographic("o" + pred, "o" + pred[0] + "e")

    def complex_(e: Emitter, a: ComplexPair, b: ComplexPair) -> Any:
        keep = _isnan_complex(e, b if ignore_nan else a)
        return select(e, e.ior(before(e, a, b), keep), a, b)

    return by_kind(b=integer, n=integer, f=real, c=complex_)


def order(pred: str) -> Lower:
    strict = "o" + pred[0] + "t"
    return by_kind(
        b=_integer(pred),
        n=_integer(pred),
        f=_float("o" + pred),
        c=_lexicographic(strict, "o" + pred),
    )


eq = by_kind(b=_integer("eq"), n=_integer("eq"), f=_float("oeq"), c=_eq_complex)
ne = by_kind(b=_integer("ne"), n=_integer("ne"), f=_float("une"), c=_ne_complex)
isnan = by_kind(f=_isnan, c=_isnan_complex)
isinf = by_kind(f=_isinf, c=_parts("ior", _isinf))
isfinite = by_kind(f=_isfinite, c=_parts("iand", _isfinite))
