"""The decorator: ``jit`` and what it returns."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, Unpack, overload

from tracejit import sources
from tracejit.calls.argument_types import Policy
from tracejit.calls.chains import Chains
from tracejit.calls.deopt import DeoptState
from tracejit.calls.dispatcher import Dispatcher
from tracejit.calls.fallback import Fallback, Refused
from tracejit.calls.garbage import rarely_collected
from tracejit.calls.placement import Target
from tracejit.calls.signature_strings import parse_signature
from tracejit.calls.tracebacks import boundary
from tracejit.calls.versions import Options, Request, Stats, Version, default_opt_level
from tracejit.errors import UnsupportedError
from tracejit.trace.session.assumption_sets import AssumptionSet

if TYPE_CHECKING:
    from tracejit.callables import Decorator, Jitted

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Fun = Callable[..., Any]
Build = Callable[[Request, Options], Version]
_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _disabled() -> bool:
    return os.environ.get("TRACEJIT_DISABLE_JIT", "") not in ("", "0")


class JitOptions(TypedDict, total=False):
    """What ``jit`` may be told, by keyword."""

    static_argnums: int | Sequence[int]
    static_argnames: str | Sequence[str]
    shapes: Policy
    opt_level: int | None
    stabilize: bool
    fallback: bool
    cache: bool
    parallel: bool
    check_nan: bool
    debug: bool
    disable_jit: bool
    target: Target


@overload
def jit(  # type: ignore[overload-overlap]  # it can be called, too
    function: staticmethod[P, R],
    /,
    **options: Unpack[JitOptions],
) -> staticmethod[P, R]: ...
@overload
def jit(
    function: classmethod[T, P, R],
    /,
    **options: Unpack[JitOptions],
) -> classmethod[T, P, R]: ...
@overload
def jit(
    function: Callable[P, R],
    /,
    **options: Unpack[JitOptions],
) -> Jitted[P, R]: ...
@overload
def jit(
    signature: str | Sequence[str],
    /,
    **options: Unpack[JitOptions],
) -> Decorator: ...
@overload
def jit(
    **options: Unpack[JitOptions],
) -> Decorator: ...
def jit(
    signature_or_function: Any = None,
    /,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    shapes: Policy = "auto",
    opt_level: int | None = None,
    stabilize: bool = False,
    fallback: bool = False,
    cache: bool = True,
    parallel: bool = True,
    check_nan: bool = False,
    debug: bool = False,
    disable_jit: bool = False,
    target: Target = None,
    **others: Any,
) -> Any:
    """Compile a NumPy function to native code on first call.

    Use as ``@jit``, ``@jit(...)``, ``@jit("f8[:](f8[:], f8)")`` or with a list of signatures, which
    are compiled at once.

    ``static_argnums``, ``static_argnames``: arguments that the code is compiled for (hashable).
    ``shapes``: ``"auto"`` compiles for exact shapes first and for any shape once they vary;
    ``"static"`` always for exact shapes, ``"dynamic"`` always for any.
    ``opt_level``: 0 to 3, by default what ``TRACEJIT_OPT_LEVEL`` in the environment says, or 3: how
    much LLVM does. At 0 compiling takes about half as long, and loops run several times slower.

    ``stabilize``: also rewrite the function's own expressions (log1p, expm1, log-sum-exp) where
    that is more accurate.

    ``fallback``: what cannot be compiled runs in Python with NumPy instead, its loops compiled one
    by one, with one ``FallbackWarning`` that names the lines and reasons; ``f.stats()`` counts such
    calls (docs/howto/fallback.md).

    ``cache``: whether object code may be kept on disk for later processes, and be taken from there
    (``TRACEJIT_CACHE_DIR``; see docs/cache.md).

    ``parallel``: whether loops with enough work may run on several threads, where no step needs
    another (``set_num_threads``; docs/threads.md). Results do not depend on it.

    ``check_nan``: FloatingPointError, naming the operation and the line, where a nan or an infinity
    in the results was made from finite numbers. ``debug``: each call is interpreted after each pass
    and stage, and the first at which results part is named (InternalError). Both are slow.

    ``disable_jit``: the function runs in Python, where a debugger stops in it.
    ``TRACEJIT_DISABLE_JIT=1`` in the environment says so for all (docs/howto/debugging.md).

    ``target``: ``None`` runs a call where its arrays are: on the GPU for cupy arrays. ``"cuda"``
    copies NumPy arrays there and back; array results are cupy arrays. ``"cpu"`` takes NumPy arrays
    only (docs/gpu.md).

    Raises what the function would raise in NumPy, and ``UnsupportedError`` naming the line for what
    cannot be compiled.

        @jit
        def scale(x, a):
            return a * x

        assert scale(np.ones(2), 3.0).tolist() == [3.0, 3.0]
    """
    if others:
        from tracejit.options import refuse

        refuse(jit, others)
    if shapes not in ("auto", "static", "dynamic"):
        raise ValueError(f'shapes is "auto", "static" or "dynamic", not {shapes!r}')
    if opt_level is None:
        opt_level = default_opt_level()
    if opt_level not in (0, 1, 2, 3):
        raise ValueError(f"opt_level is 0, 1, 2 or 3, not {opt_level!r}")
    if target not in (None, "cpu", "cuda"):
        raise ValueError(f'target is None, "cpu" or "cuda", not {target!r}')
    nums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    options = Options(
        frozenset(nums),
        frozenset(names),
        shapes,
        opt_level,
        stabilize=stabilize,
        fallback=fallback,
        cache=cache,
        parallel=parallel,
        check_nan=check_nan,
        debug=debug,
        target=target,
    )

    def wrap(function: Any, signatures: Sequence[str] = ()) -> Any:
        if isinstance(function, staticmethod | classmethod):
            return type(function)(wrap(function.__func__, signatures))
        if not callable(function):
            raise TypeError(f"jit compiles functions, not {type(function).__name__}")
        code_flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if code_flags & _SUSPENDED and not fallback:
            raise UnsupportedError(
                f"{function.__qualname__} is a generator or coroutine, which stops half way: "
                "compile an ordinary function that returns arrays"
            )
        if disable_jit or _disabled():
            from tracejit.diagnostics.uncompiled import Uncompiled

            return Uncompiled(function, options)
        made = jitted_type()(function, options)
        for text in signatures:
            made.compile(text)
        return made

    if signature_or_function is None:
        return wrap
    if isinstance(signature_or_function, str):
        return functools.partial(wrap, signatures=(signature_or_function,))
    if isinstance(signature_or_function, list | tuple):
        return functools.partial(wrap, signatures=tuple(signature_or_function))
    return wrap(signature_or_function)


def _in_python_first(function: Fun) -> bool:
    if not hasattr(function, "example"):
        return False
    from tracejit.diagnostics.uncompiled import runs_in_python_first

    return runs_in_python_first(function)


def _init(
    self: Any,
    function: Fun,
    options: Options,
    fallback: Fallback | None = None,
    build: Build | None = None,
) -> None:
    from tracejit.python_entry.entry import Miss, set_chain, set_miss, set_parameters

    def compile_version(request: Request, options: Options) -> Version:
        from tracejit.calls import stored_versions

        key = stored_versions.key_of(request, options) if stored_versions.enabled(options) else None
        version = None if key is None else stored_versions.load(key, request, options)
        if version is None:
            with rarely_collected():
                from tracejit.calls import compiler

                version = (build or compiler.compile_version)(request, options)
            if key is not None:
                stored_versions.store(key, request, version, options)
        return version

    while hasattr(function, "py_func") and hasattr(type(function), "__traced_call__"):
        function = function.py_func
    sources.keep(function)
    functools.update_wrapper(self, function, updated=())
    self.py_func = function
    self._options = options
    watched = options.check_nan or options.debug or _in_python_first(function)
    publish = (lambda chain: None) if watched else functools.partial(set_chain, self)
    chains = Chains(function, publish)
    if options.fallback and fallback is None:
        from tracejit.calls.regions import in_python

        parts = in_python(function, options, jitted_type())
        fallback = Fallback(function, enabled=True, in_python=parts)
    self._dispatcher = Dispatcher(function, options, compile_version, chains.renew, Miss, fallback)
    chains.dispatcher = self._dispatcher
    if self._dispatcher.parameters is not None:
        set_parameters(self, self._dispatcher.parameters)
    call = chains.miss
    if watched:
        from tracejit.diagnostics.checked_calls import watching

        call = watching(function, options, call)
    set_miss(self, boundary(function, call))


def _compile(self: Any, signature: str) -> None:
    """Compile for a signature such as ``"f8[:](f8[:], f8)"`` now."""
    parsed = parse_signature(signature)
    call: Any = (parsed.examples(), {})
    version = self._dispatcher.prepared(call, dynamic=True, deopt=DeoptState())
    if version.assumptions.sites and not parsed.fits(version.artefacts.traced):
        version = self._dispatcher.prepared(
            call, dynamic=True, deopt=DeoptState(AssumptionSet(False))
        )
    parsed.check_result(version.artefacts.traced)


def _versions(self: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Version]:
    if args or kwargs:
        return [self._dispatcher.version_for(*args, **kwargs)]
    found: list[Version] = self._dispatcher.versions()
    return found


def _shown(
    self: Any, args: Sequence[Any], kwargs: dict[str, Any], show: Callable[[Any], Any]
) -> Any:
    from tracejit.calls.signature_strings import describe

    texts = {
        describe(v.args, v.count, v.assumptions.sites): show(v.artefacts)
        for v in _versions(self, args, kwargs)
    }
    return next(iter(texts.values())) if args or kwargs else texts


def _inspect_ir(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The IR of the version for these arguments; without arguments, of all by signature."""
    return _shown(self, args, kwargs, lambda a: a.ir)


def _inspect_program(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The lowered Program (host statements and kernels), as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.program_text)


def _inspect_llvm(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Optimised LLVM IR, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.spec.module.llvm_ir_optimised())


def _inspect_asm(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Assembly for this machine, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: a.spec.module.asm())


def _inspect_ptx(self: Any, /, *args: Any, arch: str = "sm_80", **kwargs: Any) -> Any:
    """PTX of the kernels for an NVIDIA architecture, as ``inspect_ir``."""
    from tracejit.codegen_ptx.lower import ptx_module

    return _shown(self, args, kwargs, lambda a: ptx_module(a.program, arch).text)


def _explain(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """What the compiler made of it, in words, as ``inspect_ir``: kernels, what is fused in them,
    whether they are vector code and why not, calls, and copies of arrays. Of calls that run in
    Python (``fallback``): why, which loops are compiled nevertheless, and why others are not."""
    from tracejit.diagnostics.report import explained
    from tracejit.diagnostics.split_report import explained_in_python

    fallback = self._dispatcher.fallback
    try:
        with fallback.refusing():
            found = _shown(self, args, kwargs, lambda a: explained(a, self.__name__))
    except Refused as refused:
        return explained_in_python(fallback, self.__name__, refused.reason)
    if not (args or kwargs) and fallback.reason is not None:
        found["in Python"] = explained_in_python(fallback, self.__name__, fallback.reason)
    return found


def _pages(self: Any) -> dict[str, Any]:
    """The page of each version, by signature, the newest last."""
    from tracejit.calls.signature_strings import describe
    from tracejit.diagnostics.page import Page

    pages = {}
    for v in self._dispatcher.versions():
        signature = describe(v.args, v.count, v.assumptions.sites)
        pages[signature] = Page(v.artefacts, signature, self.__name__)
    return pages


def _show(self: Any, stage: str = "all", path: Any = None) -> Path:
    """An HTML page of the newest version: source, graph, IR, kernels, assembly, side by side.

    ``stage``: ``"all"``, or the one to see beside the source: ``"graph"``, ``"ir"``,
    ``"program"``, ``"assembly"``. ``path``: the file to write; without one it is a temporary file,
    opened in the browser. Returns the path. ValueError where nothing is compiled yet.
    """
    from tracejit.diagnostics.linked import shown
    from tracejit.diagnostics.page import checked_stage

    wanted, pages = checked_stage(stage), list(_pages(self).values())
    if not pages:
        raise ValueError(f"{self.__name__} is not compiled yet: call it once, then show it")
    return shown(pages[-1].html(wanted), self.__name__, path)


def _repr_html(self: Any) -> str | None:
    """What a notebook shows: the page of the newest version, nothing before the first call."""
    from tracejit.diagnostics.linked import framed

    pages = list(_pages(self).values())
    return framed(pages[-1].html(), height=600) if pages else None


def _profile(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The time of each kernel, call and source line in calls with these arguments, which are
    copied: a table to print, with ``rows`` and ``lines``."""
    from tracejit.diagnostics.profile import profiled

    options = replace(self._options, cache=False, fallback=False, check_nan=False, debug=False)

    def compiled_by(build: Build) -> Any:
        return jitted_type()(self.py_func, options, None, build)

    return profiled(self.__name__, self, compiled_by, args, kwargs)


def _compile_times(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    """The milliseconds of each stage of compiling, as ``inspect_ir``."""
    return _shown(self, args, kwargs, lambda a: dict(a.milliseconds))


def _signatures(self: Any) -> list[str]:
    """One description per compiled version."""
    from tracejit.calls.signature_strings import describe

    return [describe(v.args, v.count, v.assumptions.sites) for v in self._dispatcher.versions()]


def _stats(self: Any) -> Stats:
    """Compilations, versions, families of arguments and slow calls so far."""
    found: Stats = self._dispatcher.stats()
    return found


def _peak_bytes(self: Any, /, *args: Any, **kwargs: Any) -> int:
    """The most memory that a call with these arguments, which are copied, allocates at a time:
    intermediate arrays, tapes of derivatives, results of shapes that are not known before. Not
    counted: results of known shapes, and what LAPACK and Python allocate. Blocks that are used
    again count as they are, up to twice what was asked for."""
    found: int = self._dispatcher.peak_of(self, args, kwargs)
    return found


def _recompile(self: Any) -> None:
    """Forget all versions; the next call compiles again."""
    self._dispatcher.clear()


def _traced_call(self: Any, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
    ops.session.outside.root(getattr(self.py_func, "__self__", self.py_func), "self")
    return ops.call(self.py_func, *args, **kwargs)


def _repr(self: Any) -> str:
    return f"<tracejit.jit of {getattr(self.py_func, '__qualname__', self.py_func)!r}>"


def _reduced(self: Any) -> Any:
    return sources.reduced(self, _rebuilt)


def _rebuilt(function: Fun, options: Options) -> Any:
    return jitted_type()(function, options)


@functools.cache
def jitted_type() -> type:
    """The type of what ``jit`` returns; its instances are called natively."""
    from tracejit.export import methods

    with rarely_collected():
        from tracejit.python_entry.entry import callable_type

    return callable_type(
        "Jitted",
        __name__,
        {
            "__doc__": "A compiled function; see ``jit``.",
            "__init__": _init,
            "compile": _compile,
            "inspect_ir": _inspect_ir,
            "inspect_program": _inspect_program,
            "inspect_llvm": _inspect_llvm,
            "inspect_asm": _inspect_asm,
            "inspect_ptx": _inspect_ptx,
            "explain": _explain,
            "profile": _profile,
            "peak_bytes": _peak_bytes,
            "show": _show,
            "_repr_html_": _repr_html,
            "compile_times": _compile_times,
            "export": methods.export,
            "c_function": methods.c_function,
            "signatures": property(_signatures),
            "stats": _stats,
            "recompile": _recompile,
            "__traced_call__": _traced_call,
            "__repr__": _repr,
            "__reduce__": _reduced,
        },
    )
