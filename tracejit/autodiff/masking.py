"""Where a tangent or cotangent is zero because its primal value was not used: masks.

``np.where(x > 0, np.log(x), 0)`` has the derivative 0 at 0, although that of ``log`` is infinite:
the zero comes from a choice, not from a number. So a mask, a bool value, goes with what a choice,
a window or a gather made zero, and a product with a factor that may not be finite becomes
``select(mask, product, 0)``. A choice has a derivative of the same form, so this holds to any
order; a zero that was merely computed stays a number, and ``0 * inf`` is nan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from tracejit.dtypes import is_exact
from tracejit.ir.builder import Builder
from tracejit.ir.core import Instr, Value, window_of
from tracejit.ir.extent import Dim
from tracejit.ir.traits import Trait
from tracejit.ir.types import BOOL, TensorType
from tracejit.records import dataclass


@dataclass(frozen=True, eq=False)
class Window:
    """A cotangent that is zero outside of a window, or inside of it: ``made`` when asked for.

    It says where that is, whatever the numbers are: a cotangent that happens to be zero has
    derivatives. ``used``: a bool scalar, false where a branch left out all of it.
    """

    made: Callable[[Builder], Value]
    used: Value | None = None


#: A bool value, or a window.
Mask: TypeAlias = "Value | Window"


def of_branch(taken: Value, like: Value) -> Window:
    """The mask of what one side of a branch alone reads: ``taken`` is true where it is run."""
    return Window(lambda b: b.broadcast(taken, like.shape, ()), taken)


def used(mask: Mask) -> Value | None:
    """A bool scalar that is false where a mask is all false; None: only its elements say."""
    if isinstance(mask, Window):
        return mask.used
    return mask if mask.rank == 0 else None


def stays_finite(instr: Instr, finite: set[Value]) -> bool:
    """Whether the result is finite (short of an overflow of products) for any arguments."""
    if len(instr.results) != 1 or not isinstance(instr.result.type, TensorType):
        return False
    if instr.has(Trait.LITERAL):
        return _all_finite(instr)
    if instr.has(Trait.BOUNDED) or is_exact(instr.result.dtype):
        return True
    steady = instr.has(Trait.STEADY)
    return steady and all(v in finite or is_exact(v.dtype) for v in instr.operands)


def _all_finite(instr: Instr) -> bool:
    array = instr.attrs["value"].array
    return is_exact(array.dtype) or bool(abs(array).max(initial=0) < float("inf"))


def guards(instr: Instr, k: int, finite: set[Value]) -> bool:
    """Whether ``instr``, linear in operand ``k``, may turn a zero there into something else."""
    if instr.name == "mul":
        return instr.operands[1 - k] not in finite
    return instr.name == "div"


def both(b: Builder, one: Value, other: Value | None) -> Value:
    """The mask of what passes two masks."""
    return one if other is None or one is other else b.op("bitwise_and", one, other)


def _elementwise(instr: Instr) -> bool:
    return instr.prim.elementwise and not instr.has(Trait.CHOOSES)


def of_result(b: Builder, instr: Instr, masks: Sequence[Value | None]) -> Value | None:
    """Forward: the mask of the tangent that ``instr`` makes from tangents with ``masks``.

    ``masks`` has an entry for each operand; what carries no tangent has the mask None too.
    """
    present = [m for m in masks if m is not None]
    if instr.has(Trait.REARRANGES):
        return b.op(instr.prim, present[0], *instr.operands[1:], **instr.attrs) if present else None
    if _elementwise(instr) and len(present) == 1:
        return present[0]
    return None


def of_choice(
    b: Builder, instr: Instr, masks: Sequence[Value | None], active: Sequence[bool]
) -> Value | None:
    """Forward: the mask of ``select`` among tangents; one that is not ``active`` is zero."""
    chosen = instr.operands[0]
    if active[1] and active[2]:
        yes, no = masks[1:]
        return None if yes is None or no is None else b.op("select", chosen, yes, no)
    if active[1]:
        return both(b, chosen, masks[1])
    return both(b, b.op("invert", chosen), masks[2])


def of_operand(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    """Reverse: the mask of what ``instr`` gives to the cotangent of operand ``k``.

    ``mask`` is that of its result. None is a cotangent of which any zero is a number.
    """
    rule = _BACK.get(instr.name)
    if rule is not None:
        return rule(b, instr, k, mask)
    return mask if _elementwise(instr) else None


def _of_choice_back(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask:
    chosen = instr.operands[0]
    return both(b, chosen if k == 1 else b.op("invert", chosen), mask)


def _of_read(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask:
    return Window(lambda b: _inside(b, instr, mask))


def _of_put_slice(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    if k == 0:
        return Window(lambda b: _outside(b, instr, mask))
    bounds, shape = window_of(instr)
    return None if mask is None else b.op("slice", mask, *bounds, shape=shape)


def _of_scatter(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    written = k == 0 and instr.attrs["mode"] != "add"
    return Window(lambda b: _outside(b, instr, mask)) if written else None


def _of_reduce_sum(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    gone, x = instr.attrs["axes"], instr.operands[0]
    kept = [a for a in range(x.rank) if a not in gone]
    return None if mask is None else b.broadcast(mask, x.shape, kept)


def _of_transpose(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    perm = instr.attrs["perm"]
    back = tuple(perm.index(a) for a in range(len(perm)))
    return None if mask is None else b.op("transpose", mask, perm=back)


def _of_reshape(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    return None if mask is None else b.reshape(mask, instr.operands[0].shape)


def _flags(b: Builder, value: bool, shape: tuple[Dim, ...]) -> Value:
    return b.full(value, TensorType(BOOL.dtype, shape))


def _inside(b: Builder, instr: Instr, mask: Value | None) -> Value:
    """True at the elements that a ``slice`` or ``gather`` reads, where its result has the mask."""
    x, *rest = instr.operands
    nothing = _flags(b, False, x.shape)
    read = _flags(b, True, instr.result.shape) if mask is None else mask
    if instr.has(Trait.WINDOW):
        return b.op("put_slice", nothing, read, *rest)  # type: ignore[no-any-return]
    attrs = {"axes": instr.attrs["axes"], "mode": "maximum" if mask is not None else "set"}
    return b.op("scatter", nothing, read, *rest, **attrs)  # type: ignore[no-any-return]


def _outside(b: Builder, instr: Instr, mask: Value | None) -> Value:
    """False at the elements that a ``put_slice`` or ``scatter`` writes."""
    x, v, *rest = instr.operands
    kept = _flags(b, True, x.shape) if mask is None else mask
    gone = _flags(b, False, v.shape)
    if instr.has(Trait.WINDOW):
        return b.op("put_slice", kept, gone, *rest)  # type: ignore[no-any-return]
    attrs = {"axes": instr.attrs["axes"], "mode": "set"}
    return b.op("scatter", kept, gone, *rest, **attrs)  # type: ignore[no-any-return]


def _of_broadcast(b: Builder, instr: Instr, k: int, mask: Value | None) -> Mask | None:
    """The mask of what was repeated along axes of a result: whether any of the copies was used."""
    x = instr.operands[0]
    if mask is None or instr.attrs.get("maybe_one", ()):
        return None
    axes = instr.attrs["axes"]
    kept = [a for e, a in zip(x.shape, axes, strict=True) if e == mask.shape[a]]
    gone = tuple(a for a in range(mask.rank) if a not in kept)
    if any(p > q for p, q in pairwise(axes)):
        return None
    return b.reshape(b.op("reduce_or", mask, axes=gone), x.shape)


_BACK: dict[str, Callable[[Builder, Instr, int, Value | None], Mask | None]] = {
    "select": _of_choice_back,
    "slice": _of_read,
    "gather": _of_read,
    "put_slice": _of_put_slice,
    "scatter": _of_scatter,
    "reduce_sum": _of_reduce_sum,
    "transpose": _of_transpose,
    "reshape": _of_reshape,
    "broadcast": _of_broadcast,
}
