"""Program -> Program for a GPU: numbers that a call gives back are left in memory of the device.

Such a result is an array without axes there, which nobody on the host looks at. The kernel that
makes the number stores it; a number of the host's is stored by a kernel of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tracejit.ir.core import TABLE, Function, Instr, Value
from tracejit.ir.program import Program, ProgramResult, Slot
from tracejit.ir.traits import Trait
from tracejit.ir.types import dense_buffer


def numbers_in_memory(program: Program, which: Collection[int]) -> Program:
    """The Program with its ``scalar`` results of these numbers as ``out`` results of rank 0."""
    kinds = enumerate(program.results)
    stay = {k for k, result in kinds if k in which and result.kind == "scalar"}
    if not stay:
        return program
    host, results = program.host, list(program.results)
    outs = {k: Value(dense_buffer(results[k].type), "out") for k in sorted(stay)}
    values = {k: host.results[results[k].first] for k in outs}
    body = list(host.instrs)
    for k, out in outs.items():
        _store(body, values[k], out)
        results[k] = ProgramResult("out", results[k].type)
    left = [
        n for n in range(len(host.results)) if n not in {program.results[k].first for k in stay}
    ]
    for k, result in enumerate(results):
        if result.kind != "out":
            results[k] = replace(result, first=left.index(result.first))
    return replace(
        program,
        host=Function(
            host.name,
            (*host.params, *outs.values()),
            tuple(body),
            tuple(host.results[n] for n in left),
        ),
        slots=(*program.slots, *(Slot("out", k) for k in outs)),
        results=tuple(results),
    )


def _store(body: list[Instr], value: Value, out: Value) -> None:
    """Store a value in memory, where it is made or at the end."""
    for at, instr in enumerate(body):
        if instr.has(Trait.LAUNCHES) and value in instr.results:
            (kernel,) = instr.regions
            found = kernel.results[instr.results.index(value)]
            place = Value(out.type, "out")
            stored = Function(
                kernel.name,
                (*kernel.params, place),
                (*kernel.instrs, _stored(place, found)),
                kernel.results,
            )
            body[at] = replace(instr, operands=(*instr.operands, out), regions=(stored,))
            return
    given, place = Value(value.type, "x"), Value(out.type, "out")
    alone = Function("kernel", (given, place), (_stored(place, given),), ())
    body.append(Instr(TABLE["launch"], (value, out), {}, (alone,), ()))


def _stored(place: Value, value: Value) -> Instr:
    return Instr(TABLE["store"], (place, value), {}, (), ())
