"""A loop as a function of its own, and the statements that ask that function in its place."""

# Methods are named after the classes of `ast` that they visit.
# ruff: noqa: N802

from __future__ import annotations

import ast
from collections.abc import Iterable

from tracejit.records import dataclass
from tracejit.trace.convert.locations import copy_of, located
from tracejit.trace.convert.own_body import OwnBody, Statements
from tracejit.trace.convert.scope import GENERATED

#: The functions of the loops, among the free variables of the function that asks for them.
REGIONS = f"{GENERATED}regions"
OUT = f"{GENERATED}out"
#: Names like the user's own: those of generated code are not followed by what converts it.
_OURS = "_tjr_"
Loop = ast.For | ast.While


@dataclass(frozen=True)
class Cut:
    """A loop, the variables that it is given, those of them that may not be bound, and those that
    it gives back. ``line``: its first, as the user wrote it. ``returns``: whether it may end the
    function."""

    loop: Loop
    line: str
    given: list[str]
    perhaps: list[str]
    out: list[str]
    returns: bool

    def function(self, name: str) -> ast.FunctionDef:
        """``def region(given, perhaps)``: variables that may not be bound are tuples of one item
        or none. Returns what is given back; before that, whether the function ends, with what."""
        names = [*self.given, *map(_in, self.perhaps)]
        head = [f"def {name}({', '.join(names)}):"]
        head += [f" if {_in(x)}: {x} = {_in(x)}[0]" for x in self.perhaps]
        results, tail = ["False", "None"] if self.returns else [], []
        for x in self.out:
            if x in self.given:
                results.append(x)
            else:
                tail += [f" try: {_has(x)}, {_in(x)} = True, {x}"]
                tail += [f" except UnboundLocalError: {_has(x)}, {_in(x)} = False, None"]
                results += [_has(x), _in(x)]
        tail.append(f" return ({''.join(f'{result}, ' for result in results)})")
        made = self.parsed([*head, " pass", *tail])[0]
        assert isinstance(made, ast.FunctionDef)
        nothing: list[bool | None] = []
        for x in self.out:
            nothing += [None] if x in self.given else [False, None]
        made.body[len(head) - 1] = _Returns(nothing).visit(copy_of(self.loop))
        return made

    def site(self, number: int, otherwise: ast.stmt) -> Statements:
        """The statements that ask for the region, and run the loop where it was not run."""
        text = []
        for x in self.perhaps:
            text += [f"try: {_in(x)} = ({x},)", f"except UnboundLocalError: {_in(x)} = ()"]
        names = [*self.given, *map(_in, self.perhaps)]
        text += [f"{OUT} = {REGIONS}[{number}]({', '.join(names)})"]
        text += [f"if {OUT} is None: pass", "else:", " pass"]
        at = 0
        if self.returns:
            text.append(f" if {OUT}[0]: return {OUT}[1]")
            at = 2
        for x in self.out:
            if x in self.given:
                text.append(f" {x} = {OUT}[{at}]")
                at += 1
            else:
                text.append(f" if {OUT}[{at}]: {x} = {OUT}[{at + 1}]")
                at += 2
        text.append(" = ".join([OUT, *map(_in, self.perhaps), "None"]))  # nothing lives on there
        made = self.parsed(text)
        asked = made[-2]
        assert isinstance(asked, ast.If)
        asked.body = [otherwise]
        return made

    def parsed(self, lines: Iterable[str]) -> Statements:
        """Statements that are all of them the first line of the loop."""
        made = ast.parse("\n".join(lines))
        end = len(self.line.rstrip().encode())
        line, column = self.loop.lineno, self.loop.col_offset
        place = {"lineno": line, "end_lineno": line, "col_offset": column, "end_col_offset": end}
        for part in ast.walk(made):
            if "lineno" in part._attributes:
                vars(part).update(place)
        return made.body


def _in(name: str) -> str:
    return f"{_OURS}in_{name}"


def variable(parameter: str) -> str:
    """The user's name of what a parameter of a region is given."""
    return parameter.removeprefix(_in(""))


def _has(name: str) -> str:
    return f"{_OURS}has_{name}"


class _Returns(OwnBody):
    """Has each ``return`` of a loop say that it is one, and give no variable."""

    def __init__(self, nothing: list[bool | None]) -> None:
        self.nothing = nothing

    def visit_Return(self, tree: ast.Return) -> ast.Return:
        values = [ast.Constant(True), tree.value or ast.Constant(None)]
        tree.value = ast.Tuple([*values, *map(ast.Constant, self.nothing)], ast.Load())
        return located(tree, tree)
