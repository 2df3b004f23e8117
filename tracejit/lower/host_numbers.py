"""Program -> Program for a GPU: kernels that compute numbers from numbers are the host's work.

On the CPU such a kernel is a few instructions. Elsewhere it would be a launch, and a wait for what
the host could have known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr
from tracejit.ir.program import Program
from tracejit.ir.traits import Trait
from tracejit.lower.host_bodies import Inside, Memory, rewrite_bodies
from tracejit.lower.join_points import is_arithmetic


def host_numbers(program: Program) -> Program:
    """The Program with such kernels as statements of the host."""
    return rewrite_bodies(program, _body)


def _body(function: Function, memory: Memory, inside: Inside) -> Iterator[Instr]:
    for instr in function.instrs:
        yield from _statements(instr) if instr.has(Trait.LAUNCHES) else [inside(instr)]


def _statements(launch: Instr) -> Sequence[Instr]:
    (kernel,) = launch.regions
    if not launch.results or not all(map(is_arithmetic, kernel.instrs)):
        return [launch]
    b = Builder("host", launch.loc)
    found = b.inline(kernel, launch.operands)
    # Results stay the values that they are: types mention them.
    given = [
        Instr(TABLE["bitcast"], (value,), {"dtype": result.dtype}, (), (result,), launch.loc)
        for value, result in zip(found, launch.results, strict=True)
    ]
    return [*b.instrs, *given]
