"""Blocks of a function that become functions inside it, and the variables that they share."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.assignments import AssignmentRewriter
from tracejit.trace.convert.jumps import VALUE, Statements, StopFor, StopWhile
from tracejit.trace.convert.liveness import Live
from tracejit.trace.convert.locations import located
from tracejit.trace.convert.scope import GENERATED, usage
from tracejit.trace.convert.statement_parts import VarInfo, VarKind

Structured = ast.If | ast.Try | StopWhile | StopFor


class BlockRewriter(AssignmentRewriter):
    """Rewrites blocks; `rewrite_X` of a subclass rewrites the statement X."""

    #: Of each statement with blocks: the variables that they read first and that are read after.
    live: dict[ast.stmt, Live]

    def block(self, stmts: Statements) -> Statements:
        out: Statements = []
        for stmt in stmts:
            out.extend(self.stmt(stmt))
        return out

    def stmt(self, stmt: ast.stmt) -> Statements:
        name = type(stmt).__name__
        rewrite: Callable[[ast.stmt], Statements] | None = getattr(self, f"rewrite_{name}", None)
        if rewrite is not None:
            return rewrite(stmt)
        self.generic_visit(stmt)
        self.bind(usage(stmt).binds)
        return [stmt]

    def inner(self, stem: str, stmt: ast.stmt, body: Statements) -> tuple[str, ast.stmt]:
        name = self.unit.unique(stem)
        binds = usage(body).binds
        return name, self.define(name, stmt, self.block(body), binds)

    def define(
        self, name: str, where: ast.stmt, body: Statements, binds: set[str], *params: str
    ) -> ast.stmt:
        """A function inside this one that assigns this one's variables."""
        declared: Statements = []
        outer = sorted(binds & self.scope.globals)
        own = sorted(name for name in binds - self.scope.globals if self.is_variable(name))
        if outer:
            declared.append(ast.Global(outer))
        if own:
            declared.append(ast.Nonlocal(own))
        for stmt in declared:
            ast.copy_location(stmt, where)
        args = ast.arguments([], [ast.arg(p) for p in params], None, [], [], None, [])
        found = ast.FunctionDef(name, args, [*declared, *(body or [ast.Pass()])], [], None, None)
        return located(found, head_of(where))

    def is_variable(self, name: str) -> bool:
        if name.startswith(GENERATED):
            return True
        return name in self.scope.locals or name in self.scope.nonlocals

    def state(self, stmt: Structured) -> tuple[Statements, list[ast.expr]]:
        """Definitions of `get_state` and `set_state`, and the operator's last four arguments."""
        live = self.live[stmt]
        binds = usage(_inside(stmt)).binds
        written = {name for name in binds if self.is_variable(name)}
        written |= binds & self.scope.globals
        written -= self.scope.rebound | self.holders.keys()  # told of by `captured`
        infos = tuple(
            VarInfo(name, name in live.read_first, name in live.after, self.kind(name))
            for name in sorted(written)
        )
        defs, arguments = self.accessors(head_of(stmt), infos)
        return defs, [*arguments, self.site(stmt)]

    def accessors(
        self, where: ast.stmt, infos: tuple[VarInfo, ...]
    ) -> tuple[Statements, list[ast.expr]]:
        """Definitions of functions that get and set variables; their names and the table's."""
        self.unit.names.append(infos)
        index = len(self.unit.names) - 1
        get, set_ = self.unit.unique("get"), self.unit.unique("set")
        values = f"{GENERATED}values"
        reads = [self.op(where, "peek", self.thunk(self.name(i.name, where))) for i in infos]
        got = ast.Return(ast.Tuple(list(reads), ast.Load()))
        stores: Statements = []
        if infos:
            targets: list[ast.expr] = [ast.Name(info.name, ast.Store()) for info in infos]
            target = ast.Tuple(targets, ast.Store())
            stores.append(ast.Assign([target], ast.Name(values, ast.Load())))
            stores += [_unbind_if_undefined(info.name) for info in infos]
        for part in (got, *stores):
            located(part, where)
        defs = [
            self.define(get, where, [got], set()),
            self.define(set_, where, stores, {info.name for info in infos}, values),
        ]
        arguments: list[ast.expr] = [self.name(get, where), self.name(set_, where)]
        return defs, [*arguments, self.table("names", index, where)]

    def kind(self, name: str) -> VarKind:
        if name.startswith(GENERATED):
            return "return_value" if name == VALUE else "flag"
        if name in self.scope.globals:
            return "global"
        return "nonlocal" if name in self.scope.nonlocals else "local"


def copied(bound: set[str] | None) -> set[str] | None:
    return None if bound is None else set(bound)


def met(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    if one is None:
        return copied(other)
    return set(one) if other is None else one & other


def head_of(stmt: ast.stmt) -> ast.stmt:
    """A statement's first line, as the position of what is generated for it."""
    head = ast.copy_location(ast.Pass(), stmt)
    head.end_lineno, head.end_col_offset = stmt.lineno, stmt.col_offset
    return head


def _unbind_if_undefined(name: str) -> ast.stmt:
    return ast.parse(f"if {name} is __tj__.UNDEFINED: del {name}").body[0]


def assigned(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _inside(stmt: Structured) -> list[ast.AST]:
    """What the operator runs, as against the operand evaluated before it."""
    match stmt:
        case StopWhile():
            return [stmt.test, *stmt.body]
        case StopFor():
            return [stmt.target, *stmt.body]
        case ast.Try():
            return [stmt]
    return [*stmt.body, *stmt.orelse]
