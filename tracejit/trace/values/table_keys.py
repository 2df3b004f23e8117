"""Where a key is in a dict or set of which the run decides the keys (see ``tables``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_integer, is_signed
from tracejit.errors import UnsupportedError
from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.session.plain import is_plain_value
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.all import lift
from tracejit.trace.values.entries import refuse
from tracejit.trace.values.list_kinds import Kind, parts_of_item
from tracejit.trace.values.scalar_join import is_number
from tracejit.trace.values.scalars import TaggedScalar
from tracejit.trace.values.table_buffers import TableBuffer
from tracejit.trace.values.table_forms import must_hash


def sought(table: TableBuffer, key: Any) -> tuple[list[Value], bool | Value]:
    """The parts of a key in the kinds of the columns, and whether it can be there at all."""
    parts, make = parts_of_item(key)
    must_hash(key)
    for part in parts:
        _must_be_known(part)
    kinds, mine = table.form.keys
    if make != mine or len(parts) != len(kinds) or not all(map(is_number, parts)):
        return [], False
    b = current().b
    found: list[Value] = []
    possible: bool | Value = True
    for part, kind in zip(parts, kinds, strict=True):
        value, exact = _exactly(part, kind)
        found.append(value)
        if exact is False:
            return [], False
        if isinstance(exact, Value):
            if isinstance(possible, Value):
                exact = b.op("bitwise_and", possible, exact)
            possible = exact
    return found, possible


def _must_be_known(x: Any) -> None:
    """UnsupportedError for what may be several things."""
    if isinstance(x, TaggedScalar) or not (is_number(x) or is_plain_value(x) or type(x) is tuple):
        refuse("a key that is not known to be one number, or a tuple of numbers,")


def _exactly(x: Any, kind: Kind) -> tuple[Value, bool | Value]:
    """A number as one of another kind, and whether it is equal to it."""
    if not isinstance(x, Tracer):
        return _constant(x, kind)
    b = current().b
    value = lift(x).value
    if is_complex(value.dtype):
        raise UnsupportedError(f"{where()}: a complex number is looked for among keys")
    if value.dtype == kind.dtype:
        return value, True
    other = b.convert(value, kind.dtype)
    same = b.op("eq", b.convert(other, value.dtype), value)
    signs = {v.dtype: is_signed(v.dtype) for v in (value, other) if is_integer(v.dtype)}
    if len(set(signs.values())) == 2:
        for each in (value, other):
            if is_signed(each.dtype):
                same = b.op("bitwise_and", same, b.op("ge", each, b.const(0, each.dtype)))
    return other, same


def _constant(x: Any, kind: Kind) -> tuple[Value, bool]:
    b = current().b
    with np.errstate(all="ignore"):
        try:
            found = np.asarray(x).astype(kind.dtype)
        except OverflowError:
            return b.const(0, kind.dtype), False
    return b.const(found, kind.dtype), bool(found.item() == x)


@dataclass(frozen=True)
class KeyPlace:
    """Where a key is in a table, if it is ``there``. ``slot``: None where nobody looked for it."""

    place: Value
    slot: Value | None
    there: bool | Value


def find(table: TableBuffer, key: Any) -> KeyPlace:
    """Where a key is in a table."""
    parts, possible = sought(table, key)
    if possible is False or table.count == 0:
        nowhere = current().b.const(-1, "i64")
        return KeyPlace(nowhere, nowhere, False)
    found = place_of(table, parts)
    if isinstance(possible, bool) or isinstance(found.there, bool):
        return found if possible is True else replace(found, there=found.there and possible)
    return replace(found, there=current().b.op("bitwise_and", found.there, possible))


def place_of(table: TableBuffer, parts: Sequence[Value]) -> KeyPlace:
    """What ``find_key`` says, or has said of these values."""
    session = current()
    b = session.b
    key = (table.slots, *parts)
    for frame in reversed(session.frames):
        if key in frame.found:
            known: KeyPlace = frame.found[key]
            truth = None if isinstance(known.there, bool) else session.truth_of(known.there)
            return known if truth is None else replace(known, there=truth)
    place, slot = b.op("find_key", table.slots, *table.key_columns, *parts)
    return note(table, parts, KeyPlace(place, slot, b.op("ge", place, b.const(0, "i64"))))


def note(table: TableBuffer, parts: Sequence[Value], found: KeyPlace) -> KeyPlace:
    current().frame.found[table.slots, *parts] = found
    return found
