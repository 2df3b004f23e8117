"""Expressions whose value nobody uses (``f(x) if c else 0`` as a statement) become statements.

What their operands give then need not be of one kind.
"""

from __future__ import annotations

import ast

Statements = list[ast.stmt]


def unfold_discarded(body: Statements) -> Statements:
    """The statements of a function with conditional statements for conditional expressions that
    stand alone, and for ``and`` and ``or`` that do."""
    return _Unfolder().visit(ast.Module(body, [])).body  # type: ignore[no-any-return]


class _Unfolder(ast.NodeTransformer):
    def visit_FunctionDef(self, stmt: ast.FunctionDef) -> ast.FunctionDef:
        return stmt  # functions inside are converted on their own

    def visit_AsyncFunctionDef(self, stmt: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return stmt

    def visit_ClassDef(self, stmt: ast.ClassDef) -> ast.ClassDef:
        return stmt

    def visit_Expr(self, stmt: ast.Expr) -> ast.stmt:
        found = _conditional(stmt.value)
        if found is None:
            return stmt
        test, then, other = found
        made = ast.If(test, self._alone(then), [] if other is None else self._alone(other))
        return ast.fix_missing_locations(ast.copy_location(made, stmt))

    def _alone(self, value: ast.expr) -> Statements:
        return [self.visit_Expr(ast.copy_location(ast.Expr(value), value))]


def _conditional(value: ast.expr) -> tuple[ast.expr, ast.expr, ast.expr | None] | None:
    """What is tested, what is evaluated where it holds, and what where it does not."""
    if isinstance(value, ast.IfExp):
        return value.test, value.body, value.orelse
    if not isinstance(value, ast.BoolOp):
        return None
    first, *rest = value.values
    more = rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(value.op, rest), rest[0])
    if isinstance(value.op, ast.Or):
        first = ast.copy_location(ast.UnaryOp(ast.Not(), first), first)
    return first, more, None
