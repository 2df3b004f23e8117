"""Bodies and loops of a kernel that more code joins, each instruction of which is cloned once.

The body of a loop that others join grows in place: joining costs the loop that comes, not what is
there already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property

from tracejit.ir.accesses import Touches, accesses, extend, independent, touched_by
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.types import INDEX
from tracejit.lower.running import runs
from tracejit.records import dataclass


@dataclass
class Growth:
    """What all bodies of one kernel share: the memory of each buffer, how many loops joined, and
    whether threads of a GPU share the loops."""

    roots: dict[Value, Value] = field(default_factory=dict)
    joins: int = 0
    gpu: bool = False


class FusedBody:
    """Instructions to which more are added; a loop joins the one before it where it may."""

    def __init__(self, name: str, growth: Growth) -> None:
        self.builder = Builder(name)
        self.growth = growth
        #: The parameters that stand for values outside, in order.
        self.outer: dict[Value, Value] = {}
        self._extents: dict[Value, Value] = {}
        #: Where the loops are. What stands there is the first loop of each, until ``build``.
        self.loops: list[tuple[int, FusibleLoop]] = []

    def take(self, values: Sequence[Value], roots: Mapping[Value, Value]) -> list[Value]:
        """Parameters for outside values, extents among them rebound; those that are new."""
        new = [v for v in dict.fromkeys(values) if v not in self.outer]
        self._extents |= {v: Value(v.type, v.hint) for v in new if v.type == INDEX}
        for v in new:
            param = self._extents.get(v) or Value(rename_type(v.type, self._extents), v.hint)
            self.outer[v] = param
            self.growth.roots[param] = roots.get(v, v)
        return new

    def forget(self, values: Sequence[Value]) -> None:
        """Give back parameters that nothing uses."""
        for v in values:
            del self.outer[v]
            self._extents.pop(v, None)

    def add(self, function: Function, args: Sequence[Value]) -> tuple[Value, ...]:
        """Append a body with its parameters bound to ``args``; its results."""
        mapping = dict(zip(function.params, args, strict=True))
        first = len(self.loops)
        for instr in function.instrs:
            new = self.builder.clone(instr, mapping)
            if is_counted(new):
                self._add_loop(FusibleLoop(new, self.growth))
        for _, loop in self.loops[first:]:
            loop.join_inside()
        return tuple(mapping[r] for r in function.results)

    def _add_loop(self, loop: FusibleLoop) -> None:
        """The instruction just appended is ``loop``: joined, the one before runs here instead."""
        instrs = self.builder.instrs
        at = len(instrs) - 1
        if self.loops:
            k, before = self.loops[-1]
            if before.may_take(instrs[k + 1 : at], loop):
                before.join(loop)
                del instrs[k]
                self.loops[-1] = (at - 1, before)
                return
        self.loops.append((at, loop))

    def would_join(self, function: Function, args: Sequence[Value]) -> bool:
        """Whether any loop would join the one before it if the function were added."""
        mapping = dict(zip(function.params, args, strict=True))
        scratch = Builder()
        before = None
        between: list[Instr] = []
        if self.loops:
            k, before = self.loops[-1]
            between = self.builder.instrs[k + 1 :]
        for instr in function.instrs:
            new = scratch.clone(instr, mapping)
            if not is_counted(new):
                between.append(new)
                continue
            loop = FusibleLoop(new, self.growth)
            if before is not None and before.may_take(between, loop):
                return True
            before, between = loop, []
        return False

    def build(self, own: Sequence[Value], results: Sequence[Value]) -> Function:
        """The function of parameters ``own``, then those for outside values."""
        for at, loop in self.loops:
            self.builder.instrs[at] = loop.build()
        self.builder.params = [*own, *self.outer.values()]
        return self.builder.build(results)


class FusibleLoop:
    """A ``for`` instruction that others may join."""

    def __init__(self, instr: Instr, growth: Growth) -> None:
        self.first = instr
        self.growth = growth
        self.trip = instr.operands[0]
        self.made = dict.fromkeys(instr.results)
        self.body: FusedBody | None = None
        self.joined = False
        self.i = Value(INDEX, "i")
        self.starts: list[Value] = []
        self.carried: list[Value] = []
        self.yielded: list[Value] = []

    @cached_property
    def touched(self) -> Touches:
        """What the loop, with all that joined, touches."""
        (body,) = self.first.regions
        found = accesses([self.first]).values()
        return touched_by(found, body.params[0], self.growth.roots)

    def may_take(self, between: Sequence[Instr], other: FusibleLoop) -> bool:
        """Whether ``other``, which comes after ``between``, may join."""
        if not _same_trip(self.trip, other.trip):
            return False
        # Threads share the one, but not what is done with its totals.
        if self.growth.gpu and (runs(self.first) or runs(other.first)):
            return False
        for instr in between:
            if instr.prim.effect != "none" or instr.regions or self._feeds(instr):
                return False
        return not self._feeds(other.first) and independent(self.touched, other.touched)

    def _feeds(self, instr: Instr) -> bool:
        return bool(self.made) and any(v in self.made for v in uses(instr))

    def join(self, other: FusibleLoop) -> None:
        """Run the body of ``other`` after this one, its carried values after those of this."""
        extend(self.touched, other.touched)
        body = self._opened()
        body.builder.name = "body"
        self.joined = True
        self.growth.joins += 1
        self.made |= other.made
        self._enter(body, other.first)

    def join_inside(self) -> None:
        """Join loops in the body, too."""
        if self.body is None and _loops_meet(self.first.regions[0]):
            self._opened()

    def _opened(self) -> FusedBody:
        if self.body is None:
            self.body = FusedBody(self.first.regions[0].name, self.growth)
            self._enter(self.body, self.first)
        return self.body

    def _enter(self, body: FusedBody, loop: Instr) -> None:
        op, (region,) = RegionOp(loop), loop.regions
        _, starts, consts = op.split(loop.operands)
        own = [Value(p.type) for p in op.carried_in(region)]
        roots = self.growth.roots
        roots.update({p: roots.get(v, v) for p, v in zip(own, starts, strict=True)})
        body.take(consts, roots)
        self.starts += starts
        self.carried += own
        self.yielded += body.add(region, [self.i, *own, *(body.outer[v] for v in consts)])

    def build(self) -> Instr:
        """The instruction."""
        if self.body is None:
            return self.first
        first = self.first
        region = self.body.build([self.i, *self.carried], self.yielded)
        attrs = {"carried": len(self.carried)} if self.joined else first.attrs
        operands = (self.trip, *self.starts, *self.body.outer)
        return Instr(first.prim, operands, attrs, (region,), tuple(self.made), first.loc)


def _same_trip(a: Value, b: Value) -> bool:
    return a is b or (a.expr is not None and a.expr == b.expr)


def _loops_meet(function: Function) -> bool:
    """Whether any body in the function, or its own, has more than one loop."""
    loops = [instr for instr in function.instrs if is_counted(instr)]
    return len(loops) > 1 or any(_loops_meet(loop.regions[0]) for loop in loops)
