"""Constructs of Numba's that are a call of something else, or nothing."""

from __future__ import annotations

from typing import Any, NoReturn

from tracejit.errors import UnsupportedError
from tracejit.trace.session.session import where

#: Accepted as a promise that the turns are independent; they run one after another.
prange = range


class _Refusing(type):
    def __traced_call__(cls, ops: Any, /, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: objmode is refused: call what is in its block outside of the compiled "
            "function, or compile with fallback=True"
        )


class objmode(metaclass=_Refusing):  # noqa: N801 (Numba spells it so)
    """``with objmode(y="f8[:]"):``. Refused in compiled code; outside it does nothing."""

    def __init__(self, *args: Any, **types: str) -> None:
        pass

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


def literal_unroll(items: Any) -> Any:
    """The items: a loop over a tuple is unrolled in any case."""
    return items


def literally(x: Any) -> Any:
    """The value: code is compiled for values where it has to be."""
    return x
