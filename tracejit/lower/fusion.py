"""Which tensors are computed where they are used, and which get memory: the fusion cost model.

Pure elementwise and index-map values can be computed at each use. Going backwards, each value
collects its *readers*: (root, path) pairs, where a root is an instruction that gets a kernel and
the path is the chain of index maps between. One reader costs nothing; more readers recompute, which
is right only while that is cheaper than the traffic it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.core import TABLE, Function, Instr, Value, is_array, is_reshape, is_splat
from tracejit.ir.extent import Dim, product
from tracejit.ir.traits import Trait

#: Recomputing this much at each further reader costs less than a store and the loads it saves.
CHEAP = 4
#: A kernel stays under about this many scalar operations, also when kernels are merged: beyond it
#: compile time grows faster than the kernel, and LLVM gives up vectorising.
KERNEL_LIMIT = 300

#: A selection that is reduced more often than this is stored.
_PASSES = 3

CAST_SHAPE = TABLE["cast_shape"]

Reader = tuple[Instr | None, tuple[Instr, ...]]


def each_once(value: Value, below: Callable[[Value], Iterable[Value]]) -> Iterator[Value]:
    """``value`` and what ``below`` leads to from there, each once, however often it is used: an
    expression that doubles its parts has as many paths as powers of two."""
    seen: set[Value] = set()
    stack = [value]
    while stack:
        v = stack.pop()
        if v not in seen:
            seen.add(v)
            yield v
            stack.extend(below(v))


def can_inline(instr: Instr) -> bool:
    """Whether a tensor result can be computed element by element at its uses.

    What a `cast_shape` checks is checked where it stands all the same.
    """
    if not instr.results:
        return False
    if instr.prim is CAST_SHAPE:
        return True
    maps = instr.prim.maps_index and instr.prim.effect == "none" and not instr.has(Trait.KEPT)
    return instr.prim.elementwise or maps or instr.has(Trait.COUNTS)


class Inlining:
    """The decision for one function body (its regions decide for themselves)."""

    def __init__(self, function: Function, forced: frozenset[Value]) -> None:
        self.function = function
        self.forced = forced
        self.defs = {r: i for i in function.instrs for r in i.results}
        self.inlined: set[Value] = set()
        self._readers: dict[Value, set[Reader]] = {}
        self._size: dict[Instr, int] = {}
        self._decide()
        self._bound_kernels()

    def leaves(self, value: Value) -> Iterator[Value]:
        """The stored arrays that computing ``value`` reads."""
        for v in each_once(value, self._computed_from):
            if is_array(v) and v not in self.inlined:
                yield v

    def _computed_from(self, value: Value) -> Sequence[Value]:
        return self.defs[value].operands if value in self.inlined else ()

    def leaves_below(self, value: Value) -> Iterator[Value]:
        """The stored arrays that the instruction making ``value`` reads."""
        instr = self.defs.get(value)
        for v in instr.operands if instr is not None else ():
            yield from self.leaves(v)

    def reads(self, instr: Instr) -> set[Value]:
        """The stored arrays that an instruction with a kernel reads."""
        return {leaf for v in instr.operands for leaf in self.leaves(v)}

    def _decide(self) -> None:
        for result in self.function.results:
            self._readers.setdefault(result, set()).add((None, ()))
        for instr in reversed(self.function.instrs):
            readers = self._instr_readers(instr)
            for v in instr.operands:
                if is_array(v):
                    self._readers.setdefault(v, set()).update(readers)
            if instr.prim.finds_size and is_array(instr.operands[-1]):
                # The mask is read once more, to be counted.
                self._readers[instr.operands[-1]].add((instr, (instr,)))

    def _instr_readers(self, instr: Instr) -> set[Reader]:
        """Who evaluates this instruction's operands, having decided whether it is inlined."""
        arrays = [r for r in instr.results if is_array(r)]
        if instr.has(Trait.SELECTS) and self._reduced_at_once(instr):
            self.inlined.update(arrays)
            return {(root, (instr,)) for root, _ in self._readers[arrays[0]]}
        if not arrays or not can_inline(instr):
            return {(instr, ())}
        readers = set().union(*(self._readers.get(r, set()) for r in arrays))
        if not self._worth_inlining(instr, arrays, readers):
            return {(instr, ())}
        self.inlined.update(arrays)
        if instr.prim.elementwise:
            return readers
        return {(root, (*path, instr)) for root, path in readers}

    def _reduced_at_once(self, instr: Instr) -> bool:
        """Whether all that reads a selection are a few reductions of all its elements."""
        result = instr.results[1]
        readers = self._readers.get(result, set())
        if result.rank != 1 or result in self.forced or not 0 < len(readers) <= _PASSES:
            return False
        return all(root is not None and not path and _reduces_line(root) for root, path in readers)

    def _worth_inlining(self, instr: Instr, arrays: list[Value], readers: set[Reader]) -> bool:
        if any(r in self.forced for r in arrays) or any(root is None for root, _ in readers):
            return False
        if any(root.regions or not _pulls(root) for root, _ in readers if root is not None):
            return False
        if instr.has(Trait.COUNTS) or is_splat(instr):
            return True
        cost = self._chain_cost(instr)
        if cost * (len(readers) - 1) > CHEAP:
            return False
        grows = any(self._grows(step) for _, path in readers for step in path)
        return not grows or cost <= CHEAP

    def _chain_cost(self, instr: Instr, depth: int = 6) -> int:
        """Cost of one element, looking up through what may also be inlined."""
        total = instr.prim.cost
        if depth and total < KERNEL_LIMIT:
            for v in instr.operands:
                above = self.defs.get(v)
                if above is not None and is_array(v) and can_inline(above):
                    total += self._chain_cost(above, depth - 1)
        return total

    def _grows(self, step: Instr) -> bool:
        if not step.has(Trait.REPEATS):
            return step.has(Trait.PICKS)
        before, after = product(step.operands[0].shape), product(step.results[0].shape)
        return before != after

    def _bound_kernels(self) -> None:
        """Give memory to values whose expression would make a kernel too large. What is used
        twice in an expression is computed once."""
        parts: dict[Value, frozenset[Instr | Value]] = {}
        for instr in self.function.instrs:
            whole = frozenset([instr]).union(
                *(parts.get(v, {v}) for v in instr.operands if is_array(v))
            )
            size = sum(1 if isinstance(part, Value) else part.prim.cost for part in whole)
            for r in instr.results:
                if r in self.inlined and size > KERNEL_LIMIT:
                    self.inlined.discard(r)
                if r in self.inlined:
                    parts[r] = whole


def _pulls(root: Instr) -> bool:
    """Whether a root's kernel evaluates operands element by element (others need buffers)."""
    return (root.prim.computes and not root.prim.contracts) or root.prim.finds_size


def _reduces_line(root: Instr) -> bool:
    """Whether a root is a reduction of a line that can visit a mask's true positions itself."""
    folds = root.prim.reduces and not root.has(Trait.FINDS_PLACE)
    return folds and root.operands[0].rank == 1


def line_of(inlining: Inlining, value: Value) -> Value:
    """What has the elements of ``value`` in the same order, and is computed where ``value`` is: a
    line, or a tensor of which ``value`` merges axes; otherwise itself."""
    instr = inlining.defs.get(value)
    if instr is None or not is_reshape(instr) or instr.operands[0] not in inlining.inlined:
        return value
    (x,) = instr.operands
    return x if x.rank == 1 or len(_long_axes(x)) > len(_long_axes(value)) else value


def _long_axes(value: Value) -> tuple[Dim, ...]:
    return tuple(n for n in value.shape if n != 1)


def unflattened_shape(
    inlining: Inlining, value: Value, dim: Callable[[Dim], Dim]
) -> tuple[Dim, ...]:
    """The axes of what a line (see ``line_of``) is computed from, when it is all of a tensor in
    another order.

    Loops over those axes need no division to find the element. Empty where there is no such tensor.
    """
    if value.rank > 1:
        return tuple(map(dim, value.shape))

    def below(v: Value) -> Sequence[Value]:
        inside = is_array(v) and (v is value or v in inlining.inlined)
        instr = inlining.defs.get(v) if inside else None
        return instr.operands if instr is not None and instr.prim.elementwise else ()

    for v in each_once(value, below) if value.rank == 1 else ():
        instr = inlining.defs.get(v)
        if instr is None or (v is not value and v not in inlining.inlined):
            continue
        if is_reshape(instr) and instr.operands[0] in inlining.inlined:
            axes = tuple(n for n in map(dim, instr.operands[0].shape) if n != 1)
            if len(axes) > 1:
                return axes
    return ()
