"""Program -> Program for a GPU: numbers that only kernels need stay on the device.

The result of a kernel is a number of the host, which waits for it. Where all that needs it are
other kernels, in the same body, it goes through a buffer of one element instead, and scalar
arithmetic with it is done again in each kernel that needs that: `x / np.sqrt(x @ x)` never waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Value, type_uses, uses
from tracejit.ir.extent import leaves
from tracejit.ir.program import Program
from tracejit.ir.regions import outer_values, with_extents
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, dense_buffer
from tracejit.lower.host_bodies import Inside, Memory, aliases_of, rewrite_bodies
from tracejit.lower.join_points import is_arithmetic
from tracejit.lower.parallel import Kernel


def device_scalars(program: Program) -> Program:
    """The Program with such numbers in buffers, in every body of the host."""
    return rewrite_bodies(program, _statements)


def _statements(function: Function, memory: Memory, inside: Inside) -> Iterator[Instr]:
    stay = _Staying(function, memory)
    for instr in function.instrs:
        if instr.has(Trait.LAUNCHES):
            yield from stay.launched(instr)
        elif instr.regions:
            yield inside(instr)
        elif not stay.moved(instr):
            yield instr


class _Staying:
    """The numbers of one body of the host that stay on the device."""

    def __init__(self, function: Function, roots: Memory) -> None:
        self.roots = roots
        self._users: dict[Value, list[Instr | None]] = {}
        for instr in function.instrs:
            for value in dict.fromkeys(uses(instr)):
                self._users.setdefault(value, []).append(instr)
        for value in function.results:
            self._users.setdefault(value, []).append(None)
        #: The buffers of results of kernels, and what makes other numbers of those.
        self.buffers: dict[Value, Value] = {}
        self.makers: dict[Value, Instr] = {}
        self._last: dict[Instr, list[Value]] = {}
        self._needed: dict[Value, bool] = {}
        for instr in function.instrs[::-1]:  # who needs a value comes after it
            for value in instr.results:
                self._needed[value] = any(self._needs(u, value) for u in self._of(value))
        for instr in function.instrs:
            self._enter(instr)
        self._find_last(function)

    def _of(self, value: Value) -> list[Instr | None]:
        return self._users.get(value, [])

    def _needs(self, user: Instr | None, value: Value) -> bool:
        """Whether the host must know a value for one of its users."""
        if user is None:
            return True
        if user.has(Trait.LAUNCHES):
            return not _may_load(user, value)
        return not is_arithmetic(user) or any(self._needed[r] for r in user.results)

    def _enter(self, instr: Instr) -> None:
        if instr.has(Trait.LAUNCHES):
            if instr.results and not any(self._needed[r] for r in instr.results):
                for r in instr.results:
                    assert isinstance(r.type, TensorType)
                    self.buffers[r] = Value(dense_buffer(r.type), r.hint)
        elif is_arithmetic(instr) and any(self._stays(v) for v in instr.operands):
            self.makers.update(dict.fromkeys(instr.results, instr))

    def _stays(self, value: Value) -> bool:
        return value in self.buffers or value in self.makers

    def moved(self, instr: Instr) -> bool:
        """Whether no number of an instruction is needed on the host any more."""
        return bool(instr.results) and all(
            r in self.makers and not self._needed[r] for r in instr.results
        )

    def _find_last(self, function: Function) -> None:
        """After which launch each buffer may be freed."""
        last: dict[Value, Instr] = {}
        for instr in function.instrs:
            if instr.has(Trait.LAUNCHES):
                read, _ = self._closure(instr)
                for r in (*read, *(r for r in instr.results if r in self.buffers)):
                    last[self.buffers[r]] = instr
        for buffer, instr in last.items():
            self._last.setdefault(instr, []).append(buffer)

    def _closure(self, launch: Instr) -> tuple[list[Value], list[Instr]]:
        """Results of kernels that a launch needs, and arithmetic with them, in order."""
        results: dict[Value, None] = {}
        chain: dict[Instr, None] = {}

        def visit(value: Value) -> None:
            if value in self.buffers:
                results[value] = None
            elif value in self.makers:
                maker = self.makers[value]
                if maker not in chain:
                    for operand in maker.operands:
                        visit(operand)
                    chain[maker] = None

        for operand in launch.operands:
            visit(operand)
        return [*results], [*chain]

    def launched(self, launch: Instr) -> list[Instr]:
        """A launch that reads its numbers on the device, and leaves its results there."""
        read, chain = self._closure(launch)
        left = [r for r in launch.results if r in self.buffers]
        if not read and not left:
            return [launch]
        outer = [v for v in outer_values(chain, launch.operands) if v not in self.buffers]
        operands = with_extents([*outer, *(self.buffers[r] for r in (*read, *left))])
        b = Builder("kernel")
        names = b.params_like(operands)
        for r in read:
            names[r] = b.op("load", names[self.buffers[r]])
        for instr in chain:
            b.clone(instr, names)
        results = b.inline(launch.regions[0], [names[v] for v in launch.operands])
        for r, found in zip(launch.results, results, strict=True):
            if r in self.buffers:
                b.append("store", [names[self.buffers[r]], found], {})
        kernel = b.build([] if left else results)
        given = () if left else launch.results
        attrs = aliases_of(operands, self.roots)
        new = Instr(launch.prim, tuple(operands), attrs, (kernel,), given, launch.loc)
        return [*map(_alloc, (self.buffers[r] for r in left)), new, *self._frees(launch)]

    def _frees(self, launch: Instr) -> list[Instr]:
        free = TABLE["free"]
        return [Instr(free, (buffer,), {}, (), ()) for buffer in self._last.get(launch, ())]


def _alloc(buffer: Value) -> Instr:
    return Instr(TABLE["alloc"], (), {"type": buffer.type}, (), (buffer,))


def _may_load(launch: Instr, value: Value) -> bool:
    """Whether a kernel can read a number itself: how large it is must not depend on that."""
    if any(value in type_uses(v.type) for v in launch.operands):
        return False
    kernel = Kernel(launch.regions[0], launch.attrs.get("aliases", ()))
    inner = {p for p, v in zip(kernel.function.params, launch.operands, strict=True) if v is value}
    trips = (
        kernel.roots.dim(i.operands[i.prim.passing.lead - 1])
        for i in walk(kernel.function.instrs)
        if i.prim.passing.counted
    )
    return not any(inner & set(leaves(trip)) for trip in trips)
