"""Closing regions: a body traced with outer values in it becomes a function that takes them.

Integer arithmetic and literals of outer frames are made again inside instead of being passed, so
that types keep their atoms and constants stay visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tracejit.ir.core import Function, Value, type_uses
from tracejit.ir.extent import Dim, ResultRef, leaves, subst
from tracejit.ir.regions import outer_values
from tracejit.ir.types import INDEX, TensorType, subst_type
from tracejit.records import dataclass
from tracejit.trace.session.frames import TraceBuilder
from tracejit.trace.session.session import Session, current


class Free:
    """Outer values that some bodies use, in an order in which extents come first."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.values: list[Value] = []
        self.seen: set[Value] = set()
        self.alias: dict[Value, Value] = {}

    def scan(self, builder: TraceBuilder, results: Iterable[Value]) -> None:
        """Collect what ``builder``'s instructions and ``results`` use but do not define."""
        self._add(outer_values(builder.instrs, results, builder.params))

    def _add(self, values: Iterable[Value]) -> None:
        for value in values:
            value = self.alias.get(value, value)
            if value in self.seen:
                continue
            self.seen.add(value)
            if self.remade(value):
                if value.expr is not None:
                    self._add(_value_leaves(value.expr))
                continue
            self._add(type_uses(value.type))
            self.values.append(value)

    def remade(self, value: Value) -> bool:
        """Whether a value is made again inside instead of being passed."""
        return value.expr is not None or value in self.session.literals

    def remake(self, b: TraceBuilder, value: Value, mapping: dict[Value, Value]) -> Value:
        if value.expr is not None:
            return b.index(renamed_dim(value.expr, mapping))
        constant = self.session.literals[value]
        return b.const(constant.array, constant.array.dtype)


def _value_leaves(dim: Dim) -> list[Value]:
    return [leaf for leaf in leaves(dim) if isinstance(leaf, Value)]


def renamed_dim(dim: Dim, mapping: dict[Value, Value]) -> Dim:
    """An extent under a renaming of values."""
    return subst(dim, {leaf: mapping[leaf].dim for leaf in _value_leaves(dim) if leaf in mapping})


def closed(
    builder: TraceBuilder,
    results: Sequence[Value],
    params: Sequence[Value],
    consts: Sequence[Value],
    free: Free,
    consts_first: int | None = None,
) -> Function:
    """The body as a closed function of ``params`` (its own) and ``consts`` (outer values).

    ``consts_first``: consts are inserted at that position among the params (default: the end).
    """
    new = TraceBuilder(builder.name, free.session.literals)
    mapping: dict[Value, Value] = {}
    at = len(params) if consts_first is None else consts_first
    order = [*params[:at], *consts, *params[at:]]
    mapping.update(new.params_like(order))
    instrs = builder.instrs

    def find(value: Value) -> Value:
        if value not in mapping:
            if value in free.alias:
                mapping[value] = find(free.alias[value])
            elif free.remade(value):
                mapping[value] = free.remake(new, value, mapping)
        return mapping.get(value, value)

    for placeholder, entry in free.alias.items():
        if entry in free.seen:
            find(placeholder)
    for instr in instrs:
        for operand in instr.operands:
            find(operand)
        new.clone(instr, mapping)
    diverges = bool(instrs) and instrs[-1].name == "raise"
    return new.build([] if diverges else [find(r) for r in results])


def diverged(builder: TraceBuilder) -> bool:
    """Whether a body has ended in ``raise``."""
    return bool(builder.instrs) and builder.instrs[-1].name == "raise"


def yielded(stand_ins: Sequence[Value], values: Sequence[Value]) -> list[Value]:
    """What the end of a branch gives for values whose types are those of ``stand_ins``: an extent
    that types speak of must be a value of its own there."""
    session = current()
    spoken_of = {v for stand_in in stand_ins for v in type_uses(stand_in.type)}
    mapping: dict[Value | ResultRef, Dim] = {}
    found = []
    for stand_in, value in zip(stand_ins, values, strict=True):
        if stand_in in spoken_of:
            value = session.ranges.extent(session.b.op("copy", value))
            mapping[stand_in] = value.dim
        else:
            want = subst_type(stand_in.type, mapping)
            if want != value.type:
                assert isinstance(want, TensorType)
                message = "an extent changed between a value and itself"
                value = session.b.op(
                    "cast_shape", value, shape=want.shape, exc="AssertionError", message=message
                )
        found.append(value)
    return found


def emit_cond(
    pred: Value, then: Callable[[], Sequence[Value]], other: Callable[[], Sequence[Value]]
) -> tuple[Value, ...]:
    """A ``cond`` on bodies that touch no storage."""
    session = current()
    sides = []
    for name, body in (("then", then), ("else", other)):
        with session.region("branch", name) as frame:
            results = list(body())
        session.leave(frame)
        sides.append((frame.builder, results))
    return finish_cond(pred, sides)


def finish_cond(
    pred: Value, sides: Sequence[tuple[TraceBuilder, Sequence[Value]]]
) -> tuple[Value, ...]:
    """The ``cond`` instruction of two traced sides; its results."""
    session = current()
    free = Free(session)
    for builder, results in sides:
        free.scan(builder, [] if diverged(builder) else results)
    regions = [closed(builder, results, [], free.values, free) for builder, results in sides]
    attrs = {}
    if all(r.diverges for r in regions):
        attrs["types"] = ()
    instr = session.b.append("cond", [pred, *free.values], attrs, tuple(regions), session.loc)
    return instr.results


@dataclass(frozen=True)
class Carried:
    """A value that a region takes in turn: its placeholder, its value at entry and at the end."""

    placeholder: Value
    entry: Value
    end: Value


def emit_recursion(
    builder: TraceBuilder,
    params: Sequence[Value],
    ends: Sequence[Value],
    args: Sequence[Value],
    turns: Sequence[Carried],
    read: Mapping[Value, Value],
) -> tuple[Value, ...]:
    """The ``recursion`` of a traced body that takes ``params``: its results for ``args``, then the
    contents of storage that calls have in turn. ``read``: what placeholders of other storage are
    outside."""
    session = current()
    free = Free(session)
    free.alias.update(read)
    builder.params = [*params, *(c.placeholder for c in turns)]
    results = [*ends, *(c.end for c in turns)]
    free.scan(builder, results)
    body = closed(builder, results, builder.params, free.values, free, consts_first=len(params))
    attrs = {"args": len(args), "types": tuple(v.type for v in ends)}
    if turns:
        attrs["arrays"] = len(turns)
    operands = [*args, *free.values, *(c.entry for c in turns)]
    return session.b.append("recursion", operands, attrs, (body,), session.loc).results


def emit_for(
    trip: Value, builder: TraceBuilder, counter: Value, values: Sequence[Carried]
) -> list[Value]:
    """The ``for`` of a traced body; the final value of each of ``values``."""
    carried, consts, extents, free = _prepared(builder, [counter], values)
    params = [counter, *extents, *(c.placeholder for c in carried), *consts]
    ends = [] if diverged(builder) else [*extents, *(c.end for c in carried)]
    body = closed(builder, ends, params, [], free)
    inits = [*extents, *(c.entry for c in carried)]
    results = _loop("for", [trip, *inits, *consts], len(inits), (body,))
    return _final(values, carried, results[len(extents) :])


def emit_while(builder: TraceBuilder, go: Carried, values: Sequence[Carried]) -> list[Value]:
    """The ``while`` of a traced body that ends by finding out whether to ``go`` on."""
    carried, consts, extents, free = _prepared(builder, [], [go, *values], keep=go)
    params = [*extents, *(c.placeholder for c in carried), *consts]
    ends = [] if diverged(builder) else [*extents, *(c.end for c in carried)]
    body = closed(builder, ends, params, [], free)
    test = TraceBuilder("test", free.session.literals)
    mapping = test.params_like(params)
    regions = (test.build([mapping[go.placeholder]]), body)
    inits = [*extents, *(c.entry for c in carried)]
    results = _loop("while", [*inits, *consts], len(inits), regions)
    return _final(values, carried, results[len(extents) :])


def _loop(
    name: str, operands: Sequence[Value], carried: int, regions: tuple[Function, ...]
) -> tuple[Value, ...]:
    session = current()
    instr = session.b.append(name, operands, {"carried": carried}, regions, session.loc)
    for result in instr.results:
        for v in type_uses(result.type):
            session.ranges.low.setdefault(v, 0)
            session.ranges.extents.add(v)
    return instr.results


def _prepared(
    builder: TraceBuilder,
    own: Sequence[Value],
    values: Sequence[Carried],
    keep: Carried | None = None,
) -> tuple[list[Carried], list[Value], list[Value], Free]:
    """What is really carried (values that never change are constants), the constants, and the
    outer extents that carried types mention."""
    ends_here = diverged(builder)
    carried = [c for c in values if c is keep or not (c.end is c.placeholder or ends_here)]
    if ends_here:
        carried = list(values)
    session = current()
    free = Free(session)
    extent_users = {v for c in carried for v in type_uses(c.placeholder.type)}
    for c in values:
        if c not in carried and c.placeholder in extent_users:
            carried.append(c)
    for c in values:
        if c not in carried:
            free.alias[c.placeholder] = c.entry
    carried.sort(key=values.index)
    builder.params = [*own, *(c.placeholder for c in carried)]
    free.scan(builder, [] if ends_here else [c.end for c in carried])
    extents = _type_extents([c.placeholder for c in carried], free)
    consts = [v for v in free.values if v not in extents]
    return carried, consts, extents, free


def _final(
    values: Sequence[Carried], carried: Sequence[Carried], results: Sequence[Value]
) -> list[Value]:
    found = {c.placeholder: r for c, r in zip(carried, results, strict=True)}
    return [found.get(c.placeholder, c.entry) for c in values]


def _type_extents(params: Sequence[Value], free: Free) -> list[Value]:
    """Outer extents that carried types mention: carried unchanged, so that they come first."""
    found: list[Value] = []
    for p in params:
        for v in type_uses(p.type):
            v = free.alias.get(v, v)
            if v not in params and v not in found:
                found.append(v)
    assert all(v.type == INDEX for v in found)
    return found
