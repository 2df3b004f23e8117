"""Lists of many numbers as arguments: one argument each, changed in the caller as Python would."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, grad, jit


def written(a: Any) -> Any:
    a[2] = a[1] * 2
    a[-1] += 1
    return a


def grown(a: Any) -> Any:
    a.append(a[0])
    a.extend([a[1], a[2]])
    return len(a)


def mixed(a: Any) -> Any:
    a[0], a[1] = 0, 0.5
    return a


def mixed_in_loop(a: Any) -> Any:
    for k in range(len(a)):
        if a[k] > 3:
            a[k] = 0
    return a


def shrunk(a: Any) -> Any:
    return a.pop() + a.pop(0)


def in_loop(a: Any) -> Any:
    s = 0
    for k in range(len(a)):
        if a[k] > 3:
            s += a[k]
            a[k] = -a[k]
    return s


def running(a: Any) -> Any:
    out = []
    s = 0
    for v in a:
        s += v
        out.append(s)
    return out


USES: list[Callable[[Any], Any]] = [
    written,
    grown,
    shrunk,
    in_loop,
    running,
    lambda a: a,
    lambda a: (a, [a], {"a": a}),
    lambda a: (len(a), a[0], a[-1], a[3:6], a[::2]),
    lambda a: (sum(a), min(a), max(a)),
    lambda a: np.array(a),
    lambda a: np.mean(a) * np.asarray(a),
    lambda a: np.dot(a, a),
    lambda a: np.array(a)[::-1].cumsum(),
    lambda a: [v * 2 for v in a],
    lambda a: [x + y for x, y in zip(a, a, strict=True)],
    lambda a: [k * v for k, v in enumerate(a)],
    lambda a: list(map(lambda v: v + 1, a)),
    lambda a: a + [1],
    lambda a: a * 2,
    lambda a: a.append(1),
    lambda a: a.append(1.5),
    lambda a: a.extend([True, 2]),
    lambda a: mixed(a),
    lambda a: 5 in a,
    lambda a: a.reverse(),
    lambda a: a.clear(),
    lambda a: a.insert(3, a[0]),
    lambda a: bool(a),
    lambda a: isinstance(a, list),
    lambda a: tuple(a),
    lambda a: a == a[:],
    lambda a: (lambda *b: b[3])(*a),
]


def numbers(kind: type, n: int) -> list[Any]:
    return [kind(k) for k in range(n)]


@pytest.mark.parametrize("kind", [float, int])
@pytest.mark.parametrize("f", USES)
def test_lists_of_many_numbers(f: Callable[[Any], Any], kind: type) -> None:
    g = jit(f)
    for n in (70, 70, 71):
        mine, theirs = numbers(kind, n), numbers(kind, n)
        assert repr(g(mine)) == repr(f(theirs))
        assert repr(mine) == repr(theirs)
        assert [type(v) for v in mine] == [type(v) for v in theirs]


COMPLEX: list[Callable[[Any], Any]] = [
    written, grown, shrunk, running, lambda a: (a[3:6], sum(a)), lambda a: [v * 1j for v in a],
    lambda a: np.array(a) * 2, lambda a: a.append(1), mixed, lambda a: max(map(abs, a)),
]  # fmt: skip


@pytest.mark.parametrize("f", COMPLEX)
def test_lists_of_many_complex_numbers(f: Callable[[Any], Any]) -> None:
    test_lists_of_many_numbers(f, complex)


def test_numbers_of_another_kind_are_not_converted() -> None:
    for kind in (float, int):
        mine, theirs = numbers(kind, 70), numbers(kind, 70)
        assert jit(mixed_in_loop)(mine) == mixed_in_loop(theirs)
        assert list(map(repr, mine)) == list(map(repr, theirs))


def test_a_list_is_one_argument_of_any_length() -> None:
    g = jit(lambda a: sum(a))
    for n in range(64, 600, 50):
        assert g(numbers(float, n)) == sum(range(n))
    assert g.stats().compilations <= 3
    assert "hidden" not in g.inspect_ir(numbers(float, 64))
    assert len(g._dispatcher.versions()[-1].args) == 1


def test_the_list_that_is_passed_comes_back() -> None:
    a = numbers(float, 80)
    got = jit(lambda a, p: (a, p["k"], a))(a, {"k": a[:]})
    assert got[0] is a
    assert got[2] is a
    assert got[1] == a


def test_one_list_in_two_places() -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = 9.0
        return b[0]

    a = numbers(float, 80)
    jit(f)(a, a)
    assert a[0] == 9.0
    assert jit(f)(numbers(float, 80), numbers(float, 80)) == 0.0


@pytest.mark.parametrize(
    "items",
    [
        [*numbers(float, 70), 1],
        [*numbers(int, 70), True],
        [*numbers(float, 70), np.float64(2.0)],
        [*numbers(int, 70), 2**64],
        [float("nan"), -0.0, float("inf"), *numbers(float, 70)],
        [[*numbers(float, 70)], [*numbers(float, 80)]],
    ],
)
def test_lists_of_other_things(items: Any) -> None:
    f = lambda a: (a[0], a[-1], a[:2], len(a))  # noqa: E731
    assert repr(jit(f)(list(items))) == repr(f(list(items)))


def test_integers_that_decide_structure_are_arguments_of_their_own() -> None:
    def f(a: Any, x: Any) -> Any:
        return x.sum(axis=a[1]) + np.ones((2,) * a[2]).size

    g = jit(f)
    x = np.ones((2, 3))
    for _ in range(2):
        assert g(numbers(int, 70), x).tolist() == f(numbers(int, 70), x).tolist()


def test_what_is_not_supported_is_said_of_the_program() -> None:
    with pytest.raises(UnsupportedError, match="what a text decides"):
        jit(lambda a: f"{a[0]}" == "0.0")(numbers(float, 70))
    g = jit(fallback=True)(lambda a: f"{a[0]}" == "0.0")
    with pytest.warns(UserWarning, match="what a text decides"):
        assert g(numbers(float, 70)) is (f"{numbers(float, 70)[0]}" == "0.0")


def test_gradients_by_a_list() -> None:
    a = numbers(float, 70)
    got = grad(lambda a: sum(v * v for v in a))(a)
    assert got == [2 * v for v in a]


# One list in several places -----------------------------------------------------------------------


def written_by_two_names(a: Any, b: Any) -> Any:
    a[3] = 100
    b[4] = b[3] * 2
    a.append(b[0])
    for k in range(1, len(b)):
        b[k] = a[k - 1] + 1
    return a[4], len(b), a is b, sum(a), sum(b)


@pytest.mark.parametrize("kind", [float, int])
def test_one_list_passed_twice_is_one_argument(kind: type) -> None:
    f = jit(written_by_two_names)
    for n in (70, 75, 80):
        mine, theirs = numbers(kind, n), numbers(kind, n)
        assert f(mine, mine) == written_by_two_names(theirs, theirs)
        assert mine == theirs
        apart = [numbers(kind, n) for _ in range(4)]
        assert f(*apart[:2]) == written_by_two_names(*apart[2:])
        assert apart[:2] == apart[2:]
    assert f.stats().compilations == 4


def changed(a: Any, b: Any) -> Any:
    a[2][3] = 9.5
    return b[2][3], a is b, a[2] is b[2]


def product(a: Any, b: Any) -> Any:
    total = 0.0
    for i in range(len(a)):
        for k in range(len(b)):
            total += a[i][k] * b[k][i]
    return total, a is b, a[2] is b[2]


@pytest.mark.parametrize("f", [changed, product])
def test_a_matrix_of_many_numbers_is_passed_twice(f: Callable[[Any, Any], Any]) -> None:
    g = jit(f)
    for one in (True, False):
        mine, theirs = ([[k * i + 0.5 for k in range(66)] for i in range(66)] for _ in range(2))
        others = [x if one else [list(row) for row in x] for x in (mine, theirs)]
        assert g(mine, others[0]) == f(theirs, others[1])
        assert mine == theirs
        assert others[0] == others[1]
    assert g.stats().compilations == 2


# Lists of lists -----------------------------------------------------------------------------------


def lengths(a: Any) -> Any:
    return [len(row) for row in a], max(map(len, a)), len(a)


def total(a: Any) -> Any:
    t = 0
    for row in a:
        for v in row:
            t += v
    return t


def reached(a: Any) -> Any:
    seen, todo, order = {0}, deque([0]), []
    while todo:
        u = todo.popleft()
        order.append(u)
        for v in a[u]:
            if v not in seen:
                seen.add(v)
                todo.append(v)
    return order


def gone_through(a: Any) -> Any:
    t, stack, found = 0, [1], []
    while stack:
        u = stack.pop()
        t += len(a[u])
        if t < 60:
            found.extend(a[u][1:])
            for v in reversed(a[u]):
                if v not in found[:3]:
                    stack.append(v)
    return t, found, list(a[-1]), sum(a[2]), 3 in a[2], [x for x in a[1] if x > 2]


def appended(a: Any) -> Any:
    a[2].append(a[3][0])
    a.append([a[2][-1]])
    return a


def rows_out(a: Any) -> Any:
    return a[3], a, [a[4], a[3]], a[3] is a[4], a[3] is a[3]


def kept(a: Any) -> Any:
    mine = [list(row) for row in a]
    mine[3].append(7)
    return mine, a


NESTED: list[Callable[[Any], Any]] = [
    lengths, total, reached, gone_through, appended, rows_out, kept
]  # fmt: skip


def lists_of(n: int, kind: type = int, least: int = 1) -> list[list[Any]]:
    return [[kind((i * 7 + 3 * k) % n) for k in range(least + i * 5 % 4)] for i in range(n)]


@pytest.mark.parametrize("f", NESTED)
def test_a_list_of_lists_is_two_arguments(f: Callable[[Any], Any]) -> None:
    g = jit(f)
    for n in (70, 75, 70):
        mine, theirs = lists_of(n), lists_of(n)
        before = list(mine)
        got, want = g(mine), f(theirs)
        assert repr(got) == repr(want)
        assert mine == theirs
        assert all(a is b for a, b in zip(mine, before, strict=False))
        if f is rows_out:
            assert got[0] is mine[3]
            assert got[1] is mine
    assert len(g._dispatcher.versions()[-1].args) == 2
    assert g.stats().compilations <= 2  # for other lengths, once more


def test_what_lists_of_lists_are_arrays() -> None:
    g = jit(total)
    for a in (
        lists_of(66),
        lists_of(66, float, least=0),
        [[1.5] * 20] * 3 + [[2.0] * 63 for _ in range(10)],
        [[k] * 40 for k in range(20)],
        [[0.5] * 70, [1.5] * 80],
        [[] for _ in range(70)],
        [[1], [2.5], *lists_of(70)],
        [[True], *lists_of(70)],
        [[1, 2], [3]],
        [[4] * 30] * 30,
    ):
        for _ in range(3):
            assert repr(g(a)) == repr(total(a))


def test_native_calls_take_lists_of_lists_apart() -> None:
    g = jit(total)
    for n in (64, 65, 300, 64):
        assert g(lists_of(n)) == total(lists_of(n))
    assert g.stats().compilations <= 2
    assert g.stats().slow_calls <= 2
    assert jit(total)(lists_of(64, float)) == total(lists_of(64, float))


def row_and_table(a: Any, b: Any) -> Any:
    b[0] = 99
    t = 0
    for row in a:
        t += row[0]
    return t


@pytest.mark.parametrize("swapped", [False, True])
def test_a_list_that_is_also_elsewhere_is_one(swapped: bool) -> None:
    f = (lambda b, a: row_and_table(a, b)) if swapped else row_and_table
    g = jit(f)
    order = -1 if swapped else 1
    for _ in range(3):
        mine, theirs = lists_of(80), lists_of(80)
        apart = [1, 2, 3]
        assert g(*(mine, list(apart))[::order]) == f(*(theirs, list(apart))[::order])
        assert g(*(mine, mine[5])[::order]) == f(*(theirs, theirs[5])[::order])
        assert mine == theirs


def test_a_list_that_is_twice_in_a_list_is_one() -> None:
    f = jit(appended)
    for _ in range(2):
        mine, theirs = lists_of(80), lists_of(80)
        mine[9], theirs[9] = mine[2], theirs[2]
        assert f(mine) == appended(theirs)
        assert mine == theirs
        assert mine[9] is mine[2]


def test_no_array_of_the_last_call_is_kept() -> None:
    f = jit(total)
    a = lists_of(80)
    assert f(a) == total(a)
    a[3][0] += 5
    a[4] = []
    a.append([1, 2, 3])
    assert f(a) == total(a)
