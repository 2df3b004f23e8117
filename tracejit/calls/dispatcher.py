"""The slow path of a call: normalise arguments, find or compile the version, call it.

The fast path is native: a chain of guarded entries that call ``Dispatcher.miss`` when none fits.
"""

from __future__ import annotations

import copy
import inspect
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from tracejit import trees
from tracejit.calls.argument_types import StaticArgument, arg_of
from tracejit.calls.chains import ChainRow
from tracejit.calls.deopt import DeoptState
from tracejit.calls.device_cache import DeviceCalls
from tracejit.calls.fallback import Fallback, Reason, Refused
from tracejit.calls.many_numbers import Packing, packed, packed_leaves
from tracejit.calls.new_items import Pending
from tracejit.calls.non_native import NativeLeaves
from tracejit.calls.overlap import MEETS_ITSELF, Plan, Sharer, Unshareable
from tracejit.calls.overlap_cache import MISSED, NativeSharings, OverlapCache
from tracejit.calls.placement import ON_THE_CPU, Placement, placed
from tracejit.calls.structured_calls import StructuredCalls
from tracejit.calls.version_table import VersionTable
from tracejit.calls.versions import (
    Arguments,
    HiddenOverlap,
    Options,
    Request,
    Stats,
    Version,
    described,
    hidden_meets_itself,
    hidden_overlap,
    looks_at_bits,
    parameters_of,
    signature_of,
    static_positions,
    writes_into_itself,
    writes_into_overlap,
)
from tracejit.errors import InternalError, StructureError, UnsupportedError
from tracejit.ir.arguments import ArrayArg
from tracejit.signatures import own_signature, say_what_python_says
from tracejit.trace.guards.paths import NeedsIdentity, bound
from tracejit.trace.session.assumption_sets import AssumptionFailed
from tracejit.trace.values.kept_changes import carries_changes
from tracejit.trace.values.structured_memory import is_structured

#: Numbers that may be arguments of their own, for which code compiles in seconds.
_MANY_ARGUMENTS = 2000

_dispatchers: weakref.WeakSet[Dispatcher] = weakref.WeakSet()


def _renew_locks() -> None:
    for dispatcher in _dispatchers:
        dispatcher.renew_lock()


def forget_all() -> None:
    """Forget every version of every function: what programs mean has changed."""
    for dispatcher in list(_dispatchers):
        dispatcher.clear()


if hasattr(os, "register_at_fork"):
    # Another thread of the parent may have been compiling; the child has only the one that forked.
    os.register_at_fork(after_in_child=_renew_locks)


class Dispatcher:
    """Calls of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        compile_version: Callable[[Request, Options], Version],
        chain: Callable[[Sequence[ChainRow]], None],
        miss_type: type[Exception],
        fallback: Fallback | None = None,
    ) -> None:
        """``chain``: makes these the rows that native calls try. ``fallback``: what happens to
        calls that cannot be compiled; if it is not given, the function is called."""
        self.function = function
        self.options = options
        self.miss_type = miss_type
        # A transform takes arguments apart itself.
        packs = not hasattr(type(function), "__traced_call__")
        self._packing = Packing.LISTS_OF_LISTS if packs else Packing.NOTHING
        #: Classes of which the code depends on which object it is.
        self._by_identity: set[type] = set()
        self._slow_calls = 0
        self.peak = 0
        self.fallback = fallback or Fallback(function, enabled=options.fallback)
        self._sharer = Sharer()
        self._sharings = NativeSharings()
        self._repeats = OverlapCache(miss_type)
        self._structured_calls = StructuredCalls(miss_type)
        self._device_calls = DeviceCalls()
        self._signature = signature_of(function)
        self.parameters = parameters_of(function, self._signature)
        self._static = static_positions(function, self._signature, options)
        self._names = list(self._signature.parameters) if self._signature is not None else []
        self._table = VersionTable(
            function, options, compile_version, chain, self._sharings, self._names
        )
        self.find = self._table.find
        self.versions = self._table.versions
        _dispatchers.add(self)

    def renew_lock(self) -> None:
        """A new lock, in the child of a fork."""
        self._table.lock = threading.RLock()

    # -- calls ---------------------------------------------------------------------------------

    def miss(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call by the slow path."""
        self._slow_calls += 1
        if not kwargs:
            result = self._device_calls.call(args)
            if result is not MISSED:
                return result
            result = self._repeats.call(args)
            if result is not MISSED:
                return result
            result = self._structured_calls.call(args)
            if result is not MISSED:
                return result
        try:
            return self._compiled_call(args, kwargs)
        except Refused as refused:
            reason = refused.reason
        return self.fallback.run(reason, args, kwargs)

    def _compiled_call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        call = self.bind(args, kwargs)
        while True:
            try:
                return self._bound_call(call, args)
            except (Refused, UnsupportedError, StructureError):
                if not self._unpack(call):
                    raise

    def _bound_call(self, call: tuple[Any, dict[str, Any]], args: Sequence[Any]) -> Any:
        leaves, structure = self._flatten(call)
        with self.fallback.refusing():
            held = self._native(self._placed(leaves, structure))
        with bound(held.leaves), held.standing_parts():
            version, plan, result = self._settled(held, structure)
        if plan is not None and version.chained is not None and not held.stands:
            with self._table.lock:
                if self._sharings.note(structure, held.leaves, version, plan):
                    self._table.rechain()
        if type(result) is Pending:
            return result.finish(call, held.originals(result.raw))
        plain = len(args) == len(leaves) and not self._static
        if held.device is not None:
            if plain and plan is None and not held.placement.copied:
                self._device_calls.remember(args, held.leaves, version)
            return held.originals(result)
        if plan is None and not (self._static or held.stands or version.assumptions.sites):
            self._structured_calls.remember(args, len(leaves), version)
        plain = plain and not held.stands
        if plan is not None and plain and not version.assumptions.sites:
            self._repeats.remember(args, version, plan)
        return held.originals(result)

    def _settled(
        self, held: NativeLeaves, structure: tuple[Any, ...]
    ) -> tuple[Version, Plan | None, Any]:
        """The version that answers the call, how its memory is shared, and the answer."""
        deopt = DeoptState()
        while True:
            try:
                return self._attempt(held, structure, deopt)
            except AssumptionFailed:
                continue  # begins again, with what it has learnt
            except NeedsIdentity as need:
                self._by_identity.add(need.kind)

    def _attempt(
        self, held: NativeLeaves, structure: tuple[Any, ...], deopt: DeoptState
    ) -> tuple[Version, Plan | None, Any]:
        arguments, overlap = self._described(held, structure)
        plan = None
        arguments, version = self._fitting(held, arguments, deopt)
        if writes_into_itself(version, held.given):
            raise self._in_python(MEETS_ITSELF)
        if held.swapped and looks_at_bits(version.artefacts.traced.function):
            raise self._in_python("a byte-swapped array is viewed as another dtype")
        if overlap and writes_into_overlap(version, arguments.leaves):
            arguments, plan = self._shared(arguments)
            arguments, version = self._fitting(held, arguments, deopt)
        try:
            with held.standing() if held.stands else nullcontext():
                version, result = self._run(version, arguments, deopt)
        except HiddenOverlap:
            plan = None
            version, result = self._run_with_globals(version, held, structure, deopt)
        finally:
            held.copy_back(version.writes)
        return version, plan, result

    def _fitting(
        self, held: NativeLeaves, arguments: Arguments, deopt: DeoptState
    ) -> tuple[Arguments, Version]:
        """The version, one that leaves views to Python where they are of what others stand for."""
        version = self._wanted(arguments, deopt)
        if held.stands and version.makes_views:
            arguments = replace(arguments, stands=True)
            version = self._wanted(arguments, deopt)
        return arguments, version

    def _placed(self, leaves: Sequence[Any], structure: tuple[Any, ...]) -> Placement:
        """Where the call runs."""

        def name(k: int) -> str:
            return trees.name_of_leaf(structure[0], k, self._names)

        def not_passed() -> set[int]:
            defaults = self._default_leaves()
            found = {k for k, x in enumerate(leaves) if any(x is d for d in defaults)}
            return found | packed_leaves(structure[0])

        found = placed(leaves, self.options.target, name, not_passed)
        if found.device is not None and (self.options.check_nan or self.options.debug):
            raise UnsupportedError(ON_THE_CPU)
        return found

    def _default_leaves(self) -> list[Any]:
        parameters = self._signature.parameters.values() if self._signature is not None else ()
        return trees.leaves_of([p.default for p in parameters if p.default is not p.empty])

    def _described(
        self, held: NativeLeaves, structure: tuple[Any, ...], beside: Sequence[Any] = ()
    ) -> tuple[Arguments, bool]:
        """``described`` of the leaves of a call and of arrays found outside."""
        leaves = [*held.leaves, *beside]
        return described(
            leaves, structure, len(beside), by_identity=self._by_identity, device=held.device
        )

    def _native(self, placement: Placement) -> NativeLeaves:
        try:
            return NativeLeaves(placement.leaves, tuple(map(arg_of, placement.leaves)), placement)
        except Unshareable as error:
            raise self._in_python(str(error)) from None

    def _run(
        self, version: Version, arguments: Arguments, deopt: DeoptState
    ) -> tuple[Version, Any]:
        """Call a version; one whose hidden arguments changed in kind is compiled anew."""
        changed: list[str] = []
        for _ in range(3):
            try:
                result = version.run(arguments.leaves)
                if version.assumptions.sites:
                    self._table.answered(arguments.kind, version)
                return version, result
            except AssumptionFailed as wrong:
                with self.fallback.refusing():
                    deopt.learn(wrong, version.assumptions)
                raise
            except self.miss_type:
                if hidden_overlap(version, arguments.leaves):
                    raise HiddenOverlap from None
                if hidden_meets_itself(version):
                    raise self._in_python(MEETS_ITSELF) from None
                self._table.outdated(arguments, version)
                changed = version.preconditions.changed()
                version.alive = False
                version = self._wanted(arguments, deopt)
        if not changed:
            raise InternalError("a compiled version refuses the arguments that it was compiled for")
        raise self._in_python(f"{', '.join(changed)} changed again and again during the call")

    def _run_with_globals(
        self,
        version: Version,
        held: NativeLeaves,
        structure: tuple[Any, ...],
        deopt: DeoptState,
    ) -> tuple[Version, Any]:
        """Call with arrays found in globals as further leaves, since these overlap something."""
        if any(array.held is not None for array in version.preconditions.arrays.values()):
            what = "an array on a GPU" if held.device is not None else "a memory map"
            raise self._in_python(f"{what} in a global overlaps what is written")
        overlapping_globals = version.preconditions.arrays_now()
        arguments, _ = self._described(held, structure, overlapping_globals)
        arguments, _ = self._shared(arguments)
        arguments, version = self._fitting(held, arguments, deopt)
        try:
            return self._run(version, arguments, deopt)
        except HiddenOverlap:
            raise self._in_python("arrays in globals that are written overlap") from None

    def _shared(self, arguments: Arguments) -> tuple[Arguments, Plan]:
        """The call with overlapping arguments as windows of storage that is passed after them."""
        try:
            sharing = self._sharer.share(arguments.leaves)
        except Unshareable as error:
            raise self._in_python(str(error)) from None
        windows = dict(sharing.windows)
        args = [
            replace(arg, window=windows[k]) if isinstance(arg, ArrayArg) and k in windows else arg
            for k, arg in enumerate(arguments.args)
        ]
        shared = replace(
            arguments,
            leaves=(*arguments.leaves, *sharing.leaves),
            args=(*args, *map(arg_of, sharing.leaves)),
        )
        return shared, sharing.plan

    def _in_python(self, why: str) -> Refused:
        """Why this call runs in Python, which is never done silently."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        place = ("<unknown>", 1) if code is None else (code.co_filename, code.co_firstlineno)
        return Refused(Reason(why, *place))

    def failed(self, error: BaseException, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """A call ends with an exception: the caller's objects are left as it has changed them."""
        if carries_changes(error):
            call = self.bind(args, kwargs)
            from tracejit.calls.epilogue import left_as_changed  # few calls fail

            left_as_changed(error, call, self._flatten(call)[0])

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Positional and keyword values with defaults; TypeError as Python for a wrong call."""
        if self.parameters is None:
            return tuple(args), dict(kwargs)
        places = self.parameters.placed(args, kwargs)
        if places is not None:
            return self.parameters.call(places)
        try:
            bound = own_signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            say_what_python_says(self.function, args, kwargs)
            raise error.with_traceback(None) from None
        return tuple(bound.args), dict(bound.kwargs)

    def _flatten(self, call: tuple[Any, dict[str, Any]]) -> tuple[list[Any], Any]:
        args, kwargs = call
        if self._static or self.options.static_argnames:
            args = tuple(StaticArgument(a) if k in self._static else a for k, a in enumerate(args))
            names = self.options.static_argnames
            kwargs = {n: StaticArgument(v) if n in names else v for n, v in kwargs.items()}
        call = args, kwargs
        seen, whole = self.packed(call)
        leaves, treedef = trees.flatten(seen)
        if any(map(is_structured, leaves)):
            from tracejit.trace.values.structured_results import taken_apart  # brings the tracer

            leaves, treedef = taken_apart(leaves, treedef)
        return leaves, (treedef, trees.arrangement(call, whole))

    def packed(self, call: Any) -> tuple[Any, frozenset[int]]:
        """The call with lists of many numbers as arrays, where the function can take them so; and
        which these are."""
        return packed(call, self._packing)

    def _unpack(self, call: Any) -> bool:
        """Whether what is not supported may be lists of many numbers as arrays: not any more."""
        _, whole = self.packed(call)
        if not whole or self._packing == Packing.NOTHING:
            return False
        fewer = Packing(self._packing - 1)
        less, still = packed(call, fewer)
        if fewer == Packing.LISTS and still == whole:
            fewer, less = Packing.NOTHING, call
        if len(trees.leaves_of(less)) > _MANY_ARGUMENTS:
            return False
        self._packing = fewer
        return True

    def _wanted(self, arguments: Arguments, deopt: DeoptState) -> Version:
        """``find`` for a call, which may run in Python instead."""
        if not self.fallback.enabled:
            return self.find(arguments, None, deopt)
        family = (*arguments.kind, deopt.assumed)
        with self.fallback.refusing_family(family, arguments.sizes):
            return self.find(arguments, None, deopt)

    # -- inspection ----------------------------------------------------------------------------

    def version_for(self, /, *args: Any, dynamic: bool = False, **kwargs: Any) -> Version:
        """The version that a call with these arguments uses, compiled if need be.

        ``dynamic``: compile for any extents and integers of this kind at once. Where values decide
        the version, it is the one that answered such a call before, or that would be tried first.
        """
        return self.prepared((args, kwargs), dynamic, DeoptState())

    def prepared(
        self, call: tuple[Any, dict[str, Any]], dynamic: bool, deopt: DeoptState
    ) -> Version:
        """``version_for`` under what calls found so far."""
        leaves, structure = self._flatten(self.bind(*call))
        held = self._native(self._placed(leaves, structure))
        policy = "dynamic" if dynamic else self.options.shapes
        with bound(held.leaves):
            while True:
                arguments, overlap = self._described(held, structure)
                try:
                    version = self.find(arguments, policy, deopt)
                    if overlap and writes_into_overlap(version, arguments.leaves):
                        version = self.find(self._shared(arguments)[0], policy, deopt)
                    return version
                except NeedsIdentity as need:
                    self._by_identity.add(need.kind)

    def clear(self) -> None:
        """Forget every version."""
        with self._table.lock:
            self.fallback.clear()
            self._by_identity.clear()
            self._repeats.clear()
            self._structured_calls.clear()
            self._device_calls.clear()
            self._sharings.clear()
            self._table.clear()

    def peak_of(self, call: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
        """The most bytes that a call on copies of these arguments owns at a time."""
        from tracejit.codegen_llvm.runtime import peak_taken  # waits until something is compiled

        found = 0
        for _ in range(2):  # the first call compiles, and what that runs allocates too
            given, named = copy.deepcopy((args, kwargs))
            peak_taken()
            call(*given, **named)
            found = peak_taken()
        self.peak = max(self.peak, found)
        return found

    @property
    def compilations(self) -> int:
        """How many versions were compiled so far."""
        return self._table.compilations

    def stats(self) -> Stats:
        """Counts of compilations, versions, families, slow calls and so on so far."""
        return Stats(
            self._table.compilations,
            len(self.versions()),
            self._table.kinds(),
            self._slow_calls,
            self.fallback.calls,
            self.fallback.reason,
            self._table.loaded,
            sum(getattr(v.call, "shared_launches", 0) for v in self.versions()),
            self.peak,
            self.fallback.native_loops,
        )
