"""The slow path of a call: normalise arguments, find or compile the version, call it.

The fast path is native: a chain of guarded entries that call ``Dispatcher.miss`` when none fits.
"""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import InternalError
from tracejit.fallback import Fallback, Reason, Refused
from tracejit.foreign import NativeLeaves
from tracejit.overlap import Plan, Sharer, Unshareable
from tracejit.repeats import MISSED, Repeats
from tracejit.specialize import (
    ArrayKey,
    Family,
    FamilyKey,
    LeafKey,
    Policy,
    ScalarKey,
    StaticKey,
    alias_groups,
    int_positions,
    leaf_key,
    sizes_of,
)
from tracejit.trace.specs import Window
from tracejit.tree_calls import Pending

#: Versions kept per family before one of them is dropped, with a warning.
MAX_VERSIONS = 8


@dataclass(eq=False)
class Version:
    """One compiled version: for which sizes it is, and how to call it on leaves.

    ``direct``: native code takes the leaves as the caller passes them.
    """

    keys: tuple[LeafKey, ...]
    sizes: tuple[int, ...]
    dynamic: tuple[bool, ...]
    call: Callable[..., Any]
    guards: Callable[[], bool]
    writes: tuple[int, ...]
    fast: Any = None
    artefacts: Any = None
    direct: bool = True
    alive: bool = True

    def accepts(self, sizes: tuple[int, ...]) -> bool:
        """Whether the version is for these extents and integers."""
        return self.alive and all(
            free or want == have
            for free, want, have in zip(self.dynamic, self.sizes, sizes, strict=True)
        )


@dataclass(frozen=True)
class Request:
    """What to compile: the function, its arguments' structure, and what is known of each leaf.

    ``windows``: leaves that lie in storage which follows the arguments (see ``overlap``).
    """

    function: Callable[..., Any]
    treedef: Any
    leaves: tuple[Any, ...]
    keys: tuple[LeafKey, ...]
    dynamic: tuple[bool, ...]
    groups: tuple[int, ...]
    names: tuple[str, ...]
    windows: tuple[tuple[int, Window], ...] = ()


@dataclass(frozen=True)
class Stats:
    """Counts shown by ``f.stats()``; ``fallback``: why calls ran in Python, None if none did."""

    compilations: int
    versions: int
    families: int
    slow_calls: int
    python_calls: int = 0
    fallback: str | None = None


@dataclass
class Options:
    """What ``jit`` was asked for."""

    static_argnums: frozenset[int] = frozenset()
    static_argnames: frozenset[str] = frozenset()
    shapes: Policy = "auto"
    opt_level: int = 3
    stabilize: bool = False
    fallback: bool = False


class Dispatcher:
    """All versions of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        compile_version: Callable[[Request, Options], Version],
        chain: Callable[[Sequence[Any]], None],
        miss_type: type[Exception],
    ) -> None:
        self.function = function
        self.options = options
        self._compile = compile_version
        self._chain = chain
        self.miss_type = miss_type
        self._lock = threading.RLock()
        self._families: dict[FamilyKey, Family] = {}
        self._compilations = 0
        self._slow_calls = 0
        self._fallback = Fallback(function, enabled=options.fallback)
        self._sharer = Sharer()
        self._repeats = Repeats(miss_type)
        self._signature = _signature_of(function)
        self._defaults = getattr(function, "__defaults__", None)
        self._static = _static_positions(self._signature, options)

    # -- calls ---------------------------------------------------------------------------------

    def miss(self, *args: Any, **kwargs: Any) -> Any:
        """Call by the slow path."""
        self._slow_calls += 1
        if not kwargs:
            result = self._repeats.call(args)
            if result is not MISSED:
                return result
        try:
            return self._compiled_call(args, kwargs)
        except Refused as refused:
            reason = refused.reason
        return self._fallback.run(reason, args, kwargs)

    def _compiled_call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        call = self.bind(args, kwargs)
        leaves, treedef = self._flatten(call)
        with self._fallback.refusing():
            keys = tuple(map(leaf_key, leaves))
        held = self._native(leaves, keys)
        native: Sequence[Any] = held.leaves
        keys = tuple(map(leaf_key, native))
        groups, overlap = alias_groups(native)
        plan = None
        version = self._wanted(native, keys, treedef, groups)
        if overlap and self._writes_into_overlap(version, native):
            native, keys, treedef, groups, plan = self._shared(native, keys, treedef, groups)
            version = self._wanted(native, keys, treedef, groups)
        try:
            version, result = self._run(version, native, keys, treedef, groups)
        finally:
            held.copy_back(version.writes)
        if type(result) is Pending:
            return result.finish(call, held.originals(result.raw))
        if plan is not None and len(args) == len(leaves) and not (self._static or held.copied):
            self._repeats.remember(args, version, plan)
        return held.originals(result)

    def _native(self, leaves: Sequence[Any], keys: Sequence[LeafKey]) -> NativeLeaves:
        try:
            return NativeLeaves(leaves, keys)
        except Unshareable as error:
            raise self._in_python(str(error)) from None

    def _run(
        self,
        version: Version,
        leaves: Sequence[Any],
        keys: tuple[LeafKey, ...],
        treedef: Any,
        groups: tuple[int, ...],
    ) -> tuple[Version, Any]:
        """Call a version; one whose hidden arguments changed in kind is compiled anew."""
        for _ in range(3):
            try:
                return version, version.call(*_canonical(leaves, version))
            except self.miss_type:
                if _hidden_overlap(version, leaves):
                    raise self._in_python(
                        "an array that is written here is also an argument: pass it once"
                    ) from None
                version.alive = False
                version = self._wanted(leaves, keys, treedef, groups)
        raise InternalError("a compiled version refuses the arguments that it was compiled for")

    def _shared(
        self,
        leaves: Sequence[Any],
        keys: tuple[LeafKey, ...],
        treedef: Any,
        groups: tuple[int, ...],
    ) -> tuple[list[Any], tuple[LeafKey, ...], Any, tuple[int, ...], Plan]:
        """The call with overlapping arguments as windows of storage that is passed after them."""
        try:
            sharing = self._sharer.share(leaves)
        except Unshareable as error:
            raise self._in_python(str(error)) from None
        all_keys = (*keys, *map(leaf_key, sharing.leaves))
        all_groups = (*groups, *range(len(keys), len(all_keys)))
        windows = (*treedef, sharing.windows)
        return [*leaves, *sharing.leaves], all_keys, windows, all_groups, sharing.plan

    def _in_python(self, why: str) -> Refused:
        """Why this call runs in Python, which is never done silently."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        place = ("<unknown>", 1) if code is None else (code.co_filename, code.co_firstlineno)
        return Refused(Reason(why, *place))

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Positional and keyword values with defaults; TypeError as Python for a wrong call."""
        if self._signature is None:
            return tuple(args), dict(kwargs)
        if getattr(self.function, "__defaults__", None) is not self._defaults:
            self._defaults = self.function.__defaults__
            self._signature = inspect.signature(self.function)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            if type(self.function) is FunctionType and not hasattr(self.function, "__wrapped__"):
                self.function(*args, **kwargs)  # raises what Python says of this call
            raise error.with_traceback(None) from None
        if not hasattr(type(self.function), "__traced_call__"):
            bound.apply_defaults()  # positions that a transform counts are those of the call
        return tuple(bound.args), dict(bound.kwargs)

    def _flatten(self, call: tuple[Any, dict[str, Any]]) -> tuple[list[Any], Any]:
        args, kwargs = call
        if self._static or self.options.static_argnames:
            args = tuple(StaticArgument(a) if k in self._static else a for k, a in enumerate(args))
            names = self.options.static_argnames
            kwargs = {n: StaticArgument(v) if n in names else v for n, v in kwargs.items()}
        leaves, treedef = trees.flatten((args, kwargs))
        return leaves, (treedef, trees.key_orders((args, kwargs)))

    def _wanted(
        self,
        leaves: Sequence[Any],
        keys: tuple[LeafKey, ...],
        treedef: Any,
        groups: tuple[int, ...],
    ) -> Version:
        """``find`` for a call, which may run in Python instead."""
        if not self._fallback.enabled:
            return self.find(leaves, keys, treedef, groups)
        with self._fallback.refusing_family((treedef, keys, groups), sizes_of(leaves, keys)):
            return self.find(leaves, keys, treedef, groups)

    def find(
        self,
        leaves: Sequence[Any],
        keys: tuple[LeafKey, ...],
        treedef: Any,
        groups: tuple[int, ...],
        policy: Policy | None = None,
    ) -> Version:
        """The version for these arguments, compiled when there is none."""
        sizes = sizes_of(leaves, keys)
        family_key = (treedef, keys, groups)
        with self._lock:
            family = self._families.get(family_key)
            if family is None:
                family = Family(sizes, int_positions(leaves, keys))
                self._families[family_key] = family
            version: Version
            for version in family.versions:
                if version.accepts(sizes):
                    if version.guards():
                        return version
                    version.alive = False
            family.versions = [v for v in family.versions if v.alive]
            policy = policy or self.options.shapes
            return self._new_version(family, leaves, keys, treedef, groups, sizes, policy)

    def _new_version(
        self,
        family: Family,
        leaves: Sequence[Any],
        keys: tuple[LeafKey, ...],
        treedef: Any,
        groups: tuple[int, ...],
        sizes: tuple[int, ...],
        policy: Policy,
    ) -> Version:
        names = tuple(self._signature.parameters) if self._signature is not None else ()
        while True:
            dynamic = family.plan(sizes, policy)
            request = Request(
                self.function,
                treedef[0],
                tuple(leaves),
                keys,
                dynamic,
                groups,
                names,
                treedef[2] if len(treedef) > 2 else (),
            )
            try:
                version = self._compile(request, self.options)
                break
            except NeedsStatic as need:
                if policy == "dynamic":
                    raise need.error from None
                free = {k for k, d in enumerate(dynamic) if d}
                family.frozen |= {k for k in free if family.ints[k]} or free
        self._compilations += 1
        family.versions.append(version)
        if len(family.versions) > MAX_VERSIONS:
            warnings.warn(
                f"{self.function!r} has more than {MAX_VERSIONS} versions for one kind of "
                "arguments: the oldest is dropped; make what varies an array or a float",
                stacklevel=4,
            )
            family.versions.pop(0).alive = False
        self._rechain()
        return version

    def _rechain(self) -> None:
        fast = [
            v.fast
            for family in self._families.values()
            for v in reversed(family.versions)
            if v.alive and v.fast is not None
        ]
        self._chain(fast[-32:])

    def leaf_calls(self) -> list[tuple[Any, Any]]:
        """Structure and native entry of each version that a call with containers can use."""
        if self._static or self.options.static_argnames:
            return []
        return [
            (key[0], v.call)
            for key, family in self._families.items()
            for v in reversed(family.versions)
            if v.alive and v.direct and v.fast is None
        ]

    def _writes_into_overlap(self, version: Version, leaves: Sequence[Any]) -> bool:
        for k in version.writes:
            for j, other in enumerate(leaves):
                if j != k and type(other) is np.ndarray and type(leaves[k]) is np.ndarray:
                    same = other is leaves[k]
                    if not same and np.may_share_memory(leaves[k], other):
                        return True
        return False

    # -- inspection ----------------------------------------------------------------------------

    def versions(self) -> list[Version]:
        """All live versions, oldest family first."""
        return [v for f in self._families.values() for v in f.versions if v.alive]

    def version_for(self, *args: Any, dynamic: bool = False, **kwargs: Any) -> Version:
        """The version that a call with these arguments uses, compiled if need be.

        ``dynamic``: compile for any extents and integers of this kind at once.
        """
        leaves, treedef = self._flatten(self.bind(args, kwargs))
        keys = tuple(map(leaf_key, leaves))
        native = self._native(leaves, keys).leaves
        keys = tuple(map(leaf_key, native))
        policy = "dynamic" if dynamic else self.options.shapes
        groups, overlap = alias_groups(native)
        version = self.find(native, keys, treedef, groups, policy)
        if overlap and self._writes_into_overlap(version, native):
            version = self.find(*self._shared(native, keys, treedef, groups)[:4], policy)
        return version

    def clear(self) -> None:
        """Forget every version."""
        with self._lock:
            self._families.clear()
            self._fallback.clear()
            self._repeats.clear()
            self._rechain()

    def stats(self) -> Stats:
        """Counts of compilations, versions, families and slow calls so far."""
        return Stats(
            self._compilations,
            len(self.versions()),
            len(self._families),
            self._slow_calls,
            self._fallback.calls,
            self._fallback.reason,
        )


class NeedsStatic(Exception):  # noqa: N818  (a request, not an error: the caller compiles again)
    """A run-time integer or extent decides the structure of the program: compile for its value."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class StaticArgument:
    """Marks an argument as one leaf, compiled for its value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"a static argument must be hashable, not a {type(value).__name__}: "
                "pass a tuple, or do not make it static"
            ) from None

    def __hash__(self) -> int:
        return hash(StaticKey(self.value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticArgument) and StaticKey(self.value) == StaticKey(other.value)


def _canonical(leaves: Sequence[Any], version: Version) -> list[Any]:
    """Leaves as native code is called: equal static values are the object compiled for."""
    out: list[Any] = []
    position = 0
    for leaf, key in zip(leaves, version.keys, strict=True):
        if isinstance(key, StaticKey):
            out.append(key.value.value if isinstance(key.value, StaticArgument) else key.value)
        elif isinstance(key, ScalarKey) and key.by_value and not version.dynamic[position]:
            out.append(version.sizes[position])
        elif isinstance(key, ScalarKey) and key.source is not None:
            out.append(np.int64(id(leaf)))  # the caller holds it while the call runs
        else:
            out.append(leaf)
        if isinstance(key, ArrayKey):
            position += sum(u is None for u in key.units)
        elif isinstance(key, ScalarKey) and key.by_value:
            position += 1
    return out


def _hidden_overlap(version: Version, leaves: Sequence[Any]) -> bool:
    """Whether a global array lies in the memory of an argument or of another global array."""
    hidden = [h.getter() for h in version.artefacts.traced.hidden]
    arrays = [x for x in leaves if type(x) is np.ndarray]
    return any(
        np.may_share_memory(x, y) for k, x in enumerate(hidden) for y in [*arrays, *hidden[:k]]
    )


def _signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _static_positions(signature: inspect.Signature | None, options: Options) -> frozenset[int]:
    names = list(signature.parameters) if signature is not None else []
    unknown = [n for n in options.static_argnames if n not in names]
    if unknown and signature is not None:
        raise ValueError(f"static_argnames {unknown} are not parameters; there are {names}")
    found = {k if k >= 0 else len(names) + k for k in options.static_argnums}
    kinds = [p.kind for p in signature.parameters.values()] if signature is not None else []
    wrong = sorted(k for k in found if not 0 <= k < len(names))
    if wrong and signature is not None and inspect.Parameter.VAR_POSITIONAL not in kinds:
        raise ValueError(f"static_argnums {wrong} are not among the {len(names)} parameters")
    return frozenset(found | {names.index(n) for n in options.static_argnames if n in names})
