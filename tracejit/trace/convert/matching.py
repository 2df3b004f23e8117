"""``match`` becomes tests: one for each case, and an ``if`` that binds what the pattern captured.

So its cases may be decided at run time, and its patterns ask for the types that the program knows.
A pattern is a tuple, its kind first, as ``patterns`` reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tracejit.trace.convert.locations import located
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import PatternLeaf, PatternTest


def unfold_match(body: Statements, unique: Callable[[str], str]) -> Statements:
    """The statements of a function without ``match``; `unique` makes names."""
    if not any(isinstance(part, ast.Match) for stmt in body for part in ast.walk(stmt)):
        return body
    return _Unfolder(unique).visit(ast.Module(body, [])).body  # type: ignore[no-any-return]


class _Unfolder(OwnBody, ast.NodeTransformer):
    def __init__(self, unique: Callable[[str], str]) -> None:
        self.unique = unique

    def visit_Match(self, stmt: ast.Match) -> Statements:
        self.generic_visit(stmt)
        subject = self.unique("subject")
        begun = located(ast.Assign([ast.Name(subject, ast.Store())], stmt.subject), stmt)
        return [begun, *self.cases(stmt.cases, subject)]

    def cases(self, cases: list[ast.match_case], subject: str) -> Statements:
        if not cases:
            return []
        case, *others = cases
        where, test = case.pattern, self.unique("matched")
        names = sorted(_bound(case.pattern))
        held = [self.unique("part") for _ in names]
        found = PatternTest(ast.Name(subject, ast.Load()), _spec(case.pattern), tuple(names))
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in (test, *held)]
        asked = located(ast.Assign([ast.Tuple(targets, ast.Store())], found), where)
        binds = [
            located(ast.Assign([ast.Name(n, ast.Store())], ast.Name(h, ast.Load())), where)
            for n, h in zip(names, held, strict=True)
        ]
        if _takes_all(case.pattern) and case.guard is None:
            return [asked, *binds, *case.body]
        body = [*binds, *case.body]
        out: list[ast.stmt] = [asked]
        if case.guard is not None:
            truth = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), case.guard))
            guarded = located(ast.Assign([ast.Name(test, ast.Store())], truth), case.guard)
            out.append(located(ast.If(ast.Name(test, ast.Load()), [*binds, guarded], []), where))
            body = case.body
        rest = self.cases(others, subject)
        return [*out, located(ast.If(ast.Name(test, ast.Load()), body, rest), where)]


def _takes_all(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and (
        pattern.pattern is None or _takes_all(pattern.pattern)
    )


def _bound(pattern: ast.pattern) -> set[str]:
    found = set()
    for part in ast.walk(pattern):
        if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
            found.add(part.name)
        elif isinstance(part, ast.MatchMapping) and part.rest:
            found.add(part.rest)
    return found


def _spec(pattern: ast.pattern) -> ast.expr:
    """A pattern as an expression that makes its tuple; values and classes in it are thunks."""
    return ast.copy_location(_tuple(*_parts(pattern)), pattern)


def _parts(pattern: ast.pattern) -> list[ast.expr]:
    match pattern:
        case ast.MatchValue(value=value):
            return [ast.Constant("value"), PatternLeaf(value)]
        case ast.MatchSingleton(value=value):
            return [ast.Constant("same"), ast.Constant(value)]
        case ast.MatchOr(patterns=patterns):
            return [ast.Constant("or"), _tuple(*map(_spec, patterns))]
        case ast.MatchAs(pattern=inner, name=name):
            within = [ast.Constant(None) if inner is None else _spec(inner)]
            return [ast.Constant("as"), *within, ast.Constant(name)]
        case ast.MatchStar(name=name):
            return [ast.Constant("star"), ast.Constant(name)]
        case ast.MatchSequence(patterns=patterns):
            return [ast.Constant("sequence"), _tuple(*map(_spec, patterns))]
        case ast.MatchMapping(keys=keys, patterns=patterns, rest=rest):
            held = [_tuple(*map(PatternLeaf, keys)), _tuple(*map(_spec, patterns))]
            return [ast.Constant("mapping"), *held, ast.Constant(rest)]
        case ast.MatchClass(cls=cls, patterns=patterns, kwd_attrs=names, kwd_patterns=named):
            by_name = [_tuple(*map(ast.Constant, names)), _tuple(*map(_spec, named))]
            return [
                ast.Constant("class"), PatternLeaf(cls), _tuple(*map(_spec, patterns)), *by_name
            ]  # fmt: skip
    raise AssertionError(pattern)


def _tuple(*items: ast.expr) -> ast.expr:
    return ast.Tuple(list(items), ast.Load())
