"""Phrases of lists whose length the run decides as items of lists and dicts, and under two names:
what is changed through one shows through the other."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

REFERENCES = Phrases()
K, V = np.arange(70) * 37 % 11, np.cos(np.arange(70.0))
A, B = np.arange(40) * 7 % 12, np.arange(40) * 5 % 12
DYNAMIC = {"policies": ("dynamic",)}


@REFERENCES((K, V), (K[:9], V[:9]), (K[:0], V[:0]), **DYNAMIC)
def groups(keys: Any, values: Any) -> Any:
    by_default: Any = {}
    of_default: Any = defaultdict(list)
    asked: Any = {}
    joined: Any = {}
    for k, v in zip(keys, values):
        by_default.setdefault(k, []).append(v)
        of_default[int(k)].append((k, v))
        if k in asked:
            asked[k].append(1.0)
        else:
            asked[k] = [v]
        joined[k] = joined.get(k, []) + [v]
    sums, largest = {}, []
    for k, found in by_default.items():
        total = 0.0
        for v in found:
            total += v
        sums[k] = total / len(found), np.array(joined[k]).sum()
        if len(found) > len(largest):
            largest = found
    largest.append(0.5)
    return by_default, of_default, asked, joined, sums, largest


@REFERENCES((K, V), (K[:9], V[:9]), **DYNAMIC)
def groups_in_order(keys: Any, values: Any) -> Any:
    d: Any = defaultdict(list)
    for k, v in zip(keys, values):
        d[int(k)].append(v)
    sums = []
    for _, found in sorted(d.items(), reverse=True):
        sums.append(sum(found))
    first, last = min(d.items()), max(d.items())
    in_order = sorted(d.items())
    in_order[0][1].append(77.0)
    means = [(k, np.mean(found)) for k, found in sorted(d.items(), key=lambda pair: pair[0])]
    return [(k, len(found)) for k, found in in_order], sums, first[0], len(last[1]), means, d


@REFERENCES((A, B, V[:40], 12), (A[:5], B[:5], V[:5], 12), (A[:0], B[:0], V[:0], 3), **DYNAMIC)
def shortest_paths(u: Any, v: Any, w: Any, n: Any) -> Any:
    near: list[list[Any]] = [[] for _ in range(n)]
    degrees = [0] * n
    for i in range(len(u)):
        near[u[i]].append((v[i], w[i] + 1.5))
        near[v[i]].append((u[i], w[i] + 1.5))
        degrees[v[i]] += 1
    found = [np.inf] * n
    found[0] = 0.0
    heap = [(0.0, 0)]
    while heap:
        d, x = heapq.heappop(heap)
        if d > found[x]:
            continue
        for y, c in near[x]:
            if d + c < found[y]:
                found[y] = d + c
                heapq.heappush(heap, (d + c, y))
    return found, near, degrees


@REFERENCES((A, B, 12), (A[:7], B[:7], 12), (A[:0], B[:0], 1), **DYNAMIC)
def searched(u: Any, v: Any, n: Any) -> Any:
    near: Any = [[] for _ in range(n)]
    for a, b in zip(u, v):
        near[a].append(b)
        near[b].append(a)
    seen = [False] * n
    order, stack, leaves = [], [0], 0
    while stack:
        x = stack.pop()
        if seen[x]:
            continue
        seen[x] = True
        order.append(x)
        for y in reversed(near[x]):
            if not seen[y]:
                stack.append(y)
        if near[x]:
            leaves += near[x].pop()
            near[x].sort()
            near[x][0:0] = [x]
            near[x][-1] += 1
    return order, leaves, near, [len(row) for row in near]


@REFERENCES((V, 5), (V[:3], 70), (V[:0], 2), **DYNAMIC)
def buckets(x: Any, n: Any) -> Any:
    lists: Any = [[] for _ in range(n)]
    for v in x:
        lists[int(abs(v) * n) % n].append(v)
    out: Any = []
    for found in lists:
        found.sort()
        out.extend(found)
    lists[0], lists[-1] = lists[-1], lists[0]
    lists[1] = lists[0]
    lists[1].append(9.0)
    rest = lists[1:]
    rest[0].append(7.0)
    return out, lists, rest, lists[0] is lists[1], lists[-1] is lists[0]


@REFERENCES((K,), (K[:1],), (K[:0],), **DYNAMIC)
def runs(x: Any) -> Any:
    found: Any = []
    parts, part = [], []
    for v in x:
        if found and found[-1][0] == v % 3:
            found[-1].append(v)
        else:
            found.append([v % 3])
        part.append(v)
        if v > 5:
            parts.append(part)
            part = []
    part.append(0)
    return found, parts, part


@REFERENCES((K,), (K[:1],), (K[:0],), **DYNAMIC)
def two_names(x: Any) -> Any:
    p, q = [0], [1]
    pair: Any = p, q
    last: list[Any] = []
    for v in x:
        p = [v]
        q = p
        q.append(v + 1)
        pair = p, last
        last = q
        p.append(v + 2)
    q.append(-1)
    pair[0].append(-2)
    return p, q, pair, last


@REFERENCES((K[:4], 3), (K[:9], 90), **DYNAMIC)
def of_several_kinds(x: Any, n: Any) -> Any:
    d: Any = {}
    for i in range(n):
        d.setdefault(i % 4, []).append(i)
        if i > 5:
            d[i % 4].append(i / 2)
        d[i % 4].append(x[0])
    twice = [[0] * 3] * n
    twice[n - 1][0] = 5
    rows = [[1, 2], [3, 4]]
    rows[n % 2].append(n)
    return d, twice, rows


# Lists of lists that are arguments ---------------------------------------------------------------

FEW = [[1, 2], [0, 2, 3], [0, 1], [1], []]
MANY = [[(7 * i + k) % 90 for k in range(i % 4)] for i in range(90)]


@REFERENCES(lambda: (FEW, 0), lambda: (MANY, 3), policies=("auto",))
def reached(neighbours: Any, start: Any) -> Any:
    seen, found = {start}, [start]
    for depth in range(3):
        k = 0
        while k < len(found):
            for v in neighbours[found[k]]:
                if v not in seen:
                    seen.add(v)
                    found.append(v + depth * 0)
            k += 1
    sizes = [len(x) for x in neighbours]
    return found, sizes, sum(x[-1] for x in neighbours if x), list(neighbours[found[0]])


@REFERENCES(lambda: ([(i, i * 7 % 70, i / 2) for i in range(70)],), policies=("auto",))
def edges(pairs: Any) -> Any:
    degree, weight, first = [0] * 70, 0.0, 0
    for a, b, w in pairs:
        degree[a] += 1
        degree[b] += 2
        weight += w
    for k in range(len(pairs)):
        first += pairs[k][1] * k
    return degree, weight, first


@REFERENCES(lambda: ([[i * 0.5 + j for j in range(4)] for i in range(66)],), policies=("auto",))
def a_matrix(rows: Any) -> Any:
    total, place = 0.0, 0
    for i in range(len(rows)):
        for j in range(len(rows[0])):
            total += rows[i][j] * (i + j)
            if rows[i][j] > rows[place][3]:
                place = i
    return total, place


@REFERENCES(
    lambda: ({0: [1, 2], 1: [0, 3], 2: [0], 3: [], 9: [3, 0]}, 0, np.array([9, 0])),
    lambda: ({0: [1, 2], 1: [0, 3], 2: [0], 3: [], 9: [3, 0]}, 9, np.array([0, 4])),
    lambda: ({2: [0], 0: []}, 2, np.array([2])),
    policies=("auto",),
)
def reached_by_key(neighbours: Any, start: Any, asked: Any) -> Any:
    distance, queue = {start: 0}, deque([start])
    while queue:
        u = queue.popleft()
        for v in neighbours[u]:
            if v not in distance:
                distance[v] = distance[u] + 1
                queue.append(v)
    depths, stack = 0, [start]
    while stack and depths < 20:
        depths += 1
        stack.extend(reversed(neighbours.get(stack.pop(), [])))
    sizes = [(u, len(row)) for u, row in neighbours.items()]
    return distance, depths, sizes, [list(neighbours[k]) for k in asked]


@REFERENCES(lambda: ({(0, 1): [(1, 0.5)], (1, 0): [(2, 1.5), (3, 0.0)]}, np.arange(3)))
def by_pairs(found: Any, x: Any) -> Any:
    total = 0.0
    for i in x:
        for j in x:
            if (i, j) in found:
                for k, w in found[i, j]:
                    total += k * w
    return total


def _rows() -> list[Any]:
    return [[float(i), 2.0] for i in range(70)]


@REFERENCES(lambda: ([(i, i % 3) for i in range(70)], np.arange(80.0), _rows()), policies=("auto",))
def what_must_be_known(pairs: Any, x: Any, rows: Any) -> Any:
    """Loops over many items in which more must be known than a table says are compiled once for
    each item."""
    parts, texts = [], []
    for a, b in pairs:
        parts.append(x[a : a + b])
        texts.append("abc"[b] + str(a))
    same, best = 0, rows[0]
    for row in rows:
        row[0] *= 2
        same += row is rows[3]
        if len(row) == 2:
            parts.append(row)
        if row[0] > best[0]:
            best = row
    return parts, texts, same, best, rows
