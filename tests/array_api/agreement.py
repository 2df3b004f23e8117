"""Whether a compiled call and NumPy's gave the same: exceptions, types, dtypes, shapes, values."""

from __future__ import annotations

from typing import Any

import numpy as np

# Elementary functions may differ by ulps, sums and products of matrices by their order.
_RELATIVE = {"f": 2e-5, "d": 1e-12, "F": 2e-5, "D": 1e-12}


def disagreement(
    result: Any, expected: Any, written: list[Any], expected_written: list[Any]
) -> str:
    """In what the two differ, or the empty string; the last two are the arguments afterwards."""
    found = _difference(result, expected)
    if found or isinstance(expected, Exception):
        return found
    for mine, theirs in zip(written, expected_written, strict=True):
        if found := _difference(mine, theirs):
            return f"argument: {found}"
    return ""


def _difference(mine: Any, theirs: Any) -> str:
    if isinstance(mine, Exception) or isinstance(theirs, Exception):
        if type(mine) is type(theirs):
            return ""
        return f"{_outcome(mine)}; NumPy: {_outcome(theirs)}"
    if type(mine) is not type(theirs):
        return f"{type(mine).__name__}, not {type(theirs).__name__}"
    if isinstance(mine, list | tuple):
        if len(mine) != len(theirs):
            return f"{len(mine)} results, not {len(theirs)}"
        pairs = zip(mine, theirs, strict=True)
        return next((d for a, b in pairs if (d := _difference(a, b))), "")
    if not isinstance(mine, np.ndarray | np.generic):
        return "" if mine == theirs or mine != mine else f"{mine!r}, not {theirs!r}"
    if mine.dtype != theirs.dtype:
        return f"{mine.dtype}, not {theirs.dtype}"
    if mine.shape != theirs.shape:
        return f"shape {mine.shape}, not {theirs.shape}"
    return _values(np.asarray(mine), np.asarray(theirs))


def _outcome(value: Any) -> str:
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {str(value).splitlines()[0] if str(value) else ''}"
    return "a result"


def _values(mine: Any, theirs: Any) -> str:
    if np.iscomplexobj(mine):
        return _values(mine.real, theirs.real) or _values(mine.imag, theirs.imag)
    with np.errstate(all="ignore"):
        same = (mine == theirs) | ((mine != mine) & (theirs != theirs))
        relative = _RELATIVE.get(mine.dtype.char)
        if relative is not None:
            scale = np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
            same |= np.abs(mine - theirs) <= relative * scale
            same &= (np.signbit(mine) == np.signbit(theirs)) | (theirs != 0)
            same |= (mine != mine) & (theirs != theirs)
    if np.all(same):
        return ""
    where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(~same)))
    return f"{np.atleast_1d(mine)[where]!r} at {where}, not {np.atleast_1d(theirs)[where]!r}"
