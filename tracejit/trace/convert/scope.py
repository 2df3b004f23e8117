"""Which names a piece of syntax binds, reads, deletes and captures, by Python's scoping rules."""

# Methods are named after the classes of `ast` that they visit.

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import field

from tracejit.records import dataclass

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
GENERATED = "_tj_"


class NoneSet(ast.expr):
    """Generated expression: true when none of the boolean variables `names` is set."""

    _fields = ()

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names


class AssertFailure(ast.expr):
    """Generated expression: the `AssertionError` of an `assert` statement."""

    _fields = ("message",)

    def __init__(self, message: ast.expr | None) -> None:
        super().__init__()
        self.message = message


class Suppressed(ast.expr):
    """Generated expression: what a `contextlib.suppress` suppresses."""

    _fields = ("manager",)

    def __init__(self, manager: ast.expr) -> None:
        super().__init__()
        self.manager = manager


class PatternTest(ast.expr):
    """Generated expression: whether `subject` matches the pattern that `spec` makes, and what that
    captures under each of `names`."""

    _fields = ("subject", "spec")

    def __init__(self, subject: ast.expr, spec: ast.expr, names: tuple[str, ...]) -> None:
        super().__init__()
        self.subject = subject
        self.spec = spec
        self.names = names


class PatternLeaf(ast.expr):
    """Generated expression: a value or class in a pattern, evaluated when it is asked for."""

    _fields = ("value",)

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


class Put(ast.expr):
    """Generated expression: gives an item of a generator to who goes through it; whether that
    wants no more."""

    _fields = ("value",)

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


class Returned(ast.expr):
    """Generated expression: what a generator returned that was gone through."""

    _fields = ("source",)

    def __init__(self, source: ast.expr) -> None:
        super().__init__()
        self.source = source


#: Most of the nodes of a tree, and never a name among them.
_NAMELESS = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)


class Usage(ast.NodeVisitor):
    """Name usage of one scope: nested functions contribute only what they take from it."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.binds: set[str] = set()
        self.deletes: set[str] = set()
        self.captured: set[str] = set()
        self.rebound: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def generic_visit(self, tree: ast.AST) -> None:
        for name in tree._fields:
            found = getattr(tree, name, None)
            for part in found if type(found) is list else (found,):
                if isinstance(part, ast.AST) and not isinstance(part, _NAMELESS):
                    self.visit(part)

    def visit_Constant(self, tree: ast.Constant) -> None:
        pass

    def visit_Name(self, tree: ast.Name) -> None:
        if isinstance(tree.ctx, ast.Load):
            self.reads.add(tree.id)
        else:
            self.binds.add(tree.id)
            if isinstance(tree.ctx, ast.Del):
                self.deletes.add(tree.id)

    def visit_NoneSet(self, tree: NoneSet) -> None:
        self.reads.update(tree.names)

    def visit_Global(self, tree: ast.Global) -> None:
        self.globals.update(tree.names)

    def visit_Nonlocal(self, tree: ast.Nonlocal) -> None:
        self.nonlocals.update(tree.names)

    def visit_alias(self, tree: ast.alias) -> None:
        self.binds.add(tree.asname or tree.name.partition(".")[0])

    def visit_ExceptHandler(self, tree: ast.ExceptHandler) -> None:
        if tree.name:
            self.binds.add(tree.name)
            self.deletes.add(tree.name)
        self.generic_visit(tree)

    def visit_MatchAs(self, tree: ast.MatchAs) -> None:
        if tree.name:
            self.binds.add(tree.name)
        self.generic_visit(tree)

    def visit_MatchStar(self, tree: ast.MatchStar) -> None:
        if tree.name:
            self.binds.add(tree.name)

    def visit_MatchMapping(self, tree: ast.MatchMapping) -> None:
        if tree.rest:
            self.binds.add(tree.rest)
        self.generic_visit(tree)

    def visit_AugAssign(self, tree: ast.AugAssign) -> None:
        if isinstance(tree.target, ast.Name):
            self.reads.add(tree.target.id)
        self.generic_visit(tree)

    def visit_AnnAssign(self, tree: ast.AnnAssign) -> None:
        self.visit(tree.target)
        if tree.value is not None:
            self.visit(tree.value)

    def visit_FunctionDef(self, tree: ast.FunctionDef) -> None:
        self._function(tree)

    def visit_AsyncFunctionDef(self, tree: ast.AsyncFunctionDef) -> None:
        self._function(tree)

    def _function(self, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.binds.add(tree.name)
        self._immediate([*tree.decorator_list, *_defaults(tree.args), *_annotations(tree)])
        self._nested(function_usage(tree.args, tree.body))

    def visit_Lambda(self, tree: ast.Lambda) -> None:
        self._immediate(_defaults(tree.args))
        self._nested(function_usage(tree.args, [tree.body]))

    def visit_ClassDef(self, tree: ast.ClassDef) -> None:
        self.binds.add(tree.name)
        self._immediate([*tree.decorator_list, *tree.bases, *tree.keywords])
        inner = usage(tree.body)
        # A class body does not shadow names for the functions in it.
        self.captured |= (inner.reads | inner.captured | inner.nonlocals) - inner.globals
        self.rebound |= inner.nonlocals | inner.rebound

    def visit_ListComp(self, tree: ast.ListComp) -> None:
        self._comprehension(tree)

    def visit_SetComp(self, tree: ast.SetComp) -> None:
        self._comprehension(tree)

    def visit_DictComp(self, tree: ast.DictComp) -> None:
        self._comprehension(tree)

    def visit_GeneratorExp(self, tree: ast.GeneratorExp) -> None:
        self._comprehension(tree)

    def _comprehension(self, tree: Comprehension) -> None:
        self.visit(tree.generators[0].iter)
        inner = Usage()
        targets = comprehension_targets(tree)
        for index, generator in enumerate(tree.generators):
            inner._immediate([generator.target, *generator.ifs])
            if index:
                inner.visit(generator.iter)
        parts = [tree.key, tree.value] if isinstance(tree, ast.DictComp) else [tree.elt]
        inner._immediate(parts)
        late = self.captured if isinstance(tree, ast.GeneratorExp) else self.reads
        late |= inner.reads - targets
        self.captured |= inner.captured - targets
        self.binds |= inner.binds - targets  # what `:=` binds belongs to the enclosing function

    def _immediate(self, trees: Iterable[ast.AST]) -> None:
        for tree in trees:
            self.visit(tree)

    def _nested(self, inner: Usage) -> None:
        own = (inner.binds | inner.globals) - inner.nonlocals
        self.captured |= (inner.reads | inner.captured | inner.nonlocals) - own
        self.rebound |= inner.nonlocals | (inner.rebound - own)


def usage(trees: ast.AST | Iterable[ast.AST]) -> Usage:
    """The usage of one expression or statement, or of several."""
    found = Usage()
    found._immediate([trees] if isinstance(trees, ast.AST) else trees)
    return found


def function_usage(args: ast.arguments, body: Sequence[ast.AST]) -> Usage:
    found = usage(body)
    found.binds.update(parameters(args))
    return found


def parameters(args: ast.arguments) -> list[str]:
    """Names of all parameters, in the order of the signature."""
    listed = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    listed += [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [arg.arg for arg in listed]


def _annotations(tree: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    args = tree.args
    listed = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    found = [arg.annotation for arg in listed if arg is not None and arg.annotation is not None]
    return [*found, tree.returns] if tree.returns is not None else found


def _defaults(args: ast.arguments) -> list[ast.expr]:
    return [*args.defaults, *(default for default in args.kw_defaults if default is not None)]


def comprehension_targets(tree: Comprehension) -> set[str]:
    return usage([generator.target for generator in tree.generators]).binds


def has_walrus(trees: Iterable[ast.AST]) -> bool:
    return any(isinstance(part, ast.NamedExpr) for tree in trees for part in ast.walk(tree))


def is_coroutine_like(body: Iterable[ast.AST]) -> bool:
    """Whether a function with this body is a generator or suspends otherwise."""
    pending = list(body)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom | ast.Await):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(part))
    return False


@dataclass(frozen=True)
class NameScope:
    """The names of one function. `locals` are its own; the others are declared elsewhere."""

    parameters: frozenset[str]
    locals: frozenset[str]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    rebound: frozenset[str]
    always_live: frozenset[str] = field(default=frozenset())


def function_scope(args: ast.arguments, body: Sequence[ast.AST]) -> NameScope:
    found = function_usage(args, body)
    own = frozenset(found.binds - found.globals - found.nonlocals)
    return NameScope(
        parameters=frozenset(parameters(args)),
        locals=own,
        globals=frozenset(found.globals),
        nonlocals=frozenset(found.nonlocals),
        rebound=own & frozenset(found.rebound),
        always_live=(own & frozenset(found.captured)) | found.globals | found.nonlocals,
    )
