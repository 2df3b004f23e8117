"""Rewrites statements that bind, rebind or delete: assignments of every form, and `del`."""

# Methods are named after the classes of `ast` that they visit.
# ruff: noqa: N802

from __future__ import annotations

import ast

from tracejit.trace.convert.expressions import ExpressionRewriter
from tracejit.trace.convert.jumps import Statements
from tracejit.trace.convert.operator_calls import mangle
from tracejit.trace.convert.scope import usage

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


class AssignmentRewriter(ExpressionRewriter):
    """Expressions and assignments; every statement becomes a list of statements."""

    def bind(self, names: set[str]) -> None:
        if self.bound is not None:
            self.bound |= names

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
        loaded = self.op(target, "item_to_change", held, self.name(key, target))
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
