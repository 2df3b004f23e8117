"""Operands and attributes of the rows of kind ``extern``: well and badly conditioned matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Sample = tuple[tuple[Any, ...], dict[str, Any]]


def drawn(dtype: Any, *shape: int) -> Any:
    """Numbers between -1 and 1, the same ones for a shape."""
    rng = np.random.default_rng(sum(shape))
    x = rng.uniform(-1, 1, shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.uniform(-1, 1, shape)
    return (x * 100 if np.dtype(dtype).kind in "iu" else x).astype(dtype)


def regular(dtype: Any, *lead: int, n: int = 3) -> Any:
    return drawn(dtype, *lead, n, n) + 2 * np.eye(n, dtype=dtype)


def definite(dtype: Any, *lead: int) -> Any:
    a = regular(dtype, *lead)
    return (a @ np.conj(np.swapaxes(a, -1, -2))).astype(dtype)


def _solve(d: Any, **attrs: Any) -> list[Sample]:
    return [
        ((regular(d), drawn(d, 3, 2)), attrs),
        ((regular(d, 2), drawn(d, 2, 3, 1)), attrs),
        ((np.zeros((3, 3), d), drawn(d, 3, 1)), attrs),
        ((drawn(d, 0, 0), drawn(d, 0, 2)), attrs),
    ]


def _triangular(d: Any, **attrs: Any) -> list[Sample]:
    """Without singular ones, which nothing is promised for."""
    return [s for s in _solve(d, **attrs) if s[0][0].any() or not s[0][0].size]


def _squares(d: Any, **attrs: Any) -> list[Sample]:
    many = [regular(d), regular(d, 2), definite(d), np.zeros((2, 2), d), drawn(d, 0, 0)]
    return [((a,), attrs) for a in [*many, drawn(d, 0, 3, 3), -definite(d, 2)]]


def _sided(d: Any, *attrs: dict[str, Any]) -> list[Sample]:
    """Matrices of any shape."""
    many = [regular(d), drawn(d, 4, 3), drawn(d, 2, 3, 4), drawn(d, 3, 0), drawn(d, 0, 3, 2)]
    return [((a,), {**given, "k": min(a.shape[-2:])}) for a in many for given in attrs]


def _lstsq(d: Any) -> list[Sample]:
    tall, wide = (drawn(d, 4, 3), drawn(d, 4, 2)), (drawn(d, 2, 3), drawn(d, 2, 1))
    pairs = [tall, wide, (np.ones((3, 2), d), drawn(d, 3, 1))]
    small = [((a, b), {"k": min(a.shape)}) for a, b in pairs]
    return [*small, ((*tall, np.float64(0.53)), {"k": 3})]


def _pinv(d: Any) -> list[Sample]:
    plain = [((a,), {"hermitian": False}) for a in (drawn(d, 4, 3), drawn(d, 2, 2, 3))]
    given = ((drawn(d, 3, 3), np.float64(0.3)), {"hermitian": False})
    return [*plain, given, ((definite(d),), {"hermitian": True})]


def _along(d: Any, **attrs: Any) -> list[Sample]:
    return [((drawn(d, *s),), {"axis": a, **attrs}) for s in ((5,), (2, 4)) for a in range(len(s))]


def _select(d: Any) -> list[Sample]:
    """One place, places from both ends, none on the axis."""
    places = [np.array(k, np.int64) for k in ([2], [-1, 0], [5])]
    along = [(x, attrs) for (x,), attrs in _along(d)]
    return [((x, k), attrs) for k in places for x, attrs in along]


def _irfft(d: Any) -> list[Sample]:
    how = {"axis": 1, "norm": "ortho"}
    return [((drawn(d, 2, 4),), {**how, "points": n}) for n in (6, 7)]


def _ufunc(d: Any) -> list[Sample]:
    """One operand and two, an array and a number."""
    letter, place = np.dtype(d).char, "scipy.special:"
    x = drawn(d, 2, 3) + d.type(1.5)
    one = {"function": place + "gammaln", "loop": f"{letter}->{letter}"}
    two = {"function": place + "betaln", "loop": f"{letter}{letter}->{letter}"}
    return [((x,), one), ((x, x + 1), two), ((x[0, 0], x[0, 1]), two)]


_FLOATS = "fdFD"
LIBRARY: dict[str, tuple[str, Callable[[Any], list[Sample]]]] = {
    "solve": (_FLOATS, _solve),
    "triangular_solve": (
        _FLOATS,
        lambda d: _triangular(d, lower=True) + _triangular(d, lower=False),
    ),
    "inv": (_FLOATS, _squares),
    "det": (_FLOATS, _squares),
    "slogdet": (_FLOATS, _squares),
    "cofactor": (_FLOATS, _squares),
    "cholesky": (_FLOATS, lambda d: _squares(d, upper=False) + _squares(d, upper=True)),
    "qr": (_FLOATS, lambda d: _sided(d, *({"mode": m} for m in ("reduced", "complete", "r")))),
    "svd": (_FLOATS, lambda d: _sided(d, {"full": False}, {"full": True})),
    "svdvals": (_FLOATS, lambda d: _sided(d, {})),
    "eigh": (_FLOATS, lambda d: _squares(d, lower=True) + _squares(d, lower=False)),
    "eigvalsh": (_FLOATS, lambda d: _squares(d, lower=True) + _squares(d, lower=False)),
    "eig": (_FLOATS, _squares),
    "eigvals": (_FLOATS, _squares),
    "pinv": (_FLOATS, _pinv),
    "lstsq": (_FLOATS, _lstsq),
    "fft": (
        _FLOATS,
        lambda d: [s for i in (0, 1) for s in _along(d, norm="ortho", inverse=bool(i))],
    ),
    "rfft": ("fd", lambda d: _along(d, norm="backward")),
    "irfft": ("FD", _irfft),
    "sort": ("?bBhHiIlLfdFD", lambda d: _along(d, kind="quicksort")),
    "argsort": ("?bBhHiIlLfdFD", lambda d: _along(d, kind="stable")),
    "partition": ("?bBhHiIlLfdFD", _select),
    "argpartition": ("?bBhHiIlLfdFD", _select),
    "lexsort": ("?bBhHiIlLfdFD", lambda d: [((drawn(d, 2, 5),), {})]),
    "ufunc": ("fd", _ufunc),
    "bessel_i": ("fd", lambda d: [((drawn(d, 5) * 9,), {"n": n}) for n in (0, 1, 2)]),
}


def library_samples(name: str, dtype: Any) -> list[Sample]:
    """Operands and attributes of a row for a dtype; none where it takes others."""
    letters, make = LIBRARY[name]
    return make(np.dtype(dtype)) if np.dtype(dtype).char in letters else []
