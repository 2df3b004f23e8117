"""What a front end hands over: a function of the IR, what its arguments and results are, and what
it depends on outside of them."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from tracejit.ir.arguments import ArgType, without_objects
from tracejit.ir.core import Function
from tracejit.ir.results import AttributeChange, ContainerChange, Out
from tracejit.records import dataclass
from tracejit.trace.guards.guards import Guard, Relation
from tracejit.trace.guards.paths import Path
from tracejit.trace.guards.preconditions import OutsideArray, OutsideNumber, Preconditions
from tracejit.trace.values.captured_arrays import CapturedArray, CapturedNumber


@dataclass
class Traced:
    """A traced function. ``args``: all argument leaves (positional, then keyword), static ones
    too; ``hidden``: what was found outside; ``functions``: those traced, and whether they were
    converted; ``keeps_changes``: exceptions carry what the caller's objects should hold."""

    function: Function
    args: list[ArgType]
    hidden: list[CapturedArray | CapturedNumber]
    guards: list[Guard]
    relations: list[Relation]
    out_tree: Any
    outs: list[Out]
    mutated: set[int]
    containers: list[ContainerChange] = field(default_factory=list)
    attributes: list[AttributeChange] = field(default_factory=list)
    beyond: list[tuple[Path, str]] = field(default_factory=list)
    functions: list[tuple[Any, bool]] = field(default_factory=list)
    keeps_changes: bool = False

    def preconditions(self) -> Preconditions:
        """What calls take for granted of the world outside."""
        arrays = {
            k: OutsideArray(h.getter, h.arg, h.held, k in self.mutated, h.name)
            for k, h in self.hidden_arrays().items()
        }
        numbers = tuple(
            OutsideNumber(h.getter, h.arg, h.name)
            for h in self.hidden
            if isinstance(h, CapturedNumber)
        )
        return Preconditions(tuple(self.guards), tuple(self.relations), arrays, numbers)

    def release(self) -> None:
        """Forget the objects and arrays that the trace looked at: calls have their own."""
        self.args = list(without_objects(self.args))
        for hidden in self.hidden_arrays().values():
            hidden.array = None

    @property
    def all_args(self) -> list[ArgType]:
        """What was passed, and what was found outside: the numbering used everywhere."""
        return [*self.args, *(h.arg for h in self.hidden)]

    def hidden_arrays(self) -> dict[int, CapturedArray]:
        """The hidden arrays by their numbers, which count on after the leaves."""
        numbered = enumerate(self.hidden, len(self.args))
        return {k: h for k, h in numbered if isinstance(h, CapturedArray)}


def mutated_by(function: Function) -> set[int]:
    """The arguments that it writes to."""
    found: set[int] = set()
    for instr in function.instrs:
        if instr.name == "write_back":
            found.add(instr.attrs["arg"])
        for region in instr.regions:
            found |= mutated_by(region)
    return found
