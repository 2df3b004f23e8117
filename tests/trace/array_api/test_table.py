"""The names of the table against NumPy: values, dtypes, shapes and exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.trace.array_api import name_table as table
from tests.trace.array_api.tracing import TracedNumpy, compare, run_traced
from tracejit.errors import UnsupportedError

ARRAYS: tuple[Any, ...] = (
    table.MATRIX,
    table.INTEGERS,
    table.MASK,
    table.COMPLEX,
    table.HOLES,
    table.MATRIX.astype("f4"),
    table.CUBE,
)


def reductions() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every reduction with its axes and options."""
    for name in table.REDUCTIONS:
        for array in ARRAYS:
            yield from ((f"np.{name}(x, axis={axis})", (array,)) for axis in (None, 0, -1))
        yield f"np.{name}(x)", (np.zeros((0,)),)
        yield f"np.{name}(x, axis=5)", (table.MATRIX,)
        yield f"np.{name}([x, 2.0])", (1.0,)
        if "cum" not in name:
            yield f"np.{name}(x, axis=1, keepdims=True)", (table.MATRIX,)
        if name not in ("count_nonzero", "average"):
            dtype = "?" if name in ("any", "all") else "i8" if "arg" in name else "f8"
            shape = "(3, 4)" if "cum" in name else "(3,)"
            yield f"r = np.zeros({shape}, '{dtype}'); np.{name}(x, axis=1, out=r)", (table.MATRIX,)
        if name in table.FOLDED:
            yield f"np.{name}(x, axis=0, dtype='f4')", (table.INTEGERS,)
            yield f"np.{name}(x, axis=0, where=y)", (table.MATRIX, table.MASK)
        if name in ("min", "max", "nanmin", "nanmax"):
            yield f"np.{name}(x, axis=0, where=y, initial=1.0)", (table.MATRIX, table.MASK)
        if name in ("std", "var", "nanstd", "nanvar"):
            yield f"np.{name}(x, axis=0, correction=1)", (table.MATRIX,)
            mean = "np.mean(x, axis=0, keepdims=True)"
            yield f"np.{name}(x, axis=0, mean={mean})", (table.MATRIX,)


UFUNCS = [
    f
    for f in {getattr(np, n) for n in dir(np) if isinstance(getattr(np, n), np.ufunc)}
    if f not in (np.isnat, np.matmul, np.vecdot, np.matvec, np.vecmat)
]


def ufuncs() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every ufunc with its outputs, masks and dtypes, where NumPy takes the operands."""
    for ufunc in sorted(UFUNCS, key=lambda f: f.__name__):
        for left in (table.POSITIVE * 0.3 + 0.1, np.abs(table.INTEGERS) + 1):
            right = np.abs(table.INTEGERS) if ufunc is np.ldexp else left[::-1] + 1
            given = (left, right)[: ufunc.nin]
            given = (left + 1,) if ufunc is np.arccosh else given
            try:
                with np.errstate(all="ignore"):
                    found = ufunc(*given)
            except TypeError:
                continue
            call, names = f"np.{ufunc.__name__}", ", ".join("xy"[: ufunc.nin])
            yield f"{call}({names})", given
            if ufunc.nout == 1:
                made = f"np.ones((3, 4), '{found.dtype}')"
                yield f"r = {made}; {call}({names}, out=r)", given
                yield f"{call}({names}, {made}, where=x > 0.3)", given
                yield f"{call}({names}, out=np.ones((4,), 'c16'))", given
            yield f"{call}({names}, dtype='f4')", given
            yield f"{call}({names}, dtype='c16', casting='unsafe')", given
            if ufunc.nin == 2 and ufunc.nout == 1:
                yield f"{call}.outer(x[0], y[:, 1])", given


CASES: list[tuple[str, tuple[Any, ...]]] = [
    *((source, (table.LINE, table.OTHER)) for source in table.split(table.VECTORS)),
    *((source, (table.MATRIX,)) for source in table.split(table.MATRICES)),
    *((source, (table.SYMMETRIC,)) for source in table.split(table.SQUARE)),
    *((f"np.bincount(x{rest})", (table.COUNTS,)) for rest in ("", ", minlength=9", " - 1")),
    *reductions(),
    *ufuncs(),
]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n][0])
def test_call(number: int) -> None:
    source, arguments = CASES[number]
    compare(source, *arguments)


@pytest.mark.parametrize("source", table.split(table.VECTORS))
def test_call_with_free_extents(source: str) -> None:
    try:
        compare(source, table.LINE, table.OTHER, symbolic=True)
    except AssertionError as error:
        if not isinstance(error.__cause__, UnsupportedError):
            raise
        pytest.skip("compiled for the extent")


@pytest.mark.parametrize("source", table.ADVICE)
def test_refused_with_advice(source: str) -> None:
    code = compile(source, source, "eval")
    with pytest.raises(UnsupportedError) as caught:
        run_traced(lambda x: eval(code, {"np": TracedNumpy(), "x": x}), (table.SYMMETRIC,), False)
    assert table.ADVICE[source] in str(caught.value)
