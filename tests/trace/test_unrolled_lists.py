"""Loops of few turns that make lists longer, or go over lists: unrolled where that is little code,
one loop where it is much, unrolled nevertheless where one loop would be refused."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit


def much(x: Any, i: Any) -> Any:
    """A few dozen operations."""
    y = np.sin(x * i) + np.cos(x + i) * np.exp(-x) - np.tanh(x / (i + 1)) + np.sqrt(np.abs(x) + 1)
    z = y * 2 + np.log1p(y * y) - y**3 + np.arctan(y)
    return 0.3 * z / (1 + np.abs(z))


def upper_hull(points: Any, turns: int) -> Any:
    hull: list[Any] = []
    for p in points[:turns]:
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            if (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) <= 0:
                hull.pop()
            else:
                break
        hull.append(p)
    return np.array(hull)


def rows(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        out.append(much(x, i))
    return np.array(out)


def tuples(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        out.append((i, much(x[0, 0], i)))
    return out


def with_break(x: Any, turns: int) -> Any:
    out = []
    for i in range(turns):
        v = much(x[i % 3, 0], i)
        if v > 0.29:
            break
        out.append(v)
    else:
        out.append(-1.0)
    return out


def two_lists(x: Any, turns: int) -> Any:
    a, b = [], []
    for i in range(turns):
        v = much(x, i)
        a.append(v)
        b.append(v.sum())
    return np.stack(a).mean(0), max(b), b


def popped(x: Any, turns: int) -> Any:
    stack = [float(k) for k in range(turns)]
    total = 0.0
    for i in range(turns):
        total = total + much(x, i).sum() * stack.pop()
    return total, stack


def of_a_dict(x: Any, turns: int) -> Any:
    found = {}
    for i in range(turns):
        found[i] = much(x, i)
    return found


POINTS = np.random.default_rng(0).random((64, 2))
ONE_LOOP = [upper_hull, rows, tuples, with_break, two_lists, popped, of_a_dict]


def same(a: Any, b: Any) -> None:
    """One type and one value, item by item."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        a, b = list(a.items()), list(b.items())
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, str):
        assert a == b
    else:
        np.testing.assert_allclose(a, b, rtol=1e-12)


def instructions(program: Callable[..., Any], turns: int) -> int:
    compiled = jit(program, static_argnums=1, cache=False)
    same(compiled(POINTS, turns), program(POINTS, turns))
    same(compiled(POINTS[::-1].copy(), turns), program(POINTS[::-1].copy(), turns))
    return str(compiled.inspect_ir(POINTS, turns)).count("\n")


@pytest.mark.parametrize("program", ONE_LOOP)
def test_much_code_is_one_loop(program: Callable[..., Any]) -> None:
    assert instructions(program, 60) <= instructions(program, 45) + 3


def test_little_code_is_unrolled_so_that_the_length_is_known() -> None:
    @jit
    def doubled(x: Any) -> Any:
        out = []
        for i in range(6):
            out.append(x[i, 0] * 2)
        return np.array(out)

    same(doubled(POINTS), POINTS[:6, 0] * 2)
    assert "f64[6] = concatenate" in str(doubled.inspect_ir(POINTS))


def of_other_shapes(x: Any) -> Any:
    out = []
    for i in range(30):
        out.append(much(x[: i + 1], i))
    return out


def of_texts(x: Any) -> Any:
    names = []
    for i in range(30):
        names.append(str(i))
        x = much(x, i)
    return names, x


@pytest.mark.parametrize("program", [of_other_shapes, of_texts])
def test_what_one_loop_refuses_is_unrolled_however_much_it_is(program: Callable[..., Any]) -> None:
    compiled = jit(program)
    for x in (POINTS, POINTS[::-1].copy()):
        same(compiled(x), program(x))


class Sets:
    """Which numbers belong together."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, x: Any) -> Any:
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def join(self, a: Any, b: Any) -> bool:
        a, b = self.find(a), self.find(b)
        self.parent[b] = a
        return bool(a != b)


def spanning_tree(edges: Any) -> Any:
    sets, total, used = Sets(20), 0.0, []
    for w, a, b in sorted(edges):
        if sets.join(a, b):
            total += w
            used.append((a, b))
    return total, used


def shortest_paths(edges: Any) -> Any:
    near = defaultdict(list)
    for w, a, b in edges:
        near[a].append((b, w))
        near[b].append((a, w))
    found, heap = {0: 0.0}, [(0.0, 0)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > found.get(u, math.inf):
            continue
        for v, w in near[u]:
            if d + w < found.get(v, math.inf):
                found[v] = d + w
                heapq.heappush(heap, (d + w, v))
    return found


def own_pairs(edges: Any) -> Any:
    pairs, total = [(w * 2, a) for w, a, b in edges], 0.0
    for w, a in pairs:
        total += much(w, a)
    return total, pairs[-1]


def changed_by_its_loop(edges: Any) -> Any:
    total, pairs = 0.0, [(w, a) for w, a, b in edges[:20]]
    for k, (w, a) in enumerate(pairs):
        total += much(w, a)
        pairs[(k + 1) % 20] = (total, a)
    for w, a, b in edges:
        total += much(w, a)
        edges[-1] = (total, b, a)
    return total, pairs


def edges(count: int, seed: int) -> list[tuple[float, int, int]]:
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 20, (count, 2)).tolist()
    return [(float(w), a, b) for w, (a, b) in zip(rng.random(count), ends, strict=True)]


@pytest.mark.parametrize("program", [spanning_tree, shortest_paths, own_pairs])
def test_much_code_for_each_item_of_a_list_is_one_loop(program: Callable[..., Any]) -> None:
    counts = []
    for many in (40, 60):
        compiled = jit(program, cache=False, shapes="dynamic", opt_level=0)
        for seed in (0, 1):
            same(compiled(edges(many, seed)), program(edges(many, seed)))
        counts.append(str(compiled.inspect_ir(edges(many, 0))).count("\n"))
    assert counts[1] <= counts[0] + 20 * 8  # what takes the list apart, and puts it in order


def test_many_lists_become_lists_of_the_run_at_once() -> None:
    """Here the ends of edges are known, and so is which of twenty lists each is put into."""
    compiled = jit(shortest_paths, cache=False, opt_level=0)
    same(compiled(edges(20, 0)), shortest_paths(edges(20, 0)))


def test_a_list_that_its_loop_changes_is_gone_through_as_it_changes() -> None:
    mine, theirs = edges(30, 0), edges(30, 0)
    same(jit(changed_by_its_loop)(mine), changed_by_its_loop(theirs))
    same(mine, theirs)


def test_derivatives_of_one_loop() -> None:
    def total(x: Any) -> Any:
        return np.sum(rows(x, 40) ** 2)

    x = np.linspace(0.1, 1, 5)
    step = 1e-6 * np.eye(5)
    differences = [(total(x + h) - total(x - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(grad(total)(x), differences, rtol=1e-6)
