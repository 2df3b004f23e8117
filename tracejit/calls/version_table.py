"""Which version of one function answers a call: those there are, what they assume, which compile.

The table makes the rows that native calls try, too.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tracejit.calls.argument_types import Family, FamilyKey, Policy
from tracejit.calls.chains import ChainRow
from tracejit.calls.deopt import ActiveSet, DeoptState
from tracejit.calls.outside_numbers import OutsideNumbers
from tracejit.calls.overlap_cache import NativeSharings
from tracejit.calls.recompiled import Recompiled
from tracejit.calls.versions import Arguments, NeedsStatic, Options, Request, Version
from tracejit.ir.arguments import integers_among
from tracejit.trace.session.assumption_sets import AssumptionSet, TraceAssumptions

#: Versions kept per family before one of them is dropped, with a warning.
MAX_VERSIONS = 8
#: Ways kept in which versions for one kind of arguments assume that values decide dtypes.
MAX_ASSUMPTION_SETS = 16
_FIRST = AssumptionSet()


class VersionTable:
    """All versions of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        compile_version: Callable[[Request, Options], Version],
        chain: Callable[[Sequence[ChainRow]], None],
        sharings: NativeSharings,
        names: Sequence[str],
    ) -> None:
        """``chain``: makes these the rows that native calls try; ``sharings``: has further ones;
        ``names``: of the parameters."""
        self.function = function
        self.options = options
        self._compile = compile_version
        self._chain = chain
        self._sharings = sharings
        self._names = names
        self.lock = threading.RLock()
        self._families: dict[FamilyKey, Family] = {}
        #: What the version assumed that answered last, by kind of arguments.
        self._latest: dict[FamilyKey, AssumptionSet] = {}
        self._fronts: dict[FamilyKey, ActiveSet] = {}
        self.compilations = self.loaded = 0
        self._outside = OutsideNumbers()
        self._recompiled = Recompiled(function)

    def find(
        self,
        arguments: Arguments,
        policy: Policy | None = None,
        deopt: DeoptState | None = None,
    ) -> Version:
        """The version for these arguments, compiled when there is none."""
        sizes, deopt = arguments.sizes, deopt or DeoptState()
        with self.lock:
            assumed = deopt.assumed or self._latest.get(arguments.kind, _FIRST)
            family = self._family(arguments, assumed)
            version: Version
            for version in family.versions:
                if version.accepts(sizes):
                    if version.preconditions.hold():
                        self._recompiled.found(arguments.kind)
                        return version
                    if self.outdated(arguments, version):
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
        self._recompiled.note(family, arguments, self._names)
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
                arguments.structure[1][0],
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
        self._recompiled.compiled(arguments.kind)
        self.compilations += 1
        self.loaded += version.loaded
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
        self.rechain()
        return version

    def answered(self, kind: FamilyKey, version: Version) -> None:
        """Note that what the version assumes was right."""
        assumed = version.assumptions.assumed
        self._latest[kind] = assumed
        with self.lock:
            front = self._fronts.get(kind)
            if front is None:
                self._fronts[kind] = ActiveSet(assumed)
            if front is None or front.answered(assumed):
                self.rechain()

    def outdated(self, arguments: Arguments, version: Version) -> bool:
        """Note what the version holds for constant that has changed. Whether some of it is of the
        run from now on, so that another takes its place."""
        self._recompiled.outdated(arguments.kind, version)
        return self._outside.note(version.preconditions.changed_numbers())

    def rechain(self) -> None:
        """Native calls try the versions that there are now."""
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

    def versions(self) -> list[Version]:
        """All live versions, oldest family first."""
        return [v for f in self._families.values() for v in f.versions if v.alive]

    def kinds(self) -> int:
        """How many kinds of arguments there are versions for."""
        return len({key[:-1] for key in self._families})

    def clear(self) -> None:
        """Forget every version."""
        with self.lock:
            self._families.clear()
            self._latest.clear()
            self._fronts.clear()
            self._outside.clear()
            self._recompiled.clear()
            self.rechain()
