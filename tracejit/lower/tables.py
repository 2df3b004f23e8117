"""Lowering rows that look for keys: each is one kernel that follows the slots one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracejit.dtypes import is_float
from tracejit.ir.core import Instr, Value
from tracejit.ir.ops.tables import EMPTY, FACTOR, parts_of_search
from tracejit.ir.regions import Loop, Scope, WhileLoop
from tracejit.ir.types import DTYPES
from tracejit.lower import loop_nests

if TYPE_CHECKING:
    from tracejit.lower.body import Body

_WORD = DTYPES["u64"]
_HALF = 32


def find_key(body: Body, instr: Instr) -> None:
    """The place of a key, and its slot."""
    slots, columns, parts = parts_of_search(instr.operands)
    table, *stored = (body.buffer(v) for v in (slots, *columns))
    key = [body.scalar(v) for v in parts]
    kernel = body.scope.child("kernel")
    first = _slot_of(kernel, key, table)
    loop = WhileLoop(kernel, [kernel.op("load", table, first), first])
    place, _ = loop.tested
    test = loop.test
    goes_on = test.op("ne", place, test.index(EMPTY))
    entry = test.op("maximum", place, test.index(0))
    same = test.op("ge", place, test.index(0))
    for column, part in zip(stored, key, strict=True):
        equal = test.op("eq", test.op("load", column, entry), part)
        same = test.op("bitwise_and", same, equal)
    goes_on = test.op("bitwise_and", goes_on, test.op("invert", same))
    slot = _next(loop.inner, loop.carried[1], table)
    found = loop.close(goes_on, [loop.inner.op("load", table, slot), slot])
    for result, value in zip(instr.results, body.launch(kernel, found), strict=True):
        body.scalars[result] = value


def key_slots(body: Body, instr: Instr) -> None:
    """The slots of entries that are all different."""
    count, *columns = instr.operands
    stored = [body.buffer(v) for v in columns]
    entries = body.scalar(count)
    storage = body.fresh(body.type(instr.result))
    table = storage.buffer
    kernel = body.scope.child("kernel")
    p = body.puller()
    empty = kernel.index(EMPTY)
    loop_nests.fill(p, kernel, table, body.type(instr.result).shape, lambda _, s: s.use(empty))
    each = Loop(kernel, entries.dim)
    scope = each.inner
    key = [scope.op("load", column, each.i) for column in stored]
    search = WhileLoop(scope, [_slot_of(scope, key, table)])
    taken = search.test.op("load", table, search.tested[0])
    taken = search.test.op("ne", taken, search.test.index(EMPTY))
    (slot,) = search.close(taken, [_next(search.inner, search.carried[0], table)])
    scope.op("store", table, each.i, slot)
    each.close()
    body.launch(kernel)
    body.place(instr.result, storage)


def _mask(scope: Scope, table: Value) -> Value:
    size = scope.index(table.shape[0])
    found: Value = scope.op("sub", size, scope.index(1))
    return found


def _next(scope: Scope, slot: Value, table: Value) -> Value:
    further = scope.op("add", slot, scope.index(1))
    found: Value = scope.op("bitwise_and", further, _mask(scope, table))
    return found


def _slot_of(scope: Scope, key: Sequence[Value], table: Value) -> Value:
    """Where the search for a key begins (``hash_of`` is its reference)."""
    factor, half = scope.own(scope.b.const(FACTOR, _WORD)), scope.own(scope.b.const(_HALF, _WORD))
    found = scope.own(scope.b.const(0, _WORD))
    for part in key:
        found = scope.op("bitwise_xor", found, _bits(scope, part))
        found = scope.op("mul", found, factor)
        found = scope.op("bitwise_xor", found, scope.op("shift_right", found, half))
    slot = scope.op("convert", found, dtype=DTYPES["i64"])
    first: Value = scope.op("bitwise_and", slot, _mask(scope, table))
    return first


def _bits(scope: Scope, part: Value) -> Value:
    """A number as 64 bits: the two zeros are one number."""
    if not is_float(part.dtype):
        if part.dtype == DTYPES["bool"]:
            part = scope.op("convert", part, dtype=DTYPES["i64"])
        whole: Value = scope.op("convert", part, dtype=_WORD)
        return whole
    wide = scope.op("convert", part, dtype=DTYPES["f64"])
    zero = scope.own(scope.b.const(0.0, "f64"))
    wide = scope.op("select", scope.op("eq", wide, zero), zero, wide)
    bits: Value = scope.op("bitcast", wide, dtype=_WORD)
    return bits
