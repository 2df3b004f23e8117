"""Selections by one mask: they have one size, and updating what was selected is a choice.

``x[m] + y[m]`` counts ``m`` once, and its operands need not be compared. ``x[m] = f(x[m], y[m])``
with a cheap elementwise ``f`` is ``where(m, f(x, y), x)``: the same bits, and nothing is selected.
"""

from __future__ import annotations

import numpy as np

from tracejit.dtypes import is_bool
from tracejit.ir.core import Function, Instr, Value, is_array, is_splat
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType
from tracejit.passes.rebuild import Rebuild, each_region

#: Elementwise work that may be done where the mask does not hold, to save selecting and scattering.
DENSE = 32


def masks(function: Function) -> Function:
    """One count for each mask; masked updates become choices."""
    function = each_region(function, masks)
    if not any(i.prim.finds_size for i in function.instrs):
        return function
    return _Masks(function).run()


class _Masks:
    def __init__(self, function: Function) -> None:
        self.re = Rebuild(function)
        self.counts: dict[Value, Value] = {}

    def run(self) -> Function:
        for instr in self.re.function.instrs:
            now = self.re.renamed(instr)
            if now.prim.finds_size:
                self._selection(instr, now)
                continue
            by = self._choice(now) if now.name == "scatter" else self._same(now)
            if by is not None and self.re.fits(instr.result, by):
                self.re.replace(instr.result, by)
            else:
                self.re.emit(instr, now)
        return self.re.finish()

    # -- sizes ---------------------------------------------------------------------------------

    def _selection(self, old: Instr, now: Instr) -> None:
        """Tell a selection its size when its mask has been counted."""
        place = _mask_place(now)
        root = self._root(now.operands[place])
        known = self.counts.get(root)
        if len(now.operands) > place + 1 or known is None:
            self.re.emit(old, now)
            self.counts.setdefault(root, self.re.value(old.results[0]))
            return
        made = self.re.b.append(now.prim, (*now.operands, known), now.attrs, (), now.loc)
        for before, after in zip(old.results, (known, *made.results[1:]), strict=True):
            self.re.replace(before, after)

    def _root(self, value: Value) -> Value:
        """The mask before it was reshaped."""
        instr = self.re.instr_of(value)
        while instr is not None and instr.has(Trait.SAME_ELEMENTS):
            value = instr.operands[0]
            instr = self.re.instr_of(value)
        return value

    def _same(self, now: Instr) -> Value | None:
        """What comparing or joining equal sizes comes to."""
        if not self.counts or len(now.results) != 1:
            return None
        if now.has(Trait.CHOOSES) and now.operands[1] is now.operands[2]:
            return now.operands[1]
        if now.has(Trait.REPEATS) and now.operands[0].type == now.result.type:
            return now.operands[0]
        if (
            now.name == "eq"
            and now.operands[0] is now.operands[1]
            and now.operands[0].type == INDEX
        ):
            return self.re.b.const(True, np.dtype(np.bool_))
        if now.name == "bitwise_or" and now.result.rank == 0 and is_bool(now.result.dtype):
            for v in now.operands:
                if self.re.literal(v) is not None and bool(self.re.literal(v)):
                    return v
        return None

    # -- updates -------------------------------------------------------------------------------

    def _choice(self, now: Instr) -> Value | None:
        """A scatter to where a mask holds, of what was selected by it, as a ``select``."""
        x, value, *index = now.operands
        found = self.re.made(index[0], "nonzero")
        if found is None or now.attrs["mode"] != "set":
            return None
        mask = found.operands[0]
        whole = now.attrs["axes"] == tuple(range(x.rank)) and mask.shape == x.shape
        if not whole or tuple(index) != found.results[1:]:
            return None
        dense = self._dense(value, mask, x)
        if dense is None:
            return None
        out = self.re.b.op("select", mask, dense, x)
        assert isinstance(out, Value)
        return out

    def _dense(self, value: Value, mask: Value, like: Value) -> Value | None:
        """``value``, computed from selections, at every position of the mask."""
        order = self._chain(value, self._root(mask))
        if order is None:
            return None
        made: dict[Value, Value] = {}
        for instr in order:
            if is_splat(instr):
                dense = self.re.b.broadcast(instr.operands[0], like.shape)
            elif instr.has(Trait.SELECTS):
                dense = self._unselected(instr.operands[0], like)
            else:
                operands = [made.get(v, v) for v in instr.operands]
                dense = self.re.b.op(instr.name, *operands, **instr.attrs)
            made[instr.results[-1]] = dense
        return made[value]

    def _chain(self, value: Value, root: Value) -> list[Instr] | None:
        """What computes ``value`` from selections by a mask, in order; None if it is more."""
        order: dict[Instr, None] = {}
        cost = 0
        pending = [(value, False)]
        while pending:
            v, ready = pending.pop()
            instr = self.re.instr_of(v)
            if instr is None or not is_array(v):
                return None
            if ready:
                order[instr] = None
            elif instr not in order and not (is_splat(instr) or self._selects(instr, root)):
                cost += instr.prim.cost
                if not instr.prim.elementwise or len(instr.results) > 1 or cost > DENSE:
                    return None
                pending += [(v, True), *((o, False) for o in instr.operands)]
            else:
                order[instr] = None
        return list(order)

    def _selects(self, instr: Instr, root: Value) -> bool:
        x = instr.operands[0] if instr.has(Trait.SELECTS) else None
        return x is not None and x.rank == 1 and self._root(instr.operands[1]) is root

    def _unselected(self, x: Value, like: Value) -> Value:
        """What was selected from, in the shape of the mask."""
        instr = self.re.made(x, "reshape")
        if instr is not None:
            before = instr.operands[0]
            if before.shape == like.shape:
                return before
        assert isinstance(like.type, TensorType)
        return x if x.shape == like.shape else self.re.b.reshape(x, like.shape)


def _mask_place(instr: Instr) -> int:
    return int(instr.has(Trait.SELECTS))
