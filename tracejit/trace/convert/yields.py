"""Generator functions turned inside out: `yield v` calls who goes through the items.

The function gets one more parameter, `put`. It runs from beginning to end, and `put(v)` is the body
of the `for` statement that the items go to. It says whether no more are wanted; the generator then
returns, so that its `finally` blocks run, as they do when Python closes a generator.
Why so: docs/decisions/0015-generators-inside-out.md.
"""

# Methods are named after the classes of `ast` that they visit.

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.locations import located
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import GENERATED, Put, Returned, is_coroutine_like
from tracejit.trace.convert.source import SourceUnavailable

PUT = f"{GENERATED}put"
_IN_TRY = "it has `yield` in a `try` with `except`: compute the item there and yield it after"


def lower_yields(body: Statements, unique: Callable[[str], str]) -> Statements:
    """The body of a generator function without `yield`; `unique` makes names.

    Raises SourceUnavailable where an item is given inside of an expression, or inside of a `try`
    with an `except`: what the loop over the items raises is not the generator's to catch.
    """
    module = ast.Module(body, [])
    lowered: Statements = _Lowering(unique).visit(module).body
    return lowered


class _Lowering(OwnBody, ast.NodeTransformer):
    inside = (*OwnBody.inside, ast.Lambda)

    def __init__(self, unique: Callable[[str], str]) -> None:
        self.unique = unique

    def visit_Expr(self, stmt: ast.Expr) -> ast.stmt | Statements:
        if isinstance(stmt.value, ast.Yield | ast.YieldFrom):
            return self.given(stmt, stmt.value)
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def visit_Assign(self, stmt: ast.Assign) -> ast.stmt | Statements:
        if isinstance(stmt.value, ast.YieldFrom):
            return [*self.passed_on(stmt, stmt.value), stmt]
        if not isinstance(stmt.value, ast.Yield):
            return self.generic_visit(stmt)  # type: ignore[return-value]
        first = self.given(stmt, stmt.value)
        stmt.value = ast.copy_location(ast.Constant(None), stmt.value)
        return [first, stmt]

    def visit_Return(self, stmt: ast.Return) -> ast.stmt | Statements:
        if isinstance(stmt.value, ast.YieldFrom):
            return [*self.passed_on(stmt, stmt.value), stmt]
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def passed_on(self, stmt: ast.Assign | ast.Return, tree: ast.YieldFrom) -> Statements:
        """All items of a generator given, and its result in the place of `yield from`."""
        source = self.unique("source")
        held = ast.Assign([ast.Name(source, ast.Store())], tree.value)
        tree.value = ast.Name(source, ast.Load())
        loop = self.given(stmt, tree)
        stmt.value = ast.copy_location(Returned(ast.Name(source, ast.Load())), tree)
        for part in (held, stmt):
            located(part, stmt)
        return [held, loop]

    def visit_Try(self, stmt: ast.Try) -> ast.stmt:
        if stmt.handlers and is_coroutine_like(stmt.body):
            raise SourceUnavailable(_IN_TRY)
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def visit_TryStar(self, stmt: ast.TryStar) -> ast.stmt:
        if is_coroutine_like(stmt.body):
            raise SourceUnavailable(_IN_TRY)
        return self.generic_visit(stmt)  # type: ignore[return-value]

    def visit_Yield(self, tree: ast.Yield) -> ast.expr:
        raise SourceUnavailable("it has `yield` in an expression: give it a statement of its own")

    visit_YieldFrom = visit_Await = visit_Yield  # type: ignore[assignment]  # noqa: N815

    def given(self, stmt: ast.stmt, tree: ast.Yield | ast.YieldFrom) -> ast.stmt:
        """`if put(v): return`, in a loop where the items are those of something else."""
        held = ast.Constant(None) if tree.value is None else tree.value
        if isinstance(tree, ast.Yield):
            return self.put(stmt, held)
        item = self.unique("item")
        body = [self.put(stmt, ast.Name(item, ast.Load()))]
        made = ast.For(ast.Name(item, ast.Store()), held, body, [])
        return located(made, stmt)

    def put(self, stmt: ast.stmt, value: ast.expr) -> ast.stmt:
        leave = ast.Return(ast.Constant(None))
        made = ast.If(ast.copy_location(Put(value), stmt), [leave], [])
        return located(made, stmt)


def cleans_up(body: Statements) -> bool:
    """Whether a generator with this body does something when it is closed at a `yield`."""
    pending: list[ast.AST] = list(body)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            continue
        finalbody = part.finalbody if isinstance(part, ast.Try) else []
        ends = isinstance(part, ast.With) or bool(finalbody)
        if ends and is_coroutine_like(ast.iter_child_nodes(part)):
            return True
        pending.extend(ast.iter_child_nodes(part))
    return False


def with_put(args: ast.arguments) -> None:
    """Adds the parameter, before all others."""
    args.posonlyargs.insert(0, ast.arg(PUT))


def function_of(tree: ast.GeneratorExp, name: str, source: str) -> ast.FunctionDef:
    """The generator function that a generator expression is, of what its first `for` goes over."""
    value = ast.copy_location(ast.Yield(tree.elt), tree.elt)
    inner: Statements = [ast.copy_location(ast.Expr(value), tree.elt)]
    for index, part in reversed(list(enumerate(tree.generators))):
        for test in reversed(part.ifs):
            inner = [ast.copy_location(ast.If(test, inner, []), test)]
        items = part.iter if index else ast.Name(source, ast.Load())
        inner = [ast.copy_location(ast.For(part.target, items, inner, []), tree)]
    args = ast.arguments([], [ast.arg(source)], None, [], [], None, [])
    made = ast.FunctionDef(name, args, inner, [], None, None)
    return located(made, tree)
