"""Where kept residuals wait: ``[trip, …]`` arrays if their extents are known outside, else a tape.

On the tape, arrays lie below the integers of the same iteration: extents are popped before what
they measure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tracejit.autodiff.regions import Replay
from tracejit.ir.builder import Builder, rename_attr, rename_type
from tracejit.ir.core import Value, type_uses
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType
from tracejit.records import dataclass


@dataclass(frozen=True)
class Layout:
    """Kept values by place: rows of arrays, arrays on the tape, integers on the tape."""

    rows: list[Value]
    arrays: list[Value]
    indices: list[Value]

    @property
    def on_tape(self) -> bool:
        return bool(self.arrays or self.indices)


def layout(kept: Sequence[Value], known: Collection[Value], tape_only: bool) -> Layout:
    """``known``: the extents that exist outside; a ``while`` keeps everything on the tape."""
    rows: list[Value] = []
    arrays: list[Value] = []
    indices: list[Value] = []
    for v in kept:
        if not tape_only and all(u in known for u in type_uses(v.type)):
            rows.append(v)
        else:
            (indices if v.type == INDEX else arrays).append(v)
    return Layout(rows, arrays, indices)


def row_type(value: Value, trip: Dim, mapping: dict[Value, Value]) -> TensorType:
    """The type of the array that holds one row of ``value`` per iteration."""
    return TensorType(value.dtype, (trip, *rename_attr(value.shape, mapping)))


def put_row(b: Builder, store: Value, value: Value, i: Value) -> Value:
    """``store[i] = value``."""
    row = b.reshape(value, (1, *value.shape))
    return b.op("put_slice", store, row, *b.bounds([i, *[0] * value.rank], None))  # type: ignore[no-any-return]


def get_row(b: Builder, store: Value, i: Value) -> Value:
    """``store[i]``."""
    shape = store.shape[1:]
    row = b.slice(store, [i, *[0] * len(shape)], (1, *shape))
    return b.reshape(row, shape)


def push(b: Builder, tape: Value, plan: Layout, mapping: dict[Value, Value]) -> Value:
    """Push one iteration's residuals."""
    for group in (plan.arrays, plan.indices):
        if group:
            tape = b.op("push", tape, *(mapping[v] for v in group))
    return tape


def pop(replay: Replay, tape: Value, plan: Layout) -> Value:
    """Pop one iteration's residuals into the replay's mapping; the rest of the tape."""
    for group in (plan.indices, plan.arrays):
        if group:
            for v in group:
                for leaf in type_uses(v.type):
                    replay.get(leaf)
            types = tuple(rename_type(v.type, replay.mapping) for v in group)
            tape, *values = replay.b.op("pop", tape, types=types)
            replay.mapping.update(zip(group, values, strict=True))
    return tape
