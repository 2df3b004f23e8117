"""NumPy's own C functions, called by address: its values to the bit, without a call of Python."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tracejit import jit

rng = np.random.default_rng(3)
DTYPES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16".split()


def _numbers(shape, dtype):
    x = rng.normal(0.0, 40.0, shape)
    made = (x + 1j * x[..., ::-1] if dtype[0] == "c" else x).astype(dtype)
    if dtype[0] in "fc" and made.size > 4:
        made.flat[[1, 3]] = np.nan
        made.flat[2] = -0.0
    return made


def _same(f, *args, native=True):
    """Values of compiled code and NumPy are the same bits; ``native``: by NumPy's C functions."""
    g = jit(f)
    found, wanted = g(*args), f(*args)
    pairs = zip(found, wanted) if isinstance(wanted, tuple) else [(found, wanted)]
    for x, y in pairs:
        np.testing.assert_array_equal(x, y, strict=True)
    if native and min(x.size for x in args) > 1:
        assert "@numpy_" in next(iter(g.inspect_llvm().values()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["quicksort", "heapsort", "stable"])
def test_sorts(dtype, kind):
    for shape in ((0,), (1,), (3, 50)):
        x = _numbers(shape, dtype)
        _same(lambda x: np.sort(x, kind=kind), x, native=kind != "heapsort")
        _same(lambda x: np.argsort(x, kind=kind), x, native=kind != "heapsort")


def test_sort_in_place_and_of_what_is_not_in_order():
    def f(x):
        x.sort()
        return np.sort(x[::-1]), np.sort(x.reshape(4, 5), axis=0), np.sort(x.reshape(4, 5).T)

    x, y = _numbers(20, "f8"), np.empty(20)
    y[:] = x
    for found, wanted in zip(jit(f)(x), f(y)):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_transforms(norm, dtype):
    def f(x):
        fft, real = np.fft, np.real
        return tuple(
            g(y, axis=axis, norm=norm)
            for g, y in ((fft.fft, x), (fft.ifft, x), (fft.irfft, x + 0j), (fft.rfft, real(x)))
        )

    for shape, axis in (((13,), -1), ((3, 8), 1), ((9, 5), 0), ((2, 7, 3), 1)):
        _same(f, rng.normal(size=shape).astype(dtype))


@pytest.mark.parametrize("n", [1, 6, 11])
def test_transforms_of_a_length_that_is_given(n):
    x = rng.normal(size=(4, 9))
    _same(lambda x: (np.fft.fft(x, n), np.fft.rfft(x, n), np.fft.irfft(x, n)), x)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_factors(dtype):
    def symmetric(x):
        one = np.linalg
        return (
            *one.eigh(x, "L"), *one.eigh(x, "U"), one.eigvalsh(x, "L"), one.eigvalsh(x, "U"),
            *one.slogdet(x), one.eigvals(x), *one.eig(x),
        )  # fmt: skip

    def any_shape(x):
        one = np.linalg
        return (
            *one.svd(x),
            *one.svd(x, full_matrices=False),
            one.svd(x, compute_uv=False),
        )

    for shape in ((6, 6), (3, 4, 4), (0, 3, 3), (1, 1), (0, 0)):
        x = rng.normal(size=shape).astype(dtype)
        _same(symmetric, x + np.swapaxes(x, -1, -2).conj())
    for shape in ((6, 4), (4, 6), (3, 5, 2), (2, 0, 3), (0, 2, 3)):
        _same(any_shape, rng.normal(size=shape).astype(dtype))


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_orthogonal_factors(dtype, shapes):
    """To the bit; which loop makes the complete factor of sizes of the run is for NumPy to say."""
    modes = ("reduced", "r", "complete")[: 3 if shapes == "static" else 2]

    def f(x):
        return tuple(y for mode in modes for y in _parts(np.linalg.qr(x, mode=mode)))

    g = jit(f, shapes=shapes)
    for shape in ((4, 4), (5, 3), (2, 3, 5), (0, 3, 3), (3, 0), (0, 3)):
        x = rng.normal(size=shape).astype(dtype)
        for found, wanted in zip(g(x), f(x), strict=True):
            np.testing.assert_array_equal(found, wanted, strict=True)
    assert "numpy_loop.linalg.qr_r_raw" in next(iter(g.inspect_llvm().values()))


def _parts(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_least_squares_and_pseudo_inverses(dtype, shapes):
    def f(x, y):
        one = np.linalg
        return (
            *one.lstsq(x, y), *one.lstsq(x, x, rcond=1e-2), one.pinv(x), one.pinv(x, rtol=1e-2)
        )  # fmt: skip

    g = jit(f, shapes=shapes)
    close = 1e-4 if dtype == "f4" else 1e-11
    flat = np.ones((4, 4)).astype(dtype)
    for x in (flat, *(rng.normal(size=s).astype(dtype) for s in ((5, 3), (3, 5), (1, 1)))):
        for found, wanted in zip(g(x, x[:, 0].copy()), f(x, x[:, 0].copy()), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=close, atol=close)
            assert np.asarray(found).dtype == np.asarray(wanted).dtype
    text = next(iter(g.inspect_llvm().values()))
    assert "numpy_loop.linalg.lstsq" in text
    assert ("numpy_loop.linalg.svd_s" in text) == (dtype != "c16")
    stack = rng.normal(size=(2, 4, 3)).astype(dtype)
    np.testing.assert_allclose(
        jit(np.linalg.pinv)(stack), np.linalg.pinv(stack), rtol=close, atol=close
    )


FACTORS = [
    lambda x: (np.linalg.svdvals(x), np.linalg.eigvals(x), np.linalg.eigvalsh(x)),
    np.linalg.slogdet,
    np.linalg.eigh,
    lambda x: np.linalg.svd(x, full_matrices=False),
    lambda x: np.linalg.svd(x[..., :2]),
]


@pytest.mark.parametrize("factor", FACTORS)
def test_factors_of_sizes_of_the_run(factor):
    """One version for matrices of all sizes: what says how large they are follows the matrix."""
    f = jit(factor, shapes="dynamic")
    for shape in ((3, 3), (5, 5), (2, 4, 4), (3, 3)):
        x = rng.normal(size=shape)
        for found, wanted in zip(f(x), factor(x), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_eigenvalues_are_real_where_numpys_are():
    """Of a stack they are real where all are; the next call may have others."""
    real = np.array([[2.0, 1.0], [1.0, 3.0]])
    turning = np.array([[0.0, 1.0], [-1.0, 0.0]])
    f = jit(lambda x: (np.linalg.eigvals(x), *np.linalg.eig(x)))
    for x in (real, turning, real, np.stack([real, turning]), np.stack([real, real]), real + 0j):
        wanted = np.linalg.eigvals(x), *np.linalg.eig(x)
        for a, b in zip(f(x), wanted):
            np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("name", ["eigvalsh", "svdvals", "eigh", "pinv"])
def test_what_does_not_converge_raises_as_ever(name):
    """One matrix of a stack is bad; those before and after it are good, also in the next call."""
    factor = getattr(np.linalg, name)
    good = rng.normal(size=(3, 5, 5))
    good += np.swapaxes(good, -1, -2)
    bad = good.copy()
    bad[1, 2, 2] = np.nan
    g = jit(lambda x: factor(x))
    try:
        wanted = factor(bad)
    except np.linalg.LinAlgError:
        with pytest.raises(np.linalg.LinAlgError):
            g(bad)
    else:
        for x, y in zip(g(bad), wanted):
            np.testing.assert_array_equal(x, y)
    for x, y in zip(g(good), factor(good)):
        np.testing.assert_allclose(x, y, rtol=1e-12 if name == "pinv" else 0.0)

    @jit
    def f(x):
        try:
            return np.linalg.eigvalsh(x)[0, 0]
        except np.linalg.LinAlgError:
            return -1.0

    caught = [f(bad), f(good)]
    assert caught == [_caught(bad), np.linalg.eigvalsh(good)[0, 0]]


def _caught(x):
    try:
        return np.linalg.eigvalsh(x)[0, 0]
    except np.linalg.LinAlgError:
        return -1.0


_PROGRAM = """
import numpy as np
from tracejit import jit

@jit
def f(x):
    return np.sort(x), np.fft.rfft(x), np.linalg.eigvalsh(x[:4].reshape(2, 2))

print(*f(np.arange(8.0)[::-1].copy()))
"""


def test_another_process_finds_the_functions_again(tmp_path):
    """Versions that were stored call the functions where that process has them."""
    file = tmp_path / "program.py"
    file.write_text(_PROGRAM)
    of_cache = {"DIR": str(tmp_path / "cache"), "VERSIONS": "1"}
    environment = os.environ | {f"TRACEJIT_CACHE_{k}": v for k, v in of_cache.items()}
    environment["TRACEJIT_LOG"] = "cache"
    command = [sys.executable, str(file)]
    runs = [
        subprocess.run(command, env=environment, text=True, capture_output=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert "the version from disk" in runs[1].stderr
