"""An instruction with regions, by its parts: nobody else counts its operands and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim
from tracejit.ir.traits import Trait
from tracejit.records import dataclass

T = TypeVar("T")


def is_counted(instr: Instr) -> bool:
    """Whether an instruction is a loop whose number of trips is known on entry."""
    return instr.has(Trait.LOOP) and instr.prim.passing.counted


@dataclass(frozen=True)
class RegionOp:
    """``lead``, then ``inits`` (what a loop carries), then ``consts``; see ``Passing``."""

    instr: Instr

    @cached_property
    def first(self) -> int:
        """The position of the first operand that a region takes as it is."""
        return self.instr.prim.passing.lead

    @cached_property
    def own(self) -> int:
        """How many parameters a region has before those: the iteration number, or none."""
        return int(self.instr.prim.passing.counted)

    @cached_property
    def count(self) -> int:
        """How many values are carried."""
        return int(self.instr.attrs.get("carried", 0))

    @property
    def last(self) -> int:
        """The position of the first operand that is not carried."""
        return self.first + self.count

    @property
    def is_loop(self) -> bool:
        return self.instr.has(Trait.LOOP)

    @property
    def is_branch(self) -> bool:
        return self.instr.has(Trait.BRANCH)

    @property
    def inits(self) -> tuple[Value, ...]:
        return self.instr.operands[self.first : self.last]

    @property
    def consts(self) -> tuple[Value, ...]:
        return self.instr.operands[self.last :]

    @property
    def given(self) -> tuple[Value, ...]:
        """All that regions take as it is: ``inits`` and ``consts``."""
        return self.instr.operands[self.first :]

    @property
    def body(self) -> Function:
        """The region whose results are the instruction's, or go round."""
        return self.instr.regions[-1]

    @property
    def test(self) -> Function | None:
        """The region that says whether a loop goes on; None where that is known beforehand."""
        return self.instr.regions[0] if len(self.instr.regions) == 2 and self.is_loop else None

    @property
    def yielding(self) -> tuple[Function, ...]:
        """The regions whose results may be the instruction's: both sides of a branch."""
        return self.instr.regions if self.is_branch else self.instr.regions[-1:]

    @property
    def trip(self) -> Dim | None:
        """How often a counted loop runs, as an extent; None for the others."""
        return self.instr.operands[self.first - 1].dim if self.own else None

    @property
    def known_trip(self) -> int | None:
        """The number of trips, where it is a literal."""
        trip = self.instr.operands[self.first - 1].expr if self.own else None
        return trip if isinstance(trip, int) else None

    def split(self, values: Sequence[T]) -> tuple[list[T], list[T], list[T]]:
        """What stands for the operands, in three parts: leading, carried, and the rest."""
        first, last = self.first, self.last
        return list(values[:first]), list(values[first:last]), list(values[last:])

    def flags(self, carried: Sequence[bool], consts: Sequence[bool]) -> list[bool]:
        """Flags of a region's parameters; none for the iteration number."""
        return [*[False] * self.own, *carried, *consts]

    def flagged(
        self, flags: Sequence[bool], through: Callable[[Function, Sequence[bool]], Sequence[bool]]
    ) -> list[bool]:
        """Which carried values are flagged in some iteration, where these operands are.

        ``through`` gives the flags of the body's results from those of its parameters.
        """
        _, now, consts = self.split(flags)
        while True:
            found = through(self.body, self.flags(now, consts))
            if self.body.diverges:
                return now
            grown = [a or f for a, f in zip(now, found, strict=True)]
            if grown == now:
                return now
            now = grown

    def carried_in(self, region: Function) -> tuple[Value, ...]:
        """The parameters of a region for what is carried."""
        return region.params[self.own : self.own + self.count]

    def consts_in(self, region: Function) -> tuple[Value, ...]:
        """The parameters of a region for what is the same each time it runs."""
        return region.params[len(region.params) - len(self.consts) :]

    def constants(self, region: Function) -> Iterator[tuple[Value, Value]]:
        """Those parameters of a loop or branch, and the outer values that they are."""
        if not (self.is_loop or self.is_branch):
            return iter(())
        return zip(self.consts_in(region), self.consts, strict=True)

    def bound(self, region: Function) -> Iterator[tuple[Value, Value]]:
        """Parameters of a region with the operands that they are, or begin as."""
        return zip(region.params[self.own :], self.given, strict=True)
