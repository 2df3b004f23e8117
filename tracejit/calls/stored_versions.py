"""Versions on disk: a later process takes one, instead of tracing and compiling.

A version is found by the fingerprint of the function and of the arguments' types. It says what it
takes for granted: what the guards of the trace found, and the code of every function that was
traced. All of that is looked at before the version is used; where something is another, or cannot
be told, the function is compiled as ever. What has no name in another process (an object made while
the program ran, say) is reason enough not to store a version.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.abi import generators, numpy_loops
from tracejit.calls import hash_order
from tracejit.calls.fingerprints import (
    Fingerprint,
    Unstorable,
    environment,
    fingerprint,
    is_library,
    is_seen_into,
)
from tracejit.calls.log import log
from tracejit.calls.stored_objects import Stale, covered, functions_in, read, written
from tracejit.calls.versions import Options, Request, Version
from tracejit.codegen_llvm import blas, perf_map
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.pool import pool_symbols
from tracejit.codegen_llvm.pool_text import EXPORTS as POOL
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.errors import UnsupportedError
from tracejit.ir.arguments import ObjectArg, StaticArg, without_objects
from tracejit.python_entry.entry import Specialisation, native_symbols, uses_native_entry
from tracejit.records import dataclass
from tracejit.trace.guards.guard_equality import same_value
from tracejit.trace.guards.guards import Guard
from tracejit.trace.guards.paths import GlobalVariable
from tracejit.trace.guards.preconditions import Preconditions
from tracejit.trace.session.assumption_sets import AssumptionSet
from tracejit.trace.session.plain import PLAIN, TRACED_THROUGH

if TYPE_CHECKING:
    from tracejit.calls.compiler import Artefacts

#: Versions that are kept for one key, which differ in what they take for granted.
PLACES = 4


@dataclass(frozen=True)
class StoredGuard:
    """A guard: how to fetch the value, and what must be there.

    ``kind``: "plain", an equal value; "step", what the last step of the way gives where all is as
    it was; "object", one of the fingerprint ``expected``.
    """

    getter: bytes
    kind: str
    expected: Any
    by_value: bool
    name: str


@dataclass(frozen=True)
class StoredVersion:
    """``functions``: what was traced besides the function itself. ``rest``: a ``_Rest``."""

    guards: tuple[StoredGuard, ...]
    functions: bytes
    code: str
    rest: bytes
    #: Those of the process that made it, where the code may depend on them.
    hashes: int | None


@dataclass(frozen=True)
class _Rest:
    """All of a version that lies beside its guards and its code."""

    preconditions: Preconditions
    signature: Any
    env: tuple[Any, ...]
    errors: Any
    host_calls: tuple[Any, ...]
    symbols: tuple[str, ...]
    exports: tuple[str, ...]
    writes: tuple[int, ...]
    needs_call: bool
    makes_views: bool
    direct: bool


def enabled(options: Options) -> bool:
    """Whether versions are stored: not where somebody wants to see them made."""
    wanted = options.cache and not (options.check_nan or options.debug)
    wanted = wanted and options.target != "cuda"
    level = os.environ.get("TRACEJIT_CACHE_VERSIONS", "1")
    asked = os.environ.get("TRACEJIT_DUMP") or os.environ.get("TRACEJIT_VERIFY")
    return wanted and level not in ("", "0") and not asked and not perf_map.asked_for()


def key_of(request: Request, options: Options) -> str | None:
    """What a version for this request is found by; None where it cannot be."""
    engine = shared_engine()
    if (
        engine.cache is None
        or request.device is not None
        or request.assumptions.assumed != AssumptionSet()
        or any(isinstance(arg, StaticArg) and arg.itself for arg in request.args)
    ):
        return None  # which object an argument is, another process cannot tell
    try:
        found = Fingerprint()
        found.add((environment(), engine.target, tuple(sorted(TRACED_THROUGH))))
        found.add((uses_native_entry(), options, request.function, request.treedef))
        found.add((request.args, request.overlapping_globals, request.stands))
        found.add((request.run_time_globals, request.shared, request.orders))
    except Unstorable:
        return None
    except Exception as error:  # of an object of the program's, which is asked what it is
        log("cache", request.function, f"no version is looked for: {error!r}")
        return None
    return found.digest()


# Writing ------------------------------------------------------------------------------------------


def store(key: str, request: Request, version: Version, options: Options) -> None:
    """Keep a version that was compiled just now, if another process can tell when it is right."""
    cache = shared_engine().cache
    assert cache is not None
    try:
        data = pickle.dumps(stored(request, version, options), protocol=5)
    except Unstorable as reason:
        log("cache", request.function, f"the version is not stored: {reason}")
        return
    except Exception as error:  # of an object of the program's, which is asked how it is pickled
        log("cache", request.function, f"the version is not stored: {error!r}")
        return
    for place in range(PLACES):
        if cache.get(_place(key, place)) is None:
            cache.put(_place(key, place), data)
            return
    cache.put(_place(key, os.getpid() % PLACES), data)


def _place(key: str, number: int) -> str:
    return hashlib.sha256(f"version {number} {key}".encode()).hexdigest()


def stored(request: Request, version: Version, options: Options) -> StoredVersion:
    """A version in the form that is stored. Raises Unstorable."""
    if version.assumptions.sites or version.prints:
        raise Unstorable("it assumes something of values")
    made: Artefacts = version.artefacts
    spec = made.spec
    if not isinstance(spec, Specialisation):
        raise Unstorable("it runs on a GPU")
    for function in functions_in(request.function):
        module = sys.modules.get(function.__globals__.get("__name__", ""))
        if vars(module or object) is not function.__globals__:
            raise Unstorable(f"{function.__qualname__}, whose globals are no module's")
    root = request.function
    prints = Fingerprint().add((root, request.args, request.treedef))
    known = _static_values(request)
    guards = []
    for guard in version.preconditions.guards:
        found = _stored_guard(guard, root, known, prints)
        known.append(guard.expected)
        guards.append(found)
    named_ones = _functions(made.functions, root, covered(prints))
    rest = _Rest(
        preconditions=version.preconditions,
        signature=spec.signature,
        env=tuple(spec.env[2:]),
        errors=spec.errors,
        host_calls=tuple(spec.host.calls) if spec.host is not None else (),
        symbols=_symbols(spec.symbols),
        exports=tuple(spec.module.addresses),
        writes=version.writes,
        needs_call=version.needs_call,
        makes_views=version.makes_views,
        direct=version.direct,
    )
    if spec.host is not None and spec.host.held:
        raise Unstorable("its code has the address of an object in it")
    return StoredVersion(
        tuple(guards),
        written(named_ones, root, known),
        spec.module.engine.cache_key(spec.module.source, options.opt_level),
        written(rest, root, known),
        _hashes(request, made.functions, known),
    )


def _static_values(request: Request) -> list[Any]:
    """Static arguments, which native code knows by their identity: those of the call that reads a
    version take the place of those of the call that made it, of which the key says that they are
    equal."""
    return [arg.value for arg in request.args if isinstance(arg, StaticArg)]


def _hashes(request: Request, traced: Sequence[Any], known: Sequence[Any]) -> int | None:
    """Those of the process, if the version may depend on them."""
    read_by = [f for f, _ in traced if isinstance(f, FunctionType) and not is_library(f)]
    functions = [*functions_in(request.function), *read_by]
    values = [*request.args, *known]
    return hash_order.hashes() if hash_order.depends(functions, values) else None


def _stored_guard(
    guard: Guard, root: Any, known: Sequence[Any], prints: Fingerprint
) -> StoredGuard:
    way = written(guard.getter, root, known)
    expected = guard.expected
    if isinstance(expected, PLAIN):
        if not _is_library_value(expected):
            raise Unstorable(f"{guard.name}, a {type(expected).__qualname__}")
        return StoredGuard(way, "plain", expected, guard.by_value, guard.name)
    steps = getattr(guard.getter, "steps", ())
    if steps and getattr(steps[-1], "held", None) is expected:
        return StoredGuard(way, "step", None, guard.by_value, guard.name)
    print_ = _print_of(expected)
    if not isinstance(expected, list | dict | set):
        with suppress(Unstorable):
            prints.add(expected)
    return StoredGuard(way, "object", print_, guard.by_value, guard.name)


def _is_library_value(x: Any) -> bool:
    """Whether a plain value is of Python's or NumPy's class: another one may pickle and compare as
    it likes."""
    return type(x).__module__ in ("builtins", "numpy") and is_library(type(x))


def _print_of(x: Any) -> str:
    """Of an object that a guard expects: what is read from it has guards of its own, if it is no
    function, class or value of a library's."""
    try:
        return fingerprint(x)
    except Unstorable:
        if callable(x) or not is_seen_into(x):
            raise
    return fingerprint("any", type(x))


def _functions(traced: Sequence[Any], root: Any, known: set[int]) -> list[Any]:
    """Those of the functions traced whose code must be looked at besides."""
    own = {id(function) for function in functions_in(root)}
    found = []
    for function, is_converted in traced:
        if is_library(function):
            continue
        if not isinstance(function, FunctionType) or not is_converted:
            raise Unstorable(f"{function!r}, which ran as it is while tracing")
        if id(function) not in known and id(function) not in own:
            found.append(function)
    return found


def _symbols(wanted: Mapping[str, int]) -> tuple[str, ...]:
    """Names of addresses that another process finds for itself."""
    available = _addresses(wanted)
    unknown = [name for name, where in wanted.items() if available.get(name) != where]
    if unknown:
        raise Unstorable(f"its code calls {unknown[0]} by an address of this process")
    return tuple(wanted)


def _addresses(names: Iterable[str]) -> dict[str, int]:
    names = tuple(names)
    found = native_symbols(names)
    if not set(POOL).isdisjoint(names):
        found |= pool_symbols()
    for name in names:
        if name not in found:
            with suppress(KeyError):
                found[name] = _address(name)
    return found


def _address(name: str) -> int:
    """KeyError where no library has the name."""
    of_numpy = generators.symbol_address(name) or numpy_loops.symbol_address(name)
    return of_numpy or blas.address(name)


# Reading ------------------------------------------------------------------------------------------


def load(key: str, request: Request, options: Options) -> Version | None:
    """The version that an earlier process stored for such a call, if it is right here.

    Reading may fail in any way: a class is gone, or is not registered yet; the entry is not one of
    ours. Then the function is compiled as ever, and the log says why.
    """
    engine = shared_engine()
    assert engine.cache is not None
    for place in range(PLACES):
        data = engine.cache.get(_place(key, place))
        if data is None:
            return None
        try:
            return _version(pickle.loads(data), request, options)
        except Stale as reason:
            log("cache", request.function, f"a stored version is not for this call: {reason}")
        except Exception as error:
            log("cache", request.function, f"a stored version cannot be read: {error!r}")
    return None


def _version(found: StoredVersion, request: Request, options: Options) -> Version:
    root = request.function
    if found.hashes not in (None, hash_order.hashes()):
        raise Stale("the hashes of texts, on which its code may depend")
    known = _static_values(request)
    for guard in found.guards:
        known.append(_expected(guard, root, known))
    read(found.functions, root, known)
    rest: _Rest = read(found.rest, root, known)
    engine = shared_engine()
    assert engine.cache is not None
    code = engine.cache.get(found.code)
    if code is None:
        raise Stale("its code is not there any more")
    addresses = _addresses(rest.symbols)
    wanted = {name: addresses[name] for name in rest.symbols}
    module = engine.linked("", code, wanted, rest.exports, options.opt_level)
    host = HostTable(rest.host_calls)
    env = [rest.errors.build, host, *rest.env]
    spec = Specialisation(module, rest.signature, env, rest.errors, host, wanted)
    if not rest.preconditions.hold():
        raise Stale(", ".join(rest.preconditions.changed()))
    log("cache", root, "the version from disk")
    return Version(
        args=without_objects(request.args),
        sizes=request.sizes,
        dynamic=request.dynamic,
        call=spec,
        preconditions=rest.preconditions,
        writes=rest.writes,
        needs_call=rest.needs_call,
        makes_views=rest.makes_views,
        made=Remade(request, options),
        loaded=True,
        direct=rest.direct,
        count=request.treedef.num_leaves,
        assumptions=request.assumptions,
        chained=spec.chained,
    )


def _expected(guard: StoredGuard, root: Any, known: Sequence[Any]) -> Any:
    """The object that a guard is about, as it is here."""
    getter = read(guard.getter, root, known)
    _import_lazily(getter)
    try:
        now = getter()
    except (NameError, AttributeError, LookupError, TypeError, ValueError):
        raise Stale(guard.name) from None
    if guard.kind == "plain":
        if not same_value(now, guard.expected):
            raise Stale(guard.name)
    elif guard.kind == "step":
        if now is not getter.steps[-1].held:
            raise Stale(guard.name)
    else:
        with suppress(Unstorable):
            if _print_of(now) == guard.expected:
                return now
        raise Stale(guard.name)
    return now


def _import_lazily(getter: Any) -> None:
    """Let a package import a part that it imports when somebody asks, as NumPy does `np.fft`."""
    place = getattr(getter, "start", getter)
    if isinstance(place, GlobalVariable) and place.name not in place.namespace:
        module = sys.modules.get(place.namespace.get("__name__", ""))
        if module is not None and vars(module) is place.namespace:
            getattr(module, place.name, None)


class Remade:
    """What a version that was read is made of: it is compiled when somebody looks.

    Arrays and objects of the call are not kept alive for that.
    """

    def __init__(self, request: Request, options: Options) -> None:
        self._options = options
        objects = [k for k, arg in enumerate(request.args) if isinstance(arg, ObjectArg)]
        self._objects = {k: _way_to(request.leaves[k]) for k in objects}
        leaves = tuple(
            np.broadcast_to(np.zeros((), x.dtype), x.shape) if type(x) is np.ndarray else x
            for x in (None if k in self._objects else x for k, x in enumerate(request.leaves))
        )
        self._request = replace(request, args=without_objects(request.args), leaves=leaves)

    def __call__(self) -> Artefacts:
        from tracejit.calls.compiler import compile_version

        leaves, args = list(self._request.leaves), list(self._request.args)
        for k, there in self._objects.items():
            arg, leaves[k] = args[k], there()
            if leaves[k] is None:
                raise UnsupportedError(
                    "the version is from the disk, and the object that it was loaded for is gone: "
                    "call recompile(), then the function, to look at what is made"
                )
            assert isinstance(arg, ObjectArg)
            args[k] = replace(arg, value=leaves[k])
        request = replace(self._request, leaves=tuple(leaves), args=tuple(args))
        artefacts: Artefacts = compile_version(request, self._options).artefacts
        return artefacts


def _way_to(x: Any) -> Callable[[], Any]:
    """What gives an object while it lives, where it lets itself be watched."""
    try:
        return weakref.ref(x)
    except TypeError:
        return lambda: None
