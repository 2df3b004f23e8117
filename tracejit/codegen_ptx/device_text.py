"""Scalar code of one GPU thread, and reductions shared by threads.

The code at a point is lowered by the rules of the CPU back end; what differs here is where memory
is, that loops are not polled, and that sums are taken by a block together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from tracejit.codegen_ptx import emit
from tracejit.codegen_ptx.device_math import APPROXIMATE
from tracejit.codegen_ptx.emit import PTXEmitter, Values
from tracejit.dtypes import is_bool, is_complex, part_of
from tracejit.ir.core import TABLE, Instr, Value
from tracejit.ir.scalar.emit import DType
from tracejit.ir.traits import Trait
from tracejit.ir.types import Math
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_control import CONTROL
from tracejit.llvm_text.lower_function import FunctionText, Module, Pointer, Rule, joined, parts
from tracejit.llvm_text.lower_memory import MEMORY, address, load_scalar, store_scalar
from tracejit.lower.parallel import fold_names
from tracejit.lower.running import FirstExtreme, searches


class DevicePointer(Pointer):
    """An address in global memory."""

    def __str__(self) -> str:
        return f"ptr addrspace({emit.GLOBAL}) {self.text}"


class Near(Protocol):
    """What stands for a buffer in the stages of a row (see `kept.py`)."""

    def load(self, instr: Instr, load: Callable[[], Any]) -> Any:
        """An element; `load` takes it from global memory."""

    def store(self, instr: Instr, store: Callable[[], None]) -> None:
        """Takes an element; `store` puts it into global memory."""


class DeviceText(FunctionText):
    """A kernel under construction."""

    address_type = DevicePointer

    def __init__(self, emitter: PTXEmitter) -> None:
        super().__init__(Module(RULES_OF[emitter.math]), kernel=True)
        self.e: PTXEmitter = emitter
        #: Bytes of which the address of the next access is a multiple; 0: of its elements' own.
        self.alignment = 0
        #: What is kept near of buffers, by the text of their addresses.
        self.near: dict[str, Near] = {}

    def all(self, instrs: Iterable[Instr]) -> None:
        """Lower instructions here, in this thread."""
        for instr in instrs:
            self.instr(instr)


def _for(f: FunctionText, instr: Instr) -> None:
    """A loop of one thread."""
    assert isinstance(f, DeviceText)
    (body,) = instr.regions
    trip, *rest = [f.scalar(v) for v in instr.operands]
    count = instr.attrs["carried"]
    inits, consts = rest[:count], rest[count:]
    values = body.params[1 : 1 + count]

    def step(i: Reg, carried: Values) -> list[Reg]:
        f.run(body, [i, *scalars(values, carried), *consts])
        return registers(f.results(body))

    last = f.e.strided_loop(f.const(0), trip, f.const(1), registers(inits), step)
    f.bind(instr.results, scalars(values, last))


def _sum(f: FunctionText, instr: Instr) -> None:
    """A sum by one thread, one element after another."""
    assert isinstance(f, DeviceText)
    f.bind(instr.results, Reduction(f, instr).alone())


def _load(f: FunctionText, instr: Instr) -> None:
    assert isinstance(f, DeviceText)
    buffer, *index = instr.operands

    def load() -> Any:
        return load_scalar(f, address(f, buffer, index), buffer.dtype, f.alignment)

    near = f.near.get(f.pointer(buffer).text)
    f.env[instr.result] = load() if near is None else near.load(instr, load)


def _store(f: FunctionText, instr: Instr) -> None:
    assert isinstance(f, DeviceText)
    buffer, value, *index = instr.operands

    def store() -> None:
        store_scalar(f, address(f, buffer, index), f.scalar(value), f.alignment)

    near = f.near.get(f.pointer(buffer).text)
    if near is None:
        store()
    else:
        near.store(instr, store)


RULES: dict[str, Rule] = {
    **{name: CONTROL[name] for name in ("while", "cond")},
    **{name: MEMORY[name] for name in ("constant", "view")},
    "load": _load,
    "store": _store,
    "for": _for,
    "sum_pairwise": _sum,
}
RULES_OF: dict[Math, dict[str, Rule]] = {
    "portable": RULES,
    "device": {**RULES, **APPROXIMATE},
}


def registers(scalars: Iterable[Any]) -> list[Reg]:
    """The registers that scalars consist of."""
    return [p for s in scalars for p in parts(s) if isinstance(p, Reg)]


def scalars(values: Sequence[Value], regs: Sequence[Reg]) -> list[Any]:
    """The scalars that consist of registers, with the types of these values."""
    names = iter([r.text for r in regs])
    return [joined(v.type, names) for v in values]


def real_parts(value: Value) -> list[DType]:
    """The dtypes of the registers of a scalar."""
    return [part_of(value.dtype)] * 2 if is_complex(value.dtype) else [value.dtype]


# -- reductions --------------------------------------------------------------------------------


class Reduction:
    """A sum, a fold of exact operations or a search for the best element: in any order."""

    def __init__(self, f: DeviceText, instr: Instr) -> None:
        self.f, self.instr = f, instr
        (self.body,) = instr.regions
        self.sums = instr.has(Trait.SUMS)
        count = 0 if self.sums else instr.attrs["carried"]
        self.searches, rest = ([], []) if self.sums else searches(instr)
        names = None if self.sums else fold_names(instr, rest)
        #: How each result is combined; those of searches are not in it.
        self.names = (
            dict.fromkeys(range(len(instr.results)), "add")
            if names is None
            else dict(zip(rest, names, strict=True))
        )
        trip, *rest = [f.scalar(v) for v in instr.operands]
        self.trip: Reg = trip
        self.inits, self.consts = rest[:count], rest[count:]

    @property
    def neutral(self) -> list[Reg]:
        """Where to start: what changes nothing, and 0.0 for sums, as in NumPy."""
        starts: list[Reg] = []
        for k, value in enumerate(self.instr.results):
            if k not in self.names:
                starts += registers([self.inits[k]])
                continue
            number = 0 if self.sums else identity(self.names[k], value.dtype)
            starts += [self.f.e.const(number, kind) for kind in real_parts(value)]
        return starts

    def step(self, i: Reg, carried: Values) -> list[Reg]:
        """One more element."""
        acc = scalars(self.instr.results, carried)
        if not self.sums:
            self.f.run(self.body, [i, *acc, *self.consts])
            return registers(self.f.results(self.body))
        self.f.run(self.body, [i, *self.consts])
        return registers(self._joined(acc, self.f.results(self.body)))

    def combine(self, a: Values, b: Values) -> list[Reg]:
        """Two parts."""
        both = [scalars(self.instr.results, v) for v in (a, b)]
        return registers(self._joined(*both))

    def _joined(self, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        out = list(b)
        for k, name in self.names.items():
            lower = TABLE[name].lower
            assert lower is not None
            out[k] = lower(self.f.e, a[k], b[k])
        for search in self.searches:
            pair = self._better(search, *([v[k] for k in search.at] for v in (a, b)))
            for k, value in zip(search.at, pair, strict=True):
                out[k] = value
        return out

    def _better(self, order: FirstExtreme, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        """The better of two elements, and its place; of equal ones the first."""
        f, e = self.f, self.f.e

        def beats(x: Any, y: Any) -> Reg:
            f.env[order.value], f.env[order.best] = x, y
            f.all(order.better)
            flag = f.scalar(order.flag)
            assert isinstance(flag, Reg)
            return flag

        later, stays = beats(b[0], a[0]), beats(a[0], b[0])
        equal = e.ixor(stays, e.const(True, stays.dtype))
        takes = e.ior(later, e.iand(equal, e.icmp("lt", b[1], a[1])))
        return [e.select(takes, y, x) for x, y in zip(a, b, strict=True)]

    def finish(self, total: Sequence[Reg]) -> list[Any]:
        """The results, initial values included."""
        found = scalars(self.instr.results, total)
        return found if self.sums else self._joined(self.inits, found)

    def alone(self) -> list[Any]:
        """By this thread."""
        f = self.f
        last = f.e.strided_loop(f.const(0), self.trip, f.const(1), self.neutral, self.step)
        return self.finish(last)

    def by_block(self) -> list[Any]:
        """By all threads of the block."""
        e, neutral = self.f.e, tuple(self.neutral)
        mine = e.block_stride(self.trip, neutral, self.step)
        return self.finish(e.block_reduce(mine, neutral, self.combine))

    def part(self, start: Reg, step: Reg) -> Values:
        """What this block contributes, each thread taking every `step`-th element from a start."""
        e, neutral = self.f.e, tuple(self.neutral)
        mine = e.strided_loop(start, self.trip, step, neutral, self.step)
        return e.block_reduce(mine, neutral, self.combine)

    def part_of_block(self) -> Values:
        """What this block contributes, the elements being spread over the grid."""
        e, neutral = self.f.e, tuple(self.neutral)
        return e.block_reduce(e.grid_stride(self.trip, neutral, self.step), neutral, self.combine)


def identity(name: str, dtype: DType) -> Any:
    """What changes nothing when it is combined with a number."""
    simple = {"add": 0, "mul": 1, "bitwise_or": 0, "bitwise_xor": 0, "bitwise_and": -1}
    if name in simple:
        return bool(simple[name]) if is_bool(dtype) else simple[name]
    if is_bool(dtype):
        return name == "minimum"
    info = np.iinfo(dtype)
    return int(info.min if name == "maximum" else info.max)
