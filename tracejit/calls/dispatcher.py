"""The slow path of a call: normalise arguments, find or compile the version, call it.

The fast path is native: a chain of guarded entries that call ``Dispatcher.miss`` when none fits.
"""

from __future__ import annotations

import copy
import inspect
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.argument_types import Family, FamilyKey, Policy, StaticArgument, arg_of
from tracejit.calls.chains import ChainRow, Pending
from tracejit.calls.deopt import ActiveSet, DeoptState
from tracejit.calls.device_cache import DeviceCalls
from tracejit.calls.fallback import Fallback, Reason, Refused
from tracejit.calls.many_numbers import packed, packed_leaves
from tracejit.calls.non_native import NativeLeaves
from tracejit.calls.outside_numbers import OutsideNumbers
from tracejit.calls.overlap import MEETS_ITSELF, Plan, Sharer, Unshareable
from tracejit.calls.overlap_cache import MISSED, NativeSharings, OverlapCache
from tracejit.calls.placement import ON_THE_CPU, Placement, placed
from tracejit.calls.recompiled import Recompiled
from tracejit.calls.versions import (
    Arguments,
    HiddenOverlap,
    NeedsStatic,
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
from tracejit.ir.arguments import ArrayArg, integers_among
from tracejit.signatures import own_signature
from tracejit.trace.guards.paths import NeedsIdentity, bound
from tracejit.trace.session.assumption_sets import AssumptionFailed, AssumptionSet, TraceAssumptions

#: Versions kept per family before one of them is dropped, with a warning.
MAX_VERSIONS = 8
#: Ways kept in which versions for one kind of arguments assume that values decide dtypes.
MAX_ASSUMPTION_SETS = 16
_FIRST = AssumptionSet()
#: Numbers that may be arguments of their own, for which code compiles in seconds.
_MANY_ARGUMENTS = 2000

_dispatchers: weakref.WeakSet[Dispatcher] = weakref.WeakSet()


def _renew_locks() -> None:
    for dispatcher in _dispatchers:
        dispatcher.renew_lock()


if hasattr(os, "register_at_fork"):
    # Another thread of the parent may have been compiling; the child has only the one that forked.
    os.register_at_fork(after_in_child=_renew_locks)


class Dispatcher:
    """All versions of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        compile_version: Callable[[Request, Options], Version],
        chain: Callable[[Sequence[ChainRow]], None],
        miss_type: type[Exception],
    ) -> None:
        """``chain``: makes these the rows that native calls try."""
        self.function = function
        self.options = options
        self._compile = compile_version
        self._chain = chain
        self.miss_type = miss_type
        self._lock = threading.RLock()
        self._families: dict[FamilyKey, Family] = {}
        #: What the version assumed that answered last, by kind of arguments.
        self._latest: dict[FamilyKey, AssumptionSet] = {}
        self._fronts: dict[FamilyKey, ActiveSet] = {}
        self._compilations = self._loaded = 0
        self._outside = OutsideNumbers()
        self._recompiled = Recompiled(function)
        # A transform takes arguments apart itself.
        self._packs = not hasattr(type(function), "__traced_call__")
        #: Classes of which the code depends on which object it is.
        self._by_identity: set[type] = set()
        self._slow_calls = 0
        self.peak = 0
        self._fallback = Fallback(function, enabled=options.fallback)
        self._sharer = Sharer()
        self._sharings = NativeSharings()
        self._repeats = OverlapCache(miss_type)
        self._device_calls = DeviceCalls()
        self._signature = signature_of(function)
        self.parameters = parameters_of(function, self._signature)
        self._static = static_positions(function, self._signature, options)
        _dispatchers.add(self)

    def renew_lock(self) -> None:
        """A new lock, in the child of a fork."""
        self._lock = threading.RLock()

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
        try:
            return self._compiled_call(args, kwargs)
        except Refused as refused:
            reason = refused.reason
        return self._fallback.run(reason, args, kwargs)

    def _compiled_call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        call = self.bind(args, kwargs)
        try:
            return self._bound_call(call, args)
        except (Refused, UnsupportedError, StructureError):
            if not self._unpack(call):
                raise
        return self._bound_call(call, args)

    def _bound_call(self, call: tuple[Any, dict[str, Any]], args: Sequence[Any]) -> Any:
        leaves, structure = self._flatten(call)
        with self._fallback.refusing():
            held = self._native(self._placed(leaves, structure))
        with bound(held.leaves):
            version, plan, result = self._settled(held, structure)
        if plan is not None and version.chained is not None and not held.stands:
            with self._lock:
                if self._sharings.note(structure, held.leaves, version, plan):
                    self._rechain()
        if type(result) is Pending:
            return result.finish(call, held.originals(result.raw))
        plain = len(args) == len(leaves) and not self._static
        if held.device is not None:
            if plain and plan is None and not held.placement.copied:
                self._device_calls.remember(args, held.leaves, version)
            return held.originals(result)
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
        names = list(self._signature.parameters) if self._signature is not None else []

        def name(k: int) -> str:
            return trees.name_of_leaf(structure[0], k, names)

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
                    self._answered(arguments.kind, version)
                return version, result
            except AssumptionFailed as wrong:
                with self._fallback.refusing():
                    deopt.learn(wrong, version.assumptions)
                raise
            except self.miss_type:
                if hidden_overlap(version, arguments.leaves):
                    raise HiddenOverlap from None
                if hidden_meets_itself(version):
                    raise self._in_python(MEETS_ITSELF) from None
                self._outside.note(version.preconditions.changed_numbers())
                changed = version.preconditions.changed()
                version.alive = False
                version = self._wanted(arguments, deopt)
        if not changed:
            raise InternalError("a compiled version refuses the arguments that it was compiled for")
        raise self._in_python(f"{', '.join(changed)} changed again and again during the call")

    def _answered(self, kind: FamilyKey, version: Version) -> None:
        """Note that what the version assumes was right."""
        assumed = version.assumptions.assumed
        self._latest[kind] = assumed
        with self._lock:
            front = self._fronts.get(kind)
            if front is None:
                self._fronts[kind] = ActiveSet(assumed)
            if front is None or front.answered(assumed):
                self._rechain()

    def _run_with_globals(
        self,
        version: Version,
        held: NativeLeaves,
        structure: tuple[Any, ...],
        deopt: DeoptState,
    ) -> tuple[Version, Any]:
        """Call with arrays found in globals as further leaves, since these overlap something."""
        if any(array.held is not None for array in version.preconditions.arrays.values()):
            raise self._in_python("a memory map in a global overlaps what is written")
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
            if type(self.function) is FunctionType:
                self.function(*args, **kwargs)  # raises what Python says of this call
            raise error.with_traceback(None) from None
        return tuple(bound.args), dict(bound.kwargs)

    def _flatten(self, call: tuple[Any, dict[str, Any]]) -> tuple[list[Any], Any]:
        args, kwargs = call
        if self._static or self.options.static_argnames:
            args = tuple(StaticArgument(a) if k in self._static else a for k, a in enumerate(args))
            names = self.options.static_argnames
            kwargs = {n: StaticArgument(v) if n in names else v for n, v in kwargs.items()}
        call = self.packed((args, kwargs))
        leaves, treedef = trees.flatten(call)
        return leaves, (treedef, trees.arrangement(call))

    def packed(self, call: Any) -> Any:
        """The call with lists of many numbers as arrays, where the function can take them so."""
        return packed(call) if self._packs else call

    def _unpack(self, call: Any) -> bool:
        """Whether what is not supported may be lists of many numbers as arrays: not any more."""
        seen = self.packed(call)
        if seen is call or sum(np.size(x) for x in trees.leaves_of(seen)) > _MANY_ARGUMENTS:
            return False
        self._packs = False
        return True

    def _wanted(self, arguments: Arguments, deopt: DeoptState) -> Version:
        """``find`` for a call, which may run in Python instead."""
        if not self._fallback.enabled:
            return self.find(arguments, None, deopt)
        family = (*arguments.kind, deopt.assumed)
        with self._fallback.refusing_family(family, arguments.sizes):
            return self.find(arguments, None, deopt)

    def find(
        self,
        arguments: Arguments,
        policy: Policy | None = None,
        deopt: DeoptState | None = None,
    ) -> Version:
        """The version for these arguments, compiled when there is none."""
        sizes, deopt = arguments.sizes, deopt or DeoptState()
        with self._lock:
            assumed = deopt.assumed or self._latest.get(arguments.kind, _FIRST)
            family = self._family(arguments, assumed)
            version: Version
            for version in family.versions:
                if version.accepts(sizes):
                    if version.preconditions.hold():
                        return version
                    if self._outside.note(version.preconditions.changed_numbers()):
                        version.alive = False  # another takes its place
            family.versions = [v for v in family.versions if v.alive]
            assumptions = TraceAssumptions(assumed)
            try:
                return self._new_version(
                    family, arguments, policy or self.options.shapes, assumptions
                )
            except Exception:
                observed = deopt.only_found(assumptions)
                if observed is None:
                    raise
            deopt.assumed = observed
            self._latest[arguments.kind] = observed
            return self.find(arguments, policy, deopt)

    def _family(self, arguments: Arguments, assumed: AssumptionSet) -> Family:
        """The versions for one kind of arguments that assume the same of values."""
        key = (*arguments.kind, assumed)
        family = self._families.get(key)
        if family is None:
            alike = [k for k in self._families if k[:-1] == key[:-1]]
            if len(alike) >= MAX_ASSUMPTION_SETS:
                for version in self._families.pop(alike[0]).versions:
                    version.alive = False
            family = Family(arguments.sizes, integers_among(arguments.args))
            self._families[key] = family
        return family

    def _new_version(
        self, family: Family, arguments: Arguments, policy: Policy, assumptions: TraceAssumptions
    ) -> Version:
        names = tuple(self._signature.parameters) if self._signature is not None else ()
        self._recompiled.note(family, arguments, names)
        attempts = self._outside.attempts()
        run_time_globals = next(attempts)
        while True:
            dynamic = family.plan(arguments.sizes, policy)
            request = Request(
                self.function,
                arguments.structure[0],
                arguments.leaves,
                arguments.resolved(dynamic),
                arguments.sizes,
                dynamic,
                arguments.overlapping_globals,
                assumptions,
                run_time_globals,
                arguments.structure[1][1],
                arguments.stands,
                arguments.device,
            )
            try:
                version = self._compile(request, self.options)
                self._outside.compiled_with(run_time_globals)
                break
            except Exception as error:
                if run_time_globals:  # whether the numbers are to blame is seen without them
                    run_time_globals = next(attempts)
                    continue
                if not isinstance(error, NeedsStatic):
                    raise
                need = error
                attempts = self._outside.attempts()
                run_time_globals = next(attempts)
                free = {k for k, d in enumerate(dynamic) if d}
                integers = {k for k in free if family.ints[k]}
                if policy == "dynamic" and not (need.of_integers and integers):
                    raise need.error from None
                family.frozen |= integers or free
        self._compilations += 1
        self._loaded += version.loaded
        family.versions.append(version)
        if len(family.versions) > MAX_VERSIONS:
            stale = [v for v in family.versions if v is not version and not v.preconditions.hold()]
            if stale:
                stale[0].alive = False
                family.versions.remove(stale[0])
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
        found = [(key[0], v) for key, v in self._chained() if v.direct]
        rows = [ChainRow(structure, v.chained, v.needs_call) for structure, v in found]
        self._chain([*rows, *self._sharings.rows()])

    def _chained(self) -> list[tuple[FamilyKey, Version]]:
        """The versions that native chains may hold."""
        fronts = {kind: front.assumed for kind, front in self._fronts.items()}
        return [
            (key, v)
            for key, family in self._families.items()
            for v in reversed(family.versions)
            if v.alive and (not v.assumptions.sites or fronts.get(key[:-1]) == key[-1])
        ]

    # -- inspection ----------------------------------------------------------------------------

    def versions(self) -> list[Version]:
        """All live versions, oldest family first."""
        return [v for f in self._families.values() for v in f.versions if v.alive]

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
        with self._lock:
            self._families.clear()
            self._latest.clear()
            self._fronts.clear()
            self._fallback.clear()
            self._outside.clear()
            self._recompiled.clear()
            self._by_identity.clear()
            self._repeats.clear()
            self._device_calls.clear()
            self._sharings.clear()
            self._rechain()

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

    def stats(self) -> Stats:
        """Counts of compilations, versions, families, slow calls and so on so far."""
        return Stats(
            self._compilations,
            len(self.versions()),
            len({key[:-1] for key in self._families}),
            self._slow_calls,
            self._fallback.calls,
            self._fallback.reason,
            self._loaded,
            sum(getattr(v.call, "shared_launches", 0) for v in self.versions()),
            self.peak,
        )
