"""What rewrites of a function's own statements have in common."""

from __future__ import annotations

import ast
from typing import Any, ClassVar

Statements = list[ast.stmt]


class OwnBody(ast.NodeTransformer):
    """Passes over functions and classes inside, which are converted on their own."""

    inside: ClassVar[tuple[type[ast.AST], ...]] = (
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    )  # fmt: skip

    def visit(self, tree: ast.AST) -> Any:
        return tree if isinstance(tree, self.inside) else super().visit(tree)
