"""Rewrites `break`, `continue` and `return` away, so that only structured statements remain.

After this pass a loop body never jumps: jumps became boolean variables, tested where needed, and a
`return` that ends a function's branch stays a real `return`. Statements after an `if` of which one
arm always jumps move into the other arm, so that flags are the exception. `assert` becomes an `if`
that raises, and a loop's `else` becomes ordinary code after the loop.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Sequence
from dataclasses import field
from typing import Any

from tracejit.records import dataclass
from tracejit.trace.convert.locations import located
from tracejit.trace.convert.scope import GENERATED, AssertFailure, NoneSet
from tracejit.trace.convert.source import SourceUnavailable

RETURNED = f"{GENERATED}returned"
VALUE = f"{GENERATED}value"
Statements = list[ast.stmt]
Compound = ast.With | ast.Try | ast.TryStar
_Branching = ast.If | Compound | ast.ExceptHandler | ast.Match | ast.match_case


class Mode(enum.Enum):
    """TAIL: falling off the end returns None. FRAME: inside a `with` of the function's
    own frame, a real `return` is possible but code follows. FLAG: every jump becomes a flag."""

    TAIL = enum.auto()
    FRAME = enum.auto()
    FLAG = enum.auto()


class ReturnIf(ast.If):
    """An `if` both arms of which end in `return` or `raise`."""


class StopWhile(ast.While):
    """A `while` that stops, before its test, when one of the variables `stop` is set."""

    stop: tuple[str, ...] = ()


class StopFor(ast.For):
    """A `for` that stops when one of the variables `stop` is set."""

    stop: tuple[str, ...] = ()


@dataclass
class Flag:
    name: str
    is_read: bool = False


@dataclass(frozen=True)
class LoopFlags:
    """The flags of the innermost loop around a block."""

    broken: Flag
    continued: Flag


def jumps(trees: Sequence[ast.AST]) -> set[str]:
    """The kinds of jump that leave `trees`: of "return", "break", "continue"."""
    found: set[str] = set()
    for tree in trees:
        if isinstance(tree, ast.Return):
            found.add("return")
        elif isinstance(tree, ast.Break):
            found.add("break")
        elif isinstance(tree, ast.Continue):
            found.add("continue")
        elif isinstance(tree, ast.While | ast.For):
            found |= (jumps(tree.body) & {"return"}) | jumps(tree.orelse)
        elif isinstance(tree, _Branching):
            found |= jumps(list(ast.iter_child_nodes(tree)))
    return found


def _gives_values(body: Sequence[ast.stmt]) -> bool:
    """Whether a `return` of this function, not of one inside, gives a value."""
    pending: list[ast.AST] = list(body)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Return) and not _is_none(part.value):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            pending.extend(ast.iter_child_nodes(part))
    return False


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def is_definite(stmts: Sequence[ast.stmt]) -> bool:
    """Whether control never falls off the end of `stmts`. False when in doubt."""
    return any(_never_falls_through(stmt) for stmt in stmts)


def _never_falls_through(stmt: ast.stmt) -> bool:
    match stmt:
        case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
            return True
        case ast.If(body=body, orelse=orelse):
            return is_definite(body) and is_definite(orelse)
        case ast.While():
            return is_endless(stmt) and "break" not in jumps(stmt.body)
        case ast.Try() | ast.TryStar():
            arms = [handler.body for handler in stmt.handlers]
            whole = is_definite(stmt.body) or is_definite(stmt.orelse)
            return (whole and all(map(is_definite, arms))) or is_definite(stmt.finalbody)
    return False  # a `with` may swallow the exception that prevented its `return`


def is_endless(stmt: ast.While) -> bool:
    return isinstance(stmt.test, ast.Constant) and bool(stmt.test.value)


def lower_jumps(body: Sequence[ast.stmt]) -> Statements:
    """The function body without jumps; every path ends in a real `return` or `raise`."""
    lowering = _Lowering(gives_values=_gives_values(body))
    stmts = lowering.block(list(body), Mode.TAIL, None)
    if lowering.returned.is_read:
        stmts.insert(0, _assign(RETURNED, False, body[0]))
    return stmts


@dataclass
class _Lowering:
    gives_values: bool
    """Whether a `return` gives a value, so that what is returned must be kept."""
    returned: Flag = field(default_factory=lambda: Flag(RETURNED))
    loops: int = 0
    flagged_returns: int = 0

    def block(self, stmts: Statements, mode: Mode, loop: LoopFlags | None) -> Statements:
        """`stmts` lowered. In TAIL mode the result ends in `return` on every path."""
        out: Statements = []
        for index, stmt in enumerate(stmts):
            rest = stmts[index + 1 :]
            if isinstance(stmt, ast.Assert):
                stmt = _assertion(stmt)
            if isinstance(stmt, ast.Return | ast.Break | ast.Continue):
                return out + self.jump(stmt, mode, loop)
            if isinstance(stmt, ast.While | ast.For):
                found = self.loop(stmt, rest, mode, loop, out)
            elif isinstance(stmt, ast.If):
                found = self.branch(stmt, rest, mode, loop, out)
            elif isinstance(stmt, Compound):
                found = self.compound(stmt, rest, mode, loop, out)
            else:
                out.append(stmt)
                found = out if isinstance(stmt, ast.Raise) else None
            if found is not None:
                return found
        if mode is Mode.TAIL and not is_definite(out):
            out.append(_return_none(stmts[-1] if stmts else None))
        return out

    def jump(
        self, stmt: ast.Return | ast.Break | ast.Continue, mode: Mode, loop: LoopFlags | None
    ) -> Statements:
        if isinstance(stmt, ast.Return):
            if mode is not Mode.FLAG:
                return [stmt]
            self.flagged_returns += 1
            returned = _assign(RETURNED, True, stmt)
            if not self.gives_values:
                return [returned]
            value = stmt.value or ast.copy_location(ast.Constant(None), stmt)
            return [_assign(VALUE, value, stmt), returned]
        assert loop is not None  # the parser has refused a jump outside a loop
        flag = loop.broken if isinstance(stmt, ast.Break) else loop.continued
        return [_assign(flag.name, True, stmt)]

    def branch(
        self, stmt: ast.If, rest: Statements, mode: Mode, loop: LoopFlags | None, out: Statements
    ) -> Statements | None:
        """Appends the lowered `if`. The finished block when it took in `rest`, else None."""
        kinds = jumps([stmt])
        ends = is_definite(stmt.body), is_definite(stmt.orelse)
        if not kinds:
            out.append(self.arms(stmt, stmt.body, stmt.orelse, Mode.FLAG, loop))
            return out if all(ends) else None
        body = stmt.body if ends[0] else [*stmt.body, *rest]
        orelse = stmt.orelse if ends[1] else [*stmt.orelse, *rest]
        real = mode is Mode.TAIL or (mode is Mode.FRAME and (all(ends) or is_definite(rest)))
        if any(ends) and real and not kinds & {"break", "continue"}:
            out.append(self.arms(stmt, body, orelse, Mode.TAIL, loop, ReturnIf))
            return out
        if any(ends):
            out.append(self.arms(stmt, body, orelse, Mode.FLAG, loop))
            return self.leave(stmt, [], {"return"} & kinds, mode, loop, out) or out
        out.append(self.arms(stmt, stmt.body, stmt.orelse, Mode.FLAG, loop))
        return self.leave(stmt, rest, kinds, mode, loop, out)

    def arms(
        self,
        stmt: ast.If,
        body: Statements,
        orelse: Statements,
        mode: Mode,
        loop: LoopFlags | None,
        form: type[ast.If] = ast.If,
    ) -> ast.If:
        lowered = form(
            test=stmt.test,
            body=self.block(body, mode, loop) or [_pass(stmt)],
            orelse=self.block(orelse, mode, loop),
        )
        return ast.copy_location(lowered, stmt)

    def loop(
        self,
        stmt: ast.While | ast.For,
        rest: Statements,
        mode: Mode,
        outer: LoopFlags | None,
        out: Statements,
    ) -> Statements | None:
        kinds = jumps(stmt.body)
        self.loops += 1
        suffix = f"_{self.loops}"
        loop = LoopFlags(Flag(f"{GENERATED}break{suffix}"), Flag(f"{GENERATED}continue{suffix}"))
        body = self.block(stmt.body, Mode.FLAG, loop)
        if loop.continued.is_read:
            body.insert(0, _assign(loop.continued.name, False, stmt))
        else:
            body = _without_sets(body, loop.continued.name)
        stop: list[str] = []
        if "break" in kinds:
            stop.append(loop.broken.name)
            out.append(_assign(loop.broken.name, False, stmt))
        if "return" in kinds:
            self.returned.is_read = True
            stop.append(RETURNED)
        out.append(_loop(stmt, body, tuple(stop)))
        if stmt.orelse and "break" in kinds:
            test = ast.copy_location(NoneSet((loop.broken.name,)), stmt)
            rest = [_if(test, stmt.orelse, [], stmt.orelse[0]), *rest]
        elif stmt.orelse:
            rest = [*stmt.orelse, *rest]
        is_endless_loop = _never_falls_through(stmt)
        escaping = kinds & {"return"}
        if is_endless_loop and escaping and mode is not Mode.FLAG:
            out.append(self.result(stmt))
            return out
        if is_endless_loop and not escaping:
            return out
        if escaping or stmt.orelse:
            return self.leave(stmt, [] if is_endless_loop else rest, escaping, mode, outer, out)
        return None

    def compound(
        self, stmt: Compound, rest: Statements, mode: Mode, loop: LoopFlags | None, out: Statements
    ) -> Statements | None:
        """`with` and `except*` stay plain; their blocks are lowered. The blocks of a `try`
        become functions of their own, so every jump out of them becomes a flag."""
        before = self.flagged_returns
        flagged = mode is Mode.FLAG or isinstance(stmt, ast.Try)
        inner = Mode.FLAG if flagged else Mode.FRAME
        kinds = jumps([stmt])
        lowered = self.blocks(stmt, inner, loop)
        out.append(lowered)
        if self.flagged_returns == before:
            kinds -= {"return"}
        if _never_falls_through(stmt):
            if not kinds:
                return out
            rest = []
            if kinds == {"return"} and mode is not Mode.FLAG:
                out.append(self.result(stmt))
                return out
        return self.leave(stmt, rest, kinds, mode, loop, out) if kinds else None

    def blocks(self, stmt: Compound, mode: Mode, loop: LoopFlags | None) -> Compound:
        def lowered(stmts: Statements) -> Statements:
            return self.block(stmts, mode, loop) or [_pass(stmt)]

        fields: dict[str, Any] = {name: getattr(stmt, name) for name in stmt._fields}
        before = self.flagged_returns
        fields["body"] = lowered(stmt.body)
        if isinstance(stmt, ast.With):
            return ast.copy_location(ast.With(**fields), stmt)
        if jumps(stmt.finalbody):
            raise SourceUnavailable(f"line {stmt.lineno}: a jump out of `finally`")
        if stmt.orelse:
            kinds = jumps(stmt.body)
            if self.flagged_returns == before:
                kinds -= {"return"}
            fields["orelse"] = self.guarded(stmt.orelse[0], stmt.orelse, kinds, mode, loop)
        fields["handlers"] = [
            ast.copy_location(ast.ExceptHandler(h.type, h.name, lowered(h.body)), h)
            for h in stmt.handlers
        ]
        fields["finalbody"] = self.block(stmt.finalbody, Mode.FLAG, loop)
        return ast.copy_location(type(stmt)(**fields), stmt)

    def leave(
        self,
        stmt: ast.stmt,
        rest: Statements,
        kinds: set[str],
        mode: Mode,
        loop: LoopFlags | None,
        out: Statements,
    ) -> Statements | None:
        """The block finished after `stmt`, which may have set the flags of `kinds`."""
        if not kinds and mode is not Mode.TAIL:
            out.extend(self.block(rest, mode, loop))
            return out
        if not kinds:
            return out + self.block(rest or [_pass(stmt)], mode, loop)
        ends = mode is Mode.TAIL or (mode is Mode.FRAME and is_definite(rest))
        if ends and kinds == {"return"}:
            self.returned.is_read = True
            test = ast.copy_location(ast.Name(RETURNED, ast.Load()), stmt)
            orelse = self.block(rest, Mode.TAIL, loop)
            out.append(_if(test, [self.result(stmt)], orelse, stmt, ReturnIf))
            return out
        if rest:
            out.extend(self.guarded(rest[0], rest, kinds, mode, loop))
        elif "return" in kinds:
            self.returned.is_read = True
        return out

    def result(self, where: ast.stmt) -> ast.stmt:
        """The `return` of what a `return` inside of a loop or `try` gave."""
        return _return_value(where) if self.gives_values else _return_none(where)

    def guarded(
        self,
        where: ast.stmt,
        rest: Statements,
        kinds: set[str],
        mode: Mode,
        loop: LoopFlags | None,
    ) -> Statements:
        """`rest`, run only when no flag of `kinds` is set."""
        if not kinds:
            return self.block(rest, mode, loop)
        flags: list[Flag] = [self.returned] if "return" in kinds else []
        if loop is not None:
            flags += [loop.broken] if "break" in kinds else []
            flags += [loop.continued] if "continue" in kinds else []
        for flag in flags:
            flag.is_read = True
        test = ast.copy_location(NoneSet(tuple(flag.name for flag in flags)), where)
        return [_if(test, self.block(rest, Mode.FLAG, loop) or [_pass(where)], [], where)]


class _DropSets(ast.NodeTransformer):
    """Replaces assignments to an unread flag by `pass`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Assign(self, tree: ast.Assign) -> ast.stmt:
        target = tree.targets[0]
        is_set = isinstance(target, ast.Name) and target.id == self.name
        return _pass(tree) if is_set else tree

    def visit_FunctionDef(self, tree: ast.FunctionDef) -> ast.stmt:
        return tree


def _without_sets(stmts: Statements, name: str) -> Statements:
    dropping = _DropSets(name)
    visited = [dropping.visit(stmt) for stmt in stmts]
    kept = [stmt for stmt in visited if not isinstance(stmt, ast.Pass)]
    return kept or visited[:1]


def _loop(stmt: ast.While | ast.For, body: Statements, stop: tuple[str, ...]) -> ast.stmt:
    body = body or [_pass(stmt)]
    lowered: StopWhile | StopFor
    if isinstance(stmt, ast.While):
        lowered = StopWhile(test=stmt.test, body=body, orelse=[])
    else:
        lowered = StopFor(target=stmt.target, iter=stmt.iter, body=body, orelse=[])
    lowered.stop = stop
    return ast.copy_location(lowered, stmt)


def _assertion(stmt: ast.Assert) -> ast.stmt:
    if not __debug__:
        return _pass(stmt)
    test = ast.copy_location(ast.UnaryOp(ast.Not(), stmt.test), stmt.test)
    failure = ast.copy_location(AssertFailure(stmt.msg), stmt)
    failed = ast.copy_location(ast.Raise(exc=failure, cause=None), stmt)
    return _if(test, [failed], [], stmt)


def _if(
    test: ast.expr,
    body: Statements,
    orelse: Statements,
    where: ast.stmt,
    form: type[ast.If] = ast.If,
) -> ast.If:
    return ast.copy_location(form(test=test, body=body, orelse=orelse), where)


def _assign(name: str, value: ast.expr | bool, where: ast.stmt) -> ast.stmt:
    expr = value if isinstance(value, ast.expr) else ast.Constant(value)
    stmt = ast.Assign(targets=[ast.Name(name, ast.Store())], value=expr)
    return located(stmt, where)


def _pass(where: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Pass(), where)


def _return_value(where: ast.stmt) -> ast.stmt:
    found = ast.Return(value=ast.Name(VALUE, ast.Load()))
    return located(found, where)


def _return_none(where: ast.stmt | None) -> ast.stmt:
    found = ast.Return(value=ast.Constant(None))
    if where is None:
        return found
    return located(found, where)
