"""float16 and bfloat16 in programs: NumPy's values, dtypes and promotion, and derivatives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

F16 = np.dtype(np.float16)
BF16 = [np.dtype(ml_dtypes.bfloat16)] if ml_dtypes else []
NARROW = [F16, *BF16]
OTHERS = [np.dtype(c) for c in "?bBhiefdFD"] + BF16
each_dtype = pytest.mark.parametrize("dtype", NARROW, ids=str)


def same(got: Any, want: Any, tolerance: float = 0.0) -> None:
    assert type(got) is type(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    assert np.shape(got) == np.shape(want)
    wide = "c16" if np.asarray(want).dtype.kind == "c" else "f8"
    got, want = (np.asarray(x).astype(wide) for x in (got, want))
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def numbers(dtype: Any, *shape: int, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).normal(size=shape)
    return (x * 9).astype(dtype) if np.dtype(dtype).kind in "iu?" else x.astype(dtype)


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "less": lambda x, y: x < y,
    "maximum": lambda x, y: np.maximum(x, y),
    "where": lambda x, y: np.where(x > 0, x, y),
}


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return f(*args)
    except TypeError:
        return TypeError


@pytest.mark.parametrize("name", OPERATORS)
@each_dtype
def test_promotion(dtype: Any, name: str) -> None:
    """With an array and with a scalar of every other dtype, and with Python's numbers."""
    f, x = OPERATORS[name], numbers(dtype, 5)
    made = jit(f)
    for y in [numbers(d, 5, seed=1) for d in OTHERS] + [True, 2, -1.5, 1e30]:
        number = y[2] if isinstance(y, np.ndarray) else y
        for args in ((x, y), (x, number), (x[1], number)):
            want = outcome(f, *args)
            if want is TypeError:
                with pytest.raises(TypeError):
                    made(*args)
            else:
                same(made(*args), want)


def mutated(x: Any) -> Any:
    y = x[1:, ::2]
    y += x[:-1, ::2] * 3
    x[0] = x[-1] / 7
    return y, x.T, x[0, 0], float(x[1, 1]), x.astype(np.int32), x.view(np.uint16)


def reduced(x: Any) -> Any:
    a = [x.sum(), x.sum(0), x.sum(1), x.prod(1), x.mean(), x.mean(0), x.var(0), x.std()]
    b = [x.min(1), x.max(), x.argmin(0), x.argmax(), np.cumsum(x, 0), np.cumsum(x), np.cumprod(x)]
    return *a, *b, np.sort(x, axis=0), np.argsort(x, axis=1), np.median(x), np.any(x > 1)


def large(x: Any) -> Any:
    """Overflow, and what lies below the normal numbers."""
    tiny = x / 1024 / 64
    return x * x.dtype.type(3e4), tiny, tiny * tiny.dtype.type(2.0**-8), np.isinf(x / (x - x))


def products(x: Any) -> Any:
    return x @ x.T, x[0] @ x[1], np.outer(x[0], x[1]), np.dot(x, x[0]), np.convolve(x[0], x[1])


@pytest.mark.parametrize("f", [mutated, reduced, large, products])
@each_dtype
def test_programs_have_the_bits_of_numpy(dtype: Any, f: Callable[..., Any]) -> None:
    x, y = numbers(dtype, 6, 7), numbers(dtype, 6, 7)
    with np.errstate(all="ignore"):
        want = f(x)
        got = jit(f)(y)
    same(y, x)
    for a, b in zip(got, want, strict=True):
        same(a, b)


def blurred(image: Any, kernel: Any) -> Any:
    out = np.zeros_like(image)
    n, m = image.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            total = image[i, j] - image[i, j]
            for di in range(3):
                for dj in range(3):
                    total += image[i + di - 1, j + dj - 1] * kernel[di, dj]
            out[i, j] = total
    return out


def normalized(x: Any, scale: Any, shift: Any) -> Any:
    centre = x - x.mean(axis=-1, keepdims=True)
    return centre / np.sqrt((centre * centre).mean(axis=-1, keepdims=True) + 1e-3) * scale + shift


def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
    hidden = np.tanh(x @ w + b)
    return ((hidden - y) ** 2).mean()


PROGRAMS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "an image filter": (blurred, [(8, 9), (3, 3)]),
    "layer normalization": (normalized, [(4, 16), (16,), (16,)]),
    "a neural network": (loss, [(8, 3), (3,), (5, 8), (5, 3)]),
}


@pytest.mark.parametrize("name", PROGRAMS)
@each_dtype
def test_whole_programs(dtype: Any, name: str) -> None:
    f, shapes = PROGRAMS[name]
    args = [numbers(dtype, *shape, seed=k) for k, shape in enumerate(shapes)]
    with np.errstate(all="ignore"):
        same(jit(f)(*args), f(*args), 0 if f is blurred else 2.0**-7)


@pytest.mark.parametrize("name", PROGRAMS)
@each_dtype
def test_derivatives_have_the_dtype_and_are_near(dtype: Any, name: str) -> None:
    """The derivative in float64 at the same point, within a few roundings."""
    f, shapes = PROGRAMS[name]
    args = [numbers(dtype, *shape, seed=k) for k, shape in enumerate(shapes)]
    to_number = f if f is loss else lambda *xs: f(*xs).sum()
    got = grad(to_number)(*args)
    want = grad(to_number)(*[a.astype(np.float64) for a in args])
    assert got.dtype == dtype
    unit = 2.0**-10 if dtype == F16 else 2.0**-7
    size = np.abs(want).max()
    np.testing.assert_allclose(got.astype("f8") / size, want / size, atol=16 * unit)


@each_dtype
def test_a_step_of_descent_goes_down(dtype: Any) -> None:
    args = [
        numbers(dtype, *shape, seed=k) for k, shape in enumerate(PROGRAMS["a neural network"][1])
    ]
    before = jit(loss)(*args)
    step = (args[0].astype("f4") - 0.1 * grad(loss)(*args).astype("f4")).astype(dtype)
    assert jit(loss)(step, *args[1:]) < before


@each_dtype
def test_arguments_of_every_layout(dtype: Any) -> None:
    """Strided, transposed, overlapping and unaligned; a result can be pickled."""
    f = jit(lambda x, y: x * 2 + y)
    whole = numbers(dtype, 8, 10)
    odd = np.frombuffer(b"x" + whole.tobytes(), np.uint8)[1:].view(dtype).reshape(8, 10)
    for x, y in [
        (whole[::2], whole[1::2]),
        (whole.T, whole.T),
        (odd, whole),
        (odd[:, 0], odd[:, 1]),
    ]:
        same(f(x, y), f.py_func(x, y))
    same(pickle.loads(pickle.dumps(f(whole, odd))), f.py_func(whole, odd))

    def write(x: Any, y: Any) -> None:
        x += y

    a, b = whole.copy(), whole.copy()
    jit(write)(a[1:], a[:-1])
    write(b[1:], b[:-1])
    same(a, b)


@pytest.mark.parametrize("dtype", ["?", "b", "B"])
@pytest.mark.parametrize(
    "name", ["sqrt", "exp", "sin", "degrees", "arctan", "log1p", "cbrt", "rint"]
)
def test_what_numpy_computes_in_float16(name: str, dtype: str) -> None:
    f = getattr(np, name)
    x = np.arange(0, 20).astype(dtype)
    want = f(x)
    assert want.dtype == F16
    same(jit(lambda x: f(x))(x), want, 2.0**-10)


@each_dtype
def test_an_int_that_a_narrow_float_cannot_hold(dtype: Any) -> None:
    """One name for both as a loop goes: kept apart, and never rounded."""

    def last(x: Any, n: int, k: int) -> Any:
        y = x[0]
        for i in range(n):
            if x[i] > 1:
                y = k + i
        return y

    x = np.array([0.5, 1.5] * 40, dtype)
    assert jit(last)(x, 80, 7) == last(x, 80, 7)
    found = jit(last)(x, 80, 2**12 + 1)
    assert (type(found), found) == (int, last(x, 80, 2**12 + 1))
