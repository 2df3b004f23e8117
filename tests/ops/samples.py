"""Operands and attributes for every row of the op table, for each dtype that the row accepts.

Elementwise rows get the edge values of the dtype (all pairs), one element, and none. Other rows get
the cases of ``_SHAPED``. A row that has neither is listed in ``ELSEWHERE`` with what tests it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.ir.scalar_samples import operands, samples
from tests.ops.library_samples import LIBRARY, library_samples
from tracejit.dtypes import is_inexact, is_integer
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Primitive
from tracejit.ir.types import DTYPES, tensor

ELSEWHERE = {
    **dict.fromkeys("for while cond call raise check write_back print".split(), "tests/fuzz"),
    **dict.fromkeys("tape push pop".split(), "tests/autodiff"),
    **dict.fromkeys("alloc free view load store fetch launch sum_pairwise".split(), "Programs"),
    **dict.fromkeys("for_true sum_true".split(), "Programs"),
    **dict.fromkeys("const_buffer tape_push tape_pop gemm".split(), "Programs"),
    "host_call": "tests/codegen_llvm",
    "pure_call": "tests/transforms/test_registered.py",
    **dict.fromkeys("recursion recur".split(), "tests/programs/recursions.py"),
    "empty": "undefined contents",
}


@dataclass(frozen=True)
class Case:
    """One use of a row: what it is applied to."""

    name: str
    operands: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        return TABLE[self.name].kind not in ("elementwise", "contraction")


def cases(name: str, dtype: np.dtype[Any]) -> Iterator[Case]:
    """All cases of a row for a dtype; none when the row does not accept it."""
    if TABLE[name].kind == "elementwise":
        found = _elementwise(name, dtype)
    elif name in LIBRARY:
        found = (Case(name, *sample) for sample in library_samples(name, dtype))
    else:
        found = _SHAPED.get(name, lambda d: iter(()))(dtype)
    return (case for case in found if accepted(case))


def accepted(case: Case) -> bool:
    """Whether the row's own type rule takes the case."""
    try:
        apply(Builder("probe"), case)
    except TypeError:
        return False
    return True


def apply(b: Builder, case: Case) -> tuple[Any, ...]:
    """The case's instruction on fresh parameters; its results."""
    params = [b.param(tensor(x.dtype, x.shape)) for x in map(np.asarray, case.operands)]
    got = b.op(case.name, *params, **case.attrs)
    return got if isinstance(got, tuple) else (got,)


def _elementwise(name: str, dtype: np.dtype[Any]) -> Iterator[Case]:
    if name == "convert":
        for target in DTYPES.values():
            yield from _sized(name, (_convertible(dtype, target),), {"dtype": target})
    elif name == "bitcast":
        for target in DTYPES.values():
            if target.itemsize == dtype.itemsize:
                yield from _sized(name, (samples(dtype),), {"dtype": target})
    else:
        yield from _sized(name, operands(TABLE[name], dtype), {})


def _convertible(dtype: np.dtype[Any], target: np.dtype[Any]) -> Any:
    """Samples that the target holds: what does not fit is the machine's choice in NumPy."""
    x = samples(dtype)
    if is_integer(target) and is_inexact(dtype):
        x = x[np.isfinite(x)]
        x = x[(np.abs(x) < 100) & (x.real >= 0)]
    return x


def _sized(name: str, args: tuple[Any, ...], attrs: dict[str, Any]) -> Iterator[Case]:
    for part in (slice(None), slice(0, 1), slice(0, 0)):
        yield Case(name, tuple(a[part] for a in args), attrs)


def line(dtype: np.dtype[Any], *shape: int) -> Any:
    """Small numbers with the dtype's special ones among them, in a shape."""
    count = int(np.prod(shape, dtype=int))
    x = np.resize(np.array([2, 0, 1, 3, 1, 0, 5]), count).astype(dtype)
    if is_inexact(dtype) and count > 5:
        x[1], x[4] = -0.0, np.nan
    return x.reshape(shape)


_I = np.int64
_SHAPES = ((3,), (2, 5), (1,), (0,), (33,), (3, 0))


def _each(name: str, **attrs: Any) -> Callable[[np.dtype[Any]], Iterator[Case]]:
    """The row over each axis of arrays of each shape (attribute ``axes`` or ``axis``)."""

    def found(dtype: np.dtype[Any]) -> Iterator[Case]:
        for shape in _SHAPES:
            for axis in range(len(shape)):
                given = {"axis": axis} if "axis" in attrs else {"axes": (axis,)}
                others = {k: v for k, v in attrs.items() if k not in given}
                if shape[axis] or name.startswith(("reduce_sum", "reduce_prod", "cum")):
                    yield Case(name, (line(dtype, *shape),), {**given, **others})
            if "axis" not in attrs and 0 not in shape:
                yield Case(name, (line(dtype, *shape),), {"axes": tuple(range(len(shape)))})

    return found


def _scan(name: str) -> Callable[[np.dtype[Any]], Iterator[Case]]:
    def found(dtype: np.dtype[Any]) -> Iterator[Case]:
        for reverse in (False, True):
            yield from _each(name, axis=0, reverse=reverse)(dtype)

    return found


def _fixed(
    name: str, *rows: tuple[tuple[Any, ...], dict[str, Any]]
) -> Callable[[np.dtype[Any]], Iterator[Case]]:
    """Cases written out; a tuple among the operands is the shape of an array."""

    def found(dtype: np.dtype[Any]) -> Iterator[Case]:
        for args, attrs in rows:
            made = tuple(line(dtype, *a) if isinstance(a, tuple) else a for a in args)
            yield Case(name, made, attrs)

    return found


def _constant(dtype: np.dtype[Any]) -> Iterator[Case]:
    from tracejit.ir.core import Constant

    for shape in ((), (4,), (0,)):
        yield Case("constant", (), {"value": Constant(line(dtype, *shape))})


def _iota(dtype: np.dtype[Any]) -> Iterator[Case]:
    for n in (5, 1, 0):
        if dtype.kind in "iuf":
            yield Case("iota", (), {"shape": (n,), "axis": 0, "dtype": dtype})


_FULL = {"contract": ((1,), (0,)), "batch": ((), ())}
_MASK = np.array([True, False, True, True])


def _keys(dtype: np.dtype[Any]) -> Any:
    """Keys that differ, some of them negative, large or in parts; room for more."""
    found = np.unique(np.array([0, 5, 1, 250, 3, 77, 2.5, -3, 40]).astype(dtype))[::-1]
    return np.concatenate([found, np.zeros(16 - len(found), dtype)]), len(found)


def _tables(dtype: np.dtype[Any]) -> list[Case]:
    if dtype.kind == "c":
        return []
    keys, n = _keys(dtype)
    pair = (keys, np.arange(16) % 3 == 0)
    counts = (np.int64(0), np.int64(n))
    return [Case("key_slots", (k, *columns)) for k in counts for columns in ((keys,), pair)]


def _searches(dtype: np.dtype[Any]) -> list[Case]:
    """Keys that are there, that are not, nan, the other zero; one entry gone."""
    evaluate = TABLE["key_slots"].eval
    found = []
    for case in _tables(dtype):
        count, *columns = case.operands
        slots = evaluate(count, *columns)  # type: ignore[misc]
        gone = np.where(slots == 1, -2, slots)
        wanted = [columns[0][k] for k in range(3)] + [dtype.type(9), dtype.type(True)]
        if dtype.kind == "f":
            wanted += [dtype.type(-0.0), dtype.type(np.nan)]
        for x in wanted:
            parts = (x, *(np.False_ for _ in columns[1:]))
            found += [Case("find_key", (s, *columns, *parts)) for s in (slots, gone)]
    return found


_SHAPED: dict[str, Callable[[np.dtype[Any]], Iterator[Case]]] = {
    "constant": _constant,
    "iota": _iota,
    "broadcast": _fixed(
        "broadcast",
        (((3,),), {"shape": (2, 3), "axes": (1,)}),
        (((1, 3),), {"shape": (3, 2, 4), "axes": (1, 0)}),
        (((),), {"shape": (2, 2), "axes": ()}),
        (((0,),), {"shape": (2, 0), "axes": (1,)}),
    ),
    "transpose": _fixed(
        "transpose", (((2, 3, 4),), {"perm": (2, 0, 1)}), (((0, 3),), {"perm": (1, 0)})
    ),
    "reshape": _fixed(
        "reshape", (((2, 6),), {"shape": (3, 4)}), (((0, 3),), {"shape": (0,)}),
        (((1,),), {"shape": ()}),
    ),
    "cast_shape": _fixed(
        "cast_shape", (((3,),), {"shape": (3,), "exc": "ValueError", "message": "no"})
    ),
    "copy": _fixed("copy", (((3,),), {}), (((0,),), {}), (((),), {})),
    "slice": _fixed(
        "slice", (((6, 4), _I(4), _I(1), _I(-2), _I(1)), {"shape": (3, 2)}),
        (((4,), _I(4), _I(1)), {"shape": (0,)}),
    ),
    "pad": _fixed(
        "pad", (((2, 3), (), _I(1), _I(0)), {"shape": (4, 5)}),
        (((0,), (), _I(1)), {"shape": (3,)}),
    ),
    "concatenate": _fixed(
        "concatenate", (((2, 1), (2, 3), (2, 2)), {"axis": 1}), (((0,), (2,)), {"axis": 0})
    ),
    "gather": _fixed(
        "gather", (((4, 3), np.array([1, 3, 1])), {"axes": (0,)}),
        (((4, 3), np.array([[0, 2]]), np.array([[1, 1]])), {"axes": (1, 0)}),
        (((4, 3), _I(2)), {"axes": (1,)}),
        (((4,), np.zeros(0, np.int64)), {"axes": (0,)}),
    ),
    "put_slice": _fixed("put_slice", (((5, 2), (2, 2), _I(0), _I(0), _I(3), _I(1)), {})),
    "add_slice": _fixed("add_slice", (((5, 2), (2, 2), _I(0), _I(0), _I(3), _I(1)), {})),
    "scatter": _fixed(
        "scatter",
        *(
            (((4, 2), (3, 2), np.array(i)), {"axes": (0,), "mode": mode})
            for mode in ("set", "add", "mul", "minimum", "maximum")
            for i in ([0, 3, 1], [2, 1, 2])
        ),
    ),
    **{f"reduce_{n}": _each(f"reduce_{n}") for n in "sum prod min max and or xor".split()},
    **{n: _each(n, axis=0) for n in ("argmin", "argmax")},
    **{n: _scan(n) for n in ("cumsum", "cumprod", "cummin", "cummax")},
    "dot": _fixed(
        "dot", (((2, 3), (3, 4)), _FULL), (((2, 0), (0, 4)), _FULL),
        (((3,), (3,)), {"contract": ((0,), (0,)), "batch": ((), ())}),
    ),
    "compress": _fixed(
        "compress", (((2, 4), _MASK), {"axis": 1}), (((4,), ~_MASK & _MASK), {"axis": 0})
    ),
    "nonzero": lambda d: iter([Case("nonzero", (_MASK,))] if d.kind == "b" else []),
    "find_key": lambda d: iter(_searches(d)),
    "key_slots": lambda d: iter(_tables(d)),
}  # fmt: skip


def rows() -> dict[str, Primitive]:
    """The rows that are tested here."""
    return {n: p for n, p in TABLE.items() if n not in ELSEWHERE}
