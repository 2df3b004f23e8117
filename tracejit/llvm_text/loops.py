"""Counted loops as blocks: rotated, carried values in phi nodes, in chunks where they poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

from tracejit.dtypes import is_inexact
from tracejit.ir.accesses import Access, Along, accesses, touched_by
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import leaves
from tracejit.ir.scalar.emit import BOOL, I64
from tracejit.ir.types import INDEX, BufferType, TensorType, Type, tensor
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Module, joined, part_types, parts

#: Loops of fewer iterations than this are better written out than made vector code of.
FEW = 8

_NOT_UNROLLED = '!{!"llvm.loop.unroll.disable"}'
_FLAG = tensor("bool")


class Phis:
    """Phi nodes whose last incoming values are not known yet."""

    def __init__(self, f: FunctionText, types: Sequence[Type]) -> None:
        self.f = f
        self.kinds = [t for type_ in types for t in part_types(type_)]
        self.names = [f.e.fresh() for _ in self.kinds]
        self.place = len(f.e.lines)
        self.edges: list[tuple[str, list[str]]] = []
        f.e.lines.extend("" for _ in self.kinds)
        source = iter(self.names)
        self.values = [joined(t, source) for t in types]

    def edge(self, block: str, scalars: Sequence[Any]) -> None:
        """What comes in from `block`."""
        self.edges.append((block, [p.text for s in scalars for p in parts(s)]))

    def close(self) -> None:
        for k, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            incoming = ", ".join(f"[ {texts[k]}, %{block} ]" for block, texts in self.edges)
            self.f.e.lines[self.place + k] = f"  {name} = phi {kind} {incoming}"


def merge(f: FunctionText, types: Sequence[Type], edges: list[tuple[str, list[Any]]]) -> list[Any]:
    """Phis at the head of the block just begun."""
    if len(edges) == 1:
        return edges[0][1]
    phis = Phis(f, types)
    for block, scalars in edges:
        phis.edge(block, scalars)
    phis.close()
    return phis.values


def poll(f: FunctionText) -> None:
    """Ask whether Ctrl-C was pressed."""
    f.module.declare("declare i32 @tj_poll(ptr)")
    f.call_status("@tj_poll(ptr %ctx)")


def over_chunks(
    f: FunctionText,
    types: Sequence[Type],
    inits: Sequence[Any],
    span: tuple[Reg, Reg],
    size: int,
    blocks: tuple[str, str],
    one: Callable[[Reg, Reg, list[Any]], list[Any]],
    settled: Callable[[list[Any]], Reg] | None = None,
) -> tuple[str, list[Any]]:
    """A loop over chunks of at most `size` iterations of a span that is not empty.

    `blocks`: its first block, reached from the block at hand, and the one behind it; the edge into
    that is the result. `one(start, end, carried)` emits a chunk and gives what that carries out.
    `settled` asks of that whether the loop may end.
    """
    e = f.e
    (first, trip), (inside, after) = span, blocks
    entry = e.block
    e.label(inside)
    phis = Phis(f, [INDEX, *types])
    phis.edge(entry, [first, *inits])
    start, *carried = phis.values
    left = e.op(I64, f"sub nuw nsw {trip}, {start.text}")
    count = e.select(e.icmp("lt", left, f.const(size)), left, f.const(size))
    end = e.op(I64, f"add nuw nsw {start}, {count.text}")
    results = one(start, end, carried)
    phis.edge(e.block, [end, *results])
    phis.close()
    more = e.icmp("lt", end, trip)
    if settled is not None:
        more = e.iand(more, e.ixor(settled(results), e.const(True, BOOL)))
    e.line(f"br {more}, label %{inside}, label %{after}")
    return e.block, results


def own_places(found: Iterable[Access], body: Function) -> bool:
    """Whether no iteration of a loop touches what another one stores, and each stores a known way
    from the one before."""

    def known(buffer: Value, along: Along) -> bool:
        assert isinstance(buffer.type, BufferType)
        stride = buffer.type.strides[along.axis]
        fixed = set(body.params).issuperset(leaves(along.rest))
        return isinstance(stride, int) and stride != 0 and fixed

    touched = touched_by(found, body.params[0], {}).values()
    return all(
        t.told_apart and any(known(b, a) for b in t.buffers for a in t.along)
        for t in touched
        if t.stored
    )


def left_alone(module: Module) -> str:
    """What ends the latch of a loop that LLVM shall leave as it is."""
    no_vectors = '!{!"llvm.loop.vectorize.enable", i1 false}'
    return f", !llvm.loop {module.loop_node(no_vectors, _NOT_UNROLLED)}"


def vectors_first(module: Module) -> str:
    """What ends the latch of a short loop of vector code.

    LLVM would write out its iterations one by one before it looks for vectors. What the vectors
    leave of the loop it may write out.
    """
    done = module.node('!{!"llvm.loop.isvectorized"}')
    after = f'!{{!"llvm.loop.vectorize.followup_all", {done}}}'
    return f", !llvm.loop {module.loop_node(_NOT_UNROLLED, after)}"


class CountedLoop:
    """A counted loop being emitted, of `trip` iterations where that is known."""

    def __init__(
        self,
        f: FunctionText,
        body: Function,
        inits: list[Any],
        consts: list[Any],
        trip: int | None = None,
    ) -> None:
        self.f, self.body, self.inits, self.consts = f, body, inits, consts
        self.types = [p.type for p in body.params[1 : 1 + len(inits)]]
        self.many = (trip is None or trip >= FEW) and self._becomes_vectors()
        self.hint = vectors_first(f.module) if self.many and trip is not None else ""

    def _becomes_vectors(self) -> bool:
        """Whether it is an innermost loop that hands on no float but extremes, in any order."""
        free = {r for instr in self.f.extremes for r in instr.results}
        waits = (r for r in self.body.results if r not in free)
        sums = any(not isinstance(r.type, TensorType) or is_inexact(r.dtype) for r in waits)
        if not self.f.kernel or sums or any(i.regions for i in self.body.instrs):
            return False
        return own_places(accesses(self.body.instrs).values(), self.body)

    def run(
        self,
        entry: str,
        first: Reg,
        end: Reg,
        after: str,
        inits: list[Any] | None = None,
        latch: str = "",
    ) -> list[tuple[str, list[Any]]]:
        """Iterations `first` to `end - 1` from the block just begun; the edges into `after`.

        `latch` is put behind the branch that ends an iteration, in place of the loop's own hint.
        While the emitter collects rare conditions, whether one of them held is carried, too,
        behind the rest.
        """
        f, e = self.f, self.f.e
        watched = e.rare is not None
        inits = [*(self.inits if inits is None else inits), *([f.e.const(False, BOOL)] * watched)]
        head = e.block
        phis = Phis(f, [self.body.params[0].type, *self.types, *([_FLAG] * watched)])
        phis.edge(entry, [first, *inits])
        i = phis.values[0]
        carried = phis.values[1 : 1 + len(self.types)]
        around, e.many = e.many, self.many
        goes_on = f.run(self.body, [i, *carried, *self.consts])
        e.many = around
        if not goes_on:
            phis.close()
            return []
        results = f.results(self.body)
        if e.rare is not None:
            results.append(reduce(e.ior, e.rare, phis.values[-1]))
        step = e.op(I64, f"add nuw nsw {i}, 1")
        more = e.op(BOOL, f"icmp slt {step}, {end.text}")
        phis.edge(e.block, [step, *results])
        phis.close()
        e.line(f"br {more}, label %{head}, label %{after}{latch or self.hint}")
        return [(e.block, results)]

    def run_chunks(
        self, inside: str, after: str, trip: Reg, chunk: int
    ) -> list[tuple[str, list[Any]]]:
        """The same from 0 to `trip`, in chunks with a poll between them."""
        f, e = self.f, self.f.e

        def one(start: Reg, end: Reg, carried: list[Any]) -> list[Any]:
            loop, pause = e.fresh_label("loop"), e.fresh_label("pause")
            e.line(f"br label %{loop}")
            outer = e.block
            e.label(loop)
            ((_, results),) = self.run(outer, start, end, pause, carried)
            e.label(pause)
            poll(f)
            return results

        edge = over_chunks(
            f, self.types, self.inits, (f.const(0), trip), chunk, (inside, after), one
        )
        return [edge]
