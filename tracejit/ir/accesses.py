"""The elements that a kernel loads and stores, and what is asked of them.

One walk describes every access: by its buffer, as that is known outside, and by its index, as
polynomials over what is known outside and the variables of the loops around. Here it is asked which
loops may become one, which iterations may be shared out, and what lies side by side in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from tracejit.ir.core import Instr, Value, element_of
from tracejit.ir.extent import Dim, leaves, linear_in
from tracejit.ir.roots import Roots
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType
from tracejit.records import dataclass


class Along(NamedTuple):
    """An index along an axis: ``number * variable + rest``, the number not 0, the rest not of the
    variable."""

    axis: int
    number: int
    rest: Dim


@dataclass(frozen=True, eq=False)
class Access:
    """One element that an instruction loads or stores.

    ``around``: the instructions whose regions it is in, outermost first. ``buffer`` is a view
    itself, where it goes through one; ``root`` is what that is a view of.
    """

    instr: Instr
    around: tuple[Instr, ...]
    roots: Roots

    @property
    def stores(self) -> bool:
        return self.instr.has(Trait.STORES)

    @property
    def size(self) -> int:
        """Bytes of the element."""
        return self.instr.operands[0].dtype.itemsize

    @cached_property
    def buffer(self) -> Value:
        return self.roots.buffer(self.instr.operands[0])

    @cached_property
    def root(self) -> Value:
        return self.roots.value(self.instr.operands[0])

    @cached_property
    def index(self) -> tuple[Dim, ...]:
        return tuple(self.roots.dim(v) for v in element_of(self.instr)[1])

    @cached_property
    def offset(self) -> Dim:
        """Bytes from the start of ``buffer``."""
        type_ = self.instr.operands[0].type
        assert isinstance(type_, BufferType)
        strides = (self.roots.over_outer(stride) for stride in type_.strides)
        return sum((at * s for at, s in zip(self.index, strides, strict=True)), start=0)

    def along(self, variable: Value) -> frozenset[Along]:
        """The axes along which it moves with the variable of a loop."""
        found = set()
        for axis, value in enumerate(element_of(self.instr)[1]):
            root = self.roots.value(value)
            if root is variable:  # as nearly all are
                found.add(Along(axis, 1, 0))
            elif root.expr is not None:
                (number,), rest = linear(self.roots.dim(root), [variable]) or ((0,), 0)
                if isinstance(number, int) and number != 0:
                    found.add(Along(axis, number, rest))
        return frozenset(found)

    def same(self, other: Access) -> bool:
        """Whether both are of one element."""
        return self.buffer is other.buffer and self.index == other.index

    def apart(self, other: Access) -> bool:
        """Whether they are of different elements of one buffer."""
        between = (a - b for a, b in zip(self.index, other.index, strict=True))
        return any(isinstance(d, int) and d != 0 for d in between)


def accesses(instrs: Sequence[Instr], roots: Roots | None = None) -> dict[Instr, Access]:
    """All accesses of some instructions, at every depth, in order."""
    found: dict[Instr, Access] = {}
    roots = roots or Roots(instrs)

    def walk(instrs: Sequence[Instr], around: tuple[Instr, ...]) -> None:
        for instr in instrs:
            if instr.has(Trait.LOADS) or instr.has(Trait.STORES):
                found[instr] = Access(instr, around, roots)
            for region in instr.regions:
                walk(region.instrs, (*around, instr))

    walk(instrs, ())
    return found


def linear(dim: Dim, variables: Sequence[Value]) -> tuple[tuple[Dim, ...], Dim] | None:
    """``slopes, rest`` with ``dim == sum(slope * variable) + rest``, nothing of it of the
    variables; None where there is no such form."""
    slopes, rest = [], dim
    for variable in variables:
        found = linear_in(rest, variable)
        if found is None:
            return None
        slope, rest = found
        slopes.append(slope)
    free = {leaf for part in (*slopes, rest) for leaf in leaves(part)}
    return (tuple(slopes), rest) if free.isdisjoint(variables) else None


# -- iterations ------------------------------------------------------------------------------------


@dataclass
class Touched:
    """What the iterations of a loop do to one memory.

    ``buffers``: its names; ``stored``: whether any access stores; ``along``: the axes along which
    all accesses have one and the same index, which moves with the loop.
    """

    buffers: set[Value]
    stored: bool
    along: frozenset[Along]

    def joined(self, other: Touched) -> Touched:
        """The same of two loops, or of more accesses of one."""
        buffers = self.buffers | other.buffers
        return Touched(buffers, self.stored or other.stored, self.along & other.along)

    @property
    def told_apart(self) -> bool:
        """Whether equal indices are equal elements, as far as that matters."""
        return not self.stored or len(self.buffers) == 1

    def by_one(self, fixed: Callable[[Dim], bool] = lambda _: True) -> bool:
        """Whether no iteration touches what another one stores; ``fixed``: whether an extent is
        the same in all of them."""
        return not self.stored or (
            len(self.buffers) == 1 and any(fixed(a.rest) for a in self.along)
        )


#: What a loop touches, by memory.
Touches = dict[Value, Touched]


def touched_by(
    found: Iterable[Access], variable: Value | None, memory: Mapping[Value, Value]
) -> Touches:
    """What accesses touch as the variable of a loop moves. ``memory``: what buffers are views of,
    or share with others, by one name; buffers that it does not tell of are memory of their own."""
    touches: Touches = {}
    for a in found:
        along = frozenset[Along]() if variable is None else a.along(variable)
        one = Touched({a.root, a.buffer}, a.stores, along)
        extend(touches, {memory.get(a.root, a.root): one})
    return touches


def extend(found: Touches, more: Touches) -> None:
    """Add what another loop touches."""
    for memory, one in more.items():
        found[memory] = found[memory].joined(one) if memory in found else one


def independent(first: Touches, second: Touches) -> bool:
    """Whether no iteration of one loop touches what another iteration of the other one stores.

    The rest of an index that is in both loops is made of what is outside of them.
    """
    return all(first[m].joined(one).by_one() for m, one in second.items() if m in first)
