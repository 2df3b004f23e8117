"""The parameters of a function as a native call fills them: one place each, in one fixed order.

Places are the positional parameters, what ``*args`` takes, the keyword-only parameters sorted by
name (as they are among the leaves of a call), and a dict of what ``**kwargs`` takes. Entries see
nothing but places. `parameters_text.py` fills them natively; ``placed`` does the same in Python.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

VARIADIC, KEYWORDS, NO_DEFAULTS = 1, 2, 4
_EVERY = 2**63 - 1
_EMPTY = inspect.Parameter.empty


class CallParameters:
    """Of one function. ``fills``: whether parameters that a call leaves out get their defaults.

    Defaults of a Python function are those that it has when it is called, as in Python.
    """

    def __init__(
        self, function: Callable[..., Any], signature: inspect.Signature, *, fills: bool
    ) -> None:
        kinds = inspect.Parameter
        found = list(signature.parameters.values())
        named = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
        positional = [p for p in found if p.kind in named]
        only = sorted((p for p in found if p.kind == kinds.KEYWORD_ONLY), key=lambda p: p.name)
        self.positional = len(positional)
        self.unnamed = sum(p.kind == kinds.POSITIONAL_ONLY for p in positional)
        self.names = tuple(sys.intern(p.name) for p in [*positional, *only])
        self.keyword_only = self.names[self.positional :]
        self._in_order = [p.name for p in found if p.kind == kinds.KEYWORD_ONLY]
        self.variadic = any(p.kind == kinds.VAR_POSITIONAL for p in found)
        self.keywords = any(p.kind == kinds.VAR_KEYWORD for p in found)
        self.fills = fills
        self.function = _plain_function(function)
        self.defaults = [p.default for p in [*positional, *only]]
        self._struct = self._described()
        self.address = ctypes.addressof(self._struct)

    def _described(self) -> Any:
        """What native code reads; see `parameters_text`."""
        count = len(self.names)
        pointers = ctypes.c_void_p * max(1, count)
        known = pointers(*map(id, self.names))
        given = pointers(*(None if d is _EMPTY else id(d) for d in self.defaults))
        self._arrays = (known, given)  # what the struct points to
        rest = self.keywords and self.fills
        flags = self.variadic * VARIADIC | rest * KEYWORDS | (not self.fills) * NO_DEFAULTS
        least, most = self.positional, _EVERY if self.variadic else self.positional
        if not self.fills:
            least = 0
        elif self.keyword_only or self.keywords:
            least, most = 1, 0
        return (ctypes.c_int64 * 9)(
            id(self.function) if self.function is not None else 0,
            self.positional,
            self.unnamed,
            len(self.keyword_only),
            flags,
            ctypes.addressof(known),
            ctypes.addressof(given),
            least,
            most,
        )

    # -- between a call and its places ---------------------------------------------------------

    def places(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any] | None:
        """The places of a call that is bound already; None for one that has none."""
        if not self.fills:
            return None if kwargs else list(args)
        rest = {n: v for n, v in kwargs.items() if n not in self.keyword_only}
        found = [*args, *(kwargs[name] for name in self.keyword_only)]
        return [*found, rest] if self.keywords else found

    def call(self, places: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(args, kwargs) from places."""
        if not (self.fills and (self.keywords or self.keyword_only)):
            return tuple(places), {}
        rest: dict[str, Any] = {}
        if self.keywords:
            *places, rest = places
        first = len(places) - len(self.keyword_only)
        named = dict(zip(self.keyword_only, places[first:], strict=True))
        return tuple(places[:first]), {n: named[n] for n in self._in_order} | rest

    def placed(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any] | None:
        """The places of a call as it was made; None where Python would not take it, or where it
        leaves out a parameter without a default, or one between others that get none."""
        found: dict[str, Any] = dict(zip(self.names[: self.positional], args))
        over = list(args[self.positional :])
        rest: dict[str, Any] = {}
        for name, value in kwargs.items():
            if name not in self.names[self.unnamed :]:
                rest[name] = value
            elif name in found:
                return None
            else:
                found[name] = value
        if (over and not self.variadic) or (rest and not (self.keywords and self.fills)):
            return None
        if not self.fills:
            given = [name for name in self.names if name in found]
            first = given == list(self.names[: len(given)]) and len(given) <= self.positional
            return [*(found[name] for name in given), *over] if first else None
        for k, name in enumerate(self.names):
            if name not in found:
                found[name] = self._default(k)
                if found[name] is _EMPTY:
                    return None
        places = [*(found[n] for n in self.names[: self.positional]), *over]
        places += [found[name] for name in self.keyword_only]
        return [*places, rest] if self.keywords else places

    def _default(self, k: int) -> Any:
        if self.function is None:
            return self.defaults[k]
        if k >= self.positional:
            return (self.function.__kwdefaults__ or {}).get(self.names[k], _EMPTY)
        given = self.function.__defaults__ or ()
        at = k - self.positional + len(given)
        return given[at] if 0 <= at < len(given) else _EMPTY


def _plain_function(function: Any) -> FunctionType | None:
    """The Python function whose defaults a call gets at the time of the call."""
    if type(function) is MethodType:
        function = function.__func__
    return function if type(function) is FunctionType else None
