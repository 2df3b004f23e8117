"""The simulator's arithmetic on hand-written PTX, against Python's own numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.ptx.harness import run, same
from tests.ptx.rounding import fma

RNG = np.random.default_rng(7)
I32 = np.array([0, 1, -1, 5, -7, 2**31 - 1, -(2**31), 123456789, -98765], np.int32)
J32 = np.array([3, -1, 1, -2, 2, 7, 3, -987654321, 31], np.int32)
I64 = np.array([0, 1, -1, 5, -7, 2**63 - 1, -(2**63), 1234567890123, -(10**17)], np.int64)
J64 = np.array([3, -1, 1, -2, 2, 7, 3, -98765432109876, 31], np.int64)
NAN, INF = np.nan, np.inf
F64 = np.array([0.0, -0.0, 1.5, -2.5, INF, -INF, NAN, 1e300, 5e-324, 0.1, -1e19, 3e9])
G64 = np.array([-0.0, 0.0, 2.0, NAN, -INF, 1.0, NAN, 1e300, 0.5, -0.3, 7.0, -3e9])
with np.errstate(over="ignore"):
    F32, G32 = F64.astype(np.float32), G64.astype(np.float32)


def big(function, *arrays: np.ndarray, out: np.dtype) -> np.ndarray:
    """`function` on Python numbers, wrapped into `out`."""
    width = 8 * out.itemsize
    values = [function(*items) & ((1 << width) - 1) for items in zip(*(a.tolist() for a in arrays))]
    return np.array(values, f"u{out.itemsize}").view(out)


def quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("sign", ["s", "u"])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("add", lambda a, b: a + b),
        ("sub", lambda a, b: a - b),
        ("mul.lo", lambda a, b: a * b),
        ("div", quotient),
        ("rem", lambda a, b: a - quotient(a, b) * b),
        ("min", min),
        ("max", max),
    ],
)
def test_integer_arithmetic(bits: int, sign: str, name: str, function) -> None:
    a, b = (I32, J32) if bits == 32 else (I64, J64)
    dtype = np.dtype(f"{'i' if sign == 's' else 'u'}{bits // 8}")
    a, b = a.view(dtype), b.view(dtype)
    got = run(f"{name}.{sign}{bits} y, x0, x1;", a, b, out=dtype.str)
    same(got, big(function, a, b, out=dtype))


@pytest.mark.parametrize("sign", ["s", "u"])
def test_two_numbers_of_16_bits_are_added_apart(sign: str) -> None:
    a, b = (x.view(f"{'i' if sign == 's' else 'u'}2") for x in (I32, J32))
    same(run(f"add.{sign}16x2 y, x0, x1;", I32, J32, out="u4").view(a.dtype), a + b)


@pytest.mark.parametrize("sign", ["s", "u"])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_high_and_wide_products(sign: str, bits: int) -> None:
    dtype = np.dtype(f"{'i' if sign == 's' else 'u'}{bits // 8}")
    a, b = RNG.integers(0, 2**64, 64, np.uint64), RNG.integers(0, 2**64, 64, np.uint64)
    a, b = a.astype(dtype), b.astype(dtype)
    high = run(f"mul.hi.{sign}{bits} y, x0, x1;", a, b, out=dtype.str)
    same(high, big(lambda x, y: (x * y) >> bits, a, b, out=dtype))
    if bits < 64:
        wide = np.dtype(f"{dtype.kind}{bits // 4}")
        got = run(f"mul.wide.{sign}{bits} y, x0, x1;", a, b, out=wide.str)
        same(got, big(lambda x, y: x * y, a, b, out=wide))


def test_mad_negation_and_carry() -> None:
    same(
        run("mad.lo.s32 y, x0, x1, 7;", I32, J32, out="i4"),
        big(lambda a, b: a * b + 7, I32, J32, out=np.dtype("i4")),
    )
    same(run("neg.s64 y, x0;", I64, out="i8"), big(lambda a: -a, I64, out=np.dtype("i8")))
    same(run("abs.s32 y, x0;", I32, out="i4"), big(abs, I32, out=np.dtype("i4")))
    # The upper words of a 128-bit sum and difference.
    body = "add.cc.u64 %d0, x0, x1; addc.u64 y, x0, x1;"
    a, b = I64.view("u8"), J64.view("u8")
    both = (1 << 64) + 1
    same(
        run(body, a, b, out="u8"),
        big(lambda x, z: (x * both + z * both) >> 64, a, b, out=np.dtype("u8")),
    )
    body = "sub.cc.u64 %d0, x0, x1; subc.u64 y, x0, x1;"
    same(
        run(body, a, b, out="u8"),
        big(lambda x, z: (x * both - z * both) >> 64, a, b, out=np.dtype("u8")),
    )


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_bits(bits: int) -> None:
    u = np.dtype(f"u{bits // 8}")
    x = np.array(
        [0, 1, 2**bits - 1, 1 << (bits - 1), *RNG.integers(0, 2**bits, 20, np.uint64)], np.uint64
    ).astype(u)
    y = x[::-1].copy()
    t = f"b{bits}"
    for name, function in (
        ("and", lambda a, b: a & b),
        ("or", lambda a, b: a | b),
        ("xor", lambda a, b: a ^ b),
    ):
        same(run(f"{name}.{t} y, x0, x1;", x, y, out=u.str), function(x, y))
    same(run(f"not.{t} y, x0;", x, out=u.str), ~x)
    n = np.arange(len(x), dtype=np.uint32) * 4
    mask = (1 << bits) - 1
    same(run(f"shl.{t} y, x0, x1;", x, n, out=u.str), big(lambda a, k: a << k & mask, x, n, out=u))
    same(run(f"shr.u{bits} y, x0, x1;", x, n, out=u.str), big(lambda a, k: a >> k, x, n, out=u))
    s = x.view(f"i{bits // 8}")
    same(
        run(f"shr.s{bits} y, x0, x1;", s, n, out=s.dtype.str),
        big(lambda a, k: a >> k, s, n, out=s.dtype),
    )
    if bits == 16:
        return
    same(
        run(f"brev.{t} y, x0;", x, out=u.str),
        big(lambda a: int(f"{a:0{bits}b}"[::-1], 2), x, out=u),
    )
    u4 = np.dtype("u4")
    same(run(f"popc.{t} y, x0;", x, out="u4"), big(lambda a: a.bit_count(), x, out=u4))
    same(run(f"clz.{t} y, x0;", x, out="u4"), big(lambda a: bits - a.bit_length(), x, out=u4))
    same(run(f"bfind.u{bits} y, x0;", x, out="u4"), big(lambda a: a.bit_length() - 1, x, out=u4))


@pytest.mark.parametrize("bits", [32, 64])
def test_bit_fields(bits: int) -> None:
    u = np.dtype(f"u{bits // 8}")
    x = RNG.integers(0, 2**bits, 200, np.uint64).astype(u)
    start = RNG.integers(0, bits + 6, 200).astype(np.uint32)
    count = RNG.integers(0, bits + 6, 200).astype(np.uint32)

    def extract(a: int, p: int, c: int, signed: bool) -> int:
        # The pseudo-code of the ISA manual, bit by bit.
        last = min(p + c - 1, bits - 1)
        sign = a >> last & 1 if signed and c else 0
        return sum((a >> (p + i) & 1 if i < c and p + i < bits else sign) << i for i in range(bits))

    got = run(f"bfe.u{bits} y, x0, x1, x2;", x, start, count, out=u.str)
    same(got, big(lambda a, p, c: extract(a, p, c, False), x, start, count, out=u))
    got = run(f"bfe.s{bits} y, x0, x1, x2;", x, start, count, out=u.str)
    same(got, big(lambda a, p, c: extract(a, p, c, True), x, start, count, out=u))

    def insert(a: int, b: int, p: int, c: int) -> int:
        for i in range(c):
            if p + i < bits:
                b = b & ~(1 << (p + i)) | (a >> i & 1) << (p + i)
        return b

    got = run(f"bfi.b{bits} y, x0, x1, x2, x3;", x, x[::-1].copy(), start, count, out=u.str)
    same(got, big(insert, x, x[::-1], start, count, out=u))


def test_byte_permute_funnel_shift_and_lop3() -> None:
    a, b = (RNG.integers(0, 2**32, 50, np.uint64).astype("u4") for _ in range(2))
    u4 = np.dtype("u4")

    def permute(x: int, z: int, selector: int) -> int:
        both, out = x | z << 32, 0
        for i in range(4):
            pick = selector >> 4 * i & 15
            byte = both >> 8 * (pick & 7) & 255
            out |= (0xFF if byte & 128 else 0) << 8 * i if pick & 8 else byte << 8 * i
        return out

    s = RNG.integers(0, 2**16, 50, np.uint64).astype("u4")
    same(run("prmt.b32 y, x0, x1, x2;", a, b, s, out="u4"), big(permute, a, b, s, out=u4))
    n = RNG.integers(0, 40, 50).astype("u4")
    wrap = run("shf.l.wrap.b32 y, x0, x1, x2;", a, b, n, out="u4")
    same(wrap, big(lambda x, z, k: ((z << 32 | x) << (k & 31)) >> 32, a, b, n, out=u4))
    clamp = run("shf.r.clamp.b32 y, x0, x1, x2;", a, b, n, out="u4")
    same(clamp, big(lambda x, z, k: (z << 32 | x) >> min(k, 32), a, b, n, out=u4))
    same(run("lop3.b32 y, x0, x1, 0, 0xC0;", a, b, out="u4"), a & b)
    same(run("lop3.b32 y, x0, x1, x2, 0x96;", a, b, s, out="u4"), a ^ b ^ s)


@pytest.mark.parametrize("t", ["f32", "f64"])
def test_float_arithmetic(t: str) -> None:
    x, z = (F32, G32) if t == "f32" else (F64, G64)
    out = x.dtype.str
    with np.errstate(all="ignore"):
        for name, function in (
            ("add.rn", np.add),
            ("sub.rn", np.subtract),
            ("mul.rn", np.multiply),
            ("div.rn", np.divide),
        ):
            same(run(f"{name}.{t} y, x0, x1;", x, z, out=out), function(x, z))
        same(run(f"sqrt.rn.{t} y, x0;", x, out=out), np.sqrt(x))
        same(run(f"rcp.rn.{t} y, x0;", x, out=out), 1 / x)
    same(run(f"neg.{t} y, x0;", x, out=out), -x)
    same(run(f"abs.{t} y, x0;", x, out=out), abs(x))
    same(run(f"copysign.{t} y, x0, x1;", x, z, out=out), np.copysign(z, x))


def test_float_extrema_know_nan_and_signed_zero() -> None:
    low = np.fmin(F64, G64)
    low[:2] = -0.0
    same(run("min.f64 y, x0, x1;", F64, G64, out="f8"), low)
    high = np.fmax(F64, G64)
    high[:2] = 0.0
    same(run("max.f64 y, x0, x1;", F64, G64, out="f8"), high)
    got = run("max.NaN.f32 y, x0, x1;", F32, G32, out="f4")
    expected = np.maximum(F32, G32)
    expected[:2] = 0.0
    same(got, expected)


def exact_fma(a: float, b: float, c: float) -> float:
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def test_fma_is_rounded_once() -> None:
    scale = RNG.integers(-60, 60, 3000)
    a, b = RNG.normal(size=3000) * 2.0**scale, RNG.normal(size=3000)
    c = -(a * b) * RNG.choice([1, 1 + 2**-52, 1e-16, 1e16, 0.5], 3000)
    same(fma(a, b, c), np.array([exact_fma(*map(float, t)) for t in zip(a, b, c)]))
    tiny = np.array([1e-160, 5e-324, 2.0**-537, 1e-308, 3.0])
    other = np.array([1e-160, 0.5, 2.0**-537, 1e-5, 0.0])
    add = np.array([5e-324, -5e-324, 5e-324, 1e-310, -0.0])
    expected = [exact_fma(*map(float, t)) for t in zip(tiny, other, add)]
    np.testing.assert_array_equal(
        run("fma.rn.f64 y, x0, x1, x2;", tiny, other, add, out="f8"), expected
    )
    assert np.isnan(fma(np.array([INF]), np.array([0.0]), np.array([1.0]))[0])
    # 1 + 2^-24 + 2^-60 rounds up once, to even if rounded twice.
    x = np.array([1 + 2.0**-12], np.float32)
    z = np.array([2.0**-60 - 2.0**-11 - 2.0**-24 + 2.0**-24], np.float32)
    once = np.float32(float(Fraction(float(x[0])) ** 2 + Fraction(float(z[0]))))
    assert run("fma.rn.f32 y, x0, x0, x1;", x, z, out="f4")[0] == once
    w, v = (RNG.normal(size=500).astype(np.float32) for _ in range(2))
    u = (-(w.astype("f8") * v) * RNG.choice([1, 1 + 2**-23, 1e-7], 500)).astype(np.float32)
    got = run("fma.rn.f32 y, x0, x1, x2;", w, v, u, out="f4")
    exact = [
        Fraction(float(p)) * Fraction(float(q)) + Fraction(float(r)) for p, q, r in zip(w, v, u)
    ]
    for value, truth in zip(got, exact):
        error = abs(Fraction(float(value)) - truth)
        assert error <= abs(Fraction(float(np.spacing(value)))) / 2


@pytest.mark.parametrize("comparison", "eq ne lt le gt ge equ neu ltu leu gtu geu num nan".split())
def test_float_comparisons(comparison: str) -> None:
    nan = np.isnan(F64) | np.isnan(G64)
    base = {"num": ~nan, "nan": nan}
    symbol = comparison.rstrip("u") if comparison not in base else ""
    if symbol:
        ordered = {
            "eq": F64 == G64,
            "ne": (F64 != G64),
            "lt": F64 < G64,
            "le": F64 <= G64,
            "gt": F64 > G64,
            "ge": F64 >= G64,
        }[symbol]
        base[comparison] = (ordered | nan) if comparison.endswith("u") else (ordered & ~nan)
    got = run(f"setp.{comparison}.f64 %p0, x0, x1; selp.b32 y, 1, 0, %p0;", F64, G64, out="u4")
    same(got, base[comparison].astype(np.uint32))


@pytest.mark.parametrize(
    ("comparison", "t"),
    [(c, "s32") for c in "eq ne lt le gt ge".split()]
    + [(c, "u32") for c in "eq ne lt le gt ge lo ls hi hs".split()],
)
def test_integer_comparisons(comparison: str, t: str) -> None:
    a, b = (I32, J32) if t == "s32" else (I32.view("u4"), J32.view("u4"))
    names = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "lo": np.less, "le": np.less_equal}
    names |= {
        "ls": np.less_equal,
        "gt": np.greater,
        "hi": np.greater,
        "ge": np.greater_equal,
        "hs": np.greater_equal,
    }
    got = run(
        f"setp.{comparison}.{t} %p0|%p1, x0, x1; selp.u32 %r0, 2, 0, %p1; selp.u32 y, 1, %r0, %p0;",
        a,
        b,
        out="u4",
    )
    same(got, np.where(names[comparison](a, b), 1, 2).astype(np.uint32))


def test_predicates_and_selection() -> None:
    got = run(
        "setp.gt.s32 %p0, x0, 0; setp.lt.and.s32 %p1, x0, 6, %p0; not.pred %p2, %p1; "
        "@%p2 mov.u32 y, 9; @!%p2 mov.u32 y, 4;",
        I32,
        out="u4",
    )
    same(got, np.where((I32 > 0) & (I32 < 6), 4, 9).astype(np.uint32))
    got = run(
        "setp.gt.s32 %p0, x0, 0; setp.ne.s32 %p1, x0, 5; xor.pred %p2, %p0, %p1; "
        "set.lt.or.u32.s32 y, x0, 0, %p2;",
        I32,
        out="u4",
    )
    same(got, np.where((I32 < 0) | ((I32 > 0) ^ (I32 != 5)), 2**32 - 1, 0).astype(np.uint32))
    same(
        run("slct.b32.s32 y, 1, 2, x0;", I32, out="u4"), np.where(I32 >= 0, 1, 2).astype(np.uint32)
    )
    same(
        run("slct.f64.f32 y, 0d3FF0000000000000, 0dC000000000000000, x0;", F32, out="f8"),
        np.where(F32 >= 0, 1.0, -2.0),
    )
    got = run("testp.subnormal.f64 %p0, x0; selp.b32 y, 1, 0, %p0;", F64, out="u4")
    same(got, (F64 == 5e-324).astype(np.uint32))


@pytest.mark.parametrize(
    ("source", "target"),
    [("f64", "s64"), ("f64", "u32"), ("f32", "s32"), ("f64", "s16"), ("f32", "u64")],
)
def test_float_to_integer_saturates(source: str, target: str) -> None:
    x = F64 if source == "f64" else F32
    dtype = np.dtype(("i" if target[0] == "s" else "u") + str(int(target[1:]) // 8))
    info = np.iinfo(dtype)
    wide = source == "f64" or target.endswith("64")
    of_nan = (1 << (8 * dtype.itemsize - 1)) if wide else 0

    def convert(v: float) -> int:
        if np.isnan(v):
            return of_nan
        if np.isinf(v):
            return info.max if v > 0 else info.min
        return min(max(int(v), info.min), info.max)

    got = run(f"cvt.rzi.{target}.{source} y, x0;", x, out=dtype.str)
    same(got, big(convert, x, out=dtype))


def test_other_conversions() -> None:
    with np.errstate(all="ignore"):
        same(run("cvt.rn.f32.f64 y, x0;", F64, out="f4"), F64.astype(np.float32))
        same(run("cvt.rn.f16.f64 y, x0;", F64, out="f2"), F64.astype(np.float16))
    same(run("cvt.f64.f32 y, x0;", F32, out="f8"), F32.astype(np.float64))
    same(run("cvt.rn.f32.s64 y, x0;", I64, out="f4"), I64.astype(np.float32))
    same(run("cvt.rn.f64.u64 y, x0;", I64.view("u8"), out="f8"), I64.view("u8").astype(np.float64))
    same(run("cvt.s64.s32 y, x0;", I32, out="i8"), I32.astype(np.int64))
    same(run("cvt.u64.u32 y, x0;", I32, out="i8"), I32.view("u4").astype(np.int64))
    same(run("cvt.s32.s8 y, x0;", I32, out="i4"), I32.astype(np.int8).astype(np.int32))
    same(
        run("cvt.sat.u8.s32 %h0, x0; cvt.u32.u16 y, %h0;", I32, out="u4"),
        np.clip(I32, 0, 255).astype(np.uint32),
    )
    for mode, function in (
        ("rni", np.rint),
        ("rzi", np.trunc),
        ("rmi", np.floor),
        ("rpi", np.ceil),
    ):
        same(run(f"cvt.{mode}.f64.f64 y, x0;", F64, out="f8"), function(F64))
    x = RNG.normal(size=64)
    for mode, holds in (("rm", np.less_equal), ("rp", np.greater_equal)):
        got = run(f"cvt.{mode}.f32.f64 y, x0;", x, out="f4")
        assert holds(got, x).all()
        assert (abs(got - x) < np.spacing(abs(got))).all()
    got = run("cvt.rn.bf16.f32 y, x0;", np.array([1.0, 1.00390625, 1.01171875], "f4"), out="u2")
    assert got.tolist() == [0x3F80, 0x3F80, 0x3F82]
