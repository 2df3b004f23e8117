"""Loops, sums and folds at the top of a kernel whose work the threads of the pool share.

Each becomes a function of its own over a range of iterations. Where the work is worth it at run
time the pool runs that on pieces, through a task that reads the operands from a closure; else the
kernel calls it on the whole range. `tracejit/lower/schedule.py` says which ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.codegen_llvm.lower_sum import SUM, Sum, plus
from tracejit.codegen_llvm.pool_text import COUNTER
from tracejit.dtypes import is_signed
from tracejit.ir.core import Function, Instr
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.scalar.emit import BOOL, I64
from tracejit.ir.types import Type
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import merge
from tracejit.llvm_text.lower_control import (
    CONTROL,
    packed,
    result_type,
    return_results,
    unpack,
)
from tracejit.llvm_text.lower_function import (
    FunctionText,
    Pointer,
    Rule,
    joined,
    number,
    parts,
)
from tracejit.lower import schedule
from tracejit.lower.schedule import Shared

#: How often a sum is halved before its parts are shared out, and how many elements it then has.
_LEVELS = 5
_LEAST_SUM = 256 << _LEVELS

_DECLARE = "declare i64 @tj_parallel(ptr, ptr, i64, i64)"


class Closure:
    """Operands that a task reads from memory: scalars of `f`, each part in a slot of 8 bytes."""

    def __init__(self, f: FunctionText, given: Sequence[Any], more: int = 0) -> None:
        texts = dict.fromkeys(p.text for s in given for p in parts(s) if p.text.startswith("%"))
        self.names = {text: f"%a{k}" for k, text in enumerate(texts)}
        kept = {p.text: p for s in given for p in parts(s)}
        self.parts = [kept[text] for text in texts]
        self.noalias = [text in f.alone for text in texts]
        self.slots = len(self.parts) + more

    def inside(self, scalar: Any, type_: Type) -> Any:
        """What a scalar is called in the function; literals and symbols stay as they are."""
        return joined(type_, iter([self.names.get(p.text, p.text) for p in parts(scalar)]))

    @property
    def params(self) -> list[str]:
        """Parameters of the function."""
        return [
            f"{p.type}{' noalias' if alone else ''} {self.names[p.text]}"
            for p, alone in zip(self.parts, self.noalias, strict=True)
        ]

    @property
    def operands(self) -> list[str]:
        """Operands of a call of the function where it is called directly."""
        return [str(p) for p in self.parts]

    def fill(self, f: FunctionText) -> Pointer:
        """Memory of this call with the operands in it."""
        memory = f.stack(f"[{max(1, self.slots)} x i64]")
        for k, part in enumerate(self.parts):
            f.e.line(f"store {part}, {f.at(memory, 8 * k)}")
        return memory

    def read(self, f: FunctionText) -> list[str]:
        """The operands as a task finds them."""
        found = []
        for k, part in enumerate(self.parts):
            name = f.e.fresh()
            f.e.line(f"{name} = load {part.type}, {f.at(Pointer('%closure'), 8 * k)}")
            found.append(f"{part.type} {name}")
        return found


def _define(
    f: FunctionText, hint: str, kind: str, params: str, inner: FunctionText, attrs: str = ""
) -> str:
    body = f"({params}) noinline {attrs}#0 {{\nentry:\n{inner.body()}\n}}"
    return f.module.define(hint, lambda name: f"define internal {kind} {name}{body}")


def _task(f: FunctionText, inner: FunctionText) -> str:
    inner.e.line("ret void")
    # It does nothing that is worth optimising, which takes time.
    return _define(f, "task", "void", "ptr %closure, i64 %lo, i64 %hi", inner, "optnone ")


def _if_worth(
    f: FunctionText,
    shared: Shared,
    alone: Callable[[], list[Any]],
    together: Callable[[Reg], list[Any]],
    types: Sequence[Type],
    least: int = 0,
) -> list[Any]:
    """``together(least work of a piece)`` where there is enough to do, else ``alone()``."""
    e = f.e
    trip, cost = f.dim(shared.trip), f.dim(shared.cost)
    worth = e.icmp("ge", f.mul(trip, cost), f.const(schedule.WORTH))
    if least:
        worth = e.iand(worth, e.icmp("ge", trip, f.const(least)))
    share, stay, after = e.fresh_label("share"), e.fresh_label("alone"), e.fresh_label("after")
    e.line(f"br {worth}, label %{share}, label %{stay}")
    e.label(share)
    known = number(cost)
    if known is not None:
        piece = f.const(max(shared.least, -(-schedule.PIECE // max(1, known))))
    else:
        f.module.declare("declare i64 @llvm.smax.i64(i64, i64)")
        each = e.op(I64, f"call i64 @llvm.smax.i64({cost}, i64 1)")
        some = f.add(e.op(I64, f"sdiv i64 {schedule.PIECE}, {each.text}"), f.const(1))
        piece = e.op(I64, f"call i64 @llvm.smax.i64({some}, i64 {shared.least})")
    edges = [(together(piece), e.block)]
    e.line(f"br label %{after}")
    e.label(stay)
    edges.append((alone(), e.block))
    e.line(f"br label %{after}")
    e.label(after)
    return merge(f, types, [(block, scalars) for scalars, block in edges])


def counts_launches(f: FunctionText) -> str:
    """Declare the launch; the name of the global that counts those in which threads helped."""
    f.module.declare(_DECLARE)
    f.module.tables[f"@{COUNTER}"] = f"@{COUNTER} = global i64 0"
    return COUNTER


def _launch(f: FunctionText, task: str, closure: Pointer, total: Reg, least: Reg) -> None:
    counts_launches(f)
    helped = f.e.op(I64, f"call i64 @tj_parallel(ptr {task}, {closure}, {total}, {least})")
    f.e.line(f"{f.e.fresh()} = atomicrmw add ptr @{COUNTER}, {helped} monotonic")


# -- loops -------------------------------------------------------------------------------------


def _for(f: FunctionText, instr: Instr) -> None:
    shared = f.shared.get(instr)
    if not isinstance(shared, Shared):
        CONTROL["for"](f, instr)
    elif shared.way == "fold":
        _fold(f, instr, shared)
    else:
        _loop(f, instr, shared)


def _outlined(f: FunctionText, instr: Instr, closure: Closure, shared: Shared) -> FunctionText:
    """A function that runs a nest of loops, one of them from `%lo` to `%hi` only."""
    inner = FunctionText(f.module, kernel=True)
    scalars = [closure.inside(f.scalar(v), v.type) for v in instr.operands]
    inner.bind(instr.operands, scalars)
    inner.alone = {name for name, a in zip(closure.names.values(), closure.noalias) if a}
    inner.spans[shared.loop] = (Reg("%lo", I64), Reg("%hi", I64))
    inner.instr(instr)
    return inner


def _loop(f: FunctionText, instr: Instr, shared: Shared) -> None:
    closure = Closure(f, [f.scalar(v) for v in instr.operands])
    inner = _outlined(f, instr, closure, shared)
    inner.e.line("ret void")
    params = ", ".join([*closure.params, "i64 %lo", "i64 %hi"])
    symbol = _define(f, "shared", "void", params, inner)
    trip = f.dim(shared.trip)

    def alone() -> list[Any]:
        f.e.line(f"call void {symbol}({', '.join([*closure.operands, 'i64 0', str(trip)])})")
        return []

    def together(least: Reg) -> list[Any]:
        task = FunctionText(f.module, kernel=True)
        operands = ", ".join([*closure.read(task), "i64 %lo", "i64 %hi"])
        task.e.line(f"call void {symbol}({operands})")
        _launch(f, _task(f, task), closure.fill(f), trip, least)
        return []

    _if_worth(f, shared, alone, together, [])


# -- folds of exact operations -----------------------------------------------------------------

#: What a piece of a fold begins with; the extremes begin with what the whole begins with.
_NEUTRAL = {"add": 0, "bitwise_or": 0, "bitwise_xor": 0, "bitwise_and": -1}
_ATOMIC = {"bitwise_or": "or", "bitwise_xor": "xor", "bitwise_and": "and", "add": "add"}


def _fold(f: FunctionText, instr: Instr, shared: Shared) -> None:
    """Pieces from neutral values, each put into the result at once when it is done."""
    op = RegionOp(instr)
    inits = [f.scalar(v) for v in op.inits]
    closure = Closure(f, [f.scalar(v) for v in instr.operands], more=len(inits))
    types = [r.type for r in instr.results]
    result = result_type(types)
    starts = [Reg(f"%start{k}", s.dtype) for k, s in enumerate(inits)]
    inner = FunctionText(f.module, kernel=True)
    inner.bind(instr.operands, [closure.inside(f.scalar(v), v.type) for v in instr.operands])
    inner.bind(op.inits, starts)
    inner.alone = {name for name, a in zip(closure.names.values(), closure.noalias) if a}
    inner.spans[instr] = (Reg("%lo", I64), Reg("%hi", I64))
    inner.instr(instr)
    return_results(inner, [inner.scalar(r) for r in instr.results], result)
    params = ", ".join([*map(str, starts), *closure.params, "i64 %lo", "i64 %hi"])
    symbol = _define(f, "shared", result, params, inner)
    trip, first = f.dim(shared.trip), len(closure.parts)

    def alone() -> list[Any]:
        rest = [*closure.operands, "i64 0", str(trip)]
        return unpack(f, f"call {result} {symbol}({', '.join([*map(str, inits), *rest])})",
                      result, types)  # fmt: skip

    def together(least: Reg) -> list[Any]:
        task = FunctionText(f.module, kernel=True)
        rest = closure.read(task)
        begin = [
            _start(task, name, s, closure.inside(s, r.type), rest, closure)
            for name, s, r in zip(shared.folds, inits, instr.results, strict=True)
        ]
        operands = ", ".join([*map(str, begin), *rest, "i64 %lo", "i64 %hi"])
        found = unpack(task, f"call {result} {symbol}({operands})", result, types)
        for k, (name, scalar) in enumerate(zip(shared.folds, found, strict=True)):
            _update(task, name, Pointer("%closure"), 8 * (first + k), scalar)
        memory = closure.fill(f)
        for k, scalar in enumerate(inits):
            f.e.line(f"store {_in_memory(f, scalar)}, {f.at(memory, 8 * (first + k))}")
        _launch(f, _task(f, task), memory, trip, least)
        return [_loaded(f, f.at(memory, 8 * (first + k)), s) for k, s in enumerate(inits)]

    f.bind(instr.results, _if_worth(f, shared, alone, together, types))


def _start(
    task: FunctionText, name: str, init: Reg, inside: Reg, read: Sequence[str], closure: Closure
) -> Reg:
    """What a piece begins with."""
    if name in _NEUTRAL:
        neutral = task.e.const(np.array(_NEUTRAL[name]).astype(init.dtype)[()], init.dtype)
        assert isinstance(neutral, Reg)
        return neutral
    if inside.text == init.text and not init.text.startswith("%"):
        return init
    place = list(closure.names.values()).index(inside.text)
    return Reg(read[place].split(" ", 1)[1], init.dtype)


def _update(task: FunctionText, name: str, memory: Pointer, offset: int, scalar: Reg) -> None:
    word = _ATOMIC.get(name)
    if word is None:
        word = {"minimum": "min", "maximum": "max"}[name]
        word = word if is_signed(scalar.dtype) else f"u{word}"
    kept = _in_memory(task, scalar)
    task.e.line(f"{task.e.fresh()} = atomicrmw {word} {task.at(memory, offset)}, {kept} monotonic")


def _in_memory(f: FunctionText, scalar: Reg) -> Reg:
    return f.e.int_cast(scalar, I64) if scalar.dtype == BOOL else scalar


def _loaded(f: FunctionText, at: Pointer, like: Reg) -> Reg:
    kind = Reg("", I64) if like.dtype == BOOL else like
    found = f.e.op(kind.dtype, f"load {kind.type}, {at}")
    return f.e.icmp("ne", found, f.const(0)) if like.dtype == BOOL else found


# -- sums --------------------------------------------------------------------------------------

_PARTS = """
  br label %block
block:
  %k = phi i64 [ %lo, %entry ], [ %k1, %sum ]
  br label %walk
walk:
  %level = phi i64 [ TOP, %block ], [ %level1, %walk ]
  %at = phi i64 [ 0, %block ], [ %at1, %walk ]
  %n = phi i64 [ COUNT, %block ], [ %n1, %walk ]
HALF
  %high = sub i64 %n, %low
  %mid = add i64 %at, %low
  %bits = lshr i64 %k, %level
  %bit = trunc i64 %bits to i1
  %at1 = select i1 %bit, i64 %mid, i64 %at
  %n1 = select i1 %bit, i64 %high, i64 %low
  %level1 = sub i64 %level, 1
  %more = icmp sge i64 %level1, 0
  br i1 %more, label %walk, label %sum
sum:
  %part = call RESULT SYMBOL(OPERANDS) noinline
  %place = getelementptr RESULT, ptr PARTIAL, i64 %k
  store RESULT %part, ptr %place
  %k1 = add i64 %k, 1
  %again = icmp slt i64 %k1, %hi
  br i1 %again, label %block, label %end
end:"""

_COMBINE = """  br label %level
level:
  %m = phi i64 [ HALF, %entry ], [ %m1, %next ]
  br label %pair
pair:
  %j = phi i64 [ 0, %level ], [ %j1, %pair ]
  %left = shl i64 %j, 1
  %right = or i64 %left, 1
  %pleft = getelementptr RESULT, ptr %parts, i64 %left
  %pright = getelementptr RESULT, ptr %parts, i64 %right
ADD
  %place = getelementptr RESULT, ptr %parts, i64 %j
  store RESULT SUM, ptr %place
  %j1 = add i64 %j, 1
  %more = icmp slt i64 %j1, %m
  br i1 %more, label %pair, label %next
next:
  %m1 = lshr i64 %m, 1
  %again = icmp ne i64 %m1, 0
  br i1 %again, label %level, label %end
end:
  %all = load RESULT, ptr %parts
  ret RESULT %all"""


def _sum(f: FunctionText, instr: Instr) -> None:
    shared = f.shared.get(instr)
    if not isinstance(shared, Shared):
        SUM["sum_pairwise"](f, instr)
        return
    (element,) = instr.regions
    consts = [f.scalar(v) for v in instr.operands[1:]]
    for k, result in enumerate(instr.results):
        one = Function(element.name, element.params, element.instrs, (element.results[k],))
        total = _shared_sum(f, Sum(f, one, result.type), consts, shared)
        f.env[result] = plus(f, f.e.const(0.0, result.dtype), total)


def _shared_sum(f: FunctionText, whole: Sum, consts: list[Any], shared: Shared) -> Any:
    """Halved a few times as it is anyway; the parts are added in the same order."""
    symbol, count = whole.halves(), f.dim(shared.trip)
    rest = [p for a in consts for p in parts(a)]

    def alone() -> list[Any]:
        operands = ", ".join(["i64 0", str(count), *map(str, rest)])
        return unpack(f, f"call {whole.result} {symbol}({operands})", whole.result, [whole.type])

    def together(least: Reg) -> list[Any]:
        partial = f.stack(f"[{1 << _LEVELS} x {whole.result}]", align=64)
        closure = Closure(f, [count, partial, *consts])
        task = FunctionText(f.module, kernel=True)
        found = dict(zip(closure.names, closure.read(task), strict=True))
        inside = [found.get(p.text, str(p)) for p in (count, partial, *rest)]
        names = {
            "TOP": str(_LEVELS - 1),
            "COUNT": inside[0].split(" ", 1)[1],
            "PARTIAL": inside[1].split(" ", 1)[1],
            "HALF": whole.half.rstrip(),
            "SYMBOL": symbol,
            "OPERANDS": ", ".join(["i64 %at1", "i64 %n1", *inside[2:]]),
            "RESULT": whole.result,
        }
        task.e.lines += _filled(_PARTS, names)
        _launch(f, _task(f, task), closure.fill(f), f.const(1 << _LEVELS), f.const(1))
        call = f"call {whole.result} {_combine(f, whole)}({partial})"
        return unpack(f, call, whole.result, [whole.type])

    return _if_worth(f, shared, alone, together, [whole.type], _LEAST_SUM)[0]


def _combine(f: FunctionText, whole: Sum) -> str:
    """The function that adds up parts, neighbours first."""
    inner = FunctionText(f.module, kernel=True)
    sides = [unpack(inner, f"load {whole.result}, ptr %p{side}", whole.result, [whole.type])[0]
             for side in ("left", "right")]  # fmt: skip
    total = packed(inner, [plus(inner, *sides)], whole.result)
    names = {
        "HALF": str(1 << (_LEVELS - 1)),
        "ADD": "\n".join(inner.e.lines),
        "SUM": total,
        "RESULT": whole.result,
    }
    body = "\n".join(_filled(_COMBINE, names))
    text = f"(ptr %parts) noinline #0 {{\nentry:\n{body}\n}}"
    return f.module.define("combine", lambda name: f"define internal {whole.result} {name}{text}")


def _filled(text: str, names: Mapping[str, str]) -> list[str]:
    return re.sub(r"\b[A-Z]{2,}\b", lambda m: names[m[0]], text).strip("\n").splitlines()


SHARED: dict[str, Rule] = {"for": _for, "sum_pairwise": _sum}
