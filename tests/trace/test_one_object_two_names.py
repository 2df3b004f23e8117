"""What is changed through one name shows through every other, or the change is refused."""

from __future__ import annotations

import bisect
import copy
import functools
import heapq
import itertools
import linecache
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from tracejit import StructureError, UnsupportedError, jit

#: Two containers of a kind, what shows what one holds, and ways to change one.
KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "list": (
        "[1, 2], [3, 4]",
        "list",
        (
            "c.append(9)", "c += [9]", "del c[0]", "heapq.heappush(c, 1)", "bisect.insort(c, 2)",
            "c.sort(reverse=True)", "c[:] = [7]", "c *= 2", "c[0] = 9", "c.pop()", "c.reverse()",
            "list.append(c, 3)", "c[-1] += 5",
        ),
    ),
    "deque": (
        "deque([1, 2]), deque([3, 4])",
        "list",
        (
            "c.append(9)", "c += [9]", "del c[0]", "c[0] = 9", "c.popleft()", "c.rotate(1)",
            "c.appendleft(2)", "c.clear()", "deque.append(c, 3)",
        ),
    ),
    "set": (
        "{1, 2}, {3, 4}",
        "sorted",
        ("c.add(9)", "c |= {9}", "c.update([9])", "c.discard(1)", "c.clear()", "c -= {1}"),
    ),
    "dict": (
        "{'x': 1, 'y': 2}, {'x': 3, 'y': 4}",
        "dict",
        (
            "c['z'] = 9", "c.update(z=1)", "c |= {'q': 1}", "c.pop('x')", "del c['x']",
            "c.setdefault('w', 4)", "c['x'] += 1", "c.popitem()",
        ),
    ),
    "object": ("Body(1), Body(2)", "vars", ("c.x = 9", "c.x += 1", "c.y = 4", "c.grow()")),
}  # fmt: skip

#: Programs in which the run decides what a name is bound to; ``CHANGE`` changes one of them.
PROGRAMS = {
    "swapped": """
    c = a
    for k in range(n): a, b = b, a
    CHANGE
    return out(a), out(b), out(c)
""",
    "swapped before": """
    for k in range(n): a, b = b, a
    c = a
    CHANGE
    return out(a), out(b), out(c)
""",
    "swapped each time": """
    c = a
    for k in range(n):
        a, b = b, a
        CHANGE
    return out(a), out(b), out(c)
""",
    "chosen": """
    c = a
    d = a if n > 1 else b
    CHANGE
    return out(d)
""",
    "changed where chosen": """
    c = a if n > 1 else b
    CHANGE
    return out(a), out(b)
""",
    "chosen in a loop": """
    c = a
    d = b
    for k in range(n):
        if k == 1: d = a
    CHANGE
    return out(d)
""",
    "swapped twice": """
    c = a
    for k in range(2): a, b = b, a
    CHANGE
    return out(a), out(b), out(c), n
""",
    "bound anew and swapped": """
    for k in range(2):
        b = copy.copy(b)
        for j in range(2): a, b = b, a
    c = a
    CHANGE
    return out(a), out(b), n
""",
    "three change places": """
    d = copy.copy(b)
    c = a
    for k in range(n): a, b, d = b, d, a
    CHANGE
    return out(a), out(b), out(c), out(d)
""",
    "three change places each time": """
    d = copy.copy(b)
    c = a
    for k in range(n):
        CHANGE
        a, b, d = b, d, a
    return out(a), out(b), out(c), out(d)
""",
    "four change places in turn": """
    d, e = copy.copy(b), copy.copy(b)
    for k in range(n): a, b, d, e = b, d, e, a
    c = d
    CHANGE
    return out(a), out(b), out(d), out(e)
""",
    "places in a list": """
    c = a
    z = [a, b, copy.copy(b)]
    for k in range(n): z = [z[1], z[2], z[0]]
    CHANGE
    return [out(x) for x in z]
""",
    "one in two names": """
    b = a
    for k in range(n): a, b = b, a
    c = a
    CHANGE
    return out(a), out(b)
""",
    "one is kept": """
    c = copy.copy(a)
    for k in range(n):
        a, b = b, a
        if k == 1: c = a
    CHANGE
    return out(a), out(b), out(c)
""",
    "one is kept in a list": """
    w = [b]
    for k in range(n):
        a, b = b, a
        w.append(a)
    c = a
    CHANGE
    return out(a), out(b), [out(x) for x in w]
""",
    "one is kept by a function": """
    h = lambda: a
    c = b
    def turn(b, n):
        nonlocal a
        for k in range(n): a, b = b, a
        return b
    b = turn(b, n)
    CHANGE
    return out(a), out(b), out(c), out(h())
""",
    "swapped in a branch": """
    if n > 1: a, b = b, a
    c = a
    CHANGE
    return out(a), out(b)
""",
    "one of two, swapped in a branch": """
    d = a
    if n > 1: a, b = b, a
    c = a
    CHANGE
    return out(a), out(b), out(d)
""",
    "swapped in a branch of a loop": """
    d = b
    for k in range(n):
        if k != 1: a, b = b, a
        c = b
        CHANGE
    return out(a), out(b), out(d)
""",
    "swapped on one side, one on the other": """
    if n > 1: a, b = b, a
    else: a = b
    c = a
    CHANGE
    return out(a), out(b)
""",
    "swapped, then one in two names": """
    if n > 2:
        for k in range(n): a, b = b, a
        for k in range(n): a = b
    c = a
    CHANGE
    return out(a), out(b)
""",
    "one in two names, then swapped": """
    for k in range(n):
        if k > 1: a = b
        a, b = b, a
    c = a
    CHANGE
    return out(a), out(b)
""",
    "one in two names in a branch": """
    if n > 1:
        a, b = b, a
        if n > 2: a = b
    c = b
    CHANGE
    return out(a), out(b)
""",
    "one after the other": """
    z = [a, b]
    d = e = copy.copy(b)
    for k in range(n):
        d = e
        e = z[0]
    c = d
    CHANGE
    return out(a), out(b), out(d), out(e)
""",
}


class Body:
    def __init__(self, x: float) -> None:
        self.x = x

    def grow(self) -> None:
        self.x += 1

    def held(self) -> Any:
        return self.x


def program(text: str, name: str) -> Callable[..., Any]:
    """``f`` of a text, with its source."""
    every = (bisect, copy, functools, heapq, itertools)
    modules: dict[str, Any] = {module.__name__: module for module in every}
    names = {**modules, "deque": deque, "Body": Body}
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec"), names)
    return names["f"]  # type: ignore[return-value]


def as_python(f: Callable[..., Any], make: Callable[[], tuple[Any, ...]]) -> str:
    """``refused``, or ``same``; AssertionError where something else is made than in Python."""
    compiled = jit(f, shapes="dynamic", cache=False, opt_level=0)
    for n in (2, 3, 0, 1):
        args, others = make(), make()
        want = shown(f, args, n)
        try:
            got = shown(compiled, others, n)
        except (UnsupportedError, StructureError):
            return "refused"
        assert got == want
    return "same"


def shown(f: Callable[..., Any], args: tuple[Any, ...], n: int) -> str:
    try:
        found: Any = f(*args, n)
    except (IndexError, KeyError, ValueError) as error:
        found = type(error), str(error)
    return repr((found, [vars(x) if isinstance(x, Body) else x for x in args]))


@pytest.mark.parametrize("where", ["argument", "inside"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_name_may_be_is_changed(name: str, kind: str, where: str) -> None:
    both, out, changes = KINDS[kind]
    inside = f"def f(n):\n    a, b = {both}\n"
    head = "def f(a, b, n):\n" if where == "argument" else inside
    scope = {"deque": deque, "Body": Body}
    for change in changes:
        text = f"def out(x): return {out}(x)\n{head}" + PROGRAMS[name].replace("CHANGE", change)
        make = (lambda: eval(both, scope)) if where == "argument" else tuple
        as_python(program(text, f"<{name} {kind} {where} {change}>"), make)


#: Lists of the rows of ``w``, however made.
OF_ROWS = (
    "[q for q in w if len(q) > n]", "[q for q in w if len(q) > n] + [[7]]", "w[n:]", "w[::-1]",
    "w + [[n]]", "sorted(w, key=len)", "[*w, [5]]", "list(reversed(w))",
    "list(filter(lambda q: len(q) > n, w))", "[w[(n + j) % len(w)] for j in range(n + 1)]",
    "[w[n]] * 3", "w[n:] + w[:n]", "[max(w, key=len)]", "[w[n] if n > 0 else w[1]]",
    "list(itertools.chain(w, [[3]]))", "[q for p in (w, w) for q in p if len(q) > n]",
    "[p[1] for p in enumerate(w)]", "[q for q in sorted(w) if len(q) > n] + [[1]]",
    "[q for i, q in enumerate(w) if i >= n]",
    "[w[i] for i in range(len(w)) if i >= n] + [[0]]", "[q for q in w[n:]] + [[n]]",
)  # fmt: skip
ROWS = {
    "of some lengths": "    w = [[1, 2], [3], [4, 5, 6]]\n",
    "of one length": "    w = [[1, 2], [3, 4], [5, 6]]\n",
    "appended": "    w = []\n    for j in range(3): w.append([j] * (j + 1))\n",
    "in a tuple": "    t = (1, [[1, 2], [3], [4, 5, 6]])\n    w = t[1]\n",
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("change", ["v[0].append(5)", "v[-1][0] = 9", "for q in v: q[0] += 1"])
@pytest.mark.parametrize("made", OF_ROWS)
def test_rows_are_the_same_lists_in_a_list_made_of_them(made: str, change: str, rows: str) -> None:
    text = f"def f(n):\n{ROWS[rows]}    v = {made}\n    {change}\n    return w\n"
    as_python(program(text, f"<{made} {change} {rows}>"), tuple)


def test_most_of_these_are_no_refusals() -> None:
    """A row of a filtered list, a slice, a sum: what programs change."""
    for made in ("[q for q in w if len(q) > n]", "w[n:] + w[:n]", "[q for q in w if q[0] > n] + w"):
        text = f"def f(n):\n{ROWS['of one length']}    v = {made}\n    v[0][0] = 9\n    return w\n"
        assert as_python(program(text, f"<{made}>"), tuple) == "same"


def test_what_a_branch_has_chosen_before_a_loop_may_be_an_argument_after_it() -> None:
    def f(u: Any, n: Any) -> Any:
        w = u
        if n > 1:
            w = [[n]]
        for _ in range(n):
            w = [q[:] for q in w]
        w.append([1])
        return len(u)

    as_python(f, lambda: ([[i, 1] for i in range(70)],))


#: Who else knows the list or dict ``x`` that ``g`` is given, and what shows what it holds.
KNOWN_BY = {
    "a variable of the same name": ("    a = x\n", "a"),
    "a variable": ("    b = x\n", "b"),
    "lists in lists": ("    w = [[[x, 1], 2], 3]\n", "w[0][0][0]"),
    "a tuple in a dict": ("    d = {'k': (1, x)}\n", "d['k'][1]"),
    "an object in a list": ("    w = [Body(x)]\n", "w[0].x"),
    "a deque": ("    w = deque([x])\n", "w[0]"),
    "a function": ("    h = (lambda y: lambda: y)(x)\n", "h()"),
    "a default value": ("    def h(y=x): return y\n", "h()"),
    "a bound method": ("    h = Body(x).held\n", "h()"),
    "a partial function": ("    h = functools.partial(lambda y: y, x)\n", "h()"),
    "a repetition": ("    h = itertools.repeat(x)\n", "next(h)"),
    "an iterator": ("    h = iter([x] * 2)\n", "next(h)"),
    "a map": ("    h = map(lambda y: y, [x] * 2)\n", "next(h)"),
    "pairs": ("    h = zip([x] * 2, [1, 2])\n", "next(h)[0]"),
    "numbered items": ("    h = enumerate([x] * 2)\n", "next(h)[1]"),
    "a chain": ("    h = itertools.chain([x], [x])\n", "next(h)"),
    "a list backwards": ("    h = reversed([x] * 2)\n", "next(h)"),
    "a generator expression": ("    h = (y for y in [x] * 2)\n", "next(h)"),
    "a filter": ("    h = filter(None, [x] * 2)\n", "next(h)"),
    "a generator": ("    h = every(x)\n", "next(h)"),
    "what may not be bound": ("    if n > 0: w = x\n    else: pass\n", "(w if n > 0 else 0)"),
    "what may be None": ("    w = x if n > 0 else None\n", "(w if n > 0 else 0)"),
}
EVERY = "def every(x):\n    while True: yield x\n"
REBINDING = {
    "loop": "    for k in range(n): a = NEW\n",
    "loop of two names": "    b = NEW\n    for k in range(n): a, b = b, a\n",
    "branch": "    if n > 1: a = NEW\n",
    "branch in a loop": "    for k in range(n):\n        if k == 1: a = NEW\n",
    "inner function": (
        "    def bind():\n        nonlocal a\n        if n > 1: a = NEW\n    bind()\n"
    ),
}


@pytest.mark.parametrize("known", KNOWN_BY)
@pytest.mark.parametrize("bound", REBINDING)
def test_what_a_function_changes_of_its_caller(known: str, bound: str) -> None:
    """A function binds its argument anew in some runs, and changes it: that shows in its caller."""
    keep, read = KNOWN_BY[known]
    kinds = (("[1, 2]", "[9, 9]", "a[0] = 7"), ("{'x': 1}", "{'x': 9}", "a['x'] = 7"))
    for old, new, change in kinds:
        body = REBINDING[bound].replace("NEW", new)
        helper = f"{EVERY}def g(a, n):\n{body}    {change}\n    return a\n"
        text = f"{helper}def f(n):\n    x = {old}\n{keep}    del x\n    r = g({read}, n)\n"
        as_python(program(f"{text}    return r, {read}\n", f"<{known} {bound} {old}>"), tuple)
