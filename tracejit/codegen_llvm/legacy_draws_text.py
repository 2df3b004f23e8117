"""LLVM text of the distributions of `RandomState` that NumPy does not export.

Their streams are fixed for good (NEP 19), so the formulas are, operation by operation: the polar
method of Marsaglia for normal numbers, of which one is kept for the next call; inversion; and
Marsaglia and Tsang (2000) for the gamma distribution, with Ahrens and Dieter's method below 1.
`%aug` is the `aug_bitgen_t` of the generator. Nothing may be joined or reordered, and logarithms
are the C library's that NumPy calls.
"""

from __future__ import annotations

from tracejit.abi import generators
from tracejit.codegen_llvm.draw_texts import DrawTexts, with_callees

_UNIFORM = """
define internal double @legacy_uniform(ptr %aug) {
  %interface = load ptr, ptr %aug
  %state = load ptr, ptr %interface
  %next = load ptr, ptr %interface[i8 NEXT_DOUBLE]
  %u = call double %next(ptr %state)
  ret double %u
}
"""
_GAUSS = """
define internal double @legacy_gauss(ptr %aug) {
entry:
  %hasp = getelementptr i8, ptr %aug, i64 HAS_GAUSS
  %keptp = getelementptr i8, ptr %aug, i64 GAUSS_AT
  %has = load i32, ptr %hasp
  br i1 (icmp ne i32 %has, 0), label %kept, label %draw
kept:
  %old = load double, ptr %keptp
  store i32 0, ptr %hasp
  store double 0.0, ptr %keptp
  ret double %old
draw:
  %u1 = call double @legacy_uniform(ptr %aug)
  %d1 = fmul double 2.0, %u1
  %x1 = fsub double %d1, 1.0
  %u2 = call double @legacy_uniform(ptr %aug)
  %d2 = fmul double 2.0, %u2
  %x2 = fsub double %d2, 1.0
  %s1 = fmul double %x1, %x1
  %s2 = fmul double %x2, %x2
  %r = fadd double %s1, %s2
  br i1 (or i1 (fcmp oge double %r, 1.0), (fcmp oeq double %r, 0.0)), label %draw, label %found
found:
  %log = call double @tj_c_log(double %r)
  %minus = fmul double -2.0, %log
  %ratio = fdiv double %minus, %r
  %f = call double @llvm.sqrt.f64(double %ratio)
  %keep = fmul double %f, %x1
  store double %keep, ptr %keptp
  store i32 1, ptr %hasp
  %give = fmul double %f, %x2
  ret double %give
}
"""
_NORMAL = """
define internal double @legacy_normal(ptr %aug, double %loc, double %scale) {
  %z = call double @legacy_gauss(ptr %aug)
  %wide = fmul double %scale, %z
  %x = fadd double %loc, %wide
  ret double %x
}
"""
_LOGNORMAL = """
define internal double @legacy_lognormal(ptr %aug, double %mean, double %sigma) {
  %x = call double @legacy_normal(ptr %aug, double %mean, double %sigma)
  %e = call double @tj_c_exp(double %x)
  ret double %e
}
"""
_STANDARD_EXPONENTIAL = """
define internal double @legacy_standard_exponential(ptr %aug) {
  %u = call double @legacy_uniform(ptr %aug)
  %rest = fsub double 1.0, %u
  %log = call double @tj_c_log(double %rest)
  %x = fneg double %log
  ret double %x
}
"""
_EXPONENTIAL = """
define internal double @legacy_exponential(ptr %aug, double %scale) {
  %e = call double @legacy_standard_exponential(ptr %aug)
  %x = fmul double %scale, %e
  ret double %x
}
"""
_PARETO = """
define internal double @legacy_pareto(ptr %aug, double %a) {
  %e = call double @legacy_standard_exponential(ptr %aug)
  %part = fdiv double %e, %a
  %grown = call double @tj_c_exp(double %part)
  %x = fsub double %grown, 1.0
  ret double %x
}
"""
_WEIBULL = """
define internal double @legacy_weibull(ptr %aug, double %a) {
  %e = call double @legacy_standard_exponential(ptr %aug)
  %inverse = fdiv double 1.0, %a
  %x = call double @tj_c_pow(double %e, double %inverse)
  ret double %x
}
"""
_POWER = """
define internal double @legacy_power(ptr %aug, double %a) {
  %e = call double @legacy_standard_exponential(ptr %aug)
  %minus = fneg double %e
  %shrunk = call double @tj_c_exp(double %minus)
  %rest = fsub double 1.0, %shrunk
  %inverse = fdiv double 1.0, %a
  %x = call double @tj_c_pow(double %rest, double %inverse)
  ret double %x
}
"""
_STANDARD_GAMMA = """
define internal double @legacy_standard_gamma(ptr %aug, double %shape) {
entry:
  br i1 (fcmp oeq double %shape, 1.0), label %exponential, label %other
exponential:
  %e = call double @legacy_standard_exponential(ptr %aug)
  ret double %e
other:
  %inverse = fdiv double 1.0, %shape
  %rest = fsub double 1.0, %shape
  %b = fsub double %shape, 0x3FD5555555555555
  %nine = fmul double 9.0, %b
  %root = call double @llvm.sqrt.f64(double %nine)
  %c = fdiv double 1.0, %root
  br i1 (fcmp olt double %shape, 1.0), label %small, label %large
small:
  %u = call double @legacy_uniform(ptr %aug)
  %v = call double @legacy_standard_exponential(ptr %aug)
  br i1 (fcmp ole double %u, %rest), label %power, label %tail
power:
  %x1 = call double @tj_c_pow(double %u, double %inverse)
  br i1 (fcmp ole double %x1, %v), label %give, label %small
tail:
  %ru = fsub double 1.0, %u
  %ratio = fdiv double %ru, %shape
  %logr = call double @tj_c_log(double %ratio)
  %y = fneg double %logr
  %sy = fmul double %shape, %y
  %base = fadd double %rest, %sy
  %x2 = call double @tj_c_pow(double %base, double %inverse)
  %vy = fadd double %v, %y
  br i1 (fcmp ole double %x2, %vy), label %give, label %small
give:
  %x = phi double [ %x1, %power ], [ %x2, %tail ]
  ret double %x
large:
  %z = call double @legacy_gauss(ptr %aug)
  %cz = fmul double %c, %z
  %w = fadd double 1.0, %cz
  br i1 (fcmp ole double %w, 0.0), label %large, label %cube
cube:
  %ww = fmul double %w, %w
  %www = fmul double %ww, %w
  %t = call double @legacy_uniform(ptr %aug)
  %zz = fmul double %z, %z
  %k = fmul double 0x3FA0F27BB2FEC56D, %zz
  %kz = fmul double %k, %zz
  %most = fsub double 1.0, %kz
  %bw = fmul double %b, %www
  br i1 (fcmp olt double %t, %most), label %accept, label %exact
exact:
  %logt = call double @tj_c_log(double %t)
  %half = fmul double 0.5, %z
  %halfz = fmul double %half, %z
  %less = fsub double 1.0, %www
  %logw = call double @tj_c_log(double %www)
  %sum = fadd double %less, %logw
  %bsum = fmul double %b, %sum
  %bound = fadd double %halfz, %bsum
  br i1 (fcmp olt double %logt, %bound), label %accept, label %large
accept:
  ret double %bw
}
"""
_GAMMA = """
define internal double @legacy_gamma(ptr %aug, double %shape, double %scale) {
  %g = call double @legacy_standard_gamma(ptr %aug, double %shape)
  %x = fmul double %scale, %g
  ret double %x
}
"""
_CHISQUARE = """
define internal double @legacy_chisquare(ptr %aug, double %df) {
  %shape = fdiv double %df, 2.0
  %g = call double @legacy_standard_gamma(ptr %aug, double %shape)
  %x = fmul double 2.0, %g
  ret double %x
}
"""

_FUNCTIONS: DrawTexts = {
    "uniform": (_UNIFORM, (), ()),
    "gauss": (_GAUSS, ("uniform",), ("log",)),
    "normal": (_NORMAL, ("gauss",), ()),
    "lognormal": (_LOGNORMAL, ("normal",), ("exp",)),
    "standard_exponential": (_STANDARD_EXPONENTIAL, ("uniform",), ("log",)),
    "exponential": (_EXPONENTIAL, ("standard_exponential",), ()),
    "pareto": (_PARETO, ("standard_exponential",), ("exp",)),
    "weibull": (_WEIBULL, ("standard_exponential",), ("pow",)),
    "power": (_POWER, ("standard_exponential",), ("exp", "pow")),
    "standard_gamma": (
        _STANDARD_GAMMA,
        ("uniform", "gauss", "standard_exponential"),
        ("log", "pow"),
    ),
    "gamma": (_GAMMA, ("standard_gamma",), ()),
    "chisquare": (_CHISQUARE, ("standard_gamma",), ()),
}


_OFFSETS = {
    "NEXT_DOUBLE": str(generators.NEXT_DOUBLE),
    "HAS_GAUSS": str(generators.HAS_GAUSS),
    "GAUSS_AT": str(generators.GAUSS),
}


def legacy_text(name: str) -> tuple[list[tuple[str, str]], set[str]]:
    """What defines `@legacy_<name>`, and what it calls of the C library (see ``with_callees``)."""
    return with_callees("legacy", _FUNCTIONS, _OFFSETS, name)
