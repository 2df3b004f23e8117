"""Rows that look for keys: a table of places with linear probing.

The entries of a table stand in columns of one length, in the order in which they came; its
``slots`` are twice as many, a power of two, and hold the places of entries: -1 where a slot is
empty, -2 where its entry is gone. A key begins at the slot that its hash says and goes on, slot by
slot, up to an empty one: there is always one, as there are fewer entries than slots.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_float
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.rules import Attrs, Operands, Regions, all_tensors, indices, require
from tracejit.ir.types import DTYPES, INDEX, TensorType, Type

EMPTY, GONE = -1, -2
#: The factor of the hash: 2**64 over the golden ratio, odd.
FACTOR = 0x9E3779B97F4A7C15
_WORD = 2**64 - 1


def parts_of_search(operands: Operands) -> tuple[Value, Operands, Operands]:
    """The slots, the columns of the keys, and the parts of the key that is looked for."""
    slots, *rest = operands
    count = len(rest) // 2
    return slots, rest[:count], rest[count:]


def _must_be_keys(columns: Operands) -> None:
    for column in columns:
        require(column.rank == 1, "a column of keys is a line", column.type)
        require(not is_complex(column.dtype), "keys are real numbers", column.type)


def _find_key(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    all_tensors(operands)
    require(len(operands) >= 3 and len(operands) % 2 == 1, "find_key takes columns and parts")
    slots, columns, parts = parts_of_search(operands)
    require(slots.rank == 1 and slots.dtype == DTYPES["i64"], "slots are i64[n]", slots.type)
    _must_be_keys(columns)
    for column, part in zip(columns, parts, strict=True):
        require(part.type == TensorType(column.dtype), "a part is of its column", part.type)
    return INDEX, INDEX


def _bits(x: Any) -> int:
    """A number as 64 bits, the same ones for numbers of one kind that are equal."""
    if is_float(np.asarray(x).dtype):
        wide = np.float64(x)
        return int((wide if wide != 0 else np.float64(0)).view(np.uint64))
    return int(x) & _WORD


def hash_of(parts: Any) -> int:
    """The hash of a key."""
    found = 0
    for part in parts:
        found = ((found ^ _bits(part)) * FACTOR) & _WORD
        found ^= found >> 32
    return found


def _eval_find_key(slots: Any, *rest: Any) -> Any:
    count = len(rest) // 2
    columns, parts = rest[:count], rest[count:]
    slot = hash_of(parts) & (len(slots) - 1)
    while slots[slot] != EMPTY:
        place = slots[slot]
        if place >= 0 and all(c[place] == x for c, x in zip(columns, parts, strict=True)):
            break
        slot = (slot + 1) & (len(slots) - 1)
    return np.int64(slots[slot]), np.int64(slot)


def _key_slots(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    all_tensors(operands)
    require(len(operands) >= 2, "key_slots takes a count and columns")
    indices(operands[:1])
    columns = operands[1:]
    _must_be_keys(columns)
    for column in columns:
        require(column.shape == columns[0].shape, "columns are of one length", column.type)
    return (TensorType(DTYPES["i64"], (columns[0].shape[0] * 2,)),)


def _eval_key_slots(count: Any, *columns: Any) -> Any:
    slots = np.full(2 * len(columns[0]), EMPTY)
    for place in range(int(count)):
        slot = hash_of([c[place] for c in columns]) & (len(slots) - 1)
        while slots[slot] != EMPTY:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = place
    return slots


row(
    Primitive(
        "find_key",
        "search",
        _find_key,
        _eval_find_key,
        differentiable=False,
        doc="%p, %s = find_key(slots, *columns, *parts): the place of the entry with this key and "
        "its slot, or -1 and the first empty slot; equal numbers are one key, nan is none.",
    )
)
row(
    Primitive(
        "key_slots",
        "search",
        _key_slots,
        _eval_key_slots,
        differentiable=False,
        doc="key_slots(count, *columns): the slots of the first count entries, all of them "
        "different; two for each entry that there is room for, a power of two.",
    )
)
