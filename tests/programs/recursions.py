"""Functions that call themselves until a value of the run says stop: numbers in, numbers out.

They may write to arrays that all calls share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

RECURSIONS = Phrases()
SORTED = np.array([1, 4, 4, 9, 16, 25, 36, 49, 64, 81])


@RECURSIONS((3,), (21,), (0,), (1,))
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@RECURSIONS((2.5, 25), (2.5, 0), (0.5, 30))
def power_that_is_an_int_at_once(x: float, n: int) -> Any:
    return 1 if n == 0 else x * power_that_is_an_int_at_once(x, n - 1)


@RECURSIONS((np.array([12, 18, 35]), 36), (np.array([7]), 21), (np.zeros(2, int), 4))
def divisors_of_elements(x: Any, m: int) -> Any:
    def divisor(a: Any, b: Any) -> Any:
        return a if b == 0 else divisor(b, a % b)

    total = 0
    for i in range(len(x)):
        total += divisor(x[i], m)
    return total, divisor(x[0], m)


@RECURSIONS((SORTED, 9), (SORTED, 10), (SORTED, 81), (SORTED, -1))
def place_in_a_sorted_array(x: Any, wanted: int) -> int:
    def search(low: int, high: int) -> int:
        if low >= high:
            return -1
        middle = (low + high) // 2
        if x[middle] == wanted:
            return middle
        if x[middle] < wanted:
            return search(middle + 1, high)
        return search(low, middle)

    return search(0, len(x))


@RECURSIONS((np.arange(5.0) + 1, 7.0), (np.arange(3.0) + 1, 100.0))
def knapsack(weights: Any, room: float) -> Any:
    def best(k: int, left: float) -> float:
        if k == len(weights):
            return 0.0
        without = best(k + 1, left)
        if weights[k] > left:
            return without
        return max(without, weights[k] ** 1.5 + best(k + 1, left - weights[k]))

    return best(0, room)


@RECURSIONS((6,), (5,), (1,))
def queens(n: int) -> int:
    def ways(row: int, columns: int, rising: int, falling: int) -> int:
        if row == n:
            return 1
        found = 0
        for c in range(n):
            up, down = 1 << (row + c), 1 << (row - c + n)
            if not (columns & (1 << c) or rising & up or falling & down):
                found += ways(row + 1, columns | (1 << c), rising | up, falling | down)
        return found

    return ways(0, 0, 0, 0)


@RECURSIONS((9,), (1,), (25,))
def two_numbers_at_once(n: int) -> tuple[int, float]:
    if n <= 1:
        return 1, 0.5
    calls, size = two_numbers_at_once(n - 1)
    others, half = two_numbers_at_once(n - 3)
    return calls + others, max(size, half) + 1


@RECURSIONS((30, 3), (0, 3), (7, 2))
def in_a_circle(n: int, k: int) -> Any:
    def even(m: int) -> bool:
        return True if m <= 0 else odd(m - k)

    def odd(m: int) -> bool:
        return False if m <= 0 else even(m - k)

    return even(n), odd(n)


@RECURSIONS((2, 3), (1, 7), (0, 4))
def one_as_the_argument_of_another(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    if n == 0:
        return one_as_the_argument_of_another(m - 1, 1)
    return one_as_the_argument_of_another(m - 1, one_as_the_argument_of_another(m, n - 1))


@RECURSIONS((5, 40), (5, 3), (3, -2))
def that_raises(k: int, n: int) -> int:
    def product(m: int) -> int:
        if m < 0:
            raise ValueError(f"{m} is negative")
        return 1 if m < k else m % 7 + product(m - k)

    return product(n)


@RECURSIONS((np.linspace(0.1, 0.9, 4), 24), (np.linspace(0.1, 0.9, 4), 0))
def in_a_loop_of_another(x: Any, n: int) -> Any:
    def legendre(m: int, v: float) -> float:
        if m < 2:
            return v if m else 1.0
        return ((2 * m - 1) * v * legendre(m - 1, v) - (m - 1) * legendre(m - 2, v)) / m

    def summed(m: int) -> float:
        return 0.0 if m < 0 else legendre(m // 3, x[m % 4]) + summed(m - 1)

    return summed(n)


class Steps:
    def __init__(self, size: int) -> None:
        self.size = size

    def down(self, n: int) -> int:
        return n if n < self.size else self.down(n - self.size) + self.down(n // 2)


@RECURSIONS((3, 31), (3, 2), (2, 25))
def a_method(k: int, n: int) -> int:
    return Steps(k).down(n)


@RECURSIONS((40,), (2,))
def that_gives_nothing(n: int) -> Any:
    if n > 3:
        return that_gives_nothing(n - 1)
    return None


@RECURSIONS((np.array([3, -1, 4, -1, 5]),), (np.array([-1, 2, 3]),))
def none_for_some(x: Any) -> Any:
    def first(k: int) -> Any:
        if k == len(x):
            return None
        return k if x[k] < 0 else first(k + 1)

    found = first(0)
    return -1 if found is None else found


@RECURSIONS((np.array([3, -1, 4, -1, 5]), -1), (np.array([3, 0, 1]), 1), (np.array([2]), 5))
def none_last(x: Any, n: int) -> Any:
    def weight(k: int) -> Any:
        if k == len(x):
            return None
        rest = weight(k + 1)
        if x[k] == n:
            return 0.5 if rest is None else rest + 1
        return rest

    found = weight(0)
    return (found is None), (0 if found is None else found)


# Arrays that all calls share ----------------------------------------------------------------------


@RECURSIONS((np.array([5, 2, 9, 2, 7, 1, 8, 3.5]), 0, 7), (np.array([2.0, 1.0]), 0, 1))
def quicksort(a: Any, low: int, high: int) -> Any:
    if low >= high:
        return
    pivot, i = a[high], low
    for j in range(low, high):
        if a[j] < pivot:
            a[i], a[j] = a[j], a[i]
            i += 1
    a[i], a[high] = a[high], a[i]
    quicksort(a, low, i - 1)
    quicksort(a, i + 1, high)


def fill(image: Any, i: int, j: int, colour: int) -> int:
    if i < 0 or j < 0 or i >= image.shape[0] or j >= image.shape[1] or image[i, j] != 0:
        return 0
    image[i, j] = colour
    size = 1
    for step in (-1, 1):
        size += fill(image, i + step, j, colour) + fill(image, i, j + step, colour)
    return size


@RECURSIONS((np.array([[0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]), 5))
def flood_fill(image: Any, colour: int) -> Any:
    return fill(image, 0, 0, colour), fill(image, 0, 1, colour), image


@RECURSIONS((3, 6), (1, 1))
def permutations(n: int, count: int) -> Any:
    order, used = np.zeros(n, np.int64), np.zeros(n, bool)
    out = np.zeros((count, n), np.int64)

    def place(k: int, found: int) -> int:
        if k == n:
            out[found] = order
            return found + 1
        for i in range(n):
            if not used[i]:
                used[i], order[k] = True, i
                found = place(k + 1, found)
                used[i] = False
        return found

    return place(0, 0), out


@RECURSIONS((20, np.full(21, -1)), (1, np.full(2, -1)))
def remembered(n: int, memo: Any) -> Any:
    if n < 2:
        return n
    if memo[n] < 0:
        memo[n] = remembered(n - 1, memo) + remembered(n - 2, memo)
    return memo[n]


@RECURSIONS((np.array([[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]) > 0, 2))
def reached(edges: Any, start: int) -> Any:
    def visit(seen: Any, v: int) -> Any:
        seen[v] = True
        for w in range(len(edges)):
            if edges[v, w] and not seen[w]:
                visit(seen, w)
        return seen

    return visit(np.zeros(len(edges), bool), start)


@RECURSIONS((np.arange(4.0), np.ones(4), 7), (np.arange(4.0), np.ones(4), 2))
def what_is_held_of_shared_arrays(a: Any, b: Any, n: int) -> Any:
    """Elements, windows and all of an array from before a call, which are put back after it."""
    if n <= 0:
        return a[1]
    element, window, whole = b[0], 2 * a[:2], a.copy()
    a[:] = b
    b[n % 4] += element
    found = what_is_held_of_shared_arrays(a, b, n - 1)
    if n % 3 == 0:
        found += 0.5 * what_is_held_of_shared_arrays(a, b, n - 3)
        a[:] = whole
    b[1] = window[1] - element
    return found + 0.25 * window[0]
