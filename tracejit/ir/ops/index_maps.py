"""Rows whose result element is an operand element at a computed index.

Bounds are never checked here: whoever builds the instruction proves them or emits ``check``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tracejit.ir.core import Primitive, row
from tracejit.ir.extent import Dim
from tracejit.ir.ops import derivatives_linear as d
from tracejit.ir.ops.rules import (
    Attrs,
    Operands,
    Regions,
    all_tensors,
    arity,
    axes_in_range,
    indices,
    require,
    same_dtype,
    same_shape,
)
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, Type


def _broadcast(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), shape, axes = operands, attrs["shape"], attrs["axes"]
    axes_in_range(axes, len(shape))
    require(len(axes) == x.rank, "broadcast needs one result axis per operand axis", axes, x.type)
    for extent, axis in zip(x.shape, axes, strict=True):
        fits = extent == shape[axis] or extent == 1 or axis in attrs.get("maybe_one", ())
        require(fits, f"broadcast axis {axis}: {extent} does not stretch to {shape[axis]}", x.type)
    return (TensorType(x.dtype, shape),)


def _eval_broadcast(
    x: Any, *, shape: tuple[int, ...], axes: tuple[int, ...], maybe_one: tuple[int, ...] = ()
) -> Any:
    order = sorted(range(len(axes)), key=lambda i: axes[i])
    inner = [1] * len(shape)
    for extent, axis in zip(np.shape(x), axes, strict=True):
        inner[axis] = extent
    return np.broadcast_to(np.transpose(x, order).reshape(inner), shape).copy()


def _transpose(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), perm = operands, attrs["perm"]
    require(sorted(perm) == list(range(x.rank)), "perm is not a permutation", perm, x.type)
    return (TensorType(x.dtype, tuple(x.shape[p] for p in perm)),)


def _reshape(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    (x,), shape = operands, attrs["shape"]
    sizes = [[d for d in dims if isinstance(d, int)] for dims in (x.shape, shape)]
    if len(sizes[0]) == x.rank and len(sizes[1]) == len(shape):
        require(math.prod(sizes[0]) == math.prod(sizes[1]), "sizes differ", x.type)
    return (TensorType(x.dtype, shape),)


def _slice(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x = operands[0]
    arity(operands, 1 + 2 * x.rank)
    indices(operands[1:])
    require(len(attrs["shape"]) == x.rank, "slice keeps the rank", x.type, attrs["shape"])
    return (TensorType(x.dtype, attrs["shape"]),)


def window(bounds: tuple[int, ...], shape: tuple[int, ...], extents: tuple[int, ...]) -> Any:
    """The NumPy index of a slice given starts and steps; asserts that it is in range."""
    rank = len(shape)
    picks = []
    for start, step, n, extent in zip(bounds[:rank], bounds[rank:], shape, extents, strict=True):
        start, step = int(start), int(step)
        last = start + step * (n - 1)
        if n and not (0 <= start < extent and 0 <= last < extent):
            raise AssertionError(f"slice {start}:{last}:{step} leaves extent {extent}")
        picks.append(start + step * np.arange(n))
    return np.ix_(*picks) if rank else ()


def _eval_slice(x: Any, *bounds: int, shape: tuple[int, ...]) -> Any:
    return np.asarray(x)[window(bounds, shape, np.shape(x))]


def _cast_shape(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    require(len(attrs["shape"]) == operands[0].rank, "cast_shape keeps the rank")
    for have, want in zip(operands[0].shape, attrs["shape"], strict=True):
        clash = isinstance(have, int) and isinstance(want, int) and have != want
        require(not clash, f"shape cast can never succeed: {have} to {want}")
    return (TensorType(operands[0].dtype, attrs["shape"]),)


def _eval_cast_shape(x: Any, *, shape: tuple[int, ...], exc: str, message: str) -> Any:
    if np.shape(x) != shape:
        raise _exception(exc)(message)
    return x


def _exception(name: str) -> type[Exception]:
    import builtins

    found = getattr(builtins, name, None) or getattr(np.linalg, name)
    assert isinstance(found, type)
    assert issubclass(found, Exception)
    return found


def _pad(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, fill = operands[0], operands[1]
    arity(operands, 2 + x.rank)
    require(fill.type == TensorType(x.dtype), "pad fill must be a scalar of the dtype", fill.type)
    indices(operands[2:])
    return (TensorType(x.dtype, attrs["shape"]),)


def _eval_pad(x: Any, fill: Any, *lows: int, shape: tuple[int, ...]) -> Any:
    out = np.full(shape, fill, np.asarray(x).dtype)
    out[window((*lows, *[1] * len(lows)), np.shape(x), shape)] = x
    return out


def _concatenate(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    axis = attrs["axis"]
    dtype = same_dtype(operands)
    first = operands[0].shape
    total: Dim = 0
    for x in operands:
        require(x.rank == len(first), "ranks differ", x.type)
        rest = [d for i, d in enumerate(x.shape) if i != axis]
        require(rest == [d for i, d in enumerate(first) if i != axis], "extents differ", x.type)
        total = x.shape[axis] + total
    return (TensorType(dtype, tuple(total if i == axis else d for i, d in enumerate(first))),)


def _gather(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    x, index = operands[0], operands[1:]
    all_tensors(operands)
    axes = attrs["axes"]
    axes_in_range(axes, x.rank)
    require(len(index) == len(axes) > 0, "gather needs one index per axis", axes)
    for i in index:
        require(i.dtype.str[1:] == "i8", "gather index must be i64", i.type)
    rest = tuple(d for a, d in enumerate(x.shape) if a not in axes)
    return (TensorType(x.dtype, same_shape(index) + rest),)


def picked(axes: tuple[int, ...], index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Transposition that brings the indexed axes first, and the index arrays, range-asserted."""
    for axis, i in zip(axes, index, strict=True):
        if np.size(i) and (np.min(i) < 0 or np.max(i) >= shape[axis]):
            raise AssertionError(f"gather index leaves extent {shape[axis]}")
    order = [*axes, *(a for a in range(len(shape)) if a not in axes)]
    return order, tuple(np.asarray(i) for i in index)


def _eval_gather(x: Any, *index: Any, axes: tuple[int, ...]) -> Any:
    order, picks = picked(axes, index, np.shape(x))
    return np.asarray(np.transpose(x, order)[picks])


row(
    Primitive(
        "broadcast",
        "index_map",
        _broadcast,
        _eval_broadcast,
        cost=0,
        **d.linear((0,), d.broadcast),
        traits=frozenset([Trait.STEADY, Trait.REPEATS, Trait.REARRANGES]),
        doc="Operand axis i is result axis axes[i]; extent 1 stretches (maybe_one: at run time).",
    )
)
row(
    Primitive(
        "transpose",
        "index_map",
        _transpose,
        lambda x, *, perm: np.transpose(x, perm).copy(),
        cost=0,
        **d.linear((0,), d.maps(d.untranspose)),
        traits=frozenset([Trait.STEADY, Trait.REARRANGES]),
        doc="Result axis i is operand axis perm[i].",
    )
)
row(
    Primitive(
        "reshape",
        "index_map",
        _reshape,
        lambda x, *, shape: np.reshape(x, shape).copy(),
        cost=0,
        **d.linear((0,), d.maps(d.reshape)),
        traits=frozenset([Trait.STEADY, Trait.SAME_ELEMENTS, Trait.REARRANGES, Trait.INDEXES]),
        doc="Same elements in C order; the sizes must be equal (the builder's responsibility).",
    )
)
row(
    Primitive(
        "slice",
        "index_map",
        _slice,
        _eval_slice,
        cost=0,
        **d.linear((0,), d.slice),
        traits=frozenset([Trait.STEADY, Trait.WINDOW, Trait.REARRANGES, Trait.INDEXES]),
        doc="slice(x, *starts, *steps): result[i] = x[starts + steps * i], in range.",
    )
)
row(
    Primitive(
        "cast_shape",
        "index_map",
        _cast_shape,
        _eval_cast_shape,
        effect="check",
        cost=0,
        **d.linear((0,), d.maps(d.cast_shape)),
        traits=frozenset(
            [Trait.STEADY, Trait.SAME_ELEMENTS, Trait.REARRANGES, Trait.KEPT, Trait.INDEXES]
        ),
        doc="The same tensor with extents asserted at run time, else raises exc(message).",
    )
)
row(
    Primitive(
        "pad",
        "index_map",
        _pad,
        _eval_pad,
        **d.linear((0, 1), d.pad),
        traits=frozenset([Trait.STEADY, Trait.INDEXES]),
        doc="pad(x, fill, *lows): x placed at lows in a tensor of shape, fill elsewhere.",
    )
)
row(
    Primitive(
        "concatenate",
        "index_map",
        _concatenate,
        lambda *xs, axis: np.concatenate(xs, axis),
        **d.linear((d.ALL,), d.concatenate),
        traits=frozenset([Trait.STEADY]),
        doc="Joined along axis.",
    )
)
row(
    Primitive(
        "gather",
        "index_map",
        _gather,
        _eval_gather,
        **d.linear((0,), d.gather),
        traits=frozenset([Trait.STEADY, Trait.REARRANGES, Trait.PICKS, Trait.INDEXES]),
        doc="result[s…, r…] = x with axes[k] at index_k[s…] and the remaining axes r… in order.",
    )
)
