"""Once compiled, calls change the caller's lists and dicts natively."""

from __future__ import annotations

import copy
import gc
import sys
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import NATIVE, X, Y, assert_same, outcome
from tracejit import jit
from tracejit.python_entry import entry


def each(x: Any) -> Any:
    for i in range(len(x)):
        x[i] = x[i] * 2
    return x


@dataclass
class Record:
    t: float = 0.0
    n: int = 0
    xs: list[float] = field(default_factory=lambda: [1.0, 2.0])
    d: dict[str, float] = field(default_factory=lambda: {"a": 1.0})
    inner: Any = None


def stepped(r: Any, v: Any) -> Any:
    r.t += v
    r.n += 1
    return r.t, r, r.xs


def stepped_inside(r: Any, v: Any) -> Any:
    r.d["a"] += v
    r.xs[0] += v
    r.inner.t = r.d["a"]
    return r.inner


def stepped_each(rs: Any, v: Any) -> None:
    for r in rs:
        r.t += v
        r.new = r.t


def stepped_and_raised(r: Any, v: Any) -> None:
    r.t = v
    if v > 2:
        raise ValueError("too far")
    r.n = 5


def entry_set(d: Any, v: Any) -> Any:
    d["a"] = v
    d["r"].xs = [v, v]
    return d


def swapped(x: Any, i: Any, j: Any) -> None:
    x[i], x[j] = x[j], x[i]


def added(x: Any, v: Any) -> Any:
    x.append(v)
    return len(x)


def fed(x: Any, out: Any) -> Any:
    """NumPy's numbers stay NumPy's."""
    for v in x:
        if v > 0.5:
            out.append(v)
    return len(out)


def two(a: Any, b: Any) -> Any:
    for i in range(len(a)):
        b[i] += a[i]
    a.clear()
    return b, a, sum(b)


def rows(m: Any, k: Any) -> Any:
    for row in m:
        for j in range(len(row)):
            row[j] += k
    return m


def chosen_row(m: Any, k: Any) -> None:
    m[k][0] = m[k][1] + 1


def entries(d: Any, x: Any) -> Any:
    for name in d:
        d[name] = d[name] + x
    d["new"] = [x, (x, 1)]
    return x, d


def counted(d: Any, x: Any) -> None:
    for v in x:
        d[v] = d.get(v, 0) + 1


def inserted(x: Any) -> None:
    for i in range(1, len(x)):
        save, j = x[i], i
        while j > 0 and x[j - 1] > save:
            x[j] = x[j - 1]
            j -= 1
        x[j] = save


def named(x: Any, *rest: Any, log: Any = None, **others: Any) -> Any:
    rest[0].append(x)
    others["deep"][1][0] = x
    log.extend(rest[1])
    return log


def arrays(x: Any, a: Any) -> Any:
    x[0] = a + 1
    x.append(a[::-1])
    x.append(a)
    return x[0], x[-1], x


def perhaps(x: Any, y: Any, k: Any) -> Any:
    if k <= 0:
        return None
    for i in range(k):
        y[i] = y[i] + k * x[i]
    if k == 1:
        return y
    return (x, k, (y, "two")) if k > 2 else f"{k}"


F, N = [float(i) for i in range(70)], list(range(70))
CHANGES: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (each, ([1, 2, 3],), {}), (each, ([1.5, 2, True],), {}), (each, ([1j, 2j],), {}),
    (each, ([complex(v, -v) for v in F],), {}), (rows, ([[1j, v + 0j] for v in F], 2), {}),
    (each, (F,), {}), (each, (N,), {}), (each, ([],), {}),
    (swapped, ([1, 2.5, 3], 0, 2), {}), (swapped, (F, 3, 60), {}), (swapped, (N, 3, 99), {}),
    (added, ([1], 2), {}), (added, (N, 2), {}), (added, ([], 2.5), {}),
    (two, ([1, 2], [3, 4]), {}), (two, (F, list(F)), {}),
    (rows, ([[1, 2], [3, 4]], 1), {}), (rows, ([[float(i)] * 9 for i in range(30)], 0.5), {}),
    (chosen_row, ([[1, 2], [3, 4]], 1), {}), (chosen_row, ([[i] * 9 for i in range(30)], 5), {}),
    (entries, ({"a": 1.0, "b": 2.0}, 0.5), {}), (counted, ({1: 1}, [1, 2, 1]), {}),
    (inserted, ([1.3, 5.6, -34.4, 34.4, 32, 1.2, 0],), {}), (inserted, (N[::-1],), {}),
    (named, (1.5, [2.0], [3.0]), {"log": [4.0], "deep": [0, [7.0]]}),
    (arrays, ([X, Y], X), {}),
    (fed, (np.linspace(0.0, 1.0, 200), []), {}), (fed, (np.ones(3), [np.float64(2.0)]), {}),
    (fed, ([1.0, 0.7], [2.0]), {}),
    (stepped, (Record(), 1.5), {}), (stepped_inside, (Record(inner=Record()), 1.5), {}),
    (stepped_each, ([Record(), Record()], 1.5), {}), (stepped_and_raised, (Record(), 1.5), {}),
    (stepped_and_raised, (Record(), 2.5), {}),
    (entry_set, ({"a": 1.0, "b": [2.0], "r": Record()}, 1.5), {}),
    *((perhaps, ([1j, 2 + 1j, 3j], [1.0 + 0j, 2j, 3j], k), {}) for k in (0, 1, 2, 3)),
]  # fmt: skip


def called(f: Any, args: Any, kwargs: Any) -> Any:
    """The answer of a call on copies, with what it changed; ``is``: which containers it returns."""
    given, named_ones = copy.deepcopy((args, kwargs))
    held = [x for x in (*given, *named_ones.values()) if isinstance(x, list | dict)]
    answer = outcome(lambda: f(*given, **named_ones))
    parts = answer if isinstance(answer, tuple) else (answer,)
    same = [[x is y for y in held] for x in parts]
    return list(answer) if isinstance(answer, tuple) else answer, list(given), named_ones, same


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_changes_are_those_of_python(number: int) -> None:
    function, args, kwargs = CHANGES[number]
    f, wanted = jit(function), called(function, args, kwargs)
    for _ in range(4):
        for got, want in zip(called(f, args, kwargs), wanted, strict=True):
            assert_same(got, want)


@NATIVE
@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_no_python_code_runs(number: int) -> None:
    function, args, kwargs = CHANGES[number]
    f, made = jit(function), []
    given = [copy.deepcopy((args, kwargs)) for _ in range(4)]
    for some, others in given[:3]:
        outcome(lambda some=some, others=others: f(*some, **others))
    (last, others), before = given[3], f.stats().slow_calls

    def note(frame: Any, event: str, arg: Any) -> None:
        made.append((event, frame.f_code.co_name))

    fails = (function is swapped and args[2] > 70) or (
        function is stepped_and_raised and args[1] > 2
    )
    sys.setprofile(note)
    try:
        f(*last, **others)
    except (IndexError, ValueError):
        assert fails
    finally:
        sys.setprofile(None)
    assert f.stats().slow_calls == before
    assert fails or [x for x in made if x[0] == "call"] == []


def moved(x: Any) -> None:
    x[1] = x[2]


def cut(x: Any) -> Any:
    x.append(x[0])
    x.pop()
    return x.pop()


def nothing_new(x: Any) -> None:
    for i in range(len(x)):
        x[i] = x[i] * 1


def rows_of(m: Any) -> None:
    m[0][1] += 1


_SPECIAL = [0.0, -0.0, 1.5, float("nan"), float("inf"), 1e-320]
KEPT: list[tuple[Any, tuple[Any, ...]]] = [
    *((f, (list(x),)) for f in (moved, cut) for x in (
        [v + 0.5 for v in F], [v + 2**40 for v in N], [complex(v, -v) for v in F], _SPECIAL * 20,
        [1.5, 2.5, 3.5, 4.5], [1000, 2000, 3000], [1.5, 2000, 3j, True],
        [2**40, -(2**62), 5] * 30, [1 + 0j, complex(1, -0.0), complex(-0.0, 1)] * 30,
    )),
    (swapped, ([v + 0.5 for v in F], 1, 60)), (swapped, ([1.5, 2.5, 3.5], 0, 2)),
    (added, ([v + 0.5 for v in F], 7.5)), (added, ([1.5, 2.5], 3.5)),
    (nothing_new, ([2**40 + v for v in N],)), (nothing_new, (_SPECIAL * 20,)),
    (rows_of, ([[1.5, 2.5], [3.5, 4.5]],)), (rows_of, ([[v + 0.5, v] for v in F],)),
    (arrays, ([X, Y, 2.5], X)),
]  # fmt: skip


def objects_in(x: Any) -> list[Any]:
    return [o for item in x for o in (objects_in(item) if type(item) is list else [item])]


@pytest.mark.parametrize("number", range(len(KEPT)))
def test_items_that_stay_are_the_same_objects(number: int) -> None:
    """In the places where Python leaves what was there; no others have changed bits."""
    function, args = KEPT[number]
    f = jit(function)
    for _ in range(4):
        kept, found = [], []
        for call in (function, f):
            given = copy.deepcopy(args)
            before = objects_in(given[0])
            call(*given)
            after = objects_in(given[0])
            kept.append([x is y for x, y in zip(before, after, strict=False)])
            found.append([*map(repr, after)])
        assert found[0] == found[1]
        pairs = list(zip(*kept, strict=True))
        if function is nothing_new:  # equal numbers are as good as those that were there
            assert all(ours for _, ours in pairs)
        else:
            assert all(ours or not theirs for theirs, ours in pairs)


class Body:
    unit = "m"

    def __init__(self) -> None:
        self.t, self.n, self.at = 0.0, 0, np.zeros(3)

    def move(self, dt: Any) -> Any:
        self.t = self.t + dt
        self.n += 1
        self.at = self.at + dt
        self.last = (dt, f"{self.n} {self.unit}")
        return self.at if dt else None


class Fixed:
    __slots__ = ("t",)

    def __init__(self) -> None:
        self.t = 1.0

    def move(self, dt: Any) -> None:
        self.t += dt


class Checked(Fixed):
    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@pytest.mark.parametrize("kind", [Body, Fixed, Checked])
def test_attributes_are_set(kind: Any) -> None:
    f, ours, theirs = jit(kind.move), kind(), kind()
    for k in range(6):
        got, want = f(ours, 0.5), theirs.move(0.5)
        assert_same(got, want)
        assert ours.t == theirs.t
        if kind is Body:
            assert_same(vars(ours), vars(theirs))
            assert got is ours.at
        if k == 3:
            before = f.stats().slow_calls
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


@NATIVE
def test_no_python_code_sets_attributes() -> None:
    def move(body: Any, dt: Any) -> Any:
        body.t += dt
        body.at = body.at * dt
        return body.t

    f, body, made = jit(move), Body(), []
    for _ in range(3):
        f(body, 0.5)
    count = sys.getrefcount(body)
    sys.setprofile(lambda frame, event, arg: made.append(event))
    f(body, 0.5)
    sys.setprofile(None)
    assert made.count("call") == 0
    assert body.t == 2.0
    assert sys.getrefcount(body) == count
    other = Body()
    counts = [sys.getrefcount(x.at) for x in (body, other)]
    assert counts[0] == counts[1]


def test_a_list_of_both_kinds_of_floats() -> None:
    f = jit(fed)
    for _ in range(3):
        for given in ([2.0], [2.0] * 100, [np.float64(2.0), 1.0]):
            ours, theirs = list(given), list(given)
            f(np.ones(90), ours)
            fed(np.ones(90), theirs)
            assert_same(ours, theirs)


@NATIVE
def test_nothing_is_left_behind() -> None:
    f, items = jit(two), [1.5, 2.5, 3.5, 4.5]

    def run(times: int) -> None:
        for _ in range(times):
            a, b = items[:2], items[2:]
            assert f(a, b)[0] is b

    run(3)
    gc.collect()
    before, counts = sys.getallocatedblocks(), list(map(sys.getrefcount, items))
    run(200)
    gc.collect()
    assert sys.getallocatedblocks() - before < 100
    assert list(map(sys.getrefcount, items)) == counts


def test_what_drops_out_of_a_list_may_run_code() -> None:
    """The last reference to an item goes while the lists are given new ones."""

    def f(x: Any, y: Any) -> None:
        x[0] = 1.0
        y[0] = 2.0

    g = jit(f)
    for _ in range(4):
        x, y = [np.zeros(2), 5.0], [0.0]
        seen: list[Any] = []

        def dropped(_: Any, x: Any = x, y: Any = y, seen: Any = seen) -> None:
            seen.append((list(x), list(y)))
            x.append(7.0)

        watched = weakref.ref(x[0], dropped)
        g(x, y)
        assert watched() is None
        assert len(seen) == 1
        assert x == [1.0, 5.0, 7.0]
        assert y == [2.0]
