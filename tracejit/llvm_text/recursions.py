"""`recursion` and `recur`: a function of the host that calls itself.

It takes the context, the room that is left, the arguments and what it reads outside, and returns
whether it failed, then its results. A call that finds the stack used up raises; now and then one
asks whether the user has pressed Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.ir.core import Function, Instr
from tracejit.ir.scalar.emit import I64
from tracejit.ir.types import Type, tensor
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import poll
from tracejit.llvm_text.lower_control import packed, parameters, report, result_type, unpack
from tracejit.llvm_text.lower_function import FunctionText, Pointer, Rule, parts
from tracejit.records import dataclass

#: Calls between two questions about Ctrl-C.
_PATIENCE = 1 << 16
_STATUS = tensor("i32")
_SELF = "@SELF"


@dataclass(frozen=True)
class RecursiveFunction:
    """How a recursion is called: its symbol, what it reads outside, and its room.

    ``room``: where the address below which the stack may not grow is, then how many calls it is
    to the next question about Ctrl-C.
    """

    symbol: str
    outer: Sequence[Any]
    types: tuple[Type, ...]
    room: Pointer

    @property
    def result(self) -> str:
        return result_type([_STATUS, *self.types])

    def call(self, f: FunctionText, args: Sequence[Any]) -> list[Any]:
        """Call it; its results."""
        values = [p for a in (self.room, *args, *self.outer) for p in parts(a)]
        given = ", ".join(["ptr %ctx", *map(str, values)])
        text = f"call {self.result} {self.symbol}({given})"
        status, *results = unpack(f, text, self.result, [_STATUS, *self.types])
        failed, good = f.e.icmp("ne", status, Reg("0", status.dtype)), f.e.fresh_label("back")
        f.e.line(f"br {failed}, label %{f.fail()}, label %{good}")
        f.e.label(good)
        return results


def _recursion(f: FunctionText, instr: Instr) -> None:
    operands, count = [f.scalar(v) for v in instr.operands], instr.attrs["args"]
    room = f.recursion.room if isinstance(f.recursion, RecursiveFunction) else _room(f)
    types = tuple(instr.attrs["types"])
    symbol = _defined(f, instr.regions[0], count, types)
    made = RecursiveFunction(symbol, operands[count:], types, room)
    f.bind(instr.results, made.call(f, operands[:count]))


def _room(f: FunctionText) -> Pointer:
    """The room of a recursion that is in no other."""
    room = f.stack("[2 x i64]")
    here = f.e.op(I64, f"ptrtoint {room} to i64")
    f.module.declare("declare i64 @tj_stack_limit(i64)")
    limit = f.e.op(I64, f"call i64 @tj_stack_limit({here})")
    f.e.line(f"store {limit}, {room}")
    f.e.line(f"store i64 {_PATIENCE}, {f.at(room, 8)}")
    return room


def _defined(f: FunctionText, body: Function, count: int, types: tuple[Type, ...]) -> str:
    """The symbol of the function that runs a body."""
    inner = FunctionText(f.module, kernel=False)
    texts, args = parameters(body.params, set(range(len(body.params))))
    inner.recursion = made = RecursiveFunction(_SELF, args[count:], types, Pointer("%room"))
    if inner.run(body, args):
        scalars = [Reg("0", _STATUS.dtype), *inner.results(body)]
        held = packed(inner, scalars, made.result)
        inner.e.lines += [f"  {line}" for line in inner.leaving]
        inner.e.line(f"ret {made.result} {held}")
    lines = [f"(ptr %ctx, ptr %room{', ' * bool(texts)}{texts}) #0 {{", "entry:", inner.body()]
    if inner.fails:
        lines += ["fail:", *(f"  {line}" for line in inner.leaving)]
        bad = _failure(made.result)
        lines.append(f"  ret {made.result} {bad}")
    text = "\n".join([*lines, "}"])
    return f.module.define(
        "recursion",
        lambda name: f"define internal {made.result} {name}{text}".replace(_SELF, name),
    )


def _failure(result: str) -> str:
    """The struct of a call that failed."""
    kinds = result.strip("{} ").split(", ")
    return f"{{ {', '.join(['i32 1', *(f'{kind} poison' for kind in kinds[1:])])} }}"


def _recur(f: FunctionText, instr: Instr) -> None:
    made, e = f.recursion, f.e
    assert isinstance(made, RecursiveFunction), "recur outside of a recursion"
    here = e.op(I64, f"ptrtoint {f.kept('here', lambda: f.stack('i64'))} to i64")
    limit = e.op(I64, f"load i64, {made.room}")
    deep, on = e.fresh_label("deep"), e.fresh_label("on")
    e.line(f"br {e.icmp('lt', here, limit)}, label %{deep}, label %{on}")
    e.label(deep)
    report(f, instr, ())
    e.label(on)
    _poll_at_times(f, made.room)
    f.bind(instr.results, made.call(f, [f.scalar(v) for v in instr.operands]))


def _poll_at_times(f: FunctionText, room: Pointer) -> None:
    e, at = f.e, f.at(room, 8)
    left = e.op(I64, f"load i64, {at}")
    rest = e.op(I64, f"sub nuw nsw {left}, 1")
    e.line(f"store {rest}, {at}")
    ask, on = e.fresh_label("poll"), e.fresh_label("on")
    e.line(f"br {e.icmp('eq', rest, f.const(0))}, label %{ask}, label %{on}")
    e.label(ask)
    e.line(f"store i64 {_PATIENCE}, {at}")
    poll(f)
    e.line(f"br label %{on}")
    e.label(on)


RECURSION: dict[str, Rule] = {"recursion": _recursion, "recur": _recur}
