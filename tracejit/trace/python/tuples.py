"""``tuple``, and ``zip(*rows)`` of rows that only the run counts."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from tracejit.errors import UnsupportedError, all_ask
from tracejit.trace.python.constructed import construct
from tracejit.trace.python.dynamic_list_methods import items_of_known
from tracejit.trace.python.ordering import builtin_list
from tracejit.trace.session.session import current, where
from tracejit.trace.values import containers
from tracejit.trace.values.all import Array
from tracejit.trace.values.dynamic_list import (
    ListBuffer,
    is_grown,
    length_of,
    parts_of,
    refuse,
    run_of,
)
from tracejit.trace.values.iterables import Looped
from tracejit.trace.values.list_kinds import by_part
from tracejit.trace.values.run_tuples import RunTuple

#: A tuple of at most so many items is an ordinary one, where it is known how many these are.
_FEW = 32


def builtin_tuple(iterable: Any = (), /) -> Any:
    if isinstance(iterable, RunTuple):
        return iterable
    if isinstance(iterable, Columns):
        return builtins.tuple(iterable)
    operators = current().operators
    if is_grown(iterable) or isinstance(iterable, Array | Looped):
        found = builtin_list(iterable)
        if not is_grown(found):
            return builtins.tuple(found)
        count = length_of(found)
        few = isinstance(count, int) and count <= _FEW
        return builtins.tuple(items_of_known(found)) if few else of_run(found)
    return construct(operators, builtins.tuple, (iterable,), {})


def of_run(items: list[Any]) -> RunTuple:
    """The tuple of the items of a list that nothing else holds."""
    made: RunTuple = current().operators.call(RunTuple, items)
    return made


class Columns:
    """``zip(*rows)``, or ``map`` of it, of rows that are tuples of one length: nothing where there
    are no rows."""

    def __init__(self, rows: list[Any], made: Callable[[Any], Any] = of_run) -> None:
        self.rows, self.made = rows, made

    def mapped(self, f: Any) -> Columns:
        operators = current().operators
        return Columns(self.rows, lambda column: operators.call(f, self.made(column)))

    def __iter__(self) -> Iterator[Any]:
        session = current()
        run = run_of(self.rows)
        if not session.ranges.at_least(run.count, 1):
            raise UnsupportedError(
                f"{where()}: zip() of a list of rows gives columns only where there are rows, "
                "which is known at run time only: unpack it, as in a, b = zip(*rows), or make an "
                "array of the rows"
            )
        return builtins.iter(self._columns(run))

    def unpacked(self, n: int) -> tuple[Any, ...]:
        """As many columns as there are targets; ValueError where there are no rows."""
        session = current()
        run = run_of(self.rows)
        some = session.b.op("gt", session.b.index(run.count), session.b.const(0, "i64"))
        message = f"not enough values to unpack (expected {n}, got 0)"
        session.check(some, ValueError, message)
        return builtins.tuple(session.operators.unpack(self._columns(run), n, None))

    def _columns(self, run: ListBuffer) -> list[Any]:
        kinds, make = run.form
        if make is None:
            refuse("zip(*...) of items that are no tuples")
        columns = [list(mine) for _, mine in by_part(kinds, parts_of(run))]
        runs = [
            ListBuffer(mine, run.count, ((kind,), None))
            for kind, mine in zip(kinds, columns, strict=True)
        ]
        return [self.made([column]) for column in runs]


def zipped(rows: Any) -> Any:
    """``zip(*rows)``; NotImplemented where Python can make it."""
    if isinstance(rows, Columns | RunTuple):
        return _refuse_rows()
    return Columns(containers.made(current(), [run_of(rows)])) if is_grown(rows) else NotImplemented


def _refuse_rows() -> NoReturn:
    raise UnsupportedError(f"{where()}: zip(*...) of columns, or of a tuple of the run")


TUPLES: dict[Any, Callable[..., Any]] = {builtins.tuple: builtin_tuple}


all_ask(globals(), TypeError, ValueError)
