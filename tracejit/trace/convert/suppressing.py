"""`with contextlib.suppress(kinds): ...` becomes the `try` that it stands for, which is compiled.

It is known by its name. Under another one it is entered as any context manager is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.locations import located
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import Suppressed

_NAME = "suppress"


def unfold_suppress(body: Statements, unique: Callable[[str], str]) -> Statements:
    """The statements of a function with `try` for `suppress`; `unique` makes names."""
    return _Unfolder(unique).visit(ast.Module(body, [])).body  # type: ignore[no-any-return]


class _Unfolder(OwnBody, ast.NodeTransformer):
    def __init__(self, unique: Callable[[str], str]) -> None:
        self.unique = unique

    def visit_With(self, stmt: ast.With) -> ast.stmt | Statements:
        self.generic_visit(stmt)
        at = next((k for k, item in enumerate(stmt.items) if _suppresses(item)), None)
        if at is None:
            return stmt
        item, before, after = stmt.items[at], stmt.items[:at], stmt.items[at + 1 :]
        inner = stmt.body
        if after:
            rest = self.visit_With(ast.copy_location(ast.With(after, stmt.body), stmt))
            inner = rest if isinstance(rest, list) else [rest]
        kinds = self.unique("suppressed")
        held = ast.copy_location(Suppressed(item.context_expr), item.context_expr)
        ignore = ast.ExceptHandler(ast.Name(kinds, ast.Load()), None, [ast.Pass()])
        parts: Statements = [
            ast.Assign([ast.Name(kinds, ast.Store())], held),
            ast.Try(inner, [ignore], [], []),
        ]
        for part in parts:
            located(part, stmt)
        return [ast.copy_location(ast.With(before, parts), stmt)] if before else parts


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    if item.optional_vars is not None or not isinstance(call, ast.Call):
        return False
    named = call.func
    name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", None)
    return name == _NAME
