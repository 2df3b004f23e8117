"""Expressions whose value nobody uses (``f(x) if c else 0`` as a statement) become statements.

What their operands give then need not be of one kind; nor need the operands of ``and`` and ``or``
in a test, of which only the truth is used.
"""

from __future__ import annotations

import ast

from tracejit.trace.convert.locations import located
from tracejit.trace.convert.own_body import OwnBody, Statements


def unfold_discarded(body: Statements) -> Statements:
    """The statements of a function with conditional statements for conditional expressions that
    stand alone, and for ``and`` and ``or`` that do."""
    return _Unfolder().visit(ast.Module(body, [])).body  # type: ignore[no-any-return]


class _Unfolder(OwnBody, ast.NodeTransformer):
    def visit_Expr(self, stmt: ast.Expr) -> ast.stmt:
        found = _conditional(stmt.value)
        if found is None:
            return self.generic_visit(stmt)  # type: ignore[return-value]
        test, then, other = found
        made = ast.If(test, _alone(then), [] if other is None else _alone(other))
        return self.visit_If(located(made, stmt))

    def visit_If(self, stmt: ast.If) -> ast.stmt:
        stmt.test = _truth(stmt.test)
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def visit_While(self, stmt: ast.While) -> ast.stmt:
        stmt.test = _truth(stmt.test)
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def visit_IfExp(self, tree: ast.IfExp) -> ast.expr:
        tree.test = _truth(tree.test)
        return self.generic_visit(tree)  # type: ignore[return-value]


def _alone(value: ast.expr) -> Statements:
    return [ast.copy_location(ast.Expr(value), value)]


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


def _truth(test: ast.expr, inner: bool = False) -> ast.expr:
    """A test whose operands of ``and`` and ``or`` are bools, where they may be lists."""
    if isinstance(test, ast.BoolOp):
        test.values = [_truth(value, True) for value in test.values]
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test.operand = _truth(test.operand)
    elif inner and isinstance(test, ast.Name | ast.Attribute | ast.Subscript):
        for _ in range(2):
            test = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
    return test
