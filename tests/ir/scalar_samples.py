"""Edge samples by dtype, and how a lowering's answer is compared with NumPy's."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from tracejit.dtypes import finfo, is_complex, is_float, is_integer, is_narrow, is_signed
from tracejit.ir.core import Primitive

INTS = [np.dtype(f"{k}{n}") for k in "iu" for n in (1, 2, 4, 8)]
FLOATS = [np.dtype("f4"), np.dtype("f8")]
COMPLEX = [np.dtype("c8"), np.dtype("c16")]
BOOL = np.dtype("?")
F64 = np.dtype("f8")


def samples(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Distinct values of every class the dtype has."""
    if dtype == BOOL:
        return np.array([False, True])
    if is_integer(dtype):
        info = np.iinfo(dtype)
        small = [0, 1, 2, 3, 5, 7, 12, 31, 63, 64, 100, info.max, info.max - 1, info.max // 3]
        negative = [-1, -2, -3, -7, -64, info.min, info.min + 1, info.min // 5]
        return np.array(small + (negative if is_signed(dtype) else []), dtype)
    if is_complex(dtype):
        parts = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan]
        pairs = [complex(a, b) for a, b in product(parts, parts)]
        out = np.array(pairs, dtype)
        return np.concatenate([out, _random(dtype, 40)])
    info_f = finfo(dtype)
    tiny = float(info_f.smallest_subnormal)
    edges = [0.0, 1.0, 0.5, 1.5, 2.0, 2.5, 3.0, 0.1, 7.3, 100.25, 1e5, 1e-5, np.inf]
    edges += [float(info_f.max), float(info_f.tiny), tiny, 3 * tiny, 1e30, 1e-30, 2.0**31, 2.0**63]
    return np.array([*edges, *(-v for v in edges), np.nan], dtype)


def _random(dtype: np.dtype[Any], count: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(7)
    return (rng.normal(size=count) + 1j * rng.normal(size=count)).astype(dtype)


def pairs(dtype: np.dtype[Any], other: np.dtype[Any] | None = None) -> tuple[Any, Any]:
    """All pairs of samples of one dtype (or two), as two arrays."""
    left, right = samples(dtype), samples(other or dtype)
    return np.repeat(left, right.size), np.tile(right, left.size)


def distance(got: Any, want: Any) -> np.ndarray[Any, Any]:
    """Distance in ulps of `want`; 0 where equal (zero signs included) or both nan."""
    got, want = np.asarray(got), np.asarray(want)
    if is_complex(want.dtype):
        exact = np.maximum(distance(got.real, want.real), distance(got.imag, want.imag))
        # C99 leaves the sign of a part beside a nan open.
        re, im = np.abs(want.real), np.abs(want.imag)
        unsigned = np.maximum(distance(np.abs(got.real), re), distance(np.abs(got.imag), im))
        return np.where(np.isnan(want), unsigned, exact)
    if not is_float(want.dtype):
        return np.asarray(got != want, np.float64)
    same = (np.isnan(got) & np.isnan(want)) | (
        (got == want) & (np.signbit(got) == np.signbit(want))
    )
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(want))
        if is_narrow(want.dtype):  # what is outside of NumPy is no long double
            got, want, unit = (x.astype(F64) for x in (got, want, unit))
        gap = np.abs(got.astype(np.longdouble) - want) / unit
    return np.where(same, 0.0, np.where(np.isnan(gap) | (gap == 0), np.inf, gap))


def operands(prim: Primitive, dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Sample operands of an elementwise row: all combinations for which its reference is defined.

    A condition holds for one in three; the first of three numbers goes through all samples.
    """
    own = prim.samples.dtypes
    kinds = [own.get(k, dtype) for k in range(prim.arity or 0)]
    values = [d for d in kinds if d != BOOL or dtype == BOOL][-2:]
    found = [*(pairs(*values) if len(values) == 2 else (samples(values[0]),))]
    if len(kinds) > len(values):
        k = np.arange(found[0].size)
        line = samples(kinds[0])
        line = line[(k + 5 * (k // line.size)) % line.size]
        found.insert(0, k % 3 == 0 if kinds[0] == BOOL else line)
    if prim.samples.where is not None:
        defined = prim.samples.where(*found)
        found = [x[defined] for x in found]
    return tuple(found)


def agrees(prim: Primitive, got: Any, want: Any, inputs: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Where `got` is as near to NumPy's `want` as the row promises.

    Exact operations agree in every bit. NumPy's own functions are within 4 ulp, ours within 2.
    A complex result is near relative to its modulus.
    """
    gap, s = distance(got, want), prim.samples
    of_complex = inputs[-1].dtype.kind == "c"
    limit = s.complex_ulps or s.ulps if of_complex else s.ulps
    good = gap <= limit
    reach = s.complex_reach if of_complex else s.reach
    if not limit or (reach is None and want.dtype.kind != "c"):
        return good
    with np.errstate(all="ignore"):
        size = np.abs(want) if reach is None else reach(want, *inputs)
        near = np.abs(got - want) <= 8 * float(finfo(want.dtype).eps) * size
    return good | (near & np.isfinite(want))
