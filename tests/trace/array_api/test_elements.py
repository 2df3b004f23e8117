"""Values stored in arrays of another dtype: what NumPy casts, converts, or refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

Store = Callable[[Any, Any, Any, Any], Any]


def _zero_d(x: Any, z: Any, s: Any, p: Any) -> Any:
    y = np.zeros((), x.dtype)
    y[...] = z[0]
    return y


def _set(key: Any, which: str) -> Store:
    """``x[key] = `` an array, a NumPy scalar, a Python scalar, or a list of such."""
    sources: dict[str, Callable[..., Any]] = {
        "z": lambda z, s, p: z,
        "z0": lambda z, s, p: z[0],
        "s": lambda z, s, p: s,
        "p": lambda z, s, p: p,
        "[s]": lambda z, s, p: [s, s],
        "[p]": lambda z, s, p: [p, p],
    }
    source = sources[which]

    def store(x: Any, z: Any, s: Any, p: Any) -> None:
        x[key] = source(z, s, p)

    return store


def _flat(key: Any, which: str) -> Store:
    store = _set(key, which)
    return lambda x, z, s, p: store(x.flat, z, s, p)


def _imag(x: Any, z: Any, s: Any, p: Any) -> None:
    x.imag = p


def _real(x: Any, z: Any, s: Any, p: Any) -> None:
    x.real = z


def _add(x: Any, z: Any, s: Any, p: Any) -> None:
    x += z


_EVERY = slice(None)
_PICKED = np.array([0, 1])
STORES: dict[str, Store] = {
    **{f"x[0] = {w}": _set(0, w) for w in ("z0", "s", "p")},
    **{f"x[:] = {w}": _set(_EVERY, w) for w in ("z", "s", "p", "[s]", "[p]")},
    **{f"x[picked] = {w}": _set(_PICKED, w) for w in ("z", "s", "p", "[s]", "[p]")},
    **{f"x.flat[0] = {w}": _flat(0, w) for w in ("z0", "s", "p")},
    **{f"x.flat[:] = {w}": _flat(_EVERY, w) for w in ("z", "s", "p")},
    **{f"x.flat[picked] = {w}": _flat(_PICKED, w) for w in ("z", "s", "p")},
    "0-d": _zero_d,
    "fill s": lambda x, z, s, p: x.fill(s),
    "fill p": lambda x, z, s, p: x.fill(p),
    "put z": lambda x, z, s, p: np.put(x, [0, 1], z),
    "put s": lambda x, z, s, p: np.put(x, [0], s),
    "put p": lambda x, z, s, p: np.put(x, [0], p),
    "put_along_axis p": lambda x, z, s, p: np.put_along_axis(x, np.array([0, 1]), p, 0),
    "place z": lambda x, z, s, p: np.place(x, x > 0, z),
    "place p": lambda x, z, s, p: np.place(x, x > 0, p),
    "putmask z": lambda x, z, s, p: np.putmask(x, x > 0, z),
    "putmask s": lambda x, z, s, p: np.putmask(x, x > 0, s),
    "putmask p": lambda x, z, s, p: np.putmask(x, x > 0, p),
    "copyto z": lambda x, z, s, p: np.copyto(x, z),
    "copyto s": lambda x, z, s, p: np.copyto(x, s),
    "copyto p": lambda x, z, s, p: np.copyto(x, p),
    "copyto unsafe": lambda x, z, s, p: np.copyto(x, z, casting="unsafe"),
    "x += z": _add,
    "add.at": lambda x, z, s, p: np.add.at(x, [0], p),
    "out": lambda x, z, s, p: np.add(x, z, out=x),
    "out, unsafe": lambda x, z, s, p: np.add(x, z, out=x, casting="unsafe"),
    "take": lambda x, z, s, p: np.take(z, [0, 1], out=x),
    "clip": lambda x, z, s, p: np.clip(z, 0, 1, out=x),
    "imag": _imag,
    "real": _real,
    "astype z": lambda x, z, s, p: z.astype(x.dtype),
    "astype s": lambda x, z, s, p: s.astype(x.dtype),
    "astype same kind": lambda x, z, s, p: z.astype(x.dtype, casting="same_kind"),
    "float s": lambda x, z, s, p: float(s),
    "float p": lambda x, z, s, p: float(p),
    "float z": lambda x, z, s, p: float(z[:1].reshape(())),
    "np.float64 p": lambda x, z, s, p: np.float64(p),
    "np.float64 s": lambda x, z, s, p: np.float64(s),
    "np.int8 p": lambda x, z, s, p: np.int8(p),
    "np.int8 s": lambda x, z, s, p: np.int8(s),
    "np.float64 z": lambda x, z, s, p: np.float64(z),
    "array z": lambda x, z, s, p: np.array(z, dtype=x.dtype),
    "array p": lambda x, z, s, p: np.array(p, dtype=x.dtype),
    "array [p]": lambda x, z, s, p: np.array([p, p], dtype=x.dtype),
    "array [s]": lambda x, z, s, p: np.array([s, s], dtype=x.dtype),
    "full": lambda x, z, s, p: np.full(2, p, dtype=x.dtype),
    "full_like": lambda x, z, s, p: np.full_like(x, s),
    "sum": lambda x, z, s, p: np.sum(z, dtype=x.dtype),
}
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "complex": (np.array([1 + 2j, 3 + 4j]), np.complex128(2 + 1j), 3 + 1j),
    "float": (np.array([1.5, 300.5]), np.float64(-2.5), 300.5),
    "no number": (np.array([1.5, np.nan]), np.float64(np.inf), float("nan")),
    "int": (np.array([1, 300]), np.int64(-200), 300),
    "large": (np.array([1, 2**64 - 1], np.uint64), np.uint64(2**63), -3),
    "beyond": (np.array([1e30, -1e30]), np.float64(1e30), 1e30),
}
DTYPES: dict[str, tuple[Any, ...]] = {
    "complex": (np.float32, np.int8, np.uint64, np.bool_),
    "float": (np.int8, np.uint8),
    "no number": (np.int64, np.uint64),
    "int": (np.int8, np.float32),
    "large": (np.int64, np.uint8),
    "beyond": (np.int64, np.uint64),
}


def outcome(f: Callable[..., Any], dtype: Any, values: tuple[Any, Any, Any]) -> tuple[str, ...]:
    x = np.array([1, 2], dtype)
    z, s, p = values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shown = repr(f(x, z.copy(), s, p))
        except (TypeError, ValueError, OverflowError) as error:
            shown = f"{type(error).__name__}: {error}"
    return shown, repr(x)


@pytest.mark.parametrize("name", STORES)
def test_stored(name: str) -> None:
    f = STORES[name]
    for kind, values in VALUES.items():
        for dtype in DTYPES[kind]:
            want = outcome(f, dtype, values)
            assert outcome(jit(f), dtype, values) == want, (kind, dtype)


def _numbers(dtype: Any) -> Any:
    frozen = np.zeros(2, dtype)
    frozen.flags.writeable = False
    return frozen


READ_ONLY: list[Callable[[Any, Any], Any]] = [
    lambda x, f: np.copyto(x, f),
    lambda x, f: np.copyto(x, 1.5),
    lambda x, f: np.copyto(x, np.zeros(3)),
    lambda x, f: np.copyto(x, f, where=f),
    lambda x, f: np.copyto(f, x, where=f),
    lambda x, f: np.copyto(x, f, where=[True, False, True]),
    lambda x, f: np.copyto(f, [1j, 2]),
]


@pytest.mark.parametrize("k", range(len(READ_ONLY)))
def test_what_is_wrong_first(k: int) -> None:
    raised = []
    for f in (READ_ONLY[k], jit(READ_ONLY[k])):
        with pytest.raises((TypeError, ValueError)) as error:
            f(_numbers(np.int64), np.zeros(2))
        raised.append((type(error.value), str(error.value)))
    assert raised[0] == raised[1]


def test_arrays_without_imaginary_part() -> None:
    raised = []
    for f in (_imag, jit(_imag)):
        with pytest.raises(TypeError) as error:
            f(np.zeros(2), 1, 1, 1.0)
        raised.append(str(error.value))
    assert raised[0] == raised[1]


@pytest.mark.parametrize("k", range(4))
def test_what_was_written_before_stays(k: int) -> None:
    def f(x: Any, z: Any) -> None:
        x[0] = 7
        if k == 0:
            x.fill(1j)
        elif k == 1:
            np.clip(z, 0, 1, out=x)
        elif k == 2:
            x[1] = float((z * 1j)[:1].reshape(()))
        else:
            x.flat[1] = 1j

    for g in (f, jit(f)):
        x = np.zeros(2, np.int8)
        with pytest.raises((TypeError, ValueError)):
            g(x, np.ones(2))
        assert x.tolist() == [7, 0]


def test_an_index_is_wrong_before_the_value() -> None:
    def f(x: Any, k: int) -> None:
        x.flat[k] = 1e30

    for g in (f, jit(f, shapes="dynamic")):
        with pytest.raises(IndexError, match="out of bounds"):
            g(np.zeros((2, 2), np.int8), 9)
        with pytest.raises(ValueError, match="single item"):
            g(np.zeros((2, 2), np.int8), 3)


def test_a_try_catches_what_a_conversion_raises() -> None:
    def f(x: Any, v: float) -> int:
        try:
            x.flat[0] = v
        except ValueError:
            x[1] = 7
        try:
            x.fill(v)
        except OverflowError:
            return 1
        return 0

    compiled = jit(f)
    for value in (3.5, 300.5, -1.5):
        ours, theirs = np.zeros(3, np.uint8), np.zeros(3, np.uint8)
        assert compiled(ours, value) == f(theirs, value)
        np.testing.assert_array_equal(ours, theirs)
