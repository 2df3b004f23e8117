"""Closing regions: a body traced with outer values in it becomes a function that takes them.

Integer arithmetic and literals of outer frames are made again inside instead of being passed, so
that types keep their atoms and constants stay visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tracejit.ir.core import Function, Value, type_uses, uses
from tracejit.ir.extent import Dim, leaves, subst
from tracejit.ir.types import INDEX
from tracejit.trace.session import Session, TraceBuilder, current


class Free:
    """Outer values that some bodies use, in an order in which extents come first."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.values: list[Value] = []
        self._seen: set[Value] = set()

    def scan(self, builder: TraceBuilder, results: Iterable[Value]) -> None:
        """Collect what ``builder``'s instructions and ``results`` use but do not define."""
        defined = set(builder.params)
        for instr in builder.instrs:
            defined.update(instr.results)
        for param in builder.params:
            self._add(type_uses(param.type), defined)
        for instr in builder.instrs:
            self._add(uses(instr), defined)
        for result in results:
            self._add([*type_uses(result.type), result], defined)

    def _add(self, values: Iterable[Value], defined: set[Value]) -> None:
        for value in values:
            if value in defined or value in self._seen:
                continue
            self._seen.add(value)
            if self.remade(value):
                if value.expr is not None:
                    self._add(_value_leaves(value.expr), defined)
                continue
            self._add(type_uses(value.type), defined)
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
        if value not in mapping and free.remade(value):
            mapping[value] = free.remake(new, value, mapping)
        return mapping.get(value, value)

    for instr in instrs:
        for operand in instr.operands:
            find(operand)
        new.clone(instr, mapping)
    diverges = bool(instrs) and instrs[-1].name == "raise"
    return new.build([] if diverges else [find(r) for r in results])


def diverged(builder: TraceBuilder) -> bool:
    """Whether a body has ended in ``raise``."""
    return bool(builder.instrs) and builder.instrs[-1].name == "raise"


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


def emit_for(
    trip: Value,
    builder: TraceBuilder,
    counter: Value,
    carried: Sequence[tuple[Value, Value, Value]],
) -> tuple[Value, ...]:
    """The ``for`` of a traced body; ``carried``: (placeholder, entry value, value at the end)."""
    session = current()
    builder.params = [counter, *(p for p, _, _ in carried)]
    if diverged(builder):
        carried = [(p, entry, p) for p, entry, _ in carried]
    ends = [e for _, _, e in carried]
    free = Free(session)
    free.scan(builder, ends)
    extents = _type_extents(carried, free)
    consts = [v for v in free.values if v not in extents]
    body = closed(
        builder,
        [*extents, *ends],
        [counter, *extents, *(p for p, _, _ in carried), *consts],
        [],
        free,
    )
    inits = [*extents, *(entry for _, entry, _ in carried)]
    instr = session.b.append(
        "for",
        [trip, *inits, *consts],
        {"carried": len(inits)},
        (body,),
        session.loc,
    )
    return instr.results[len(extents) :]


def emit_while(
    test: TraceBuilder,
    pred: Value,
    body: TraceBuilder,
    carried: Sequence[tuple[Value, Value, Value]],
) -> tuple[Value, ...]:
    """The ``while`` of a traced test and body over the same placeholders."""
    session = current()
    params = [p for p, _, _ in carried]
    test.params = list(params)
    body.params = list(params)
    ends = [p if diverged(body) else e for p, _, e in carried]
    free = Free(session)
    free.scan(test, [pred])
    free.scan(body, ends)
    extents = _type_extents(carried, free)
    consts = [v for v in free.values if v not in extents]
    every = [*extents, *params, *consts]
    regions = (
        closed(test, [pred], every, [], free),
        closed(body, [*extents, *ends], every, [], free),
    )
    inits = [*extents, *(entry for _, entry, _ in carried)]
    instr = session.b.append(
        "while", [*inits, *consts], {"carried": len(inits)}, regions, session.loc
    )
    return instr.results[len(extents) :]


def _type_extents(carried: Sequence[tuple[Value, Value, Value]], free: Free) -> list[Value]:
    """Outer extents that carried types mention: carried unchanged, so that they come first."""
    own = {p for p, _, _ in carried}
    found: list[Value] = []
    for p, _, _ in carried:
        for v in type_uses(p.type):
            if v not in own and v not in found:
                found.append(v)
    assert all(v.type == INDEX for v in found)
    return found
