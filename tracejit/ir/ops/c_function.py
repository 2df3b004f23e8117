"""A C function of numbers at an address, as the function of a ``host_call``."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from tracejit.records import dataclass

#: The types of ``ctypes`` by dtype code.
C_TYPES: dict[str, Any] = {
    "?": ctypes.c_bool,
    "b": ctypes.c_int8, "h": ctypes.c_int16, "i": ctypes.c_int32, "l": ctypes.c_int64,
    "q": ctypes.c_int64,
    "B": ctypes.c_uint8, "H": ctypes.c_uint16, "I": ctypes.c_uint32, "L": ctypes.c_uint64,
    "Q": ctypes.c_uint64,
    "f": ctypes.c_float, "d": ctypes.c_double,
}  # fmt: skip


@dataclass(frozen=True)
class CFunction:
    """``result address(args)``; the code at the address stays as long as the process."""

    name: str
    address: int
    args: tuple[np.dtype[Any], ...]
    result: np.dtype[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "__qualname__", self.name)
        object.__setattr__(self, "__module__", "ctypes")

    @cached_property
    def _called(self) -> Any:
        types = [C_TYPES[d.char] for d in (self.result, *self.args)]
        return ctypes.CFUNCTYPE(*types)(self.address)

    def __call__(self, *args: Any) -> Any:
        return self.result.type(self._called(*[np.asarray(x).item() for x in args]))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the C function {self.name} has its address in this process alone")
