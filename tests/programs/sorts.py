"""Sorts and permutations in place, written with loops over elements."""

from __future__ import annotations

import numpy as np

from tests.programs.in_place import line

Rng = np.random.Generator


def insertion_sort(x):
    for i in range(1, len(x)):
        v = x[i]
        j = i - 1
        while j >= 0 and x[j] > v:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = v
    return x


def bubble_sort(x):
    n = len(x)
    for i in range(n):
        for j in range(n - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    return x


def selection_sort(x):
    n = len(x)
    for i in range(n):
        best = i
        for j in range(i + 1, n):
            if x[j] < x[best]:
                best = j
        t = x[i]
        x[i] = x[best]
        x[best] = t
    return x


def shell_sort(x):
    gap = len(x) // 2
    while gap > 0:
        for i in range(gap, len(x)):
            v = x[i]
            j = i
            while j >= gap and x[j - gap] > v:
                x[j] = x[j - gap]
                j -= gap
            x[j] = v
        gap //= 2
    return x


def heap_sort(x):
    n = len(x)
    for start in range(n // 2 - 1, -1, -1):
        i = start
        v = x[i]
        while 2 * i + 1 < n:
            child = 2 * i + 1
            if child + 1 < n and x[child + 1] > x[child]:
                child += 1
            if x[child] <= v:
                break
            x[i] = x[child]
            i = child
        x[i] = v
    for end in range(n - 1, 0, -1):
        v = x[end]
        x[end] = x[0]
        i = 0
        while 2 * i + 1 < end:
            child = 2 * i + 1
            if child + 1 < end and x[child + 1] > x[child]:
                child += 1
            if x[child] <= v:
                break
            x[i] = x[child]
            i = child
        x[i] = v
    return x


def quicksort(x):
    """Hoare's partition, with a stack of bounds."""
    n = len(x)
    lows = np.zeros(n + 1, np.int64)
    highs = np.zeros(n + 1, np.int64)
    highs[0] = n - 1
    top = 1
    while top > 0:
        top -= 1
        low, high = lows[top], highs[top]
        while low < high:
            pivot = x[(low + high) // 2]
            i, j = low, high
            while i <= j:
                while x[i] < pivot:
                    i += 1
                while x[j] > pivot:
                    j -= 1
                if i <= j:
                    t = x[i]
                    x[i] = x[j]
                    x[j] = t
                    i += 1
                    j -= 1
            if i < high:
                lows[top], highs[top] = i, high
                top += 1
            high = j
    return x


def partition(x):
    """Lomuto's: all that is less than the last element moves before it."""
    pivot = x[len(x) - 1]
    place = 0
    for k in range(len(x) - 1):
        if x[k] < pivot:
            t = x[k]
            x[k] = x[place]
            x[place] = t
            place += 1
    x[len(x) - 1] = x[place]
    x[place] = pivot
    return x, place


def merge_sort(x):
    n = len(x)
    y = np.zeros_like(x)
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            mid = min(low + width, n)
            high = min(low + 2 * width, n)
            i, j = low, mid
            for k in range(low, high):
                if i < mid and (j >= high or x[i] <= x[j]):
                    y[k] = x[i]
                    i += 1
                else:
                    y[k] = x[j]
                    j += 1
        for k in range(n):
            x[k] = y[k]
        width *= 2
    return x


def counting_sort(keys, values):
    counts = np.zeros(17, np.int64)
    for k in range(len(keys)):
        counts[keys[k] + 1] += 1
    for d in range(16):
        counts[d + 1] += counts[d]
    out = np.zeros_like(values)
    for k in range(len(keys)):
        d = keys[k]
        place = counts[d]
        counts[d] += 1
        out[place] = values[k]
    return out


def reverse_in_place(x):
    i, j = 0, len(x) - 1
    while i < j:
        x[i], x[j] = x[j], x[i]
        i += 1
        j -= 1
    return x


def shuffle_by_swaps(x, picks):
    """Fisher and Yates."""
    for i in range(len(x) - 1, 0, -1):
        j = picks[i] % (i + 1)
        t = x[i]
        x[i] = x[j]
        x[j] = t
    return x


def permute_by_cycles(x, perm):
    """x[perm] in place; visited positions are marked in the permutation itself."""
    for start in range(len(x)):
        v = x[start]
        i = start
        while perm[i] >= 0:
            source = perm[i]
            perm[i] = -1
            x[i] = v if source == start else x[source]
            i = source
    return x


def rotate_by_one(x):
    last = x[len(x) - 1]
    for i in range(len(x) - 1, 0, -1):
        x[i] = x[i - 1]
    x[0] = last
    return x


def transpose_in_place(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            t = A[i, j]
            A[i, j] = A[j, i]
            A[j, i] = t
    return A


def bit_reversal(x):
    n = len(x)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            t = x[i]
            x[i] = x[j]
            x[j] = t
    return x


SIZED = (
    (insertion_sort, line, True),
    (bubble_sort, line, True),
    (selection_sort, line, True),
    (shell_sort, line, True),
    (heap_sort, line, True),
    (quicksort, line, True),
    (partition, line, True),
    (merge_sort, line, True),
    (counting_sort, lambda r, n: (r.integers(0, 16, n), r.random(n)), True),
    (reverse_in_place, line, True),
    (shuffle_by_swaps, lambda r, n: (r.random(n), r.integers(0, 1000, n)), True),
    (permute_by_cycles, lambda r, n: (r.random(n), r.permutation(n)), True),
    (rotate_by_one, line, True),
    (transpose_in_place, lambda r, n: (r.random((n, n)),), True),
    (bit_reversal, line, True),
)
