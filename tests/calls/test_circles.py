"""Arguments that refer to themselves: trees with parents, linked lists, graphs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit


@dataclass
class Node:
    value: Any
    children: list[Any] = field(default_factory=list)
    parent: Any = field(default=None, repr=False)


class Link:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.next: Any = None
        self.back: Any = None


def family(first: Any = 1.0) -> Node:
    top = Node(first)
    top.children += [Node(first * k, parent=top) for k in (2.0, 3.0)]
    return top


def chain(*values: Any) -> Link:
    links = [Link(v) for v in values]
    for a, b in zip(links, links[1:], strict=False):
        a.next, b.back = b, a
    return links[0]


def ring(*values: Any) -> Link:
    first = chain(*values)
    last = first
    while last.next is not None:
        last = last.next
    last.next, first.back = first, last
    return first


def sum_of_children(n: Any) -> Any:
    return n.value + sum(c.value for c in n.children), n.children[0].parent is n


def written_through_the_parent(n: Any) -> Any:
    n.children[0].parent.value[0] = 7.0
    return n.value * 2


def attribute_set(n: Any) -> Any:
    n.value = n.value * n.children[1].value
    return n.value


def total_of_links(n: Any) -> Any:
    total = 0.0
    while n is not None:
        total += n.value
        n = n.next
    return total


def back_from_the_end(n: Any) -> Any:
    while n.next is not None:
        n = n.next
    found = []
    while n is not None:
        found.append(n.value)
        n = n.back
    return found


def three_of_a_ring(n: Any) -> Any:
    found = []
    for _ in range(3):
        found.append(n.value)
        n = n.next
    return found


def branch_on_a_link(n: Any) -> Any:
    return n.next.value if n.value[0] > 0 else n.value


def made_inside(x: Any) -> Any:
    n = chain(x, x + 1)
    n.next.value = n.next.back.value * 2
    return n.next.value


def copied(x: Any) -> Any:
    n = ring(x, x + 1)
    other = copy.deepcopy(n)
    other.next.value[0] = 9.0
    return other.next.next is other, n.next.value, other.next.value


def arrays() -> Any:
    return np.array([1.0, 2.0])


CALLS: list[tuple[Callable[[Any], Any], Callable[[], Any]]] = [
    (sum_of_children, family),
    (sum_of_children, lambda: family(arrays())),
    (written_through_the_parent, lambda: family(arrays())),
    (attribute_set, lambda: family(arrays())),
    (total_of_links, lambda: chain(1.0, 2.0, 4.0)),
    (total_of_links, lambda: chain(arrays(), arrays())),
    (back_from_the_end, lambda: chain(1, 2, 3)),
    (three_of_a_ring, lambda: ring(arrays(), 2.0)),
    (branch_on_a_link, lambda: chain(arrays(), arrays() * 3)),
    (made_inside, arrays),
    (copied, arrays),
]


@pytest.mark.parametrize(("f", "make"), CALLS)
def test_as_in_python(f: Callable[[Any], Any], make: Callable[[], Any]) -> None:
    compiled = jit(f)
    for _ in range(2):
        mine, theirs = make(), make()
        want, got = f(theirs), compiled(mine)
        assert repr(got) == repr(want)
        if not isinstance(mine, np.ndarray):
            assert repr(mine.value) == repr(theirs.value)


@pytest.mark.parametrize("make", [list, dict])
def test_a_container_that_holds_itself_is_refused(make: Callable[[], Any]) -> None:
    held = make()
    held.append(held) if isinstance(held, list) else held.update(a=held)
    with pytest.raises(UnsupportedError, match="holds itself cannot be an argument"):
        jit(lambda x: 1)(held)
