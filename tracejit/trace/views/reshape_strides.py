"""Strides of reshaped views: whether there are any, as NumPy decides it, and which.

Where only the run knows an extent, what must hold of it is a condition on it (``Need``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.session import current
from tracejit.trace.session.storage import Cell
from tracejit.trace.values.all import Select
from tracejit.trace.values.view_transforms import (
    Layer,
    ReadOnly,
    Reshape,
    Slice,
    Transpose,
    Windows,
)

Strides: TypeAlias = tuple[Dim | None, ...]


class Need(NamedTuple):
    """What must hold of an axis: it has one element at most, or one of the pairs is equal."""

    extent: Dim
    pairs: tuple[tuple[Dim, Dim], ...]


def reshape_strides(
    before: Sequence[Dim], strides: Strides, dims: tuple[Dim, ...]
) -> tuple[Strides | None, list[Need]]:
    """NumPy's no-copy reshape on symbolic strides: the new strides (None: a copy is made) and what
    must hold at run time for a view.

    Axes may be split and merged between two places where as many elements remain to the right in
    the old shape as in the new one. Elsewhere an axis must step over exactly the next one.
    """
    old = [(d, s) for d, s in zip(before, strides, strict=True) if d != 1]
    if any(d == 0 for d in before):
        return (0,) * len(dims), []
    right_old, right_new = _to_the_right([d for d, _ in old]), _to_the_right(dims)
    ends = (1, *right_new)
    needs: list[Need] = []
    starts: list[tuple[Dim, Dim, Dim | None]] = []  # of runs: elements to the right, extent, stride
    want: Dim | None = 1  # the stride of an axis that steps over the next one
    for (d, s), size in zip(reversed(old), reversed(right_old), strict=True):
        if s is None or s != want:
            starts.append((size, d, s))
            if size not in ends:
                need = _need(d, s, want, size, ends)
                if need is None:
                    return None, []
                needs.append(need)
        want = _next_wanted(d, s, want)
    return _strides_of_runs(dims, right_new, starts), needs


def strides_through(cell: Cell | Select, layers: Sequence[Layer], rank: int) -> Strides:
    """The strides of a view of storage through layers, which are known to be views."""
    dims: tuple[Dim, ...] = cell.shape
    strides: Strides = cell.strides()
    for layer in layers:
        match layer:
            case Slice():
                pairs = zip(strides, layer.steps, strict=True)
                strides = tuple(None if s is None else s * t for s, t in pairs)
                dims = layer.shape
            case Transpose():
                strides = tuple(strides[p] for p in layer.perm)
                dims = tuple(dims[p] for p in layer.perm)
            case Reshape():
                if layer.kept is None:
                    strides = reshape_strides(dims, strides, layer.shape)[0] or (None,) * rank
                else:
                    strides = tuple(0 if k is None else strides[k] for k in layer.kept)
                dims = layer.shape
            case Windows():
                strides, dims = (*strides, strides[layer.axis]), layer.shape
            case ReadOnly():
                pass
            case _:
                return (None,) * rank
    return strides


def _to_the_right(dims: Sequence[Dim]) -> list[Dim]:
    """How many elements the axes to the right of each hold."""
    sizes: list[Dim] = [1] * len(dims)
    for i in reversed(range(len(dims) - 1)):
        sizes[i] = dims[i + 1] * sizes[i + 1]
    return sizes


def _need(d: Dim, s: Dim | None, want: Dim | None, size: Dim, ends: Sequence[Dim]) -> Need | None:
    """What must hold where an axis may not step over the next one: None where it never does."""
    ranges = current().ranges
    if s is None or want is None:
        return None  # of two views whose strides differ, each is asked
    pairs = [(size, end) for end in dict.fromkeys(ends) if ranges.equal(size, end) is not False]
    if ranges.equal(s, want) is not False:
        pairs.append((s, want))
    if not pairs and ranges.at_least(d, 2):
        return None
    return Need(d, tuple(pairs))


def _next_wanted(d: Dim, s: Dim | None, want: Dim | None) -> Dim | None:
    """The stride of an axis that steps over this one; over the next one, where this has one
    element only at run time. None: not known."""
    if s is None:
        return None
    if s == want or current().ranges.at_least(d, 2):
        return d * s
    if want is None:
        return None
    b = current().b
    single = b.op("eq", b.index(d), b.const(1, "i64"))
    return b.op("select", single, b.index(want), b.index(d * s)).dim  # type: ignore[no-any-return]


def _strides_of_runs(
    dims: Sequence[Dim], right: Sequence[Dim], starts: Sequence[tuple[Dim, Dim, Dim | None]]
) -> Strides:
    """The strides of a view: where a run of old axes starts, its own, else over the next axis."""
    b, ranges = current().b, current().ranges
    new: list[Dim | None] = [1] * len(dims)
    for j in reversed(range(len(dims))):
        step: Dim | None = 1
        if j + 1 < len(dims):
            after = new[j + 1]
            step = None if after is None else dims[j + 1] * after
        for size, d, s in reversed(starts):
            here = ranges.equal(right[j], size)
            several = ranges.at_least(d, 2)
            if here is False or s == step:
                continue
            if here and several:
                step = s
                break
            if s is None or step is None:
                step = None
                continue
            begins = b.op("eq", b.index(right[j]), b.index(size))
            longer = b.op("gt", b.index(d), b.const(1, "i64"))
            at = b.op("bitwise_and", begins, longer)
            step = b.op("select", at, b.index(s), b.index(step)).dim
        new[j] = step
    return tuple(new)


def all_hold(needs: Sequence[Need], dims: Sequence[Dim]) -> Value:
    """Whether all needs are met; an array without elements has none."""
    b = current().b
    found = b.const(True, "bool")
    for extent, pairs in needs:
        met = b.op("le", b.index(extent), b.const(1, "i64"))
        for one, other in pairs:
            met = b.op("bitwise_or", met, b.op("eq", b.index(one), b.index(other)))
        found = b.op("bitwise_and", found, met)
    empty = b.op("eq", b.index(ex.product(tuple(dims))), b.const(0, "i64"))
    return b.op("bitwise_or", found, empty)  # type: ignore[no-any-return]
