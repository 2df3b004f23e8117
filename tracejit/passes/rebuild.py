"""The new body of a function under a renaming: what every ``Function -> Function`` pass builds on.

An instruction that a renaming does not touch is kept as it is, so a pass costs little where it
changes nothing. Anything else goes through the builder, which infers its types afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.ir.builder import Builder, rename_attr, rename_type
from tracejit.ir.core import Constant, Function, Instr, Value, is_splat, uses
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType

Pass = Callable[[Function], Function]


class Rebuild:
    """A function body under construction from an old one.

    ``new`` maps replaced values to what stands for them now; ``defs`` finds the instruction that
    made a value of the new body; ``made`` holds the results of instructions that were re-emitted.
    """

    def __init__(self, function: Function, bound: Mapping[Value, Value | Constant] = {}) -> None:
        """``bound`` replaces parameters by constants or by other parameters; all are kept."""
        self.function = function
        self.b = Builder(function.name)
        self.new: dict[Value, Value] = {}
        self.defs: dict[Value, Instr] = {}
        self.changed = bool(bound)
        self.ended = False
        self._types_change = False
        self._seen = 0
        for p, by in bound.items():
            self.replace(p, self.b.const(by.array) if isinstance(by, Constant) else by)
        for p in function.params:
            type_ = rename_type(p.type, self.new) if bound else p.type
            if type_ == p.type:
                self.b.params.append(p)
            else:
                self.new[p] = self.b.param(type_, p.hint)

    def value(self, value: Value) -> Value:
        """What stands for a value of the old body."""
        return self.new.get(value, value)

    def instr_of(self, value: Value) -> Instr | None:
        """The instruction of the new body that made ``value``; None for parameters."""
        instrs = self.b.instrs
        while self._seen < len(instrs):
            instr = instrs[self._seen]
            for r in instr.results:
                self.defs[r] = instr
            self._seen += 1
        return self.defs.get(value)

    def replace(self, old: Value, by: Value) -> None:
        """Let ``by`` stand for ``old`` from here on."""
        self.new[old] = by
        self.changed = True
        if old.type == INDEX:
            self._types_change = True

    def touched(self, instr: Instr) -> bool:
        """Whether the renaming changes an instruction."""
        if not self.new:
            return False
        new = self.new
        for v in instr.operands:
            if v in new:
                return True
        return self._types_change and any(v in new for v in uses(instr))

    def renamed(self, instr: Instr) -> Instr:
        """The instruction over values of the new body, not yet emitted."""
        if not self.touched(instr):
            return instr
        scratch = Builder()
        return scratch.clone(instr, dict(self.new))

    def emit(self, old: Instr, now: Instr | None = None) -> None:
        """Append ``now``, the renamed form of ``old`` (made here unless given)."""
        if self.ended:
            return
        now = self.renamed(old) if now is None else now
        self.b.instrs.append(now)
        self.ended = now.has(Trait.ENDS)
        if now is not old:
            self.changed = True
            for before, after in zip(old.results, now.results, strict=True):
                if before is not after:
                    self.replace(before, after)

    def fits(self, old: Value, by: Value) -> bool:
        """Whether ``by`` may stand for ``old``: the very same type, and the same extent.

        Types hold extents in normal form, so an integer that has one must keep it.
        """
        if old.type == INDEX:
            return by.type == INDEX and (
                old.expr is None or by.dim == rename_attr(old.expr, self.new)
            )
        return by.type == (rename_type(old.type, self.new) if self.new else old.type)

    def with_regions(self, instr: Instr, regions: tuple[Function, ...]) -> Instr:
        """The instruction with other regions, when its result types stay what they are.

        A region that has become more precise (an extent now constant) may no longer agree with
        its sibling or with the loop around it: then the old regions stay.
        """
        if all(a is b for a, b in zip(regions, instr.regions, strict=True)):
            return instr
        try:
            made = Builder().append(instr.prim, instr.operands, instr.attrs, regions, instr.loc)
        except TypeError:
            return instr
        mapping = dict(zip(instr.results, made.results, strict=True))
        same = all(rename_type(a.type, mapping) == b.type for a, b in mapping.items())
        return made if same else instr

    def inline(self, function: Function, args: Sequence[Value]) -> list[Value] | None:
        """Copy a region's body here; its results, or None when it ends in ``raise``."""
        out = self.b.inline(function, args)
        self.changed = True
        if function.diverges:
            self.ended = True
            return None
        return list(out)

    def literal(self, value: Value) -> Any:
        """The NumPy scalar that every element of ``value`` is, or None."""
        array = self.constant(self.repeated(value) or value)
        return array[()] if array is not None and array.ndim == 0 else None

    def made(self, value: Value, *names: str) -> Instr | None:
        """What made ``value``, if it is of one of these rows: the pattern of a rule."""
        instr = self.instr_of(value)
        return instr if instr is not None and instr.name in names else None

    def repeated(self, value: Value) -> Value | None:
        """The scalar that every element of a broadcast is, or None."""
        instr = self.instr_of(value)
        return instr.operands[0] if instr is not None and is_splat(instr) else None

    def constant(self, value: Value) -> np.ndarray[Any, Any] | None:
        """The array of a ``constant`` instruction, or None."""
        instr = self.instr_of(value)
        if instr is None or not instr.has(Trait.LITERAL):
            return None
        array: np.ndarray[Any, Any] = instr.attrs["value"].array
        return array

    def full(self, number: Any, like: Value) -> Value:
        """A constant with the type of ``like``."""
        assert isinstance(like.type, TensorType)
        return self.b.full(number, like.type)

    def finish(self) -> Function:
        """The new function; the old one itself when nothing changed."""
        if not self.changed:
            return self.function
        results = () if self.ended else [self.value(r) for r in self.function.results]
        return self.b.build(results)


def each_region(function: Function, apply: Pass) -> Function:
    """The function with ``apply`` done to every region of its instructions."""
    if not any(i.regions for i in function.instrs):
        return function
    re = Rebuild(function)
    for instr in function.instrs:
        if instr.regions:
            now = re.renamed(instr)
            re.emit(instr, re.with_regions(now, tuple(apply(r) for r in now.regions)))
        else:
            re.emit(instr)
    return re.finish()
