"""Program -> Program for the CPU: loops that update a line of memory take several rows at once.

`for i: for j: s[j] += x[i, j]`, as a sum along the first axis or a convolution is, reads and writes
`s` once for each row. Here a step of the outer loop takes several rows, and an element is in a
register while they come (D. Callahan, S. Carr, K. Kennedy, "Improving register allocation for
subscripted variables", PLDI 1990). Each element is updated in the order of before, so the bits are
the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.accesses import linear
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, floordiv, leaves, product
from tracejit.ir.program import Program
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.regions import Loop, Scope
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.lower.host_bodies import Inside, Memory, rewrite_bodies
from tracejit.lower.parallel import Kernel
from tracejit.records import dataclass

#: Rows that a step takes, and the operations of one element up to which it takes as many.
_ROWS, _CHEAP = 4, 12
#: Where it is known that there are no more rows, one step takes all.
_ALL_ROWS = 9
#: Lines that are known to be shorter are in registers already.
_SHORT_LINE = 64


def unroll_and_jam(program: Program) -> Program:
    """The Program with such loops in its kernels rewritten."""
    return rewrite_bodies(program, _statements)


def _statements(function: Function, memory: Memory, inside: Inside) -> list[Instr]:
    return [_launch(i) if i.has(Trait.LAUNCHES) else inside(i) for i in function.instrs]


def _launch(launch: Instr) -> Instr:
    (function,) = launch.regions
    if not any(map(_may_be_nest, function.instrs)):
        return launch
    kernel = Kernel(function, launch.attrs.get("aliases", ()))
    found = {i: nest for i in function.instrs if (nest := _nest(kernel, i)) is not None}
    if not found:
        return launch
    body = function
    for first, nest in found.items():
        body = _rewritten(body, first, nest)
    return replace(launch, regions=(body,))


def _may_be_nest(instr: Instr) -> bool:
    return is_counted(instr) and bool(instr.regions[0].instrs) and _last_is_loop(instr)


def _last_is_loop(loop: Instr) -> bool:
    return is_counted(loop.regions[0].instrs[-1])


@dataclass(frozen=True)
class _Nest:
    """Loops, outermost first. Those behind `rows` touch other elements in each iteration; it
    updates the same ones in each: the leaf's `store` does, of what its `loads` have read."""

    loops: tuple[Instr, ...]
    rows: int
    store: Instr
    loads: frozenset[Instr]


def _nest(kernel: Kernel, first: Instr) -> _Nest | None:
    if not _may_be_nest(first):
        return None
    phase = kernel.phase((), (first,))
    loops, parallel = phase.loops, phase.parallel
    serial = [k for k in range(len(loops)) if k not in parallel]
    if (
        phase.role != "map"
        or phase.atomic is not None
        or not serial
        or serial[-1] == len(loops) - 1
    ):
        return None
    rows = serial[-1]
    trip, line = phase.trips[rows], product(tuple(phase.trips[rows + 1 :]))
    cost = sum(i.prim.cost for i in phase.leaf)
    short = _known_below(trip, 2) or _known_below(line, _SHORT_LINE)
    if short or cost > _CHEAP or any(i.regions for i in phase.leaf):
        return None
    target = _target(kernel, phase.leaf, loops, rows)
    return None if target is None else _Nest(loops, rows, *target)


def _known_below(dim: Dim, least: int) -> bool:
    return isinstance(dim, int) and dim < least


def _target(
    kernel: Kernel, leaf: Sequence[Instr], loops: Sequence[Instr], rows: int
) -> tuple[Instr, frozenset[Instr]] | None:
    """The one store, and what loads its element, if that is the same in all rows and moves along
    memory with the innermost loop."""
    found = kernel.accesses(leaf)
    stores = [a for a in found if a.stores]
    if len(stores) != 1 or leaf[-1] is not stores[0].instr:
        return None
    (store,) = stores
    along = linear(store.offset, [loops[-1].regions[0].params[0]])
    if along is None or along[0] != (store.size,):
        return None
    of_rows = loops[rows].regions[0]  # what is made there may be another value in each row
    made = {of_rows.params[0], *(v for i in walk(of_rows.instrs) for v in i.results)}
    if any(leaf in made for at in store.index for leaf in leaves(at)):
        return None
    loads = [a for a in found if not a.stores and a.root is store.root]
    if not loads or not all(a.same(store) for a in loads) or store.root in kernel.overlap:
        return None
    return store.instr, frozenset(a.instr for a in loads)


def _rewritten(function: Function, loop: Instr, nest: _Nest) -> Function:
    """A body with the loop of it that is of the nest rewritten."""
    depth = next((k for k, x in enumerate(nest.loops) if x is loop), 0)
    scope = Scope(function.name)
    scope.b.params = list(function.params)
    for instr in function.instrs:
        if instr is not loop:
            scope.b.instrs.append(instr)
        elif depth == nest.rows:
            _Rows(nest).emit(scope, loop)
        else:
            body = _rewritten(loop.regions[0], nest.loops[depth + 1], nest)
            scope.b.instrs.append(replace(loop, regions=(body,)))
    return scope.b.build(function.results)


class _Rows:
    """The loop over rows, written anew."""

    def __init__(self, nest: _Nest) -> None:
        self.nest = nest

    def emit(self, scope: Scope, loop: Instr) -> None:
        """Steps of several rows, then the rows that are left."""
        trip = loop.operands[0].dim
        at_once = trip if isinstance(trip, int) and trip <= _ALL_ROWS else _ROWS
        outside = RegionOp(loop).consts
        (body,) = loop.regions
        with scope.at(loop.loc):
            if not isinstance(trip, int):  # a count below 0 has no steps, and nothing is left
                trip = scope.op("maximum", scope.index(trip), scope.index(0)).dim
            steps = floordiv(trip, at_once)
            main = Loop(scope, steps)
            inner = main.inner
            rows = [
                _bound(body, inner.index(main.i.dim * at_once + r), outside, inner)
                for r in range(at_once)
            ]
            self._body(inner, body, rows, self.nest.rows + 1)
            main.close()
            if trip - steps * at_once == 0:
                return
            rest = Loop(scope, trip - steps * at_once)
            row = _bound(body, rest.inner.index(steps * at_once + rest.i.dim), outside, rest.inner)
            for instr in body.instrs:
                _cloned(rest.inner, instr, row)
            rest.close()

    def _body(
        self, scope: Scope, body: Function, rows: list[dict[Value, Value]], depth: int
    ) -> None:
        """What each row does at this depth, then the loop inside of it, once for all of them."""
        if depth == len(self.nest.loops):
            self._leaf(scope, body, rows)
            return
        *pure, loop = body.instrs
        for row in rows:
            for instr in pure:
                _cloned(scope, instr, row)
        new = Loop(scope, rows[0].get(loop.operands[0], loop.operands[0]).dim)
        (inside,) = loop.regions
        outside = RegionOp(loop).consts
        mapped = [
            _bound(inside, new.i, [row.get(v, v) for v in outside], new.inner) for row in rows
        ]
        self._body(new.inner, inside, mapped, depth + 1)
        new.close()

    def _leaf(self, scope: Scope, leaf: Function, rows: list[dict[Value, Value]]) -> None:
        *instrs, store = leaf.instrs
        value = None
        for row in rows:
            for instr in instrs:
                if value is not None and instr in self.nest.loads:
                    row[instr.result] = value
                else:
                    _cloned(scope, instr, row)
            value = row.get(store.operands[1], store.operands[1])
        _cloned(scope, store, rows[-1])


def _bound(body: Function, i: Value, outside: Sequence[Value], scope: Scope) -> dict[Value, Value]:
    """The parameters of a loop's body, as values of the new one."""
    return dict(zip(body.params, [i, *map(scope.use, outside)], strict=True))


def _cloned(scope: Scope, instr: Instr, mapping: dict[Value, Value]) -> None:
    for value in scope.b.clone(instr, mapping).results:
        scope.own(value)
