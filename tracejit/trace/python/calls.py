"""What a call means inside a trace: NumPy names, builtins, user functions (converted in turn)."""

from __future__ import annotations

import builtins
import copy
import functools
from collections import deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask
from tracejit.trace import convert
from tracejit.trace.control.recursion import called
from tracejit.trace.control.watched import as_is
from tracejit.trace.guards.process_state import read_state
from tracejit.trace.python.constructed import construct
from tracejit.trace.python.cupy_functions import numpys
from tracejit.trace.python.deques import DEQUES
from tracejit.trace.python.dicts_made import DICTS
from tracejit.trace.python.dispatching import behind
from tracejit.trace.python.dynamic_list_methods import arrays_inside, as_array
from tracejit.trace.python.generators import is_generator, made_by_call
from tracejit.trace.python.opaque_calls import (
    _CONSTANT_LIMIT,
    as_constants,
    contains_tracer,
    has_no_effect,
    in_table,
    is_cached,
    math_call,
    math_table,
    refuse_mutation,
    run_as_it_is,
)
from tracejit.trace.python.operator_functions import GETTERS
from tracejit.trace.python.table_views import by_keys, given_to
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.plain import (
    class_attribute,
    is_of_program,
    is_plain_module,
    is_traced_through,
    module_of,
)
from tracejit.trace.session.registry import NAMES, STAND_INS, from_library
from tracejit.trace.session.session import current
from tracejit.trace.session.unsupported import (
    explain_builtin,
    explain_call,
    must_be_pure,
    refuse_library,
)
from tracejit.trace.values.all import MixedScalar, TaggedScalar, Tracer, name_of
from tracejit.trace.values.captured_arrays import seen_inside
from tracejit.trace.values.dunder_methods import as_arrays, convertible
from tracejit.trace.values.dynamic_list import is_grown
from tracejit.trace.values.dynamic_list import refuse as refuse_grown
from tracejit.trace.values.entries import holds, is_view, must_hold_none
from tracejit.trace.values.entries import refuse as refuse_table
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.values.scalars import EitherNumber
from tracejit.trace.values.structured_arrays import concerns_structured, of_structured
from tracejit.trace.values.tagged import depends_on_kind, each_kind

#: NumPy functions that make arrays: their results are traced whatever the arguments are.
_CREATION = {
    np.zeros, np.ones, np.empty, np.full, np.arange, np.linspace, np.array, np.asarray, np.eye,
    np.identity, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.logspace,
    np.geomspace, np.copy, np.ascontiguousarray, np.tri, np.fromfunction, np.meshgrid, np.indices,
    np.asanyarray, np.asfortranarray, np.random.default_rng, np.ndindex, np.ndenumerate,
    np.errstate, np.seterr, np.fromiter,
}  # fmt: skip


#: Builtins that do not look into their arguments, or do so as the program does.
_SEEN_THROUGH = frozenset(
    [
        builtins.getattr, builtins.hasattr, builtins.setattr, builtins.delattr, builtins.isinstance,
        builtins.issubclass, builtins.callable, builtins.len, builtins.type, builtins.list,
        builtins.tuple, builtins.enumerate, builtins.zip, builtins.map, builtins.filter,
        builtins.reversed, builtins.range, builtins.bool, builtins.super, builtins.vars,
        functools.partial, MethodType,
    ]
)  # fmt: skip
#: Methods of lists that keep what they are given.
_KEEPING = ("append", "extend", "insert")


def is_seen_through(f: Any) -> bool:
    """Whether what a function does with objects is seen: which attributes it reads."""
    if isinstance(f, BoundMethod | Tracer) or hasattr(type(f), "__traced_call__"):
        return True
    if isinstance(f, FunctionType | MethodType):
        function: Any = f.__func__ if isinstance(f, MethodType) else f
        if hasattr(function, "py_func") or hasattr(type(function), "__traced_call__"):
            return True
        if not isinstance(function, FunctionType):
            return False
        return convert.is_converted(function) or convertible(function)
    if isinstance(f, functools.partial):
        return is_seen_through(f.func)
    if isinstance(f, GETTERS):
        return True
    if isinstance(f, type) and f not in _SEEN_THROUGH:
        init, new = class_attribute(f, "__init__"), class_attribute(f, "__new__")
        return isinstance(init, FunctionType) and convertible(init) and new is object.__new__
    if isinstance(getattr(f, "__self__", None), list) and f.__name__ in _KEEPING:
        return True
    call = class_attribute(type(f), "__call__")
    if isinstance(call, FunctionType) and convertible(call):
        return True
    return bool(in_table(dict.fromkeys(_SEEN_THROUGH, True), f))


def _is_one_of(f: Any, *functions: Any) -> bool:
    """By identity: ``==`` of an object that is called is the program's."""
    return any(f is function for function in functions)


def takes_none(f: Any) -> bool:
    """Whether a call may be given what is None in some runs: what the user wrote decides itself."""
    if _is_one_of(f, isinstance, type, print, str, repr):
        return True
    kept = isinstance(getattr(f, "__self__", None), list | dict)
    own = isinstance(f, type) and not is_plain_module(f.__module__)
    return kept or own or isinstance(f, FunctionType | MethodType | functools.partial)


def keeps_chosen(f: Any) -> bool:
    """Whether a call takes a text that the run chooses as it is: what the user wrote, and what
    asks for its class, shows it or puts it into a list, a dict or an exception."""
    owner = getattr(f, "__self__", None)
    if isinstance(owner, list | deque | dict):
        return f.__name__ in (*_KEEPING, "appendleft", "extendleft", "update")
    error = isinstance(f, type) and issubclass(f, BaseException)
    return error or (takes_none(f) and not _is_one_of(f, str, repr))


def call_for_each(ops: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call for each of what its arguments may be."""
    names = list(kwargs)

    def call(*given: Any) -> Any:
        return ops.call(f, *given[: len(args)], **dict(zip(names, given[len(args) :], strict=True)))

    return each_kind(call, *args, *kwargs.values())


def traced_call(ops: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``f`` as the traced program would."""
    if isinstance(f, MaybeNone):
        f = f.some("'NoneType' object is not callable")
    if any(is_view(x) or type(x) is RunTuple for x in (*args, *kwargs.values())):
        kwargs = by_keys(f, args, kwargs)
        args = _of_tables(f, args, kwargs)
    if any(map(is_grown, (*args, *kwargs.values()))):
        args, kwargs = _of_grown(f, args, kwargs)
    if _is_split(f, args, kwargs):
        return call_for_each(ops, f, args, kwargs)
    if isinstance(f, BoundMethod | Tracer):
        return f(*args, **kwargs)  # type: ignore[operator]
    chosen = behind(numpys(f), args, kwargs)
    if chosen is not f:
        return ops.call(chosen, *args, **kwargs)
    for asked in STAND_INS:
        stand_in = asked(f)
        if stand_in is not None:
            return stand_in(*args, **kwargs)
    refuse_mutation(f)
    staged = getattr(type(f), "__traced_call__", None)
    if staged is not None:
        return staged(f, ops, *args, **kwargs)
    found = in_table(NAMES, f)
    if found is not None:
        return numpy_call(f, found, *as_arrays(ops, f, args, kwargs))
    special = in_table(_builtins_table(), f)
    if special is not None:
        try:
            return special(*args, **kwargs)
        except TypeError:
            explain_builtin(f, special, args, kwargs)
            raise
    if isinstance(f, np.ufunc):
        return numpy_call(f, name_of(f), *as_arrays(ops, f, args, kwargs))
    if isinstance(f, type):
        return construct(ops, f, args, kwargs)
    if isinstance(f, functools.partial):
        return ops.call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
    if isinstance(f, FunctionType | MethodType):
        return python_call(ops, f, args, kwargs)
    return other_call(ops, f, args, kwargs)


#: What is asked of the value itself, whatever it is.
_OF_VALUES = (builtins.isinstance, builtins.type, builtins.callable)
_OF_NUMBERS = (bool, int, float, complex, str, np.generic)


def _is_split(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a function of numbers is given one whose kind makes a difference."""
    given = (*args, *kwargs.values())
    tagged = any(isinstance(x, TaggedScalar) for x in given)
    if not (tagged or any(isinstance(x, EitherNumber | MixedScalar) for x in given)):
        return False
    if isinstance(f, type) and issubclass(f, _OF_NUMBERS):
        return tagged
    numeric = isinstance(f, BoundMethod | np.ufunc) or in_table(NAMES, f) is not None
    if numeric and not tagged:
        mixed = [x for x in given if isinstance(x, EitherNumber | MixedScalar)]
        if not isinstance(f, np.ufunc):
            mixed = [x for x in mixed if isinstance(x, MixedScalar)]
        if len(given) == 1:
            return any(depends_on_kind("", x) for x in mixed)
        return any(depends_on_kind("", x, other) for x in mixed for other in given)
    if _is_one_of(f, *_OF_VALUES) or not tagged:
        return False
    known = _builtins_table(), math_table()
    return numeric or any(in_table(table, f) is not None for table in known)


def _of_grown(
    f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments where some are lists of which the run decides how long they are: arrays for NumPy;
    UnsupportedError for what would take them for ordinary lists."""
    from tracejit.trace.python.builtin_functions import OF_GROWN
    from tracejit.trace.python.copying import COPYING
    from tracejit.trace.python.rewritten import REWRITTEN
    from tracejit.trace.python.statistics_functions import STATISTICS

    def array(x: Any) -> Any:
        return as_array(x) if is_grown(x) else x

    numeric = isinstance(f, BoundMethod | np.ufunc) or in_table(NAMES, f) is not None
    numeric = numeric or isinstance(getattr(f, "__self__", None), np.ufunc)
    if numeric and f not in _OF_SEQUENCES:
        return tuple(map(array, args)), {k: array(v) for k, v in kwargs.items()}
    ours = isinstance(f, functools.partial) or _is_of_program(f) or in_table(COPYING, f)
    made = isinstance(f, type) and is_of_program(f.__module__)
    kept = isinstance(getattr(f, "__self__", None), list | dict)
    known = {**dict.fromkeys(OF_GROWN, True), **REWRITTEN, **DICTS, **DEQUES, **STATISTICS}
    replaced = any(asked(f) is not None for asked in STAND_INS)
    replaced = replaced or behind(f, args, kwargs) is not f
    if not (ours or made or kept or replaced or in_table(known, f)):
        refuse_grown(f"{getattr(f, '__name__', type(f).__name__)}()")
    return args, kwargs


def _is_of_program(f: Any) -> bool:
    """Whether a Python function or method is converted, and so sees what stands for values."""
    function = f.__func__ if isinstance(f, MethodType) else f
    if not isinstance(function, FunctionType):
        return isinstance(f, MethodType)
    return is_seen_through(function)


#: What takes dicts and sets of which the run decides the keys.
_OF_TABLES = (
    builtins.len,
    builtins.bool,
    *_OF_VALUES,
    builtins.id,
    copy.copy,
    copy.deepcopy,
    *DICTS,
)


def _of_tables(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Arguments where some are tuples of the run, dicts of which the run decides the keys, or their
    keys, values or items: lists for what goes through them."""
    ours = isinstance(f, FunctionType | MethodType | functools.partial)
    kept = isinstance(getattr(f, "__self__", None), list | dict)
    if ours or kept or _is_one_of(f, *_OF_TABLES) or in_table(DICTS, f):
        return args
    if any(map(is_view, kwargs.values())):
        refuse_table(f"a keyword of {getattr(f, '__name__', type(f).__name__)}()")
    return tuple(given_to(f, x, "key" in kwargs) for x in args)


#: Functions that join the items of a sequence.
_OF_SEQUENCES = {np.block}


@functools.cache
def _builtins_table() -> dict[Any, Callable[..., Any]]:
    """What stands for Python's builtins, under their names: those are in messages about calls."""
    from tracejit.trace.python.choosing import CHOOSING
    from tracejit.trace.python.copying import COPYING
    from tracejit.trace.python.iterators import ITERATORS
    from tracejit.trace.python.ordering import ORDERING
    from tracejit.trace.python.rewritten import REWRITTEN
    from tracejit.trace.python.sets import SETS
    from tracejit.trace.python.statistics_functions import STATISTICS
    from tracejit.trace.python.tuples import TUPLES
    from tracejit.trace.session.registry import BUILTINS
    from tracejit.trace.values.kinds import KINDS

    table = BUILTINS | CHOOSING | COPYING | ITERATORS | KINDS | ORDERING | REWRITTEN | SETS
    table |= DICTS | DEQUES | TUPLES | STATISTICS
    for theirs, ours in table.items():
        ours.__name__ = ours.__qualname__ = theirs.__name__
    return table


def numpy_call(
    f: Any, implementation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A NumPy function that is in the table; on plain scalars NumPy itself gives the constant."""
    must_hold_none(f"{f.__name__}()", *args, *kwargs.values())
    traced = f in _CREATION or any(contains_tracer(a) for a in (*args, *kwargs.values()))
    if not traced and not any(isinstance(a, list) and len(a) > _CONSTANT_LIMIT for a in args):
        must_be_pure(f)
        return as_constants(f(*args, **kwargs))
    if f not in _OF_SEQUENCES:
        args = tuple(map(arrays_inside, args))
        kwargs = {k: arrays_inside(x) for k, x in kwargs.items()}
    args, kwargs = tuple(map(seen_inside, args)), {k: seen_inside(x) for k, x in kwargs.items()}
    if concerns_structured(args, kwargs):
        implementation = of_structured(f)
    try:
        return implementation(*args, **kwargs)
    except TypeError:
        explain_call(f.__name__, f, implementation, args, kwargs)
        raise


def python_call(ops: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A Python function or method: inlined, its control flow converted where it has source."""
    function = f.__func__ if isinstance(f, MethodType) else f
    original = getattr(function, "py_func", None)
    if original is not None and not isinstance(f, MethodType):
        return ops.call(original, *args, **kwargs)
    if not isinstance(function, FunctionType):
        if isinstance(f, MethodType) and hasattr(type(function), "__traced_call__"):
            return ops.call(function, f.__self__, *args, **kwargs)
        has_no_effect(f)
        return read_state(f, args, kwargs) if is_cached(f) else as_is(f, args, kwargs)
    is_converted = convert.is_converted(function)
    if not is_converted and not convertible(function):
        return library_call(f, (function.__module__ or "").split(".")[0], args, kwargs)
    if not is_converted and is_traced_through(module_of(function)):
        found = from_library(f)
        if found is not None:  # a name that is known is so in a module that is traced through
            return numpy_call(f, found, args, kwargs)
    if is_generator(function):
        return made_by_call(ops, f, args, kwargs)
    owner = getattr(f, "__self__", None)
    return called(function, owner, args, kwargs, f if is_converted else ops.converted(f))


def library_call(f: Any, root: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A Python function of a library, run as it is. NumPy makes arrays, others may keep ours."""
    given = (*args, *kwargs.values())
    traced = any(map(contains_tracer, given))
    found = from_library(f) if root == "scipy" and traced else None
    if found is None:
        must_be_pure(f)
    if root != "copy" and holds(is_grown, *given):
        refuse_grown(f"{f.__name__}()")
    if found is not None:
        return numpy_call(f, found, args, kwargs)
    if root == "scipy" and traced:
        refuse_library(f)
    if root != "numpy":
        return run_as_it_is(f, args, kwargs)
    try:
        return as_constants(as_is(f, args, kwargs))
    except UnsupportedError:
        if traced:
            name_of(f)  # names the function that was called, not what it tried
        raise


def other_call(ops: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Anything else that can be called."""
    original = getattr(f, "py_func", None)
    if original is not None:
        return ops.call(original, *args, **kwargs)
    for base in type(f).__mro__:
        method = base.__dict__.get("__call__")
        if isinstance(method, FunctionType) and convertible(method):
            current().outside.member(type(f), "__call__")
            return ops.call(MethodType(method, f), *args, **kwargs)
        if method is not None:
            break
    if type(f).__module__.startswith("scipy.") and any(
        map(contains_tracer, (*args, *kwargs.values()))
    ):
        return library_call(f.__call__, "scipy", args, kwargs)
    has_no_effect(f)
    module = getattr(f, "__module__", None) or ""
    if module.split(".")[0] == "numpy" and any(contains_tracer(a) for a in args):
        source = getattr(f, "_implementation", None)  # NumPy's own Python behind a dispatcher
        if isinstance(source, FunctionType) and convertible(source):
            return python_call(ops, source, args, kwargs)
        name_of(f)
    of_module = isinstance(f, BuiltinFunctionType) and isinstance(f.__self__, ModuleType | None)
    given = (*args, *kwargs.values())
    if of_module and any(isinstance(a, Tracer) for a in given):
        return math_call(f, args, kwargs)
    if of_module and any(map(contains_tracer, given)) and in_table(math_table(), f) is not None:
        return math_call(f, args, kwargs)
    if is_cached(f) and not any(map(contains_tracer, given)):
        return read_state(f, args, kwargs)
    return as_constants(as_is(f, args, kwargs))


all_ask(globals(), Exception)
