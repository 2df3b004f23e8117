"""Cases for the converter: calls, closures, scopes, nested functions and classes."""

# ruff: noqa
from __future__ import annotations

import functools
from typing import Any

from tests.trace.case_table import CASES, INTS, LISTS, case
from tests.trace.value_cases import Box

LIMIT = 10
counter = 0


@case((), (1,), (1, 2), (1, 2, 3))
def star_arguments(*args):
    def g(a, /, b=2, *rest, c=3, **more):
        return a, b, rest, c, more

    return g(*args), g(0, *args, c=5), g(*args, **{"z": 1}), g(*args, b=4)


@case((5,), ([1],), ("ab",))
def star_errors(v):
    return max(*v)


@case(({"b": 1},), ({"a": 1},), (5,), ({1: 2},))
def double_star_errors(v):
    return dict(a=0, **v)


@case((1,), (1, 2, 3), ())
def wrong_count(*args):
    def g(a, b=1):
        return a, b

    return g(*args)


@case(*INTS)
def defaults_are_evaluated_once(a):
    def g(x, acc=[]):
        acc.append(x)
        return acc

    g(a)
    return g(a + 1)


@case(*INTS)
def closures(a):
    total = 0

    def add(n):
        nonlocal total
        if n > 1:
            total += n
        return total

    for i in range(a):
        add(i)
    return total, [add(i) for i in range(3)]


@case(*INTS)
def late_binding(a):
    fs = []
    for i in range(3):
        fs.append(lambda: i + a)
    for i in range(2):
        fs.append(lambda j=i: j)
    return [f() for f in fs]


@case(*INTS)
def writes_global(a):
    global counter
    counter = 0
    for i in range(a):
        counter += i
        if counter > 2:
            break
    return counter


@case((3,), (6,))
def recursion(n):
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


@case((3,), (6,))
def inner_recursion(n):
    def fact(k):
        if k == 0:
            return 1
        return k * fact(k - 1)

    return fact(n)


@case(*LISTS)
def comprehensions(xs):
    k = 2
    a = [x * k for x in xs if x and x > 0]
    b = {x: y for x in xs for y in range(x)}
    c = {x if x else -1 for x in xs}
    d = list((x, k) for x in xs)
    e = [[y for y in range(x)] for x in xs]
    return a, b, c, d, e


@case(*LISTS)
def comprehension_walrus(xs):
    if any((last := x) > 3 for x in xs):
        return last
    return [y := x, 2] if (x := len(xs)) else x


@case(*INTS)
def walrus(a):
    out = []
    while (n := a) > 0 and (m := n * 2) < 100:
        a -= 1
        out.append((n, m))
    if a == 0 or (z := a):
        out.append(n)
    return out, z


@case(*INTS)
def generators(a):
    def gen(n):
        for i in range(n):
            if i == 2:
                continue
            got = yield i
        return "done"

    return list(gen(a)), sum(x for x in gen(a)), sorted(gen(a), key=lambda v: -v)


@case(*INTS)
def inner_class(a):
    k = a

    class Inner(Box):
        kind = k
        if kind > 1:
            extra = kind

        def method(self, n):
            if n > k:
                return super().bump(n), self.kind
            return __class__.__qualname__

        class Deep:
            def name(self):
                return type(self).__qualname__ if k else None

    if a:

        class Other:
            pass

        def function():
            pass

        names = Other.__qualname__, function.__qualname__
    return Inner(2).method(1), Inner.Deep().name(), names


@case(*INTS)
def decorated_inside(a):
    def twice(f):
        @functools.wraps(f)
        def g(*args):
            return f(*args), f(*args)

        return g

    @twice
    def h(n):
        """doc"""
        return n if n else "zero"

    return h(a), h.__name__, h.__doc__


@case(*INTS)
def imports(a):
    if a:
        import math as m
        from os import path, sep
    return m.pi, sep


@case(*INTS)
def annotated(a):
    b: int
    c: nothing = a
    if a:
        b: int = 2
    return b + c


@case(*INTS)
def format_strings(a):
    return f"{a!r:>5} {a + 1 if a else 'none'} {[i for i in range(a)]} {a=}"


@case(*INTS)
def name_error(a):
    if a:
        return undefined_name
    return LIMIT


@case(*INTS)
def shadowing(a):
    len = 5
    range = lambda n: [n, len]
    for slice in range(a):
        a = (lambda len: len + slice)(a)
    return a, [len for len in "ab"], len


@case(*INTS)
def empty_arms(a):
    if a:
        pass
    else:
        ...
    for _ in range(a):
        pass
    while a < 0:
        a += 1
        continue
    return a


@case(*INTS)
def lambdas_with_logic(a):
    f = lambda x, y=a: x if x > y else (y and x)
    return f(1), f(2, 0), (lambda *b, **c: (b, c))(*[a], k=a)


@case(([3, 1, 2],), ([],))
def calls_back(xs):
    return sorted(xs, key=lambda v: -v if v > 1 else v), list(map(lambda v: v and v + 1, xs))


@case(*INTS)
def keyword_only(a, *, k=2, **rest):
    if a > k:
        return rest
    return k


@case(*INTS)
def positional_only(a, /, b=3):
    return a if a > b else b


@case(*INTS)
def nested_try(a):
    out = []
    try:
        try:
            out.append(1 // a)
            if a == 2:
                return out, "two"
            out.append([][a])
        except ZeroDivisionError:
            out.append("zero")
            out.append({}[a])
        finally:
            out.append("inner")
    except (IndexError, KeyError) as error:
        out.append(type(error).__name__)
        for i in range(3):
            if i == a:
                return out, i
    else:
        out.append("else")
    return out


@case(*INTS)
def exception_groups(a):
    out = []
    try:
        if a > 0:
            raise ExceptionGroup("g", [ValueError(a), TypeError(a)])
    except* ValueError as g:
        out.append(len(g.exceptions))
    except* TypeError:
        if a > 1:
            out.append("type")
    return out


@case(*INTS)
def stop_iteration(a):
    for i in range(3):
        if i == a:
            next(iter([]))
    return i


@case(*INTS)
def for_targets(a):
    box = Box(0)
    d = {}
    for d["k"], (box.value, *rest) in [(1, (2, 3)), (4, (a,))]:
        if not rest:
            d["empty"] = rest
    return d, box.value, rest


@case(*INTS)
def deep_returns(a):
    if a == 0:
        return 0
    for i in range(3):
        for j in range(3):
            while j < 5:
                j += 1
                if i + j == a:
                    return i, j
                if j == 4:
                    break
            if a == 1:
                break
    return "none", i, j


def _decorator(f: Any) -> Any:
    f.marked = True
    return f


@case(*INTS)
@_decorator
@_decorator
def decorated(a):
    if a:
        return a
    return decorated.marked


CASES += [
    (lambda x: x and x + 1, INTS), (lambda y: y or -1, INTS),
    (lambda a: (lambda b: b if b else a)(a - 1), INTS),
]  # fmt: skip
