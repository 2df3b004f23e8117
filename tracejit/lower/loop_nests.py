"""Loop nests: what a kernel does for each kind of root. Elements come from a ``Puller``.

Each function builds inside a kernel scope; the caller launches it. Reductions follow NumPy's
order: trailing reduced axes are one flattened pairwise sum, others accumulate one after another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import (
    accumulated_in,
    is_complex,
    is_float,
    is_integer,
    is_unsigned,
    sums_in_pairs,
)
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.regions import Loop, Scope
from tracejit.ir.types import DTYPES, INDEX
from tracejit.lower import float_order
from tracejit.lower.element import Index, Puller, delinearize

Element = Callable[[Index, Scope], Value]
_BOOL = DTYPES["bool"]


class Nest:
    """Nested loops over ``extents``; ``scope`` is the innermost body, ``idx`` its index."""

    def __init__(self, p: Puller, outer: Scope, extents: Sequence[Dim]) -> None:
        self.loops: list[Loop] = []
        scope = outer
        idx: list[Dim] = []
        for extent in extents:
            if extent == 1:
                idx.append(0)
                continue
            loop = Loop(scope, extent)
            p.bounds.upper[loop.i] = extent
            self.loops.append(loop)
            idx.append(loop.i.dim)
            scope = loop.inner
        self.scope = scope
        self.idx: Index = tuple(idx)

    def close(self) -> None:
        """Emit the loops, innermost first."""
        for loop in reversed(self.loops):
            loop.close()


def store(scope: Scope, buffer: Value, value: Value, idx: Index, **attrs: bool) -> None:
    """Write one element."""
    scope.op("store", buffer, value, *[scope.index(d) for d in idx], **attrs)


def combine_into(
    scope: Scope, name: str, buffer: Value, value: Value, idx: Index, **attrs: bool
) -> None:
    """Combine one element in memory with a value."""
    old = scope.op("load", buffer, *[scope.index(d) for d in idx])
    assert isinstance(old, Value)
    store(scope, buffer, _combine(scope, name, old, value), idx, **attrs)


def fill(p: Puller, kernel: Scope, dest: Value, shape: Sequence[Dim], element: Element) -> None:
    """dest[idx] = element(idx) for every index of ``shape``."""
    nest = Nest(p, kernel, shape)
    store(nest.scope, dest, element(nest.idx, nest.scope), nest.idx)
    nest.close()


def fill_pieces(
    p: Puller, kernel: Scope, dest: Value, value: Value, axis: int, ends: Sequence[Dim]
) -> None:
    """dest[...] = value, by a loop nest for each piece of an axis, which ``ends`` limit."""
    shape = p.shape(value)
    for first, end in itertools.pairwise(ends):
        nest = Nest(p, kernel, [end - first if a == axis else n for a, n in enumerate(shape)])
        idx = tuple(i + first if a == axis else i for a, i in enumerate(nest.idx))
        store(nest.scope, dest, p.pull(value, idx, nest.scope), idx)
        nest.close()


def add_slice(p: Puller, kernel: Scope, instr: Instr, dest: Value) -> Index:
    """Add to a window of ``dest``; the index written, for alias checks."""
    return put_slice(p, kernel, instr, dest, adds=True)


def put_slice(p: Puller, kernel: Scope, instr: Instr, dest: Value, *, adds: bool = False) -> Index:
    """Replace (or add to) a window of ``dest``; the index written, for alias checks."""
    value, bounds = instr.operands[1], instr.operands[2:]
    nest = Nest(p, kernel, p.shape(value))
    at = p.window(bounds, nest.idx)
    element = p.pull(value, nest.idx, nest.scope)
    if adds:
        where = [nest.scope.index(d) for d in at]
        element = nest.scope.op("add", nest.scope.op("load", dest, *where), element)
    store(nest.scope, dest, element, at)
    nest.close()
    return at


_COMBINE = {"add": "add", "mul": "mul", "minimum": "minimum", "maximum": "maximum"}


def scatter(p: Puller, kernel: Scope, instr: Instr, dest: Value) -> Index:
    """Combine elements into ``dest`` one after another, in C order of the value."""
    x, value, index = instr.operands[0], instr.operands[1], instr.operands[2:]
    axes, mode = instr.attrs["axes"], instr.attrs["mode"]
    nest = Nest(p, kernel, p.shape(value))
    count = index[0].rank
    at = p.positions(index, nest.idx[:count], nest.scope)
    rest = iter(nest.idx[count:])
    target = tuple(at[axes.index(a)] if a in axes else next(rest) for a in range(x.rank))
    element = p.pull(value, nest.idx, nest.scope)
    if mode == "set":
        store(nest.scope, dest, element, target)
    else:
        combine_into(nest.scope, _COMBINE[mode], dest, element, target)
    nest.close()
    return target


def _combine(scope: Scope, name: str, a: Value, b: Value) -> Value:
    if a.dtype == _BOOL and name in ("add", "mul"):
        name = "bitwise_or" if name == "add" else "bitwise_and"
    out = scope.op(name, a, b)
    assert isinstance(out, Value)
    return out


#: reduction row -> (combining primitive, identity or None)
_REDUCERS: dict[str, tuple[str, Any]] = {
    "reduce_sum": ("add", 0),
    "reduce_prod": ("mul", 1),
    "reduce_min": ("minimum", None),
    "reduce_max": ("maximum", None),
    "reduce_and": ("bitwise_and", -1),
    "reduce_or": ("bitwise_or", 0),
    "reduce_xor": ("bitwise_xor", 0),
}


def identity(name: str, dtype: np.dtype[Any]) -> Any:
    """The starting value of a reduction (for min and max: what loses against everything)."""
    _, start = _REDUCERS[name]
    if start is not None:
        if dtype == _BOOL:
            return bool(start)
        return np.iinfo(dtype).max if start == -1 and is_unsigned(dtype) else start
    largest = name == "reduce_min"
    if dtype == _BOOL:
        return largest
    if is_integer(dtype):
        info = np.iinfo(dtype)
        return info.max if largest else info.min
    limit = np.inf if largest else -np.inf
    return complex(limit, limit) if is_complex(dtype) else limit


def split_axes(axes: Sequence[int], shape: Sequence[Dim]) -> tuple[list[int], list[int], list[int]]:
    """Kept axes, leading reduced axes, trailing reduced axes.

    Kept axes of one element part no others: NumPy takes what is around them as one run.
    """
    trailing: list[int] = []
    for a in reversed(range(len(shape))):
        if a in axes:
            trailing.insert(0, a)
        elif shape[a] != 1:
            break
    leading = [a for a in axes if a not in trailing]
    return [a for a in range(len(shape)) if a not in axes], leading, trailing


def _place(rank: int, groups: Sequence[tuple[Sequence[int], Sequence[Dim]]]) -> Index:
    out: list[Dim] = [0] * rank
    for axes, idx in groups:
        for a, i in zip(axes, idx, strict=True):
            out[a] = i
    return tuple(out)


def _reduce_point(
    p: Puller, scope: Scope, instr: Instr, kept: Sequence[int], at: Sequence[Dim]
) -> Value:
    """The reduction of one kept position, as a scalar of ``scope``."""
    (x,) = instr.operands
    shape = p.shape(x)
    _, leading, trailing = split_axes(instr.attrs["axes"], shape)
    name, dtype = _REDUCERS[instr.name][0], x.dtype

    def inner(scope: Scope, lead: Sequence[Dim]) -> Value:
        extents = [shape[a] for a in trailing]

        def element(flat: Dim, body: Scope) -> Value:
            tail = delinearize(flat, extents, p.bounds)
            full = _place(x.rank, [(kept, at), (leading, lead), (trailing, tail)])
            return p.pull(x, full, body)

        if not trailing:
            return element(0, scope)
        if name == "add" and sums_in_pairs(dtype):
            return pairwise(p, scope, product(tuple(extents)), element)
        return fold_line(p, scope, product(tuple(extents)), instr, element)

    if not leading:
        return converted(scope, inner(scope, ()), dtype)
    total = product(tuple(shape[a] for a in leading))

    def step(flat: Dim, body: Scope) -> Value:
        return inner(body, delinearize(flat, [shape[a] for a in leading], p.bounds))

    return fold(p, scope, total, name, instr, step, each=True)


def fold_line(
    p: Puller, scope: Scope, count: Dim, instr: Instr, element: Callable[[Dim, Scope], Value]
) -> Value:
    """Combine ``count`` elements of the reduction's operand in any exact way.

    The result may have the wider format of the sums and products (``accumulator``).
    """
    name, dtype = _REDUCERS[instr.name][0], instr.operands[0].dtype
    if name in ("minimum", "maximum") and is_float(dtype):
        return fold_ordered(p, scope, count, name, dtype, element)
    return fold(p, scope, count, name, instr, element)


def combining(reduction: str) -> str:
    """The primitive that a reduction combines elements with."""
    return _REDUCERS[reduction][0]


def combine(scope: Scope, reduction: str, a: Value, b: Value) -> Value:
    """One step of a reduction."""
    return _combine(scope, _REDUCERS[reduction][0], a, b)


def fold(
    p: Puller,
    scope: Scope,
    count: Dim,
    name: str,
    instr: Instr,
    element: Callable[[Dim, Scope], Value],
    *,
    each: bool = False,
) -> Value:
    """Combine ``count`` elements one after another, starting from the identity.

    Narrow floats are combined in their accumulator's format; ``each``: and rounded each time.
    """
    dtype = instr.results[0].dtype
    wide = accumulator(name, dtype)
    held = dtype if each else wide
    start = scope.own(scope.b.const(identity(instr.name, held), held))
    loop = Loop(scope, count, [start])
    p.bounds.upper[loop.i] = count
    inner = loop.inner
    acc, value = (converted(inner, v, wide) for v in (loop.carried[0], element(loop.i.dim, inner)))
    return loop.close([converted(inner, _combine(inner, name, acc, value), held)])[0]


def accumulator(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The format in which NumPy's loops keep a running sum or product of one run of memory."""
    return accumulated_in(dtype) if name in ("add", "mul") else dtype


def converted(scope: Scope, value: Value, dtype: np.dtype[Any]) -> Value:
    """A number in the format of an accumulator, or back."""
    if value.dtype == dtype:
        return value
    out = scope.op("convert", value, dtype=dtype)
    assert isinstance(out, Value)
    return out


def fold_ordered(
    p: Puller,
    scope: Scope,
    count: Dim,
    name: str,
    dtype: np.dtype[Any],
    element: Callable[[Dim, Scope], Value],
) -> Value:
    """Minimum or maximum of floats as integers that order alike, so that lanes can run ahead.

    Where -0.0 and 0.0 meet, the minimum is -0.0 and the maximum 0.0.
    """
    start = scope.own(scope.b.const(np.array(identity(f"reduce_{name[:3]}", dtype), dtype), dtype))
    loop = Loop(scope, count, [float_order.key(scope, start, name)])
    p.bounds.upper[loop.i] = count
    inner = loop.inner
    key = float_order.key(inner, element(loop.i.dim, inner), name)
    out = loop.close([inner.op(name, loop.carried[0], key)])[0]
    return float_order.number(scope, out, name, dtype)


def pairwise(p: Puller, scope: Scope, count: Dim, element: Callable[[Dim, Scope], Value]) -> Value:
    """Sum ``count`` elements in NumPy's pairwise order, in the accumulator's format."""
    inner = scope.child("element")
    i = inner.own(inner.b.param(INDEX, "i"))
    p.bounds.upper[i] = count
    value = element(i.dim, inner)
    value = converted(inner, value, accumulator("add", value.dtype))
    region = inner.b.build([inner.use(value)])
    trip = scope.index(count)
    out = scope.b.append("sum_pairwise", [trip, *inner.outer_operands()], {}, (region,))
    return scope.own(out.results[0])


def reduce_scalar(p: Puller, kernel: Scope, instr: Instr) -> Value:
    """A reduction over all axes: the kernel yields its scalar."""
    return _reduce_point(p, kernel, instr, (), ())


def reduce_into(p: Puller, kernel: Scope, instr: Instr, dest: Value) -> None:
    """A reduction with kept axes, into ``dest``.

    With trailing kept axes the accumulators are the elements of ``dest``, and the innermost loop
    runs along memory; otherwise each kept position is reduced in a register.
    """
    (x,) = instr.operands
    shape = p.shape(x)
    kept, leading, trailing = split_axes(instr.attrs["axes"], shape)
    if trailing or not leading:
        nest = Nest(p, kernel, [shape[a] for a in kept])
        store(nest.scope, dest, _reduce_point(p, nest.scope, instr, kept, nest.idx), nest.idx)
        nest.close()
        return
    before = [a for a in kept if a < leading[0]]
    after = [a for a in kept if a > leading[0]]
    dtype = instr.results[0].dtype
    outer = Nest(p, kernel, [shape[a] for a in before])
    zero = outer.scope.own(outer.scope.b.const(identity(instr.name, dtype), dtype))
    start = Nest(p, outer.scope, [shape[a] for a in after])
    store(start.scope, dest, zero, (*outer.idx, *start.idx))
    start.close()
    mixed = sorted([*leading, *after])
    nest = Nest(p, outer.scope, [shape[a] for a in mixed])
    at = dict(zip(mixed, nest.idx, strict=True)) | dict(zip(before, outer.idx, strict=True))
    value = p.pull(x, tuple(at[a] for a in range(x.rank)), nest.scope)
    name, place = combining(instr.name), tuple(at[a] for a in kept)
    # A GPU may take these sums in parts. A user's own loop that adds keeps its order.
    attrs = {"sums": True} if name == "add" else {}
    combine_into(nest.scope, name, dest, value, place, **attrs)
    nest.close()
    outer.close()


_SCANS = {"cumsum": "add", "cumprod": "mul", "cummin": "minimum", "cummax": "maximum"}


def scan_into(p: Puller, kernel: Scope, instr: Instr, dest: Value) -> None:
    """A running reduction along one axis, one line after another."""
    (x,) = instr.operands
    shape, axis = p.shape(x), instr.attrs["axis"]
    extent = shape[axis]
    others = [a for a in range(x.rank) if a != axis]
    nest = Nest(p, kernel, [shape[a] for a in others])

    def place(i: Dim) -> Index:
        along: Dim = extent - 1 - i if instr.attrs.get("reverse", False) else i
        return _place(x.rank, [(others, nest.idx), ([axis], [along])])

    name = _SCANS[instr.name]
    start_name = {"add": "reduce_sum", "mul": "reduce_prod"}.get(name, f"reduce_{name[:3]}")
    dtype = instr.results[0].dtype
    start = nest.scope.own(nest.scope.b.const(identity(start_name, dtype), dtype))
    loop = Loop(nest.scope, extent, [start])
    p.bounds.upper[loop.i] = extent
    first = loop.inner.op("eq", loop.i, loop.inner.index(0))
    value = p.pull(x, place(loop.i.dim), loop.inner)
    total = loop.inner.op(
        "select", first, value, _combine(loop.inner, name, loop.carried[0], value)
    )
    # A GPU may sum parts of it first. A user's own running sum keeps its order.
    store(loop.inner, dest, total, place(loop.i.dim), **({"sums": True} if name == "add" else {}))
    loop.close([total])
    nest.close()
