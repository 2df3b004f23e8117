"""What a loop binds that tracing knows: None, texts, types, functions, modules.

Such a value is part of the loop's plan, not of what the loop carries.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from tracejit.errors import StructureError
from tracejit.records import dataclass
from tracejit.trace.convert import UNDEFINED

_KINDS = (
    type(None), type(...), str, bytes, type, np.dtype, np.ufunc, BuiltinFunctionType, ModuleType,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class KnownValue:
    """The same known value in every iteration, of a name that was unbound before the loop."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownValue) and self.is_value(other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))

    def is_value(self, x: Any) -> bool:
        """Whether something is the constant."""
        return x is self.value or (type(x) is type(self.value) and bool(x == self.value))

    def require(self, x: Any) -> None:
        """StructureError where a binding, before the loop or after an iteration, is another."""
        if x is not UNDEFINED and not self.is_value(x):
            raise StructureError(
                f"a loop that is decided at run time gives {self.value!r} in one iteration and "
                f"{x!r} in another or before it: give numbers that stand for them"
            )


def is_known(x: Any) -> bool:
    """Whether a value cannot hold anything that is traced, nor change."""
    return isinstance(x, _KINDS) or (isinstance(x, FunctionType) and not x.__closure__)
