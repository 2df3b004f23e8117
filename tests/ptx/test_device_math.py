"""``jit(math="device")``: which instructions there are, and that results are as good as documented
however a GPU uses what PTX allows it (`approximate.py`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy")

from tests.ptx.approximate import APPROXIMATIONS, approximate, moved
from tests.ptx.fake_device import FakeDriver, fake_device
from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.object_cache import DiskCache

RNG = np.random.default_rng(12)
#: By function: the instructions, and how far off it may be, relative to its value and to 1. The
#: numbers are those of docs/accuracy.md.
FUNCTIONS: dict[str, tuple[set[str], float, float]] = {
    "exp": ({"ex2.approx.f32"}, 2.0**-21, 0.0),
    "exp2": ({"ex2.approx.f32"}, 2.0**-21, 0.0),
    "log": ({"lg2.approx.f32"}, 2.0**-21, 2.0**-22),
    "log2": ({"lg2.approx.f32"}, 2.0**-21, 2.0**-22),
    "log10": ({"lg2.approx.f32"}, 2.0**-21, 2.0**-22),
    "sin": ({"sin.approx.f32"}, 0.0, 2.0**-20),
    "cos": ({"cos.approx.f32"}, 0.0, 2.0**-20),
    "tanh": ({"ex2.approx.ftz.f32", "rcp.approx.ftz.f32"}, 2.0**-21, 0.0),
    **dict.fromkeys(
        ["tan", "arctan", "arctan2", "arctanh", "cbrt", "hypot"],
        ({"rcp.approx.ftz.f32"}, 2.0**-22, 0.0),
    ),
    **dict.fromkeys(
        ["expm1", "log1p", "sinh", "cosh", "power", "arcsin", "arccos", "arcsinh", "arccosh"],
        (set[str](), 2.0**-22, 0.0),
    ),
}


def called(name: str) -> Callable[..., Any]:
    ufunc = getattr(np, name)
    return (lambda x, y: ufunc(x, y)) if ufunc.nin == 2 else (lambda x: ufunc(x))


def inputs(count: int = 200) -> np.ndarray:
    """Of every size; near 0, 1 and multiples of pi/2; where exponentials end; no numbers."""
    bits = RNG.integers(0, 2**32, count, np.uint32).view(np.float32)
    edges = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-45, -1e-39]
    parts = [
        *(RNG.uniform(-size, size, count) for size in (0.6, 5.0, 105.0, 2.0**14, 1e6)),
        1 + RNG.normal(size=count) * 2.0 ** RNG.uniform(-24, 0, count),
        np.pi / 2 * np.arange(-count // 2, count // 2),
        np.array([*edges, 88.72, 88.73, -87.3, -87.4, -103.9, -104.1, 127.999, -149.5, 2.0**14]),
    ]
    return np.concatenate([bits, *(p.astype(np.float32) for p in parts)])


def approximations(text: str) -> set[str]:
    return {*re.findall(r"\b\w+\.(?:approx|full)[\w.]*", text)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_within_what_is_documented(name: str) -> None:
    instructions, relative, absolute = FUNCTIONS[name]
    fn = called(name)
    xs = [inputs() for _ in range(getattr(np, name).nin)]
    if name == "power":
        xs = [np.abs(xs[0]), np.clip(xs[1], -4, 4)]
    with np.errstate(all="ignore"):
        want = fn(*(x.astype(np.longdouble) for x in xs)).astype(np.float64)
        rounded = want.astype(np.float32)
    some = tuple(x[:8] for x in xs)
    assert approximations(jit(fn, math="device").inspect_ptx(*some)) == instructions
    assert not approximations(jit(fn).inspect_ptx(*some))
    allowed = np.maximum(relative * np.abs(want) + absolute, 4 * 2.0**-149)
    with fake_device() as gpu:
        fast, given = jit(fn, math="device"), [gpu.put(x) for x in xs]
        for by in (0.0, -1.0, 1.0, RNG):
            with moved(by):
                found = gpu.get(fast(*given))
            with np.errstate(all="ignore"):
                near = np.abs(found - want) <= allowed
                close = near | (found == rounded) | (np.isnan(found) & np.isnan(rounded))
                # Where the largest number ends, either of it and infinity is near enough.
                close |= (np.abs(want) * (1 + 2.0**-21) >= 2.0**128) & np.isinf(found)
            worst = [(*(x[k] for x in xs), found[k], want[k]) for k in np.flatnonzero(~close)[:4]]
            assert close.all(), worst


def test_the_logistic_function_is_that_of_its_exponential() -> None:
    """It is in derivatives, and under `stabilize`."""
    x = np.concatenate([RNG.uniform(-88, 100, 200), [0.0, -87.5, -88.7, 200.0]]).astype(np.float32)
    fn = jit(lambda x: 1 / (1 + np.exp(-x)), stabilize=True, math="device")
    assert {"ex2.approx.f32"} == approximations(fn.inspect_ptx(x))
    want = 1 / (1 + np.exp(-x.astype(np.float64)))
    with fake_device() as gpu:
        for by in (-1.0, 1.0):
            with moved(by):
                found = gpu.get(fn(gpu.put(x)))
            assert (np.abs(found - want) <= 2.0**-21 * want + 4 * 2.0**-149).all()


def test_zeros_infinities_and_what_is_no_number_are_those_of_numpy() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0], np.float32)
    for name in ("exp", "exp2", "log", "log2", "log10", "sin", "tanh", "arctan", "arcsinh"):
        fn = called(name)
        with fake_device() as gpu, moved(1.0):
            found = gpu.get(jit(fn, math="device")(gpu.put(x)))
        with np.errstate(all="ignore"):
            want = fn(x)
        special = ~np.isfinite(want) | (want == 0)
        np.testing.assert_array_equal(found[special], want[special], name)
        zero = want == 0
        assert (np.signbit(found) == np.signbit(want))[zero].all(), name


def mixed(x, z):
    return np.exp(x), np.tanh(x), x / 0.7, np.sqrt(x), x**-0.5, x // 0.3, np.exp(z)


def test_other_dtypes_and_arithmetic_keep_their_bits() -> None:
    """Of float32 functions alone are approximate: not of float64 or complex numbers, nor division
    and roots that the program asks for."""
    x = RNG.uniform(0.1, 9, 512)
    z = (x - 2j * x).astype(np.complex64)
    with fake_device() as gpu, moved(1.0):
        for dtype in (np.float32, np.float64):
            given = gpu.put(x.astype(dtype)), gpu.put(z)
            plain, device = (jit(mixed, math=m)(*given) for m in ("portable", "device"))
            same = [np.array_equal(gpu.get(a), gpu.get(b)) for a, b in zip(plain, device)]
            assert same == [dtype == np.float64] * 2 + [True] * 5


def test_narrow_floats_are_computed_in_float32() -> None:
    x = RNG.uniform(-3, 3, 256).astype(np.float16)
    with fake_device() as gpu, moved(1.0):
        found = gpu.get(jit(np.tanh, math="device")(gpu.put(x)))
    assert found.dtype == np.float16
    want = np.tanh(x.astype(np.float64))
    assert (np.abs(found - want) <= 0.51 * np.spacing(np.abs(found))).all()


def soft(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), np.exp(x).sum(), np.log(x[0, 0] + 9.0)


def test_every_kind_of_kernel_has_them() -> None:
    """Rows, totals and kernels of one thread, not the nests of maps alone."""
    x = RNG.normal(size=(3, 200)).astype(np.float32)
    with fake_device() as gpu:
        fn = jit(soft, math="device")
        found = [gpu.get(y) for y in fn(gpu.put(x))]
        (version,) = fn._dispatcher.versions()
        ptx = version.artefacts.spec.code.ptx
        assert {k.stage for k in ptx.kernels} >= {"rows", "partials"}
        for text in re.split(r"\.visible \.entry", ptx.text)[1:]:
            assert approximations(text) or "finish" in text.split("(")[0], text
        (said,) = fn.explain().values()
        assert 'approximate instructions, by math="device": ex2, lg2' in said
    for got, want in zip(found, soft(x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_one_function_has_both_and_files_tell_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept for one is not taken for the other, whichever comes first."""
    monkeypatch.setattr(shared_engine(), "cache", DiskCache(tmp_path / "objects"))
    x = RNG.uniform(-3, 3, 256).astype(np.float32)

    def assembled(gpu: FakeDriver, **options: Any) -> tuple[np.ndarray, int]:
        before = gpu.counts.calls["assemble"]
        found = gpu.get(jit(lambda x: np.exp(x), **options)(gpu.put(x)))
        return found, gpu.counts.calls["assemble"] - before

    with fake_device() as gpu, moved(1.0):
        plain, first = assembled(gpu)
        device, second = assembled(gpu, math="device")
        again = [assembled(gpu), assembled(gpu, math="device")]
    assert (first, second) == (1, 1)
    assert not np.array_equal(plain, device)
    for want, (found, count) in zip((plain, device), again, strict=True):
        assert count == 0, "it was kept"
        np.testing.assert_array_equal(found, want)


def test_it_says_nothing_about_the_cpu() -> None:
    x = RNG.uniform(-3, 3, 256).astype(np.float32)
    np.testing.assert_array_equal(jit(np.exp, math="device")(x), jit(np.exp)(x))


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match='math is "portable" or "device", not \'fast\''):
        jit(np.exp, math="fast")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match='target="cpu" is about none: leave it out'):
        jit(np.exp, math="device", target="cpu")


def test_the_simulator_moves_results_by_what_the_isa_allows() -> None:
    x = np.linspace(0.3, 6.0, 500).astype(np.float32)
    for name, of in APPROXIMATIONS.items():
        want = of.function(x.astype(float))
        off = of.error(x.astype(float), want)
        for by in (0.0, -1.0, 1.0):
            with moved(by):
                found = approximate(name, ("approx", "f32"), x)
            ulp = np.spacing(np.abs(found))
            assert (np.abs(found - want - by * off) <= 0.51 * ulp).all(), name
    far = np.array([320.0], np.float32)
    assert np.isnan(approximate("sin", ("approx", "f32"), far)), "of that the ISA says nothing"
    least = np.array([1e-40, -1e-40], np.float32)
    np.testing.assert_array_equal(
        approximate("rcp", ("approx", "ftz", "f32"), least), [np.inf, -np.inf]
    )
