"""Draws of NumPy's generators by NumPy's own C functions, from the state of the very object.

What a method checks before it draws is checked here; where a check fails, Python calls the method,
which raises NumPy's error or draws. So is what is not in the tables: all draw from one stream.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tracejit import abi
from tracejit.abi import generators
from tracejit.codegen_llvm.draw_distributions import distribution_plan
from tracejit.codegen_llvm.draw_integers import choice_plan, integers_plan
from tracejit.codegen_llvm.draw_orders import order_plan
from tracejit.codegen_llvm.draw_python import python_plan
from tracejit.codegen_llvm.draws import Draw, DrawPlan
from tracejit.codegen_llvm.holding_text import RECORD
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.interpret.attempt import AttemptedCall
from tracejit.ir.interpret.draws import HostDraw, HostMake
from tracejit.ir.scalar.emit import BOOL
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer

Call = Callable[[FunctionText], None]
_SPECIAL: dict[str, Callable[[Draw], DrawPlan | None]] = {
    "choice": choice_plan,
    "integers": integers_plan,
    "permutation": order_plan,
    "randint": integers_plan,
    "shuffle": order_plan,
}


def _called(function: object) -> object:
    """The function itself where its exceptions are caught."""
    return function.function if isinstance(function, AttemptedCall) else function


def _draw_of(function: object, operands: Sequence[Value], results: Sequence[Value]) -> Draw | None:
    called = _called(function)
    if not isinstance(called, HostDraw) or called.of is None:
        return None
    source = operands[0] if called.held is None and called.made is None else None
    named = operands[source is not None :]
    given = {**dict(called.options), **dict(zip(called.named, named, strict=False))}
    given.pop("size", None)
    return Draw(called, given, source, results[0], results[1:])


def native_draw(
    function: object, operands: Sequence[Value], results: Sequence[Value], host: Call
) -> Call | None:
    """What draws natively, with ``host`` where NumPy must; None where it always must."""
    made = _called(function)
    if isinstance(made, HostMake):
        return lambda f: _make(f, made, results[0], host)
    found = _planned(function, operands, results)
    if found is None:
        return None
    draw, plan = found
    return lambda f: _Emission(f, draw, plan, host).run()


def draws_natively(function: object, operands: Sequence[Value], results: Sequence[Value]) -> bool:
    """Whether there is native code for a draw."""
    return _planned(function, operands, results) is not None


def _planned(
    function: object, operands: Sequence[Value], results: Sequence[Value]
) -> tuple[Draw, DrawPlan] | None:
    draw = _draw_of(function, operands, results)
    if draw is None or not _sizes_known(draw.result) or _offset(draw) is None:
        return None
    python = draw.of.of is random.Random
    plan = (python_plan if python else _SPECIAL.get(draw.of.method, distribution_plan))(draw)
    return None if plan is None else (draw, plan)


def _offset(draw: Draw) -> int | None:
    """Bytes from the generator to the interface of its bit generator."""
    if draw.of.of is None:
        return None
    if draw.of.of is random.Random:
        return generators.python_state_offset()
    return generators.interface_offset(draw.of.of)


def _sizes_known(result: Value) -> bool:
    """Whether the result lies in C order, and no extent is known to be negative."""
    if not isinstance(result.type, BufferType):
        return True
    step: Dim = result.dtype.itemsize
    for extent, stride in zip(result.shape[::-1], result.type.strides[::-1], strict=True):
        if stride != step or (isinstance(extent, int) and extent < 0):
            return False
        step = step * extent
    return True


# -- around a draw -----------------------------------------------------------------------------


class _Emission:
    """The code of one draw: conditions, the native draw or else the host's, and where they meet."""

    def __init__(self, f: FunctionText, draw: Draw, plan: DrawPlan, host: Call) -> None:
        self.f = f
        self.draw = draw
        self.plan = plan
        self.host = host

    def run(self) -> None:
        f, draw = self.f, self.draw
        conditions: list[Reg] = []
        drawing = self.plan.prepare(f, draw, conditions)
        if draw.sized:
            conditions += [
                f.e.icmp("ge", f.dim(d), f.const(0))
                for d in draw.result.shape
                if not isinstance(d, int)
            ]
        source = self._source(conditions)
        slow = f.e.fresh_label("by_host")
        if conditions:
            fast, ok = f.e.fresh_label("native"), conditions[0]
            for c in conditions[1:]:
                ok = f.e.iand(ok, c)
            f.e.line(f"br {ok}, label %{fast}, label %{slow}, !prof {_likely(f)}")
            f.e.label(fast)
        if draw.of.of is random.Random:
            self._hold_gil()
        elif draw.of.made is None:
            self._hold(source)
        at = generators.gauss_offset() if self.plan.aug else _offset(draw)
        assert at is not None
        value = drawing(f, f.at(source, at))
        if self.plan.retreats:
            self._join(slow, *value)
        elif conditions:
            self._join(slow, value)
        else:
            self._bind(value, f.const(0))

    def _bind(self, value: Any, nothing: Reg) -> None:
        if not self.draw.sized:
            self.f.env[self.draw.result] = value
        self.f.bind(self.draw.failed, [nothing for _ in self.draw.failed])

    def _join(self, slow: str, value: Any, drawn: Reg | None = None) -> None:
        """The host's way, and what holds after either."""
        f, draw = self.f, self.draw
        after, fast = f.e.fresh_label("drawn"), f.e.block
        if drawn is None:
            f.e.line(f"br label %{after}")
        else:
            f.e.line(f"br {drawn}, label %{after}, label %{slow}, !prof {_likely(f)}")
        f.e.label(slow)
        self.host(f)
        scalars = [*([] if draw.sized else [draw.result]), *draw.failed]
        theirs = [f.env[v] for v in scalars]
        ours = [*([] if draw.sized else [value]), *(f.const(0) for _ in draw.failed)]
        end = f.e.block
        f.e.line(f"br label %{after}")
        f.e.label(after)
        for v, a, b in zip(scalars, ours, theirs, strict=True):
            text = f"phi {a.type} [ {a.text}, %{fast} ], [ {b.text}, %{end} ]"
            f.env[v] = f.e.op(a.dtype, text)

    def _source(self, conditions: list[Reg]) -> Pointer:
        """The generator: an operand, an object outside, or what a slot of the core owns."""
        f, draw = self.f, self.draw
        name = f.e.fresh()
        if draw.source is not None:
            f.e.line(f"{name} = inttoptr {f.scalar(draw.source)} to ptr")
            return Pointer(name)
        if draw.of.made is None:
            return Pointer(_symbol(f, draw.of.held))
        f.e.line(f"{name} = load ptr, {_slot(f, draw.of.made)}")
        conditions.append(f.e.op(BOOL, f"icmp ne ptr {name}, null"))
        return Pointer(name)

    def _key(self) -> object:
        """Equal for draws that are known to be from one generator."""
        if self.draw.source is not None:
            return self.f.scalar(self.draw.source)
        return self.draw.of.held

    def _hold(self, source: Pointer) -> None:
        """The lock of the bit generator, unless the core holds it."""
        f = self.f
        record = _record(f, self._key())
        seen, held = f.e.fresh(), f.e.fresh()
        take, go_on = f.e.fresh_label("take_lock"), f.e.fresh_label("locked")
        f.e.line(f"{seen} = load ptr, {record}")
        f.e.line(f"{held} = icmp eq ptr {seen}, {source.text}")
        f.e.line(f"br i1 {held}, label %{go_on}, label %{take}, !prof {_likely(f)}")
        f.e.label(take)
        f.module.declare("declare i32 @tj_hold(ptr, ptr, ptr)")
        f.call_status(f"@tj_hold(ptr %ctx, {record}, {source})")
        f.e.line(f"br label %{go_on}")
        f.e.label(go_on)

    def _hold_gil(self) -> None:
        """The GIL, which is what guards Python's generators, until the core returns."""
        f = self.f
        at = f.at(Pointer("%ctx"), 8 * abi.CTX_THREAD)
        seen, held = f.e.fresh(), f.e.fresh()
        take, go_on = f.e.fresh_label("take_gil"), f.e.fresh_label("with_gil")
        f.e.line(f"{seen} = load ptr, {at}")
        f.e.line(f"{held} = icmp eq ptr {seen}, null")
        f.e.line(f"br i1 {held}, label %{go_on}, label %{take}, !prof {_likely(f)}")
        f.e.label(take)
        f.module.declare("declare void @tj_hold_gil(ptr)")
        f.e.line("call void @tj_hold_gil(ptr %ctx)")
        f.e.line(f"br label %{go_on}")
        f.e.label(go_on)


def _likely(f: FunctionText) -> str:
    """Metadata that says that a branch goes its first way."""
    return f.module.node('!{!"branch_weights", i32 2000, i32 1}')


def _symbol(f: FunctionText, held: object) -> str:
    """An object outside, which the table of host calls keeps alive."""
    for name, address in f.module.symbols.items():
        if name.startswith("generator.") and address == id(held):
            return f"@{name}"
    name = f"generator.{sum(s.startswith('generator.') for s in f.module.symbols)}"
    f.module.symbols[name] = id(held)
    f.module.host.held.append(held)
    f.module.tables[f"@{name}"] = f"@{name} = external global i8"
    return f"@{name}"


def _record(f: FunctionText, key: object) -> Pointer:
    """The core's record for a generator (`holding_text`)."""

    def new() -> Pointer:
        record = f.stack(RECORD)
        f.entry.append(f"  store {RECORD} zeroinitializer, {record}")
        return record

    f.module.declare("declare void @tj_release_held(ptr)")
    f.leaves("call void @tj_release_held(ptr %ctx)")
    return f.kept(("record", key if isinstance(key, Reg) else id(key)), new)


def _slot(f: FunctionText, made: object) -> Pointer:
    """The core's place for a generator that the program makes on some line, and its reference."""

    def new() -> Pointer:
        slot = f.stack("ptr")
        f.entry.append(f"  store ptr null, {slot}")
        f.module.declare("declare void @tj_keep(ptr, ptr, ptr)")
        f.leaves(f"call void @tj_keep(ptr %ctx, {slot}, ptr null)")
        return slot

    return f.kept(made, new)


def _make(f: FunctionText, make: HostMake, result: Value, host: Call) -> None:
    """The host makes the generator; the core owns a reference until the line runs again."""
    host(f)
    slot, name = _slot(f, make.made), f.e.fresh()
    f.e.line(f"{name} = inttoptr {f.scalar(result)} to ptr")
    f.e.line(f"call void @tj_keep(ptr %ctx, {slot}, ptr {name})")
