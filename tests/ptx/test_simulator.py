"""The PTX simulator on hand-written PTX: every instruction family, and every fault it must catch."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.ptx.rounding import fma
from tests.ptx.simulator import Device, PtxError, launch

HEADER = ".version 7.0\n.target sm_80\n.address_size 64\n"


def kernel(body: str, params: int = 2, extra: str = "") -> str:
    declared = ",\n".join(f".param .u64 p{i}" for i in range(params))
    loads = "".join(f"ld.param.u64 %a{i}, [p{i}];\n" for i in range(params))
    registers = (
        ".reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<19>; .reg .b64 %d<19>;"
        ".reg .f32 %f<9>; .reg .f64 %g<9>; .reg .b64 %a<9>; .reg .b32 %t<4>; .reg .b64 %o<4>;"
    )
    return f"{HEADER}{extra}\n.visible .entry k(\n{declared}\n)\n{{\n{registers}\n{loads}{body}\nret;\n}}\n"


def run(body: str, *arrays: np.ndarray, out: str, threads: int | None = None) -> np.ndarray:
    """Lane i computes `body` from element i of each array in x0, x1 ...; it leaves it in y."""
    device = Device()
    count = len(arrays[0])
    lines = ["mov.u32 %t0, %tid.x;", "mov.u64 %o0, 0;"]
    kinds = {1: "b16", 2: "b16", 4: "b32", 8: "b64"}
    for i, array in enumerate(arrays):
        size = array.dtype.itemsize
        lines.append(f".reg .{kinds[size]} x{i};")
        lines.append(f"mad.wide.u32 %o1, %t0, {size}, %a{i};")
        lines.append(f"ld.global.{'u8' if size == 1 else kinds[size]} x{i}, [%o1];")
    dtype = np.dtype(out)
    last = len(arrays)
    lines.append(f".reg .{kinds[dtype.itemsize]} y;")
    lines.append(body)
    lines.append(f"mad.wide.u32 %o1, %t0, {dtype.itemsize}, %a{last};")
    lines.append(f"st.global.b{8 * dtype.itemsize} [%o1], y;")
    addresses = [device.put(array) for array in arrays]
    result = device.empty(count, dtype)
    launch(device, kernel("\n".join(lines), last + 1), "k", 1, count, [*addresses, result])
    return device.get(result, count, dtype)


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


def same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    if got.dtype.kind == "f":
        keep = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[keep]), np.signbit(expected[keep]))


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
        "setp.gt.s32 %p0, x0, 0; setp.lt.and.s32 %p1, x0, 6, %p0; not.pred %p2, %p1; @%p2 mov.u32 y, 9; @!%p2 mov.u32 y, 4;",
        I32,
        out="u4",
    )
    same(got, np.where((I32 > 0) & (I32 < 6), 4, 9).astype(np.uint32))
    got = run(
        "setp.gt.s32 %p0, x0, 0; setp.ne.s32 %p1, x0, 5; xor.pred %p2, %p0, %p1; set.lt.or.u32.s32 y, x0, 0, %p2;",
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


def test_vectors_packing_and_narrow_memory() -> None:
    device = Device()
    x = device.put(np.arange(8, dtype=np.float32))
    y = device.put(np.zeros(8, np.float32))
    body = "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%a0+16]; st.global.v4.b32 [%a1], {%f3, %f2, %f1, %f0}; ld.global.nc.v2.b64 {%d0, %d1}, [%a0]; mov.b64 {%r0, _}, %d0; mov.b64 %d2, {%r0, %r0}; st.global.b64 [%a1+16], %d2; st.global.u8 [%a1+24], 200; ld.global.s8 %r1, [%a1+24]; st.global.b32 [%a1+28], %r1;"
    launch(device, kernel(body), None, 1, 1, [x, y])
    got = device.get(y, 8, np.float32)
    assert got[:6].tolist() == [7, 6, 5, 4, 0, 0]
    assert got.view(np.int32)[7] == -56


def test_grid_in_three_dimensions() -> None:
    device = Device()
    out = device.empty(2 * 3 * 2 * 4 * 2 * 2, "u4")
    body = """
    mov.u32 %r0, %ctaid.z; mov.u32 %r1, %nctaid.y; mov.u32 %r2, %ctaid.y; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %nctaid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.z; mov.u32 %r2, %tid.z; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.y; mov.u32 %r2, %tid.y; mad.lo.u32 %r0, %r0, %r1, %r2;
    mov.u32 %r1, %ntid.x; mov.u32 %r2, %tid.x; mad.lo.u32 %r0, %r0, %r1, %r2;
    mad.wide.u32 %d0, %r0, 4, %a0; st.global.u32 [%d0], %r0;"""
    launch(device, kernel(body, 1), "k", (2, 3, 2), (4, 2, 2), [out])
    assert device.get(out, 192, "u4").tolist() == list(range(192))


def test_loops_tables_and_reconvergence() -> None:
    body = """
    mov.u32 y, 0; mov.s32 %r0, x0;
    LOOP: setp.le.s32 %p0, %r0, 0; @%p0 bra DONE;
    add.u32 y, y, %r0; sub.s32 %r0, %r0, 1; bra.uni LOOP;
    DONE: activemask.b32 %r1; setp.ne.u32 %p1, %r1, 31; @%p1 trap;
    min.u32 %r2, x0, 2;
    T: .branchtargets A, B, C;
    brx.idx %r2, T;
    A: add.u32 y, y, 100; bra END;
    B: add.u32 y, y, 200; bra END;
    C: add.u32 y, y, 300;
    END:"""
    x = np.array([0, 1, 2, 3, 4], np.int32)
    same(run(body, x, out="u4"), np.array([100, 201, 303, 306, 310], np.uint32))


SHARED = ".shared .align 8 .b8 buf[1024];"


def test_shared_memory_barrier_and_local_depot() -> None:
    device = Device()
    out = device.empty(3 * 64, "u4")
    body = f"""{SHARED} .local .align 8 .b8 depot[16];
    mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; mov.u64 %d0, buf; mad.wide.u32 %d1, %r0, 4, %d0;
    mad.lo.u32 %r2, %r1, 1000, %r0; st.shared.u32 [%d1], %r2;
    mov.u64 %d2, depot; cvta.local.u64 %d3, %d2; st.u32 [%d3+4], %r2; ld.local.u32 %r5, [%d2+4];
    setp.ne.u32 %p0, %r5, %r2; @%p0 trap;
    bar.sync 0;
    sub.u32 %r3, 63, %r0; mad.wide.u32 %d1, %r3, 4, %d0; cvta.shared.u64 %d1, %d1; ld.u32 %r4, [%d1];
    mad.lo.u32 %r6, %r1, 64, %r0; mad.wide.u32 %d4, %r6, 4, %a0; st.global.u32 [%d4], %r4;"""
    launch(device, kernel(body, 1), "k", 3, 64, [out])
    expected = np.array([[1000 * b + 63 - t for t in range(64)] for b in range(3)])
    assert (device.get(out, (3, 64), "u4") == expected).all()


def test_module_variables_and_dynamic_shared() -> None:
    extra = ".const .align 4 .b8 tbl[12] = {1, 0, 0, 0, 2, 0, 0, 0, 253};\n.global .align 8 .f64 g[2] = {0d4000000000000000, 0dC000000000000000};\n.extern .shared .align 16 .b8 dyn[];"
    device = Device()
    out = device.empty(4, "f8")
    body = """mov.u64 %d0, tbl; ld.const.u32 %r0, [%d0+8]; ld.global.f64 %g0, [g+8]; mov.u64 %d1, dyn;
    st.shared.u32 [%d1+60], %r0; ld.shared.u32 %r1, [%d1+60]; cvt.rn.f64.u32 %g1, %r1; add.rn.f64 %g1, %g1, %g0; st.global.f64 [%a0], %g1;"""
    launch(device, kernel(body, 1, extra), "k", 1, 1, [out], dynamic_shared=64)
    assert device.get(out, 4, "f8")[0] == 251.0
    with pytest.raises(PtxError, match="out-of-bounds shared"):
        launch(device, kernel(body, 1, extra), "k", 1, 1, [out], dynamic_shared=32)


def test_atomics_count_and_return_old_values() -> None:
    device = Device()
    total = device.put(np.array([0, 5, 0, 0], np.uint32))
    real = device.put(np.zeros(1, np.float32))
    old = device.empty(96, "u4")
    body = """mov.u32 %r0, %tid.x; atom.global.add.u32 %r1, [%a0], 1; red.relaxed.gpu.global.max.u32 [%a0+4], %r0;
    atom.global.cas.b32 %r2, [%a0+8], 0, 77; atom.global.exch.b32 %r3, [%a0+12], %r0; atom.global.add.f32 %f0, [%a1], 0f3F000000;
    mad.wide.u32 %d0, %r0, 4, %a2; st.global.u32 [%d0], %r1;"""
    launch(device, kernel(body, 3), "k", 1, 96, [total, real, old])
    assert device.get(total, 4, "u4").tolist() == [96, 95, 77, 95]
    assert device.get(real, 1, "f4")[0] == 48
    assert sorted(device.get(old, 96, "u4")) == list(range(96))


@pytest.mark.parametrize(
    ("mode", "step", "bound", "source"),
    [
        ("bfly", 5, 31, lambda i: i ^ 5),
        ("down", 3, 31, lambda i: i + 3 if i + 3 < 32 else i),
        ("up", 3, 0, lambda i: i - 3 if i >= 3 else i),
        ("idx", 7, 31, lambda i: 7),
        ("down", 1, 0x181F, lambda i: i + 1 if i % 8 < 7 else i),
    ],
)
def test_shuffles(mode: str, step: int, bound: int, source) -> None:
    x = np.arange(64, dtype=np.uint32) * 10
    got = run(f"shfl.sync.{mode}.b32 y|%p0, x0, {step}, {bound}, -1;", x, out="u4")
    expected = [10 * (w * 32 + source(i)) for w in range(2) for i in range(32)]
    assert got.tolist() == expected


def test_votes_and_warp_reductions() -> None:
    x = np.arange(64, dtype=np.uint32)
    got = run("setp.lt.u32 %p0, x0, 3; vote.sync.ballot.b32 y, %p0, -1;", x, out="u4")
    assert got.tolist() == [7] * 32 + [0] * 32
    got = run(
        "setp.lt.u32 %p0, x0, 32; vote.sync.all.pred %p1, %p0, -1; selp.u32 y, 1, 0, %p1;",
        x,
        out="u4",
    )
    assert got.tolist() == [1] * 32 + [0] * 32
    assert run("redux.sync.add.u32 y, x0, -1;", x, out="u4").tolist() == [496] * 32 + [1520] * 32


BAD = {
    "out-of-bounds global read": "ld.global.u32 %r0, [%a0+64];",
    "out-of-bounds global write": "st.global.u32 [%a0+-4], 1;",
    "misaligned": "ld.global.v2.u32 {%r0, %r1}, [%a0+4];",
    "read and was never written": "add.u32 %r0, %r1, 1;",
    "never written in block 0, thread 1": "mov.u32 %r1, %tid.x; setp.eq.u32 %p0, %r1, 0; @%p0 mov.u32 %r2, 1; add.u32 %r3, %r2, 1;",
    "shuffle from an inactive lane": "mov.u32 %r0, 1; shfl.sync.idx.b32 %r1, %r0, 9, 31, -1;",
    "member mask leaves it out": "bar.warp.sync 2;",
    "deadlock": "mov.u32 %r0, %tid.x; setp.eq.u32 %p0, %r0, 0; @%p0 bra S; L: bra.uni L2; S: bar.warp.sync 3; bra.uni E; L2: bar.sync 0; E:",
    "meets different barriers": "mov.u32 %r0, %tid.x; setp.eq.u32 %p0, %r0, 0; @%p0 bra S; bar.sync 0; bra.uni E; S: bar.sync 0; E:",
    "unknown instruction wgmma": "wgmma.fence.sync.aligned;",
    r"modifier .ftz is not modelled": "add.rn.ftz.f32 %f0, 0f00000000, 0f00000000;",
    "unknown label": "bra NOWHERE;",
    "division by zero": "mov.u32 %r0, 0; div.s32 %r1, 5, %r0;",
    "read-only": "st.global.u32 [%a1], 1;",
    "ld.global.nc": "ld.global.nc.u32 %r0, [%a0]; st.global.u32 [%a0], 1;",
    "trap in block 0": "trap;",
    "cannot hold": "mov.b64 %d0, 1; mov.b64 %r0, %d0;",
    "32 bits, read as": "mov.b32 %r0, 1; mov.b64 %d0, %r0;",
}


@pytest.mark.parametrize("message", BAD)
def test_faults_are_caught(message: str) -> None:
    device = Device()
    x = device.put(np.zeros(16, np.uint32), "x")
    y = device.put(np.zeros(16, np.uint32), "y", writable=False)
    with pytest.raises(PtxError, match=message) as error:
        launch(device, kernel(BAD[message]), "k", 1, 2, [x, y])
    assert "line " in str(error.value) or "deadlock" in str(error.value)


def test_a_loop_without_end_and_bad_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.ptx.simulator.MAX_STEPS", 1000)
    with pytest.raises(PtxError, match="did not end"):
        launch(Device(), kernel("L: bra.uni L;", 0), "k", 1, 1, [])
    with pytest.raises(PtxError, match="takes 2 arguments"):
        launch(Device(), kernel(""), "k", 1, 1, [])
    with pytest.raises(PtxError, match="at most 1024"):
        launch(Device(), kernel("", 0), "k", 1, 2048, [])
    with pytest.raises(PtxError, match="calls are not supported"):
        launch(Device(), kernel("call.uni f, ();", 0), "k", 1, 1, [])
