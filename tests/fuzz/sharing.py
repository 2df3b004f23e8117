"""Random programs over lists, dicts, deques and objects that share what they hold.

Names are bound anew in loops and branches, change places, and are known twice; rows are in several
lists; arguments share things. A program is Python text, run by Python and compiled, several times
with other numbers of turns. It returns all there is, so that a change that is lost shows.
"""

from __future__ import annotations

import copy
import linecache
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.fuzz.check import Difference, Unsupported
from tracejit import jit
from tracejit.errors import TracejitError


class Node:
    def __init__(self, v: Any, items: Any) -> None:
        self.v = v
        self.items = items

    def bump(self, by: Any) -> Any:
        self.v = self.v + by
        return self.v

    def push(self, x: Any) -> None:
        self.items.append(x)

    def __repr__(self) -> str:
        return f"Node({self.v!r}, {self.items!r})"


def helper(d: Any, x: Any) -> Any:
    d["a"] = d["a"] + x
    return d


def pick(p: Any, q: Any, n: Any) -> Any:
    return p if n > 1 else q


def grow(items: Any, k: Any) -> Any:
    items.append(k)
    return items


def fresh(k: Any) -> Any:
    return [k, k + 1]


_NAMES = {"Node": Node, "helper": helper, "pick": pick, "grow": grow, "fresh": fresh}
_NAMES |= {"deque": deque}

#: How often the loops turn, call by call; and the sizes of lists of lists.
_TURNS = ((2, 0, 3), (0, 2, 1), (3, 1), (1, 2, 0))
_SIZES = (((2, 3),), ((9, 30),), ((70, 2),), ((3, 2), (9, 30)))


class Sharing:
    """A random program of one kind. ``statement``: the lines of one, with blocks so deep inside."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.makers: list[Callable[[], tuple[Any, ...]]] = []

    def one_of(self, *choices: str) -> str:
        return self.random.choice(choices)

    def statement(self, depth: int) -> list[str]:
        raise NotImplementedError

    def block(self, depth: int) -> list[str]:
        many = self.random.choice((1, 1, 2, 2, 3))
        return ["    " + line for _ in range(many) for line in self.statement(depth)]

    def inside(self, head: str, depth: int) -> list[str]:
        return [head, *self.block(depth - 1)]

    def branch(self, condition: str, depth: int) -> list[str]:
        lines = self.inside(f"if {condition}:", depth)
        return lines + (self.inside("else:", depth) if self.random.random() < 0.5 else [])

    def text(self, head: str, begin: Sequence[str], end: str) -> str:
        lines = list(begin)
        for _ in range(self.random.choice((1, 2, 3))):
            lines += self.statement(2)
        lines += self.inside("for k in range(n):", 2)
        for _ in range(self.random.choice((0, 1, 2))):
            lines += self.statement(1)
        return "\n    ".join([head, *lines, f"return {end}"]) + "\n"


class Rows(Sharing):
    """Lists of lists."""

    names = ("u", "v", "w")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        begin = ["t = 0", "k = 0", self.one_of("w = [[1, 2], [3]]", "w = u")]
        end = self.one_of("u", "v, t", "w, u", "t, len(u)", "u[0], t")
        self.source = self.text("def f(u, v, n):", begin, end)
        share = self.random.random()
        for size in self.random.choice(_SIZES):
            self.makers.append(lambda size=size: _lists(size, share))  # type: ignore[misc]

    def name(self) -> str:
        return self.one_of(*self.names)

    def row(self) -> str:
        x = self.name()
        one = f"{x}[k % len({x})]"
        return self.one_of(
            f"list({x}[0])", f"{x}[-1]", f"{one}[:]", f"[a + 1 for a in {x}[0]]", "[k, n]", "[]",
            f"[a for a in {one} if a > k]", f"sorted({x}[0])", f"{x}[0] + {x}[-1]", f"{x}[0][1:]",
            "[0] * n", one,
        )  # fmt: skip

    def rows(self) -> str:
        x, y = self.name(), self.name()
        return self.one_of(
            f"[[a + 1 for a in q] for q in {x}]", f"[q[:] for q in {x}]", f"{x}[::-1]", y,
            f"{x}[1:] + [{self.row()}]", f"[{self.row()}, {self.row()}]", f"list({x})",
            f"[{self.row()} for j in range(n + 1)]", f"{x} + {y}[:1]",
            f"[q for q in {x} if len(q) > k % 2] + [[k]]", f"sorted({x}, key=len)",
        )  # fmt: skip

    def statement(self, depth: int) -> list[str]:
        x, y = self.name(), self.name()
        if depth and self.random.random() < 0.35:
            test = self.one_of(f"len({x}) > n", "t > 3", "k == 1", "n > 1", f"{x}[0] == {y}[0]")
            turn = self.inside("for k in range(n):", depth)
            return turn if self.random.random() < 0.5 else self.branch(test, depth)
        return [
            self.one_of(
                f"{x} = {self.rows()}",
                f"{x}, {y} = {y}, {x}",
                f"{x}.append({self.row()})",
                f"{x}[0][0] = {x}[0][0] + k",
                f"{x}[k % len({x})].append(k)",
                f"{x}[-1] = {self.row()}",
                f"{x}[0] = {self.row()}",
                f"t = t + len({x}) + sum({x}[k % len({x})])",
                f"{x}[0], {y}[-1] = {y}[-1], {x}[0]",
            )
        ]


def _lists(size: tuple[int, int], share: float) -> tuple[Any, ...]:
    n, m = size
    u = [[i * m + j for j in range(m)] for i in range(n)]
    v = [[3 * i - j for j in range(m + 1)] for i in range(n + 1)]
    if share < 0.2:
        v[0] = u[-1]
    elif share < 0.3:
        v = u
    elif share < 0.4:
        return u, [[float(a) for a in q] for q in v]
    return u, v


class Calls(Sharing):
    """Flat lists that functions are given, bind anew and change. Their variables have the names of
    those of their callers, who may know by another name, or none, what they gave."""

    names = ("u", "v", "w")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.functions: list[str] = []
        texts = []
        for name in ("turn", "turned")[: self.random.choice((1, 2))]:
            given = self.one_of("u, v, w", "v, u, w", "w, v, u")
            end = f"{self.name()}, t"
            texts.append(self.short(f"def {name}({given}, t, n, k):", [], end))
            self.functions.append(name)
        known = self.one_of("(u, [v])", "{'a': [u], 'b': v}", "[[u], v]", "0")
        begin = ["t = 0", "k = 0", self.one_of("w = [5, 6]", "w = u", "w = u + v"), f"z = {known}"]
        main = self.short("def f(u, v, n):", begin, "z, u, v, w, t")
        self.source = "\n".join([*texts, main])
        share = self.random.random() < 0.2
        for size in self.random.choice(_SIZES):
            self.makers.append(lambda size=size: _flat(*size, share))  # type: ignore[misc]

    def short(self, head: str, begin: Sequence[str], end: str) -> str:
        """A function of few statements."""
        lines = list(begin)
        for _ in range(self.random.choice((2, 3, 4))):
            lines += self.statement(2)
        return "\n    ".join([head, *lines, f"return {end}"]) + "\n"

    def name(self) -> str:
        return self.one_of(*self.names)

    def statement(self, depth: int) -> list[str]:
        x, y, z = self.random.sample(self.names, 3)
        if depth and self.random.random() < 0.4:
            test = self.one_of(f"len({x}) > n", "t > 3", "k == 1", "n > 1", f"{x}[0] == {y}[0]")
            turn = self.inside("for k in range(n):", depth)
            return turn if self.random.random() < 0.5 else self.branch(test, depth)
        new = self.one_of(
            "[k, n, 1]", f"[a + 1 for a in {y}]", f"{y}[:]", f"list({y})", "[0] * len(u)", y, y
        )
        given = (f"{x}, {y}, {z}", f"{z}, {z}, {y}")
        calls = [f"{x}, t = {g}({a}, t, n, k)" for g in self.functions for a in given]
        return [
            self.one_of(
                f"{x} = {new}",
                f"{x}, {y} = {y}, {x}",
                f"{x}, {y}, {z} = {y}, {z}, {x}",
                f"{x} = {y} if n > 1 else {z}",
                f"{x}[0] = {x}[0] + k + 1",
                f"{x}[k % len({x})] = {y}[-1]",
                f"for j in range(1, len({x})): {x}[j] = {x}[j - 1] + {y}[j % len({y})] % 7",
                f"t = t + {x}[0] + len({y})",
                f"{x}.append(k)",
                *calls,
            )
        ]


def _flat(n: int, m: int, share: bool) -> tuple[Any, ...]:
    u = list(range(n + 1))
    return u, u if share else [3 * j for j in range(m + 1)]


class Things(Sharing):
    """Lists, dicts, a deque, a tuple and objects that hold lists."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        begin, head = ["s = 0", "k = 0"], "def f(p, q, d, e, l, m, c, n):"
        if self.random.random() < 0.5:
            head = "def f(n):"
            begin += ["l = [1, 2, 3]", self.one_of("m = [4, 5]", "m = [4, 5]", "m = l")]
            begin += [f"p = Node(1, {self.one_of('l', '[7, 8]')})"]
            begin += [f"q = Node(2, {self.one_of('m', '[9]')})"]
            begin += [f"d = {{'a': 1, 'b': {self.one_of('l', '[6, 5]', 'p.items')}}}"]
            begin += [f"e = {{'a': 2, 'b': {self.one_of('m', '[3]')}}}", "c = deque([1, 2, 3])"]
            self.makers.append(tuple)
        else:
            share = self.random.random()
            self.makers.append(lambda: _things(share))
        begin += [f"t = (1, {self.one_of('l', 'm', '[2, 1]')})"]
        end = "s, l, m, t, list(c), d['a'], d['b'], e['a'], e['b'], p.v, p.items, q.v, q.items"
        self.source = self.text(head, begin, end)

    def object(self) -> str:
        return self.one_of("p", "q")

    def dict(self) -> str:
        return self.one_of("d", "e")

    def list(self) -> str:
        return self.one_of("l", "m")

    def place(self) -> str:
        return self.one_of(self.list(), f"{self.object()}.items", f"{self.dict()}['b']", "t[1]")

    def number(self) -> str:
        return self.one_of(
            "k", "n", "1", "2", "s", f"{self.object()}.v", f"{self.dict()}['a']", "t[0]", "len(c)",
            f"len({self.place()})", f"{self.list()}[0]",
        )  # fmt: skip

    def items(self) -> str:
        return self.one_of(
            self.place(), f"fresh({self.number()})", f"list({self.list()})",
            f"[x + 1 for x in {self.list()}]", f"{self.list()}[1:] + [k]",
            f"sorted({self.list()})", f"[x for x in {self.list()} if x > k]",
            f"grow({self.list()}, k)",
        )  # fmt: skip

    def test(self) -> str:
        x, y = self.list(), self.list()
        return self.one_of(
            "n > 1", "k > 0", "k % 2 == 0", f"{self.number()} > 2", f"s > {self.number()}",
            f"{x} == {y}", f"len({self.place()}) > n",
        )  # fmt: skip

    def statement(self, depth: int) -> list[str]:
        if depth and self.random.random() < 0.25:
            turn = self.inside("for k in range(n):", depth)
            return turn if self.random.random() < 0.5 else self.branch(self.test(), depth)
        p, d, x, number, items = (
            self.object(),
            self.dict(),
            self.list(),
            self.number(),
            self.items(),
        )
        return [
            self.one_of(
                f"{p} = {self.one_of('p', 'q', f'Node({number}, {items})', 'pick(p, q, n)')}",
                "p, q = q, p",
                f"{p}.v = {number}",
                f"{p}.items = {items}",
                f"{p}.bump({number})",
                f"{p}.push({number})",
                "d, e = e, d",
                f"{d}['a'] = {number}",
                f"{d}['b'] = {items}",
                f"{d} = {self.one_of('d', 'e', f'dict({d})', f'helper({d}, {number})')}",
                f"{x} = {items}",
                "l, m = m, l",
                f"{self.place()}.append({number})",
                f"{self.place()}[0] = {number}",
                f"c.append({number})",
                "s += c.popleft()",
                f"t = ({number}, {items})",
                f"s += {number}",
                f"{self.place()}.sort()",
                f"{d} = {{'a': {number}, 'b': {items}}}",
            )
        ]


def _things(share: float) -> tuple[Any, ...]:
    a, b = [1, 2, 3], [4, 5]
    p, q = Node(1, [7, 8]), Node(2, [9])
    d, e = {"a": 1, "b": [6, 5]}, {"a": 2, "b": [3]}
    if share < 0.15:
        b = a
    elif share < 0.3:
        d["b"] = a
    elif share < 0.4:
        p.items = b
    elif share < 0.5:
        q = p
    elif share < 0.6:
        e = d
    elif share < 0.7:
        q.items = p.items
    return p, q, d, e, a, b, deque([1, 2, 3])


def check(program: Sharing) -> None:
    """Unsupported where it is refused; Difference where it does something else than in Python."""
    name = f"<{type(program).__name__} {program.seed}>"
    lines = program.source.splitlines(keepends=True)
    linecache.cache[name] = len(program.source), None, lines, name
    names = dict(_NAMES)
    exec(compile(program.source, name, "exec"), names)
    f: Any = names["f"]
    policy = program.random.choice(("auto", "dynamic"))
    turns = program.random.choice(_TURNS)
    compiled = jit(f, shapes=policy, cache=False, opt_level=0)
    for n in turns:
        for make in program.makers:
            args = (*make(), n)
            want, got = (_seen(g, copy.deepcopy(args)) for g in (f, compiled))
            if want != got:
                raise Difference(f"{policy}, {turns}, n = {n}\n{program.source}{want}\n{got}")


def _seen(f: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """What a call makes and leaves; of one that fails what it raises."""
    try:
        return repr((f(*args), args))
    except TracejitError as error:
        raise Unsupported(str(error)) from None
    except Exception as error:
        return type(error).__name__
