"""Why a function is compiled again, and the one warning where that goes on and on."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tracejit import trees
from tracejit.calls.argument_types import Family, FamilyKey
from tracejit.calls.log import log
from tracejit.calls.versions import Arguments, Version
from tracejit.ir.arguments import ArgType, ArrayArg, ObjectArg, ScalarArg, StaticArg
from tracejit.records import dataclass
from tracejit.trace.guards.changed_values import ChangedValue, array_text, told
from tracejit.trace.guards.preconditions import Preconditions

#: The compilation of one function that is warned of.
TOO_OFTEN = 20
#: Kinds of arguments compiled for, of which the nearest to the new one is told about.
_KINDS = 32


@dataclass(frozen=True)
class Difference:
    """``what``: one of those that are counted; ``text``: with the values of this time."""

    what: str
    text: str


class Recompiled:
    """The reasons so far for the compilations of one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = inspect.unwrap(function)
        self._reasons: Counter[str] = Counter()
        self._count = 0
        self._kinds: deque[FamilyKey] = deque(maxlen=_KINDS)
        #: What versions took for granted that do not do any more, until there is another.
        self._outdated: dict[FamilyKey, list[Preconditions]] = {}

    def outdated(self, kind: FamilyKey, version: Version) -> None:
        """A version for such arguments does not do, as something outside of them has changed."""
        known = self._outdated.setdefault(kind, [])
        if version.preconditions not in known:
            known.append(version.preconditions)

    def found(self, kind: FamilyKey) -> None:
        """Another version does."""
        self._outdated.pop(kind, None)

    def note(self, family: Family, arguments: Arguments, names: Sequence[str]) -> None:
        """A version is about to be compiled for these arguments, in this family."""
        why = self._why(family, arguments, names)[:2]
        log("recompile", self.function, "; ".join(r.text for r in why) or "the first call")
        self._reasons.update(r.what for r in why)
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

    def compiled(self, kind: FamilyKey) -> None:
        """There is a version now for arguments of this kind."""
        self.found(kind)
        if kind in self._kinds:
            self._kinds.remove(kind)
        self._kinds.append(kind)

    def clear(self) -> None:
        """Begin again."""
        self._reasons.clear()
        self._count = 0
        self._kinds.clear()
        self._outdated.clear()

    def _why(self, family: Family, arguments: Arguments, names: Sequence[str]) -> list[Difference]:
        outdated = [p.changes() for p in reversed(self._outdated.get(arguments.kind, []))]
        changes = min(filter(None, outdated), key=len, default=[])
        if changes:
            return [Difference(f"{c.name} is another", str(c)) for c in changes]
        alive = [v for v in family.versions if v.alive]
        if alive:
            differ = [_other_sizes(v, arguments, names) for v in reversed(alive)]
            return min(differ, key=len)
        if not self._kinds:
            return []
        if arguments.kind in self._kinds:
            return [_same("values among the arguments decide dtypes in another way")]
        alike = [k for k in reversed(self._kinds) if k[0] == arguments.structure]
        if not alike:
            return [_same("the containers among the arguments have another structure")]
        return min((_differences(k, arguments, names) for k in alike), key=len)


def _same(text: str) -> Difference:
    return Difference(text, text)


def _reason(name: str, was: str, now: str, what: str | None = None) -> Difference:
    return Difference(what or f"{name} is another", str(ChangedValue(name, was, now)))


def _name(k: int, arguments: Arguments, names: Sequence[str]) -> str:
    """What the program calls a leaf."""
    treedef = arguments.structure[0]
    if k >= treedef.num_leaves:
        return "an array in a global"
    name = trees.name_of_leaf(treedef, k, names)
    if name in names:
        return f"argument {name!r}"
    return name if name.startswith("argument ") else f"argument {name}"


def _other_sizes(version: Version, arguments: Arguments, names: Sequence[str]) -> list[Difference]:
    """Extents and numbers for which this version is not."""
    places = _places(arguments, names)
    sizes = zip(places, version.sizes, arguments.sizes, version.dynamic, strict=True)
    return [
        _reason(name, repr(was), repr(now))
        for name, was, now, free in sizes
        if not free and was != now
    ]


def _places(arguments: Arguments, names: Sequence[str]) -> Iterator[str]:
    """What each of ``arguments.sizes`` is."""
    for k, arg in enumerate(arguments.args):
        name = _name(k, arguments, names)
        if isinstance(arg, ArrayArg):
            for axis, extent in enumerate(arg.shape):
                if extent is None:
                    yield f"the extent of axis {axis} of {name}"
        elif isinstance(arg, ScalarArg) and arg.by_value:
            yield name


def _differences(old: FamilyKey, arguments: Arguments, names: Sequence[str]) -> list[Difference]:
    """In what arguments are of another kind than those that were compiled for."""
    before: Any
    _, before, outside, stands, device = old
    found: list[Difference] = []
    if outside != arguments.overlapping_globals:
        found.append(_same("arrays in globals overlap arguments, or each other, in another way"))
    else:
        found += _of_memory(before, arguments, names)
        count = arguments.structure[0].num_leaves
        pairs = zip(before[:count], arguments.args[:count], strict=True)
        for k, (a, b) in enumerate(pairs):
            if a != b:
                found += _difference(a, b, _name(k, arguments, names))
    if stands != arguments.stands:
        found.append(_same("whether views are of arrays that compiled code cannot read in place"))
    if device != arguments.device:
        found.append(_same("the arguments are on another device"))
    return found or [_same("arguments share memory in another way")]


def _of_memory(
    before: Sequence[ArgType], arguments: Arguments, names: Sequence[str]
) -> list[Difference]:
    """Which arguments share memory, where that is not as it was."""
    count = arguments.structure[0].num_leaves
    was, now = before[:count], arguments.args[:count]

    def which(ks: Sequence[int]) -> str:
        return " and ".join(_name(k, arguments, names) for k in ks[:3])

    found = []
    lay, lie = _windows(was), _windows(now)
    if lay != lie:
        text = f"{which(lie)} overlap" if lie else f"{which(lay)} do not overlap any more"
        found.append(_same(text))
    had, have = _groups(was), _groups(now)
    if had != have:
        new = [group for group in have if group not in had]
        old = [group for group in had if group not in have]
        text = "are one object" if new else "are not one object any more"
        found.append(_same(f"{which((new or old)[0])} {text}"))
    return found


def _windows(args: Sequence[ArgType]) -> list[int]:
    """Arguments that lie in storage which others lie in."""
    return [k for k, a in enumerate(args) if isinstance(a, ArrayArg) and a.window is not None]


def _groups(args: Sequence[ArgType]) -> list[list[int]]:
    """Arguments that are one object or the same memory."""
    groups: dict[int, list[int]] = {}
    for k, a in enumerate(args):
        if isinstance(a, ArrayArg | ObjectArg) and a.alias_group is not None:
            groups.setdefault(a.alias_group, []).append(k)
    return list(groups.values())


def _difference(old: ArgType, new: ArgType, name: str) -> list[Difference]:
    if isinstance(old, StaticArg) and isinstance(new, StaticArg):
        kind = type(new.value).__name__
        what = f"{name} is another {kind}, which is compiled for"
        return [_reason(name, told(old.value), told(new.value), what)]
    if isinstance(old, ArrayArg) and isinstance(new, ArrayArg):
        found = [
            _reason(f"the {what} of {name}", str(was), str(now))
            for what, was, now in (
                ("dtype", old.dtype.name, new.dtype.name),
                ("rank", old.rank, new.rank),
            )
            if was != now
        ]
        was, now = array_text(old), array_text(new)
        return found or ([_reason(name, was, now)] if was != now else [])
    if isinstance(old, ObjectArg) and isinstance(new, ObjectArg) and old.kind is new.kind:
        return []  # it shares what others share
    return [_reason(name, _kind(old), _kind(new), f"{name} is of another type")]


def _kind(arg: ArgType) -> str:
    if isinstance(arg, ArrayArg):
        return array_text(arg)
    if isinstance(arg, ScalarArg):
        return f"of type {arg.kind or (arg.source or arg.dtype.type).__name__}"
    return f"of class {arg.kind.__name__}" if isinstance(arg, ObjectArg) else told(arg.value)
