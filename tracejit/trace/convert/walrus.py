"""`:=` in tests that are evaluated more than once or in part: becomes statements of its own.

`while (r := f()) > 0` binds `r` in each round and `if a and (r := f())` only where `a` holds, which
an expression inside a generated function cannot say of a variable of the function around it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.locations import located
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import has_walrus


def unfold_walrus(body: Statements, unique: Callable[[str], str]) -> Statements:
    """The statements of a function with such tests written out; `unique` makes names."""
    module = ast.Module(body, [])
    if not has_walrus(body):
        return body
    return _Unfolder(unique).visit(module).body  # type: ignore[no-any-return]


class _Unfolder(OwnBody, ast.NodeTransformer):
    def __init__(self, unique: Callable[[str], str]) -> None:
        self.unique = unique

    def visit_If(self, stmt: ast.If) -> ast.stmt | Statements:
        self.generic_visit(stmt)
        before, stmt.test = self.unfold(stmt.test)
        return [*before, stmt]

    def visit_While(self, stmt: ast.While) -> ast.stmt:
        self.generic_visit(stmt)
        if not has_walrus([stmt.test]) or _jumps(stmt.orelse):
            return stmt
        before, test = self.unfold(stmt.test)
        ended = ast.UnaryOp(ast.Not(), test)
        leave = ast.If(ended, [*stmt.orelse, ast.Break()], [])
        forever = ast.copy_location(ast.Constant(True), stmt.test)
        for part in (ended, leave, leave.body[-1]):
            ast.copy_location(part, stmt.test)
        made = ast.While(forever, [*before, leave, *stmt.body], [])
        return located(made, stmt)

    def unfold(self, test: ast.expr) -> tuple[Statements, ast.expr]:
        """Statements to run before a test, and what is then tested."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            before, test.operand = self.unfold(test.operand)
            return before, test
        if not isinstance(test, ast.BoolOp) or not has_walrus(test.values[1:]):
            return [], test
        name = self.unique("test")
        out: Statements = []
        place = out
        for k, value in enumerate(test.values):
            before, value = self.unfold(value)
            target, held = ast.Name(name, ast.Store()), ast.Name(name, ast.Load())
            truth = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), value))
            place += [*before, ast.Assign([target], truth)]
            if k + 1 < len(test.values):
                more = held if isinstance(test.op, ast.And) else ast.UnaryOp(ast.Not(), held)
                rest: Statements = []
                place.append(ast.If(more, rest, []))
                place = rest
        for stmt in out:
            located(stmt, test)
        return out, ast.copy_location(ast.Name(name, ast.Load()), test)


def _jumps(body: Statements) -> bool:
    """Whether a `break` or `continue` of a loop around is among the statements."""
    return any(isinstance(part, ast.Break | ast.Continue) for s in body for part in ast.walk(s))
