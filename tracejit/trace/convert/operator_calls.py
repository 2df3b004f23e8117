"""Writing calls of the staging operators into a converted function, and what all of it shares."""

from __future__ import annotations

import ast
from dataclasses import field

from tracejit.records import dataclass
from tracejit.trace.convert.locations import located
from tracejit.trace.convert.scope import GENERATED
from tracejit.trace.convert.statement_parts import Site, VarInfo

OPERATORS = "__tj__"
ENV = "__tj_env__"
THUNK = f"{GENERATED}thunk"


@dataclass
class Unit:
    """What all functions nested in one converted function share."""

    filename: str
    lines: list[str]
    function: str
    free: frozenset[str]
    has_class_cell: bool
    sites: list[Site] = field(default_factory=list)
    names: list[tuple[VarInfo, ...]] = field(default_factory=list)
    fresh: int = 0

    def unique(self, stem: str) -> str:
        self.fresh += 1
        return f"{GENERATED}{stem}_{self.fresh}"


def mangle(name: str, class_name: str | None) -> str:
    """A private name as the compiler stores it inside a class body."""
    stripped = (class_name or "").lstrip("_")
    if not stripped or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    return f"_{stripped}{name}"


class OperatorCalls:
    """Syntax that asks the operators, and the tables that it reads."""

    unit: Unit

    def op(self, where: ast.AST, name: str, /, *args: ast.expr, **kwargs: ast.expr) -> ast.Call:
        """`__tj__.name(*args, **kwargs)` at the position of `where`."""
        func = ast.Attribute(ast.Name(OPERATORS, ast.Load()), name, ast.Load())
        keywords = [ast.keyword(key, value) for key, value in kwargs.items()]
        call = ast.copy_location(ast.Call(func, list(args), keywords), where)
        # The compiler reports a method call at the last line of the attribute.
        line = getattr(where, "lineno", 1)
        column = getattr(where, "col_offset", 0)
        for part in (func, func.value):
            part.lineno = part.end_lineno = line
            part.col_offset = part.end_col_offset = column
        return call

    def thunk(self, body: ast.expr) -> ast.Lambda:
        # The unused parameter tells it from the user's lambdas, for the sake of tracebacks.
        args = ast.arguments([], [], ast.arg(THUNK), [], [], None, [])
        found = ast.copy_location(ast.Lambda(args, body), body)
        assert args.vararg is not None
        ast.copy_location(args.vararg, body)
        return found

    def name(self, name: str, where: ast.AST) -> ast.Name:
        return ast.copy_location(ast.Name(name, ast.Load()), where)

    def table(self, attribute: str, index: int, where: ast.AST) -> ast.expr:
        entry = ast.Subscript(
            ast.Attribute(ast.Name(ENV, ast.Load()), attribute, ast.Load()),
            ast.Constant(index),
            ast.Load(),
        )
        return located(entry, where)

    def site(self, where: ast.stmt | ast.expr, target: ast.expr | None = None) -> ast.expr:
        """The place of a statement; of a `for` of a comprehension with its target, which tells it
        from others in the line."""
        unit = self.unit
        column = (target or where).col_offset
        segment = unit.lines[where.lineno - 1].strip() if where.lineno <= len(unit.lines) else ""
        unit.sites.append(Site(unit.filename, where.lineno, segment, unit.function, column))
        return self.table("sites", len(unit.sites) - 1, where)


def text_at(value: str, where: ast.AST) -> ast.Constant:
    """A string at the position of ``where``."""
    return ast.copy_location(ast.Constant(value), where)


def parts_of(tree: ast.Dict) -> ast.List:
    """What a dict display takes in, as a list: a dict for each ``**``, else a pair."""
    parts: list[ast.expr] = []
    for key, value in zip(tree.keys, tree.values, strict=True):
        part = ast.Dict([None], [value]) if key is None else ast.Tuple([key, value], ast.Load())
        parts.append(ast.copy_location(part, value))
    return ast.List(parts, ast.Load())
