"""`with contextlib.suppress(kinds): ...` becomes the `try` that it stands for, which is compiled.

It is looked for by its name, and is a `with` where something else has that name. Under another name
it is entered as any context manager is.
"""

from __future__ import annotations

import ast
import copy
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
        at = next((k for k, item in enumerate(stmt.items) if _suppresses(item)), None)
        if at is None:
            self.generic_visit(stmt)
            return stmt
        item, before, after = stmt.items[at], stmt.items[:at], stmt.items[at + 1 :]
        inner: Statements = stmt.body
        if after:
            inner = [ast.copy_location(ast.With(after, stmt.body), stmt)]
        again = copy.deepcopy(inner)
        manager, kinds = self.unique("manager"), self.unique("suppressed")
        held = Suppressed(ast.Name(manager, ast.Load()))
        ignore = ast.ExceptHandler(ast.Name(kinds, ast.Load()), None, [ast.Pass()])
        entered = ast.With([ast.withitem(ast.Name(manager, ast.Load()))], self._all(again))
        known = ast.Compare(ast.Name(kinds, ast.Load()), [ast.IsNot()], [ast.Constant(None)])
        parts: Statements = [
            ast.Assign([ast.Name(manager, ast.Store())], item.context_expr),
            ast.Assign([ast.Name(kinds, ast.Store())], held),
            ast.If(known, [ast.Try(self._all(inner), [ignore], [], [])], [entered]),
        ]
        for part in parts:
            located(part, stmt)
        return [ast.copy_location(ast.With(before, parts), stmt)] if before else parts

    def _all(self, body: Statements) -> Statements:
        return self.visit(ast.Module(body, [])).body  # type: ignore[no-any-return]


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    if item.optional_vars is not None or not isinstance(call, ast.Call):
        return False
    named = call.func
    name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", None)
    return name == _NAME
