"""Every kind of binding meets likewise where the sides of a branch do, and where iterations do."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.trace.running import assert_equal_trees
from tracejit import StructureError, UnsupportedError, jit


class Pair(NamedTuple):
    left: Any
    right: Any


class Items(list):  # type: ignore[type-arg]
    def total(self) -> Any:
        return sum(self)


class Point:
    def __init__(self, at: Any) -> None:
        self.at = at


def counted(*keys: int) -> Any:
    found = defaultdict(float)
    for key in keys:
        found[key] += 1.5
    return found


def added(places: Any, x: Any) -> Any:
    total = 0.0
    for k in places:
        total += x[k]
    return total


@dataclass(frozen=True)
class Kind:
    """What a name begins with, what it is bound to in turn ``i``, and what is asked of it."""

    first: Callable[[Any], Any]
    other: Callable[[Any, Any], Any]
    use: Callable[[Any, Any], Any]


KINDS = {
    "numbers of two kinds": Kind(lambda x: 1, lambda x, i: x[0] + i, lambda v, x: v * x[1]),
    "range": Kind(lambda x: range(2), lambda x, i: range(1, i), added),
    "slice": Kind(lambda x: slice(0, 1), lambda x, i: slice(1, i), lambda v, x: x[v].sum()),
    "tuple": Kind(lambda x: (x[0], 1), lambda x, i: (x[1] + i, i), lambda v, x: v[0] * v[1]),
    "named tuple": Kind(
        lambda x: Pair(x[0], x), lambda x, i: Pair(x[1], x * i), lambda v, x: v.right[2] * v.left
    ),
    "list": Kind(lambda x: [x[0], 1], lambda x, i: [x[1] + i, i], lambda v, x: v[0] * v[1]),
    "longer list": Kind(lambda x: [x[0]], lambda x, i: [x[1] + i, x[2]], lambda v, x: sum(v)),
    "list of a class": Kind(
        lambda x: Items([x[0]]), lambda x, i: Items([x[1] + i]), lambda v, x: v.total()
    ),
    "deque": Kind(
        lambda x: deque([x[0], x[1]]), lambda x, i: deque([x[2] + i, x[0]]), lambda v, x: v.pop()
    ),
    "dict": Kind(lambda x: {"a": x[0]}, lambda x, i: {"a": x[1] + i}, lambda v, x: v["a"]),
    "dict of other keys": Kind(
        lambda x: {1: x[0]}, lambda x, i: {i: x[1], 9: x[2]}, lambda v, x: sum(v.values())
    ),
    "counter": Kind(
        lambda x: Counter([1, 1]), lambda x, i: Counter([i, 1]), lambda v, x: v[1] + v[8] * x[0]
    ),
    "default": Kind(
        lambda x: counted(1, 1), lambda x, i: counted(1, i), lambda v, x: v[1] + v[8] * x[0]
    ),
    "ordered": Kind(
        lambda x: OrderedDict(a=x[0], b=x[1]),
        lambda x, i: OrderedDict(a=x[1], b=x[2] * i),
        lambda v, x: v["a"] * v["b"],
    ),
    "object": Kind(lambda x: Point(x[0]), lambda x, i: Point(x[1] + i), lambda v, x: v.at),
    "equal text": Kind(
        lambda x: "ab", lambda x, i: "".join(["a", "b"]), lambda v, x: x[0] if v == "ab" else x[1]
    ),
    "known object": Kind(lambda x: len, lambda x, i: len, lambda v, x: v(x)),
    "array": Kind(lambda x: x, lambda x, i: x[1:] * i, lambda v, x: v.sum()),
    "list of a list": Kind(
        lambda x: [[x[0]], 1], lambda x, i: [[x[1] + i], i], lambda v, x: v[0][0] * v[1]
    ),
}


def forms(kind: Kind) -> dict[str, Callable[..., Any]]:
    first, other, use = kind.first, kind.other, kind.use

    def branch(n, x):
        v = first(x)
        if n[0] > 2:
            v = other(x, int(n[0]))
        return use(v, x)

    def loop(n, x):
        v = first(x)
        for i in range(int(n[0])):
            v = other(x, i + 1)
        return use(v, x)

    def branch_alone(n, x):
        if n[0] > 2:
            v = other(x, int(n[0]))
        return use(v, x)

    def loop_alone(n, x):
        for i in range(int(n[0])):
            v = other(x, i + 1)
        return use(v, x)

    def or_none(n, x):
        v = None
        if n[0] > 2:
            v = other(x, int(n[0]))
        return -1.0 if v is None else use(v, x)

    found = branch, loop, branch_alone, loop_alone, or_none
    return {f.__name__: f for f in found}


def outcome(function: Callable[..., Any], n: int) -> Any:
    try:
        return function(np.array([n]), np.array([1.5, 2.5, 3.5, 4.5]))
    except UnboundLocalError as error:
        return str(error)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_meets_likewise_in_branches_and_loops(name: str) -> None:
    for form, function in forms(KINDS[name]).items():
        compiled = jit(function)
        for n in (0, 3):
            got, wanted = outcome(compiled, n), outcome(function, n)
            assert type(got) is type(wanted), (form, n, got, wanted)
            assert_equal_trees(got, wanted)


def deleted(n, x):
    y = 5.0
    total = 0.0
    for i in range(int(n[0])):
        total += y
        y = x[0] + i
        if i > 1:
            del y
    return y + total


def deleted_at_once(n, x):
    y = x[0]
    i = 0
    while i < n[0]:
        y = x[1]
        del y
        i += 1
    return y


@pytest.mark.parametrize("function", [deleted, deleted_at_once])
def test_a_name_that_an_iteration_deletes_is_unbound_in_the_next_and_after_it(
    function: Any,
) -> None:
    compiled = jit(function)
    for n in range(5):
        assert outcome(compiled, n) == outcome(function, n)


def list_after(n, x):
    first = [x[0]]
    last = first
    for i in range(int(n[0])):
        last = [x[0] + i]
    last[0] = 9.0
    return first[0]


def list_before(n, x):
    first = [x[0]]
    last = first
    for i in range(int(n[0])):
        first[0] = 7.0 + i + last[0]
        last = [x[0] + i]
    return first[0] * last[0]


@pytest.mark.parametrize("function", [list_after, list_before])
def test_a_list_that_no_iteration_may_have_bound_anew_is_that_of_another_name(
    function: Any,
) -> None:
    compiled = jit(function)
    for n in range(4):
        assert outcome(compiled, n) == outcome(function, n)


def dict_after(n, x):
    first = {1: x[0]}
    last = first
    for i in range(int(n[0])):
        last = {1: x[0] + i}
    last[1] = 9.0
    return first[1]


def object_after(n, x):
    first = Point(x[0])
    last = first
    for i in range(int(n[0])):
        last = Point(x[0] + i)
    first.at = 9.0
    return last.at


@pytest.mark.parametrize("function", [dict_after, object_after])
def test_what_cannot_be_shared_so_is_not_changed_through_either_name(function: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"known at run time only|decided at run time"):
        outcome(jit(function), 0)


def slices(n, x):
    part = slice(None)
    if n[0] > 2:
        part = slice(1, int(n[0]))
    return x[part]


def test_slices_of_other_ends_are_refused() -> None:
    with pytest.raises(Exception, match="the same of start, stop and step"):
        outcome(jit(slices), 0)


def smoothed(n, rows):
    while n > 0:
        n -= 1
        new = [[0.0] * 3 for _ in range(3)]
        for i in range(2):
            for j in range(3):
                new[i][j] = rows[i][j] + rows[i + 1][j]
        rows = new
    return rows


def test_rows_of_ints_in_a_list_meet_rows_of_floats() -> None:
    rows, compiled = [[1, 2, 3], [4, 5, 6], [7, 8, 9]], jit(smoothed)
    for n in (3, 1, 0, 2):
        assert compiled(n, rows) == smoothed(n, rows)
    assert rows == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def recursion_in_a_loop(a):
    k = 0
    while k < 3 and a[0] < 5:
        k += 1
        if a[1] > k:

            def down(y, n):
                return y if n <= 0 else down(y - 1, n - 1) + y

            a[2] += down(a, 1)[0]
        a[0] += 1
    return a


def closure_in_a_loop_over_a_generator(a):
    for _, x in zip(range(3), (x for x in a if x != 2)):

        def up(y, n):
            return y if n <= 0 else up(y + n, n - 1) + x

        a[0] += up(a, 2)[1]
    return a


@pytest.mark.parametrize("function", [recursion_in_a_loop, closure_in_a_loop_over_a_generator])
def test_functions_may_be_defined_in_each_iteration(function: Any) -> None:
    a = np.arange(3.0) + 1
    np.testing.assert_array_equal(jit(function)(a.copy()), function(a.copy()))


def called_behind_its_loop(a):
    k = 0
    while k < 3 and a[0] < 5:
        k += 1
        c = a[0] * 2

        def last(y):
            return y + c

        a[0] = last(a[0])
    return last(a[1])


def called_in_the_next_iteration(a):
    k = 0
    while k < 3 and a[0] < 5:
        if k > 0:
            a[0] += last(a[0])  # noqa: F821
        c = a[0] * 2

        def last(y):
            return y + c

        k += 1
    return a


@pytest.mark.parametrize("function", [called_behind_its_loop, called_in_the_next_iteration])
def test_a_function_of_another_iteration_is_not_called(function: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"last was defined in a loop .* call it there"):
        jit(function)(np.arange(3.0) + 1)


def test_what_stands_for_a_function_is_named_where_it_is_refused() -> None:
    def f(x: Any) -> Any:
        n = 0
        while True:
            n += 1
            if n > 2:
                break
            if x[0] > 5:
                continue

            def g(y: Any, k: int) -> Any:
                return y if k <= 0 else g(y - 1, k - 1) + y

            x = x + g(x, 0)
        return x

    with pytest.raises(StructureError, match="<function g of another iteration") as caught:
        jit(f)(np.ones(2))
    assert "object at 0x" not in str(caught.value)
