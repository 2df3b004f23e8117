"""Phrases of deques of which the run decides how long they are: queues, windows, both ends."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

DEQUES = Phrases()
ONE = ("dynamic",)
GRID = np.array([[0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])


@DEQUES((np.array([0, 2, 5, 7, 8]), np.array([1, 2, 0, 2, 3, 0, 1, 1]), 0))
def breadth_first(first: Any, neighbours: Any, start: Any) -> Any:
    distance = np.full(len(first) - 1, -1)
    distance[start] = 0
    queue = deque([start])
    while queue:
        u = queue.popleft()
        for k in range(first[u], first[u + 1]):
            v = neighbours[k]
            if distance[v] < 0:
                distance[v] = distance[u] + 1
                queue.append(v)
    return distance, queue


@DEQUES((GRID,), policies=ONE)
def cheapest_first(grid: Any) -> Any:
    h, w = grid.shape
    cost = np.full((h, w), 99)
    cost[0, 0] = 0
    queue = deque([(0, 0)])
    while len(queue) > 0:
        i, j = queue.popleft()
        for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            a, b = i + di, j + dj
            if 0 <= a < h and 0 <= b < w and cost[i, j] + grid[a, b] < cost[a, b]:
                cost[a, b] = cost[i, j] + grid[a, b]
                if grid[a, b]:
                    queue.append((a, b))
                else:
                    queue.appendleft((a, b))
    return cost


@DEQUES((np.array([3.0, 1.0, 2.0, 5.0, 0.0] * 20), 3), (np.array([3.0]), 3), (np.array([]), 3))
def windows(x: Any, k: Any) -> Any:
    last: Any = deque(maxlen=5)
    best: Any = deque()
    means, largest = [], []
    for i in range(len(x)):
        last.append(x[i])
        means.append(sum(last) / len(last))
        while best and x[best[-1]] <= x[i]:
            best.pop()
        best.append(i)
        if best[0] <= i - k:
            best.popleft()
        largest.append(x[best[0]])
    return means, largest, last, deque(x, maxlen=2)


@DEQUES((np.arange(200),), (np.arange(3),), policies=ONE)
def both_ends(x: Any) -> Any:
    q: Any = deque()
    for v in x:
        if v % 3:
            q.append(int(v))
            q.extend([1, int(v)])
        else:
            q.appendleft(int(v))
            q.extendleft((2, int(v)))
        if v % 5 == 0 and len(q) > 4:
            q.pop()
            q.popleft()
    other = q.copy()
    other.rotate(3)
    other.reverse()
    q += [7, 8]
    q[2] = 77
    q[-1] += 5
    return q, other, list(q), len(q), q[0], sum(q), 7 in q, [v for v in reversed(q)], max(q)


@DEQUES(lambda: (deque([1, 2, 3]), 90), lambda: (deque([1, 2, 3]), 0), policies=ONE)
def of_the_caller(q: Any, n: Any) -> Any:
    for i in range(n):
        if i % 2:
            q.append(i)
        if i % 3 == 2:
            q.popleft()
    return len(q)


@DEQUES((100,), (1,), policies=ONE)
def in_a_ring(n: Any) -> Any:
    q, turned = deque(range(1, n + 1)), deque(range(n))
    while len(q) > 1:
        q.append(q.popleft())
        q.popleft()
    while len(turned) > 1:
        turned.rotate(-2)
        turned.popleft()
    return q, turned[0]


@DEQUES((5,), (0,), policies=ONE)
def taken_from_nothing(n: Any) -> Any:
    q: Any = deque()
    for i in range(n):
        if i > 100:
            q.append(i)
    if n:
        q.popleft()
    return q[0]
