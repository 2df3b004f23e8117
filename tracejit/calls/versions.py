"""Versions of a function, what one is compiled for, and the options of ``jit``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Container, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.argument_types import FamilyKey, Policy, args_of
from tracejit.calls.overlap import meets_itself
from tracejit.calls.placement import Math, Target
from tracejit.errors import SettingError
from tracejit.ir.arguments import ArgType, ScalarArg, StaticArg, resolved, sizes_of
from tracejit.ir.core import Function
from tracejit.ir.interpret.print_effect import kept_back
from tracejit.python_entry.parameters import CallParameters
from tracejit.records import dataclass
from tracejit.signatures import own_signature, signature_with
from tracejit.trace.guards.preconditions import Preconditions
from tracejit.trace.session.assumption_sets import AssumptionFailed, TraceAssumptions


@dataclass(eq=False)
class Version:
    """One compiled version: what its arguments are, and how to call it on leaves.

    ``direct``: native code takes the leaves as the caller passes them. ``count``: how many leaves
    are the caller's arguments; what follows is about memory that they share. ``assumptions``: what
    the version assumes of values; ``prints``: a run may print before it finds that this is wrong.
    ``needs_call``: what it returns is ``Pending``; ``makes_views``: its entry makes views.
    ``made`` gives its ``artefacts``; ``loaded``: it is from the disk.
    ``chained``: ``call`` as part of a native chain, missing where an assumption is wrong.
    """

    args: tuple[ArgType, ...]
    sizes: tuple[int, ...]
    dynamic: tuple[bool, ...]
    call: Callable[..., Any]
    preconditions: Preconditions
    writes: tuple[int, ...]
    needs_call: bool = False
    makes_views: bool = False
    made: Callable[[], Any] | None = None
    loaded: bool = False
    direct: bool = True
    count: int | None = None
    alive: bool = True
    assumptions: TraceAssumptions = field(default_factory=TraceAssumptions)
    prints: bool = False
    chained: Any = None

    @cached_property
    def artefacts(self) -> Any:
        """What it was made of, for inspection; of a version from the disk, what it would be."""
        return None if self.made is None else self.made()

    def accepts(self, sizes: tuple[int, ...]) -> bool:
        """Whether the version is for these extents and integers."""
        return self.alive and all(
            free or want == have
            for free, want, have in zip(self.dynamic, self.sizes, sizes, strict=True)
        )

    @property
    def exact(self) -> tuple[int, ...]:
        """The extents and integers that it is compiled for."""
        return tuple(n for n, free in zip(self.sizes, self.dynamic, strict=True) if not free)

    def run(self, leaves: Sequence[Any]) -> Any:
        """The answer for leaves; ``AssumptionFailed`` where the version assumes what is not so."""
        given = canonical(leaves, self)
        with kept_back(self.prints, unless=AssumptionFailed):
            return self.call(*given)


@dataclass(frozen=True)
class Request:
    """What to compile: the function, its arguments' structure, and what each leaf is.

    ``args``: what follows the arguments are ``overlapping_globals`` arrays found in globals that
    overlap something, and storage that windows lie in (see ``overlap``). ``assumptions``: what the
    version is to assume of values that decide dtypes. ``run_time_globals``: numbers outside that
    are run-time values.
    ``shared``: containers that are one object in several places.
    ``orders``: the keys of dicts among the arguments as they are ordered (a structure sorts them).
    ``stands``: views are of what leaves stand for (see ``non_native``), and left to Python.
    ``device``: the GPU that runs it; None for the CPU, unless arrays found outside are on one.
    """

    function: Callable[..., Any]
    treedef: Any
    leaves: tuple[Any, ...]
    args: tuple[ArgType, ...]
    sizes: tuple[int, ...]
    dynamic: tuple[bool, ...]
    overlapping_globals: int = 0
    assumptions: TraceAssumptions = field(default_factory=TraceAssumptions)
    run_time_globals: frozenset[str] = frozenset()
    shared: trees.Shared = ()
    stands: bool = False
    device: int | None = None
    orders: Any = ()


@dataclass(frozen=True)
class Stats:
    """Counts shown by ``f.stats()``; ``fallback``: why calls ran in Python, None if none did;
    ``loaded``: how many of the ``compilations`` came from the disk instead; ``parallel_launches``:
    loops and sums that ran on several threads, in the versions there are; ``peak_bytes``: the most
    that ``f.peak_bytes`` found; ``native_loops``: loops that ran compiled in ``python_calls``."""

    compilations: int
    versions: int
    families: int
    slow_calls: int
    python_calls: int = 0
    fallback: str | None = None
    loaded: int = 0
    parallel_launches: int = 0
    peak_bytes: int = 0
    native_loops: int = 0


def default_opt_level() -> int:
    """What ``TRACEJIT_OPT_LEVEL`` says, or 3."""
    level = os.environ.get("TRACEJIT_OPT_LEVEL", "").strip() or "3"
    if level not in ("0", "1", "2", "3"):
        raise SettingError(f"TRACEJIT_OPT_LEVEL is 0, 1, 2 or 3, not {level!r}")
    return int(level)


@dataclass
class Options:
    """What ``jit`` was asked for. ``goes_on``: the function is a part of one that Python runs."""

    static_argnums: frozenset[int] = frozenset()
    static_argnames: frozenset[str] = frozenset()
    shapes: Policy = "auto"
    opt_level: int = field(default_factory=default_opt_level)
    stabilize: bool = False
    fallback: bool = False
    cache: bool = True
    parallel: bool = True
    check_nan: bool = False
    debug: bool = False
    target: Target = None
    math: Math = "portable"
    goes_on: bool = False


@dataclass(frozen=True)
class Arguments:
    """The leaves of a call, and what of them decides the version besides sizes.

    ``structure``: of (args, kwargs), with its arrangement. ``overlapping_globals``: how many arrays
    found in globals follow the arguments, before storage that windows lie in. ``stands``: views are
    of what leaves stand for. ``device``: the GPU the call runs on.
    """

    leaves: tuple[Any, ...]
    args: tuple[ArgType, ...]
    structure: tuple[Any, ...]
    overlapping_globals: int = 0
    stands: bool = False
    device: int | None = None

    @property
    def kind(self) -> FamilyKey:
        """What versions of one family have in common."""
        return self.structure, self.args, self.overlapping_globals, self.stands, self.device

    @property
    def sizes(self) -> tuple[int, ...]:
        return sizes_of(self.args, self.leaves)

    def resolved(self, dynamic: Sequence[bool]) -> tuple[ArgType, ...]:
        """What a version is compiled for whose sizes are found by the run where these say so."""
        return resolved(self.args, self.leaves, dynamic)


class NeedsStatic(Exception):  # noqa: N818  (a request, not an error: the caller compiles again)
    """A run-time integer or extent decides the structure of the program: compile for its value."""

    def __init__(self, error: BaseException, *, of_integers: bool = False) -> None:
        """``of_integers``: their values are needed whatever the user asked for."""
        super().__init__(str(error))
        self.error = error
        self.of_integers = of_integers


def canonical(leaves: Sequence[Any], version: Version) -> list[Any]:
    """Leaves as native code is called: equal static values are the object compiled for."""
    static = (StaticArg, ScalarArg)
    return [
        arg.value if isinstance(arg, static) and arg.is_static else leaf
        for arg, leaf in zip(version.args, leaves, strict=True)
    ]


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """What a call of the function is bound to; None where it does not say."""
    try:
        return own_signature(function)
    except (TypeError, ValueError):
        return None


def parameters_of(
    function: Callable[..., Any], signature: inspect.Signature | None
) -> CallParameters | None:
    """Where calls put arguments; None for a function that does not say what it takes."""
    if signature is None:
        return None
    # Positions that a transform counts are those of the call.
    return CallParameters(function, signature, fills=not hasattr(type(function), "__traced_call__"))


def static_positions(
    function: Callable[..., Any], signature: inspect.Signature | None, options: Options
) -> frozenset[int]:
    """Of the arguments that options name. Names may be those that a wrapper shows."""
    if signature is not None:
        signature = signature_with(function, options.static_argnames)
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


class HiddenOverlap(Exception):  # noqa: N818  (the call is made in another way, nothing failed)
    """An array found in a global lies in the memory of an argument or of another such array."""


def described(
    leaves: Sequence[Any],
    structure: tuple[Any, ...],
    overlapping_globals: int = 0,
    by_identity: Container[type] = (),
    device: int | None = None,
) -> tuple[Arguments, bool]:
    """The arguments of a call, and whether some overlap."""
    args, overlap = args_of(leaves, by_identity)
    arguments = Arguments(tuple(leaves), args, structure, overlapping_globals, device=device)
    return arguments, overlap


def writes_into_overlap(version: Version, leaves: Sequence[Any]) -> bool:
    for k in version.writes:
        for j, other in enumerate(leaves):
            if j != k and type(other) is np.ndarray and type(leaves[k]) is np.ndarray:
                same = other is leaves[k]
                if not same and np.may_share_memory(leaves[k], other):
                    return True
    return False


def writes_into_itself(version: Version, leaves: Sequence[Any]) -> bool:
    """Whether it writes to an argument of which elements lie in one place."""
    written = [leaves[k] for k in version.writes if k < len(leaves)]
    return any(isinstance(x, np.ndarray) and meets_itself(x) for x in written)


def hidden_meets_itself(version: Version) -> bool:
    """``writes_into_itself`` of arrays found in globals."""
    arrays = version.preconditions.arrays.values()
    return any(meets_itself(array.getter()) for array in arrays if array.written)


def looks_at_bits(function: Function) -> bool:
    """Whether it reads the bits of some value as another dtype."""
    return any(i.name == "bitcast" or any(map(looks_at_bits, i.regions)) for i in function.instrs)


def hidden_overlap(version: Version, leaves: Sequence[Any]) -> bool:
    """Whether a global array lies in the memory of an argument or of another global array."""
    hidden = version.preconditions.arrays_now()
    arrays = [x for x in leaves if type(x) is np.ndarray]
    return any(
        np.may_share_memory(x, y) for k, x in enumerate(hidden) for y in [*arrays, *hidden[:k]]
    )
