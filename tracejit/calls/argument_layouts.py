"""Arguments of a version: what the tracer is told of each, and where native code finds it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit import abi
from tracejit.calls.argument_types import ArrayKey, ObjectKey, ScalarKey
from tracejit.calls.versions import Request, StaticArgument
from tracejit.ir.core import Function
from tracejit.ir.program import Program
from tracejit.lower.lower import Layout
from tracejit.trace.driver import Traced
from tracejit.trace.session.specs import ArraySpec, ObjectSpec, ScalarSpec, Static, SymDim
from tracejit.trace.values.captured_arrays import CapturedArray


def specs_for(request: Request) -> list[Any]:
    """What the tracer is told of each leaf."""
    flags = iter(request.dynamic)
    names = iter(range(len(request.dynamic)))
    windows = dict(request.windows)
    specs: list[Any] = []
    for k, (leaf, key) in enumerate(zip(request.leaves, request.keys, strict=True)):
        if isinstance(key, ArrayKey):
            shape = tuple(
                u if u is not None else _extent(n, next(flags), next(names))
                for n, u in zip(leaf.shape, key.units, strict=True)
            )
            group = request.groups[k] if request.groups.count(request.groups[k]) > 1 else None
            specs.append(
                ArraySpec(
                    key.dtype,
                    shape,
                    key.layout,
                    group,
                    key.writeable,
                    key.packing,
                    windows.get(k),
                )
            )
        elif isinstance(key, ScalarKey):
            dynamic = True
            if key.by_value:
                dynamic = next(flags)
                next(names)
            kind = key.source or key.kind or key.dtype
            specs.append(ScalarSpec(kind) if dynamic else Static(leaf))
        elif isinstance(key, ObjectKey):
            specs.append(ObjectSpec(leaf, key.kind))
        else:
            specs.append(Static(unwrapped(key.value)))
    return specs


def _extent(n: int, dynamic: bool, number: int) -> int | SymDim:
    return SymDim(f"n{number}", n) if dynamic else n


def unwrapped(value: Any) -> Any:
    """A static argument's value without its marker."""
    return value.value if isinstance(value, StaticArgument) else value


def param_owners(traced: Traced) -> list[tuple[str, int]]:
    """What each function parameter is: ("extent", n), ("leaf", k) or ("hidden", n)."""
    owners = [("extent", n) for n in range(len(traced.sym_dims))]
    owners += [("leaf", k) for k, x in enumerate(traced.leaves) if _is_passed(x)]
    return owners + [("hidden", n) for n in range(len(traced.hidden))]


def _is_passed(leaf: Any) -> bool:
    """Whether a leaf is a parameter of the IR function."""
    return not isinstance(leaf, Static) and getattr(leaf, "window", None) is None


def layouts_of(
    traced: Traced, request: Request, function: Function
) -> tuple[list[Layout], list[int]]:
    layouts: list[Layout] = []
    numbers: list[int] = []
    for (kind, k), param in zip(param_owners(traced), function.params, strict=True):
        layout: Layout = None
        number = -1
        if kind == "leaf":
            number = k
            leaf = traced.leaves[k]
            if isinstance(leaf, ArraySpec):
                layout = leaf.layout if leaf.layout != "strided" else (None,) * param.rank
        elif kind == "hidden":
            number = len(traced.leaves) + k
            hidden = traced.hidden[k]
            layout = hidden_layout(hidden.array) if isinstance(hidden, CapturedArray) else None
        layouts.append(layout)
        numbers.append(number)
    return layouts, numbers


def hidden_layout(array: np.ndarray[Any, Any]) -> Layout:
    """How a global array lies in memory now."""
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else (None,) * array.ndim


def param_slots(
    traced: Traced, function: Function, program: Program, layout: abi.SlotLayout
) -> list[int]:
    owners = param_owners(traced)
    first = len(traced.leaves)
    where = extent_places(traced)
    slots: list[int] = []
    for slot in program.slots:
        if slot.kind == "out":
            data = layout.results[slot.index].data
        else:
            kind, k = owners[slot.index]
            if kind == "extent":
                leaf, axis = where[k]
                data = layout.params[leaf].extents[axis]
            else:
                at = layout.params[k if kind == "leaf" else first + k]
                data = at.strides[slot.axis] if slot.kind == "stride" else at.data
        assert data is not None, slot
        slots.append(data)
    return slots


def extent_places(traced: Traced) -> list[tuple[int, int]]:
    """Leaf and axis where each symbolic extent is found."""
    places: dict[SymDim, tuple[int, int]] = {}
    for k, leaf in enumerate(traced.leaves):
        for axis, d in enumerate(leaf.shape if isinstance(leaf, ArraySpec) else ()):
            if isinstance(d, SymDim):
                places.setdefault(d, (k, axis))
    return [places[d] for d in traced.sym_dims]
