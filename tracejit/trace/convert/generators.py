"""Generators that are the argument of a builtin, and what can be said of one from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tracejit.trace.convert.scope import comprehension_targets, has_walrus

#: Builtins that go over a generator at once.
FOLDING = frozenset({"sum", "min", "max", "any", "all", "list", "tuple", "sorted"})
#: All that takes the items of a generator one by one.
TAKING = FOLDING | {"dict", "Counter"}
# Methods, and functions of modules, of which one is asked for by such a name.
TAKING_METHODS = frozenset({"join", "prod", "fsum"})
# What takes a number as a number: a name of an attribute or a key of a dict it does not become.
_NUMERIC = FOLDING | {"abs", "float", "int", "complex", "bool", "round", "len", "range"}
_MODULES = frozenset({"np", "numpy", "math", "cmath"})
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def is_listed(tree: ast.ListComp) -> bool:
    """Whether a list can be made from what its ``for`` does for one item."""
    parts = [tree.elt, *(part for g in tree.generators for part in (g.iter, *g.ifs))]
    return not has_walrus(parts) and not any(g.is_async for g in tree.generators)


def is_taken_apart(tree: ast.Call) -> bool:
    """Whether the first argument is a generator that can be given as what it does for one item."""
    if not tree.args or any(isinstance(arg, ast.Starred) for arg in tree.args):
        return False
    generator = tree.args[0]
    if not isinstance(generator, ast.GeneratorExp) or len(generator.generators) > 1:
        return False
    (part,) = generator.generators
    named = all(keyword.arg is not None for keyword in tree.keywords)
    # What `:=` binds belongs to the function, not to a lambda in it.
    return named and not part.is_async and not has_walrus([generator.elt, *part.ifs])


def shows_items(tree: ast.GeneratorExp) -> bool:
    """Whether an item may reach code that tells a number from what stands for it: a function, a
    text, a set or dict. What an item only chooses from an array is not the item."""
    (part,) = tree.generators
    parts = [inner for top in (tree.elt, *part.ifs) for inner in ast.walk(top)]
    items = comprehension_targets(tree)
    for inner in parts:
        if isinstance(inner, _Comprehension):
            items |= comprehension_targets(inner)
    return any(_shows(inner, items) for inner in parts)


def _shows(tree: ast.AST, items: set[str]) -> bool:
    if isinstance(tree, ast.Call):
        given = [*tree.args, *(keyword.value for keyword in tree.keywords)]
        return not _is_numeric(tree.func) and any(name in items for g in given for name in _read(g))
    shown = ast.JoinedStr | ast.Lambda | ast.Set | ast.Dict | ast.SetComp | ast.DictComp
    return isinstance(tree, shown)


def _is_numeric(func: ast.expr) -> bool:
    if isinstance(func, ast.Name):
        return func.id in _NUMERIC
    while isinstance(func, ast.Attribute):
        func = func.value
    return isinstance(func, ast.Name) and func.id in _MODULES


def _read(tree: ast.AST) -> Iterator[str]:
    """Names that are read, those aside that only say which element of something is."""
    if isinstance(tree, ast.Name):
        yield tree.id
    inner = [tree.value] if isinstance(tree, ast.Subscript) else ast.iter_child_nodes(tree)
    for part in inner:
        yield from _read(part)
