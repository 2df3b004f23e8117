"""Where a tangent or cotangent is zero because its primal value was not used: masks.

``np.where(x > 0, np.log(x), 0)`` has the derivative 0 at 0, although that of ``log`` is infinite:
the zero comes from a choice, not from a number. So a mask, a bool value, goes with what a choice,
a window or a gather made zero, and a product with a factor that may not be finite becomes
``select(mask, product, 0)``. A choice has a derivative of the same form, so this holds to any
order; a zero that was merely computed stays a number, and ``0 * inf`` is nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from tracejit.autodiff.windows import Bounds, Shape, within
from tracejit.dtypes import is_exact
from tracejit.ir.builder import Builder
from tracejit.ir.core import Instr, Value, window_of
from tracejit.ir.traits import Trait
from tracejit.ir.types import BOOL, TensorType


class LazyMask:
    """A mask that is made when asked for, whole or a window of it.

    It says where a cotangent is zero whatever the numbers are: one that happens to be zero has
    derivatives. ``used``: bool scalars; where none holds, branches left out all of it. ``before``:
    the mask that this is under another shape, and its shape. ``place``: where this is true.
    """

    def __init__(
        self,
        make: Callable[[Builder], Value],
        used: Used,
        read: Read | None = None,
        before: tuple[Mask, Shape] | None = None,
        place: tuple[Bounds, Shape, Shape] | None = None,
    ):
        self.used = used
        self.before, self.place = before, place
        self._make, self._read = make, read
        self._whole: Value | None = None

    def whole(self, b: Builder) -> Value:
        """All of it; made once, for the one body that it is of."""
        if self._whole is None:
            self._whole = self._make(b)
        return self._whole

    def window(self, b: Builder, bounds: Bounds, shape: Shape) -> Value | bool:
        """A window of it, or what all of the window is; without all of it where that is known."""
        if self._read is not None and self._whole is None:
            found = self._read(b, bounds, shape)
            if found is not None:
                return found
        return b.op("slice", self.whole(b), *bounds, shape=shape)  # type: ignore[no-any-return]


#: Arrays of how many elements are looked at for windows that are all of them.
_COVERED = 4096
#: Bool scalars of which one holds where anything is used; None: not known.
Used: TypeAlias = "tuple[Value, ...] | None"
#: A bool value, or one that is not made yet.
Mask: TypeAlias = "Value | LazyMask"
#: How a window of a mask is made: a value, what all of it is, or None: from the whole.
Read: TypeAlias = "Callable[[Builder, Bounds, Shape], Value | bool | None]"


def whole(b: Builder, mask: Mask) -> Value:
    """The mask as a value."""
    return mask.whole(b) if isinstance(mask, LazyMask) else mask


def window(b: Builder, mask: Mask, bounds: Bounds, shape: Shape) -> Value | bool:
    """A window of a mask, or what all of it is."""
    if isinstance(mask, LazyMask):
        return mask.window(b, bounds, shape)
    return b.op("slice", mask, *bounds, shape=shape)  # type: ignore[no-any-return]


def of_branch(taken: Value, like: Value) -> LazyMask:
    """The mask of what is used only where ``taken``, a bool scalar, is true."""
    return LazyMask(
        lambda b: b.broadcast(taken, like.shape, ()),
        (taken,),
        lambda b, bounds, shape: b.broadcast(taken, shape, ()),
    )


def used(mask: Mask | None) -> Used:
    """Bool scalars; where none holds, a mask is all false. None: only its elements say."""
    if isinstance(mask, LazyMask):
        return mask.used
    return (mask,) if mask is not None and mask.rank == 0 else None


def used_by_any(masks: Sequence[Mask]) -> Used:
    """The same of where any of the masks is true."""
    found = [used(m) for m in masks]
    if None in found:
        return None
    return tuple(dict.fromkeys(u for each in found for u in each or ()))


def any_used(b: Builder, flags: Sequence[Value]) -> Value:
    """Where any of some bool values holds."""
    one, *rest = dict.fromkeys(flags)
    for other in rest:
        one = b.op("bitwise_or", one, other)
    return one


def flag_of(b: Builder, flags: Used) -> Value | None:
    """``used`` as one bool scalar, if it is known."""
    return None if flags is None else any_used(b, flags) if flags else b.const(False, BOOL.dtype)


def any_of(masks: Sequence[Mask], shape: Shape) -> Mask | None:
    """Where any of the masks, of a shape, is true; None where windows are all of it."""
    if len(masks) == 1:
        return masks[0]
    if _cover(masks):
        return None
    under = [m.before if isinstance(m, LazyMask) else None for m in masks]
    if under[0] is not None and all(u is not None and u[1] == under[0][1] for u in under):
        inner = any_of([u[0] for u in under if u is not None], under[0][1])
        return None if inner is None else reshaped(inner, under[0][1], shape)

    def make(b: Builder) -> Value:
        return any_used(b, [whole(b, m) for m in masks])

    def read(b: Builder, bounds: Bounds, shape: Shape) -> Value | bool:
        made: Value | bool = False
        for mask in masks:
            made = _or(b, made, window(b, mask, bounds, shape))
        return made

    return LazyMask(make, used_by_any(masks), read)


def _cover(masks: Sequence[Mask]) -> bool:
    """Whether windows at known places are together all of a small array."""
    covered: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    for mask in masks:
        known = _known_place(mask)
        if known is None:
            continue
        window, shape = known
        covered = np.zeros(shape, bool) if covered is None else covered
        covered[window] = True
    return covered is not None and bool(covered.all())


def _known_place(mask: Mask) -> tuple[tuple[slice, ...], tuple[int, ...]] | None:
    """A window in which a mask is true, and the shape of the mask."""
    if not isinstance(mask, LazyMask) or mask.place is None:
        return None
    bounds, counts, shape = mask.place
    numbers = [v.dim for v in bounds]
    whole = [n for n in (*numbers, *counts, *shape) if isinstance(n, int)]
    rank = len(shape)
    if len(whole) < 4 * rank or math.prod(n for n in shape if isinstance(n, int)) > _COVERED:
        return None
    lines = zip(whole[:rank], whole[rank : 2 * rank], whole[2 * rank : 3 * rank], strict=True)
    if any(step < 1 for step in whole[rank : 2 * rank]):
        return None
    return tuple(slice(a, a + n * t, t) for a, t, n in lines), tuple(whole[3 * rank :])


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


def of_operand(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    """Reverse: the mask of what ``instr`` gives to the cotangent of operand ``k``.

    ``mask`` is that of its result. None is a cotangent of which any zero is a number.
    """
    rule = _BACK.get(instr.name)
    if rule is not None:
        return rule(b, instr, k, mask)
    return mask if _elementwise(instr) else None


def _of_choice_back(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask:
    chosen = instr.operands[0]

    def make(b: Builder) -> Value:
        here = chosen if k == 1 else b.op("invert", chosen)
        return here if mask is None else both(b, here, whole(b, mask))

    return make(b) if chosen.rank == 0 else LazyMask(make, used(mask))


def _of_slice(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    x, *bounds = instr.operands
    here = bounds, instr.result.shape

    def make(b: Builder) -> Value:
        nothing = _flags(b, False, x.shape)
        inside = _flags(b, True, here[1]) if mask is None else whole(b, mask)
        return b.op("put_slice", nothing, inside, *bounds)  # type: ignore[no-any-return]

    def read(b: Builder, other: Bounds, shape: Shape) -> Value | bool | None:
        inside = within(b, (other, shape), here)
        if inside is False or mask is None:
            return inside
        return whole(b, mask) if inside is True and shape == here[1] else None

    place = (bounds, here[1], x.shape) if mask is None else None
    return LazyMask(make, used(mask), read, place=place)


def _of_put_slice(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    here = bounds, shape = window_of(instr)
    if k != 0:
        found = True if mask is None else window(b, mask, bounds, shape)
        if isinstance(found, bool):
            return None if found else _flags(b, False, shape)
        return found
    x = instr.operands[0]

    def make(b: Builder) -> Value:
        kept = _flags(b, True, x.shape) if mask is None else whole(b, mask)
        return b.op("put_slice", kept, _flags(b, False, shape), *bounds)  # type: ignore[no-any-return]

    def read(b: Builder, other: Bounds, size: Shape) -> Value | bool | None:
        inside = within(b, (other, size), here)
        if inside is None:
            return None
        outside = not inside if isinstance(inside, bool) else b.op("invert", inside)
        if outside is False or mask is None:
            return outside
        kept = window(b, mask, other, size)
        if outside is True or kept is False:
            return kept
        return outside if kept is True else b.op("bitwise_and", outside, kept)  # type: ignore[no-any-return]

    return LazyMask(make, used(mask), read)


def _of_gather(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    x, *index = instr.operands
    attrs = {"axes": instr.attrs["axes"], "mode": "set" if mask is None else "maximum"}

    def make(b: Builder) -> Value:
        read = _flags(b, True, instr.result.shape) if mask is None else whole(b, mask)
        return b.op("scatter", _flags(b, False, x.shape), read, *index, **attrs)  # type: ignore[no-any-return]

    return LazyMask(make, used(mask))


def _of_scatter(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    if k != 0 or instr.attrs["mode"] == "add":
        return None
    x, v, *index = instr.operands
    attrs = {"axes": instr.attrs["axes"], "mode": "set"}

    def make(b: Builder) -> Value:
        kept = _flags(b, True, x.shape) if mask is None else whole(b, mask)
        return b.op("scatter", kept, _flags(b, False, v.shape), *index, **attrs)  # type: ignore[no-any-return]

    return LazyMask(make, used(mask))


def _of_reduce_sum(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    gone, x = instr.attrs["axes"], instr.operands[0]
    kept = [a for a in range(x.rank) if a not in gone]
    return _mapped(mask, lambda b, whole: b.broadcast(whole, x.shape, kept))


def _of_transpose(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    perm = instr.attrs["perm"]
    back = tuple(perm.index(a) for a in range(len(perm)))
    return _mapped(mask, lambda b, whole: b.op("transpose", whole, perm=back))


def _of_reshape(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    return None if mask is None else reshaped(mask, instr.result.shape, instr.operands[0].shape)


def _of_broadcast(b: Builder, instr: Instr, k: int, mask: Mask | None) -> Mask | None:
    """The mask of what was repeated along axes of a result: whether any of the copies was used."""
    x, result = instr.operands[0], instr.result
    axes = instr.attrs["axes"]
    if instr.attrs.get("maybe_one", ()) or any(p > q for p, q in pairwise(axes)):
        return None
    kept = [a for e, a in zip(x.shape, axes, strict=True) if e == result.shape[a]]
    gone = tuple(a for a in range(result.rank) if a not in kept)
    return _mapped(mask, lambda b, whole: b.reshape(b.op("reduce_or", whole, axes=gone), x.shape))


def _mapped(mask: Mask | None, make: Callable[[Builder, Value], Value]) -> Mask | None:
    if mask is None:
        return None
    return LazyMask(lambda b: make(b, whole(b, mask)), used(mask))


def reshaped(mask: Mask, before: Shape, shape: Shape) -> Mask:
    """A mask of the same elements in another shape than ``before``."""
    while isinstance(mask, LazyMask) and mask.before is not None:
        mask, before = mask.before
    if shape == before:
        return mask
    make = lambda b: b.reshape(whole(b, mask), shape)  # noqa: E731
    return LazyMask(make, used(mask), before=(mask, before))


def _flags(b: Builder, value: bool, shape: Shape) -> Value:
    return b.full(value, TensorType(BOOL.dtype, shape))


def _or(b: Builder, one: Value | bool, other: Value | bool) -> Value | bool:
    if one is True or other is False:
        return one
    if other is True or one is False:
        return other
    return b.op("bitwise_or", one, other)  # type: ignore[no-any-return]


_BACK: dict[str, Callable[[Builder, Instr, int, Mask | None], Mask | None]] = {
    "select": _of_choice_back,
    "slice": _of_slice,
    "gather": _of_gather,
    "put_slice": _of_put_slice,
    "scatter": _of_scatter,
    "reduce_sum": _of_reduce_sum,
    "transpose": _of_transpose,
    "reshape": _of_reshape,
    "broadcast": _of_broadcast,
}
