"""Program: host statements over host scalars, and kernels (loop nests) over buffers.

The host function's parameters are the slots of a call, in order; ``slots`` says what each one is.
Shared by the CPU and GPU back ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType
from tracejit.ir.verifier import VerifyError, verify
from tracejit.records import dataclass

SlotKind: TypeAlias = Literal["scalar", "array", "stride", "out"]


@dataclass(frozen=True)
class Slot:
    """One host parameter: ``scalar``/``array`` of function parameter ``index``, the byte ``stride``
    of that array along ``axis``, or the preallocated data of result ``index`` (``out``)."""

    kind: SlotKind
    index: int
    axis: int = 0


@dataclass(frozen=True)
class ProgramResult:
    """How result k comes back.

    ``scalar``: host result ``first``. ``out``: written to the out slot; ``shape`` is in terms of
    host parameters. ``dynamic``: host result ``first`` is an owned dense buffer and the next ones
    its extents, outermost first.
    """

    kind: Literal["scalar", "out", "dynamic"]
    type: TensorType
    first: int = 0
    shape: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Program:
    """A lowered function."""

    host: Function
    slots: tuple[Slot, ...]
    results: tuple[ProgramResult, ...]
    writes: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()


_KERNEL_ONLY = frozenset(["load", "store", "sum_pairwise", "for_true", "sum_true"])
_HOST_ONLY = frozenset(
    ["launch", "fetch", "alloc", "free", "gemm", "check", "raise", "view", "recursion", "recur"]
)


def verify_program(program: Program) -> None:
    """Raise VerifyError unless the host touches scalars only and kernels touch buffers only."""
    verify(program.host, level="program")
    _check_body(program.host, kernel=False)


def _check_body(function: Function, *, kernel: bool) -> None:
    for value in _values(function):
        if isinstance(value.type, TensorType) and value.type.rank:
            raise VerifyError(f"a tensor {value.type} in a Program function @{function.name}")
    for instr in function.instrs:
        if instr.name in (_HOST_ONLY if kernel else _KERNEL_ONLY):
            place = "a kernel" if kernel else "the host"
            raise VerifyError(f"{instr.name} in {place} (@{function.name})")
        for region in instr.regions:
            _check_body(region, kernel=kernel or instr.name == "launch")


def _values(function: Function) -> Iterator[Value]:
    yield from function.params
    for instr in function.instrs:
        yield from instr.results


def kernels(function: Function) -> Iterator[Instr]:
    """Every ``launch`` of a host function, in program order."""
    for instr in function.instrs:
        if instr.name == "launch":
            yield instr
        else:
            for region in instr.regions:
                yield from kernels(region)


def instructions(function: Function) -> Iterator[Instr]:
    """Every instruction of a function, those of regions after what holds them."""
    for instr in function.instrs:
        yield instr
        for region in instr.regions:
            yield from instructions(region)
