"""Finds the syntax tree of a function from its code object.

The whole file is parsed once, so positions in the tree are the file's own. A lambda is told from
its neighbours on the same line by the columns of its instructions. A text counts only if it
compiles to the code that runs: a file may have been edited since it was imported.
"""

from __future__ import annotations

import ast
import weakref
from functools import partial
from types import CodeType
from typing import Any

from tracejit import sources
from tracejit.errors import UnsupportedError
from tracejit.records import dataclass
from tracejit.trace.convert.same_code import Parsed, compiles_to, has_code, warned_before

FunctionTree = ast.FunctionDef | ast.Lambda
#: A function's tree, and the class whose body it stands in.
Pair = tuple[FunctionTree, str | None]


class SourceUnavailable(Exception):  # noqa: N818 (a state of affairs, not a mistake)
    """The function has no source that can be converted; the message says why."""


@dataclass(frozen=True)
class Located:
    """A function's tree, the class whose body mangles its private names, and the file's lines."""

    tree: FunctionTree
    class_name: str | None
    lines: list[str]


#: By identity, what code was compiled from that stands in no file as it is.
_made: dict[int, tuple[weakref.ref[CodeType], Located]] = {}


def made_from(code: CodeType, located: Located) -> None:
    """From now on, `locate` finds this for code that we made of a part of a function."""
    forget = partial(_made.pop, id(code), None)  # at exit Python clears the names of modules first
    _made[id(code)] = weakref.ref(code, lambda _: forget()), located


#: Files of which the parsed texts are kept: those parsed last.
_MOST_FILES = 256
#: By file: its texts that were parsed, the latest first.
_files: dict[str, list[Parsed]] = {}


def _parse(filename: str, lines: list[str]) -> Parsed:
    versions = _files.setdefault(filename, [])
    if len(_files) > _MOST_FILES:
        del _files[next(iter(_files))]
    for held in versions:
        if held.lines == lines:
            return held
    try:
        with warned_before():
            tree = ast.parse("".join(lines), filename)
    except SyntaxError as error:
        raise SourceUnavailable(f"the source text of {filename} does not parse: {error}") from None
    made = Parsed(lines, tree)
    versions.insert(0, made)
    del versions[16:]
    return made


class _Finder(ast.NodeVisitor):
    """Collects the functions that could have produced `code`, each with its enclosing class.

    What does not hold the first line of `code` is passed over, unless the search is `exhaustive`.
    """

    def __init__(self, code: CodeType, *, exhaustive: bool = False) -> None:
        self.code = code
        self.exhaustive = exhaustive
        self.classes: list[str] = []
        self.found: list[Pair] = []

    def visit(self, tree: ast.AST) -> None:
        if self.exhaustive or _holds(tree, self.code.co_firstlineno):
            super().visit(tree)

    def visit_ClassDef(self, tree: ast.ClassDef) -> None:
        self.classes.append(tree.name)
        self.generic_visit(tree)
        self.classes.pop()

    def visit_FunctionDef(self, tree: ast.FunctionDef) -> None:
        first = tree.decorator_list[0].lineno if tree.decorator_list else tree.lineno
        self._consider(tree, tree.name, first)

    def visit_Lambda(self, tree: ast.Lambda) -> None:
        self._consider(tree, "<lambda>", tree.lineno)

    def _consider(self, tree: FunctionTree, name: str, first_line: int) -> None:
        code = self.code
        if (
            name == code.co_name
            and first_line == code.co_firstlineno
            and _parameter_count(tree) == code.co_argcount + code.co_kwonlyargcount
        ):
            self.found.append((tree, self.classes[-1] if self.classes else None))
        self.generic_visit(tree)


def _holds(tree: ast.AST, line: int) -> bool:
    """Whether a line is one of a tree's; a tree without lines of its own may hold any."""
    first, last = getattr(tree, "lineno", line), getattr(tree, "end_lineno", None)
    for decorator in getattr(tree, "decorator_list", ()):
        first = min(first, decorator.lineno)
    return first <= line <= (line if last is None else last)


def _parameter_count(tree: FunctionTree) -> int:
    return len(tree.args.posonlyargs) + len(tree.args.args) + len(tree.args.kwonlyargs)


def _spans(code: CodeType) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the instructions of `code` begin and end, as far as it says."""
    found = []
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if column == end_column == 0 and line == end_line:
            continue  # RESUME and the like carry an empty span
        found.append(((line, column), (end_line, end_column)))
    return found


def _of_one_line(found: list[Pair], code: CodeType) -> list[Pair]:
    """Which of the lambdas that share a line `code` was compiled from."""
    lambdas = [(tree, name) for tree, name in found if isinstance(tree, ast.Lambda)]
    spans = _spans(code)
    if not spans:
        # Python 3.12.1 says of `lambda: 1` no columns, and -X no_debug_ranges of no code. Lambdas
        # with the same code mean the same.
        same: list[Pair] = [pair for pair in lambdas if compiles_to(pair[0], code)]
        return same[:1]
    within: list[Pair] = [
        (tree, name)
        for tree, name in lambdas
        if all(
            (tree.body.lineno, tree.body.col_offset) <= start
            and end <= (tree.body.end_lineno or 0, tree.body.end_col_offset or 0)
            for start, end in spans
        )
    ]
    return within[-1:]  # of nested ones the innermost, which comes last, spans no more


def locate(code: CodeType, module_globals: dict[str, Any]) -> Located:
    """The tree that `code` was compiled from. Raises `SourceUnavailable`; UnsupportedError where
    the file is another one by now."""
    if id(code) in _made:
        return _made[id(code)][1]
    filename = code.co_filename
    problem = SourceUnavailable(f"no source text for {filename}")
    other: Located | None = None
    for lines in sources.texts(filename, module_globals):
        if not lines:
            continue
        try:
            parsed = _parse(filename, lines)
            found = _found(code, parsed)
        except SourceUnavailable as reason:
            problem = reason
            continue
        if has_code(parsed, code):
            return found
        other = other or found
    for tree in sources.compiled_trees() if filename.startswith("<") else ():
        made = Parsed([], tree)
        if has_code(made, code):
            return _found(code, made)
    if filename.startswith("<") or not sources.known(filename, module_globals):
        raise problem
    if sources.may_have_changed(filename):
        raise UnsupportedError(
            f"{filename}:{code.co_firstlineno}: the file was changed since {code.co_qualname} was "
            "imported, so its text is not that of the code that runs; restart, or reload the module"
        )
    if other is None:
        raise problem
    return other  # a tool has rewritten the code on import


def _found(code: CodeType, parsed: Parsed) -> Located:
    """Where a code object may be from in a text."""
    finder = _Finder(code)
    finder.visit(parsed.tree)
    if not finder.found:
        # Python 3.11 may give what is inside of an f-string lines that its statement has not.
        finder = _Finder(code, exhaustive=True)
        finder.visit(parsed.tree)
    found = finder.found
    if code.co_name == "<lambda>" and len(found) > 1:
        found = _of_one_line(found, code) or found
    if len(found) != 1:
        problem = "not found" if not found else "ambiguous"
        raise SourceUnavailable(
            f"{code.co_qualname} is {problem} at {code.co_filename}:{code.co_firstlineno}"
        )
    tree, class_name = found[0]
    return Located(tree, class_name, parsed.lines)
