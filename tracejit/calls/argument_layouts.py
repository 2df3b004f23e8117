"""Where native code finds the parameters of a version's function, and how they lie in memory."""

from __future__ import annotations

from tracejit import abi
from tracejit.ir.arguments import ArrayArg, places_of_extents
from tracejit.ir.core import Function
from tracejit.ir.program import Program
from tracejit.lower.lower import Layout
from tracejit.trace.traced import Traced


def param_owners(traced: Traced) -> list[tuple[str, int]]:
    """What each function parameter is: ("extent", n), or ("arg", k), hidden ones after the rest."""
    owners = [("extent", n) for n in range(len(places_of_extents(traced.args)))]
    return owners + [("arg", k) for k, arg in enumerate(traced.all_args) if arg.is_parameter]


def layouts_of(traced: Traced, function: Function) -> tuple[list[Layout], list[int]]:
    """How each parameter of the function lies in memory, and which argument it is (-1: none)."""
    layouts: list[Layout] = []
    numbers: list[int] = []
    for (kind, k), _ in zip(param_owners(traced), function.params, strict=True):
        arg = traced.all_args[k] if kind == "arg" else None
        layouts.append(arg.strides if isinstance(arg, ArrayArg) else None)
        numbers.append(k if kind == "arg" else -1)
    return layouts, numbers


def param_slots(traced: Traced, program: Program, layout: abi.SlotLayout) -> list[int]:
    """The slot of each parameter of a Program's host function."""
    owners = param_owners(traced)
    where = [places[0] for places in places_of_extents(traced.args).values()]
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
                at = layout.params[k]
                data = at.strides[slot.axis] if slot.kind == "stride" else at.data
        assert data is not None, slot
        slots.append(data)
    return slots
