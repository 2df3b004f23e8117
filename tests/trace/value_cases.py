"""Cases for the converter: assignment, expressions, attributes and items."""

# ruff: noqa
from __future__ import annotations


from tests.trace.case_table import INTS, PAIRS, case


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
