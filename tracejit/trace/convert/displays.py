"""Rewrites what makes containers: displays, comprehensions, generator expressions."""

# Methods are named after the classes of `ast` that they visit.

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tracejit.trace.convert.generators import is_listed
from tracejit.trace.convert.operator_calls import OperatorCalls, Unit, parts_of
from tracejit.trace.convert.scope import (
    GENERATED,
    Comprehension,
    NameScope,
    comprehension_targets,
    usage,
)

_T = TypeVar("_T", bound=ast.AST)


class DisplayRewriter(OperatorCalls, ast.NodeTransformer):
    """Rewrites displays and comprehensions of one function, and knows what is bound in it."""

    def __init__(
        self,
        unit: Unit,
        scope: NameScope,
        enclosing: frozenset[str],
        class_name: str | None,
        first_parameter: str | None,
    ) -> None:
        self.unit = unit
        self.scope = scope
        self.enclosing = enclosing
        self.class_name = class_name
        self.first_parameter = first_parameter
        self.bound: set[str] | None = set(scope.parameters)
        """Variables surely bound here; None where control cannot be."""
        self.shadowed: set[str] = set()
        self.unsure = 0
        self.holders: dict[str, str] = {}
        """For captured variables of the functions around, where what `captured` made is kept."""
        self.is_captured = False

    # Parts ----------------------------------------------------------------------------------------

    def expr(self, tree: ast.expr) -> ast.expr:
        found: ast.expr = self.visit(tree)
        return found

    @contextmanager
    def conditionally(self) -> Iterator[None]:
        """Inside, `:=` does not surely bind."""
        self.unsure += 1
        yield
        self.unsure -= 1

    def later(self, trees: Sequence[ast.expr]) -> list[ast.expr]:
        with self.conditionally():
            return [self.thunk(self.expr(tree)) for tree in trees]

    def plain(self, tree: _T) -> _T:
        """Rewrites the parts only: for expressions whose thunks would have to bind names."""
        with self.conditionally():
            self.generic_visit(tree)
        return tree

    # Displays -------------------------------------------------------------------------------------

    def visit_List(self, tree: ast.List) -> ast.expr:
        if isinstance(tree.ctx, ast.Load):
            tree.elts = [
                self._put_in(item) if isinstance(item, ast.Starred) else self.expr(item)
                for item in tree.elts
            ]
            return self.op(tree, "made", tree)
        self.generic_visit(tree)
        return tree

    def visit_Tuple(self, tree: ast.Tuple) -> ast.expr:
        if isinstance(tree.ctx, ast.Load) and any(isinstance(x, ast.Starred) for x in tree.elts):
            listed = ast.copy_location(ast.List(tree.elts, ast.Load()), tree)
            return self.op(tree, "tuple_of", self.visit_List(listed))
        self.generic_visit(tree)
        return tree

    def _put_in(self, tree: ast.Starred) -> ast.expr:
        value = self.op(tree, "items_of", self.expr(tree.value))
        return ast.copy_location(ast.Starred(value, tree.ctx), tree)

    def visit_Dict(self, tree: ast.Dict) -> ast.expr:
        self.generic_visit(tree)
        keys = [key for key in tree.keys if key is not None]
        if len(keys) < len(tree.keys) and len(tree.keys) > 1:
            return self.op(tree, "dict_joined", ast.copy_location(parts_of(tree), tree))
        if len(keys) < len(tree.keys) or all(isinstance(key, ast.Constant) for key in keys):
            return self.op(tree, "made", tree)
        pairs: list[ast.expr] = [
            ast.copy_location(ast.Tuple([key, value], ast.Load()), key)
            for key, value in zip(keys, tree.values, strict=True)
        ]
        listed = ast.copy_location(ast.List(pairs, ast.Load()), tree)
        return self.op(tree, "dict_of", self.op(tree, "made", listed))

    def visit_Set(self, tree: ast.Set) -> ast.expr:
        listed = ast.copy_location(ast.List(tree.elts, ast.Load()), tree)
        return self.op(tree, "set_of", self.visit_List(listed))

    def visit_ListComp(self, tree: ast.ListComp) -> ast.expr:
        if is_listed(tree):
            return self._listed(tree, tree.generators, [tree.elt])
        return self.op(tree, "made", self._comprehension(tree))

    def visit_SetComp(self, tree: ast.SetComp) -> ast.expr:
        listed = ast.copy_location(ast.ListComp(tree.elt, tree.generators), tree)
        return self.op(tree, "set_of", self.visit_ListComp(listed))

    def visit_DictComp(self, tree: ast.DictComp) -> ast.expr:
        pair = ast.copy_location(ast.Tuple([tree.key, tree.value], ast.Load()), tree)
        listed = ast.copy_location(ast.ListComp(pair, tree.generators), tree)
        return self.op(tree, "dict_of", self.visit_ListComp(listed))

    def visit_GeneratorExp(self, tree: ast.GeneratorExp) -> ast.expr:
        inside_out = self.inside_out(tree)
        if inside_out is None:
            return self.op(tree, "made", self._comprehension(tree))
        source = self.expr(tree.generators[0].iter)
        items = f"{GENERATED}items"
        made = self.thunk(self._comprehension(tree, self.name(items, tree)))
        made.args.args.append(ast.copy_location(ast.arg(items), tree))
        return self.op(tree, "generator_of", inside_out, made, source)

    def inside_out(self, tree: ast.GeneratorExp) -> ast.expr | None:
        """The name of a function that gives the items of a generator expression to a function;
        None where there is no place to define one."""
        return None

    def _comprehension(self, tree: Comprehension, first: ast.expr | None = None) -> ast.expr:
        """A comprehension rewritten; `first`: what its first `for` goes over, rewritten already."""
        if first is None:
            first = self.expr(tree.generators[0].iter)
        outer = self.shadowed, self.is_captured
        self.shadowed = self.shadowed | comprehension_targets(tree)
        # From Python 3.12 on all comprehensions but generators run in the function's own frame.
        self.is_captured |= sys.version_info < (3, 12) or isinstance(tree, ast.GeneratorExp)
        with self.conditionally():
            for index, generator in enumerate(tree.generators):
                source = self.expr(generator.iter) if index else first
                generator.iter = self.op(generator.iter, "iterate", source)
                generator.ifs = [self.expr(test) for test in generator.ifs]
            if isinstance(tree, ast.DictComp):
                tree.key, tree.value = self.expr(tree.key), self.expr(tree.value)
            else:
                tree.elt = self.expr(tree.elt)
        self.shadowed, self.is_captured = outer
        return tree

    def _turns(
        self,
        where: ast.expr,
        part: ast.comprehension,
        shows: bool,
        elements: list[ast.expr],
        inner: Sequence[ast.comprehension] = (),
    ) -> list[ast.expr]:
        """What a `for` of a comprehension does for one item, its traits, its source, its site.

        `inner`: further `for`s, which make a list of the elements for each item."""
        traits = [ast.Constant(bool(part.ifs)), ast.Constant(shows)]
        listed = ast.Tuple(list(traits), ast.Load())
        source = self.expr(part.iter)
        outer = self.shadowed, self.is_captured
        self.shadowed = self.shadowed | usage(part.target).binds
        self.is_captured = True
        tests = self.later(part.ifs)
        if inner:
            with self.conditionally():
                value: ast.expr = self.thunk(self._listed(where, inner, elements))
        else:
            (value,) = self.later(elements)
        self.shadowed, self.is_captured = outer
        test: ast.expr = ast.copy_location(ast.Constant(None), where)
        if tests:
            true = ast.copy_location(ast.Constant(True), where)
            test = tests[0]
            if len(tests) > 1:
                test = self.thunk(self.op(where, "and_", true, *tests))
        pair = ast.copy_location(ast.Tuple([test, value], ast.Load()), where)
        items = f"{GENERATED}items"
        over = ast.comprehension(part.target, self.name(items, where), [], 0)
        turns = self.thunk(ast.copy_location(ast.GeneratorExp(pair, [over]), where))
        taken = ast.copy_location(ast.arg(items), where)
        turns.args.args.append(taken)
        for made in (*traits, listed):
            ast.copy_location(made, where)
        return [turns, listed, source, self.site(where, part.target)]

    def _listed(
        self, where: ast.expr, parts: Sequence[ast.comprehension], elements: list[ast.expr]
    ) -> ast.expr:
        """The list that a comprehension with these `for`s makes."""
        first, *inner = parts
        turns = self._turns(where, first, False, elements, inner)
        flat = ast.copy_location(ast.Constant(bool(inner)), where)
        return self.op(where, "list_of", *turns, flat)
