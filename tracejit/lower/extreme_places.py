"""Where along an axis the extreme is: argmin and argmax as loops.

The chain from one element to the next is a comparison and two selections, which no processor does
for many elements at once. So a long axis goes in blocks: the extreme of a block is a fold, which is
vector code; the chain runs over blocks; the place in the best block is a fold again. Floats are
integers that order alike there (`float_order.py`). Among flags the first block with one decides.

On a GPU it is one loop: threads take parts of it (`running.py`).
"""

from __future__ import annotations

from tracejit.dtypes import is_bool, is_complex, is_float, is_inexact, is_narrow
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, ceildiv, emin
from tracejit.ir.regions import Loop, Scope, WhileLoop
from tracejit.ir.types import DTYPES
from tracejit.lower import float_order
from tracejit.lower.element import Index, Puller

_BETTER = {"argmin": "lt", "argmax": "gt"}
_EXTREME = {"argmin": "minimum", "argmax": "maximum"}
#: Whether a flag that is set is the extreme.
_SET = {"argmin": False, "argmax": True}
_BLOCK = 512
#: An axis known to be shorter goes element by element.
_SHORT = 64


def arg_reduce(p: Puller, scope: Scope, instr: Instr, at: Index) -> Value:
    """Index of the first extremum along one axis; the first nan wins."""
    (x,) = instr.operands
    extent = p.shape(x)[instr.attrs["axis"]]
    plain = is_complex(x.dtype) or is_narrow(x.dtype)
    if plain or p.gpu or (isinstance(extent, int) and extent < _SHORT):
        return _one_by_one(p, scope, instr, at)
    return (_first_flag if is_bool(x.dtype) else _by_blocks)(p, scope, instr, at)


def _element(p: Puller, instr: Instr, at: Index, i: Dim, scope: Scope) -> Value:
    axis = instr.attrs["axis"]
    return p.pull(instr.operands[0], (*at[:axis], i, *at[axis:]), scope)


def _number(p: Puller, instr: Instr, at: Index, i: Dim, scope: Scope) -> Value:
    """An element, of flags as an integer."""
    value = _element(p, instr, at, i, scope)
    if not is_bool(value.dtype):
        return value
    number: Value = scope.op("convert", value, dtype=DTYPES["u8"])
    return number


def _one_by_one(p: Puller, scope: Scope, instr: Instr, at: Index) -> Value:
    extent = p.shape(instr.operands[0])[instr.attrs["axis"]]
    loop = Loop(scope, extent - 1, [_number(p, instr, at, 0, scope), scope.index(0)])
    i = loop.i.dim + 1
    value = _number(p, instr, at, i, loop.inner)
    return loop.close(_better(loop, instr, value, loop.inner.index(i)))[1]


def _key(p: Puller, instr: Instr, at: Index, i: Dim, scope: Scope) -> Value:
    """What orders an element: of a float an integer, in which both zeros are one."""
    value = _element(p, instr, at, i, scope)
    if not is_float(value.dtype):
        return value
    zero = scope.own(scope.b.const(0.0, value.dtype))
    found: Value = scope.op("add", value, zero)
    return float_order.key(scope, found, _EXTREME[instr.name])


def _by_blocks(p: Puller, scope: Scope, instr: Instr, at: Index) -> Value:
    extent = p.shape(instr.operands[0])[instr.attrs["axis"]]
    first = _key(p, instr, at, 0, scope)
    blocks = Loop(scope, ceildiv(extent, _BLOCK), [first, scope.index(0)])
    k = blocks.i.dim
    start = _key(p, instr, at, k * _BLOCK, blocks.inner)
    fold = Loop(blocks.inner, _length(k, extent), [start])
    key = _key(p, instr, at, k * _BLOCK + fold.i.dim, fold.inner)
    (most,) = fold.close([fold.inner.op(_EXTREME[instr.name], fold.carried[0], key)])
    best, block = blocks.close(_better(blocks, instr, most, blocks.inner.index(k)))

    search = Loop(scope, _length(block.dim, extent), [scope.index(extent)])
    i = block.dim * _BLOCK + search.i.dim
    hit = search.inner.op("eq", _key(p, instr, at, i, search.inner), search.inner.use(best))
    place = search.inner.op("select", hit, search.inner.index(i), search.inner.index(extent))
    return search.close([search.inner.op("minimum", search.carried[0], place)])[0]


def _first_flag(p: Puller, scope: Scope, instr: Instr, at: Index) -> Value:
    """Of flags: the first true (argmin: false) one, or 0."""
    extent = p.shape(instr.operands[0])[instr.attrs["axis"]]

    def hits(i: Dim, inner: Scope) -> Value:
        flag = _element(p, instr, at, i, inner)
        return flag if _SET[instr.name] else inner.op("invert", flag)

    no = scope.own(scope.b.const(False, "bool"))
    loop = WhileLoop(scope, [scope.index(0), no])
    test, inner = loop.test, loop.inner
    left = test.op("lt", loop.tested[0], test.index(ceildiv(extent, _BLOCK)))
    k = loop.carried[0].dim
    fold = Loop(inner, _length(k, extent), [inner.use(no)])
    (some,) = fold.close(
        [fold.inner.op("bitwise_or", fold.carried[0], hits(k * _BLOCK + fold.i.dim, fold.inner))]
    )
    goes_on = test.op("bitwise_and", left, test.op("invert", loop.tested[1]))
    behind, found = loop.close(goes_on, [inner.index(k + 1), some])

    # A hit is near where there are many: one by one.
    start = scope.op("select", found, scope.index((behind.dim - 1) * _BLOCK), scope.index(0))
    missed = scope.op("invert", hits(start.dim, scope))
    search = WhileLoop(scope, [start, scope.op("bitwise_and", found, missed)])
    following = search.carried[0].dim + 1
    missed = search.inner.op("invert", hits(following, search.inner))
    return search.close(search.tested[1], [search.inner.index(following), missed])[0]


def _length(block: Dim, extent: Dim) -> Dim:
    """How many elements a block has."""
    return emin(_BLOCK, extent - block * _BLOCK)


def _better(loop: Loop, instr: Instr, value: Value, place: Value) -> list[Value]:
    """The better of what the loop carries and a value, and its place."""
    inner, (best, where) = loop.inner, loop.carried
    better = inner.op(_BETTER[instr.name], value, best)
    if is_inexact(value.dtype):
        settled = inner.op("invert", inner.op("isnan", best))
        fresh_nan = inner.op("bitwise_and", inner.op("isnan", value), settled)
        better = inner.op("bitwise_and", inner.op("bitwise_or", better, fresh_nan), settled)
    return [inner.op("select", better, value, best), inner.op("select", better, place, where)]
