"""Loop nests over the positions where a mask holds: counting, selecting, reducing what is selected.

A selection that only reductions of its whole read (``x[m].mean()``) gets no memory: its elements
are taken where the reduction wants them. Sums keep NumPy's order over the selected elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tracejit.dtypes import accumulated_in, is_complex, sums_in_pairs
from tracejit.ir.core import Instr, Value, is_array, is_splat
from tracejit.ir.extent import Dim, product
from tracejit.ir.regions import Loop, Scope, TrueLoop, unify
from tracejit.ir.traits import Trait
from tracejit.ir.types import DTYPES, INDEX
from tracejit.lower import loop_nests
from tracejit.lower.element import Index, Puller, delinearize
from tracejit.lower.fusion import CHEAP, Inlining, each_once

if TYPE_CHECKING:
    from tracejit.lower.body import Body

#: Masks whose last axis is known to be shorter are walked as one line.
_SHORT = 64
Write = Callable[[Value, Index, Scope], None]


class _Lines:
    """The loops around the last axis of a mask, with values carried through them."""

    def __init__(self, p: Puller, kernel: Scope, mask: Value, inits: Sequence[Value]) -> None:
        shape = p.shape(mask)
        last = shape[-1]
        flat = len(shape) == 1 or (isinstance(last, int) and last < _SHORT)
        self.p, self.shape, self.flat = p, shape, flat
        self.extent: Dim = product(shape) if flat else last
        self.loops: list[Loop] = []
        self.scope, self.carried = kernel, list(inits)
        for extent in () if flat else shape[:-1]:
            loop = Loop(self.scope, extent, self.carried)
            p.bounds.upper[loop.i] = extent
            self.loops.append(loop)
            self.scope, self.carried = loop.inner, loop.carried

    def at(self, i: Value) -> Index:
        """The mask's index at position ``i`` of the line."""
        self.p.bounds.upper[i] = self.extent
        if self.flat:
            return delinearize(i.dim, self.shape, self.p.bounds)
        return (*[loop.i.dim for loop in self.loops], i.dim)

    def close(self, results: list[Value]) -> list[Value]:
        """Emit the loops, innermost first."""
        for loop in reversed(self.loops):
            results = loop.close(results)
        return results


def count_true(p: Puller, kernel: Scope, mask: Value) -> Value:
    """Number of true elements."""
    lines = _Lines(p, kernel, mask, [kernel.index(0)])
    loop = Loop(lines.scope, lines.extent, lines.carried)
    holds = p.pull(mask, lines.at(loop.i), loop.inner)
    one = loop.inner.op("convert", holds, dtype=DTYPES["i64"])
    return lines.close(loop.close([loop.inner.op("add", loop.carried[0], one)]))[0]


def fill_true(p: Puller, kernel: Scope, mask: Value, write: Write) -> None:
    """``write(k, idx, scope)`` for the k-th true element of the mask, in C order."""
    lines = _Lines(p, kernel, mask, [kernel.index(0)])
    loop = TrueLoop(lines.scope, lines.extent, lines.carried)
    holds = p.pull(mask, lines.at(loop.mask_i), loop.mask)
    (k,) = loop.carried
    write(k, lines.at(loop.i), loop.inner)
    lines.close(loop.close(holds, [loop.inner.op("add", k, loop.inner.index(1))]))


def fill_selection(body: Body, instr: Instr) -> None:
    """Store what a ``compress`` selects."""
    x, mask = instr.operands[:2]
    axis = instr.attrs["axis"]
    shape = body.type(x).shape

    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        def write(k: Value, idx: Index, s: Scope) -> None:
            rest = loop_nests.Nest(p, s, [d for a, d in enumerate(shape) if a != axis])
            at = (*rest.idx[:axis], idx[0], *rest.idx[axis:])
            to = (*rest.idx[:axis], k.dim, *rest.idx[axis:])
            loop_nests.store(rest.scope, dest, p.pull(x, at, rest.scope), to)
            rest.close()

        fill_true(p, kernel, mask, write)

    body.compute(instr.results[1], build, reuse=False)


# -- reductions of selections ------------------------------------------------------------------


def selections(inlining: Inlining, value: Value) -> list[Instr]:
    """The selections without memory that ``value`` is computed from."""

    def below(v: Value) -> Sequence[Value]:
        made = inlining.defs[v] if v in inlining.inlined else None
        return made.operands if made is not None and not made.has(Trait.SELECTS) else ()

    inside = [inlining.defs[v] for v in each_once(value, below) if v in inlining.inlined]
    return list(dict.fromkeys(instr for instr in inside if instr.has(Trait.SELECTS)))


def common_mask(inlining: Inlining, value: Value) -> Value | None:
    """The one mask of all selections that ``value`` is computed from, element by element.

    None where anything else but repeated scalars is read.
    """

    def below(v: Value) -> Sequence[Value]:
        made = inlining.defs[v] if v in inlining.inlined else None
        if made is None or is_splat(made) or not made.prim.elementwise:
            return ()
        return made.operands

    masks: set[Value] = set()
    for v in each_once(value, below):
        instr = inlining.defs.get(v)
        if not is_array(v) or (instr is not None and is_splat(instr)):
            continue
        if instr is None or v not in inlining.inlined:
            return None
        if instr.has(Trait.SELECTS):
            masks.add(instr.operands[1])
        elif not instr.prim.elementwise:
            return None
    return masks.pop() if len(masks) == 1 else None


def reduce_selected(
    p: Puller, kernel: Scope, instr: Instr, mask: Value, count: Value, cost: int
) -> Value:
    """A reduction over the elements that a mask selects, without storing them."""
    found = _selected(p, kernel, instr, mask, count, cost)
    return loop_nests.converted(kernel, found, instr.result.dtype)


def _selected(
    p: Puller, kernel: Scope, instr: Instr, mask: Value, count: Value, cost: int
) -> Value:
    """The same in the format of the accumulator."""
    (x,) = instr.operands
    combine = loop_nests.combining(instr.name)
    if combine == "add" and sums_in_pairs(x.dtype):
        return _sum(p, kernel, x, mask, count)
    exact = not is_complex(x.dtype) or combine != "mul"
    if cost > CHEAP or not exact:
        return _fold(p, kernel, instr, mask)
    neutral = loop_nests.identity(instr.name, x.dtype)

    def element(i: Dim, body: Scope) -> Value:
        other = body.own(body.b.const(neutral, x.dtype))
        out = body.op("select", p.pull(mask, (i,), body), p.pull(x, (i,), body), other)
        assert isinstance(out, Value)
        return out

    return loop_nests.fold_line(p, kernel, p.shape(mask)[0], instr, element)


def _sum(p: Puller, scope: Scope, x: Value, mask: Value, count: Value) -> Value:
    (n,) = p.shape(mask)
    sides = (scope.child("mask"), scope.child("element"))
    found = []
    for value, side in zip((mask, x), sides, strict=True):
        i = side.own(side.b.param(INDEX, "i"))
        p.bounds.upper[i] = n
        pulled = p.pull(value, (i.dim,), side)
        pulled = loop_nests.converted(side, pulled, accumulated_in(pulled.dtype))
        found.append(side.use(pulled))
    captured = unify((1, 1), sides)
    regions = tuple(side.b.build([r]) for side, r in zip(sides, found, strict=True))
    operands = [scope.use(count), scope.index(n), *[scope.use(v) for v in captured]]
    out = scope.b.append("sum_true", operands, {}, regions)
    return scope.own(out.results[0])


def _fold(p: Puller, scope: Scope, instr: Instr, mask: Value) -> Value:
    """Only selected elements are computed, one after another."""
    (x,) = instr.operands
    (n,) = p.shape(mask)
    wide = loop_nests.accumulator(loop_nests.combining(instr.name), x.dtype)
    start = scope.own(scope.b.const(loop_nests.identity(instr.name, wide), wide))
    loop = TrueLoop(scope, n, [start])
    p.bounds.upper[loop.mask_i] = p.bounds.upper[loop.i] = n
    holds = p.pull(mask, (loop.mask_i.dim,), loop.mask)
    value = loop_nests.converted(loop.inner, p.pull(x, (loop.i.dim,), loop.inner), wide)
    return loop.close(holds, [loop_nests.combine(loop.inner, instr.name, loop.carried[0], value)])[
        0
    ]


def element_cost(inlining: Inlining, value: Value) -> int:
    """Scalar operations of one selected element, masks aside."""

    def below(v: Value) -> Sequence[Value]:
        if v not in inlining.inlined:
            return ()
        made = inlining.defs[v]
        return made.operands[:1] if made.has(Trait.SELECTS) else made.operands

    made = [inlining.defs[v] for v in each_once(value, below) if v in inlining.inlined]
    return sum(instr.prim.cost for instr in made if not instr.has(Trait.SELECTS))
