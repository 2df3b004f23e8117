"""The decorator: ``jit`` and what it returns."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, Unpack, overload

from tracejit import sources
from tracejit.calls.argument_types import Policy
from tracejit.calls.chains import Chains
from tracejit.calls.deopt import DeoptState
from tracejit.calls.dispatcher import Dispatcher
from tracejit.calls.fallback import Fallback
from tracejit.calls.garbage import rarely_collected
from tracejit.calls.placement import Math, Target
from tracejit.calls.signature_strings import parse_signature
from tracejit.calls.tracebacks import boundary
from tracejit.calls.versions import Options, Request, Version, default_opt_level
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
    math: Math


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
    math: Math = "portable",
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

    ``math``: ``"device"`` lets a GPU compute elementary functions of float32 by its own approximate
    instructions, some of them to 20 bits, instead of with the bits of the CPU. It says nothing
    about calls on the CPU (docs/gpu.md).

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
    if math not in ("portable", "device"):
        raise ValueError(f'math is "portable" or "device", not {math!r}')
    if math == "device" and target == "cpu":
        raise ValueError(
            'math="device" is about GPUs, and target="cpu" is about none: leave it out'
        )
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
        math=math,
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


def _recompile(self: Any) -> None:
    """Forget all versions; the next call compiles again."""
    self._dispatcher.clear()


def _traced_call(self: Any, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
    ops.session.outside.called(self.py_func)
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
    from tracejit.diagnostics import inspection
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
            **inspection.METHODS,
            "export": methods.export,
            "c_function": methods.c_function,
            "recompile": _recompile,
            "__traced_call__": _traced_call,
            "__repr__": _repr,
            "__reduce__": _reduced,
        },
    )
