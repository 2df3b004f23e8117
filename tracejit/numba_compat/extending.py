"""``numba.extending``: what stands for a function in compiled code.

Functions are traced, so that most of it is not needed: ``register_jitable`` leaves a function as it
is. ``overload`` is followed, as some functions mean something in compiled code alone. What writes
LLVM by hand is refused.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NoReturn

from tracejit import api
from tracejit.errors import UnsupportedError
from tracejit.numba_compat import types as nt
from tracejit.numba_compat.elementwise import UniversalFunction
from tracejit.numba_compat.foreign import address_in_capsule
from tracejit.numba_compat.generalized import GeneralizedFunction
from tracejit.numba_compat.types import typeof
from tracejit.trace.python.dispatching import stand_for

__all__ = [
    "get_cython_function_address",
    "intrinsic",
    "is_jitted",
    "overload",
    "overload_attribute",
    "overload_method",
    "register_jitable",
    "typeof",
]


def register_jitable(*args: Any, **options: Any) -> Any:
    """A function that compiled code calls: any may be called, so it comes back as it is."""
    return args[0] if args else lambda function: function


def overload(function: Any, jit_options: Any = None, **options: Any) -> Callable[[Any], Any]:
    """``chooser`` says, from the types of the arguments, which function stands for ``function`` in
    compiled code; where it says None, ``function`` itself is compiled."""

    def enter(chooser: Any) -> Any:
        def choose(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            kinds = {name: nt.typeof(x) for name, x in kwargs.items()}
            return chooser(*map(nt.typeof, args), **kinds)

        stand_for(function, choose)
        return chooser

    return enter


def is_jitted(function: Any) -> bool:
    """Whether a function is compiled."""
    return isinstance(function, (api.jitted_type(), UniversalFunction, GeneralizedFunction))


def get_cython_function_address(module: str, name: str) -> int:
    """The address of a C function that a Cython module exports."""
    return address_in_capsule(importlib.import_module(module).__pyx_capi__[name])


def _refuse(what: str, instead: str) -> NoReturn:
    raise UnsupportedError(f"{what} of Numba's compiler has no meaning here: {instead}")


def intrinsic(*args: Any, **options: Any) -> NoReturn:
    """Refused: it writes LLVM for Numba's own types."""
    _refuse("intrinsic", "write the function in Python, or pass a C function's address")


def overload_method(kind: Any, name: str, **options: Any) -> NoReturn:
    """Refused: classes of Python have their methods here."""
    _refuse("overload_method", "classes of Python may be used as they are")


def overload_attribute(kind: Any, name: str, **options: Any) -> NoReturn:
    """Refused: classes of Python have their attributes here."""
    _refuse("overload_attribute", "classes of Python may be used as they are")
