"""Containers of the caller in results keep their identity, changed or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import jit

LEVELS = [1, 2]
TABLE = {"w": np.arange(3.0)}


@dataclass
class Params:
    w: Any
    k: Any = None


def update(params: Any, gradient: Any) -> Any:
    for name in params:
        params[name] -= 0.1 * gradient[name]
    return params


def appended(params: Any, items: Any) -> Any:
    items.append(params)
    return items, (params, items)


def replaced(params: Any, items: Any) -> Any:
    params["w"] = params["w"] * 2
    params["items"] = items
    return {"p": params, "new": [items]}


def unchanged(params: Any, items: Any) -> Any:
    return items if items else params


def chosen(params: Any, items: Any) -> Any:
    if params["w"].sum() > 0:
        params["w"] += 1
        return params
    return params


def twice(params: Any, items: Any) -> Any:
    new = [params["w"] + 1, items]
    params["new"] = {"inner": new}
    return new, (new, params["new"]), [new]


def of_the_module(params: Any, items: Any) -> Any:
    return LEVELS, TABLE, params["w"] * LEVELS[1]


def same_objects(result: Any, known: list[Any]) -> Any:
    """The structure of a result, with known containers by their place in ``known``."""
    for k, x in enumerate(known):
        if result is x:
            return k
    if isinstance(result, dict):
        return {key: same_objects(v, known) for key, v in result.items()}
    if isinstance(result, list | tuple):
        return type(result)(same_objects(v, known) for v in result)
    return np.asarray(result).tolist()


@pytest.mark.parametrize("function", [appended, replaced, unchanged, chosen, twice, of_the_module])
def test_identity(function: Callable[..., Any]) -> None:
    compiled = jit(function)
    for _ in range(3):
        seen = []
        for g in (function, compiled):
            params, items = {"w": np.arange(3.0)}, [np.ones(2)]
            result = g(params, items)
            known = [params, items, LEVELS, TABLE]
            seen.append((same_objects(result, known), [same_objects(k, []) for k in known[:1]]))
        assert seen[0] == seen[1]


def test_a_new_container_in_several_places() -> None:
    def f(d: Any, x: Any) -> Any:
        new = [x + 1, x[1:]]
        other = {"a": new, "x": new[0]}
        d["kept"] = new
        return new, (other, other), new[0], new[1]

    compiled = jit(f)
    for g in (f, compiled, compiled):
        d: dict[str, Any] = {}
        x = np.arange(3.0)
        new, (one, two), first, view = g(d, x)
        assert new is d["kept"] is one["a"]
        assert one is two
        assert first is new[0] is one["x"]
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(first, [1, 2, 3])


def test_views_of_a_new_array_in_the_callers_containers() -> None:
    def f(d: Any, x: Any) -> Any:
        y = x * 2
        d["view"] = y[1:]
        d["y"] = y
        return d["view"], y[:1]

    d: dict[str, Any] = {}
    view, first = jit(f)(d, np.arange(3.0))
    assert view is d["view"]
    d["y"][:] = 7
    assert view.tolist() == [7, 7]
    assert first.tolist() == [7]


def test_views_of_one_new_array_inside_of_containers() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        part = [y[1:]]
        return part, part, y

    part, again, y = jit(f)(np.arange(3.0))
    assert part is again
    part[0][0] = -1
    assert y.tolist() == [0, -1, 4]


def test_copies_are_arrays_of_their_own() -> None:
    def f(d: Any, x: Any) -> Any:
        a = x + 1
        d["a"], d["copy"] = a, a.copy()
        b = a
        return a, b, a.copy(), x[:2].copy(), x[:2].copy()

    compiled = jit(f)
    for g in (f, compiled, compiled):
        d: dict[str, Any] = {}
        x = np.arange(3.0)
        a, b, *copies = g(d, x)
        assert a is b
        assert a is d["a"]
        every = [x, a, d["copy"], *copies]
        for k, one in enumerate(every):
            assert not any(np.shares_memory(one, other) for other in every[:k])


def test_update_in_place_stays_native() -> None:
    compiled = jit(update)
    params, gradient = {"a": np.ones(3), "b": np.ones(2)}, {"a": np.ones(3), "b": np.ones(2)}
    for _ in range(5):
        assert compiled(params, gradient) is params
    np.testing.assert_allclose(params["a"], 0.5)
    assert compiled.stats().slow_calls == 1


def test_dataclass_and_tuple() -> None:
    def f(p: Any, pair: Any) -> Any:
        p.w += 1
        p.k = pair
        return p, pair

    p, pair = Params(np.arange(2.0)), (np.arange(2.0), 3.0)
    compiled = jit(f)
    for _ in range(2):
        first, second = compiled(p, pair)
        assert first is p
        assert second is pair
        assert p.k is pair
    np.testing.assert_array_equal(p.w, [2, 3])


def test_a_foreign_array_in_a_container() -> None:
    swapped = np.arange(3.0).astype(">f8")
    params = {"w": swapped}

    def f(d: Any) -> Any:
        d["w"] += 1
        return d

    result = jit(f)(params)
    assert result is params
    assert result["w"] is swapped
    np.testing.assert_array_equal(swapped, [1, 2, 3])


def test_powers_of_run_time_ints() -> None:
    def f(x: Any, n: int) -> Any:
        total = 0.0
        for i in range(n):
            x[i] *= 2**-i
            total += (i + 1) ** -i
        return x, total, 2 ** (n - 1)

    compiled = jit(f, shapes="dynamic")
    x, y = np.ones(6), np.ones(6)
    got, want = compiled(x, 4), f(y, 4)
    np.testing.assert_array_equal(got[0], want[0])
    assert got[1:] == want[1:]
    assert type(got[2]) is int
    assert jit(lambda n: 2**n, shapes="dynamic")(-1) == 0.5


def filled(q: Any, n: int) -> Any:
    for k in range(n):
        q.append(k)
    return len(q)


def turned(q: Any, x: float) -> Any:
    q.append(x)
    q.rotate(1)
    q[1] = q.pop() + 1
    return q


def emptied(q: Any, n: int) -> Any:
    q.clear()
    q.extendleft([n, 2 * n])
    return q[0], q is q


@pytest.mark.parametrize(
    ("f", "items", "most", "x"),
    [(filled, [], None, 3), (turned, [1, 2, 3], None, 7.5), (emptied, [1, 2], 1, 4)],
)
def test_a_deque_of_the_caller_is_changed(f: Any, items: Any, most: Any, x: Any) -> None:
    g = jit(f)
    for _ in range(3):  # also once the call is known
        mine, theirs = deque(items, most), deque(items, most)
        found, wanted = g(mine, x), f(theirs, x)
        assert (found, mine, mine.maxlen) == (wanted, theirs, theirs.maxlen)
        assert (found is mine) == (wanted is theirs)


def test_a_deque_in_a_dict_and_twice() -> None:
    def f(d: Any, q: Any) -> Any:
        d["a"].append(1)
        return len(q)

    q: deque[int] = deque()
    assert jit(f)({"a": q}, q) == 1
    assert q == deque([1])
