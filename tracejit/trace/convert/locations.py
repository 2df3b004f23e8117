"""Trees that are made of other trees: positions in the user's source, and copies."""

from __future__ import annotations

import ast
from typing import TypeVar

N = TypeVar("N", bound=ast.AST)
_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def located(made: N, where: ast.AST) -> N:
    """A generated node at the position of ``where``, with what is in it and has none.

    What has a position is not looked into: ``ast.fix_missing_locations`` goes through all of a tree
    whenever something is put around it.
    """
    ast.copy_location(made, where)
    place = {name: value for name, value in made.__dict__.items() if name in _PLACE}
    pending = _children(made)
    while pending:
        child = pending.pop()
        if "lineno" not in child._attributes:
            pending += _children(child)
        elif "lineno" not in child.__dict__:
            child.__dict__.update(place)
            pending += _children(child)
    return made


def all_located(tree: N) -> N:
    """A tree in which what has no position gets that of what is around it. (Nothing is around the
    module, which has none.)"""
    pending: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while pending:
        node, around = pending.pop()
        if "lineno" in node.__dict__:
            around = node
        elif "lineno" in node._attributes:
            node.__dict__.update((name, around.__dict__[name]) for name in _PLACE)
        pending += [(child, around) for child in _children(node)]
    return tree


def _children(tree: ast.AST) -> list[ast.AST]:
    """What is in the fields of a node: tools write other attributes, also into what all trees
    share (``ast.Load()`` is one object)."""
    found: list[ast.AST] = []
    held = tree.__dict__
    for name in tree._fields:
        value = held.get(name)
        if type(value) is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found.append(value)
    return found


def copy_of(tree: N) -> N:
    """A copy of a tree. (``copy.deepcopy`` takes far longer: it looks for what is shared.)"""
    kind = type(tree)
    if not kind._fields and not kind._attributes:
        return tree  # one object for all trees
    made: N = kind.__new__(kind)
    fields = made.__dict__
    ours = kind.__module__ != "ast"
    for name, value in tree.__dict__.items():
        if not ours and name not in kind._fields and name not in kind._attributes:
            continue
        if isinstance(value, ast.AST):
            value = copy_of(value)
        elif type(value) is list:
            value = [copy_of(part) if isinstance(part, ast.AST) else part for part in value]
        fields[name] = value
    return made
