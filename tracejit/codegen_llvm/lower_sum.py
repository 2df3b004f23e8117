"""`sum_pairwise`: NumPy's order of summation, bit for bit, at vector speed.

NumPy (`loops_utils.h.src`) sums up to 128 numbers with eight accumulators, which are combined as
((0+1)+(2+3))+((4+5)+(6+7)) before the rest is added one by one; longer runs are halved at a
multiple of eight. A complex number counts as two. The sum is added to the reduction's 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.dtypes import is_bool, is_complex, part_of
from tracejit.ir.accesses import accesses, linear
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, leaves
from tracejit.ir.scalar.emit import BOOL, I64, ComplexPair, DType
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, TensorType, Type
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.emit_vector import Lanes, NoVectorForm, VectorEmitter
from tracejit.llvm_text.lower_control import parameters, result_type, return_results, unpack
from tracejit.llvm_text.lower_function import FunctionText, Rule, joined, number, part_types, parts

_BLOCK = 128


def _sum(f: FunctionText, instr: Instr) -> None:
    (element,) = instr.regions
    count, consts = f.scalar(instr.operands[0]), [f.scalar(v) for v in instr.operands[1:]]
    for k, result in enumerate(instr.results):
        one = Function(element.name, element.params, element.instrs, (element.results[k],))
        known = number(count)
        if known is not None and known < _lanes(result.dtype):
            total = _unrolled(f, one, known, consts)
        else:
            total = Sum(f, one, result.type).call(f, count, consts, known)
        f.env[result] = plus(f, f.e.const(0.0, result.dtype), total)


def _lanes(dtype: DType) -> int:
    """How many elements the eight accumulators take."""
    return 4 if is_complex(dtype) else 8


def _unrolled(f: FunctionText, element: Function, count: int, consts: list[Any]) -> Any:
    total = f.e.const(0.0, element.results[0].dtype)
    for i in range(count):
        f.run(element, [f.const(i), *consts])
        total = plus(f, total, f.results(element)[0])
    return total


def plus(f: FunctionText, a: Any, b: Any) -> Any:
    return _plus_with(f.e, a, b)


def _plus_with(e: Any, a: Any, b: Any) -> Any:
    if isinstance(a, ComplexPair):
        return ComplexPair(e.fadd(a.re, b.re), e.fadd(a.im, b.im))
    return e.fadd(a, b)


class Sum:
    """The functions that sum one element expression."""

    def __init__(self, f: FunctionText, element: Function, type_: Type) -> None:
        assert isinstance(type_, TensorType)
        self.module = f.module
        self.element = element
        self.type = type_
        self.lanes = _lanes(type_.dtype)
        self.block = _BLOCK // (8 // self.lanes)
        self.result = result_type([type_])
        # Nothing is stored in here, so the pointers may as well be said not to overlap.
        self.params, self.args = parameters(element.params, set())
        self.tail = ", ".join(str(p) for a in self.args[1:] for p in parts(a))

    def call(self, f: FunctionText, count: Reg, consts: list[Any], known: int | None) -> Any:
        """Emit the sum of all elements."""
        short = known is not None and known <= self.block
        symbol = self.leaf(self._one()) if short else self.halves()
        operands = ", ".join(["i64 0", str(count), *(str(p) for a in consts for p in parts(a))])
        return unpack(f, f"call {self.result} {symbol}({operands})", self.result, [self.type])[0]

    def _one(self) -> str:
        """The function that computes one element."""
        f = FunctionText(self.module, kernel=True)
        f.run(self.element, self.args)
        return_results(f, f.results(self.element), self.result)
        text = f"({self.params}) #0 {{\nentry:\n{f.body()}\n}}"
        define = f"define internal {self.result} "
        return self.module.define("element", lambda name: f"{define}{name}{text}")

    def _signature(self) -> str:
        rest = self.params.split(", ")[1:]
        return f"({', '.join(['i64 %lo', 'i64 %n', *rest])}) #0 {{\nentry:\n"

    def _operands(self, first: str, *more: str) -> str:
        return ", ".join([first, *more, *([self.tail] if self.tail else [])])

    @property
    def half(self) -> str:
        """Lines that set %low: how many of %n elements are the first half."""
        if self.lanes == 8:
            return "  %half = lshr i64 %n, 1\n  %low = and i64 %half, -8\n"
        return "  %even = and i64 %n, -8\n  %low = lshr i64 %even, 1\n"

    def halves(self) -> str:
        """The recursive function: its symbol. It takes where to begin, how many, and the rest."""
        leaf = self.leaf(self._one())
        operands = self._operands("i64 %lo", "i64 %n")
        left = self._operands("i64 %lo", "i64 %low")
        right = self._operands("i64 %mid", "i64 %high")
        f = FunctionText(self.module, kernel=True)
        sides = [
            unpack(f, f"call {self.result} SELF({ops})", self.result, [self.type])[0]
            for ops in (left, right)
        ]
        return_results(f, [plus(f, *sides)], self.result)
        text = (
            f"{self._signature()}"
            f"  %small = icmp sle i64 %n, {self.block}\n"
            "  br i1 %small, label %leaf, label %halve\nleaf:\n"
            f"  %all = call {self.result} {leaf}({operands})\n  ret {self.result} %all\nhalve:\n"
            f"{self.half}"
            "  %high = sub i64 %n, %low\n  %mid = add i64 %lo, %low\n"
            f"{f.body()}\n}}"
        )
        define = f"define internal {self.result} "
        return self.module.define("sum", lambda name: f"{define}{name}{text.replace('SELF', name)}")

    def leaf(self, one: str) -> str:
        """The function for at most one block."""
        define = f"define internal {self.result} "
        f = FunctionText(self.module, kernel=True)
        lane = Lane(f, self.element, self.args, self.lanes)
        try:
            body = self._leaf_body(f, one, lane.at)
        except NoVectorForm:
            f = FunctionText(self.module, kernel=True)
            body = self._leaf_body(f, one, lambda i: self._by_calls(f, one, i))
        text = f"{self._signature()}{body}\n}}"
        return self.module.define("sum_leaf", lambda name: f"{define}{name}{text}")

    def _by_calls(self, f: FunctionText, one: str, first: Reg) -> Any:
        """A vector of elements that have no vector form."""
        v = VectorEmitter(f.e, self.lanes)
        kinds = part_types(self.type)
        held = ["poison"] * len(kinds)
        for k in range(self.lanes):
            i = f.e.iadd(first, f.const(k))
            scalar = self._call_one(f, one, i)
            for p, part in enumerate(parts(scalar)):
                name = v.fresh()
                v.line(
                    f"{name} = insertelement <{self.lanes} x {kinds[p]}> {held[p]}, {part}, i64 {k}"
                )
                held[p] = name
        return _vectors(v, self.type.dtype, held)

    def _call_one(self, f: FunctionText, one: str, i: Reg) -> Any:
        operands = self._operands(str(i))
        return unpack(f, f"call {self.result} {one}({operands})", self.result, [self.type])[0]

    def _leaf_body(self, f: FunctionText, one: str, vector: Any) -> str:
        e = f.e
        dtype = self.type.dtype
        lo, n = Reg("%lo", I64), Reg("%n", I64)
        e.line(f"%few = icmp slt i64 %n, {self.lanes}")
        e.line("br i1 %few, label %rest, label %first")
        e.label("first")
        v = VectorEmitter(e, self.lanes)
        start = vector(lo)
        whole = e.iand(n, f.const(-self.lanes))
        more = e.icmp("gt", whole, f.const(self.lanes))
        before = e.block
        e.line(f"br {more}, label %loop, label %combine")
        e.label("loop")
        names = [e.fresh() for _ in parts(start)]
        j, place = e.fresh(), len(e.lines)
        e.lines.extend("" for _ in [j, *names])
        total = _plus_with(v, _vectors(v, dtype, names), vector(e.iadd(lo, Reg(j, I64))))
        step = e.iadd(Reg(j, I64), f.const(self.lanes))
        again = e.icmp("lt", step, whole)
        e.line(f"br {again}, label %loop, label %combine")
        e.lines[place] = f"  {j} = phi i64 [ {self.lanes}, %{before} ], [ {step.text}, %{e.block} ]"
        _fill_phis(e.lines, place + 1, names, before, start, e.block, total)
        latch = e.block
        e.label("combine")
        sums = [e.fresh() for _ in names]
        place = len(e.lines)
        e.lines.extend("" for _ in sums)
        _fill_phis(e.lines, place, sums, before, start, latch, total)
        combined = _halved(v, _vectors(v, dtype, sums), self.type)
        e.line("br label %rest")
        self._rest(f, one, whole, combined)
        return f.body()

    def _rest(self, f: FunctionText, one: str, whole: Reg, combined: Any) -> None:
        """Add what is left one by one, from 0 when there was no whole round of lanes."""
        e = f.e
        e.label("rest")
        kinds = part_types(self.type)
        zero = e.const(0.0, self.type.dtype)
        first = e.op(I64, f"phi i64 [ 0, %entry ], [ {whole.text}, %combine ]")
        names = [e.fresh() for _ in kinds]
        for name, kind, z, c in zip(names, kinds, parts(zero), parts(combined), strict=True):
            e.line(f"{name} = phi {kind} [ {z.text}, %entry ], [ {c.text}, %combine ]")
        some = e.icmp("lt", first, Reg("%n", I64))
        e.line(f"br {some}, label %tail, label %done")
        e.label("tail")
        j, accs = e.fresh(), [e.fresh() for _ in kinds]
        place = len(e.lines)
        e.lines.extend("" for _ in [j, *accs])
        held = joined(self.type, iter(accs))
        total = plus(f, held, self._call_one(f, one, e.iadd(Reg("%lo", I64), Reg(j, I64))))
        step = e.iadd(Reg(j, I64), f.const(1))
        again = e.icmp("lt", step, Reg("%n", I64))
        e.line(f"br {again}, label %tail, label %done")
        e.lines[place] = f"  {j} = phi i64 [ {first.text}, %rest ], [ {step.text}, %tail ]"
        start = joined(self.type, iter(names))
        _fill_phis(e.lines, place + 1, accs, "rest", start, "tail", total)
        e.label("done")
        out = [e.fresh() for _ in kinds]
        place = len(e.lines)
        e.lines.extend("" for _ in out)
        _fill_phis(e.lines, place, out, "rest", start, "tail", total)
        return_results(f, [joined(self.type, iter(out))], self.result)


def _fill_phis(
    lines: list[str], place: int, names: Sequence[str], a: str, x: Any, b: str, y: Any
) -> None:
    for k, (name, p, q) in enumerate(zip(names, parts(x), parts(y), strict=True)):
        lines[place + k] = f"  {name} = phi {p.type} [ {p.text}, %{a} ], [ {q.text}, %{b} ]"


def _vectors(v: VectorEmitter, dtype: DType, names: Sequence[str]) -> Any:
    if is_complex(dtype):
        part = part_of(dtype)
        return ComplexPair(v.lanes(names[0], part), v.lanes(names[1], part))
    return v.lanes(names[0], dtype)


def _halved(v: VectorEmitter, vector: Any, type_: TensorType) -> Any:
    """Neighbours added until one is left."""
    return joined(type_, iter([_halve(v, p) for p in parts(vector)]))


def _halve(v: VectorEmitter, lanes: Any) -> str:
    name, count, kind = lanes.text, lanes.count, llvm_type(lanes.dtype)
    while count > 1:
        sides = []
        for first in (0, 1):
            picks = ", ".join(f"i32 {k}" for k in range(first, count, 2))
            sides.append(v.fresh())
            v.line(
                f"{sides[-1]} = shufflevector <{count} x {kind}> {name}, "
                f"<{count} x {kind}> poison, <{count // 2} x i32> <{picks}>"
            )
        count //= 2
        name = v.fresh()
        v.line(f"{name} = fadd <{count} x {kind}> {sides[0]}, {sides[1]}")
    last = v.fresh()
    v.line(f"{last} = extractelement <1 x {kind}> {name}, i64 0")
    return last


class Lane:
    """Emits consecutive elements of an expression as one vector."""

    def __init__(self, f: FunctionText, element: Function, args: list[Any], count: int) -> None:
        self.f, self.element, self.args = f, element, args
        self.v = VectorEmitter(f.e, count)
        self.vectors: dict[Value, Any] = {}
        self.accesses = accesses(element.instrs)

    def at(self, first: Reg) -> Any:
        """The vector of elements first, first + 1, …"""
        i, *consts = self.element.params
        self.vectors = {i: None}
        self.f.env[i] = first
        self.f.bind(consts, self.args[1:])
        for instr in self.element.instrs:
            self._instr(instr)
        return self._vector(self.element.results[0])

    def _vector(self, value: Value) -> Any:
        """A value in vector form, made on demand."""
        found = self.vectors.get(value)
        if found is None:
            scalar = self.f.scalar(value)
            varies = value in self.vectors
            found = self.v.iota(scalar) if varies else self.v.splat(scalar)
            if varies:
                self.vectors[value] = found
        return found

    def _instr(self, instr: Instr) -> None:
        if instr.has(Trait.LOADS):
            self._load(instr)
        elif not any(v in self.vectors for v in instr.operands):
            if instr.regions:
                raise NoVectorForm(instr.name)
            self.f.instr(instr)
        elif instr.prim.lower is None or not instr.prim.elementwise:
            raise NoVectorForm(instr.name)
        else:
            operands = [self._vector(v) for v in instr.operands]
            out = instr.prim.lower(self.v, *operands, **instr.attrs)
            results = out if isinstance(out, tuple) else (out,)
            self.vectors.update(zip(instr.results, results, strict=True))

    def _load(self, instr: Instr) -> None:
        buffer, *index = instr.operands
        if not any(v in self.vectors for v in index):
            self.f.instr(instr)
            return
        offset, params = self.accesses[instr].offset, self.element.params
        step, _ = linear(offset, params[:1]) or (None, 0)
        if step == (buffer.dtype.itemsize,) and set(params).issuperset(leaves(offset)):
            self.vectors[instr.result] = self._contiguous(buffer, offset, buffer.dtype)
        else:
            self.vectors[instr.result] = self._gathered(buffer, index, buffer.dtype)

    def _contiguous(self, buffer: Value, offset: Dim, dtype: DType) -> Any:
        at_ = self.f.at(self.f.pointer(buffer), self.f.dim(offset))
        v, count = self.v, self.v.count
        if is_complex(dtype):
            return self._pairs(at_.text, part_of(dtype))
        if is_bool(dtype):
            raw = self.f.e.fresh()
            self.f.e.line(f"{raw} = load <{count} x i8>, {at_}, align 1")
            return v.op(BOOL, f"icmp ne <{count} x i8> {raw}, zeroinitializer")
        return v.op(dtype, f"load {v.type_of(dtype)}, {at_}, align {dtype.itemsize}")

    def _pairs(self, at: str, part: DType) -> ComplexPair:
        v, count = self.v, self.v.count
        kind = f"<{2 * count} x {llvm_type(part)}>"
        raw = v.fresh()
        v.line(f"{raw} = load {kind}, ptr {at}, align {part.itemsize}")
        sides = []
        for first in (0, 1):
            picks = ", ".join(f"i32 {k}" for k in range(first, 2 * count, 2))
            sides.append(
                v.op(part, f"shufflevector {kind} {raw}, {kind} poison, <{count} x i32> <{picks}>")
            )
        return ComplexPair(*sides)

    def _gathered(self, buffer: Value, index: Sequence[Value], dtype: DType) -> Any:
        v = self.v
        assert isinstance(buffer.type, BufferType)
        offsets: Lanes | None = None
        for at, stride in zip(index, buffer.type.strides, strict=True):
            term = v.op(I64, f"mul {self._vector(at)}, {v.splat(self.f.dim(stride)).text}")
            offsets = term if offsets is None else v.op(I64, f"add {offsets}, {term.text}")
        assert offsets is not None
        base = self.f.pointer(buffer).text
        if is_complex(dtype):
            part = part_of(dtype)
            high = v.op(I64, f"add {offsets}, splat (i64 {part.itemsize})")
            return ComplexPair(v.gather(base, offsets, part), v.gather(base, high, part))
        if is_bool(dtype):
            raise NoVectorForm("bytes gathered")
        return v.gather(base, offsets, dtype)


SUM: dict[str, Rule] = {"sum_pairwise": _sum}
