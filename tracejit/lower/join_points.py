"""Program -> Program for a GPU: neighbouring kernels of one thread become one kernel.

An element that is read, arithmetic with it, and an element that is written are three statements of
the host, of which two launch a kernel and one waits. Together they are one kernel, and nothing
waits. The thread that finishes a sum over everything does what follows the sum as well.

Statements in between move before such a kernel, or after it, where neither needs the other and no
memory is written by one and touched by the other. Checks, control flow and calls stay where they
are: nothing moves over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Value, uses
from tracejit.ir.program import Program
from tracejit.ir.regions import needed, outer_values, with_extents
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, BufferType, TensorType
from tracejit.lower.host_bodies import Inside, Memory, aliases_of, rewrite_bodies
from tracejit.lower.parallel import Kernel
from tracejit.records import dataclass

_FETCH, _GEMM = TABLE["fetch"], TABLE["gemm"]
_MOVABLE = (Trait.ALLOCATES, Trait.FREES, Trait.VIEWS, Trait.LAUNCHES)
#: Statements that wait until a group is done, at most: each is looked at again.
_MOST_AFTER = 64
#: points: one thread does it all. total: the grid, then one block, reduces everything to scalars.
_Kind: TypeAlias = Literal["points", "total"]


def join_points(program: Program) -> Program:
    """The Program with such kernels joined, in every body of the host."""
    return rewrite_bodies(program, _statements)


def _statements(function: Function, memory: Memory, inside: Inside) -> list[Instr]:
    facts = _Facts(function, memory)
    new: list[Instr] = []
    left = list(function.instrs[::-1])
    while left:
        instr = left.pop()
        if facts.kind(instr) is None:
            new.append(inside(instr))
            continue
        group = _Group(facts)
        group.take(instr)
        while left and len(group.after) < _MOST_AFTER and group.take(left[-1]):
            left.pop()
        new += group.statements()
        left += group.after[::-1]
    return new


def _kind_of(launch: Instr) -> _Kind | None:
    phases = Kernel(launch.regions[0], launch.attrs.get("aliases", ())).phases()
    if all(phase.role == "serial" for phase in phases):
        return "points"
    return "total" if [phase.role for phase in phases] == ["total"] else None


@dataclass
class _Touched:
    """Memory that statements read or write, and memory that they write."""

    all: set[Value] = field(default_factory=set)
    written: set[Value] = field(default_factory=set)

    def add(self, other: _Touched) -> None:
        self.all |= other.all
        self.written |= other.written

    def conflicts(self, other: _Touched) -> bool:
        return bool(self.written & other.all or other.written & self.all)


class _Facts:
    """What is known of the statements of one body of the host."""

    def __init__(self, function: Function, roots: Memory) -> None:
        self.roots = roots
        self._users: dict[Value, list[Instr | None]] = {}
        for instr in function.instrs:
            for value in uses(instr):
                self._users.setdefault(value, []).append(instr)
        for value in function.results:
            self._users.setdefault(value, []).append(None)
        self._kinds: dict[Instr, _Kind | None] = {}
        self._memory: dict[Instr, _Touched] = {}

    def users(self, value: Value) -> list[Instr | None]:
        """Who needs a value; None: the function gives it back."""
        return self._users.get(value, [])

    def kind(self, instr: Instr) -> _Kind | None:
        """What kind of kernel a statement is, if it may be joined with others."""
        if instr not in self._kinds:
            found: _Kind | None = "points" if instr.prim is _FETCH else None
            self._kinds[instr] = _kind_of(instr) if instr.has(Trait.LAUNCHES) else found
        return self._kinds[instr]

    def touched(self, instr: Instr) -> _Touched:
        """The memory that a statement reads or writes."""
        if instr not in self._memory:
            self._memory[instr] = self._touched(instr)
        return self._memory[instr]

    def _touched(self, instr: Instr) -> _Touched:
        if instr.has(Trait.VIEWS):
            return _Touched()
        buffers = [v for v in instr.operands if isinstance(v.type, BufferType)]
        if instr.has(Trait.LAUNCHES):
            kernel = Kernel(instr.regions[0], instr.attrs.get("aliases", ()))
            pairs = zip(instr.operands, kernel.function.params, strict=True)
            written = [v for v, inner in pairs if inner in kernel.stored]
        else:
            written = [] if instr.prim is _FETCH else buffers
        roots = self.roots
        return _Touched({roots.get(v, v) for v in buffers}, {roots.get(v, v) for v in written})


class _Group:
    """Kernels that become one, what computes with their results, and what moves around them."""

    def __init__(self, facts: _Facts) -> None:
        self.facts = facts
        self.before: list[Instr] = []
        #: Kernels, and scalar arithmetic that needs their results, in order.
        self.members: list[Instr] = []
        self.after: list[Instr] = []
        self._made: set[Value] = set()
        self._made_after: set[Value] = set()
        self._touched, self._touched_after = _Touched(), _Touched()

    def take(self, instr: Instr) -> bool:
        """Find a place for a statement; False: nothing may move over it."""
        needed = set(uses(instr))
        kind = self.facts.kind(instr)
        if kind is not None and self._join(instr, kind, needed):
            return True
        if is_arithmetic(instr):
            if needed & self._made and not needed & self._made_after:
                self.members.append(instr)
                self._made |= set(instr.results)
                return True
        elif not (instr.prim in (_FETCH, _GEMM) or any(map(instr.has, _MOVABLE))):
            return False
        self._pass(instr, needed)
        return True

    def _join(self, instr: Instr, kind: _Kind, needed: set[Value]) -> bool:
        """Add a kernel, if it may run before what comes after the group."""
        touched = self.facts.touched(instr)
        if needed & self._made_after or touched.conflicts(self._touched_after):
            return False
        if kind == "total" and (
            any(v in self._made and v.type == INDEX for v in instr.operands)
            or not self._is_total_with(instr)
        ):
            return False
        self.members.append(instr)
        self._made |= set(instr.results)
        self._touched.add(touched)
        return True

    def _is_total_with(self, instr: Instr) -> bool:
        """Whether the grid still does a reduction that is joined to what there is."""
        if not self._kernels():
            return True
        members = [*self.members, instr]
        return _kind_of(_launch(members, instr.results, self.facts.roots)) == "total"

    def _pass(self, instr: Instr, needed: set[Value]) -> None:
        """Move a statement before the group or after it."""
        touched = self.facts.touched(instr)
        after = needed & (self._made | self._made_after) or instr.has(Trait.FREES)
        if after or touched.conflicts(self._touched) or touched.conflicts(self._touched_after):
            self.after.append(instr)
            self._made_after |= set(instr.results)
            self._touched_after.add(touched)
        else:
            self.before.append(instr)

    def _kernels(self) -> list[Instr]:
        return [i for i in self.members if not is_arithmetic(i)]

    def statements(self) -> list[Instr]:
        """What comes before, the kernels as one, and what the host needs of the arithmetic."""
        kernels = self._kernels()
        on_host = self._on_host()
        if len(kernels) == 1:
            return [*self.before, *kernels, *on_host]
        inside = {*self.members} - {*on_host}
        results = [
            r
            for i in kernels
            for r in i.results
            if any(u not in inside for u in self.facts.users(r))
        ]
        launch = _launch(self.members, results, self.facts.roots)
        return [*self.before, launch, *on_host]

    def _on_host(self) -> list[Instr]:
        """The arithmetic of which something outside of the kernels needs the results."""
        found: list[Instr] = []
        inside = set(self.members)
        for instr in reversed(self.members):
            if is_arithmetic(instr) and any(
                u not in inside or u in found for r in instr.results for u in self.facts.users(r)
            ):
                found.append(instr)
        return found[::-1]


def is_arithmetic(instr: Instr) -> bool:
    """Whether an instruction of the host is scalar code that a kernel can do as well."""
    known = instr.prim.lower is not None or instr.has(Trait.LITERAL)
    pure = known and instr.prim.effect == "none" and not instr.regions
    views = instr.has(Trait.VIEWS) or instr.has(Trait.ALLOCATES)
    return pure and not views and all(isinstance(r.type, TensorType) for r in instr.results)


def _launch(members: Sequence[Instr], results: Sequence[Value], roots: Memory) -> Instr:
    """One launch of kernels, and the arithmetic between them that they need."""
    # The kernels, and the arithmetic that a later kernel needs.
    wanted = needed(members, (), lambda instr: not is_arithmetic(instr))
    operands = with_extents(outer_values(wanted))
    b = Builder("kernel")
    names = b.params_like(operands)
    for instr in wanted:
        if instr.has(Trait.LAUNCHES):
            found = b.inline(instr.regions[0], [names[v] for v in instr.operands])
            names.update(zip(instr.results, found, strict=True))
        elif instr.prim is _FETCH:
            names[instr.result] = b.op("load", *(names[v] for v in instr.operands), loc=instr.loc)
        else:
            b.clone(instr, names)
    kernel = b.build([names[r] for r in results])
    loc = next((i.loc for i in members if i.loc is not None), None)
    attrs = aliases_of(operands, roots)
    return Instr(TABLE["launch"], tuple(operands), attrs, (kernel,), tuple(results), loc)
