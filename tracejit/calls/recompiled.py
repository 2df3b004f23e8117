"""Why a function is compiled again, and the one warning where that goes on and on."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from tracejit.calls.argument_types import Family, FamilyKey
from tracejit.calls.log import log
from tracejit.calls.versions import Arguments
from tracejit.ir.arguments import ArgType, ArrayArg, ObjectArg, ScalarArg, StaticArg

#: The compilation of one function that is warned of.
TOO_OFTEN = 20
_SHARED = "arguments share memory in another way"


class Recompiled:
    """The reasons so far for the compilations of one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = inspect.unwrap(function)
        self._reasons: Counter[str] = Counter()
        self._count = 0
        self._last: FamilyKey | None = None

    def note(self, family: Family, arguments: Arguments, names: Sequence[str]) -> None:
        """A version is about to be compiled for these arguments, in this family."""
        why = self._why(family, arguments, names)
        log("recompile", self.function, "; ".join(why) or "the first call")
        self._reasons.update(why)
        self._last = arguments.kind
        self._count += 1
        if self._count == TOO_OFTEN:
            often = "; ".join(f"{why} ({n} times)" for why, n in self._reasons.most_common(2))
            name = getattr(self.function, "__qualname__", repr(self.function))
            code = getattr(self.function, "__code__", None)
            file, line = (
                ("<unknown>", 1) if code is None else (code.co_filename, code.co_firstlineno)
            )
            message = f"{name} is compiled for the {TOO_OFTEN}th time: {often}"
            warnings.warn_explicit(message, UserWarning, file, line, registry={})

    def clear(self) -> None:
        """Begin again."""
        self._reasons.clear()
        self._count = 0
        self._last = None

    def _why(self, family: Family, arguments: Arguments, names: Sequence[str]) -> list[str]:
        if family.versions:
            near = [v for v in family.versions if v.accepts(arguments.sizes)]
            changed = sorted({name for v in near[-1:] for name in v.preconditions.changed()})
            return [f"{name} is another" for name in changed[:2]] or ["extents or ints are others"]
        if self._last is None:
            return []
        old: Any = self._last[1]
        new = arguments.args
        if self._last[0] != arguments.structure or len(old) != len(new):
            return ["the containers among the arguments have another structure"]
        pairs = enumerate(zip(old, new, strict=True))
        found = [_difference(a, b, _name(k, new, names)) for k, (a, b) in pairs if a != b]
        return list(dict.fromkeys(found))[:2] or [_SHARED]


def _name(k: int, args: Sequence[ArgType], names: Sequence[str]) -> str:
    """What the program calls an argument, where each is one leaf."""
    return f"argument {names[k]!r}" if len(names) == len(args) else f"argument leaf {k}"


def _difference(old: ArgType, new: ArgType, name: str) -> str:
    if isinstance(new, StaticArg):
        return f"{name} is another {type(new.value).__name__}, which is compiled for"
    if isinstance(old, ArrayArg) and isinstance(new, ArrayArg):
        for what in ("dtype", "rank", "layout", "writeable"):
            if getattr(old, what) != getattr(new, what):
                return f"{name} has another {what}"
        if (old.shape, old.packing) != (new.shape, new.packing):
            return f"{name} has other strides, or axes of length 0 or 1"
        return _SHARED
    if isinstance(new, ObjectArg):
        same = isinstance(old, ObjectArg) and old.kind is new.kind
        return _SHARED if same else f"{name} is of class {new.kind.__name__}"
    kind = (new.kind or new.dtype.name) if isinstance(new, ScalarArg) else "ndarray"
    return f"{name} is of type {kind}"
