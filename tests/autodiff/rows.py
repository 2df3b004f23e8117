"""Samples for the derivative of every row: points where it is smooth, per row name.

Every differentiable row of the table must appear here; ``test_rows.py`` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.ops import samples
from tests.ops.library_samples import LIBRARY, library_samples
from tests.ops.samples import accepted
from tracejit.ir.core import TABLE

Array = Any


@dataclass(frozen=True)
class Case:
    """Operands, attrs; ``real_only`` rows have no complex form."""

    operands: tuple[Array, ...]
    attrs: dict[str, Any] = field(default_factory=dict)


def _draw(rng: np.random.Generator, shape: Any, dtype: Any, low: float, high: float) -> Array:
    out = rng.uniform(low, high, shape)
    if np.dtype(dtype).kind == "c":
        out = out + 1j * rng.uniform(0.2, 0.8, shape)
    return np.asarray(out, dtype)


def elementwise(name: str, rng: np.random.Generator, dtype: Any) -> list[Case]:
    """Points in the smooth domain of an elementwise row; none when the dtype is not one of its."""
    prim, dtype = TABLE[name], np.dtype(dtype)
    if dtype.kind not in prim.samples.smooth_in:
        return []
    made = []
    for k in range(prim.arity or 0):
        own = prim.samples.dtypes.get(k, dtype)
        if own.kind == "b":
            made.append(rng.random((3, 2)) > 0.5)
        elif own.kind == "i":
            made.append(rng.integers(-2, 3, (3, 2)))
        else:
            made.append(_draw(rng, (3, 2), own, *prim.samples.smooth_of(k)))
    case = Case(tuple(made))
    return [case] if accepted(samples.Case(name, case.operands)) else []


def _structural() -> dict[str, Callable[[np.random.Generator, Any], list[Case]]]:
    def x(rng: np.random.Generator, dtype: Any, *shape: int) -> Array:
        return _draw(rng, shape, dtype, -1.0, 1.0)

    i64 = np.int64
    full = {"contract": ((1,), (0,)), "batch": ((), ())}
    batched = {"contract": ((3, 1), (0, 3)), "batch": ((0,), (1,))}
    return {
        "convert": lambda r, d: [Case((x(r, d, 3),), {"dtype": np.dtype(t)}) for t in _converts(d)],
        "broadcast": lambda r, d: [
            Case((x(r, d, 3),), {"shape": (2, 3), "axes": (1,)}),
            Case((x(r, d, 1, 3),), {"shape": (3, 2, 4), "axes": (1, 0)}),
            Case((x(r, d, 1, 3),), {"shape": (5, 3), "axes": (0, 1), "maybe_one": (0,)}),
            Case((x(r, d),), {"shape": (2, 2), "axes": ()}),
        ],
        "transpose": lambda r, d: [Case((x(r, d, 2, 3, 4),), {"perm": (2, 0, 1)})],
        "reshape": lambda r, d: [Case((x(r, d, 2, 6),), {"shape": (3, 4)})],
        "cast_shape": lambda r, d: [
            Case((x(r, d, 3),), {"shape": (3,), "exc": "ValueError", "message": "no"})
        ],
        "copy": lambda r, d: [Case((x(r, d, 3),))],
        "slice": lambda r, d: [
            Case((x(r, d, 6, 4), i64(4), i64(1), i64(-2), i64(1)), {"shape": (3, 2)})
        ],
        "pad": lambda r, d: [
            Case((x(r, d, 2, 3), x(r, d), i64(1), i64(0)), {"shape": (4, 5)}),
        ],
        "concatenate": lambda r, d: [
            Case((x(r, d, 2, 1), x(r, d, 2, 3), x(r, d, 2, 2)), {"axis": 1})
        ],
        "gather": lambda r, d: [
            Case((x(r, d, 4, 3), np.array([1, 3, 1])), {"axes": (0,)}),
            Case((x(r, d, 4, 3), np.array([[0, 2]]), np.array([[1, 1]])), {"axes": (1, 0)}),
            Case((x(r, d, 4, 3), i64(2)), {"axes": (1,)}),
        ],
        "put_slice": lambda r, d: [
            Case((x(r, d, 5, 2), x(r, d, 2, 2), i64(0), i64(0), i64(3), i64(1)))
        ],
        "add_slice": lambda r, d: [
            Case((x(r, d, 5, 2), x(r, d, 2, 2), i64(0), i64(0), i64(3), i64(1)))
        ],
        "scatter": lambda r, d: [
            Case((x(r, d, 4, 2), x(r, d, 3, 2), np.array(i)), {"axes": (0,), "mode": mode})
            for mode in ("set", "add", "mul", "minimum", "maximum")
            for i in ([0, 3, 1], [2, 1, 2])
            if mode not in ("minimum", "maximum") or np.dtype(d).kind == "f"
        ],
        "reduce_sum": lambda r, d: [
            Case((x(r, d, 2, 3, 2),), {"axes": a}) for a in ((), (1,), (0, 2))
        ],
        "reduce_prod": lambda r, d: [
            Case((_zeroed(x(r, d, 2, 3, 2), z),), {"axes": a})
            for a in ((), (1,), (0, 2))
            for z in (0, 1, 2)
        ],
        "reduce_min": lambda r, d: [Case((x(r, d, 3, 4),), {"axes": (0,)})],
        "reduce_max": lambda r, d: [Case((x(r, d, 3, 4),), {"axes": (0, 1)})],
        "cumsum": lambda r, d: [
            Case((x(r, d, 3, 2),), {"axis": 0, "reverse": v}) for v in (False, True)
        ],
        "cumprod": lambda r, d: [
            Case((_zeroed(x(r, d, 4, 2), z),), {"axis": 0, "reverse": v})
            for v in (False, True)
            for z in (0, 1)
        ],
        "cummin": lambda r, d: [Case((x(r, d, 5, 2),), {"axis": 0, "reverse": True})],
        "cummax": lambda r, d: [Case((x(r, d, 5, 2),), {"axis": 0, "reverse": False})],
        "dot": lambda r, d: [
            Case((x(r, d, 2, 3), x(r, d, 3, 4)), full),
            Case((x(r, d, 3), x(r, d, 3)), {"contract": ((0,), (0,)), "batch": ((), ())}),
            Case((x(r, d, 2, 3, 2, 4), x(r, d, 4, 2, 5, 3)), batched),
        ],
        "compress": lambda r, d: [
            Case((x(r, d, 2, 4), np.array([True, False, True, True]), *count), {"axis": 1})
            for count in ((), (np.int64(3),))
        ],
    }


def _zeroed(x: Array, zeros: int) -> Array:
    x.reshape(-1)[:zeros] = 0
    return x


def _converts(dtype: Any) -> list[str]:
    return ["f8", "c16", "f4"] if np.dtype(dtype).kind == "f" else ["c16", "f8"]


STRUCTURAL = _structural()

#: Rows that loops and branches cover, that only appear with others, whose vectors have phases
#: (``test_matrices.py``), or that are derivatives and have one by the last operand alone
#: (``tests/trace/array_api/test_incomplete.py``).
ELSEWHERE = frozenset("for while cond call recursion tape push pop empty svd eigh eig".split())
ELSEWHERE |= {"gammainc_by", "betainc_by", "stdtr_by", "zeta_by"}


Smooth = Callable[[Any], list[tuple[tuple[Any, ...], dict[str, Any]]]]


def _library() -> dict[str, Smooth]:
    """Those samples of a library's rows that have derivatives, without phases of vectors."""

    def take(name: str, *which: int) -> Smooth:
        def taken(dtype: Any) -> list[Any]:
            found = library_samples(name, dtype)
            return [found[k] for k in which] if found else []

        return taken

    return {
        **{n: take(n, 0, 1) for n in "solve inv det slogdet cofactor rfft irfft bessel_i".split()},
        "triangular_solve": take("triangular_solve", 0, 1, 3),
        "cholesky": take("cholesky", 2, 9),
        "fft": take("fft", 0, 1, 3),
        "sort": take("sort", 0, 1),
        "partition": take("partition", 0, 1, 4),
        "ufunc": take("ufunc", 0, 1),
        "qr": take("qr", 0, 2, 3, 8),
        "svdvals": take("svdvals", 0, 1, 2),
        "eigvalsh": take("eigvalsh", 0, 2),
        "eigvals": take("eigvals", 2),
        "pinv": take("pinv", 0, 1, 2),
        "lstsq": take("lstsq", 0, 1, 3),
    }


SMOOTH = _library()


def cases(name: str, rng: np.random.Generator, dtype: Any) -> list[Case]:
    """All cases of a row for a dtype."""
    if name in LIBRARY:
        return [Case(*sample) for sample in SMOOTH[name](np.dtype(dtype))]
    if name in STRUCTURAL:
        if np.dtype(dtype).kind == "c" and name in ("reduce_min", "reduce_max", "cummin", "cummax"):
            return []
        return STRUCTURAL[name](rng, dtype)
    return elementwise(name, rng, dtype)
