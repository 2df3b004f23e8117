"""Branches decided at run time: both sides are traced, then joined into one ``cond``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from tracejit.dtypes import is_bool
from tracejit.errors import StructureError, is_for_user
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.trace.control.edges import TracedSide
from tracejit.trace.control.held_contents import NotInHeap, Target, make_hold
from tracejit.trace.control.join import VALUE, Join
from tracejit.trace.control.join_arrays import Finish
from tracejit.trace.convert import UNDEFINED, VarInfo
from tracejit.trace.session.concretize import ambiguous
from tracejit.trace.session.frames import FrameKind
from tracejit.trace.session.raising import Diverged, emit_raise
from tracejit.trace.session.regions import finish_cond
from tracejit.trace.session.session import Session, current, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array, PyScalar, TaggedScalar, Tracer, dim_value
from tracejit.trace.values.captured_arrays import seen
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dunder_methods import applied
from tracejit.trace.values.dynamic_list import is_grown, length_of
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.grown_texts import part_that_tells, surely_some
from tracejit.trace.values.marked_texts import is_marked
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.ranges import Range, trip_count
from tracejit.trace.values.table_buffers import entry_count
from tracejit.trace.values.tagged import each_kind, tags

Thunk = Callable[[], Any]


def as_test(x: Any) -> bool | Value:
    """The truth of a value: a bool, or a ``bool[]`` IR value where it is known at run time."""
    session = current()
    if is_grown(x):
        x = dim_value(length_of(x))
    if is_table(x):
        x = dim_value(entry_count(table_in(x)))
    if isinstance(x, Range):
        x = dim_value(trip_count(x.start, x.stop, x.step))
    if isinstance(x, MaybeNone):
        there = session.operators.not_(x.is_none())
        return as_test(session.operators.and_(there, lambda: bool_of(x.value)))
    if isinstance(x, TaggedScalar):
        return _truth_of_tagged(x)
    if isinstance(x, ChosenConstant):
        return as_test(each_kind(bool_of, x))
    if is_marked(x) and not surely_some(x):
        return as_test(part_that_tells(x))
    x = seen(x)
    if not isinstance(x, Tracer):
        session.outside.whole(x)
        truth = applied(session.operators, x, "__bool__")
        if truth is NotImplemented:
            truth = applied(session.operators, x, "__len__")
        return bool(x) if truth is NotImplemented else as_test(truth)
    if isinstance(x, Array) and x.ndim:
        size = ex.product(x.dims)
        session.require_equal(size, 1, ValueError, ambiguous(size))
        b = session.b
        value = b.reshape(x.read(), ())
    else:
        value = x.read()
    found = session.truth_of(value)
    if found is not None:
        return found
    known = session.literal(value)
    if known is not None:
        return bool(known)
    if is_bool(value.dtype):
        return value
    b = session.b
    return b.op("ne", value, b.const(0, value.dtype))  # type: ignore[no-any-return]


def _truth_of_tagged(x: TaggedScalar) -> bool | Value:
    if x.test is not None:
        return x.test
    b = current().b
    found: bool | Value = False
    for number, flag in tags(x):
        test = as_test(number)
        if isinstance(test, Value):
            here = b.op("bitwise_and", flag(b), test)
        elif test:
            here = flag(b)
        else:
            continue
        found = b.op("bitwise_or", found, here) if isinstance(found, Value) else here
    return found


def bool_of(x: Any) -> Any:
    """``bool(x)``: a bool, or a Python bool that is known at run time."""
    test = as_test(x)
    return test if isinstance(test, bool) else PyScalar("bool", test)


def trace_side(
    session: Session,
    name: str,
    run: Thunk,
    get_state: Callable[[], tuple[Any, ...]],
    kind: FrameKind = "branch",
    names: tuple[VarInfo, ...] = (),
    heaps: Mapping[str, Target] | None = None,
) -> TracedSide:
    """Trace one side into a region; storage and containers are as before afterwards. ``heaps``: in
    which a list must be, or what it must hold, that a name of ``names``, or a part of it, is bound
    to at the end."""
    raised = False
    value: Any = None
    state: tuple[Any, ...] = ()
    with session.region(kind, name) as frame:
        try:
            value = run()
            state = get_state()
            if heaps:
                _refer_each(VALUE, value, heaps)
                for info, x in zip(names, state, strict=True):
                    _refer_each(info.shown, x, heaps)
        except BaseException as error:
            if not isinstance(error, Diverged) and not is_for_user(error):
                raise
            emit_raise(session, error)
            raised = True
    final = session.leave(frame)
    return TracedSide(session, frame, state, value, final, raised, containers.leave(frame))


def _refer_each(name: str, x: Any, heaps: Mapping[str, Target]) -> None:
    """Make what a name is bound to, or a part of it, a list of a heap, or of lists of one."""
    if isinstance(x, list | dict) and name in heaps:
        make_hold(x, heaps[name])
    elif isinstance(x, list | tuple | dict):
        for key, part in x.items() if isinstance(x, dict) else enumerate(x):
            _refer_each(f"{name}[{key!r}]", part, heaps)


def staged_if(
    pred: Value,
    then_fn: Thunk,
    else_fn: Thunk,
    get_state: Callable[[], tuple[Any, ...]],
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
) -> Any:
    """Trace both sides and join them; the joined return value."""
    session = current()
    before = get_state()
    heaps: dict[str, Target] = {}
    while True:
        sides = []
        for name, run in (("then", then_fn), ("else", else_fn)):
            with session.assumed(pred, name == "then"):
                sides.append(trace_side(session, name, run, get_state, names=names, heaps=heaps))
            set_state(before)
        try:
            return join_sides(session, pred, sides[0], sides[1], set_state, names)
        except NotInHeap as found:
            if found.name in heaps:
                raise
            if found.is_new:
                heaps[found.name] = found.target
            else:
                make_hold(found.found, found.target)


def join_sides(
    session: Session,
    pred: Value,
    then: TracedSide,
    other: TracedSide,
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
) -> Any:
    """One ``cond`` of two traced sides; names are bound to its results."""
    if then.raised and other.raised:
        finish_cond(pred, [(s.frame.builder, []) for s in (then, other)])
        session.b.op("raise", exc="AssertionError", message="not reached")
        raise Diverged
    if then.raised or other.raised:
        return _survivor(session, pred, then, other, set_state, names)
    join = Join(session, pred, then, other)
    _note_all(join, names, then, other)
    bindings = [
        _joined(join, info, a, b) for info, a, b in zip(names, then.state, other.state, strict=True)
    ]
    value = join.join(VALUE, then.value, other.value)
    stores = _joined_containers(join, then, other)
    return _finish(session, join, bindings, value, stores, set_state)


def _note_all(join: Join, names: tuple[VarInfo, ...], then: TracedSide, other: TracedSide) -> None:
    rows = list(zip(names, then.state, other.state, strict=True))
    join.anew = frozenset(info.name for info, a, b in rows if a is not b)
    for info, a, b in rows:
        if info.live_out and a is not b:
            join.note(a, b)
    join.note(then.value, other.value)
    for key in {**then.containers, **other.containers}:
        obj = (then.containers.get(key) or other.containers[key])[0]
        held = (s.containers[key][1] if key in s.containers else obj for s in (then, other))
        join.note_parts(*held)


def _joined(join: Join, info: VarInfo, a: Any, b: Any) -> Finish:
    if not info.live_out:
        return (lambda results: a) if a is b else (lambda results: UNDEFINED)
    return join.join(info.shown, a, b, either=info.kind in ("flag", "return_value"))


def _survivor(
    session: Session,
    pred: Value,
    then: TracedSide,
    other: TracedSide,
    set_state: Callable[[tuple[Any, ...]], None],
    names: tuple[VarInfo, ...],
) -> Any:
    """One side raises: everything comes from the other."""
    there = 1 if then.raised else 0
    alive = (then, other)[there]
    join = Join(session, pred, then, other)
    bindings: list[Finish] = []
    for info, x in zip(names, alive.state, strict=True):
        if info.live_out:
            bindings.append(join.survive(join.alone(info.shown, x, there), x, there))
        else:
            bindings.append(lambda results: UNDEFINED)
    value = join.survive(join.alone(VALUE, alive.value, there), alive.value, there)
    stores = [
        (obj, join.survive(join.contents_alone(held, there), held, there))
        for obj, held in alive.containers.values()
    ]
    return _finish(session, join, bindings, value, stores, set_state)


def _joined_containers(join: Join, then: TracedSide, other: TracedSide) -> list[tuple[Any, Finish]]:
    """Contents of changed containers."""
    found: list[tuple[Any, Finish]] = []
    for key in {**then.containers, **other.containers}:
        obj = (then.containers.get(key) or other.containers[key])[0]
        a, b = (
            s.containers[key][1] if key in s.containers else containers.snapshot(obj)
            for s in (then, other)
        )
        plan = join.contents(f"a {type(obj).__name__}", (obj, obj), a, b)
        if plan is None:
            _refuse_items(obj, a, b)
        found.append((obj, join.passed(plan, a, b)))
    return found


def _refuse_items(obj: Any, left: Any, right: Any) -> NoReturn:
    kind = type(obj).__name__
    kind = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    if len(left) == len(right):
        raise StructureError(
            f"{where()}: {kind} has other keys, or in another order, after one side of a branch "
            "that is decided at run time than after the other: write into an array instead"
        )
    raise StructureError(
        f"{where()}: {kind} has {len(left)} items after one side of a branch that is decided at "
        f"run time and {len(right)} after the other, which only lists of numbers of one "
        "kind may have, or of tuples of them: choose with a mask (x[x > 0]), or "
        "write into an array of fixed size and count"
    )


def _finish(
    session: Session,
    join: Join,
    bindings: list[Finish],
    value: Finish,
    stores: list[tuple[Any, Finish]],
    set_state: Callable[[tuple[Any, ...]], None],
) -> Any:
    """Emit the ``cond``; bind names, storage and containers to its results."""
    cells = [
        cell
        for cell in {**join.sides[0].final, **join.sides[1].final}
        if cell.depth < join.sides[0].frame.depth
    ]
    numbers = {}
    for cell in cells:
        makers = []
        for side in join.sides:
            end = side.final.get(cell, cell.value)
            makers.append(lambda _, end=end: end)
        if any(s.raised for s in join.sides):
            alive = join.sides[1] if join.sides[0].raised else join.sides[0]
            if alive.final.get(cell, cell.value) is cell.value:
                continue
        numbers[cell] = join.pair(makers)
    sides = [(s.frame.builder, r) for s, r in zip(join.sides, join.results, strict=True)]
    results = finish_cond(join.pred, _unraised(join, sides))
    for cell, k in numbers.items():
        session.replace(cell, results[k])
    set_state(tuple(finish(results) for finish in bindings))
    found = value(results)
    for obj, finish in stores:
        containers.touch(session, obj)
        containers.restore(obj, finish(results))
    join.forget()
    return found


def _unraised(join: Join, sides: list[Any]) -> list[Any]:
    """A side that raised ends in its ``raise``: what was emitted after it is dropped."""
    for side in join.sides:
        if side.raised:
            instrs = side.frame.builder.instrs
            last = max(k for k, i in enumerate(instrs) if i.name == "raise")
            del instrs[last + 1 :]
    return sides
