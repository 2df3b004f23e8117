"""Objects that loops and branches bind names to: what is read of them is read in each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tracejit import UnsupportedError, jit


class Node:
    def __init__(self, v: Any, w: Any) -> None:
        self.v = v
        self.w = w

    def bump(self, by: Any) -> None:
        self.v = self.v + by


@dataclass
class Record:
    v: Any
    w: Any


class Slotted:
    __slots__ = ("v", "w")

    def __init__(self, v: Any, w: Any) -> None:
        self.v = v
        self.w = w


def swapped(p: Any, q: Any, n: Any) -> Any:
    for _ in range(n):
        p, q = q, p
    return p.v, p.w, q.v


def made_anew(p: Any, q: Any, n: Any) -> Any:
    for _ in range(n):
        p = type(q)(1, 2)
    return p.v, p.w


def made_of_itself(p: Any, q: Any, n: Any) -> Any:
    for _ in range(n):
        p = type(p)(p.v + 1, p.w)
    return p.v, p.w


def other(p: Any, q: Any, n: Any) -> Any:
    while n > 0:
        p = q
        n -= 1
    return p.v, p.w


def in_a_list(p: Any, q: Any, n: Any) -> Any:
    x = [p, q]
    for _ in range(n):
        x[0], x[1] = x[1], x[0]
    return x[0].v


def in_a_dict(p: Any, q: Any, n: Any) -> Any:
    x = {"a": p, "b": q}
    for _ in range(n):
        x["a"], x["b"] = x["b"], x["a"]
    return x["a"].v


def in_a_tuple(p: Any, q: Any, n: Any) -> Any:
    t = (p, q)
    for _ in range(n):
        t = (t[1], t[0])
    return t[0].v


def read_by_a_function(p: Any, q: Any, n: Any) -> Any:
    def read() -> Any:
        return p.v

    for _ in range(n):
        p, q = q, p
    return read()


def set_before(p: Any, q: Any, n: Any) -> Any:
    p.v = n
    for _ in range(n):
        p, q = q, p
    return p.v, q.v


def perhaps_none(p: Any, q: Any, n: Any) -> Any:
    last = None
    for _ in range(n):
        last = p
    return None if last is None else last.v


@pytest.mark.parametrize("cls", [Node, Record, Slotted])
@pytest.mark.parametrize(
    "f",
    [
        swapped, made_anew, made_of_itself, other, in_a_list, in_a_dict, in_a_tuple,
        read_by_a_function, set_before, perhaps_none,
    ],
)  # fmt: skip
def test_attributes_are_those_of_the_arguments(f: Any, cls: Any) -> None:
    compiled = jit(f, shapes="dynamic", opt_level=0)
    for values in ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12)):
        for n in (0, 2, 1):
            args, others = ((cls(*values[:2]), cls(*values[2:]), n) for _ in range(2))
            assert repr(compiled(*args)) == repr(f(*others))
            assert [(x.v, x.w) for x in args[:2]] == [(x.v, x.w) for x in others[:2]]


def test_an_object_with_more_attributes_is_of_another_version() -> None:
    def f(p: Any, q: Any, n: Any) -> Any:
        for _ in range(n):
            p, q = q, p
        return getattr(p, "more", 0)

    compiled = jit(f, shapes="dynamic", opt_level=0)
    p, q = Node(1, 2), Node(3, 4)
    assert compiled(p, q, 1) == 0
    p.more, q.more = 5, 6  # type: ignore[attr-defined]
    assert (compiled(p, q, 1), compiled(p, q, 2)) == (6, 5)
    del p.more, q.more  # type: ignore[attr-defined]
    assert compiled(p, q, 1) == 0


def changed_and_bound(n: Any) -> Any:
    p, q = Node(1, 2), Node(3, 4)
    if n > 1:
        p = q
        p.bump(5)
    return p.v, q.v


def changed_on_both_sides(n: Any) -> Any:
    return set_on_each_side((Node(1, 2), Node(3, 4), None), n)


def set_to_what_the_other_has(n: Any) -> Any:
    p, q = Node(1, 2), Node(1, 4)
    if n > 1:
        p = q
        p.v = 2
    return p.v, q.v


@pytest.mark.parametrize("f", [changed_and_bound, changed_on_both_sides, set_to_what_the_other_has])
def test_what_a_side_sets_shows_in_what_it_binds(f: Any) -> None:
    compiled = jit(f, shapes="dynamic", opt_level=0)
    for n in (0, 2, 1):
        assert compiled(n) == f(n)


def test_a_list_in_an_object_that_may_be_an_argument_is_not_changed_unseen() -> None:
    def f(p: Any, m: Any, n: Any) -> Any:
        for k in range(n):
            p = Node(k, [k, k])
        m.append(1)
        return p.w

    m = [4, 5]
    with pytest.raises(UnsupportedError, match=r"which list a name is bound to|an argument that"):
        jit(f, shapes="dynamic")(Node(1, m), m, 0)


def best_of(nodes: Any, n: Any) -> Any:
    best = nodes[0]
    for node in nodes:
        if node.v > best.v:
            best = node
    return best.v, best.w, n


def by_a_function(nodes: Any, n: Any) -> Any:
    def larger(a: Any, b: Any) -> Any:
        return a if a.v > b.v else b

    best = nodes[0]
    for node in nodes[1:]:
        best = larger(best, node)
    return best.w, n


def one_of_two(nodes: Any, n: Any) -> Any:
    p, q, _ = nodes
    r = p if n > 1 else q
    return r.v + r.w


def set_on_each_side(nodes: Any, n: Any) -> Any:
    p, q, _ = nodes
    if n > 1:
        p.v = 7
        r = p
    else:
        r = q
        r.v = 9
    return r.v, p.v, q.v


def set_and_bound(nodes: Any, n: Any) -> Any:
    p, q, _ = nodes
    if n > 1:
        q.v = 8
        p = q
        p.w = 4
    return p.v, p.w, q.v, q.w


def a_new_one(nodes: Any, n: Any) -> Any:
    p = nodes[0]
    if n > 1:
        p = type(p)(n, 2)
    return p.v, p.w


def after_a_failure(nodes: Any, n: Any) -> Any:
    try:
        if n > 1:
            raise ValueError
        r = nodes[0]
    except ValueError:
        r = nodes[1]
    return r.v


def last_above(nodes: Any, n: Any) -> Any:
    r = None
    for node in nodes:
        if node.v > n:
            r = node
    return -1 if r is None else r.w


@pytest.mark.parametrize("cls", [Node, Slotted])
@pytest.mark.parametrize(
    "f",
    [
        best_of, by_a_function, one_of_two, set_on_each_side, set_and_bound, a_new_one,
        after_a_failure, last_above,
    ],
)  # fmt: skip
def test_branches_choose_among_arguments(f: Any, cls: Any) -> None:
    compiled = jit(f, shapes="dynamic", opt_level=0)
    for a, b, c, d in ((1, 2, 3, 4), (5, 6, 7, 8), (9, 4, 2, 3), (1.5, 2.5, 3.5, 0.5)):
        for n in (0, 2, 1):
            nodes, others = ([cls(a, b), cls(c, d), cls(a - 1, b + 2)] for _ in range(2))
            assert repr(compiled(nodes, n)) == repr(f(others, n))
            assert [(x.v, x.w) for x in nodes] == [(x.v, x.w) for x in others]


def test_an_argument_that_may_be_chosen_is_not_set() -> None:
    def f(p: Any, q: Any, n: Any) -> Any:
        r = p if n > 1 else q
        q.v = 5
        return r.v

    with pytest.raises(UnsupportedError, match="attribute 'v' of an object that a branch may have"):
        jit(f, shapes="dynamic")(Node(1, 2), Node(3, 4), 1)
