"""Where NumPy's versions differ: the constants say what the installed one does, and so do we."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import hermite, laguerre, polynomial

from tracejit import jit, versions


def _works(call: Callable[[], Any]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except (TypeError, ValueError, OverflowError):
            return False
    return True


def _written(call: Callable[..., Any], shape: tuple[int, ...], dtype: Any) -> bool:
    out = np.zeros(shape, dtype)
    call(out)
    return bool(np.any(out != 0))


PROBES: dict[str, Callable[[], bool]] = {
    "PAD_TAKES_DICTS": lambda: _works(lambda: np.pad(np.ones(2), {0: (1, 2)})),  # type: ignore[call-overload]
    "EIGENVALUES_ARE_COMPLEX": lambda: np.linalg.eigvals(np.eye(2)).dtype == complex,
    "WHERE_CHECKS_INTS": lambda: not _works(lambda: np.where(True, 300, np.uint8(1))),
    "CROSS_NEEDS_THREE": lambda: not _works(lambda: np.cross([1, 2], [3, 4])),
    "HALF_NEXTAFTER_TURNS_ZEROS": lambda: bool(
        np.signbit(np.nextafter(np.float16(0.0), np.float16(-0.0)))
    ),
    "TAKE_CASTS_TO_OUT": lambda: _works(lambda: np.take([1, 2], [0], out=np.zeros(1))),
    "SORTS_DESCEND": lambda: _works(lambda: np.sort([1, 2], descending=True)),  # type: ignore[call-overload]
    "MESHGRID_IS_A_TUPLE": lambda: isinstance(np.meshgrid([1], sparse=True, copy=False), tuple),
    "FFT_WRITES_EVERY_OUT": lambda: _written(
        lambda out: np.fft.hfft([1.0, 2.0, 3.0], out=out), (4,), float
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_constants_are_what_numpy_does(name: str) -> None:
    assert getattr(versions, name) == PROBES[name]()


def test_every_constant_is_asked_about() -> None:
    found = {n for n, x in vars(versions).items() if type(x) is bool and n.isupper()}
    assert found == set(PROBES)


X = np.array([3.0, 1.0, np.nan, 2.0, 3.0])
I = np.arange(3)
U = np.arange(3, dtype=np.uint8)
B = np.array([True, False, True])
Z = np.array([1 + 2j, 1 + 1j, 2, complex(np.nan, 1), complex(1, np.nan)])
H = np.float16([0, -0.0, 1])
M = np.eye(3) + 0.1
CALLS: dict[str, Callable[..., Any]] = {
    "sort": lambda x, i, u, b, z, h, m: [
        np.sort(v, descending=True) for v in (x, i, u, b, z, x[::-1])
    ],
    "argsort": lambda x, i, u, b, z, h, m: [v.argsort(descending=True) for v in (x, i, u, b, z, h)],
    "sort of columns": lambda x, i, u, b, z, h, m: np.sort(m, axis=0, descending=True),
    "sort in place": lambda x, i, u, b, z, h, m: (x.sort(descending=True), x),
    "sort, not descending": lambda x, i, u, b, z, h, m: np.sort(x, kind="s", descending=None),
    "sort, both": lambda x, i, u, b, z, h, m: np.sort(x, kind="stable", descending=False),
    "sort, kind": lambda x, i, u, b, z, h, m: np.sort(x, kind=3),
    "where": lambda x, i, u, b, z, h, m: np.where(b, 300, u),
    "where, never": lambda x, i, u, b, z, h, m: np.where(b & ~b, 2**63, i),
    "where, a length": lambda x, i, u, b, z, h, m: np.where(b, len(x) - 300, u),
    "where, scalars": lambda x, i, u, b, z, h, m: np.where(b, -1, np.uint64(3)),
    "where, an array": lambda x, i, u, b, z, h, m: np.where(b, np.array(300), u),
    "where, a float": lambda x, i, u, b, z, h, m: np.where(b, 2.5, u),
    "cross of 2": lambda x, i, u, b, z, h, m: np.cross(x[:2], x[3:]),
    "cross of 2 and 3": lambda x, i, u, b, z, h, m: np.cross(x[:2], i),
    "cross of 4": lambda x, i, u, b, z, h, m: np.cross(x[:4], x[:4]),
    "cross, axisc": lambda x, i, u, b, z, h, m: np.cross(i, i, axisc=3),
    "linalg.cross of 2": lambda x, i, u, b, z, h, m: np.linalg.cross(x[:2], x[3:]),
    "nextafter": lambda x, i, u, b, z, h, m: np.nextafter(h[:2], h[1::-1]),
    "take, wider": lambda x, i, u, b, z, h, m: np.take(i, [0, 1], out=np.zeros(2)),
    "take, narrower": lambda x, i, u, b, z, h, m: np.take(x, [0, 1], out=np.zeros(2, int)),
    "compress": lambda x, i, u, b, z, h, m: i.compress(b, out=np.zeros(2)),
    "choose": lambda x, i, u, b, z, h, m: np.choose([0, 1], [x[:2], x[3:]], out=i[:2]),
    "meshgrid": lambda x, i, u, b, z, h, m: np.meshgrid(x, i, sparse=True, copy=False),
    "hfft": lambda x, i, u, b, z, h, m: (out := np.zeros(4), np.fft.hfft(z[:3], out=out)),
    "ifft2": lambda x, i, u, b, z, h, m: (out := m + 0j, np.fft.ifft2(m, out=out)),
    "fft, norm": lambda x, i, u, b, z, h, m: np.fft.fft(x, norm="none"),
    "imag": lambda x, i, u, b, z, h, m: setattr(x, "imag", 1),
    "bincount": lambda x, i, u, b, z, h, m: np.bincount(u),
    "eig": lambda x, i, u, b, z, h, m: (np.linalg.eig(m)[0], np.linalg.eigvals(m)),
    "roots": lambda x, i, u, b, z, h, m: np.roots([1.0, -3, 2]),
    "polyroots": lambda x, i, u, b, z, h, m: polynomial.polyroots([2, -3, 1.0]),
    "hermroots": lambda x, i, u, b, z, h, m: hermite.hermroots([1.0, 2, 3]),
    "lagroots": lambda x, i, u, b, z, h, m: laguerre.lagroots([1.0, 2, 3]),
}


def _outcome(call: Callable[..., Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(call(*(v.copy() for v in (X, I, U, B, Z, H, M))))
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str) -> None:
    """Values, dtypes, exceptions and their texts are those of the NumPy that is installed."""
    with np.printoptions(precision=9, suppress=True):
        assert _outcome(jit(CALLS[name])) == _outcome(CALLS[name])


def test_scipy() -> None:
    linalg, special = pytest.importorskip("scipy.linalg"), pytest.importorskip("scipy.special")
    real = linalg.sqrtm(np.array([[2.0, 1], [1, 3]])).dtype == float
    nothing = special.comb(0.5, 2, repetition=True) != 0
    zero = linalg.cho_factor(np.array([[2.0, 1], [1, 3]]))[0][1, 0] == 0
    assert real >= versions.square_roots_follow_the_matrix()
    assert nothing == versions.comb_repeats_nothing()
    assert zero == versions.cho_factor_zeroes_the_rest()
