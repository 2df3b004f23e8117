"""Phrases: objects other than arrays that a loop or branch changes, also through libraries."""

from __future__ import annotations

import array
import bisect
import functools
import heapq
import itertools
import operator
import queue
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque

import numpy as np

from tests.programs.phrase import Phrases

STATE = Phrases()
#: Loops of a length that is known while tracing.
_SIZED = {"policies": ("auto",)}
_X = ((np.array([3, 1, 2, 3, 1]),), (np.array([-3, 1, 2, 0, 5]),))
_F = ((np.array([0.5, -1.5, 2.0]),), (np.array([-0.5, 1.5, 2.0]),))


# Sets ---------------------------------------------------------------------------------------------


@STATE(*_X, **_SIZED)
def set_that_a_loop_adds_its_counter_to(x):
    seen = set()
    for i in range(len(x)):
        seen.add(i)
    return len(seen), seen


@STATE(*_X)
def set_that_many_turns_leave_alike(x):
    seen, total = {1, 2}, 0
    for i in range(100):
        seen.discard(2)
        seen |= {5}
        total += len(seen) * i
    return seen, total


@STATE(*_X)
def set_that_both_sides_change(x):
    kinds = set()
    if x[0] > 0:
        kinds.add("positive")
    else:
        kinds.update(["positive"])
    return kinds


@STATE(*_X)
def set_by_another_name(x):
    one = {1, 2, 3}
    two = one
    for i in range(3):
        one -= {i}
    return one is two, two


@STATE(*_X, **_SIZED)
def sets_in_a_list(x):
    groups = [set() for _ in range(3)]
    for i in range(len(x)):
        groups[i % 3].add(i)
    return groups


@STATE(*_X)
def set_made_in_a_branch(x):
    n = 0
    if x[0] > 0:
        here = {1}
        here.add(2)
        here.discard(1)
        n = len(here)
    return n


# Queues -------------------------------------------------------------------------------------------


@STATE(*_X, *_F, **_SIZED)
def deque_filled_and_emptied(x):
    waiting = deque()
    for v in x:
        waiting.append(v)
    total = 0
    while waiting:
        total = total * 2 + waiting.popleft()
    return total


@STATE(*_X, *_F)
def deque_of_the_last_ones(x):
    last = deque([0, 0, 0], maxlen=3)
    for i in range(100):
        last.append(x[0] * i)
    return list(last), sum(last)


@STATE(*_X, *_F)
def deque_turned_where_a_value_says(x):
    turning = deque([1, 2, 3])
    if x[0] > 0:
        turning.rotate(1)
    turning[0] += 1
    return list(turning)


@STATE(*_X, **_SIZED)
def queue_of_the_library(x):
    q = queue.Queue()
    for v in x:
        q.put(v)
    first = q.get()
    return first, q.qsize()


@STATE(*_X)
def heap_of_constants(x):
    heap = [5, 3, 8]
    heapq.heapify(heap)
    for i in range(4):
        heapq.heappush(heap, i)
    if x[0] > 100:
        heapq.heappop(heap)
        heapq.heappush(heap, 20)
    return heap[0], len(heap)


@STATE(*_X)
def insertion_in_order_that_is_not_reached(x):
    found = [5]
    if x[0] > 100:
        bisect.insort(found, 1)
    return found


# Dicts of the library, and lists in dicts ---------------------------------------------------------


@STATE(*_X, **_SIZED)
def counter_of_the_library(x):
    counts = Counter("ab")
    if x[0] > 0:
        counts.update("ab")
    for i in range(len(x)):
        counts[i % 2] += 1
    return counts


@STATE(*_X, **_SIZED)
def default_dict_of_lists(x):
    groups = defaultdict(list)
    for i in range(len(x)):
        groups[i % 2].append(x[i])
    return groups


@STATE(*_X)
def grouped_by_setdefault(x):
    groups = {}
    for k, v in zip(("a", "b", "a"), (x[0], x[1], x[2])):
        groups.setdefault(k, []).append(v)
    return groups


@STATE(*_X, **_SIZED)
def grouped_by_setdefault_in_a_loop(x):
    groups = {}
    for i in range(len(x)):
        groups.setdefault(i % 2, []).append(x[i])
    return groups


@STATE(*_X)
def list_that_get_hands_out(x):
    table = {"a": [0], "b": [1]}
    if x[0] > 0:
        table.get("a")[0] = 7
        table["b"].append(x[1])
    else:
        table.get("b").append(2)
    return table


@STATE(*_X)
def lists_that_pop_and_next_hand_out(x):
    rows = [[0], [1], [2]]
    rows.pop().append(9)
    last = rows[-1]
    if x[0] > 0:
        rows.pop().append(1)
    else:
        rows.pop()
    next(iter(rows)).append(5)
    return rows, last


@STATE(*_X)
def ordered_dict_turned_in_a_loop(x):
    names = OrderedDict(a=1, b=2)
    for i in range(3):
        names.move_to_end("a")
        names["a"] += x[i]
    return list(names), names["a"]


@STATE(*_X, *_F, **_SIZED)
def list_and_dict_of_user_classes_of_the_library(x):
    items, names = UserList([1]), UserDict(a=1)
    if x[0] > 0:
        items[0] = 5
        names["a"] = 2
    for v in x:
        items.append(v)
    return items.data, names.data


# What C calls back, and iterators -----------------------------------------------------------------


@STATE(*_X)
def change_through_a_method_caller(x):
    found = [0]
    if x[0] > 0:
        operator.methodcaller("append", 1)(found)
    return len(found)


@STATE(*_X)
def change_through_a_callback(x):
    seen = [3, 1]

    def add(a, b):
        seen.append(a)
        return a + b

    if x[0] > 100:
        functools.reduce(add, [1, 2, 3])
    return seen


@STATE(*_X, *_F, **_SIZED)
def counter_and_cycle_of_itertools(x):
    count, sign = itertools.count(1), itertools.cycle([1, -1])
    total = 0
    for v in x:
        total += next(count) * next(sign) * v
    return total


@STATE(*_X, *_F, **_SIZED)
def items_of_iterators_taken_in_a_loop(x):
    def numbers():
        k = 1
        while True:
            yield k
            k *= 2

    weights, powers = iter([10, 20, 30, 40, 50]), numbers()
    total = 0
    for v in x:
        total += next(weights) * v + next(powers)
    return total


@STATE(*_X, *_F, **_SIZED)
def iterators_made_in_a_branch_or_loop(x):
    total = 0 * x[0]
    if x[0] > 0:
        total += sum(v * k for k in range(2) for v in x)
    for i in range(len(x)):
        pair = iter([x[i], x[0]])
        total += next(pair) * next(pair)
    return total, any(v > 2 for v in x)


@STATE(*_X)
def array_of_the_library_in_a_loop(x):
    held = array.array("d", [0] * 3)
    for i in range(3):
        held[i] = i
        held.append(i)
    return list(held), bytes(bytearray(i for i in range(3)))
