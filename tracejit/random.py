"""Random numbers as pure functions of a key: the same bits with and without ``jit``.

A key is a ``uint32`` array of two words. The generator is Threefry-2x32 with 20 rounds (Salmon,
Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): element ``i`` of a draw
is the block cipher of the counter ``i`` under the key, so a draw is elementwise, has no state, and
fuses with what consumes it. A key is used once; ``split`` and ``fold_in`` make new ones.

Only integer operations and ``+ - * / sqrt`` are used, all rounded once: plain NumPy arrays and
compiled code give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_integer, is_unsigned
from tracejit.errors import throw
from tracejit.rounded import exp, log, normal_quantile
from tracejit.rounded import forms as _np

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "choice",
    "exponential",
    "fold_in",
    "gamma",
    "gumbel",
    "integers",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "threefry2x32",
    "uniform",
]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_LOW = 0xFFFFFFFF
Shape = int | Sequence[Any]


def _staged(function: Any) -> Any:
    """A function with control flow: converted while a function is being compiled."""
    from tracejit.trace.session.session import active, current

    return current().operators.converted(function) if active() else function


def threefry2x32(key: Any, x0: Any, x1: Any, rounds: int = 20) -> tuple[Any, Any]:
    """Threefry-2x32: the two ``uint32`` words of the counters (x0, x1) enciphered under ``key``.

    ``key``: ``uint32[2]``. ``x0``, ``x1``: ``uint32`` arrays of one shape and at least one axis.

        zero = np.zeros(1, np.uint32)
        first, second = random.threefry2x32(np.zeros(2, np.uint32), zero, zero)
        assert (first[0], second[0]) == (0x6B200159, 0x99BA4EFE)
    """
    k0, k1 = key[0:1], key[1:2]
    schedule = (k0, k1, k0 ^ k1 ^ np.uint32(_PARITY))
    x0, x1 = x0 + k0, x1 + k1
    for r in range(rounds):
        x0 = x0 + x1
        turn = _ROTATIONS[r // 4 % 2][r % 4]
        x1 = ((x1 << turn) | (x1 >> (32 - turn))) ^ x0
        if r % 4 == 3:
            step = r // 4 + 1
            x0 = x0 + schedule[step % 3]
            x1 = x1 + (schedule[(step + 1) % 3] + np.uint32(step))
    return x0, x1


def key(seed: Any) -> Any:
    """The key of an integer seed (64 bits of it).

    A ``uint32`` array of two words.

        assert random.key(0).shape == (2,)
    """
    if isinstance(seed, (int, np.integer)):
        words = [int(seed) >> 32 & _LOW, int(seed) & _LOW]
        return _np(np.array)(words, dtype=np.uint32)
    word = _np(np.asarray)(seed).astype(np.int64)
    return _np(np.stack)([word >> 32, word & _LOW]).astype(np.uint32)


def split(key: Any, num: int = 2) -> Any:
    """``num`` independent keys from one: ``uint32[num, 2]``.

    TypeError for what is not a key.

        first, second = random.split(random.key(0))
        assert not np.array_equal(first, second)
    """
    return _np(np.stack)(_blocks(key, num), axis=-1)


def fold_in(key: Any, data: Any) -> Any:
    """The key of an integer under a key, such as the number of a step of a loop: ``uint32[2]``.

    ``data`` is an integer, also one that only the run knows.

        key = random.fold_in(random.key(0), 7)
        assert key.shape == (2,)
    """
    word = _np(np.reshape)(_np(np.asarray)(data).astype(np.int64), (1,))
    high, low = (word >> 32).astype(np.uint32), (word & _LOW).astype(np.uint32)
    return _np(np.concatenate)(threefry2x32(_checked(key), high, low))


def bits(key: Any, shape: Shape = (), dtype: Any = np.uint64) -> Any:
    """Uniform bits as an unsigned integer dtype.

    Shape ``shape``. TypeError for a dtype that is not unsigned.

        assert random.bits(random.key(0), (2, 3), np.uint8).dtype == np.uint8
    """
    kind = np.dtype(dtype)
    if not is_unsigned(kind):
        throw(TypeError(f"bits are unsigned integers, not {kind}"))
    return _shaped(_words(key, shape) >> (64 - 8 * kind.itemsize), shape).astype(kind)


def uniform(
    key: Any, shape: Shape = (), minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = np.float64
) -> Any:
    """Uniform floats in ``[minval, maxval)``: multiples of 2**-53 (float32: 2**-24) of the range.

    Differentiable in ``minval`` and ``maxval``, which are numbers or arrays.

    Shape ``shape``, dtype ``float64`` or ``float32``; TypeError for another one.

        x = random.uniform(random.key(0), 1000, 2.0, 3.0)
        assert 2.0 <= x.min() < x.max() < 3.0
    """
    kind = _floating(dtype)
    u = _shaped(_unit(_words(key, shape), kind), shape)
    if type(minval) is float and type(maxval) is float and (minval, maxval) == (0.0, 1.0):
        return u
    low, high = (_np(np.asarray)(v).astype(kind)[()] for v in (minval, maxval))
    return _np(np.add)(_np(np.multiply)(u, _np(np.subtract)(high, low)), low)


def normal(key: Any, shape: Shape = (), dtype: Any = np.float64) -> Any:
    """Standard normal floats, by the inverse of the distribution function.

    Wichura, "Algorithm AS 241", Applied Statistics 37 (1988): relative error about 1e-16. float32
    is the float64 draw rounded.

    Shape ``shape``, dtype ``float64`` or ``float32``; TypeError for another one.

        x = random.normal(random.key(0), (3, 4))
        assert x.shape == (3, 4)
    """
    kind = _floating(dtype)
    return _shaped(normal_quantile(_open_unit(_words(key, shape))).astype(kind), shape)


def exponential(key: Any, shape: Shape = (), dtype: Any = np.float64) -> Any:
    """Exponential floats of mean 1.

    Shape and dtype as for ``normal``.

        assert random.exponential(random.key(0), 10).min() >= 0.0
    """
    kind = _floating(dtype)
    u = _unit(_words(key, shape), np.dtype(np.float64))
    return _shaped((-log(1.0 - u)).astype(kind), shape)


def gumbel(key: Any, shape: Shape = (), dtype: Any = np.float64) -> Any:
    """Standard Gumbel floats: ``-log(-log(u))``.

    Shape and dtype as for ``normal``.

        assert random.gumbel(random.key(0), 10).shape == (10,)
    """
    kind = _floating(dtype)
    return _shaped((-log(-log(_open_unit(_words(key, shape))))).astype(kind), shape)


def bernoulli(key: Any, p: Any = 0.5, shape: Shape | None = None) -> Any:
    """True with probability ``p``, which is broadcast to ``shape`` (its own shape if None).

    A ``bool`` array.

        coins = random.bernoulli(random.key(0), 0.5, 100)
        assert 20 < coins.sum() < 80
    """
    shape = _np(np.shape)(p) if shape is None else shape
    return _np(np.less)(uniform(key, shape), p)


def integers(key: Any, low: Any, high: Any = None, shape: Shape = (), dtype: Any = np.int64) -> Any:
    """Integers in ``[low, high)``, in ``[0, low)`` without ``high``; bounds are integers or arrays.

    An element is the high part of 128 random bits times the range (64 where the dtype has at most
    32): no value is favoured by more than 2**-64 (2**-32 of its probability).

    Shape ``shape``, an integer ``dtype``; TypeError for another one.

        dice = random.integers(random.key(0), 1, 7, 100)
        assert (dice.min(), dice.max()) == (1, 6)
    """
    if high is None:
        low, high = 0, low
    kind = np.dtype(dtype)
    if not is_integer(kind):
        throw(TypeError(f"integers have an integer dtype, not {kind}"))
    first = _np(np.asarray)(low).astype(np.int64).astype(np.uint64)[()]
    last = _np(np.asarray)(high).astype(np.int64).astype(np.uint64)[()]
    span = _np(np.subtract)(_as_rows(last), _as_rows(first))
    if kind.itemsize <= 4:
        drawn = _scaled_down(_in_rows(_words(key, shape), shape), span)
    else:
        halves = split(key)
        upper, carry = _wide_product(_in_rows(_words(halves[0], shape), shape), span)
        total = carry + _wide_product(_in_rows(_words(halves[1], shape), shape), span)[0]
        drawn = upper + (total < carry).astype(np.uint64)
    return _shaped(drawn + _as_rows(first), shape).astype(kind)


randint = integers


def permutation(key: Any, x: Any, axis: int = 0) -> Any:
    """A random order of the slices of an array along ``axis``; of ``arange(x)`` for an integer.

    The result has the shape and dtype of ``x``, ``int64`` for an integer.

        order = random.permutation(random.key(0), 5)
        assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    """
    if _is_integer(x):
        return _np(np.argsort)(_words(key, x), kind="stable")
    order = _np(np.argsort)(_words(key, _np(np.shape)(x)[axis]), kind="stable")
    return _np(np.take)(x, order, axis=axis)


def choice(
    key: Any, a: Any, shape: Shape = (), replace: bool = True, p: Any = None, axis: int = 0
) -> Any:
    """Elements of ``a`` along ``axis``, or of ``arange(a)``; ``p``: their probabilities.

    ValueError where more are taken than there are, without replacement.

        drawn = random.choice(random.key(0), np.array([10.0, 20.0]), 50, p=np.array([0.0, 1.0]))
        assert drawn.tolist() == [20.0] * 50
    """
    count = a if _is_integer(a) else _np(np.shape)(a)[axis]
    if not replace:
        many = _count(shape)
        if isinstance(count, int) and isinstance(many, int) and many > count:
            throw(ValueError(f"cannot take {many} of {count} elements without replacement"))
        times = _words(key, count) if p is None else exponential(key, count) / p
        index = _shaped(_np(np.argsort)(times, kind="stable")[:many], shape)
    elif p is None:
        index = integers(key, 0, count, shape)
    else:
        sums = _np(np.cumsum)(p)
        index = _np(np.searchsorted)(sums, uniform(key, shape) * sums[-1], side="right")
    return index if _is_integer(a) else _np(np.take)(a, index, axis=axis)


def categorical(key: Any, logits: Any, axis: int = -1) -> Any:
    """Indices along ``axis``, each with probability proportional to ``exp(logits)``.

    Integers, of the shape of ``logits`` without that axis.

        picked = random.categorical(random.key(0), np.array([[0.0, 100.0], [100.0, 0.0]]))
        assert picked.tolist() == [1, 0]
    """
    logits = _np(np.asarray)(logits)
    return _np(np.argmax)(logits + gumbel(key, logits.shape), axis=axis)


def gamma(key: Any, a: Any, shape: Shape | None = None, dtype: Any = np.float64) -> Any:
    """Gamma floats of shape parameter ``a`` > 0 and scale 1. Not differentiable in ``a``.

    Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).

    Shape ``shape`` (that of ``a`` if None), dtype ``float64`` or ``float32``.

        x = random.gamma(random.key(0), 2.0, 1000)
        assert 1.7 < x.mean() < 2.3
    """
    kind = _floating(dtype)
    shape = _np(np.shape)(a) if shape is None else shape
    tries, boost = split(key)
    a = _np(np.broadcast_to)(_as_rows(_np(np.asarray)(a).astype(np.float64)), _rows(shape))
    small = _np(np.less)(a, 1.0)
    found = _staged(_marsaglia_tsang)(tries, _np(np.where)(small, a + 1.0, a) - 1.0 / 3.0)
    shrink = exp(-exponential(boost, _rows(shape)) / a)
    return _shaped(_np(np.where)(small, found * shrink, found), shape).astype(kind)


def _marsaglia_tsang(key: Any, d: Any) -> Any:
    """Rejection until every element is accepted; each try is with probability above 0.95."""
    found = np.zeros_like(d)
    waiting = np.ones(d.shape, np.bool_)
    number = 0
    while np.any(waiting):
        words = fold_in(key, number)
        x = normal(words, d.shape)
        v = 1.0 + x / np.sqrt(9.0 * d)
        v = np.where(v > 0.0, v * v * v, 1e-300)
        log_u = -exponential(fold_in(words, 1), d.shape)
        accepted = log_u < 0.5 * x * x + d - d * v + d * log(v)
        found = np.where(waiting & accepted, d * v, found)
        waiting = waiting & ~accepted
        number += 1
    return found


# -- from counters to words --------------------------------------------------------------------


def _checked(key: Any) -> Any:
    if getattr(key, "dtype", None) != np.uint32 or getattr(key, "ndim", 0) != 1:
        throw(
            TypeError(
                "a key is a uint32 array of two words, made by tracejit.random.key, split or "
                "fold_in"
            )
        )
    return key


def _blocks(key: Any, shape: Shape) -> tuple[Any, Any]:
    """The words of the counters 0, 1, …, one per element, in one axis."""
    counter = _np(np.arange)(_count(shape), dtype=np.uint64)
    high, low = (counter >> 32).astype(np.uint32), counter.astype(np.uint32)
    return threefry2x32(_checked(key), high, low)


def _words(key: Any, shape: Shape) -> Any:
    """64 random bits per element, in one axis."""
    high, low = _blocks(key, shape)
    return (high.astype(np.uint64) << 32) | low.astype(np.uint64)


def _is_integer(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) or (
        not hasattr(x, "__len__") and _np(np.ndim)(x) == 0 and not isinstance(x, np.ndarray)
    )


def _dims(shape: Shape) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)


def _count(shape: Shape) -> Any:
    return math.prod(_dims(shape))


def _rows(shape: Shape) -> tuple[Any, ...]:
    """The shape with at least one axis (NumPy's scalars warn where arrays wrap)."""
    return _dims(shape) or (1,)


def _as_rows(x: Any) -> Any:
    return x if _np(np.ndim)(x) else _np(np.reshape)(x, (1,))


def _in_rows(flat: Any, shape: Shape) -> Any:
    return _np(np.reshape)(flat, _rows(shape))


def _shaped(x: Any, shape: Shape) -> Any:
    return _np(np.reshape)(x, _dims(shape))[()]


def _floating(dtype: Any) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        throw(TypeError(f"the dtype is float32 or float64, not {kind}"))
    return kind


# -- from words to numbers ---------------------------------------------------------------------


def _unit(words: Any, kind: np.dtype[Any]) -> Any:
    """Floats in [0, 1) on the grid of the mantissa."""
    digits = 53 if kind.itemsize == 8 else 24
    return (words >> (64 - digits)).astype(kind) * kind.type(2.0**-digits)


def _open_unit(words: Any) -> Any:
    """Odd multiples of 2**-53: inside (0, 1), symmetric about 1/2."""
    return ((words >> 12) * np.uint64(2) + np.uint64(1)).astype(np.float64) * 2.0**-53


def _scaled_down(words: Any, span: Any) -> Any:
    """``words * span >> 64`` for a span of at most 32 bits, without the low half's low half."""
    high, low = words >> 32, words & np.uint64(_LOW)
    return (high * span + (low * span >> 32)) >> 32


def _wide_product(x: Any, y: Any) -> tuple[Any, Any]:
    """The high and low 64 bits of the products of 64-bit words."""
    low = np.uint64(_LOW)
    xh, xl, yh, yl = x >> 32, x & low, y >> 32, y & low
    middle = xh * yl + (xl * yl >> 32)
    other = xl * yh + (middle & low)
    return xh * yh + (middle >> 32) + (other >> 32), x * y
