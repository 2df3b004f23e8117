"""Transposes of the rows that are linear in some operands.

``rule(b, cts, operands, accs, attrs)``: ``cts`` are the cotangents of the results (None is zero,
but not all are), ``accs[i]`` accumulates the cotangent of operand ``i`` and is None where the
operand carries no tangent. Accumulators take windows and scattered elements, so that transposing
``x[i]`` costs the size of ``x[i]``. Cotangents pair with tangents as ``Re(c * t)``: nothing is
conjugated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TapeType

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder


class Accumulator(Protocol):
    """Where the cotangent of one operand is summed (``autodiff/accumulator.py``)."""

    def add(self, ct: Value) -> None:
        """Add a cotangent of the operand's whole type."""

    def add_slice(self, ct: Value, bounds: Sequence[Value]) -> None:
        """Add into the window that ``bounds`` (starts, then steps) describes."""

    def add_outside(self, ct: Value, window: Value, bounds: Sequence[Value]) -> None:
        """Add a cotangent of the whole type outside of the window like ``window`` at ``bounds``."""

    def add_at(self, ct: Value, index: Sequence[Value], axes: Sequence[int]) -> None:
        """Add elements where ``gather`` with these indices would read them."""


Cts: TypeAlias = Sequence["Value | None"]
Accs: TypeAlias = Sequence["Accumulator | None"]
Attrs: TypeAlias = Mapping[str, Any]
Transpose: TypeAlias = Callable[["Builder", Cts, Sequence[Value], Accs, Attrs], None]
Map: TypeAlias = Callable[["Builder", Value, Sequence[Value], Attrs], Value]


def _single(cts: Cts) -> Value:
    (ct,) = cts
    assert ct is not None
    return ct


def maps(*maps: Map | None) -> Transpose:
    """A transpose given by one map from the cotangent per operand."""

    def transpose(
        b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs
    ) -> None:
        ct = _single(cts)
        for rule, acc in zip(maps, accs, strict=True):
            if acc is not None:
                assert rule is not None
                acc.add(rule(b, ct, operands, attrs))

    return transpose


def same_map(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    return ct


def through(name: str) -> Map:
    return lambda b, ct, operands, attrs: b.op(name, ct)


negated = through("neg")


def _permute(b: Builder, value: Value, perm: Sequence[int]) -> Value:
    if list(perm) == list(range(value.rank)):
        return value
    return b.op("transpose", value, perm=tuple(perm))  # type: ignore[no-any-return]


def untranspose(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    perm = attrs["perm"]
    return _permute(b, ct, [perm.index(a) for a in range(len(perm))])


def reshape(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    return b.reshape(ct, operands[0].shape)


def cast_shape(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    return b.op("cast_shape", ct, **{**attrs, "shape": operands[0].shape})  # type: ignore[no-any-return]


def _summed(b: Builder, ct: Value, axes: tuple[int, ...]) -> Value:
    """The sum over axes, the last one by itself: sums of several axes at once are of NumPy's order,
    which is slow where the elements do not lie one after another."""
    if len(axes) > 1 and axes[-1] == ct.rank - 1:
        ct, axes = b.op("reduce_sum", ct, axes=axes[-1:]), axes[:-1]
    return b.op("reduce_sum", ct, axes=axes) if axes else ct


def broadcast(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    """Sum over axes that were made or stretched; where an axis may be one, an index decides."""
    (acc,), (x,), ct = accs, operands, _single(cts)
    assert acc is not None
    axes, maybe = attrs["axes"], attrs.get("maybe_one", ())
    kept = [a for e, a in zip(x.shape, axes, strict=True) if a in maybe or e == ct.shape[a]]
    gone = tuple(a for a in range(ct.rank) if a not in kept)
    out = _summed(b, ct, gone)
    order = [sorted(kept).index(a) for a in axes if a in kept]
    out = _permute(b, out, order)
    # Stretched extents of one come back; axes that may be one keep the result's extent for now.
    shape = [ct.shape[a] if a in kept else 1 for a in axes]
    out = b.reshape(out, shape)
    pending = [k for k, a in enumerate(axes) if a in maybe and x.shape[k] != shape[k]]
    if not pending:
        acc.add(out)
        return
    index = [_stretched_index(b, out.shape, p, x.shape[p], pending) for p in pending]
    rest = [k for k in range(x.rank) if k not in pending]
    acc.add_at(_permute(b, out, [*pending, *rest]), index, pending)


def _stretched_index(
    b: Builder, shape: Sequence[Dim], axis: int, extent: Dim, pending: Sequence[int]
) -> Value:
    """``min(i, extent - 1)`` along one pending axis: ``i`` when it matches, 0 when it is one."""
    dims = tuple(shape[p] for p in pending)
    line = b.op("iota", shape=dims, axis=pending.index(axis), dtype=b.index(0).dtype)
    last = b.broadcast(b.index(extent - 1), dims)
    return b.op("minimum", line, last)  # type: ignore[no-any-return]


def slice(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    assert accs[0] is not None
    accs[0].add_slice(_single(cts), operands[1:])


def pad(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    ct, x = _single(cts), operands[0]
    inner = b.slice(ct, operands[2:], x.shape)
    if accs[0] is not None:
        accs[0].add(inner)
    if accs[1] is not None:
        every = tuple(range(ct.rank))
        outside = b.op("put_slice", ct, b.zeros_like(x), *b.bounds(operands[2:], None))
        accs[1].add(b.op("reduce_sum", outside, axes=every))


def concatenate(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    ct, axis = _single(cts), attrs["axis"]
    start: Dim = 0
    for x, acc in zip(operands, accs, strict=True):
        if acc is not None:
            starts = [start if a == axis else 0 for a in range(x.rank)]
            acc.add(b.slice(ct, starts, x.shape))
        start = x.shape[axis] + start


def gather(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    assert accs[0] is not None
    accs[0].add_at(_single(cts), operands[1:], attrs["axes"])


def put_slice(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    ct, v, bounds = _single(cts), operands[1], operands[2:]
    if accs[1] is not None:
        accs[1].add(b.op("slice", ct, *bounds, shape=v.shape))
    if accs[0] is not None:
        accs[0].add_outside(ct, v, bounds)


def add_slice(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    ct, v, bounds = _single(cts), operands[1], operands[2:]
    if accs[1] is not None:
        accs[1].add(b.op("slice", ct, *bounds, shape=v.shape))
    if accs[0] is not None:
        accs[0].add(ct)


def last_writers(b: Builder, x: Value, index: Sequence[Value], axes: tuple[int, ...]) -> Value:
    """Per index position, whether its write is the one that remains (the last in C order)."""
    shape = index[0].shape
    flat = b.op("iota", shape=(_size(shape),), axis=0, dtype=b.index(0).dtype)
    number = b.reshape(flat, shape)
    extents = tuple(x.shape[a] for a in axes)
    order = tuple(range(len(axes)))
    blank = b.op("empty", shape=extents, dtype=number.dtype)
    owner = b.op("scatter", blank, number, *index, axes=order, mode="set")
    return b.op("eq", b.op("gather", owner, *index, axes=order), number)  # type: ignore[no-any-return]


def _size(shape: Sequence[Dim]) -> Dim:
    total: Dim = 1
    for d in shape:
        total = d * total
    return total


def scatter(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    ct, (x, v, *index) = _single(cts), operands
    axes, adds = attrs["axes"], attrs["mode"] == "add"
    if accs[1] is not None:
        mine = b.op("gather", ct, *index, axes=axes)
        if not adds and index[0].rank:
            wins = b.broadcast(last_writers(b, x, index, axes), mine.shape, range(index[0].rank))
            mine = b.op("select", wins, mine, b.zeros_like(mine))
        accs[1].add(mine)
    if accs[0] is not None:
        kept = ct
        if not adds:
            kept = b.op("scatter", ct, b.zeros_like(v), *index, axes=axes, mode="set")
        accs[0].add(kept)


def reduce_sum(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    x, gone = operands[0], attrs["axes"]
    return b.broadcast(ct, x.shape, [a for a in range(x.rank) if a not in gone])


def cumsum(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
    return b.op(  # type: ignore[no-any-return]
        "cumsum", ct, axis=attrs["axis"], reverse=not attrs.get("reverse", False)
    )


def dot_side(which: int) -> Map:
    """Transpose of a contraction: contract the cotangent with the other side's free axes."""

    def rule(b: Builder, ct: Value, operands: Sequence[Value], attrs: Attrs) -> Value:
        x, other = operands[which], operands[1 - which]
        contract, batch = attrs["contract"], attrs["batch"]
        nb = len(batch[0])
        taken = (*contract[which], *batch[which])
        free = [a for a in range(x.rank) if a not in taken]
        taken_other = (*contract[1 - which], *batch[1 - which])
        free_other = [a for a in range(other.rank) if a not in taken_other]
        first = nb if which == 1 else nb + len(free)
        ct_axes = tuple(range(first, first + len(free_other)))
        if ct_axes:
            out = b.op(
                "dot",
                ct,
                other,
                contract=(ct_axes, tuple(free_other)),
                batch=(tuple(range(nb)), batch[1 - which]),
            )
        else:
            order = [*batch[1 - which], *sorted(contract[1 - which])]
            out = _outer(b, ct, _permute(b, other, order), nb)
        # Axes of ``out``: batch, free axes of x, then the contracted axes in the other's order.
        pairs = dict(zip(contract[1 - which], contract[which], strict=True))
        order = [*batch[which], *free, *(pairs[a] for a in sorted(pairs))]
        return _permute(b, out, [order.index(a) for a in range(x.rank)])

    return rule


def _outer(b: Builder, x: Value, y: Value, shared: int) -> Value:
    """Products of all elements of two tensors whose first axes are ``shared``, as elementwise code:
    it fuses with the sum that it goes to."""
    shape = (*x.shape, *y.shape[shared:])
    rest = range(x.rank, len(shape))
    left = b.broadcast(x, shape, range(x.rank))
    return b.op("mul", left, b.broadcast(y, shape, (*range(shared), *rest)))  # type: ignore[no-any-return]


def push(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    """``push`` transposed is ``pop``: the tape of cotangents gives what was added last."""
    ct = _single(cts)
    types = tuple(v.type for v in operands[1:])
    assert all(is_inexact(v.dtype) for v in operands[1:]), "a tangent tape holds tangents"
    rest, *popped = _many(b.op("pop", ct, types=types))
    assert accs[0] is not None
    accs[0].add(rest)
    for acc, value in zip(accs[1:], popped, strict=True):
        if acc is not None:
            acc.add(value)


def pop(b: Builder, cts: Cts, operands: Sequence[Value], accs: Accs, attrs: Attrs) -> None:
    """``pop`` transposed is ``push``."""
    tape = cts[0] if cts[0] is not None else b.op("tape")
    values = [
        ct if ct is not None else b.full(0, t)
        for ct, t in zip(cts[1:], attrs["types"], strict=True)
    ]
    assert accs[0] is not None
    accs[0].add(b.op("push", tape, *values))


def _many(results: Any) -> tuple[Value, ...]:
    return results if isinstance(results, tuple) else (results,)


def jvp_push(
    b: Builder,
    operands: Sequence[Value],
    tangents: Sequence[Value | None],
    results: Sequence[Value],
    attrs: Attrs,
) -> list[Value | None]:
    """Tangents go to a tape of their own, one for every inexact value pushed."""
    assert tangents[0] is not None, "every tape has a tape of tangents"
    pushed = [
        t if t is not None else b.zeros_like(v)
        for v, t in zip(operands[1:], tangents[1:], strict=True)
        if is_inexact(v.dtype)
    ]
    return [b.op("push", tangents[0], *pushed) if pushed else tangents[0]]


def jvp_pop(
    b: Builder,
    operands: Sequence[Value],
    tangents: Sequence[Value | None],
    results: Sequence[Value],
    attrs: Attrs,
) -> list[Value | None]:
    """The tangents of what is popped come from the tangent tape."""
    assert tangents[0] is not None, "every tape has a tape of tangents"
    types = tuple(v.type for v in results[1:] if is_inexact(v.dtype))
    if not types:
        return [tangents[0]] + [None] * (len(results) - 1)
    rest, *popped = _many(b.op("pop", tangents[0], types=types))
    left = iter(popped)
    return [rest, *(next(left) if is_inexact(v.dtype) else None for v in results[1:])]


def is_tape(value: Value) -> bool:
    """Whether a value is a tape."""
    return isinstance(value.type, TapeType)


#: Stands for all operands in a group of a row that takes any number of them.
ALL = -1


def linear(*columns: Any) -> dict[str, Any]:
    """The columns of a row that is linear in each group of operand positions jointly; the last
    of ``columns`` is its transpose."""
    *groups, transpose = columns
    return {"linear": tuple(groups), "transpose": transpose}
