"""Function -> Program: destinations, fusion and buffers in one walk over the instructions.

Parameters become slots (an array with run-time strides is preceded by them), results become
preallocated ``out`` slots where their extents are known on entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Value, is_array
from tracejit.ir.extent import Dim
from tracejit.ir.program import Program, ProgramResult, Slot
from tracejit.ir.regions import Scope
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, BufferType, TensorType, dense_buffer, dense_strides
from tracejit.lower.body import Body, Notes
from tracejit.lower.control import lower_control
from tracejit.lower.instructions import lower_instr
from tracejit.lower.storage import Storage, writes
from tracejit.records import dataclass

#: Byte strides of an array parameter (None entries: run-time values), or "C" or "F" contiguous.
#: None: a scalar, passed by value.
Layout = tuple[int | None, ...] | Literal["C", "F"] | None


def lower(
    function: Function,
    layouts: Sequence[Layout] = (),
    args: Sequence[int] | None = None,
    *,
    gpu: bool = False,
) -> Program:
    """Lower a verified tensor-level function.

    ``layouts[k]`` gives the byte strides of parameter k (missing: C-contiguous, or by value for
    rank 0). ``args[k]`` is the number that ``write_back`` knows parameter k by (default: k).
    ``gpu``: loops are for threads that share them, and not for the lanes of one.
    """
    return _Lowering(function, layouts, args, gpu).run()


@dataclass
class _Out:
    """A result that is written where the caller wants it."""

    index: int
    storage: Storage


class _Lowering:
    def __init__(
        self,
        function: Function,
        layouts: Sequence[Layout],
        args: Sequence[int] | None,
        gpu: bool = False,
    ) -> None:
        self.function = function
        rest = function.params[len(layouts) :]
        self.layouts: list[Layout] = [*layouts, *("C" if is_array(p) else None for p in rest)]
        self.args = list(args) if args is not None else list(range(len(function.params)))
        self.scope = Scope(function.name)
        self.notes = Notes(gpu=gpu)
        self.body = Body(function, self.scope, self.notes)
        self.slots: list[Slot] = []
        self.outs: list[_Out] = []
        self.writes = sorted(set(writes(function)))
        self.described: tuple[ProgramResult, ...] = ()

    def run(self) -> Program:
        self._params()
        self._out_params()
        run_body(self.body)
        results = [] if self.function.diverges else self._results()
        host = self.scope.b.build(results)
        return Program(
            host,
            tuple(self.slots),
            self.described,
            tuple(self.writes),
            tuple(self.notes.copies),
        )

    def _params(self) -> None:
        b = self.scope.b
        params = self.function.params
        values: dict[Value, Value] = {}
        for k, p in enumerate(params):
            if self.layouts[k] is None:
                values[p] = self.scope.own(b.param(p.type, p.hint))
                self.slots.append(Slot("scalar", k))
        self.body.scalars.update(values)
        for k, p in enumerate(params):
            if self.layouts[k] is not None:
                self._array_param(k, p)

    def _array_param(self, k: int, p: Value) -> None:
        type_ = self.body.type(p)
        layout = self.layouts[k]
        strides: tuple[Dim, ...]
        if layout == "C":
            buffer_type = dense_buffer(type_)
        elif layout == "F":
            strides = tuple(reversed(dense_strides(type_.dtype, tuple(reversed(type_.shape)))))
            buffer_type = BufferType(type_.dtype, type_.shape, strides)
        else:
            assert layout is not None
            strides = tuple(self._stride(k, axis, s) for axis, s in enumerate(layout))
            buffer_type = BufferType(type_.dtype, type_.shape, strides)
        buffer = self.scope.own(self.scope.b.param(buffer_type, p.hint))
        self.slots.append(Slot("array", k))
        storage = Storage(buffer, "borrowed")
        if self.args[k] in self.writes:
            storage = Storage(buffer, "pinned", self.args[k])
            self.body.args[self.args[k]] = storage
            self.body.exposed_after.add(self.args[k])
        if p.rank == 0:
            self.body.scalars[p] = self.scope.op("fetch", buffer)
        else:
            self.body.place(p, storage)

    def _stride(self, k: int, axis: int, known: int | None) -> Dim:
        if known is not None:
            return known
        self.slots.append(Slot("stride", k, axis))
        return self.scope.own(self.scope.b.param(INDEX, "stride")).dim

    def _out_params(self) -> None:
        """Results whose extents are known on entry get memory from the caller."""
        for instr in self.function.instrs:
            if instr.has(Trait.WRITES_BACK) and is_array(instr.operands[0]):
                self.body.want(instr.operands[0], self.body.args[instr.attrs["arg"]])
        # The content of an array of rank 0 is in memory: the entry does not read it.
        params = zip(self.function.params, self.layouts, strict=True)
        known = {p for p, layout in params if layout is None}
        for k, r in enumerate(self.function.results):
            if not is_array(r) or not _known_on_entry(r, known):
                continue
            buffer = self.scope.own(self.scope.b.param(dense_buffer(self.body.type(r)), "out"))
            self.slots.append(Slot("out", k))
            storage = Storage(buffer, "pinned")
            self.outs.append(_Out(k, storage))
            self.body.want(r, storage)

    def _results(self) -> list[Value]:
        body = self.body
        body.t = len(self.function.instrs) - 1
        by_index = {out.index: out for out in self.outs}
        described: list[ProgramResult] = []
        results: list[Value] = []
        filled: set[Value] = set()
        for k, r in enumerate(self.function.results):
            if k not in by_index:
                described.append(ProgramResult("scalar", body.type(r), len(results)))
                results += self._returned(r, described)
                continue
            storage = by_index[k].storage
            if r in filled or self.function.results.count(r) > 1:
                body.copy_to(r, storage)
            else:
                body.ensure_in(r, storage)
            filled.add(r)
            type_ = body.type(r)
            described.append(ProgramResult("out", type_, shape=type_.shape))
        self.described = tuple(described)
        body.t = len(self.function.instrs)
        body.release()
        return results

    def _returned(self, r: Value, described: list[ProgramResult]) -> list[Value]:
        if not is_array(r):
            return [self.body.scalar(r)]
        first = described[-1].first
        type_ = self.body.type(r)
        described[-1] = ProgramResult("dynamic", type_, first)
        if self.function.results.count(r) > 1:
            storage = self.body.fresh(type_)
            self.body.copy_into(storage.buffer, r)
            self.body.owned.remove(storage)
            buffer = storage.buffer
        else:
            buffer = self.body.take(r)
        return [buffer, *[self.scope.index(d) for d in type_.shape]]


def run_body(body: Body) -> None:
    """Lower the instructions of one body in program order."""
    for t, instr in enumerate(body.function.instrs):
        body.t = t
        with body.scope.at(instr.loc):
            if instr.regions:
                lower_control(body, instr, run_body)
            else:
                lower_instr(body, instr)
        if not instr.has(Trait.ENDS):
            body.release()


def _known_on_entry(value: Value, known: set[Value]) -> bool:
    type_ = value.type
    assert isinstance(type_, TensorType)
    return all(leaf in known for d in type_.shape for leaf in ex.leaves(d))
