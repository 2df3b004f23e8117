"""Checks the invariants that every function holds before and after every pass.

1. Every value is defined once: as a parameter, or as a result of one instruction.
2. Every use (operands, and values that attrs, result types or returned types mention) is dominated
   by its definition in the same function: regions are closed.
3. An instruction's stated result types are those its row's type rule infers.
4. A parameter's extents mention only parameters of the same function, of type ``i64[]``.
5. ``raise`` is last; a function that ends in it has no results, any other has its results defined.
6. Tapes are linear: each is used at most once.
7. ``carried`` counts fit; regions satisfy all of this themselves.
8. ``write_back`` names a parameter of the outermost function by ``arg`` and matches its type.
9. Tensor level: no buffers. Program level (``level="program"``): see ``ir/program.py``.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracejit.ir.core import Function, Instr, Value, type_uses, uses
from tracejit.ir.extent import ResultRef
from tracejit.ir.printer import format_context
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, BufferType, TapeType, subst_type


class VerifyError(Exception):
    """An invariant of the IR does not hold; the message shows the lines around it."""


def verify(function: Function, *, level: str = "tensor") -> None:
    """Raise VerifyError naming the first broken invariant of ``function``."""
    _Verifier(function, level).run()


class _Verifier:
    def __init__(self, function: Function, level: str) -> None:
        self.function = function
        self.level = level
        self.defined: set[Value] = set()
        self.spent: set[Value] = set()

    def fail(self, message: str, instr: Instr | None = None) -> None:
        raise VerifyError(f"{message}\n{format_context(self.function, instr)}")

    def define(self, values: Iterable[Value], instr: Instr | None = None) -> None:
        for value in values:
            if value in self.defined:
                self.fail("a value is defined twice", instr)
            if self.level == "tensor" and isinstance(value.type, BufferType):
                self.fail("a buffer at the tensor level", instr)
            self.defined.add(value)

    def run(self) -> None:
        self.define(self.function.params)
        for param in self.function.params:
            for used in type_uses(param.type):
                if used not in self.defined or used.type != INDEX:
                    self.fail(f"parameter type {param.type} mentions what is not an i64 parameter")
        for position, instr in enumerate(self.function.instrs):
            self.instr(instr, position == len(self.function.instrs) - 1)
        if self.function.diverges:
            if self.function.results:
                self.fail("a function that raises has results")
            return
        for result in self.function.results:
            if result not in self.defined:
                self.fail("a returned value is not defined here")
            self.linear(result, None)

    def instr(self, instr: Instr, last: bool) -> None:
        for used in uses(instr):
            if used not in self.defined:
                self.fail(f"{instr.name} uses a value that is not defined here", instr)
        for operand in instr.operands:
            self.linear(operand, instr)
        if instr.has(Trait.ENDS) and not last:
            self.fail("raise is not the last instruction", instr)
        for region in instr.regions:
            inner = "program" if self.level == "program" else "tensor"
            verify(region, level=inner)
        self.types(instr)
        self.define(instr.results, instr)

    def linear(self, value: Value, instr: Instr | None) -> None:
        if isinstance(value.type, TapeType):
            if value in self.spent:
                self.fail("a tape is used twice", instr)
            self.spent.add(value)

    def types(self, instr: Instr) -> None:
        try:
            inferred = instr.prim.infer(instr.operands, instr.attrs, instr.regions)
        except (TypeError, KeyError, IndexError, ValueError) as error:
            self.fail(f"{instr.name} is ill-typed: {error}", instr)
            return
        if len(inferred) != len(instr.results):
            self.fail(f"{instr.name} has {len(inferred)} results by its row", instr)
        refs = {ResultRef(i): r.dim for i, r in enumerate(instr.results)}
        for want, result in zip(inferred, instr.results, strict=True):
            stated = subst_type(want, refs)  # type: ignore[arg-type]
            if stated != result.type:
                self.fail(f"{instr.name} states {result.type} but its row infers {stated}", instr)
