"""Arguments that share memory in different ways: one storage, and every argument a window of it.

``Sharer`` finds, for arguments that overlap, an array over all of their memory and how each of them
lies in it. The numbers of that (where windows start) are arguments of the compiled code like any
Python integers; the rest is part of what a version is compiled for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from tracejit.device_arrays import device_of
from tracejit.dtypes import as_dtype, is_complex, is_float, is_real, memory_dtype
from tracejit.ir.arguments import MemoryWindow
from tracejit.records import dataclass

#: Ways for arguments to lie in memory that one function remembers.
KEPT = 256
_NO_LEAF = -1
#: Why a call runs in Python.
MEETS_ITSELF = "elements of an array that may be written lie in one place"
NDArray: TypeAlias = "np.ndarray[Any, Any]"


class Unshareable(Exception):  # noqa: N818  (says why, the caller decides what becomes of it)
    """These arguments have no common storage that compiled code can read."""


@dataclass(frozen=True)
class Sharing:
    """Leaves to add to a call: storages, then numbers; ``windows`` says which leaf is one."""

    storages: tuple[NDArray, ...]
    numbers: tuple[int, ...]
    windows: tuple[tuple[int, MemoryWindow], ...]
    plan: Plan

    @property
    def leaves(self) -> list[Any]:
        return [*self.storages, *self.numbers]


class Sharer:
    """Finds storages; what it found is kept, since calls come again with views that lie alike."""

    def __init__(self) -> None:
        self._plans: dict[Any, Plan] = {}

    def share(self, leaves: Sequence[Any]) -> Sharing:
        """Storages of the arrays among ``leaves`` that overlap. Unshareable: there is none."""
        arrays = {k: x for k, x in enumerate(leaves) if type(x) is np.ndarray and x.size}
        first = address(next(iter(arrays.values())))
        key = (len(leaves), layout_of(arrays, first))
        plan = self._plans.get(key)
        if plan is None:
            plan = _plan(arrays, first, len(leaves))
            if len(self._plans) >= KEPT:
                self._plans.clear()
            self._plans[key] = plan
        return Sharing(plan.made(arrays, first), plan.numbers, plan.windows, plan)


def layout_of(arrays: dict[int, NDArray], first: int) -> tuple[Any, ...]:
    """How arrays, and what owns them, lie around an address: all that a plan depends on."""
    roots = {id(r): r for r in map(_root, arrays.values())}
    return (
        *((k, *_place_of(x, first), x.flags.writeable) for k, x in arrays.items()),
        *(_place_of(r, first) for r in roots.values()),
    )


@dataclass(frozen=True)
class Plan:
    """A ``Sharing`` whose storages are told by their distance in bytes from the first array."""

    storages: tuple[tuple[int, _Storage], ...]
    numbers: tuple[int, ...]
    windows: tuple[tuple[int, MemoryWindow], ...]

    def made(self, arrays: dict[int, NDArray], first: int) -> tuple[NDArray, ...]:
        """The storages, the first array being at this address."""
        owners = list(arrays.values())
        return tuple(
            as_dtype(np.asarray(_Memory(first + at, s, owners)), s.dtype) for at, s in self.storages
        )


def _plan(arrays: dict[int, NDArray], first: int, count: int) -> Plan:
    storages = [_storage(arrays, cluster) for cluster in _clusters(arrays)]
    numbers: list[int] = []
    windows: list[tuple[int, MemoryWindow]] = []
    for s, storage in enumerate(storages):
        for k, place in storage.places:
            at = count + len(storages) + len(numbers)
            numbers += place.numbers
            leaves = tuple(range(at, at + len(place.numbers)))
            windows.append((k, replace(place, storage=count + s, numbers=leaves)))
    found = tuple((s.address - first, s) for s in storages)
    return Plan(found, tuple(numbers), tuple(windows))


# Which arguments belong together ------------------------------------------------------------------


def address(x: NDArray) -> int:
    """Where the first element lies."""
    found: int = x.__array_interface__["data"][0]
    return found


def _clusters(arrays: dict[int, NDArray]) -> list[list[int]]:
    """Arrays whose storages would meet, except where all are one and the same view."""
    clusters = [[k] for k in arrays]
    while True:
        spans = [_span(arrays, c) for c in clusters]
        joined = _joined(clusters, spans)
        if len(joined) == len(clusters):
            return [c for c in clusters if len({_place_of(arrays[k]) for k in c}) > 1]
        clusters = joined


def _joined(clusters: list[list[int]], spans: list[tuple[int, int]]) -> list[list[int]]:
    """Clusters with those put together whose bytes meet."""
    order = sorted(range(len(clusters)), key=lambda c: spans[c])
    out: list[list[int]] = []
    end = -1
    for c in order:
        if out and spans[c][0] < end:
            out[-1] = [*out[-1], *clusters[c]]
        else:
            out.append(list(clusters[c]))
        end = max(end, spans[c][1])
    return [sorted(c) for c in out]


def _span(arrays: dict[int, NDArray], cluster: list[int]) -> tuple[int, int]:
    """The bytes that the storage of a cluster takes."""
    if len({_place_of(arrays[k]) for k in cluster}) == 1:
        return _bytes(arrays[cluster[0]])
    made = _storage(arrays, cluster)
    return made.address, made.address + math.prod(made.shape) * made.dtype.itemsize


def _place_of(x: NDArray, origin: int = 0) -> tuple[Any, ...]:
    return address(x) - origin, x.shape, x.strides, x.dtype


def _bytes(x: NDArray) -> tuple[int, int]:
    low = high = address(x)
    for n, s in zip(x.shape, x.strides, strict=True):
        low += min(0, s * (n - 1))
        high += max(0, s * (n - 1))
    return low, high + x.itemsize


# One storage --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Member:
    """An argument in elements of the storage: offset from the anchor, extents, strides."""

    leaf: int
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    part: str | None

    def bounds(self) -> tuple[int, int]:
        steps = [s * (n - 1) for n, s in zip(self.shape, self.strides, strict=True)]
        low = self.start + sum(min(0, s) for s in steps)
        return low, self.start + sum(max(0, s) for s in steps) + 1


@dataclass(frozen=True)
class _Storage:
    """A C-ordered array, and where members lie in it: their numbers are not leaves yet."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    writeable: bool
    places: list[tuple[int, MemoryWindow]]


def _storage(arrays: dict[int, NDArray], cluster: list[int]) -> _Storage:
    """The best common shape for the members of a cluster, and their places in it."""
    views = [arrays[k] for k in cluster]
    dtype = _common_dtype(views)
    anchor, limits = _allowed(views, dtype)
    members = [_member(k, arrays[k], dtype, anchor) for k in cluster]
    if any(x.flags.writeable and meets_itself(x) for x in views):
        raise Unshareable(MEETS_ITSELF)
    low = min(m.bounds()[0] for m in members)
    high = max(m.bounds()[1] for m in members)
    limits = (min(limits[0], low), max(limits[1], high))
    best: tuple[tuple[int, int], int, tuple[int, ...], list[MemoryWindow]] | None = None
    for pitches in _pitches(views, members, dtype):
        fitted = _fitted(members, pitches, (low, high), limits)
        if fitted is not None:
            start, shape = fitted
            places = [_place(m, start, shape, pitches) for m in members]
            gathers = sum(p.form == "strided" and len(p.numbers) > 2 for p in places)
            score = (-gathers, sum(p.form == "axes" for p in places))
            if best is None or score > best[0]:
                best = (score, start, shape, places)
    assert best is not None
    where = anchor + best[1] * dtype.itemsize
    writeable = any(x.flags.writeable for x in views)
    return _Storage(where, best[2], dtype, writeable, list(zip(cluster, best[3], strict=True)))


class _Memory:
    """Memory of other arrays as NumPy's array interface; keeps them alive."""

    def __init__(self, where: int, storage: _Storage, owners: Sequence[NDArray]) -> None:
        self.owners = owners
        self.device = device_of(owners[0])
        self.__array_interface__ = {
            "data": (where, not storage.writeable),
            "shape": storage.shape,
            "typestr": memory_dtype(storage.dtype).str,
            "version": 3,
        }


def _common_dtype(views: Sequence[NDArray]) -> np.dtype[Any]:
    """The dtype of the storage: all have it, are parts of it, or the same bits as it."""
    dtypes: list[np.dtype[Any]] = sorted(
        {x.dtype for x in views}, key=lambda d: (not is_complex(d), d.str)
    )
    first = dtypes[0]
    for other in dtypes[1:]:
        part = is_complex(first) and is_float(other) and 2 * other.itemsize == first.itemsize
        bits = is_real(first) and is_real(other) and first.itemsize == other.itemsize
        if not part and not bits:
            raise Unshareable(f"arrays of dtype {first} and {other} share memory")
    return first


def _allowed(views: Sequence[NDArray], dtype: np.dtype[Any]) -> tuple[int, tuple[int, int]]:
    """An address where elements begin, and which elements around it may be touched."""
    roots = {id(r): r for r in map(_root, views)}
    (root, *others) = roots.values()
    if not others and root.dtype == dtype and root.flags.forc:
        return address(root), (0, root.size)
    largest = max((x for x in views if x.dtype == dtype), key=lambda x: x.size)
    return _bytes(largest)[0], (0, 0)


def _root(x: NDArray) -> NDArray:
    """The array that owns the memory, as far as it can be told."""
    found, base = x, x.base
    while base is not None:
        if type(base) is np.ndarray:
            found = base
        base = getattr(base, "base", None)
    return found


def _member(k: int, x: NDArray, dtype: np.dtype[Any], anchor: int) -> _Member:
    size = dtype.itemsize
    offset = address(x) - anchor
    part = None
    if is_complex(dtype) and x.dtype != dtype:
        part = "imag" if offset % size else "real"
        offset -= x.itemsize if part == "imag" else 0
    strides = tuple(0 if n == 1 else s for n, s in zip(x.shape, x.strides, strict=True))
    if offset % size or any(s % size for s in strides):
        raise Unshareable("arguments that share memory lie across each other's elements")
    return _Member(k, offset // size, x.shape, tuple(s // size for s in strides), part)


def meets_itself(x: NDArray) -> bool:
    """Whether two elements may be one (a sufficient condition for not is looked for)."""
    if x.flags.forc or not x.size:
        return False
    reach = x.itemsize
    for stride, n in sorted((abs(s), n) for n, s in zip(x.shape, x.strides, strict=True) if n > 1):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False


# Shapes for a storage -----------------------------------------------------------------------------


def _pitches(
    views: Sequence[NDArray], members: Sequence[_Member], dtype: np.dtype[Any]
) -> Iterator[tuple[int, ...]]:
    """Strides that a storage may have, in elements, without repetition; flat ones come first."""
    seen: set[tuple[int, ...]] = {(1,)}
    yield (1,)
    candidates = []
    root = _root(views[0])
    if root.dtype == dtype:
        candidates.append([s // dtype.itemsize for s, n in zip(root.strides, root.shape) if n > 1])
    by_size = sorted(members, key=lambda m: m.bounds()[0] - m.bounds()[1])
    candidates += [[s for s, n in zip(m.strides, m.shape) if n > 1] for m in by_size]
    for strides in candidates:
        chain = sorted({abs(s) for s in strides if s} | {1}, reverse=True)
        divides = all(a % b == 0 for a, b in itertools.pairwise(chain))
        if divides and tuple(chain) not in seen:
            seen.add(tuple(chain))
            yield tuple(chain)


def _fitted(
    members: Sequence[_Member],
    pitches: tuple[int, ...],
    used: tuple[int, int],
    limits: tuple[int, int],
) -> tuple[int, tuple[int, ...]] | None:
    """First element and shape of a storage with these strides, inside of what may be touched."""
    row = pitches[0]
    start = used[0] // row * row if row > 1 else used[0]
    rows = -(-(used[1] - start) // row)
    if start < limits[0] or start + rows * row > limits[1]:
        return None
    inner = tuple(a // b for a, b in itertools.pairwise(pitches))
    return start, (rows, *inner)


def _place(
    m: _Member, start: int, shape: tuple[int, ...], pitches: tuple[int, ...]
) -> MemoryWindow:
    offset = m.start - start
    found = _along_axes(m, offset, shape, pitches)
    if found is not None:
        return found
    size = math.prod(m.shape)
    if m.strides == _dense(m.shape):
        whole = (size == math.prod(shape),)
        return MemoryWindow(_NO_LEAF, "block", (offset,), whole=whole, part=m.part)
    return MemoryWindow(_NO_LEAF, "strided", (offset, *m.strides), part=m.part)


def _dense(shape: tuple[int, ...]) -> tuple[int, ...]:
    """C-order strides; 0 where there is one element, as in ``_Member``."""
    strides: list[int] = []
    step = 1
    for n in reversed(shape):
        strides.append(0 if n == 1 else step)
        step *= n
    return tuple(reversed(strides))


def _along_axes(
    m: _Member, offset: int, shape: tuple[int, ...], pitches: tuple[int, ...]
) -> MemoryWindow | None:
    """The place of a window that runs along axes of the storage, each at most once."""
    starts: list[int] = []
    for pitch in pitches:
        starts.append(offset // pitch)
        offset %= pitch
    steps = [1] * len(shape)
    whole = [False] * len(shape)
    axes: list[int | None] = []
    for n, stride in zip(m.shape, m.strides, strict=True):
        axis = None if n == 1 else _axis(n, stride, starts, shape, pitches, axes)
        if n > 1 and axis is None:
            return None
        axes.append(axis)
        if axis is not None:
            steps[axis] = stride // pitches[axis]
            whole[axis] = (starts[axis], steps[axis], n) == (0, 1, shape[axis])
    numbers = tuple(s for s, all_of_it in zip(starts, whole, strict=True) if not all_of_it)
    return MemoryWindow(_NO_LEAF, "axes", numbers, tuple(steps), tuple(axes), tuple(whole), m.part)


def _axis(
    n: int,
    stride: int,
    starts: list[int],
    shape: tuple[int, ...],
    pitches: tuple[int, ...],
    taken: list[int | None],
) -> int | None:
    for axis, pitch in enumerate(pitches):
        if stride == 0 or stride % pitch or axis in taken:
            continue
        last = starts[axis] + stride // pitch * (n - 1)
        if 0 <= last < shape[axis]:
            return axis
    return None
