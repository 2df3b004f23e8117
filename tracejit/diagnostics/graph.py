"""The graph of a Program: its kernels, calls, loops and branches, and what flows between them.

An arrow goes from what wrote memory, or made a number, last in the text of the program to what
reads it next. What a loop hands from one step to the next is inside of the loop's box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from tracejit.diagnostics.kernels import CompiledKernel
from tracejit.diagnostics.report import called_name, is_call
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.printer import format_type
from tracejit.ir.program import Program
from tracejit.ir.types import BufferType, TensorType, Type
from tracejit.records import dataclass

Place = tuple[str, int]
_WORDS = {"for": "loop", "for_true": "loop", "while": "loop", "cond": "branch"}
_SHORT = {"gemm": "product of matrices"}
#: Boxes that are drawn; a program has more where a loop was written out.
_MOST = 250


@dataclass(eq=False)
class Box:
    """One thing in the picture. ``kind``: argument, kernel, call, loop, branch or result."""

    kind: str
    lines: tuple[str, ...]
    places: tuple[Place, ...] = ()
    #: The number of a kernel.
    number: int | None = None
    inside: list[Box] = field(default_factory=list)

    def all(self) -> Iterator[Box]:
        yield self
        for box in self.inside:
            yield from box.all()


@dataclass(frozen=True)
class Graph:
    """``whole`` holds all boxes; ``arrows`` are pairs of them, in order, each once."""

    whole: Box
    arrows: tuple[tuple[Box, Box], ...]
    #: How many boxes were left out.
    left_out: int = 0


def graph_of(program: Program, kernels: Sequence[CompiledKernel]) -> Graph:
    """The graph of a Program, whose kernels these are."""
    walk = _Walk({k.instr: k for k in kernels})
    whole = Box("whole", ())
    params = program.host.params
    for slot, param in zip(program.slots, params):
        if slot.kind in ("array", "scalar"):
            box = Box("argument", (f"argument {slot.index + 1}", _type(param.type)))
            whole.inside.append(box)
            walk.makers[param] = (box,)
    walk.body(program.host, whole)
    outs = {s.index: p for s, p in zip(program.slots, params) if s.kind == "out"}
    for k, result in enumerate(program.results):
        value = outs[k] if result.kind == "out" else program.host.results[result.first]
        box = Box("result", (f"result {k + 1}", _type(result.type)))
        whole.inside.append(box)
        walk.read(box, [value])
    used = {box for arrow in walk.arrows for box in arrow}
    whole.inside = [b for b in whole.inside if b.kind != "argument" or b in used]
    return Graph(whole, tuple(walk.arrows), walk.left_out)


class _Walk:
    def __init__(self, kernels: Mapping[Instr, CompiledKernel]) -> None:
        self.kernels = kernels
        self.count = self.left_out = 0
        self.arrows: dict[tuple[Box, Box], None] = {}
        #: What wrote a buffer last, or made a number.
        self.makers: dict[Value, tuple[Box, ...]] = {}
        #: Of a view, and of a parameter or result of a region: the value whose memory it is.
        self.memory: dict[Value, Value] = {}

    def body(self, function: Function, parent: Box) -> None:
        for instr in function.instrs:
            if instr.name == "launch":
                self._kernel(instr, parent)
            elif is_call(instr):
                self._call(instr, parent)
            elif instr.regions:
                self._region(instr, parent)
            elif instr.name == "view":
                self.memory[instr.results[0]] = self._root(instr.operands[0])
            else:
                for result in instr.results:
                    self.makers[result] = self._makers(instr.operands)

    def _kernel(self, instr: Instr, parent: Box) -> None:
        kernel = self.kernels[instr]
        operations = kernel.operations or ["fills or copies"]
        shown = ", ".join(operations[:4]) + (", …" if len(operations) > 4 else "")
        vectors = kernel.vectors or ("in line" if not kernel.loops else "")
        lines = tuple(filter(None, (f"kernel {kernel.number}", shown, vectors)))
        places = tuple((p.filename, p.line) for p in kernel.places)
        box = self._add(parent, Box("kernel", lines, places, kernel.number))
        reads, writes = _touched(kernel.body)
        self._step(box, instr, reads, writes)

    def _call(self, instr: Instr, parent: Box) -> None:
        name = called_name(instr) or _SHORT.get(instr.name, instr.name)
        box = self._add(parent, Box("call", (name,), _places([instr])))
        buffers = {k for k, o in enumerate(instr.operands) if isinstance(o.type, BufferType)}
        inputs = instr.attrs.get("inputs", len(instr.operands) - 1)
        writes = buffers if instr.prim.kind == "extern" else {k for k in buffers if k >= inputs}
        self._step(box, instr, set(range(len(instr.operands))), writes)

    def _region(self, instr: Instr, parent: Box) -> None:
        box = Box(_WORDS.get(instr.name, instr.name), (), _places([instr]))
        box.lines = (box.kind,)
        self.read(box, instr.operands[:1] if instr.name != "while" else ())
        for region in instr.regions:
            for param, operand in zip(reversed(region.params), reversed(instr.operands)):
                self._same(param, operand)
            self.body(region, box)
        if box.inside:
            parent.inside.append(box)
        else:  # numbers only: it stands for nothing that would be seen
            self.arrows = {a: None for a in self.arrows if box not in a}
        ends = instr.regions[-1].results
        for result, end in zip(instr.results, ends if len(ends) == len(instr.results) else ()):
            self._same(result, end)

    def _same(self, value: Value, other: Value) -> None:
        if isinstance(value.type, BufferType):
            self.memory[value] = self._root(other)
        else:
            self.makers[value] = self._makers([other])

    def _add(self, parent: Box, box: Box) -> Box:
        self.count += 1
        if self.count > _MOST:
            self.left_out += 1
        else:
            parent.inside.append(box)
        return box

    def _step(self, box: Box, instr: Instr, reads: Iterable[int], writes: Iterable[int]) -> None:
        if self.count > _MOST:
            return
        numbers = [o for o in instr.operands if not isinstance(o.type, BufferType)]
        self.read(box, [*(instr.operands[k] for k in sorted(reads)), *numbers])
        for k in writes:
            self.makers[self._root(instr.operands[k])] = (box,)
        for result in instr.results:
            self.makers[result] = (box,)

    def read(self, box: Box, values: Iterable[Value]) -> None:
        """Draw the arrows to what reads these values."""
        for maker in self._makers(values):
            self.arrows[maker, box] = None

    def _makers(self, values: Iterable[Value]) -> tuple[Box, ...]:
        found = (box for v in values for box in self.makers.get(self._root(v), ()))
        return tuple(dict.fromkeys(found))

    def _root(self, value: Value) -> Value:
        while value in self.memory and self.memory[value] is not value:
            value = self.memory[value]
        return value


def _touched(function: Function) -> tuple[set[int], set[int]]:
    """Which parameters a kernel loads from, and which it stores to."""
    reads: set[Value] = set()
    writes: set[Value] = set()
    _collect(function, {p: p for p in function.params}, reads, writes)
    places = {p: k for k, p in enumerate(function.params)}
    return {places[v] for v in reads if v in places}, {places[v] for v in writes if v in places}


def _collect(
    function: Function, own: dict[Value, Value], reads: set[Value], writes: set[Value]
) -> None:
    for instr in function.instrs:
        given = [own.get(o, o) for o in instr.operands]
        if instr.name == "store":
            writes.add(given[0])
        elif not instr.regions:
            reads.update(given)
        for region in instr.regions:
            inner = dict(zip(reversed(region.params), reversed(given)))
            _collect(region, inner, reads, writes)


def _places(instrs: Iterable[Instr]) -> tuple[Place, ...]:
    found = {(i.loc.filename, i.loc.line): None for i in instrs if i.loc is not None}
    return tuple(found)


def _type(type_: Type) -> str:
    """A type in short; what only the run knows of a shape is ``n``."""
    if isinstance(type_, BufferType):
        type_ = TensorType(type_.dtype, type_.shape)
    return format_type(type_, lambda value: value.hint or "n")
