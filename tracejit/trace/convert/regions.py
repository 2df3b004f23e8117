"""Cuts loops out of a function: each becomes a function of its own, a region.

What is left of the function asks the region before the loop runs in Python::

    for i in range(n):          out = regions[0](n, s)      # (s, True, i), say, or (s, False, None)
        s += i                  if out is None:             # the region was not run
                                    for i in range(n):
                                        s += i
                                else:
                                    s = out[0]
                                    if out[1]:
                                        i = out[2]

A region is given the variables that the loop may read before it writes them, and returns those that
it binds and that are read afterwards. Arrays and objects are the same on both sides. A loop that
means more than that stays as it is, and the loops in it are tried.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, FunctionType
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.convert.function import compiled, in_place_of
from tracejit.trace.convert.jumps import jumps
from tracejit.trace.convert.liveness import NONE, Names, loop_liveness
from tracejit.trace.convert.locations import copy_of
from tracejit.trace.convert.outlining import REGIONS, Cut, Loop
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import (
    Usage,
    function_scope,
    is_coroutine_like,
    parameters,
    usage,
)
from tracejit.trace.convert.source import Located, SourceUnavailable, locate, made_from
from tracejit.trace.convert.statements import bare

#: What looks at the variables of the function that calls it.
_LOOKS = frozenset({"locals", "vars", "dir", "eval", "exec"})


@dataclass(frozen=True)
class RegionCode:
    """The code of a loop as a function. ``lines``: its first and its last."""

    code: CodeType
    lines: tuple[int, int]

    def bind(self, fn: FunctionType) -> FunctionType:
        """The region of ``fn``, with its globals and closure cells."""
        made = in_place_of(fn, self.code, {})
        made.__defaults__ = made.__kwdefaults__ = None
        made.__annotations__ = {}
        return made


@dataclass(frozen=True)
class LeftLoop:
    """A loop that is no region, and why."""

    lines: tuple[int, int]
    reason: str


@dataclass(frozen=True)
class SplitFunction:
    """The code of a function that asks its regions before it runs their loops."""

    code: CodeType
    regions: tuple[RegionCode, ...]
    left: tuple[LeftLoop, ...]

    def bind(self, fn: FunctionType, regions: Sequence[Callable[..., Any]]) -> FunctionType:
        """``fn`` with these as its regions."""
        return in_place_of(fn, self.code, {REGIONS: tuple(regions)})


def split(fn: FunctionType) -> SplitFunction:
    """A function with its loops cut out. Raises `SourceUnavailable` where that cannot be done."""
    code = fn.__code__
    found = locate(code, fn.__globals__)
    tree = copy_of(found.tree)
    if not isinstance(tree, ast.FunctionDef):
        raise SourceUnavailable(f"{code.co_qualname} has no statements")
    looks = usage(tree.body).reads & _LOOKS
    if looks:
        raise SourceUnavailable(f"{code.co_qualname} looks at its variables by {min(looks)}()")
    splitter = _Splitter(tree, code, found)
    tree.body = splitter.block(tree.body, splitter.given)
    bare(tree)
    made = compiled(tree, code, found.class_name, (REGIONS,))
    return SplitFunction(made, tuple(splitter.regions), tuple(splitter.left))


class _Splitter:
    """Goes through the statements of a function, with the names that are surely bound by then."""

    def __init__(self, tree: ast.FunctionDef, code: CodeType, found: Located) -> None:
        self.tree, self.code, self.found = tree, code, found
        self.scope = function_scope(tree.args, tree.body)
        self.live = loop_liveness(tree.body, self.scope)
        self.deleted = usage(tree.body).deletes
        self.given = frozenset(parameters(tree.args)) - self.deleted
        self.regions: list[RegionCode] = []
        self.left: list[LeftLoop] = []

    def block(self, stmts: Statements, bound: Names) -> Statements:
        made: Statements = []
        for stmt in stmts:
            if isinstance(stmt, ast.For | ast.While):
                made += self.loop(stmt, bound)
            else:
                made.append(self.inside(stmt, bound))
            bound |= self.surely_bound(stmt)
        return made

    def inside(self, stmt: ast.stmt, bound: Names) -> ast.stmt:
        """A statement with the loops in it cut out, but those of a function that it defines."""
        if isinstance(stmt, OwnBody.inside):
            return stmt
        if isinstance(stmt, ast.For | ast.AsyncFor):
            bound |= self.bound_by(stmt.target)
        for name in ("body", "orelse", "finalbody"):
            if stmts := getattr(stmt, name, []):
                setattr(stmt, name, self.block(stmts, bound))
        for part in (*getattr(stmt, "handlers", ()), *getattr(stmt, "cases", ())):
            part.body = self.block(part.body, bound)
        return stmt

    def surely_bound(self, stmt: ast.stmt) -> Names:
        """Names that are bound whenever a statement has ended; not all of them."""
        match stmt:
            case ast.Assign(targets=targets):
                return self.bound_by(*targets)
            case ast.AugAssign(target=target):
                return self.bound_by(target)
            case ast.AnnAssign(target=target, value=ast.expr()):
                return self.bound_by(target)
            case ast.If(body=body, orelse=orelse):
                return self.all_of(body) & self.all_of(orelse)
        return NONE

    def all_of(self, stmts: Statements) -> Names:
        return NONE.union(*map(self.surely_bound, stmts))

    def bound_by(self, *targets: ast.expr) -> Names:
        return frozenset(usage(targets).binds - self.deleted)

    def loop(self, loop: Loop, bound: Names) -> Statements:
        """A loop, if need be after the question whether its region was run."""
        lines = loop.lineno, loop.end_lineno or loop.lineno
        reason = self.why_not(loop)
        if reason is not None:
            self.left.append(LeftLoop(lines, reason))
            return [self.inside(loop, bound)]
        cut = self.cut(loop, bound)
        tree = cut.function(self.tree.name)
        code = compiled(tree, self.code, self.found.class_name, ())
        made_from(code, Located(tree, self.found.class_name, self.found.lines))
        number = len(self.regions)
        self.regions.append(RegionCode(code, lines))
        return cut.site(number, self.inside(loop, bound))

    def why_not(self, loop: Loop) -> str | None:
        """Why a loop cannot be a function of its own."""
        used, outside = usage(loop), _Outside.of(self.tree.body, loop)
        live, binds = self.live[loop], used.binds | used.rebound
        if is_coroutine_like([loop]):
            return "it gives up control by `yield` or `await`"
        if jumps([loop]) & {"break", "continue"}:
            return "its `else` ends a turn of another loop"
        if _raises_again([loop]):
            return "it raises the exception that is handled around it"
        if "super" in used.reads:
            return "it calls super()"
        for names, why in (
            (binds & (self.scope.globals | self.scope.nonlocals), "binds {}, which others share"),
            (binds & outside.captured, "binds {}, which a function defined elsewhere uses"),
            ((used.reads | binds) & outside.rebound, "uses {}, which another function may bind"),
            (binds & live.caught, "binds {}, which is read where its exceptions are caught"),
            (used.deletes & live.after, "deletes {}"),
        ):
            if names:
                return "it " + why.format(min(names))
        return None

    def cut(self, loop: Loop, bound: Names) -> Cut:
        live, own = self.live[loop], self.scope.locals
        used = usage(loop)
        return Cut(
            loop,
            self.found.lines[loop.lineno - 1],
            sorted(live.read_first & own & bound),
            sorted(live.read_first & own - bound),
            sorted((used.binds | used.rebound) & live.after & own),
            returns="return" in jumps([loop]),
        )


class _Outside(Usage):
    """The usage of a function's statements but one."""

    def __init__(self, without: ast.stmt) -> None:
        super().__init__()
        self.without = without

    @staticmethod
    def of(stmts: Statements, without: ast.stmt) -> _Outside:
        found = _Outside(without)
        for stmt in stmts:
            found.visit(stmt)
        return found

    def visit(self, tree: ast.AST) -> None:
        if tree is not self.without:
            super().visit(tree)


def _raises_again(trees: Iterable[ast.AST]) -> bool:
    """Whether there is a ``raise`` of what is handled around these."""
    for tree in trees:
        if isinstance(tree, ast.Raise) and tree.exc is None:
            return True
        apart = (*OwnBody.inside, ast.ExceptHandler, ast.expr)
        if not isinstance(tree, apart) and _raises_again(ast.iter_child_nodes(tree)):
            return True
    return False
