"""What a ``for`` statement goes over at run time, and iterators over what is traced."""

from __future__ import annotations

import builtins
import gc
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir import extent as ex
from tracejit.ir.extent import Dim
from tracejit.records import dataclass
from tracejit.trace.session.concretize import structural_int
from tracejit.trace.session.frames import Frame, Restart
from tracejit.trace.session.registry import LIST_ROWS, TABLE_VIEWS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.storage import Cell
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.all import Array, dim_value
from tracejit.trace.values.dynamic_list import become_buffer, form_of, is_grown, refuse, run_of
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.entries import refuse as refuse_table


class Looped:
    """What a ``for`` statement goes over at run time; elsewhere its length must be known."""

    def steps(self) -> Steps:
        """What is left to go over."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        steps = self.steps()
        if not isinstance(steps.trip, int):
            what = getattr(self, "name", type(self).__name__.lower())
            raise UnsupportedError(
                f"{where()}: {what}() whose length is known at run time only can be looped over "
                "in a for statement, not unpacked or turned into a list"
            )
        return (steps.item(i) for i in builtins.range(steps.trip))


@dataclass
class Life:
    """Where an iterator was made, whether something has gone through it, and how many items were
    taken before. ``place``: keeps that number among what loops and branches carry, where the run
    decides how many are taken; None elsewhere."""

    made_in: Frame
    key: Any
    spent: bool = False
    taken: Any = 0
    place: Any = None

    def follow(self) -> None:
        def get() -> tuple[Any, ...]:
            return (self.taken,)

        def set_state(values: tuple[Any, ...]) -> None:
            (self.taken,) = values

        self.place = current().operators.carried(get, set_state, "how far an iterator is")

    @property
    def is_followed(self) -> bool:
        return self.place is not None


class Once(Looped):
    """An iterator: what has been taken from it is gone."""

    life: Life

    def __post_init__(self) -> None:
        key = iterator_key()
        life = self.__dict__["life"] = Life(current().frame, key)
        if current().loop_is(key, "unroll"):
            life.follow()

    def whole(self) -> Steps:
        """All items, those that were taken, too."""
        raise NotImplementedError

    def steps(self) -> Steps:
        whole, first = self.whole(), self.life.taken
        if type(first) is not int:
            raise UnsupportedError(_more_than_once(self))
        if not first:
            return whole
        return replace(whole, trip=whole.trip - first, item=lambda i: whole.item(i + first))


@dataclass(frozen=True)
class Enumerate(Once):
    """``enumerate`` of something that is looped over at run time."""

    inner: Any
    start: Any = 0

    def whole(self) -> Steps:
        parts = part_of(self.inner)
        return replace(parts, item=lambda i: (self.start + dim_value(i), parts.item(i)))


@dataclass(frozen=True)
class Zip(Once):
    """``zip`` with at least one part that is looped over at run time."""

    parts: tuple[Any, ...]

    def whole(self) -> Steps:
        return side_by_side([part_of(p) for p in self.parts], lambda row: row)


@dataclass(frozen=True)
class Reversed(Once):
    """``reversed`` of an array or range that is looped over at run time."""

    inner: Any

    def whole(self) -> Steps:
        inner = steps_of(self.inner)
        assert inner is not None
        return replace(inner, item=lambda i: inner.item(inner.trip - 1 - i))


for _kind in (Enumerate, Zip, Reversed):
    _kind.__name__ = _kind.__name__.lower()  # as Python's messages name it


@dataclass(frozen=True)
class Counted(Once):
    """``trip`` items, the one at a place made by ``item``; ``name``: what the program calls it."""

    trip: Dim
    item: Callable[[Dim], Any]
    name: str = "iterator"

    def whole(self) -> Steps:
        return Steps(self.trip, self.item)


@dataclass(frozen=True)
class Lazily(Once):
    """What ``make`` says when it is gone through; ``name``: what the program calls it."""

    make: Callable[[], Steps]
    name: str = "iterator"

    def whole(self) -> Steps:
        return self.make()


def side_by_side(every: Sequence[Steps], row: Callable[[tuple[Any, ...]], Any]) -> Steps:
    """What ``row`` makes of an item of each, as far as all go."""
    trip = every[0].trip
    for part in every[1:]:
        trip = ex.emin(trip, part.trip)
    owners = [(k, p) for k, p in enumerate(every) if p.after is not None]

    def after() -> None:
        """Each is asked for another item until one has none."""
        ops = current().operators
        for k, part in owners:
            before = [ops.compare_one(">", dim_value(p.trip), dim_value(trip)) for p in every[:k]]
            asked: Any = True
            for more in before:
                asked = more if asked is True else ops.binary("&", asked, more)
            ops.if_expr(asked, part.after, lambda: None, None)

    sources = tuple(x for p in every for x in p.sources)
    return Steps(
        trip,
        lambda i: row(tuple(p.item(i) for p in every)),
        after if owners else None,
        sources,
        tuple(p.owner for _, p in owners) or None,
    )


class ReadAgain:
    """Among the sources of steps: items are read more than once, and must be the same then."""

    def __init__(self, x: Any) -> None:
        self._of = x

    def now(self) -> list[Any]:
        """What tells it."""
        x = self._of
        if isinstance(x, Array) and isinstance(x.cell, Cell):
            return [id(x.cell.value)]
        return list(map(id, x)) if isinstance(x, list) else []


def walked(*parts: Steps) -> tuple[Any, ...]:
    """What must not change while things are gone through that are made of parts."""
    owners = [p.owner for p in parts if p.owner is not None]
    flat = [x for o in owners for x in (o if isinstance(o, tuple) else (o,))]
    return tuple(x for p in parts for x in p.sources) + tuple(flat)


#: The number of items of an iterator without an end.
ENDLESS = 2**63 - 1


def is_endless(x: Any) -> bool:
    """Whether something is gone through only as far as what stands beside it."""
    return isinstance(x, Counted) and x.trip == ENDLESS


def steps_of(iterable: Any) -> Steps | None:
    """How to go over ``iterable`` at run time; None for what Python goes over while tracing."""
    if isinstance(iterable, builtins.range):
        r = iterable
        return Steps(len(r), lambda i: dim_value(r.start + i * r.step))
    if isinstance(iterable, Looped | Tracer):
        return iterable.steps()
    if is_table(iterable):
        (view_of,) = TABLE_VIEWS
        view: Looped = view_of(iterable)
        return view.steps()
    if not is_grown(iterable):
        return None

    def item(i: Dim) -> Any:
        run = run_of(iterable) if is_grown(iterable) else refuse("a change, in a loop over it,")
        return LIST_ROWS["note"](run.steps().item(i), iterable, i)

    return Steps(run_of(iterable).steps().trip, item, sources=(iterable,))


def iterator_key() -> Any:
    """How a trace that begins again knows an iterator that is made here."""
    return "iterator", where()


def spend(x: Any) -> None:
    """An iterator is about to be gone through, to its end for all that is known: nothing may go
    through it again, nor a loop do so at each turn."""
    if not isinstance(x, Once):
        return
    _must_be_here(x)
    x.life.spent = True


def take_one(x: Looped) -> Any:
    """The number of the item that ``next`` takes from an iterator."""
    if not isinstance(x, Once):
        throw(TypeError(f"'{type(x).__name__.lower()}' object is not an iterator"))
    if not x.life.is_followed and (x.life.spent or _inside(x)):
        raise Restart(x.life.key, "unroll", _more_than_once(x))
    x.life.taken += 1
    return x.life.taken - 1


def _more_than_once(x: Once) -> str:
    return (
        f"{where()}: an iterator ({type(x).__name__.lower()}) is gone through more than once: "
        "what is left of it then is not known when compiling; make it anew each time"
    )


def _must_be_here(x: Once) -> None:
    if x.life.is_followed:
        raise UnsupportedError(_more_than_once(x))
    if x.life.spent or any(frame.kind == "loop" for frame in _inside(x)):
        raise Restart(x.life.key, "unroll", _more_than_once(x))


def _inside(x: Once) -> list[Frame]:
    """The regions under way inside of that which made an iterator."""
    frames = current().frames
    return frames[frames.index(x.life.made_in) + 1 :] if x.life.made_in in frames else frames


def strict_zip(parts: tuple[Any, ...]) -> Zip | Iterator[Any]:
    """``zip(..., strict=True)``: what Python goes over itself where it would raise at the end."""
    every = [part_of(p) for p in parts]
    if any(p.trip != every[0].trip for p in every):
        lengths = [structural_int(dim_value(p.trip), "a length in a strict zip()") for p in every]
        if any(n != lengths[0] for n in lengths):
            return _to_the_end([map(p.item, range(n)) for p, n in zip(every, lengths, strict=True)])
    return Zip(parts)


def _to_the_end(parts: list[Iterator[Any]]) -> Iterator[Any]:
    yield from builtins.zip(*parts, strict=True)


def iterated(x: Any, key: Any, order: Callable[[Any], Iterator[Any]] = builtins.iter) -> Any:
    """What Python goes over while tracing; a TypeError here is the program's own. A list that
    becomes a buffer meanwhile must be one already where ``key`` goes through it."""
    if type(x) is list:
        return _ordinary(x, key, order)
    owner = _owner_of(x)
    return order(x) if owner is None else _over_keys(x, owner, order)


def _ordinary(x: list[Any], key: Any, order: Callable[[Any], Iterator[Any]]) -> Iterator[Any]:
    for item in order(x):
        yield item
        if is_grown(x):
            if current().loop_is(key, "buffer"):
                refuse("a change, in a loop over it,")
            raise Restart(key, "buffer", "a list changes in a loop over it")


@contextmanager
def unchanged(x: Any) -> Iterator[None]:
    """A comprehension goes through ``x``: UnsupportedError where it changes a list."""
    before = list(x) if type(x) is list else []
    yield
    if type(x) is list and not (len(x) == len(before) and all(map(operator.is_, x, before))):
        raise UnsupportedError(
            f"{where()}: a list changes in a comprehension over it: write a `for` statement"
        )


def as_met(x: Any, key: Any) -> Any:
    """What ``key`` is about to go through; a list is a buffer where it becomes one meanwhile."""
    if type(x) is list and not is_grown(x) and current().loop_is(key, "buffer"):
        form = form_of(x)
        if form is not None:
            become_buffer(x, form)
    return x


def _owner_of(x: Any) -> Any:
    """The dict or set that Python goes over, itself or a view of it; None of other things."""
    if isinstance(x, dict | set):
        return None if is_table(x) else x
    return next(iter(gc.get_referents(x))) if type(x) in _VIEWS else None


_VIEWS = tuple(type(getattr({}, which)()) for which in ("keys", "values", "items"))


def _over_keys(
    x: Any, owner: Any, order: Callable[[Any], Iterator[Any]] = builtins.iter
) -> Iterator[Any]:
    """What Python goes over. Where the run comes to have a say in which keys there are, they must
    stay as many."""
    return _while_known(x, owner, order(x), list(order(owner)))


def _while_known(x: Any, owner: Any, items: Iterator[Any], keys: list[Any]) -> Iterator[Any]:
    count = len(keys)
    for k in range(count):
        if not is_table(owner):
            yield next(items)  # raises what Python does where there are other keys
            continue
        _same_count(owner, count)
        held = current().operators.getitem(owner, keys[k]) if isinstance(owner, dict) else None
        if type(x) not in _VIEWS[1:]:
            yield keys[k]
        else:
            yield held if type(x) is _VIEWS[1] else (keys[k], held)
    if is_table(owner):
        _same_count(owner, count)
    else:
        yield from items


def _same_count(owner: Any, count: int) -> None:
    """RuntimeError where a dict has come to have another number of keys."""
    table = table_in(owner)
    if table.form.removes:
        refuse_table("a loop over it in which keys are removed")
    kind = "dictionary" if isinstance(owner, dict) else "Set"
    session = current()
    b = session.b
    same = b.op("eq", b.index(table.count), b.index(count))
    session.check(same, RuntimeError, f"{kind} changed size during iteration")


def _still_ordinary(x: list[Any]) -> None:
    """A list that Python goes over must not become one of which the run decides how long it is."""
    if is_grown(x):
        refuse("a change, in a loop over it,")


def part_of(x: Any) -> Steps:
    """One part of ``zip`` or ``enumerate``: sequences of Python are indexed by the counter."""
    steps = steps_of(x)
    if steps is not None:
        return steps
    listed = x if isinstance(x, list | tuple) else list(x)
    owner = x if type(x) is list else _owner_of(x)
    return Steps(
        len(listed),
        lambda i: current().operators.getitem(listed, dim_value(i)),
        sources=() if owner is None else (owner,),
    )


all_ask(globals(), TypeError, ValueError, ArithmeticError)
