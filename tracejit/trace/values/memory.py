"""``x.ctypes`` of a traced array: where it lies is not known before the run."""

from __future__ import annotations

from typing import Any, NoReturn

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import where


class ArrayMemory:
    """What a function is given that is passed an array's address, and knows what to do with it."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getattr__(self, name: str) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: x.ctypes.{name} is not known in compiled code, where arrays are values: "
            "call the C function outside of it, or give it numbers"
        )
