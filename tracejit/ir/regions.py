"""Closing regions: what a body uses of the bodies around it becomes parameters and operands.

A body that is there already is asked for its ``outer_values``. One that is being written captures
them one by one, on every level in between: ``Scope.use`` does that, and nothing else in the
lowering thinks about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Constant, Function, Instr, Loc, Primitive, Value, type_uses, uses
from tracejit.ir.extent import Dim, Extent, leaves, subst
from tracejit.ir.types import INDEX, BufferType
from tracejit.records import dataclass


def outer_values(
    instrs: Sequence[Instr], results: Iterable[Value] = (), params: Sequence[Value] = ()
) -> list[Value]:
    """What a body of these parts uses and does not make, in order; without the extents of these
    values themselves (see ``with_extents``)."""
    found = dict.fromkeys(u for p in params for u in type_uses(p.type))
    for instr in instrs:
        found.update(dict.fromkeys(uses(instr)))
    for result in results:
        found.update(dict.fromkeys([*type_uses(result.type), result]))
    made = {*params, *(r for i in instrs for r in i.results)}
    return [v for v in found if v not in made]


def with_extents(values: Iterable[Value]) -> list[Value]:
    """Values, then those that their types mention, each once."""
    values = list(values)
    return list(dict.fromkeys([*values, *(u for v in values for u in type_uses(v.type))]))


def needed(
    instrs: Sequence[Instr],
    wanted: Iterable[Value],
    always: Callable[[Instr], bool] = lambda _: False,
) -> list[Instr]:
    """The instructions that values are made of, or those that are wanted ``always``."""
    values, found = set(with_extents(wanted)), []
    for instr in reversed(instrs):
        if always(instr) or not values.isdisjoint(instr.results):
            found.append(instr)
            values.update(uses(instr))
    return found[::-1]


@dataclass
class Place:
    """The user's line that is being lowered."""

    loc: Loc | None = None


class PlacedBuilder(Builder):
    """A builder of which instructions without a line get that of ``place``."""

    def __init__(self, name: str, place: Place) -> None:
        super().__init__(name)
        self.place: Place = place

    def append(
        self,
        prim: str | Primitive,
        operands: Sequence[Value],
        attrs: Mapping[str, Any],
        regions: tuple[Function, ...] = (),
        loc: Loc | None = None,
        hint: str = "",
    ) -> Instr:
        return super().append(prim, operands, attrs, regions, loc or self.place.loc, hint)


class Scope:
    """A function body under construction, inside ``parent`` (None: outermost)."""

    def __init__(self, name: str, parent: Scope | None = None) -> None:
        self.place: Place = Place() if parent is None else parent.place
        self.b: Builder = PlacedBuilder(name, self.place)
        self.parent = parent
        self.local: dict[Value, Value] = {}
        self.captured: list[Value] = []
        self.memo: dict[Any, Any] = {}
        self.literals: dict[Value, Constant] = parent.literals if parent else {}

    def literal(self, constant: Constant) -> Value:
        """A constant scalar of this body; bodies inside have it as a constant of their own."""
        value = self.own(self.b.const(constant.array))
        self.literals[value] = constant
        return value

    def use(self, value: Value) -> Value:
        """``value`` as seen in this body, captured from outside when it is not made here."""
        found = self.local.get(value)
        if found is None:
            if self.parent is None:
                return value
            if isinstance(value.expr, int):
                return self.own(self.b.const(value.expr, "i64"))
            if value in self.literals:
                found = self.own(self.b.const(self.literals[value].array))
                self.local[value] = found
                return found
            for needed in type_uses(value.type):
                self.use(needed)
            found = self.b.param(rename_type(value.type, self.local), value.hint)
            self.local[value] = self.local[found] = found
            self.captured.append(value)
        return found

    def own(self, value: Value) -> Value:
        """Declare that ``value`` was made in this body."""
        self.local[value] = value
        return value

    def dim(self, dim: Dim) -> Dim:
        """An extent over outer values, rewritten over this body's values."""
        if not isinstance(dim, Extent) or self.parent is None:
            return dim
        return subst(dim, {v: self.use(v).dim for v in leaves(dim) if isinstance(v, Value)})

    def index(self, dim: Dim) -> Value:
        """The i64 value of an extent over values of this body or of bodies around it."""
        before = len(self.b.instrs)
        found = self.own(self.b.index(self.dim(dim)))
        for instr in self.b.instrs[before:]:  # extents made of the result mention the steps to it
            for value in instr.results:
                self.own(value)
        return found

    def op(self, name: str, *operands: Value, **attrs: Any) -> Any:
        """Emit an instruction on captured operands; results belong to this body."""
        out = self.b.op(name, *[self.use(v) for v in operands], **attrs)
        for value in out if isinstance(out, tuple) else (out,):
            self.own(value)
        return out

    @contextmanager
    def at(self, loc: Loc | None) -> Iterator[None]:
        """Inside, what is emitted stands for this line; without one, for the line as it is."""
        before = self.place.loc
        self.place.loc = loc or before
        try:
            yield
        finally:
            self.place.loc = before

    def child(self, name: str) -> Scope:
        """A region of an instruction that will be emitted here."""
        return Scope(name, self)

    def outer_operands(self) -> list[Value]:
        """The captured values as seen in the parent: the trailing operands of the region."""
        assert self.parent is not None
        return [self.parent.use(v) for v in self.captured]


class Loop:
    """A ``for`` being filled: ``inner`` is the body, ``i`` the iteration number."""

    def __init__(self, outer: Scope, trip: Dim, inits: Sequence[Value] = ()) -> None:
        self.outer = outer
        self.trip = outer.index(trip)
        self.inits = [outer.use(v) for v in inits]
        self.inner = outer.child("body")
        self.i = self.inner.own(self.inner.b.param(INDEX, "i"))
        self.carried = [self.inner.own(self.inner.b.param(v.type)) for v in self.inits]

    def close(self, results: Sequence[Value] = ()) -> list[Value]:
        """Emit the loop; the final carried values."""
        body = self.inner.b.build([self.inner.use(r) for r in results])
        operands = [self.trip, *self.inits, *self.inner.outer_operands()]
        out = self.outer.b.append("for", operands, {"carried": len(self.inits)}, (body,))
        return [self.outer.own(r) for r in out.results]


class TrueLoop:
    """A ``for_true`` being filled: ``mask`` gives the bool, ``inner`` is the body; both have ``i``
    of their own (``mask_i``, ``i``)."""

    def __init__(self, outer: Scope, trip: Dim, inits: Sequence[Value] = ()) -> None:
        self.outer = outer
        self.trip = outer.index(trip)
        self.inits = [outer.use(v) for v in inits]
        self.mask, self.inner = outer.child("mask"), outer.child("body")
        self.mask_i = self.mask.own(self.mask.b.param(INDEX, "i"))
        self.i = self.inner.own(self.inner.b.param(INDEX, "i"))
        self.carried = [self.inner.own(self.inner.b.param(v.type)) for v in self.inits]

    def close(self, holds: Value, results: Sequence[Value] = ()) -> list[Value]:
        """Emit the loop; the final carried values."""
        found, yielded = self.mask.use(holds), [self.inner.use(r) for r in results]
        captured = unify((1, 1 + len(self.inits)), (self.mask, self.inner))
        mask, body = self.mask.b.build([found]), self.inner.b.build(yielded)
        operands = [self.trip, *self.inits, *[self.outer.use(v) for v in captured]]
        attrs = {"carried": len(self.inits)}
        out = self.outer.b.append("for_true", operands, attrs, (mask, body))
        return [self.outer.own(r) for r in out.results]


class WhileLoop:
    """A ``while`` being filled: ``test`` and ``inner`` both have what is carried, of their own."""

    def __init__(self, outer: Scope, inits: Sequence[Value]) -> None:
        self.outer = outer
        self.inits = [outer.use(v) for v in inits]
        self.test, self.inner = outer.child("test"), outer.child("body")
        self.tested, self.carried = (
            [scope.own(scope.b.param(v.type)) for v in self.inits]
            for scope in (self.test, self.inner)
        )

    def close(self, holds: Value, results: Sequence[Value]) -> list[Value]:
        """Emit the loop; the final carried values."""
        found, yielded = self.test.use(holds), [self.inner.use(r) for r in results]
        count = len(self.inits)
        captured = unify((count, count), (self.test, self.inner))
        test, body = self.test.b.build([found]), self.inner.b.build(yielded)
        operands = [*self.inits, *[self.outer.use(v) for v in captured]]
        out = self.outer.b.append("while", operands, {"carried": count}, (test, body))
        return [self.outer.own(r) for r in out.results]


def launch(
    outer: Scope,
    kernel: Scope,
    results: Sequence[Value] = (),
    share: Callable[[Value], object] = id,
) -> list[Value]:
    """Emit a kernel built in ``kernel``; its scalar results.

    ``share(buffer)`` tells buffers that may overlap by an equal key; their operand positions go
    into the ``aliases`` attribute, all other buffers being distinct memory.
    """
    body = kernel.b.build([kernel.use(r) for r in results])
    groups: dict[object, list[int]] = {}
    for position, v in enumerate(kernel.captured):
        if isinstance(v.type, BufferType):
            groups.setdefault(share(v), []).append(position)
    aliases = tuple(tuple(g) for g in groups.values() if len(g) > 1)
    attrs = {"aliases": aliases} if aliases else {}
    out = outer.b.append("launch", kernel.outer_operands(), attrs, (body,))
    return [outer.own(r) for r in out.results]


def unify(own: Sequence[int], sides: Sequence[Scope]) -> list[Value]:
    """Give several regions of one instruction the same captured parameters, in one order.

    ``own``: the number of parameters that each side has besides.
    """
    captured = list(dict.fromkeys(v for side in sides for v in side.captured))
    for first, side in zip(own, sides, strict=True):
        for v in captured:
            side.use(v)
        side.b.params[first:] = [side.local[v] for v in captured]
        side.captured = list(captured)
    return captured
