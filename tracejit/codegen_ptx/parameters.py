"""What a GPU kernel is given: operands of the launch, places for results, and parts of totals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from tracejit.codegen_ptx.device_text import DevicePointer, DeviceText, real_parts
from tracejit.codegen_ptx.emit import KernelParam, SpacePointer
from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import Value
from tracejit.ir.scalar.emit import I64, DType
from tracejit.ir.types import TensorType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import joined
from tracejit.lower.parallel import Kernel
from tracejit.records import dataclass

Source: TypeAlias = Literal["operand", "result", "partial", "blocks"]


@dataclass(frozen=True)
class Argument:
    """What a kernel parameter is given at a launch.

    Real `part` of `operand` `index`; the address of `part` of launch result `index`; the address of
    the blocks' parts of a total, number `index`; or how many `blocks` left such a part.
    """

    source: Source
    index: int
    part: int
    param: KernelParam


class Parameters:
    """The parameters of one GPU kernel."""

    def __init__(self, kernel: Kernel, talk: bool = False) -> None:
        self.kernel = kernel
        #: Whether threads read what others of their block have written. LLVM would move loads of
        #: memory that is `noalias` over the place where they meet.
        self.talk = talk
        self.arguments: list[Argument] = []
        for k, value in enumerate(kernel.function.params):
            if isinstance(value.type, TensorType):
                for part, dtype in enumerate(real_parts(value)):
                    self._add("operand", k, part, dtype)
            else:
                self._buffer(k, value)

    def _buffer(self, k: int, value: Value) -> None:
        part = part_of(value.dtype) if is_complex(value.dtype) else value.dtype
        stored = value in self.kernel.stored
        alone = not stored or not (self.talk or value in self.kernel.overlap)
        param = KernelParam(f"a{k}", part, buffer=True, readonly=not stored, noalias=alone)
        self.arguments.append(Argument("operand", k, 0, param))

    def _add(self, source: Source, index: int, part: int, dtype: DType, at: bool = False) -> None:
        name = f"{source[0]}{index}_{part}"
        param = KernelParam(name, dtype, buffer=at, noalias=at)
        self.arguments.append(Argument(source, index, part, param))

    def outputs(self, source: Source, values: Sequence[Value]) -> None:
        """An address for each part of each value."""
        for index, value in enumerate(values):
            for part, dtype in enumerate(real_parts(value)):
                self._add(source, index, part, dtype, at=True)

    def blocks(self) -> None:
        """How many parts there are."""
        self._add("blocks", 0, 0, I64)

    def bind(self, f: DeviceText, given: Sequence[Reg | SpacePointer]) -> None:
        """The kernel's own parameters."""
        found: dict[int, list[str]] = {}
        for argument, value in zip(self.arguments, given, strict=True):
            if argument.source == "operand":
                found.setdefault(argument.index, []).append(value.text)
        for k, param in enumerate(self.kernel.function.params):
            if isinstance(param.type, TensorType):
                f.env[param] = joined(param.type, iter(found[k]))
            else:
                f.env[param] = DevicePointer(found[k][0])

    def take(self, source: Source, given: Sequence[Any]) -> list[Any]:
        """The given values of one source, in order."""
        pairs = zip(self.arguments, given, strict=True)
        return [value for argument, value in pairs if argument.source == source]
