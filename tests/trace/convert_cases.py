"""Functions for the converter's tests, each with the arguments to call it with.

Every function is run as it is and converted; results, exceptions and mutations must agree. They
live outside the test modules because pytest rewrites the assertions of those.
"""

# ruff: noqa
from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

CASES: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = []
INTS = [(-2,), (0,), (1,), (2,), (3,), (7,)]
PAIRS = [(a, b) for a in (-1, 0, 1, 2, 5) for b in (0, 1, 3)]
LISTS = [([],), ([1],), ([1, 2, 3],), ([0, 5, -1, 4],)]
LIMIT = 10
counter = 0


def case(*arguments: Any) -> Callable[[Any], Any]:
    def add(fn: Any) -> Any:
        CASES.append((fn, list(arguments)))
        return fn

    return add


@case(*INTS)
def if_else(a):
    if a > 1:
        b = a
    elif a == 1:
        b = "one"
    else:
        b = -a
    return b


@case(*INTS)
def maybe_unbound(a):
    if a > 1:
        b = a
    return b


@case(*INTS)
def unbound_in_arm(a):
    if a:
        print_me = later
    later = 1
    return print_me


@case(*INTS)
def deleted_in_arm(a):
    b = 1
    if a > 0:
        del b
    if a > 1:
        b = 5
    if a < 2:
        return b
    del b
    return b


@case(*INTS)
def double_delete(a):
    b = 1
    if a:
        del b
    if a > 1:
        del b
    return b


@case(*INTS)
def early_returns(a):
    if a < 0:
        return "neg"
    if a == 0:
        return
    if a == 1:
        if LIMIT:
            return "nested"
    b = a * 2
    if b > 5:
        return b
    else:
        b += 1
    return b, "end"


@case(*INTS)
def mixed_returns(a):
    x = 0
    if a > 0:
        if a > 2:
            return "big"
        x = 1
    else:
        if a < 0:
            return "neg"
        x = 2
    x += 10
    return x


@case(*INTS)
def return_none_at_end(a):
    if a:
        return a


@case(*PAIRS)
def while_loop(a, b):
    n = 0
    while a < b * 3:
        a += 1
        n += a
    return a, n


@case(*PAIRS)
def while_else_break(a, b):
    while a < 5:
        a += 1
        if a == b:
            break
    else:
        return "no break", a
    return "break", a


@case(*PAIRS)
def while_continue(a, b):
    out = []
    while a < 6:
        a += 1
        if a % 2:
            continue
        if a > b:
            out.append((a, b))
            continue
        out.append(a)
    return out


@case(*INTS)
def while_true(a):
    while True:
        a += 1
        if a > 5:
            return a


@case(*INTS)
def while_true_break(a):
    while 1:
        a += 1
        if a > 5:
            break
        if a == 3:
            a += 10
    return a


@case(*INTS)
def loop_var_after(a):
    for i in range(a):
        pass
    return i


@case(*LISTS)
def search(xs):
    for i, x in enumerate(xs):
        if x > 2:
            return i
    return -1


@case(*LISTS)
def search_else(xs):
    for x in xs:
        if x == 5:
            found = x
            break
    else:
        found = None
    return found


@case(*LISTS)
def nested_loops(xs):
    out = []
    for x in xs:
        for y in xs:
            if y == x:
                continue
            if y < 0:
                break
            if x + y == 9:
                return "nine", out
            out.append((x, y))
        else:
            out.append("complete")
            continue
        out.append("broken")
    return out


@case(*LISTS)
def else_jumps(xs):
    out = []
    for x in xs:
        for y in range(x):
            if y == 3:
                break
        else:
            if x < 0:
                continue
            if x == 3:
                break
            out.append("else")
        out.append(x)
    return out


@case(*INTS)
def partial_continue(a):
    out = []
    for i in range(a):
        if i > 1:
            if i == 3:
                continue
            out.append("in")
        else:
            out.append("out")
        out.append(i)
    return out


@case(*INTS)
def partial_break_and_return(a):
    total = 0
    for i in range(6):
        if i > a:
            if a == 1:
                return "one", i
            if a == 2:
                break
        total += i
    else:
        total = -total
    return total, i


@case(*INTS)
def iterator_not_advanced(a):
    it = iter(range(10))
    for i in it:
        if i >= a:
            break
    return next(it), i


@case(([1, 2],), ([1],), ((3, 4),), ("ab",), (5,), ([1, 2, 3],), (None,), ({1: 2, 3: 4},))
def unpack_two(v):
    a, b = v
    return b, a


@case(([1, 2],), ([1],), ([],), ((3, 4, 5),), ("abcd",), (5,))
def unpack_star(v):
    a, *b, c = v
    return a, b, c


@case(([1, (2, [3, 4])],), ([1, (2, [3])],), ([1, 2],))
def unpack_nested(v):
    a, (b, [c, d]) = v
    return a, b, c, d


@case(([0, 0, 0], [7, 8]), ([0], [1, 2]), ([0, 0, 0], [1]))
def unpack_to_items(out, v):
    i = 0
    i, out[i] = v
    return i, out


@case(([3, 4],))
def swaps(v):
    a, b = v
    a, b = b, a
    v[0], v[1] = v[1], v[0]
    return a, b, v


@case(*INTS)
def chained_assignment(a):
    x = y = [a]
    d = {}
    d["k"] = z = x
    z.append(1)
    return x, y, d


@case(*PAIRS)
def chained_comparison(a, b):
    calls = []

    def f(v):
        calls.append(v)
        return v

    return f(a) < f(b) <= f(3) != f(a), calls


@case(*PAIRS)
def boolean_values(a, b):
    return (a and b), (a or b), (not a), (a and b or "x"), (a or b and [] or 0)


@case(*PAIRS)
def short_circuit(a, b):
    return a != 0 and b // a > 0 or a == 0 and "zero"


@case(*PAIRS)
def conditional_expression(a, b):
    return b // a if a else ("none" if not b else -b)


@case(*INTS)
def contains(a):
    return a in (1, 2), a not in [1], a is None, a is not None, "x" in str(a)


@case((1,), ("x",), (None,))
def contains_error(a):
    return 1 in a


@case(*INTS)
def asserts(a):
    assert a != 0
    assert a > 0, f"bad {a}"
    return a


@case(*INTS)
def raises(a):
    if a == 1:
        raise ValueError("one")
    if a == 2:
        raise KeyError
    try:
        if a == 0:
            raise ZeroDivisionError("zero") from None
        return 6 // a
    except ZeroDivisionError as e:
        if a == 0:
            raise RuntimeError("again") from e


@case(*INTS)
def reraise(a):
    try:
        1 // a
    except ZeroDivisionError:
        if a == 0:
            raise
    return a


@case(*INTS)
def handler_name_is_unbound(a):
    e = 1
    try:
        if a > 0:
            raise ValueError(a)
    except ValueError as e:
        pass
    return e


@case(*LISTS)
def try_in_loop(xs):
    out = []
    for x in xs:
        try:
            v = 10 // x
        except ZeroDivisionError:
            out.append("skip")
            continue
        else:
            if v == 2:
                break
        finally:
            out.append("finally")
        out.append(v)
    return out


@case(*LISTS)
def return_in_try_in_loop(xs):
    log = []
    for x in xs:
        try:
            log.append(x)
            if x == 5:
                return log, "five"
            if x == 1:
                continue
            log.append("end")
        except ValueError:
            return "never"
        else:
            log.append("else")
        finally:
            log.append("f")
    return log


@case(*INTS)
def return_in_with(a):
    log = []
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(log.append, "closed")
        if a > 1:
            return log
        log.append(a)
        for i in range(a + 3):
            if i == 3:
                return log, i
    return log, "end"


@case(*INTS)
def suppressed(a):
    with contextlib.suppress(ZeroDivisionError, AttributeError):
        x = 1 // a
        return x
    return x


@case(*INTS)
def with_targets(a):
    with contextlib.nullcontext((a, [a])) as (b, c), contextlib.nullcontext(b) as d:
        c[0] += d
    return b, c, d


@case(*INTS)
def try_finally_returns(a):
    log = [a]
    try:
        if a > 0:
            return log
        log.append("x")
    finally:
        log.append("finally")
    return log, 1


@case(*INTS)
def return_in_handler(a):
    try:
        x = 4 // a
    except ZeroDivisionError as e:
        return str(e)
    else:
        if x == 2:
            return "two"
    return x


@case(*INTS)
def match_statement(a):
    for i in range(3):
        match a:
            case 0:
                return "zero"
            case 1 | 2 if i == 1:
                break
            case -2:
                continue
            case n:
                a = n - 1
    else:
        return "else", a
    return "end", a


@case(({"k": 1, "z": 2},), ([1, 2, 3],), ("s",), (4,))
def match_patterns(v):
    match v:
        case {"k": k, **rest}:
            return k, rest
        case [a, *b]:
            return a, b
        case str() as s:
            return s
    return v


class Box:
    limit = 3

    def __init__(self, value):
        self.value = value
        self.__hidden = 1

    def bump(self, n):
        self.value += n
        self.__hidden += n
        while self.__hidden > self.limit:
            self.__hidden -= 1
        return self.value, self.__hidden

    def delete(self):
        del self.__hidden
        return self.__hidden

    @property
    def double(self):
        return self.value * 2

    @classmethod
    def make(cls, v):
        if v:
            return cls(v).value
        return cls.limit

    @staticmethod
    def static(v):
        return v if v else Box


class Child(Box):
    def __init__(self, value):
        if value is not None:
            super().__init__(value)
        self.own = __class__

    def bump(self, n):
        for _ in range(2):
            out = super().bump(n) if n else None
        return out

    def deep(self, n):
        f = lambda: super(Child, self).bump(n)
        return f()


@case((0,), (3,))
def boxes(n):
    box = Box(n)
    box.value += 1
    box.items = [1, 2]
    box.items[0] += n
    box.items[-1:] = [n] * 2
    del box.items[0]
    out = box.value, box.items, box.double
    del box.items
    return out, box.items


@case(([1, 2, 3],), ([],), ((1, 2),))
def items(v):
    v[0] = 5
    v[-1] += 2
    v[1:2] = [8, 9]
    return v, v[::2], v[-1]


@case((1,), ([1],), (None,))
def subscript_errors(v):
    return v[0][1]


@case((1,), ([1],))
def attribute_error(v):
    return v.nothing


@case(({"a": 1},), ({},))
def delete_items(d):
    del d["a"]
    return d


@case(*INTS)
def aug_order(a):
    log = []

    def at(v, r):
        log.append(v)
        return r

    xs = [1, 2, 3]
    at("obj", xs)[at("key", 1)] += at("value", a)
    at("obj", xs)[at("key", 0)] = at("value", a)
    return log, xs


@case(([1],), ((1,),), (1,), ("x",))
def aug_kinds(v):
    w = v
    w += v
    w *= 2
    return v, w, v is w


@case((1, 2), (5, 0), (7, 3))
def aug_operators(a, b):
    out = []
    x = a
    x -= b
    x <<= 2
    x |= 1
    x ^= b
    x &= 255
    x **= 2
    x >>= 1
    out.append(x)
    x %= b
    x //= b
    x /= 2
    return x


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
