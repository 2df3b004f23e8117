"""Whether a text compiles to a code object: what runs is compared, not lines or file names."""

from __future__ import annotations
import __future__

import ast
import copy
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from types import CodeType
from typing import Any

from tracejit.records import dataclass

#: Names that pytest gives to what it puts into modules whose assertions it rewrites.
_PYTEST = ("@py_", "@pytest_")


@dataclass
class Parsed:
    """A text, its tree, and what its top-level statements were compiled to so far."""

    lines: list[str]
    tree: ast.Module
    compiled: dict[Any, list[CodeType]] = field(default_factory=dict)


def has_code(parsed: Parsed, code: CodeType) -> bool:
    """Whether the text compiles to `code`, at its line."""
    rewritten = any(map(_is_rewritten, codes_in(code)))
    flags = code.co_flags & future_flags()
    for number, stmt in enumerate(parsed.tree.body):
        if _covers(stmt, code.co_firstlineno):
            # How an attribute of a name is loaded depends on whether the module imports that.
            near = [*_imports(parsed.tree.body), stmt]
            # Rarely on more of it, such as a name `super` of its own.
            for part, body in ((number, near), ("all", parsed.tree.body)):
                key = (part, flags, rewritten)
                if key not in parsed.compiled:
                    parsed.compiled[key] = _compiled(parsed, body, code.co_filename, *key[1:])
                if any(_is_at(code, made) and _same(code, made) for made in parsed.compiled[key]):
                    return True
    return False


def _covers(stmt: ast.stmt, line: int) -> bool:
    first: int = min([stmt.lineno, *(d.lineno for d in getattr(stmt, "decorator_list", ()))])
    return first <= line <= (stmt.end_lineno or stmt.lineno)


def _compiled(
    parsed: Parsed, body: list[ast.stmt], filename: str, flags: int, rewritten: bool
) -> list[CodeType]:
    """All code objects that statements compile to."""
    module = ast.Module(body, [])
    if rewritten:
        pytest: Any = sys.modules.get("_pytest.assertion.rewrite")
        if pytest is None:
            return []
        module = copy.deepcopy(module)
        pytest.rewrite_asserts(module, "".join(parsed.lines).encode())
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in a notebook's cell
    try:
        with warned_before():
            made = compile(module, filename, "exec", flags, dont_inherit=True)
    except SyntaxError:
        return []
    return list(codes_in(made))


def _imports(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The import statements of a module's own scope."""
    for stmt in body:
        future = isinstance(stmt, ast.ImportFrom) and stmt.module == "__future__"
        if isinstance(stmt, ast.Import | ast.ImportFrom) and not future:
            yield stmt
        elif not isinstance(stmt, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(stmt, part, []))
            for handler in (*getattr(stmt, "handlers", ()), *getattr(stmt, "cases", ())):
                yield from _imports(handler.body)


@contextmanager
def warned_before() -> Iterator[None]:
    """Python warned of the user's text (an unknown escape, ``n is 3``, since 3.14 ``return`` in
    ``finally``) when the module was imported. It is not said again, nor raised as an error."""
    with warnings.catch_warnings():
        for kind in (SyntaxWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        yield


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions inside."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes_in(inner)


def _is_rewritten(code: CodeType) -> bool:
    return any(name.startswith(_PYTEST) for name in (*code.co_names, *code.co_varnames))


def _is_at(a: CodeType, b: CodeType) -> bool:
    """Whether two code objects begin in one line; lambdas may share it."""
    if a.co_name == "<lambda>" and list(a.co_positions()) != list(b.co_positions()):
        return False
    return a.co_firstlineno == b.co_firstlineno


def compiles_to(tree: ast.Lambda, code: CodeType) -> bool:
    """Whether a lambda by itself, where nothing around it binds names, compiles to `code`."""
    with warned_before():
        alone = compile(ast.Expression(tree), code.co_filename, "eval", dont_inherit=True)
    return any(_same(inner, code) for inner in alone.co_consts if isinstance(inner, CodeType))


def _same(a: CodeType, b: CodeType) -> bool:
    return (
        a.co_name == b.co_name
        and a.co_code == b.co_code
        and a.co_names == b.co_names
        and a.co_varnames == b.co_varnames
        and a.co_freevars == b.co_freevars
        and a.co_cellvars == b.co_cellvars
        and (a.co_argcount, a.co_posonlyargcount, a.co_kwonlyargcount)
        == (b.co_argcount, b.co_posonlyargcount, b.co_kwonlyargcount)
        and a.co_exceptiontable == b.co_exceptiontable
        and len(a.co_consts) == len(b.co_consts)
        and all(map(_same_constant, a.co_consts, b.co_consts))
    )


def _same_constant(a: Any, b: Any) -> bool:
    if isinstance(a, CodeType) and isinstance(b, CodeType):
        return _same(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same_constant, a, b))
    return a == b if isinstance(a, frozenset) else repr(a) == repr(b)


def future_flags() -> int:
    """The compiler's flags of all ``from __future__`` imports."""
    flags = 0
    for name in __future__.all_feature_names:
        flags |= getattr(__future__, name).compiler_flag
    return flags
