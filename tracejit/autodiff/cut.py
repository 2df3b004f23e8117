"""The cheapest set of values to keep from a forward pass, so that the reverse can compute the rest.

A minimum cut: what cannot be recomputed hangs on the source, what the reverse needs on the sink,
and keeping a value costs its size. Of equally cheap cuts the one that recomputes least is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import typical
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType

_ENDLESS = 1 << 60
_Point = tuple[str, "Value | None"]
_SOURCE: _Point = ("source", None)
_SINK: _Point = ("sink", None)


def recomputable(instr: Instr) -> bool:
    """Whether doing it again is cheaper than keeping the result: no sums, loops or checks."""
    return (
        (instr.prim.elementwise or instr.prim.kind in ("create", "index_map"))
        and instr.prim.effect == "none"
        and not instr.has(Trait.KEPT)
    )


def size(value: Value) -> int:
    """Estimated bytes of a tensor, at least 1; symbolic extents count as typical ones."""
    assert isinstance(value.type, TensorType), "only tensors are kept"
    count = value.dtype.itemsize
    for dim in value.shape:
        count *= max(1, typical(dim))
    return max(1, count)


def minimum_cut(
    needed: Iterable[Value],
    parents: Callable[[Value], Sequence[Value] | None],
    free: Callable[[Value], bool],
) -> tuple[list[Value], int]:
    """Values to keep, in a fixed order, and their total size.

    ``parents(v)`` is what ``v`` is recomputed from, None when it has to be kept or cut off later.
    """
    edges, order = _network(needed, parents, free)
    while path := _augmenting_path(edges):
        flow = min(edges[a][c] for a, c in path)
        for a, c in path:
            edges[a][c] -= flow
            edges[c][a] = edges[c].get(a, 0) + flow
    reaching = _reaches_sink(edges)
    kept = [v for v in order if ("out", v) in reaching and ("in", v) not in reaching]
    return kept, sum(map(size, kept))


def _network(
    needed: Iterable[Value],
    parents: Callable[[Value], Sequence[Value] | None],
    free: Callable[[Value], bool],
) -> tuple[dict[_Point, dict[_Point, int]], list[Value]]:
    edges: dict[_Point, dict[_Point, int]] = {_SOURCE: {}, _SINK: {}}
    order: list[Value] = []

    def connect(a: _Point, c: _Point, capacity: int) -> None:
        edges.setdefault(a, {})[c] = capacity
        edges.setdefault(c, {}).setdefault(a, 0)

    stack = list(needed)
    for v in stack:
        if not free(v):
            connect(("out", v), _SINK, _ENDLESS)
    seen: set[Value] = set()
    while stack:
        v = stack.pop()
        if v in seen or free(v):
            continue
        seen.add(v)
        order.append(v)
        sources = parents(v)
        # An extent that is arithmetic of others is always recomputed, so that types agree.
        keepable = v.expr is None
        connect(("in", v), ("out", v), size(v) if keepable else _ENDLESS)
        if sources is None:
            connect(_SOURCE, ("in", v), _ENDLESS)
            continue
        for u in sources:
            if not free(u):
                connect(("out", u), ("in", v), _ENDLESS)
        stack += sources
    return edges, order


def _augmenting_path(
    edges: Mapping[_Point, Mapping[_Point, int]],
) -> list[tuple[_Point, _Point]]:
    came: dict[_Point, _Point] = {_SOURCE: _SOURCE}
    queue = deque([_SOURCE])
    while queue:
        here = queue.popleft()
        for there, capacity in edges[here].items():
            if capacity > 0 and there not in came:
                came[there] = here
                if there == _SINK:
                    return _trace(came)
                queue.append(there)
    return []


def _trace(came: Mapping[_Point, _Point]) -> list[tuple[_Point, _Point]]:
    path, here = [], _SINK
    while here != _SOURCE:
        path.append((came[here], here))
        here = came[here]
    return path


def _reaches_sink(edges: Mapping[_Point, Mapping[_Point, int]]) -> set[_Point]:
    """Points with spare capacity to the sink: the cut nearest to it."""
    reached, queue = {_SINK}, deque([_SINK])
    while queue:
        here = queue.popleft()
        for there in edges[here]:
            if there not in reached and edges[there].get(here, 0) > 0:
                reached.add(there)
                queue.append(there)
    return reached
