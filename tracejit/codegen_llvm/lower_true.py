"""`for_true` and `sum_true`: what is done where a mask holds, 64 positions at a time.

A function gives the mask of 64 positions as the bits of one integer, by vector code where the mask
has a vector form. A loop then takes the set bits out one after another, so that positions where the
mask does not hold cost next to nothing and no branch depends on a single element. Where it holds at
all 64, a plain loop runs, which LLVM makes vector code of.

A sum fills a block of at most 128 numbers and adds it up in NumPy's order (`lower_sum.py`); how
far it has come is kept between blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tracejit.codegen_llvm.lower_sum import Lane, Sum, plus
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr
from tracejit.ir.scalar.emit import I64
from tracejit.ir.types import INDEX, TensorType, dense_buffer, tensor
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.emit_vector import NoVectorForm
from tracejit.llvm_text.lower_control import parameters
from tracejit.llvm_text.lower_function import FunctionText, Rule, parts
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar

Visit: TypeAlias = Callable[[Reg], None]

_BITS = 64
#: A mask of more instructions is evaluated by 8 positions, in a loop.
_SMALL = 12


class _Cell:
    """A variable of a function, in memory until LLVM puts it into a register."""

    def __init__(self, f: FunctionText, type_: TensorType, start: Any) -> None:
        self.f, self.dtype = f, type_.dtype
        self.place = f.stack(f"[{type_.dtype.itemsize} x i8]", align=16)
        self.set(start)

    def get(self) -> Any:
        return load_scalar(self.f, self.place, self.dtype)

    def set(self, scalar: Any) -> None:
        store_scalar(self.f, self.place, scalar)


def _for_true(f: FunctionText, instr: Instr) -> None:
    mask, body = instr.regions
    n, *rest = [f.scalar(v) for v in instr.operands]
    count = instr.attrs["carried"]
    inits, consts = rest[:count], rest[count:]
    carried = [
        _Cell(f, v.type, x)
        for v, x in zip(instr.operands[1 : 1 + count], inits, strict=True)
        if isinstance(v.type, TensorType)
    ]
    walk = _Walk(f, mask, n, consts)

    def visit(i: Reg) -> None:
        f.run(body, [i, *(c.get() for c in carried), *consts])
        for cell, result in zip(carried, f.results(body), strict=True):
            cell.set(result)

    walk.all(visit)
    f.bind(instr.results, [c.get() for c in carried])


class _Walk:
    """Goes through the positions where a mask holds; `base` is the first one of the block."""

    def __init__(self, f: FunctionText, mask: Function, n: Reg, consts: Sequence[Any]) -> None:
        self.f, self.n, self.consts = f, n, consts
        self.symbol = bits_function(f, mask)
        self.base = _Cell(f, tensor("i64"), f.const(-_BITS))
        self.bits = _Cell(f, tensor("i64"), f.const(0))

    def all(self, visit: Visit) -> None:
        """Code for every position."""
        e = self.f.e
        block, ask, inside, after = map(e.fresh_label, ("block", "ask", "inside", "after"))
        e.line(f"br label %{block}")
        e.label(block)
        self.advance(ask, block, after, visit)
        for label in (ask, inside):  # the same question before and after each visit
            e.label(label)
            if label == inside:
                visit(self.take())
            some = e.icmp("ne", self.bits.get(), self.f.const(0))
            e.line(f"br {some}, label %{inside}, label %{block}")
        e.label(after)

    def advance(
        self, ask: str, visited: str, after: str, visit: Visit, room: Reg | None = None
    ) -> None:
        """The bits of the next block, then to `ask`; to `after` when there is none.

        A full block is visited at once, given `room` for it, then to `visited`.
        """
        e = self.f.e
        base = e.iadd(self.base.get(), self.f.const(_BITS))
        self.base.set(base)
        more, load = e.icmp("lt", base, self.n), e.fresh_label("load")
        e.line(f"br {more}, label %{load}, label %{after}")
        e.label(load)
        operands = [str(base), *(str(p) for c in self.consts for p in parts(c)), str(self.n)]
        bits = e.op(I64, f"call i64 {self.symbol}({', '.join(operands)})")
        self.bits.set(bits)
        full = e.icmp("eq", bits, self.f.const(-1))
        full = full if room is None else e.iand(full, room)
        dense = e.fresh_label("dense")
        e.line(f"br {full}, label %{dense}, label %{ask}")
        e.label(dense)
        self._block(base, visit)
        self.bits.set(self.f.const(0))
        e.line(f"br label %{visited}")

    def _block(self, base: Reg, visit: Visit) -> None:
        """Every position of a block."""
        e = self.f.e
        j = _Cell(self.f, tensor("i64"), self.f.const(0))
        each, end = e.fresh_label("each"), e.fresh_label("end")
        e.line(f"br label %{each}")
        e.label(each)
        at = j.get()
        visit(e.iadd(base, at))
        after = e.iadd(at, self.f.const(1))
        j.set(after)
        e.line(f"br {e.icmp('lt', after, self.f.const(_BITS))}, label %{each}, label %{end}")
        e.label(end)

    def take(self) -> Reg:
        """The position of the lowest bit, which is cleared."""
        e = self.f.e
        bits = self.bits.get()
        self.f.module.declare("declare i64 @llvm.cttz.i64(i64, i1)")
        i = e.iadd(self.base.get(), e.op(I64, f"call i64 @llvm.cttz.i64({bits}, i1 true)"))
        self.bits.set(e.iand(bits, e.isub(bits, self.f.const(1))))
        return i


# -- masks as bits -----------------------------------------------------------------------------


def bits_function(f: FunctionText, mask: Function) -> str:
    """`i64 bits(i64 base, consts…, i64 n)`: bit j says whether the mask holds at base + j < n."""
    params, args = parameters(mask.params, set())
    k = FunctionText(f.module, kernel=True)
    try:
        _whole(k, mask, args)
    except NoVectorForm:
        k = FunctionText(f.module, kernel=True)
        k.e.line("br label %rest")
    _rest(k, mask, args)
    text = f"({params}, i64 %n) alwaysinline #0 {{\nentry:\n{k.body()}\n}}"
    return f.module.define("bits", lambda name: f"define internal i64 {name}{text}")


def _whole(k: FunctionText, mask: Function, args: list[Any]) -> None:
    """All positions are below n."""
    e, base = k.e, args[0]
    fits = e.icmp("le", e.iadd(base, k.const(_BITS)), Reg("%n", I64))
    e.line(f"br {fits}, label %whole, label %rest")
    e.label("whole")
    if len(mask.instrs) <= _SMALL:
        lanes = Lane(k, mask, args, _BITS).at(base)
        e.line(f"ret {e.op(I64, f'bitcast {lanes} to i64')}")
        return
    j, bits = _Cell(k, tensor("i64"), k.const(0)), _Cell(k, tensor("i64"), k.const(0))
    e.line("br label %eight")
    e.label("eight")
    at = j.get()
    lanes = Lane(k, mask, args, 8).at(e.iadd(base, at))
    byte = e.fresh()
    e.line(f"{byte} = bitcast {lanes} to i8")
    found = e.op(I64, f"zext i8 {byte} to i64")
    bits.set(e.ior(bits.get(), e.op(I64, f"shl {found}, {at.text}")))
    after = e.iadd(at, k.const(8))
    j.set(after)
    e.line(f"br {e.icmp('lt', after, k.const(_BITS))}, label %eight, label %eights")
    e.label("eights")
    e.line(f"ret {bits.get()}")


def _rest(k: FunctionText, mask: Function, args: list[Any]) -> None:
    """One position after another, up to n or 64."""
    e, base = k.e, args[0]
    e.label("rest")
    left = e.isub(Reg("%n", I64), base)
    count = e.select(e.icmp("lt", left, k.const(_BITS)), left, k.const(_BITS))
    j, bits = _Cell(k, tensor("i64"), k.const(0)), _Cell(k, tensor("i64"), k.const(0))
    e.line("br label %one")
    e.label("one")
    at = j.get()
    k.run(mask, [e.iadd(base, at), *args[1:]])
    (holds,) = k.results(mask)
    bits.set(e.ior(bits.get(), e.op(I64, f"shl {e.int_cast(holds, I64)}, {at.text}")))
    after = e.iadd(at, k.const(1))
    j.set(after)
    e.line(f"br {e.icmp('lt', after, count)}, label %one, label %done")
    e.label("done")
    e.line(f"ret {bits.get()}")


# -- sums --------------------------------------------------------------------------------------


def _sum_true(f: FunctionText, instr: Instr) -> None:
    count, n, *consts = [f.scalar(v) for v in instr.operands]
    total = _SumTrue(f, instr)
    size = total.block * instr.result.dtype.itemsize
    block, state = f.stack(f"[{size} x i8]", align=64), f.stack("[2 x i64]", align=16)
    f.e.line(f"store i64 {-_BITS}, {state}")
    f.e.line(f"store i64 0, {f.at(state, 8)}")
    found = total.call(f, count, [block, state, n, *consts], None)
    f.env[instr.result] = plus(f, f.e.const(0.0, instr.result.dtype), found)


class _SumTrue(Sum):
    """The functions that sum blocks of selected elements."""

    def __init__(self, f: FunctionText, instr: Instr) -> None:
        mask, element = instr.regions
        self.mask, self.selected = mask, element
        dtype = instr.result.dtype
        b = Builder("held")
        i = b.param(INDEX, "i")
        held = b.param(dense_buffer(tensor(dtype, (128,))))
        b.param(dense_buffer(tensor("i64", (2,))))
        b.param(INDEX, "n")
        b.params_like(mask.params[1:])
        super().__init__(f, b.build([b.op("load", held, i)]), instr.result.type)

    def leaf(self, one: str) -> str:
        """The function for one block: its elements are found, then summed."""
        inner = super().leaf(one)
        fill = self._fill()
        text = (
            f"{self._signature()}"
            f"  call void {fill}({self._operands('i64 %n')})\n"
            f"  %all = call {self.result} {inner}({self._operands('i64 0', 'i64 %n')})\n"
            f"  ret {self.result} %all\n}}"
        )
        define = f"define internal {self.result} "
        return self.module.define("sum_block", lambda name: f"{define}{name}{text}")

    def _fill(self) -> str:
        """`void fill(i64 m, block, state, n, consts…)`: the next m elements into the block."""
        f = FunctionText(self.module, kernel=True)
        e = f.e
        m, block, state, n, *consts = self.args
        walk = _Walk(f, self.mask, n, consts)
        k = _Cell(f, tensor("i64"), f.const(0))
        for cell, place in zip((walk.base, walk.bits), (state, f.at(state, 8)), strict=True):
            cell.set(load_scalar(f, place, I64))
        e.line("br label %full")
        e.label("full")
        want = e.icmp("lt", k.get(), m)
        e.line(f"br {want}, label %ask, label %done")
        e.label("ask")
        some = e.icmp("ne", walk.bits.get(), f.const(0))
        e.line(f"br {some}, label %inside, label %block")
        e.label("block")
        after = e.iadd(k.get(), f.const(_BITS))

        def visit(i: Reg) -> None:
            f.run(self.selected, [i, *consts])
            at = f.mul(k.get(), f.const(self.type.dtype.itemsize))
            store_scalar(f, f.at(block, at), f.results(self.selected)[0])
            k.set(e.iadd(k.get(), f.const(1)))

        walk.advance("full", "full", "done", visit, e.icmp("le", after, m))
        e.label("inside")
        visit(walk.take())
        e.line("br label %full")
        e.label("done")
        for cell, place in zip((walk.base, walk.bits), (state, f.at(state, 8)), strict=True):
            store_scalar(f, place, cell.get())
        e.line("ret void")
        text = f"({self.params}) #0 {{\nentry:\n{f.body()}\n}}"
        return self.module.define("fill", lambda name: f"define internal void {name}{text}")


TRUE: dict[str, Rule] = {"for_true": _for_true, "sum_true": _sum_true}
