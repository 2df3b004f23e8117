"""What a compiled function cannot do, said before it is tried, with what to do instead.

Tracing runs the program's Python once. What reads the outside world, or changes it, would do so
once and never again: it is refused here rather than be silently stale.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, NoReturn

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.pure import is_pure, is_pure_class, place_of
from tracejit.trace.session.session import where

_CLOCK = "read the clock once, when compiling; time the call from outside"
_FILE = "use the file once, when compiling; read before the call and write its results after it"
_CHANCE = (
    "draw once, when compiling; use np.random or tracejit.random, or draw outside and pass the "
    "numbers as arguments"
)
_LOG = "report once, when compiling; use print, which is compiled, or report what the call returns"
_SET = "set it once, when compiling, for everything else too; call it outside"
_ASK = "ask once, when compiling; ask before the call and pass the answer as an argument"
_SEED = "seed once, when compiling; seed before the call, or pass a generator"
_DEBUG = "stop once, when compiling; with TRACEJIT_DISABLE_JIT=1 it stops with your values"
_TEST = "look for values that are not there yet; test what the call returns, or use assert"
_SHOW = "show it once, when compiling; use print, which is compiled, or show what the call returns"
_PRINT = "print once, when compiling; print in a function that is compiled, not in a generator"
_NAMES = "see the variables of the compiler instead; name what is wanted"
_OTHER = (
    "run once, when compiling, as nothing says that it always gives the same and changes nothing; "
    "call it outside and pass what it gives as an argument"
)

#: What a function would do, by the beginning of its name with those of its module and class.
_WOULD: Final = {
    "time": _CLOCK,
    "time.sleep": "sleep once, when compiling; sleep outside",
    "datetime": _CLOCK,
    "random": _CHANCE,
    "secrets": _CHANCE,
    "uuid": _CHANCE,
    "os.urandom": _CHANCE,
    "posix.urandom": _CHANCE,
    "statistics.NormalDist.samples": _CHANCE,
    "scipy.stats": _CHANCE,
    "scipy.sparse": _CHANCE,
    "scipy.optimize": _CHANCE,
    "numpy.random": _CHANCE,
    "numpy.random.seed": _SEED,
    "numpy.random.RandomState.seed": _SEED,
    "numpy.random.RandomState.set_state": _SEED,
    "io": _FILE,
    "pathlib": _FILE,
    "tempfile": _FILE,
    "shutil": _FILE,
    "zipfile": _FILE,
    "csv": _FILE,
    "pickle": _FILE,
    "json": _FILE,
    "scipy.io": _FILE,
    "numpy": _FILE,
    "numpy.seterr": _SET,
    "numpy.seterrcall": _SET,
    "numpy.setbufsize": _SET,
    "numpy.set_printoptions": _SET,
    "numpy.printoptions": _SET,
    "numpy.show_config": _SHOW,
    "numpy.show_runtime": _SHOW,
    "numpy.info": _SHOW,
    "pprint": _SHOW,
    "numpy.testing": _TEST,
    "builtins.input": _ASK,
    "builtins.print": _PRINT,
    "pdb": _DEBUG,
    "os.getenv": _ASK,
    "builtins.globals": _NAMES,
    "builtins.locals": _NAMES,
    "builtins.vars": _NAMES,
    "builtins.dir": _NAMES,
    "builtins.eval": _NAMES,
    "builtins.exec": _NAMES,
    "warnings": _LOG,
    "logging": _LOG,
    "decimal": _SET,
    "contextlib.redirect_stdout": _SHOW,
}


def must_be_pure(f: Any) -> None:
    """Raise if calling ``f`` while tracing would do once what the program does at every call."""
    if not (is_pure_class(f) if isinstance(f, type) else is_pure(f)):
        refuse_effect(f)


def refuse_effect(f: Any) -> NoReturn:
    """A function that is not known to be pure."""
    name = _shown(*place_of(f))
    raise UnsupportedError(f"{where()}: {name} inside a compiled function would {_would(f)}")


def _would(f: Any) -> str:
    module, name = place_of(f)
    parts = [*module.lstrip("_").split("."), *name.split(".")]
    names = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    known = next((_WOULD[name] for name in names if name in _WOULD), None)
    if known is None and isinstance(f, FunctionType):  # in Python, so that it can be compiled
        return f"{_OTHER}, or have it compiled (trace_through({module}))"
    return known or _OTHER


def _shown(module: str, name: str) -> str:
    """A function as a program names it."""
    module = {"posix": "os", "thread": "threading", "contextvars": ""}.get(
        module.lstrip("_"), module.lstrip("_")
    )
    if module in ("", "builtins", "io", "sitebuiltins"):
        return name.removesuffix(".__call__")
    if name.startswith("Random.") and module == "random":
        name = name.removeprefix("Random.")
    return f"{module}.{name}".removesuffix(".__call__")


# Wrong arguments ----------------------------------------------------------------------------------

#: Keywords of every ufunc, which have no signature of their own.
_UFUNC = {"out", "where", "axis", "axes", "keepdims", "casting", "order", "dtype", "subok"}
_UFUNC |= {"signature"}


def explain_call(
    name: str, theirs: Any, ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """A TypeError of a call of a NumPy function is under way: raise NumPy's, or say what is not
    supported, if the arguments do not fit; return if they do."""
    misfit = _misfit(ours, args, kwargs)
    if misfit is None:
        return
    wrong = _misfit(theirs, args, kwargs)
    if isinstance(theirs, np.ufunc):
        unknown = sorted(set(kwargs) - _UFUNC)
        wrong = f"got an unexpected keyword argument '{unknown[0]}'" if unknown else None
    if wrong is not None:
        throw(TypeError(f"{name}() {wrong}"))
    taken = ", ".join(p for p in _parameters(ours) if not p.startswith("_"))
    raise UnsupportedError(
        f"{where()}: np.{name}() {misfit}: NumPy takes it, compiled code takes {taken} "
        "(docs/coverage.md)"
    )


def explain_builtin(
    theirs: Any, ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """As ``explain_call``, of a builtin: it says itself what is wrong with a call that does not
    fit, before it looks at what it is given."""
    if _misfit(ours, args, kwargs) is not None:
        theirs(*(1 for _ in args), **dict.fromkeys(kwargs, 1))


def _misfit(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def _parameters(f: Any) -> list[str]:
    return list(inspect.signature(f).parameters)


# Values that are needed now -----------------------------------------------------------------------

_INSTEAD: dict[Any, str] = {
    builtins.hash: "key by something that is known when compiling, such as a shape",
    builtins.id: "compare arrays with `is`, or with np.array_equal",
    builtins.chr: "make the text outside, of what the call returns",
}


def refuse_traced(f: Any, *, in_math: bool) -> NoReturn:
    """A function written in C that has no form for values of run time."""
    module = (getattr(f, "__module__", None) or "").lstrip("_")
    name = f.__name__ if module in ("", "builtins") else f"{module}.{f.__name__}"
    instead = _INSTEAD.get(f)
    if instead is None:
        instead = (
            "NumPy has its own form of most functions of math"
            if in_math
            else "use a function of NumPy, or call it outside on what the call returns"
        )
    raise UnsupportedError(
        f"{where()}: {name} needs a value that is known at run time only; {instead}"
    )


def refuse_values(f: Any, error: Exception) -> NoReturn:
    """A function or class of Python's library that failed at a value of the run."""
    module = f.__module__.lstrip("_")
    raise UnsupportedError(
        f"{where()}: {module}.{f.__qualname__} needs values that are known at run time only; use "
        "NumPy's functions, or call it outside on what the function returns"
    ) from error


def refuse_library(f: Any) -> NoReturn:
    """A function of SciPy: it would ask for the contents of its arguments."""
    compiled = f", or have it compiled (trace_through({f.__module__}))"
    raise UnsupportedError(
        f"{where()}: {f.__module__}.{f.__name__} is not compiled: call it outside and pass its "
        f"result, or write it with NumPy{compiled if isinstance(f, FunctionType) else ''}"
    )
