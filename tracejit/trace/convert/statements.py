"""Rewrites the statements of a function body (without jumps) into calls of the operators."""

# Methods are named after the classes of `ast` that they visit.
# ruff: noqa: N802, N815

from __future__ import annotations

import ast
import builtins
import functools

from tracejit.trace.convert.blocks import BlockRewriter, assigned, copied, head_of, met
from tracejit.trace.convert.discarded import unfold_discarded
from tracejit.trace.convert.jumps import (
    VALUE,
    ReturnIf,
    Statements,
    StopFor,
    StopWhile,
    lower_jumps,
)
from tracejit.trace.convert.liveness import find_liveness
from tracejit.trace.convert.locations import copy_of, located
from tracejit.trace.convert.matching import unfold_match
from tracejit.trace.convert.operator_calls import ENV, OPERATORS, Unit
from tracejit.trace.convert.scope import (
    GENERATED,
    NameScope,
    NoneSet,
    function_scope,
    has_walrus,
    is_coroutine_like,
    usage,
)
from tracejit.trace.convert.source import SourceUnavailable
from tracejit.trace.convert.statement_parts import VarInfo
from tracejit.trace.convert.suppressing import unfold_suppress
from tracejit.trace.convert.walrus import unfold_walrus
from tracejit.trace.convert.yields import cleans_up, function_of, lower_yields, with_put


class StatementRewriter(BlockRewriter):
    """Rewrites one function. Every statement becomes a list of statements."""

    #: Functions that stand for generator expressions; None in a lambda, which has no place for any.
    generators: Statements | None = None

    def function_body(self, body: Statements) -> Statements:
        """The converted body of a `def`."""
        has_docstring = ast.get_docstring(ast.Module(body, []), clean=False) is not None
        unique = self.unit.unique
        self.generators = []
        plain = unfold_match(unfold_discarded(unfold_suppress(body, unique)), unique)
        lowered = lower_jumps(unfold_walrus(plain, unique))
        self.live = find_liveness(lowered, self.scope)
        begun = [*self.declarations(lowered), *self.captured(head_of(lowered[0]))]
        block = self.block(lowered)
        return [*body[:has_docstring], *begun, *self.generators, *block]

    def captured(self, where: ast.stmt) -> Statements:
        """Tells of the variables that inner functions rebind, and holds those of outer ones."""
        held = sorted({self.holders[n] for n in self.scope.nonlocals if n in self.holders})
        if self.enclosing:
            held.append(OPERATORS)  # by which `is_converted` knows it
        out: Statements = [ast.copy_location(ast.Expr(self.name(n, where)), where) for n in held]
        if not self.scope.rebound:
            return out
        infos = tuple(VarInfo(name, True, True) for name in sorted(self.scope.rebound))
        defs, arguments = self.accessors(where, infos)
        holder = self.unit.unique("captured")
        self.holders = {**self.holders, **dict.fromkeys(self.scope.rebound, holder)}
        kept = assigned(holder, self.op(where, "captured", *arguments))
        return [*out, *defs, located(kept, where)]

    def declarations(self, lowered: Statements) -> Statements:
        """Makes every local variable one of this function, also if only inner functions assign."""
        where = lowered[0]
        out: Statements = []
        for names, form in ((self.scope.globals, ast.Global), (self.scope.nonlocals, ast.Nonlocal)):
            if names:
                out.append(ast.copy_location(form(sorted(names)), where))
        generated = {name for name in usage(lowered).binds if name.startswith(GENERATED)}
        for name in sorted((self.scope.locals | generated) - self.scope.parameters):
            target = ast.Name(name, ast.Store())
            declared = ast.AnnAssign(target, ast.Constant(None), None, simple=1)
            out.append(located(declared, where))
        return out

    # Structured control flow ----------------------------------------------------------------------

    def rewrite_If(self, stmt: ast.If) -> Statements:
        test = self.expr(stmt.test)
        entry = copied(self.bound)
        then_name, then_def = self.inner("then", stmt, stmt.body)
        after_then, self.bound = self.bound, entry
        else_name, else_def = self.inner("else", stmt, stmt.orelse)
        self.bound = met(after_then, self.bound)
        state, arguments = self.state(stmt)
        op = "if_return" if isinstance(stmt, ReturnIf) else "if_stmt"
        arms = [self.name(then_name, stmt), self.name(else_name, stmt)]
        call = self.op(head_of(stmt), op, test, *arms, *arguments)
        defs = [then_def, else_def, *state]
        if isinstance(stmt, ReturnIf):
            self.bound = None
            return [*defs, ast.copy_location(ast.Return(call), stmt)]
        return [*defs, ast.copy_location(ast.Expr(call), stmt)]

    rewrite_ReturnIf = rewrite_If

    def rewrite_StopWhile(self, stmt: StopWhile) -> Statements:
        self.forget(stmt)
        test = self.expr(stmt.test)
        entry = copied(self.bound)
        returned = ast.copy_location(ast.Return(test), stmt.test)
        test_name = self.unit.unique("test")
        test_def = self.define(test_name, stmt, [returned], usage(stmt.test).binds)
        body_name, body_def = self.inner("body", stmt, stmt.body)
        self.bound = entry
        state, arguments = self.state(stmt)
        operands = [self.name(test_name, stmt), self.name(body_name, stmt), *arguments]
        call = self.op(head_of(stmt), "while_stmt", *operands, **self.stop(stmt))
        return [test_def, body_def, *state, ast.copy_location(ast.Expr(call), stmt)]

    def rewrite_StopFor(self, stmt: StopFor) -> Statements:
        iterable = self.expr(stmt.iter)
        if stmt.stop and not isinstance(stmt.iter, ast.Call | ast.GeneratorExp):
            iterable = self.op(stmt.iter, "kept", iterable)
        self.forget(stmt)
        entry = copied(self.bound)
        item = f"{GENERATED}item"
        stored = self.store(stmt.target, self.name(item, stmt.target))
        body = stored + self.block(stmt.body)
        body_name = self.unit.unique("body")
        binds = usage([stmt.target, *stmt.body]).binds
        body_def = self.define(body_name, stmt, body, binds, item)
        self.bound = entry
        state, arguments = self.state(stmt)
        operands = [iterable, self.name(body_name, stmt), *arguments]
        call = self.op(head_of(stmt), "for_stmt", *operands, **self.stop(stmt))
        return [body_def, *state, ast.copy_location(ast.Expr(call), stmt)]

    def stop(self, stmt: StopWhile | StopFor) -> dict[str, ast.expr]:
        if not stmt.stop:
            return {}
        test = self.thunk(self.expr(ast.copy_location(NoneSet(stmt.stop), stmt)))
        return {"extra_test_fn": test}

    def forget(self, stmt: ast.stmt) -> None:
        """Variables that the statement may delete are not surely bound inside or after it."""
        if self.bound is not None:
            self.bound -= usage(stmt).deletes

    # Plain compound statements --------------------------------------------------------------------

    def rewrite_With(self, stmt: ast.With) -> Statements:
        items: list[ast.withitem] = []
        for index, item in enumerate(stmt.items):
            expr = self.op(item.context_expr, "entered", self.expr(item.context_expr))
            target = item.optional_vars
            if target is None or isinstance(target, ast.Name):
                items.append(ast.withitem(expr, target))
                self.bind(usage([target] if target else []).binds)
                continue
            held = self.unit.unique("entered")
            stored = self.store(target, self.name(held, target))
            store = ast.copy_location(ast.Name(held, ast.Store()), target)
            items.append(ast.withitem(expr, store))
            inner: Statements
            if index + 1 < len(stmt.items):
                rest = ast.copy_location(ast.With(stmt.items[index + 1 :], stmt.body), stmt)
                inner = self.rewrite_With(rest)
            else:
                inner = self.with_body(stmt)
            return [ast.copy_location(ast.With(items, stored + inner), stmt)]
        return [ast.copy_location(ast.With(items, self.with_body(stmt)), stmt)]

    def with_body(self, stmt: ast.With) -> Statements:
        entry = copied(self.bound)
        body = self.block(stmt.body)
        # The context manager may swallow an exception raised at any point of the body.
        self.bound = entry
        if self.bound is not None:
            self.bound -= usage(stmt.body).deletes
        return body

    def rewrite_Try(self, stmt: ast.Try) -> Statements:
        entry = copied(self.bound)
        body, body_def = self.inner("try", stmt, stmt.body)
        orelse, orelse_def = self.inner("orelse", stmt, stmt.orelse)
        after = self.bound
        # An exception may leave the body at any point.
        cut = None if entry is None else entry - usage(stmt).deletes
        handlers: list[ast.expr] = []
        defs = [body_def, orelse_def]
        for handler in stmt.handlers:
            self.bound = copied(cut)
            listed, handler_def = self.handler(handler)
            handlers.append(listed)
            defs.append(handler_def)
            after = met(after, self.bound)
        self.bound = copied(cut)
        final, final_def = self.inner("final", stmt, stmt.finalbody)
        if self.bound is None or after is None:
            self.bound = None
        else:
            self.bound = (after - usage(stmt.finalbody).deletes) | (self.bound - (cut or set()))
        state, arguments = self.state(stmt)
        head = head_of(stmt)
        blocks: list[ast.expr] = [
            self.name(body, head),
            ast.copy_location(ast.Tuple(handlers, ast.Load()), head),
            self.name(orelse, head) if stmt.orelse else ast.copy_location(_NONE(), head),
            self.name(final, head) if stmt.finalbody else ast.copy_location(_NONE(), head),
        ]
        call = self.op(head, "try_stmt", *blocks, *arguments)
        return [*defs, final_def, *state, ast.copy_location(ast.Expr(call), stmt)]

    def handler(self, handler: ast.ExceptHandler) -> tuple[ast.expr, ast.stmt]:
        """What the operator is given of an `except`, and the function in it."""
        head = ast.copy_location(ast.Pass(), handler)
        kind: ast.expr = ast.copy_location(_NONE(), head)
        if handler.type is not None:
            kind = self.thunk(self.expr(handler.type))
        keeps = handler.name is not None or _raises_again(handler.body)
        error = f"{GENERATED}error"
        body: Statements = []
        if handler.name:
            self.bind({handler.name})
            body.append(assigned(handler.name, ast.Name(error, ast.Load())))
        body += self.block(handler.body)
        if handler.name:
            body.append(assigned(handler.name, ast.Constant(None)))
            body.append(ast.Delete([ast.Name(handler.name, ast.Del())]))
            if self.bound is not None:
                self.bound.discard(handler.name)
        for part in body:
            if not hasattr(part, "lineno"):
                located(part, head)
        name = self.unit.unique("except")
        binds = usage(handler).binds
        made = self.define(name, head, body, binds, error)
        flag = ast.copy_location(ast.Constant(keeps), head)
        listed = ast.Tuple([kind, self.name(name, head), flag], ast.Load())
        return ast.copy_location(listed, head), made

    def rewrite_TryStar(self, stmt: ast.TryStar) -> Statements:
        entry = copied(self.bound)
        body = self.block(stmt.body)
        orelse = self.block(stmt.orelse)
        after = self.bound
        cut = None if entry is None else entry - usage(stmt).deletes
        handlers = []
        for handler in stmt.handlers:
            self.bound = copied(cut)
            kind = None if handler.type is None else self.expr(handler.type)
            self.bind({handler.name} if handler.name else set())
            made = ast.ExceptHandler(kind, handler.name, self.block(handler.body))
            handlers.append(ast.copy_location(made, handler))
            if handler.name and self.bound is not None:
                self.bound.discard(handler.name)
            after = met(after, self.bound)
        self.bound = copied(cut)
        final = self.block(stmt.finalbody)
        self.bound = None if self.bound is None or after is None else after & self.bound
        return [ast.copy_location(ast.TryStar(body, handlers, orelse, final), stmt)]

    def rewrite_Return(self, stmt: ast.Return) -> Statements:
        if isinstance(stmt.value, ast.Name) and stmt.value.id == VALUE:
            stmt.value = self.op(stmt, "value_of_return", self.thunk(stmt.value))
        elif stmt.value is not None:
            stmt.value = self.expr(stmt.value)
        self.bound = None
        return [stmt]

    def rewrite_Raise(self, stmt: ast.Raise) -> Statements:
        self.generic_visit(stmt)
        if stmt.exc is not None and not _is_named_exception(stmt.exc):
            stmt.exc = self.op(stmt.exc, "raised", stmt.exc)
        self.bound = None
        return [stmt]

    # Declarations and nested definitions ----------------------------------------------------------

    def rewrite_Global(self, stmt: ast.stmt) -> Statements:
        return []  # declared at the top of the function

    rewrite_Nonlocal = rewrite_Global

    def rewrite_Import(self, stmt: ast.Import) -> Statements:
        self.bind(usage(stmt).binds)
        out: Statements = [stmt]
        for alias in stmt.names:
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            out += self.told_of(stmt, alias.asname or module, module, "", 0)
        return out

    def rewrite_ImportFrom(self, stmt: ast.ImportFrom) -> Statements:
        self.bind(usage(stmt).binds)
        out: Statements = [stmt]
        for alias in stmt.names:
            name = alias.asname or alias.name
            out += self.told_of(stmt, name, stmt.module or "", alias.name, stmt.level)
        return out

    def told_of(
        self, stmt: ast.stmt, name: str, module: str, attribute: str, level: int
    ) -> Statements:
        """Has a variable that an import has bound read as what is found outside."""
        if name not in self.scope.locals:
            return []
        said = [ast.copy_location(ast.Constant(x), stmt) for x in (module, attribute, level)]
        operands = [self.name(name, stmt), *said, self.name(ENV, stmt)]
        return [located(assigned(name, self.op(stmt, "imported", *operands)), stmt)]

    def rewrite_FunctionDef(self, stmt: ast.FunctionDef) -> Statements:
        stmt.decorator_list = [self.expr(decorator) for decorator in stmt.decorator_list]
        self.defaults(stmt.args)
        if not is_coroutine_like(stmt.body):
            self.nested(stmt)
            self.bind({stmt.name})
            return [stmt]
        out: Statements = []
        inside_out: ast.expr = ast.copy_location(ast.Constant(None), stmt)
        why = ""
        try:
            out = [self.turned(stmt)]
            inside_out = self.name(out[0].name, stmt)  # type: ignore[attr-defined]
        except SourceUnavailable as reason:
            why = str(reason)
        told = [ast.copy_location(ast.Constant(x), stmt) for x in (cleans_up(stmt.body), why)]
        stmt.decorator_list.append(self.op(head_of(stmt), "generator", inside_out, *told))
        self.bind({stmt.name})
        return [*out, stmt]

    def turned(self, stmt: ast.FunctionDef) -> ast.FunctionDef:
        """A generator function inside out and converted. Raises SourceUnavailable where it cannot
        be."""
        name = self.unit.unique("generator")
        made = ast.FunctionDef(name, copy_of(stmt.args), [], [], None, None)
        made.body = lower_yields([copy_of(s) for s in stmt.body], self.unit.unique)
        bare(made)
        self.nested(made)
        with_put(made.args)
        return located(made, stmt)

    def inside_out(self, tree: ast.GeneratorExp) -> ast.expr | None:
        asynchronous = any(part.is_async for part in tree.generators)
        if self.generators is None or self.shadowed or asynchronous or has_walrus([tree]):
            return None
        function = function_of(tree, self.unit.unique("generator"), f"{GENERATED}source")
        try:
            made = self.turned(function)
        except SourceUnavailable:
            return None
        self.generators.append(made)
        return self.name(made.name, tree)

    def rewrite_AsyncFunctionDef(self, stmt: ast.AsyncFunctionDef) -> Statements:
        stmt.decorator_list = [self.expr(decorator) for decorator in stmt.decorator_list]
        self.defaults(stmt.args)
        self.bind({stmt.name})
        return [stmt]

    def visit_Lambda(self, tree: ast.Lambda) -> ast.expr:
        self.defaults(tree.args)
        if not is_coroutine_like([tree.body]):
            inner = self.rewriter(tree.args, [tree.body], self.class_name)
            tree.body = inner.expr(tree.body)
        return tree

    def defaults(self, args: ast.arguments) -> None:
        args.defaults = [self.expr(default) for default in args.defaults]
        args.kw_defaults = [None if d is None else self.expr(d) for d in args.kw_defaults]

    def nested(self, stmt: ast.FunctionDef, class_name: str | None = None) -> None:
        inner = self.rewriter(stmt.args, stmt.body, class_name or self.class_name)
        stmt.body = inner.function_body(stmt.body)

    def rewriter(
        self, args: ast.arguments, body: list[ast.expr] | Statements, class_name: str | None
    ) -> StatementRewriter:
        seen = self.enclosing | self.scope.locals | self.shadowed
        made = make_rewriter(self.unit, args, body, frozenset(seen), class_name)
        made.holders = {
            name: held for name, held in self.holders.items() if name not in made.scope.locals
        }
        return made

    def rewrite_ClassDef(self, stmt: ast.ClassDef) -> Statements:
        stmt.decorator_list = [self.expr(decorator) for decorator in stmt.decorator_list]
        stmt.bases = [self.expr(base) for base in stmt.bases]
        for keyword in stmt.keywords:
            keyword.value = self.expr(keyword.value)
        self.class_body(stmt)
        self.bind({stmt.name})
        return [stmt]

    def class_body(self, stmt: ast.ClassDef) -> None:
        """Converts the methods; the body itself has its own namespace and stays plain."""
        for part in stmt.body:
            if isinstance(part, ast.FunctionDef) and not is_coroutine_like(part.body):
                self.nested(part, stmt.name)
            elif isinstance(part, ast.ClassDef):
                self.class_body(part)


def make_rewriter(
    unit: Unit,
    args: ast.arguments,
    body: list[ast.expr] | Statements,
    enclosing: frozenset[str],
    class_name: str | None,
) -> StatementRewriter:
    """The rewriter of a function; `enclosing` are the variables of converted functions around."""
    positional = [*args.posonlyargs, *args.args]
    first = positional[0].arg if positional else None
    scope: NameScope = function_scope(args, body)
    return StatementRewriter(unit, scope, enclosing, class_name, first)


def bare(tree: ast.FunctionDef | ast.Lambda) -> None:
    """Drops all that is evaluated when a function is defined."""
    args = tree.args
    args.defaults = []
    args.kw_defaults = [None] * len(args.kwonlyargs)
    for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
        if arg is not None:
            arg.annotation = None
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
        tree.returns = None


_NONE = functools.partial(ast.Constant, None)


def _raises_again(body: Statements) -> bool:
    """Whether a handler has a `raise` without an exception."""
    parts = [part for stmt in body for part in ast.walk(stmt)]
    return any(isinstance(part, ast.Raise) and part.exc is None for part in parts)


def _is_named_exception(error: ast.expr) -> bool:
    """Whether what is raised reads as one of Python's exceptions that are no ways out."""
    named = error.func if isinstance(error, ast.Call) else error
    found = getattr(builtins, named.id, None) if isinstance(named, ast.Name) else None
    return isinstance(found, type) and issubclass(found, Exception)
