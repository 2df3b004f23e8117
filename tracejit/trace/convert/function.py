"""Converts a function once, and binds the result to a closure, globals and operators."""

from __future__ import annotations

import ast
import inspect
import re
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.convert.locations import all_located, copy_of
from tracejit.trace.convert.operator_calls import ENV, OPERATORS, THUNK, Unit, mangle
from tracejit.trace.convert.operators import Operators
from tracejit.trace.convert.same_code import codes_in, future_flags, warned_before
from tracejit.trace.convert.scope import GENERATED, parameters
from tracejit.trace.convert.source import FunctionTree, SourceUnavailable, locate
from tracejit.trace.convert.statement_parts import Env, Site, VarInfo
from tracejit.trace.convert.statements import bare, make_rewriter
from tracejit.trace.convert.yields import cleans_up, lower_yields, with_put

_FACTORY = f"{GENERATED}factory"
_SEGMENT = re.compile(rf"{GENERATED}\w+\.<locals>\.")
_SUSPENDING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(frozen=True)
class ConvertedFunction:
    """The converted code of one code object; shared by all functions that have that code."""

    code: CodeType
    sites: tuple[Site, ...]
    names: tuple[tuple[VarInfo, ...], ...]
    cleans_up: bool = False
    """Of a generator: whether closing it at a `yield` runs something."""

    def bind(self, fn: FunctionType, ops: Operators) -> FunctionType:
        """`fn` with its control flow going through `ops`."""
        env = Env(fn.__globals__, cells_of(fn), self.sites, self.names)
        return in_place_of(fn, self.code, {OPERATORS: ops, ENV: env})


def cells_of(fn: FunctionType) -> dict[str, CellType]:
    """The cells of a function's free variables."""
    return dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))


def in_place_of(fn: FunctionType, code: CodeType, more: Mapping[str, Any]) -> FunctionType:
    """`fn` with other code, of which the free variables are those of `fn` and `more`.

    Globals, closure cells, default values and attributes are the originals, not copies.
    """
    known = {**cells_of(fn), **{name: CellType(value) for name, value in more.items()}}
    closure = tuple(known[name] for name in code.co_freevars)
    made = FunctionType(code, fn.__globals__, fn.__name__, fn.__defaults__, closure)
    made.__kwdefaults__ = fn.__kwdefaults__
    made.__dict__.update(fn.__dict__)
    made.__doc__, made.__module__ = fn.__doc__, fn.__module__
    made.__qualname__ = fn.__qualname__
    annotate = getattr(fn, "__annotate__", None)  # since Python 3.14: evaluated when asked for
    if annotate is None:
        made.__annotations__ = fn.__annotations__
    else:
        made.__annotate__ = annotate  # type: ignore[attr-defined]
    return made


# Keyed by identity: equal code objects of different files are different functions. An entry goes
# with its code object, so that an identity that is used again finds nothing.
_converted: dict[
    tuple[int, bool], tuple[weakref.ref[CodeType], ConvertedFunction | SourceUnavailable]
] = {}


def convert(fn: Callable[..., Any], *, turned: bool = False) -> ConvertedFunction:
    """The conversion of a Python function or bound method, done once per code object.

    `turned`: of a generator function, to one that gives its items to a function, which is its first
    argument. Raises `SourceUnavailable` when there is no source or conversion would change the
    meaning; the caller then runs the function as it is.
    """
    function = fn.__func__ if isinstance(fn, MethodType) else fn
    if not isinstance(function, FunctionType):
        raise SourceUnavailable(f"{fn!r} is not a Python function")
    code = function.__code__
    key = id(code), turned
    found: ConvertedFunction | SourceUnavailable
    if key in _converted:
        found = _converted[key][1]
    else:
        try:
            found = _convert(code, function.__globals__, turned)
        except SourceUnavailable as reason:
            found = reason.with_traceback(None)
        # At exit Python clears the names of modules before the last objects go.
        forget = partial(_converted.pop, key, None)
        _converted[key] = weakref.ref(code, lambda _: forget()), found
    if isinstance(found, SourceUnavailable):
        raise SourceUnavailable(*found.args)
    return found


def bind(fn: Callable[..., Any], ops: Operators, *, turned: bool = False) -> Callable[..., Any]:
    """`fn`, a function or bound method, converted and bound to `ops`. Raises as `convert`."""
    converted = convert(fn, turned=turned)
    if isinstance(fn, MethodType):
        assert isinstance(fn.__func__, FunctionType)
        return MethodType(converted.bind(fn.__func__, ops), fn.__self__)
    assert isinstance(fn, FunctionType)
    return converted.bind(fn, ops)


def is_converted(fn: Any) -> bool:
    """Whether `fn` is a function that `bind` made, or one defined inside such a function."""
    function = fn.__func__ if isinstance(fn, MethodType) else fn
    return isinstance(function, FunctionType) and OPERATORS in function.__code__.co_freevars


def _convert(code: CodeType, module_globals: dict[str, Any], turned: bool) -> ConvertedFunction:
    if OPERATORS in code.co_freevars:
        raise SourceUnavailable(f"{code.co_qualname} is converted already")
    if code.co_flags & (_SUSPENDING & ~inspect.CO_GENERATOR if turned else _SUSPENDING):
        raise SourceUnavailable(f"{code.co_qualname} is a generator or coroutine")
    located = locate(code, module_globals)
    tree = copy_of(located.tree)
    listed = [mangle(name, located.class_name) for name in parameters(tree.args)]
    if tuple(listed) != code.co_varnames[: len(listed)]:
        raise SourceUnavailable(f"{code.co_filename} has changed since {code.co_qualname} was made")
    free = frozenset(code.co_freevars)
    unit = Unit(code.co_filename, located.lines, code.co_qualname, free, "__class__" in free)
    ends = turned and isinstance(tree, ast.FunctionDef) and cleans_up(tree.body)
    _rewrite(tree, unit, located.class_name, turned)
    clean = compiled(tree, code, located.class_name, (OPERATORS, ENV))
    for inner in codes_in(clean):
        if inner is not clean:
            _INNER[id(inner)] = inner
    return ConvertedFunction(clean, tuple(unit.sites), tuple(unit.names), ends)


def compiled(
    tree: FunctionTree, code: CodeType, class_name: str | None, more: tuple[str, ...]
) -> CodeType:
    """The code of `tree`, which replaces `code`; also the names in `more` are free in it."""
    module = _factory(tree, {*code.co_freevars, *more}, class_name)
    flags = code.co_flags & future_flags()
    with warned_before():
        made = compile(module, code.co_filename, "exec", flags, dont_inherit=True)
    found = _find(made, code.co_name)
    return _cleaned(found, code.co_name, found.co_qualname, code.co_qualname)


def _rewrite(tree: FunctionTree, unit: Unit, class_name: str | None, turned: bool) -> None:
    """Converts `tree` in place, and drops all that is evaluated when a function is defined.

    `turned`: it is a generator function, to be turned inside out."""
    if turned:
        assert isinstance(tree, ast.FunctionDef)
        tree.body = lower_yields(tree.body, unit.unique)
    body = [tree.body] if isinstance(tree, ast.Lambda) else tree.body
    rewriter = make_rewriter(unit, tree.args, body, frozenset(), class_name)
    if isinstance(tree, ast.Lambda):
        tree.body = rewriter.expr(tree.body)
    else:
        tree.body = rewriter.function_body(tree.body)
    bare(tree)
    if turned:
        with_put(tree.args)


def _factory(tree: FunctionTree, free: set[str], class_name: str | None) -> ast.Module:
    """A module that binds the free names around the function, so that they compile to cells."""
    made: ast.FunctionDef | ast.ClassDef | ast.Expr
    made = tree if isinstance(tree, ast.FunctionDef) else ast.Expr(tree)
    if class_name is not None:
        made = ast.ClassDef(class_name, [], [], [made], [])
    target: list[ast.expr] = [ast.Name(name, ast.Store()) for name in sorted(free)]
    cells: list[ast.stmt] = [ast.Assign(target, ast.Constant(None))] if target else []
    if not isinstance(made, ast.Expr) and made.name not in free:
        cells.append(ast.Global([made.name]))  # the factory must not capture the user's global
    no_args = ast.arguments([], [], None, [], [], None, [])
    factory = ast.FunctionDef(_FACTORY, no_args, [*cells, made], [], None, None)
    module = ast.Module([factory], [])
    ast.copy_location(factory, tree)
    ast.copy_location(made, tree)
    return all_located(module)


def _find(code: CodeType, name: str) -> CodeType:
    """The only function inside the factory (and the class that mangles names)."""
    inner = next(const for const in code.co_consts if isinstance(const, CodeType))
    is_wrapper = inner.co_name == _FACTORY or not inner.co_flags & inspect.CO_OPTIMIZED
    return _find(inner, name) if is_wrapper else inner


#: Code of functions that converted functions make. (Not a set: code compares by what it is.)
_INNER: weakref.WeakValueDictionary[int, CodeType] = weakref.WeakValueDictionary()


def is_made_inside(function: FunctionType) -> bool:
    """Whether converted code has made a function, so that its body is staging code, too."""
    return _INNER.get(id(function.__code__)) is function.__code__


def _cleaned(code: CodeType, owner: str, prefix: str, qualname: str) -> CodeType:
    """Generated functions take the name of the function they stand in, for tracebacks."""

    def clean(text: str) -> str:
        return qualname + _SEGMENT.sub("", text[len(prefix) :])

    is_thunk = THUNK in code.co_varnames
    name = owner if is_thunk or code.co_name.startswith(GENERATED) else code.co_name
    consts: list[Any] = []
    for const in code.co_consts:
        if isinstance(const, CodeType):
            const = _cleaned(const, name, prefix, qualname)
        elif isinstance(const, str) and const.startswith(f"{prefix}.<locals>"):
            const = clean(const)  # a nested class stores its qualified name
        consts.append(const)
    own = clean(code.co_qualname) if code.co_qualname.startswith(prefix) else code.co_qualname
    return code.replace(co_name=name, co_qualname=own, co_consts=tuple(consts))
