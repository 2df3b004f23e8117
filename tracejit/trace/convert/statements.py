"""Rewrites the statements of a function body (without jumps) into calls of the operators."""

# Methods are named after the classes of `ast` that they visit.
# ruff: noqa: N802, N815

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.expressions import ExpressionRewriter, Unit, mangle
from tracejit.trace.convert.jumps import (
    VALUE,
    ReturnIf,
    Statements,
    StopFor,
    StopWhile,
    lower_jumps,
)
from tracejit.trace.convert.liveness import find_liveness
from tracejit.trace.convert.operators import VarInfo, VarKind
from tracejit.trace.convert.scope import (
    GENERATED,
    NoneSet,
    Scope,
    function_scope,
    is_coroutine_like,
    usage,
)

_AUGMENTED: dict[type[ast.operator], str] = {
    ast.Add: "+=",
    ast.Sub: "-=",
    ast.Mult: "*=",
    ast.MatMult: "@=",
    ast.Div: "/=",
    ast.FloorDiv: "//=",
    ast.Mod: "%=",
    ast.Pow: "**=",
    ast.LShift: "<<=",
    ast.RShift: ">>=",
    ast.BitAnd: "&=",
    ast.BitOr: "|=",
    ast.BitXor: "^=",
}
Structured = ast.If | StopWhile | StopFor


class StatementRewriter(ExpressionRewriter):
    """Rewrites one function. Every statement becomes a list of statements."""

    def function_body(self, body: Statements) -> Statements:
        """The converted body of a `def`."""
        has_docstring = ast.get_docstring(ast.Module(body, []), clean=False) is not None
        lowered = lower_jumps(body)
        self.live = find_liveness(lowered, self.scope)
        declared = self.declarations(lowered)
        return [*body[:has_docstring], *declared, *self.block(lowered)]

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
            out.append(ast.fix_missing_locations(ast.copy_location(declared, where)))
        return out

    def block(self, stmts: Statements) -> Statements:
        out: Statements = []
        for stmt in stmts:
            out.extend(self.stmt(stmt))
        return out

    def stmt(self, stmt: ast.stmt) -> Statements:
        name = type(stmt).__name__
        rewrite: Callable[[ast.stmt], Statements] | None = getattr(self, f"rewrite_{name}", None)
        if rewrite is not None:
            return rewrite(stmt)
        self.generic_visit(stmt)
        self.bind(usage(stmt).binds)
        return [stmt]

    def bind(self, names: set[str]) -> None:
        if self.bound is not None:
            self.bound |= names

    # Structured control flow ----------------------------------------------------------------------

    def rewrite_If(self, stmt: ast.If) -> Statements:
        test = self.expr(stmt.test)
        entry = _copy(self.bound)
        then_name, then_def = self.inner("then", stmt, stmt.body)
        after_then, self.bound = self.bound, entry
        else_name, else_def = self.inner("else", stmt, stmt.orelse)
        self.bound = _join(after_then, self.bound)
        state, arguments = self.state(stmt)
        op = "if_return" if isinstance(stmt, ReturnIf) else "if_stmt"
        arms = [self.name(then_name, stmt), self.name(else_name, stmt)]
        call = self.op(_head(stmt), op, test, *arms, *arguments)
        defs = [then_def, else_def, *state]
        if isinstance(stmt, ReturnIf):
            self.bound = None
            return [*defs, ast.copy_location(ast.Return(call), stmt)]
        return [*defs, ast.copy_location(ast.Expr(call), stmt)]

    rewrite_ReturnIf = rewrite_If

    def rewrite_StopWhile(self, stmt: StopWhile) -> Statements:
        self.forget(stmt)
        test = self.expr(stmt.test)
        entry = _copy(self.bound)
        returned = ast.copy_location(ast.Return(test), stmt.test)
        test_name = self.unit.unique("test")
        test_def = self.define(test_name, stmt, [returned], usage(stmt.test).binds)
        body_name, body_def = self.inner("body", stmt, stmt.body)
        self.bound = entry
        state, arguments = self.state(stmt)
        operands = [self.name(test_name, stmt), self.name(body_name, stmt), *arguments]
        call = self.op(_head(stmt), "while_stmt", *operands, **self.stop(stmt))
        return [test_def, body_def, *state, ast.copy_location(ast.Expr(call), stmt)]

    def rewrite_StopFor(self, stmt: StopFor) -> Statements:
        iterable = self.expr(stmt.iter)
        self.forget(stmt)
        entry = _copy(self.bound)
        item = f"{GENERATED}item"
        assigned = self.store(stmt.target, self.name(item, stmt.target))
        body = assigned + self.block(stmt.body)
        body_name = self.unit.unique("body")
        binds = usage([stmt.target, *stmt.body]).binds
        body_def = self.define(body_name, stmt, body, binds, item)
        self.bound = entry
        state, arguments = self.state(stmt)
        operands = [iterable, self.name(body_name, stmt), *arguments]
        call = self.op(_head(stmt), "for_stmt", *operands, **self.stop(stmt))
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

    def inner(self, stem: str, stmt: ast.stmt, body: Statements) -> tuple[str, ast.stmt]:
        name = self.unit.unique(stem)
        binds = usage(body).binds
        return name, self.define(name, stmt, self.block(body), binds)

    def define(
        self, name: str, where: ast.stmt, body: Statements, binds: set[str], *params: str
    ) -> ast.stmt:
        """A function inside this one that assigns this one's variables."""
        declared: Statements = []
        outer = sorted(binds & self.scope.globals)
        own = sorted(name for name in binds - self.scope.globals if self.is_variable(name))
        if outer:
            declared.append(ast.Global(outer))
        if own:
            declared.append(ast.Nonlocal(own))
        for stmt in declared:
            ast.copy_location(stmt, where)
        args = ast.arguments([], [ast.arg(p) for p in params], None, [], [], None, [])
        found = ast.FunctionDef(name, args, [*declared, *(body or [ast.Pass()])], [], None, None)
        return ast.fix_missing_locations(ast.copy_location(found, _head(where)))

    def is_variable(self, name: str) -> bool:
        if name.startswith(GENERATED):
            return True
        return name in self.scope.locals or name in self.scope.nonlocals

    def state(self, stmt: Structured) -> tuple[Statements, list[ast.expr]]:
        """Definitions of `get_state` and `set_state`, and the operator's last four arguments."""
        live = self.live[stmt]
        binds = usage(_inside(stmt)).binds
        written = {name for name in binds if self.is_variable(name)}
        written |= (binds & self.scope.globals) | self.scope.rebound
        infos = tuple(
            VarInfo(name, name in live.read_first, name in live.after, self.kind(name))
            for name in sorted(written)
        )
        self.unit.names.append(infos)
        index = len(self.unit.names) - 1
        get, set_ = self.unit.unique("get"), self.unit.unique("set")
        values = f"{GENERATED}values"
        reads = [self.op(stmt, "peek", self.thunk(self.name(i.name, stmt))) for i in infos]
        got = ast.Return(ast.Tuple(list(reads), ast.Load()))
        assigned: Statements = []
        if infos:
            targets: list[ast.expr] = [ast.Name(info.name, ast.Store()) for info in infos]
            target = ast.Tuple(targets, ast.Store())
            assigned.append(ast.Assign([target], ast.Name(values, ast.Load())))
            assigned += [_unbind_if_undefined(info.name) for info in infos]
        for part in (got, *assigned):
            ast.fix_missing_locations(ast.copy_location(part, _head(stmt)))
        defs = [
            self.define(get, stmt, [got], set()),
            self.define(set_, stmt, assigned, written, values),
        ]
        where = _head(stmt)
        arguments = [self.name(get, where), self.name(set_, where)]
        return defs, [*arguments, self.table("names", index, where), self.site(stmt)]

    def kind(self, name: str) -> VarKind:
        if name.startswith(GENERATED):
            return "return_value" if name == VALUE else "flag"
        if name in self.scope.globals:
            return "global"
        return "nonlocal" if name in self.scope.nonlocals else "local"

    # Plain compound statements --------------------------------------------------------------------

    def rewrite_With(self, stmt: ast.With) -> Statements:
        items: list[ast.withitem] = []
        for index, item in enumerate(stmt.items):
            expr = self.expr(item.context_expr)
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
        entry = _copy(self.bound)
        body = self.block(stmt.body)
        # The context manager may swallow an exception raised at any point of the body.
        self.bound = entry
        if self.bound is not None:
            self.bound -= usage(stmt.body).deletes
        return body

    def rewrite_Try(self, stmt: ast.Try | ast.TryStar) -> Statements:
        entry = _copy(self.bound)
        body = self.block(stmt.body)
        orelse = self.block(stmt.orelse)
        after = self.bound
        # An exception may leave the body at any point.
        cut = None if entry is None else entry - usage(stmt).deletes
        handlers = []
        for handler in stmt.handlers:
            self.bound = _copy(cut)
            handlers.append(self.handler(handler))
            after = _join(after, self.bound)
        self.bound = _copy(cut)
        final = self.block(stmt.finalbody)
        if self.bound is None or after is None:
            self.bound = None
        else:
            self.bound = (after - usage(stmt.finalbody).deletes) | (self.bound - (cut or set()))
        return [ast.copy_location(type(stmt)(body, handlers, orelse, final), stmt)]

    def handler(self, handler: ast.ExceptHandler) -> ast.ExceptHandler:
        kind = None if handler.type is None else self.expr(handler.type)
        if handler.name:
            self.bind({handler.name})
        body = self.block(handler.body)
        if handler.name and self.bound is not None:
            self.bound.discard(handler.name)
        return ast.copy_location(ast.ExceptHandler(kind, handler.name, body), handler)

    rewrite_TryStar = rewrite_Try

    def rewrite_Match(self, stmt: ast.Match) -> Statements:
        subject = self.expr(stmt.subject)
        entry = _copy(self.bound)
        after = _copy(entry)
        cases = []
        for case in stmt.cases:
            self.bound = _copy(entry)
            self.bind(usage(case.pattern).binds)
            guard = None if case.guard is None else self.expr(case.guard)
            cases.append(ast.match_case(case.pattern, guard, self.block(case.body)))
            after = _join(after, self.bound)
        self.bound = after
        return [ast.copy_location(ast.Match(subject, cases), stmt)]

    def rewrite_Return(self, stmt: ast.Return) -> Statements:
        if stmt.value is not None:
            stmt.value = self.expr(stmt.value)
        self.bound = None
        return [stmt]

    def rewrite_Raise(self, stmt: ast.Raise) -> Statements:
        self.generic_visit(stmt)
        self.bound = None
        return [stmt]

    # Assignment -----------------------------------------------------------------------------------

    def rewrite_Assign(self, stmt: ast.Assign) -> Statements:
        is_swap = _is_literal_unpack(stmt)
        value = self.expr(stmt.value)
        if len(stmt.targets) == 1 and not is_swap:
            return self.store(stmt.targets[0], value, stmt)
        if is_swap or all(isinstance(target, ast.Name) for target in stmt.targets):
            names = usage(stmt.targets).binds
            if not any(self.is_outer(name) for name in names):
                self.bind(names)
                return [ast.copy_location(ast.Assign(stmt.targets, value), stmt)]
        held = self.unit.unique("value")
        out = [self.assign(held, value, stmt)]
        for target in stmt.targets:
            out += self.store(target, self.name(held, target), stmt)
        return [*out, self.release(held, stmt)]

    def assign(self, name: str, value: ast.expr, where: ast.AST) -> ast.stmt:
        target = ast.copy_location(ast.Name(name, ast.Store()), where)
        return ast.copy_location(ast.Assign([target], value), where)

    def release(self, name: str, where: ast.AST) -> ast.stmt:
        target = ast.copy_location(ast.Name(name, ast.Del()), where)
        return ast.copy_location(ast.Delete([target]), where)

    def store(self, target: ast.expr, value: ast.expr, where: ast.AST | None = None) -> Statements:
        """Statements that assign `value`, evaluated first, to any target."""
        where = where or target
        match target:
            case ast.Name(id=name):
                if self.is_outer(name):
                    value = self.stored_outer(name, value)
                self.bind({name})
                return [ast.copy_location(ast.Assign([target], value), where)]
            case ast.Attribute(value=obj, attr=attr):
                text = ast.copy_location(ast.Constant(mangle(attr, self.class_name)), target)
                call = self.op(where, "setattr", value=value, obj=self.expr(obj), name=text)
            case ast.Subscript(value=obj, slice=key):
                parts = {"value": value, "obj": self.expr(obj), "key": self.key(key)}
                call = self.op(where, "setitem", **parts)
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                return self.unpack(elts, value, where)
            case _:
                raise AssertionError(f"no such target: {ast.dump(target)}")
        return [ast.copy_location(ast.Expr(call), where)]

    def unpack(self, elts: list[ast.expr], value: ast.expr, where: ast.AST) -> Statements:
        star = next((i for i, e in enumerate(elts) if isinstance(e, ast.Starred)), None)
        count = ast.copy_location(ast.Constant(len(elts)), where)
        index = ast.copy_location(ast.Constant(star), where)
        values = self.op(where, "unpack", value, count, index)
        targets: list[ast.expr] = []
        later: list[tuple[ast.expr, str]] = []
        for elt in elts:
            inner = elt.value if isinstance(elt, ast.Starred) else elt
            if isinstance(inner, ast.Name) and not self.is_outer(inner.id) and not later:
                targets.append(inner)
                self.bind({inner.id})
            else:
                held = self.unit.unique("part")
                targets.append(ast.copy_location(ast.Name(held, ast.Store()), inner))
                later.append((inner, held))
        target = ast.copy_location(ast.Tuple(targets, ast.Store()), where)
        out: Statements = [ast.copy_location(ast.Assign([target], values), where)]
        for inner, held in later:
            out += [*self.store(inner, self.name(held, inner), where), self.release(held, where)]
        return out

    def rewrite_AugAssign(self, stmt: ast.AugAssign) -> Statements:
        symbol = ast.copy_location(ast.Constant(_AUGMENTED[type(stmt.op)]), stmt)
        target = stmt.target
        if isinstance(target, ast.Name):
            loaded = self.expr(self.name(target.id, target))
            value = self.op(stmt, "augassign", symbol, loaded, self.expr(stmt.value))
            return self.store(target, value, stmt)
        obj = self.unit.unique("object")
        out = [self.assign(obj, self.expr(target.value), stmt)]
        held: ast.expr = self.name(obj, target)
        if isinstance(target, ast.Attribute):
            attr = ast.copy_location(ast.Constant(mangle(target.attr, self.class_name)), target)
            loaded = self.op(target, "getattr", held, attr)
            value = self.op(stmt, "augassign", symbol, loaded, self.expr(stmt.value))
            call = self.op(stmt, "setattr", held, attr, value)
            return [*out, ast.copy_location(ast.Expr(call), stmt), self.release(obj, stmt)]
        key = self.unit.unique("key")
        out.append(self.assign(key, self.key(target.slice), stmt))
        loaded = self.op(target, "getitem", held, self.name(key, target))
        value = self.op(stmt, "augassign", symbol, loaded, self.expr(stmt.value))
        call = self.op(stmt, "setitem", held, self.name(key, target), value)
        out.append(ast.copy_location(ast.Expr(call), stmt))
        return [*out, self.release(obj, stmt), self.release(key, stmt)]

    def rewrite_AnnAssign(self, stmt: ast.AnnAssign) -> Statements:
        # Annotations of a function's variables are never evaluated.
        if stmt.value is None:
            return []
        return self.store(stmt.target, self.expr(stmt.value), stmt)

    def rewrite_Delete(self, stmt: ast.Delete) -> Statements:
        out: Statements = []
        for target in stmt.targets:
            out += self.delete(target, stmt)
        return out

    def delete(self, target: ast.expr, stmt: ast.stmt) -> Statements:
        match target:
            case ast.Name(id=name):
                out: Statements = []
                read = self.expr(self.name(name, target))
                if name in self.scope.locals and not isinstance(read, ast.Name):
                    out.append(ast.copy_location(ast.Expr(read), stmt))
                if self.bound is not None:
                    self.bound.discard(name)
                return [*out, ast.copy_location(ast.Delete([target]), stmt)]
            case ast.Attribute(value=obj, attr=attr):
                text = ast.copy_location(ast.Constant(mangle(attr, self.class_name)), target)
                call = self.op(stmt, "delattr", self.expr(obj), text)
            case ast.Subscript(value=obj, slice=key):
                call = self.op(stmt, "delitem", self.expr(obj), self.key(key))
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                return [part for elt in elts for part in self.delete(elt, stmt)]
            case _:
                raise AssertionError(f"no such target: {ast.dump(target)}")
        return [ast.copy_location(ast.Expr(call), stmt)]

    # Declarations and nested definitions ----------------------------------------------------------

    def rewrite_Global(self, stmt: ast.stmt) -> Statements:
        return []  # declared at the top of the function

    rewrite_Nonlocal = rewrite_Global

    def rewrite_FunctionDef(self, stmt: ast.FunctionDef) -> Statements:
        stmt.decorator_list = [self.expr(decorator) for decorator in stmt.decorator_list]
        self.defaults(stmt.args)
        if not is_coroutine_like(stmt.body):
            self.nested(stmt)
        self.bind({stmt.name})
        return [stmt]

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
        return make_rewriter(self.unit, args, body, frozenset(seen), class_name)

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
    scope: Scope = function_scope(args, body)
    return StatementRewriter(unit, scope, enclosing, class_name, first)


def _copy(bound: set[str] | None) -> set[str] | None:
    return None if bound is None else set(bound)


def _join(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    if one is None:
        return _copy(other)
    return set(one) if other is None else one & other


def _head(stmt: ast.stmt) -> ast.stmt:
    """A statement's first line, as the position of what is generated for it."""
    head = ast.copy_location(ast.Pass(), stmt)
    head.end_lineno, head.end_col_offset = stmt.lineno, stmt.col_offset
    return head


def _unbind_if_undefined(name: str) -> ast.stmt:
    return ast.parse(f"if {name} is __tj__.UNDEFINED: del {name}").body[0]


def _inside(stmt: Structured) -> list[ast.AST]:
    """What the operator runs, as against the operand evaluated before it."""
    match stmt:
        case StopWhile():
            return [stmt.test, *stmt.body]
        case StopFor():
            return [stmt.target, *stmt.body]
    return [*stmt.body, *stmt.orelse]


def _is_literal_unpack(stmt: ast.Assign) -> bool:
    """`a, b = x, y` with plain names and no stars: Python's own unpacking cannot fail."""
    if len(stmt.targets) != 1:
        return False
    target, value = stmt.targets[0], stmt.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return False
    is_plain = not any(isinstance(item, ast.Starred) for item in value.elts)
    names = all(isinstance(item, ast.Name) for item in target.elts)
    return is_plain and names and len(target.elts) == len(value.elts)
