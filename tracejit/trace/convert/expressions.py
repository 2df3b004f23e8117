"""Rewrites expressions so that loads, calls, logic and comparisons go through the operators."""

# Methods are named after the classes of `ast` that they visit.

from __future__ import annotations

import ast

from tracejit.trace.convert.displays import DisplayRewriter
from tracejit.trace.convert.generators import (
    TAKING,
    TAKING_METHODS,
    is_taken_apart,
    shows_items,
)
from tracejit.trace.convert.operator_calls import (
    ENV,
    mangle,
    text_at,
)
from tracejit.trace.convert.scope import (
    GENERATED,
    AssertFailure,
    NoneSet,
    PatternLeaf,
    PatternTest,
    Put,
    Returned,
    Suppressed,
    has_walrus,
)
from tracejit.trace.convert.source import SourceUnavailable
from tracejit.trace.convert.yields import PUT

# Called from a converted function these would see the operators' frame, not the user's.
_FRAME_BOUND = frozenset({"locals", "eval", "exec", "vars", "dir"})
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
_UNARY: dict[type[ast.AST], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


class ExpressionRewriter(DisplayRewriter, ast.NodeTransformer):
    """Rewrites the expressions of one function, keeping track of surely bound variables."""

    # Names ----------------------------------------------------------------------------------------

    def visit_Name(self, tree: ast.Name) -> ast.expr:
        name = mangle(tree.id, self.class_name)
        if not isinstance(tree.ctx, ast.Load) or tree.id.startswith(GENERATED):
            return tree
        if tree.id in self.shadowed:
            return tree
        if tree.id in self.scope.locals:
            if self.bound is None or tree.id in self.bound:
                return tree
            captured = [ast.copy_location(ast.Constant(True), tree)] * self.is_captured
            return self.op(tree, "load", self.thunk(tree), text_at(name, tree), *captured)
        if tree.id not in self.scope.globals:
            if tree.id in self.enclosing:
                return self.op(tree, "load_enclosing", text_at(name, tree), tree)
            if name in self.unit.free:
                env = self.name(ENV, tree)
                return self.op(tree, "load_free", text_at(name, tree), tree, env)
        env = self.name(ENV, tree)
        return self.op(tree, "load_global", text_at(name, tree), tree, env)

    def is_outer(self, name: str) -> bool:
        """Whether `name`, assigned here, is a global or a variable of the original closure."""
        if name in self.scope.globals:
            return True
        return name in self.scope.nonlocals and name not in self.enclosing

    def visit_NamedExpr(self, tree: ast.NamedExpr) -> ast.expr:
        tree.value = self.expr(tree.value)
        name = tree.target.id
        if self.is_outer(name):
            tree.value = self.stored_outer(name, tree.value)
        if self.bound is not None and not self.unsure:
            self.bound.add(name)
        return tree

    def visit_FormattedValue(self, tree: ast.FormattedValue) -> ast.expr:
        tree.value = self.expr(tree.value)
        parts = getattr(tree.format_spec, "values", ())
        computed = any(isinstance(part, ast.FormattedValue) for part in parts)
        if tree.format_spec is not None:
            tree.format_spec = self.expr(tree.format_spec)
        conversion = {-1: "", 114: "r", 115: "s"}.get(tree.conversion)
        if conversion or (conversion == "" and tree.format_spec is None):
            tree.value = self.op(tree, "shown", tree.value, text_at(conversion, tree))
            tree.conversion = -1
        if computed and conversion is not None:
            assert tree.format_spec is not None
            tree.value = self.op(tree, "in_field", tree.value, tree.format_spec)
            tree.format_spec = None
        elif tree.format_spec is not None and conversion is not None:
            tree.value = self.op(tree, "padded", tree.value)
        return tree

    def stored_outer(self, name: str, value: ast.expr) -> ast.expr:
        text = text_at(mangle(name, self.class_name), value)
        return self.op(value, "store_outer", text, value, self.name(ENV, value))

    def visit_NoneSet(self, tree: NoneSet) -> ast.expr:
        return self.op(tree, "none_set", *(self.name(name, tree) for name in tree.names))

    def visit_AssertFailure(self, tree: AssertFailure) -> ast.expr:
        message = [] if tree.message is None else [self.expr(tree.message)]
        return self.op(tree, "assertion", *message)

    def visit_PatternTest(self, tree: PatternTest) -> ast.expr:
        names = [ast.copy_location(ast.Constant(name), tree) for name in tree.names]
        listed = ast.copy_location(ast.Tuple(list(names), ast.Load()), tree)
        return self.op(tree, "match", tree.subject, self.expr(tree.spec), listed)

    def visit_PatternLeaf(self, tree: PatternLeaf) -> ast.expr:
        (value,) = self.later([tree.value])
        return value

    def visit_Put(self, tree: Put) -> ast.expr:
        call = ast.Call(self.name(PUT, tree), [self.expr(tree.value)], [])
        return ast.copy_location(call, tree)

    def visit_Returned(self, tree: Returned) -> ast.expr:
        return self.op(tree, "returned", self.expr(tree.source))

    def visit_Suppressed(self, tree: Suppressed) -> ast.expr:
        return self.op(tree, "suppressed", self.expr(tree.manager))

    # Loads and calls ------------------------------------------------------------------------------

    def visit_Attribute(self, tree: ast.Attribute) -> ast.expr:
        name = text_at(mangle(tree.attr, self.class_name), tree)
        return self.op(tree, "getattr", self.expr(tree.value), name)

    def visit_Subscript(self, tree: ast.Subscript) -> ast.expr:
        return self.op(tree, "getitem", self.expr(tree.value), self.key(tree.slice))

    def key(self, tree: ast.expr) -> ast.expr:
        if isinstance(tree, ast.Slice):
            none = ast.copy_location(ast.Constant(None), tree)
            parts = [
                none if p is None else self.expr(p) for p in (tree.lower, tree.upper, tree.step)
            ]
            return self.op(tree, "slice", *parts)
        if isinstance(tree, ast.Tuple):
            items = [self.key(item) for item in tree.elts]
            return ast.copy_location(ast.Tuple(items, ast.Load()), tree)
        return self.expr(tree)

    def visit_Starred(self, tree: ast.Starred) -> ast.expr:
        value = self.op(tree, "iterate", self.expr(tree.value))
        return ast.copy_location(ast.Starred(value, tree.ctx), tree)

    def visit_Call(self, tree: ast.Call) -> ast.expr:
        named = tree.func.id if isinstance(tree.func, ast.Name) else ""
        is_own = named in self.scope.locals or named in self.enclosing or named in self.shadowed
        if named and not is_own:
            if named in _FRAME_BOUND and (named in ("eval", "exec") or not tree.args):
                raise SourceUnavailable(
                    f"line {tree.lineno}: {named}() looks at its caller's frame"
                )
            if named == "super" and not tree.args and not tree.keywords:
                return self._super(tree)
            if named == "globals" and not tree.args:
                return self.op(tree, "namespace", self.name(ENV, tree))
        where = ast.copy_location(ast.Pass(), tree)
        if isinstance(tree.func, ast.Attribute):
            where.lineno = tree.func.end_lineno or tree.lineno
            where.col_offset = 0
        takes = named in TAKING and not is_own
        if isinstance(tree.func, ast.Attribute):
            takes = tree.func.attr in TAKING_METHODS
        if takes and is_taken_apart(tree):
            return self._call_generator(where, tree)
        func = self.expr(tree.func)
        is_star = any(isinstance(arg, ast.Starred) for arg in tree.args)
        if is_star or any(keyword.arg is None for keyword in tree.keywords):
            return self.op(where, "call_star", func, *self._pieces(tree))
        args = [self.expr(arg) for arg in tree.args]
        call = self.op(where, "call", func, *args)
        call.keywords += self._keywords(tree)
        return call

    def _keywords(self, tree: ast.Call) -> list[ast.keyword]:
        return [
            ast.copy_location(ast.keyword(keyword.arg, self.expr(keyword.value)), keyword)
            for keyword in tree.keywords
        ]

    def _call_generator(self, where: ast.AST, tree: ast.Call) -> ast.expr:
        """A call whose first argument is a generator: what it does for one item, and its source."""
        func = self.expr(tree.func)
        generator = tree.args[0]
        assert isinstance(generator, ast.GeneratorExp)
        (part,) = generator.generators
        parts = self._turns(generator, part, shows_items(generator), [generator.elt])
        rest = [self.expr(arg) for arg in tree.args[1:]]
        call = self.op(where, "call_generator", func, *parts, *rest)
        call.keywords += self._keywords(tree)
        return call

    def _pieces(self, tree: ast.Call) -> list[ast.expr]:
        pairs: list[tuple[str, ast.expr]] = []
        for arg in tree.args:
            pairs.append(("*", arg.value) if isinstance(arg, ast.Starred) else ("", arg))
        pairs += [(keyword.arg or "**", keyword.value) for keyword in tree.keywords]
        pairs.sort(key=lambda pair: (pair[1].lineno, pair[1].col_offset))
        return [
            ast.copy_location(ast.Tuple([text_at(key, tree), self.expr(value)], ast.Load()), value)
            for key, value in pairs
        ]

    def _super(self, tree: ast.Call) -> ast.expr:
        """`super()` looks at its frame, which may become a generated one: names both arguments."""
        is_in_class = self.class_name is not None or self.unit.has_class_cell
        if self.first_parameter is None or not is_in_class:
            return tree
        tree.args = [self.name("__class__", tree), self.name(self.first_parameter, tree)]
        return tree

    # Logic ----------------------------------------------------------------------------------------

    def visit_BoolOp(self, tree: ast.BoolOp) -> ast.expr:
        first, *rest = tree.values
        if has_walrus(rest):
            return self.plain(tree)
        name = "and_" if isinstance(tree.op, ast.And) else "or_"
        return self.op(tree, name, self.expr(first), *self.later(rest))

    def visit_IfExp(self, tree: ast.IfExp) -> ast.expr:
        if has_walrus([tree.body, tree.orelse]):
            return self.plain(tree)
        test = self.expr(tree.test)
        arms = self.later([tree.body, tree.orelse])
        return self.op(tree, "if_expr", test, *arms, self.site(tree))

    def visit_UnaryOp(self, tree: ast.UnaryOp) -> ast.expr:
        operand = self.expr(tree.operand)
        if isinstance(tree.op, ast.Not):
            return self.op(tree, "not_", operand)
        tree.operand = operand
        if isinstance(operand, ast.Constant):
            return tree
        return self.op(tree, "unary", text_at(_UNARY[type(tree.op)], tree), operand)

    def visit_BinOp(self, tree: ast.BinOp) -> ast.expr:
        tree.left, tree.right = self.expr(tree.left), self.expr(tree.right)
        if isinstance(tree.left, ast.Constant) and isinstance(tree.right, ast.Constant):
            return tree
        symbol = text_at(_BINARY[type(tree.op)], tree)
        return self.op(tree, "binary", symbol, tree.left, tree.right)

    def visit_Compare(self, tree: ast.Compare) -> ast.expr:
        symbols = [_SYMBOLS[type(op)] for op in tree.ops]
        second, *rest = tree.comparators
        if has_walrus(rest):
            return self.plain(tree)
        left, right = self.expr(tree.left), self.expr(second)
        if rest:
            listed = ast.Tuple([text_at(symbol, tree) for symbol in symbols], ast.Load())
            listed = ast.copy_location(listed, tree)
            return self.op(tree, "compare", left, listed, right, *self.later(rest))
        symbol = symbols[0]
        if symbol in ("in", "not in", "is", "is not"):
            name = "contains" if symbol.endswith("in") else "is_"
            found = self.op(tree, name, left, right)
            return self.op(tree, "not_", found) if "not" in symbol else found
        return self.op(tree, "compare_one", text_at(symbol, tree), left, right)
