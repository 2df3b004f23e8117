"""JVP rules of reductions, scans, combining scatters and ``compress``, which are not linear.

Extremes share the tangent evenly among ties; running extremes follow the last tie. Products are
right at zeros without dividing by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tracejit.ir.core import Function, Value, attr_dims, type_uses
from tracejit.ir.extent import leaves
from tracejit.ir.types import INDEX, TensorType
from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder

Values: TypeAlias = Sequence[Value]
Tangents: TypeAlias = Sequence["Value | None"]
Attrs: TypeAlias = Mapping[str, Any]
Out: TypeAlias = "list[Value | None]"


def reduce_extreme(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """Mean of the tangents of the elements that equal the extreme."""
    (x,), (t,), (y,), axes = operands, tangents, results, attrs["axes"]
    if t is None:
        return [None]
    rest = [a for a in range(x.rank) if a not in axes]
    hits = b.op("eq", x, b.broadcast(y, x.shape, rest))
    ties = b.op("reduce_sum", b.convert(hits, x.dtype), axes=axes)
    total = b.op("reduce_sum", b.op("select", hits, t, b.zeros_like(t)), axes=axes)
    return [b.op("div", total, b.op("maximum", ties, b.lit(1, ties)))]


def reduce_prod(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """``sum_i t_i * prod(x before i) * prod(x after i)``: no division, so zeros are right."""
    (x,), (t,), axes = operands, tangents, attrs["axes"]
    if t is None:
        return [None]
    if not axes:
        return [t]
    rest = [a for a in range(x.rank) if a not in axes]
    count = b.index(1).dim
    for a in axes:
        count = x.shape[a] * count
    shape = (*(x.shape[a] for a in rest), count)

    def line(v: Value) -> Value:
        return b.reshape(b.op("transpose", v, perm=(*rest, *axes)), shape)

    xs = line(x)
    others = b.op("mul", _product_beside(b, xs, False), _product_beside(b, xs, True))
    return [b.op("reduce_sum", b.op("mul", line(t), others), axes=(len(rest),))]


def _product_beside(b: Builder, x: Value, after: bool) -> Value:
    """Products of the elements before (or after) each one along the last axis."""
    axis = x.rank - 1
    full = b.op("cumprod", x, axis=axis, reverse=after)
    # Shift by one: pad a leading (trailing) one in, then cut the far end off.
    wide = tuple(d + 1 if a == axis else d for a, d in enumerate(x.shape))
    low = [0 if a != axis or after else 1 for a in range(x.rank)]
    start = [0 if a != axis or not after else 1 for a in range(x.rank)]
    padded = b.op("pad", full, b.const(1, x.dtype), *map(b.index, low), shape=wide)
    return b.slice(padded, start, x.shape)


@dataclass(frozen=True)
class Expand:
    """In place of a JVP rule: the row written as a loop, which is then differentiated.

    ``build(b, operands, attrs)`` emits the same computation and returns the results.
    """

    build: Callable[[Builder, Values, Attrs], list[Value]]

    def __call__(self, *_: Any) -> Out:
        raise TypeError("this row is differentiated through its expansion")

    def applies(self, attrs: Attrs) -> bool:
        """Whether an instruction with these attrs is expanded."""
        return True

    def function(self, name: str, operands: Values, attrs: Attrs) -> tuple[Function, list[Value]]:
        """The expansion as a function of operands like these and of the extents that they and the
        attributes mention; its arguments."""
        from tracejit.ir.builder import Builder, rename_attr

        b = Builder(name)
        extents = [v for dim in attr_dims(attrs) for v in leaves(dim) if isinstance(v, Value)]
        rest = dict.fromkeys([*mentioned(operands), *extents])
        args = [*operands, *(v for v in rest if v not in operands)]
        made = b.params_like(args)
        given = {k: rename_attr(v, made) for k, v in attrs.items()}
        return b.build(self.build(b, [made[v] for v in operands], given)), args


@dataclass(frozen=True)
class ExpandWhere(Expand):
    """An expansion for some attrs of a row; a JVP rule for the others."""

    where: Callable[[Attrs], bool]
    rule: Callable[[Builder, Values, Tangents, Values, Attrs], Out]

    def __call__(self, *args: Any) -> Out:
        return self.rule(*args)

    def applies(self, attrs: Attrs) -> bool:
        return self.where(attrs)


def mentioned(values: Values) -> list[Value]:
    """Extents in the types of values, each once, in order."""
    return list(dict.fromkeys(u for v in values for u in type_uses(v.type) if u not in values))


def cumprod_loop(b: Builder, operands: Values, attrs: Attrs) -> list[Value]:
    """One slice after another: exact to any order, whatever is zero."""
    from tracejit.ir.builder import Builder

    (x,), axis, reverse = operands, attrs["axis"], attrs.get("reverse", False)
    trip = b.index(x.shape[axis])
    line = tuple(1 if a == axis else d for a, d in enumerate(x.shape))
    one = b.full(1, TensorType(x.dtype, line))
    extents = mentioned([x])
    body = Builder("running_product")
    made = Builder().params_like([x, *extents, one])
    i, n, out = Value(INDEX), Value(INDEX), Value(made[x].type)
    so_far, xs = Value(made[one].type), made[x]
    body.params += [i, so_far, out, xs, n, *(made[e] for e in extents)]
    place = body.op("sub", body.op("sub", n, body.const(1, "i64")), i) if reverse else i
    starts = [place if a == axis else 0 for a in range(x.rank)]
    product = body.op("mul", so_far, body.slice(xs, starts, so_far.shape))
    written = body.op("put_slice", out, product, *body.bounds(starts, None))
    region = body.build([product, written])
    empty = b.op("empty", shape=x.shape, dtype=x.dtype)
    args = (trip, one, empty, x, trip, *extents)
    return [b.op("for", *args, regions=(region,), carried=2)[1]]


def running_extreme(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """The tangent of the element that is the running extreme (the last among ties)."""
    (x,), (t,), (y,), axis = operands, tangents, results, attrs["axis"]
    if t is None:
        return [None]
    reverse = attrs.get("reverse", False)
    place = b.op("iota", shape=x.shape, axis=axis, dtype=INDEX.dtype)
    # Before any hit the index must stay in range: the end where the scan starts.
    far = b.broadcast(b.index(x.shape[axis] - 1), x.shape) if reverse else b.zeros_like(place)
    hit = b.op("select", b.op("eq", x, y), place, far)
    holder = b.op("cummin" if reverse else "cummax", hit, axis=axis, reverse=reverse)
    return [take_along(b, t, holder, axis)]


def take_along(b: Builder, x: Value, index: Value, axis: int) -> Value:
    """``np.take_along_axis``: one element of x per element of index."""
    places = [
        index if a == axis else b.op("iota", shape=index.shape, axis=a, dtype=INDEX.dtype)
        for a in range(x.rank)
    ]
    return b.op("gather", x, *places, axes=tuple(range(x.rank)))  # type: ignore[no-any-return]


def compress(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """The kept positions as indices of the result's own extent, then a gather."""
    (x, mask, *known), t, axis = operands, tangents[0], attrs["axis"]
    if t is None:
        return [None, None]
    place = b.op("iota", shape=mask.shape, axis=0, dtype=INDEX.dtype)
    _, kept = b.op("compress", place, mask, *known, axis=0)
    if not known:
        kept = b.op(
            "cast_shape",
            kept,
            shape=(results[1].shape[axis],),
            exc="RuntimeError",
            message="compress: one mask gave two counts",
        )
    order = (axis, *(a for a in range(x.rank) if a != axis))
    taken = b.op("gather", t, kept, axes=(axis,))
    return [None, b.op("transpose", taken, perm=tuple(order.index(a) for a in range(x.rank)))]


def scatter(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """``set`` and ``add`` are linear; extremes weigh each contribution."""
    x, v = operands[:2]
    if tangents[0] is None and tangents[1] is None:
        return [None]
    tx, tv = (t if t is not None else b.zeros_like(o) for t, o in zip(tangents, (x, v)))
    if attrs["mode"] in ("set", "add"):
        return [b.op("scatter", tx, tv, *operands[2:], **attrs)]
    axes = attrs["axes"]
    return [_scatter_extreme(b, (x, v, *operands[2:]), tx, tv, results[0], axes)]


def product_loop(b: Builder, operands: Values, attrs: Attrs) -> list[Value]:
    """``scatter`` of products, one update after another: exact to any order, whatever is zero."""
    from tracejit.ir.builder import Builder

    (x, v, *index), axes = operands, attrs["axes"]
    count = b.index(1).dim
    for d in index[0].shape:
        count = d * count
    rest = tuple(d for a, d in enumerate(x.shape) if a not in axes)
    flat = [b.reshape(k, (count,)) for k in index]
    rows = b.reshape(v, (count, *rest))
    extents = mentioned([x, rows, *flat])
    body = Builder("running_product")
    made = Builder().params_like([x, rows, *flat, *extents])
    i = Value(INDEX)
    inside = [made[k] for k in (rows, *flat, *extents)]
    body.params += [i, made[x], *inside]
    at = [body.reshape(body.slice(made[k], [i], (1,)), ()) for k in flat]
    starts = [at[axes.index(a)] if a in axes else 0 for a in range(x.rank)]
    window = tuple(1 if a in axes else d for a, d in enumerate(made[x].shape))
    row = body.slice(made[rows], [i, *[0] * len(rest)], (1, *made[rows].shape[1:]))
    factor = body.reshape(row, window)
    product = body.op("mul", body.slice(made[x], starts, window), factor)
    written = body.op("put_slice", made[x], product, *body.bounds(starts, None))
    region = body.build([written])
    args = (b.index(count), x, rows, *flat, *extents)
    return [b.op("for", *args, regions=(region,), carried=1)]


def _sum_into(b: Builder, x: Value, v: Value, index: Values, axes: tuple[int, ...]) -> Value:
    return b.op("scatter", x, v, *index, axes=axes, mode="add")  # type: ignore[no-any-return]


def _scatter_extreme(
    b: Builder, operands: Values, tx: Value, tv: Value, y: Value, axes: tuple[int, ...]
) -> Value:
    """All contributions that equal the result share evenly."""
    x, v, *index = operands
    wins_x = b.convert(b.op("eq", x, y), x.dtype)
    wins_v = b.convert(b.op("eq", v, b.op("gather", y, *index, axes=axes)), x.dtype)
    ties = _sum_into(b, wins_x, wins_v, index, axes)
    total = _sum_into(b, b.op("mul", tx, wins_x), b.op("mul", tv, wins_v), index, axes)
    return b.op("div", total, b.op("maximum", ties, b.lit(1, ties)))  # type: ignore[no-any-return]
