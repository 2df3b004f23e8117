"""The numbers of a view (bounds and extents of its layers) apart from its skeleton.

Branches and loops that move a view over the same storage join or carry its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.ir.extent import Dim
from tracejit.trace.session.registry import ARRAY
from tracejit.trace.session.session import where
from tracejit.trace.values.all import Array, Cell, dim_value
from tracejit.trace.values.view_transforms import Gather, Layer, Reshape, Slice
from tracejit.trace.views.reshape_strides import strides_through

_NUMERIC = ("starts", "steps", "shape", "cast")


def skeleton(x: Array) -> list[Any]:
    """The layers of a view without their numbers."""
    return [
        (type(layer), {k: len(v) if k in _NUMERIC else v for k, v in vars(layer).items()})
        for layer in x.layers
    ]


def view_numbers(x: Array) -> list[Dim]:
    """All numbers of a view: its layers', then its extents."""
    inner = [n for layer in x.layers for k, v in vars(layer).items() if k in _NUMERIC for n in v]
    return [*inner, *x.dims]


def empty_numbers(x: Array) -> list[int]:
    """Numbers of the view that takes nothing of empty storage: its steps are 1, all else is 0."""
    found = [
        int(k == "steps")
        for layer in x.layers
        for k, v in vars(layer).items()
        if k in _NUMERIC
        for _ in v
    ]
    return [*found, *(0 for _ in x.dims)]


def with_numbers(x: Array, numbers: Sequence[Dim], cell: Cell | None = None) -> Array:
    """The view with other numbers (and over another cell); itself where nothing is other."""
    if cell in (None, x.cell) and list(numbers) == view_numbers(x):
        return x
    rest = iter(numbers)
    layers: list[Layer] = []
    for layer in x.layers:
        fields: dict[str, Any] = {
            k: tuple(next(rest) for _ in v) for k, v in vars(layer).items() if k in _NUMERIC
        }
        layers.append(replace(layer, **fields))
    dims = tuple(next(rest) for _ in x.dims)
    place = cell or x.cell
    strides = (
        x.element_strides
        if _keeps_strides(x, layers)
        else strides_through(place, layers, len(dims))
    )
    return Array(place, tuple(layers), dims, strides, x.dtype)


def _keeps_strides(x: Array, layers: Sequence[Layer]) -> bool:
    """Strides follow from steps alone, unless axes were merged or split."""
    for old, new in zip(x.layers, layers, strict=True):
        if isinstance(old, Reshape) and old.kept is None:
            return False
        if isinstance(old, Slice) and isinstance(new, Slice) and old.steps != new.steps:
            return False
    return not any(isinstance(s, Gather) for s in layers)


def sliced_first(x: Array) -> Array:
    """The same view with a slice as its first layer, so that it compares with one that moved."""
    if x.layers and isinstance(x.layers[0], Slice):
        return x
    shape = x.cell.shape
    whole = Slice((0,) * len(shape), (1,) * len(shape), shape)
    return Array(x.cell, (whole, *x.layers), x.dims, x.element_strides, x.dtype)


def aligned(a: Array, b: Array) -> tuple[Array, Array] | None:
    """Two views of storage of one rank with the same skeleton, if they can be brought to one."""
    if skeleton(a) != skeleton(b):
        if len(a.cell.shape) != len(b.cell.shape):
            return None
        a, b = sliced_first(a), sliced_first(b)
        if skeleton(a) != skeleton(b):
            return None
    return a, b


def byte_strides(x: Array) -> tuple[Any, ...]:
    """``x.strides``. UnsupportedError where only the call decides them."""
    if any(s is None for s in x.element_strides) or getattr(x.cell, "packing", None) is not None:
        raise UnsupportedError(
            f"{where()}: the strides of this array are known when the function is called only; "
            "pass what depends on them as an argument"
        )
    return tuple(dim_value(s * x.dtype.itemsize) for s in x.element_strides if s is not None)


ARRAY["strides"] = byte_strides
