"""Liveness of local variables: a backward walk over a function body without jumps.

For each `if`, `while` and `for` it finds the variables read after it and the variables that it may
read before writing them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import field

from tracejit.records import dataclass
from tracejit.trace.convert.jumps import ReturnIf, StopFor, StopWhile
from tracejit.trace.convert.scope import NameScope, Usage, usage

Names = frozenset[str]
NONE: Names = frozenset()


@dataclass(frozen=True)
class Live:
    """Variables read after a statement, and those that it may read before it writes them."""

    after: Names
    read_first: Names


@dataclass
class _Flow:
    """What evaluating expressions in order reads before writing, and surely writes."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)

    def visit(self, tree: ast.AST | None, is_sure: bool = True) -> None:
        if tree is None or isinstance(tree, ast.Constant):
            return
        if isinstance(tree, ast.Name):
            self._read((tree.id,) if isinstance(tree.ctx, ast.Load) else ())
            return
        match tree:
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                self.visit(value, is_sure)
                if is_sure:
                    self.writes.add(name)
            case ast.BoolOp(values=[first, *others]):
                self.visit(first, is_sure)
                for operand in others:
                    self.visit(operand, False)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.visit(test, is_sure)
                self.visit(body, False)
                self.visit(orelse, False)
            case ast.Compare(left=left, comparators=[second, *others]):
                self.visit(left, is_sure)
                self.visit(second, is_sure)
                for operand in others:
                    self.visit(operand, False)
            case (
                ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp()
            ):
                found = usage(tree)
                self._read(found.reads | found.captured)
            case _ if isinstance(tree, ast.expr) and not list(ast.iter_child_nodes(tree)):
                self._read(usage(tree).reads)
            case _:
                for child in ast.iter_child_nodes(tree):
                    self.visit(child, is_sure)

    def _read(self, names: Iterable[str]) -> None:
        self.reads.update(name for name in names if name not in self.writes)

    def before(self, after: Names) -> Names:
        return (after - self.writes) | self.reads


@dataclass
class _Seen:
    """What was found of trees before: loops are walked until nothing changes, and those within
    others once for each walk of those."""

    flows: dict[tuple[ast.AST | None, ...], _Flow] = field(default_factory=dict)
    usages: dict[ast.AST, Usage] = field(default_factory=dict)

    def evaluated(self, *trees: ast.AST | None) -> _Flow:
        """What evaluating trees in order reads and writes."""
        flow = self.flows.get(trees)
        if flow is None:
            flow = self.flows[trees] = _Flow()
            for tree in trees:
                flow.visit(tree)
        return flow

    def usage(self, tree: ast.AST) -> Usage:
        """``usage`` of a tree."""
        found = self.usages.get(tree)
        if found is None:
            found = self.usages[tree] = usage(tree)
        return found


def find_liveness(body: list[ast.stmt], scope: NameScope) -> dict[ast.stmt, Live]:
    """Liveness of each structured statement of a function, keyed by statement."""
    walk = _Backward(scope)
    walk.block(body, NONE)
    return walk.found


@dataclass
class _Backward:
    scope: NameScope
    found: dict[ast.stmt, Live] = field(default_factory=dict)
    caught: Names = NONE
    """Variables live where an exception raised at this point would be caught."""
    is_recording: bool = True
    exposed: dict[ast.stmt, Names] = field(default_factory=dict)
    seen: _Seen = field(default_factory=_Seen)

    def block(self, stmts: list[ast.stmt], after: Names) -> Names:
        live = after | self.caught
        for stmt in reversed(stmts):
            live = self.stmt(stmt, live) | self.caught
        return live

    def stmt(self, stmt: ast.stmt, after: Names) -> Names:
        match stmt:
            case ast.If() | StopWhile() | StopFor():
                return self.structured(stmt, after)
            case ast.With():
                return self.with_(stmt, after)
            case ast.Try() | ast.TryStar():
                return self.try_(stmt, after)
            case ast.Return(value=value):
                return self.seen.evaluated(value).before(self.caught)
            case ast.Raise(exc=exc, cause=cause):
                return self.seen.evaluated(exc, cause).before(self.caught)
        return self.simple(stmt, after)

    def structured(self, stmt: ast.If | StopWhile | StopFor, after: Names) -> Names:
        if isinstance(stmt, ReturnIf):
            after = self.caught
        before = self.transfer(stmt, after)
        if self.is_recording:
            always = self.scope.always_live
            read_first = self.read_first(stmt) | (always & self._touched(stmt))
            self.found[stmt] = Live(after | always, read_first)
        return before

    def read_first(self, stmt: ast.If | StopWhile | StopFor) -> Names:
        if stmt not in self.exposed:
            inner = _Backward(self.scope, is_recording=False, seen=self.seen)
            self.exposed[stmt] = inner.inside(stmt, NONE)
        return self.exposed[stmt]

    def _touched(self, stmt: ast.stmt) -> Names:
        found = self.seen.usage(stmt)
        return frozenset(found.reads | found.captured)

    def transfer(self, stmt: ast.If | StopWhile | StopFor, after: Names) -> Names:
        inside = self.inside(stmt, after)
        if isinstance(stmt, StopWhile):
            return inside
        return self.seen.evaluated(stmt.iter if isinstance(stmt, StopFor) else stmt.test).before(
            inside
        )

    def inside(self, stmt: ast.If | StopWhile | StopFor, after: Names) -> Names:
        """Live when the operator starts: the test of an `if` and a `for`'s iterable are known."""
        if isinstance(stmt, ast.If):
            return self.block(stmt.body, after) | self.block(stmt.orelse, after)
        head = after | frozenset(stmt.stop)
        while True:
            if isinstance(stmt, StopWhile):
                entry = self.seen.evaluated(stmt.test).before(self.block(stmt.body, head))
                entry |= after
            else:
                entry = self.assigned(stmt.target, self.block(stmt.body, head))
            if entry <= head:
                return head
            head |= entry

    def with_(self, stmt: ast.With | ast.AsyncWith, after: Names) -> Names:
        outer = self.caught
        self.caught = outer | after  # the context manager may swallow the exception
        live = self.block(stmt.body, after)
        self.caught = outer
        for item in reversed(stmt.items):
            if item.optional_vars is not None:
                live = self.assigned(item.optional_vars, live)
            live = self.seen.evaluated(item.context_expr).before(live)
        return live

    def try_(self, stmt: ast.Try | ast.TryStar, after: Names) -> Names:
        outer = self.caught
        final = self.block(stmt.finalbody, after)
        if stmt.finalbody:
            self.caught = outer | final
        caught = self.caught
        entries = NONE
        for handler in stmt.handlers:
            live = self.block(handler.body, final)
            bound = {handler.name} if handler.name else set()
            entries |= self.seen.evaluated(handler.type).before(live - bound)
        orelse = self.block(stmt.orelse, final)
        self.caught = caught | entries
        before = self.block(stmt.body, orelse)
        self.caught = outer
        if isinstance(stmt, ast.Try) and self.is_recording:
            always = self.scope.always_live
            read_first = before | (always & self._touched(stmt))
            self.found[stmt] = Live(final | outer | always, read_first)
        return before

    def simple(self, stmt: ast.stmt, after: Names) -> Names:
        match stmt:
            case ast.Assign(targets=targets, value=value):
                live = after
                for target in reversed(targets):
                    live = self.assigned(target, live)
                return self.seen.evaluated(value).before(live)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return self.seen.evaluated(value).before(after - {name}) | {name}
            case ast.AnnAssign(target=target, value=value):
                if value is None:
                    return after
                return self.seen.evaluated(value).before(self.assigned(target, after))
            case ast.Delete(targets=targets):
                found = usage(targets)
                return after - found.deletes | found.reads | found.deletes
        found = self.seen.usage(stmt)
        return (after - self._bound_by(stmt, found.binds)) | found.reads | found.captured

    def _bound_by(self, stmt: ast.stmt, binds: set[str]) -> set[str]:
        named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        return binds if isinstance(stmt, named) else self.seen.evaluated(stmt).writes

    def assigned(self, target: ast.expr, after: Names) -> Names:
        """Live before `target` is assigned."""
        found = self.seen.usage(target)
        return (after - found.binds) | found.reads


# Bodies that still jump ---------------------------------------------------------------------------

Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True)
class LoopLive:
    """Variables read after a loop, those read where an exception of it is caught, and those that it
    may read before it writes them."""

    after: Names
    caught: Names
    read_first: Names


def loop_liveness(body: list[ast.stmt], scope: NameScope) -> dict[Loop, LoopLive]:
    """Liveness of each loop of a function as the user wrote it."""
    walk = _WithJumps(scope)
    walk.block(body, NONE)
    return walk.loops


@dataclass
class _WithJumps(_Backward):
    loops: dict[Loop, LoopLive] = field(default_factory=dict)
    ends: list[tuple[Names, Names]] = field(default_factory=list)
    """Of the loops around: what is live where `break` goes, and where `continue` goes."""

    def stmt(self, stmt: ast.stmt, after: Names) -> Names:
        match stmt:
            case ast.For() | ast.AsyncFor() | ast.While():
                return self.loop(stmt, after)
            case ast.Break():
                return self.ends[-1][0] | self.caught
            case ast.Continue():
                return self.ends[-1][1] | self.caught
            case ast.If(test=test, body=body, orelse=orelse):
                arms = self.block(body, after) | self.block(orelse, after)
                return self.seen.evaluated(test).before(arms)
            case ast.Match(subject=subject, cases=cases):
                live = after
                for case in reversed(cases):
                    taken = self.seen.evaluated(case.guard).before(self.block(case.body, after))
                    live |= taken | self.seen.usage(case.pattern).reads
                return self.seen.evaluated(subject).before(live)
            case ast.AsyncWith():
                return self.with_(stmt, after)
        return super().stmt(stmt, after)

    def loop(self, stmt: Loop, after: Names) -> Names:
        if self.is_recording:
            alone = _WithJumps(self.scope, is_recording=False, seen=self.seen, ends=[(NONE, NONE)])
            read_first = alone.loop(stmt, NONE)
            self.loops[stmt] = LoopLive(after, self.caught, read_first)
        done = self.block(stmt.orelse, after)
        head = done
        while True:
            self.ends.append((after, head))
            inside = self.block(stmt.body, head)
            self.ends.pop()
            if isinstance(stmt, ast.While):
                entry = self.seen.evaluated(stmt.test).before(inside | done)
            else:
                entry = self.assigned(stmt.target, inside) | done
            if entry <= head:
                break
            head |= entry
        return head if isinstance(stmt, ast.While) else self.seen.evaluated(stmt.iter).before(head)
