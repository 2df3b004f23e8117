"""How rows are batched: by their kind, or by name where a kind has several forms.

A rule takes the batcher, the instruction, its operands and its attrs in the new function, and gives
the results with the batch as their first axis; None where examples go one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tracejit.autodiff.batching import Batcher
from tracejit.ir.core import Instr, Value
from tracejit.ir.ops.contraction import free_axes
from tracejit.ir.types import TensorType

Attrs: TypeAlias = Mapping[str, Any]
Rule: TypeAlias = Callable[[Batcher, Instr, list[Value], Attrs], "Sequence[Value] | None"]


def _shifted(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(a + 1 for a in axes)


def _op(
    batcher: Batcher, instr: Instr, operands: Sequence[Value], attrs: Attrs
) -> tuple[Value, ...]:
    return batcher.b.append(instr.prim, operands, attrs, (), instr.loc).results


def _elementwise(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    return _op(batcher, instr, [batcher.full(v) for v in operands], attrs)


def _along_axes(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    """Reductions and scans: their axes are one further on."""
    moved = {"axes": _shifted(attrs["axes"])} if "axes" in attrs else {"axis": attrs["axis"] + 1}
    return _op(batcher, instr, operands, {**attrs, **moved})


def _broadcast(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    moved = {"axes": (0, *_shifted(attrs["axes"])), "shape": (batcher.size, *attrs["shape"])}
    if "maybe_one" in attrs:
        moved["maybe_one"] = _shifted(attrs["maybe_one"])
    return _op(batcher, instr, operands, {**attrs, **moved})


def _transpose(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    return _op(batcher, instr, operands, {"perm": (0, *_shifted(attrs["perm"]))})


def _same_shape(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    """A copy, or the same elements in another shape."""
    if "shape" in attrs:
        attrs = {**attrs, "shape": (batcher.size, *attrs["shape"])}
    return _op(batcher, instr, operands, attrs)


def _concatenate(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    operands = [batcher.full(v) for v in operands]
    return _op(batcher, instr, operands, {"axis": attrs["axis"] + 1})


def _pad(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value] | None:
    x, fill, *lows = operands
    if any(v in batcher.differ for v in (fill, *lows)):
        return None
    zero = batcher.b.const(0, "i64")
    shape = (batcher.size, *attrs["shape"])
    return _op(batcher, instr, [x, fill, zero, *lows], {**attrs, "shape": shape})


def _dot(batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs) -> Sequence[Value]:
    """Batched on both sides it is one more batch axis, on one side one more free axis."""
    differs = [v in batcher.differ for v in operands]
    contract, batch = attrs["contract"], attrs["batch"]
    moved = [
        (_shifted(c), _shifted(n)) if d else (tuple(c), tuple(n))
        for c, n, d in zip(contract, batch, differs, strict=True)
    ]
    contract, batch = tuple(m[0] for m in moved), tuple(m[1] for m in moved)
    if all(differs):
        batch = tuple((0, *axes) for axes in batch)
        return _op(batcher, instr, operands, {"contract": contract, "batch": batch})
    (out,) = _op(batcher, instr, operands, {"contract": contract, "batch": batch})
    at = len(batch[0])
    if differs[1]:
        at += len(free_axes(operands[0].rank, contract[0], batch[0]))
    return [_to_front(batcher, out, at)]


def _to_front(batcher: Batcher, value: Value, axis: int) -> Value:
    if axis == 0:
        return value
    perm = (axis, *(a for a in range(value.rank) if a != axis))
    return batcher.b.op("transpose", value, perm=perm)  # type: ignore[no-any-return]


def _from_front(batcher: Batcher, value: Value, axis: int) -> Value:
    if axis == 0:
        return value
    perm = (*range(1, axis + 1), 0, *range(axis + 1, value.rank))
    return batcher.b.op("transpose", value, perm=perm)  # type: ignore[no-any-return]


def _examples(batcher: Batcher, like: Value) -> Value:
    """The number of the example, in the shape of a batched index."""
    return batcher.b.op("iota", shape=like.shape, axis=0, dtype=like.dtype)  # type: ignore[no-any-return]


def _gather(batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs) -> Sequence[Value]:
    x, *index = operands
    axes = attrs["axes"]
    if not any(i in batcher.differ for i in index):
        (out,) = _op(batcher, instr, operands, {**attrs, "axes": _shifted(axes)})
        return [_to_front(batcher, out, index[0].rank)]
    index = [batcher.full(i) for i in index]
    if x not in batcher.differ:
        return _op(batcher, instr, [x, *index], attrs)
    own = _examples(batcher, index[0])
    return _op(batcher, instr, [x, own, *index], {**attrs, "axes": (0, *_shifted(axes))})


def _scatter(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    x, v, *index = operands
    x, v, axes = batcher.full(x), batcher.full(v), attrs["axes"]
    if not any(i in batcher.differ for i in index):
        v = _from_front(batcher, v, index[0].rank)
        return _op(batcher, instr, [x, v, *index], {**attrs, "axes": _shifted(axes)})
    index = [batcher.full(i) for i in index]
    own = _examples(batcher, index[0])
    return _op(batcher, instr, [x, v, own, *index], {**attrs, "axes": (0, *_shifted(axes))})


def _window(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value] | None:
    """``slice``, ``put_slice``, ``add_slice`` where all examples have the same window."""
    arrays = 2 if instr.prim.updates else 1
    bounds = operands[arrays:]
    if any(v in batcher.differ for v in bounds):
        return _elements(batcher, instr, operands[:arrays], bounds, attrs)
    half, b = len(bounds) // 2, batcher.b
    all_bounds = [b.const(0, "i64"), *bounds[:half], b.const(1, "i64"), *bounds[half:]]
    if "shape" in attrs:
        attrs = {**attrs, "shape": (batcher.size, *attrs["shape"])}
    return _op(batcher, instr, [*map(batcher.full, operands[:arrays]), *all_bounds], attrs)


def _elements(
    batcher: Batcher,
    instr: Instr,
    arrays: list[Value],
    bounds: list[Value],
    attrs: Attrs,
) -> Sequence[Value] | None:
    """One element of each example, each at its own place: ``gather`` or ``scatter``."""
    b, rank = batcher.b, len(bounds) // 2
    window = instr.operands[1].shape if instr.prim.updates else attrs["shape"]
    if any(d != 1 for d in window) or not rank:
        return None
    index = [batcher.full(v) for v in bounds[:rank]]
    if not instr.prim.updates:
        x = arrays[0]
        if x in batcher.differ:
            found = b.op(
                "gather", x, _examples(batcher, index[0]), *index, axes=(*range(rank + 1),)
            )
        else:
            found = b.op("gather", x, *index, axes=(*range(rank),))
        return [b.reshape(found, (batcher.size, *window))]
    x, v = batcher.full(arrays[0]), batcher.full(arrays[1])
    v = b.reshape(v, (batcher.size,))
    mode = "set" if instr.name == "put_slice" else "add"
    places = [_examples(batcher, index[0]), *index]
    return [b.op("scatter", x, v, *places, axes=(*range(rank + 1),), mode=mode)]


def _stacked(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    """Calls of a library take stacks: an axis more in front, their own one further on."""
    moved = {"axis": attrs["axis"] + 1} if "axis" in attrs else {}
    return _op(batcher, instr, [batcher.full(v) for v in operands], {**attrs, **moved})


def _select(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value] | None:
    """Selections: of each example the same places, or examples in turn."""
    x, kth = operands
    if kth in batcher.differ:
        return None
    return _op(batcher, instr, [x, kth], {**attrs, "axis": attrs["axis"] + 1})


def _pure_call(
    batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs
) -> Sequence[Value]:
    """One call for all examples; extents of results are the same for all."""
    count = len(operands) - attrs["extents"]
    given = [*map(batcher.full, operands[:count]), *operands[count:]]
    types = tuple(TensorType(t.dtype, (batcher.size, *t.shape)) for t in attrs["types"])
    return _op(batcher, instr, given, {**attrs, "types": types, "fn": attrs["fn"].batched()})


def _in_turn(batcher: Batcher, instr: Instr, operands: list[Value], attrs: Attrs) -> None:
    """What takes no stacks."""


RULES: dict[str, Rule] = {
    "elementwise": _elementwise,
    "reduction": _along_axes,
    "scan": _along_axes,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _same_shape,
    "cast_shape": _same_shape,
    "copy": _same_shape,
    "concatenate": _concatenate,
    "pad": _pad,
    "dot": _dot,
    "gather": _gather,
    "scatter": _scatter,
    "slice": _window,
    "put_slice": _window,
    "add_slice": _window,
    "extern": _stacked,
    "pure_call": _pure_call,
    "partition": _select,
    "argpartition": _select,
    "lstsq": _in_turn,
    "lexsort": _in_turn,
}
