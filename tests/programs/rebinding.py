"""Phrases of variables that inner functions rebind, called in arms, operands, loops and `try`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

REBINDING = Phrases()
KS = (0, 1, 2, 3, 6)
UP = np.array([1.0, 2.0, 0.5])
DOWN = np.array([-1.0, 0.2, 3.0])
CALLS = [(x, k) for k in KS for x in (UP, DOWN)]


@REBINDING(*CALLS)
def arms(x: Any, k: Any) -> Any:
    count, total = 0, np.zeros(3)

    def bump(v):
        nonlocal count, total
        count += 1
        total = total + v * x
        return total.sum()

    y = bump(2.0) if k > 0 else bump(3.0) * bump(1.0)
    return y, count, total


@REBINDING(*CALLS)
def logic(x: Any, k: Any) -> Any:
    asked = 0

    def big(v):
        nonlocal asked
        asked += 1
        return x[0] > v

    a = big(0.5) and big(1.5) and big(k)
    b = big(4.0) or big(-1.0) or big(9.0)
    return a, b, asked


@REBINDING(*CALLS)
def chained(x: Any, k: Any) -> Any:
    n = 0

    def tick():
        nonlocal n
        n += 1
        return k + n

    r = 0 < tick() < 3 < tick() < 9
    return r, n


@REBINDING(*CALLS)
def deep(x: Any, k: Any) -> Any:
    n, last = 0, x

    def outer(v):
        def inner(w):
            nonlocal n, last
            n += 1
            last = last * w
            return last.sum()

        return inner(v) if v > 1 else (inner(2.0) if x[0] > 0 else x[0])

    a = outer(k) if k != 2 else outer(0.5) + (outer(k) if x[1] > 1 else 0.0)
    return a, n, last


@REBINDING(*CALLS)
def loops(x: Any, k: Any) -> Any:
    n, best = 0, np.zeros(2)

    def see(v):
        nonlocal n, best
        n += 1
        best = best + v
        return n

    s = 0.0
    for i in range(len(x)):
        if x[i] > 1:
            s += see(x[i]) if i % 2 else see(-x[i]) * 2
        elif k > 3 and see(0.5) > 2:
            s -= 1
    j = 0
    while j < k:
        j += 1
        (see(1.0) if j % 3 else 0)
    return s, n, best


@REBINDING(*CALLS)
def made(x: Any, k: Any) -> Any:
    def counter(start):
        n = start

        def inc(by=1):
            nonlocal n
            n += by
            return n

        return inc

    a, b = counter(0), counter(10)
    for i in range(k):
        a(2) if x[i % 3] > 1 else b()
    return a(), b()


@REBINDING(*CALLS)
def caught(x: Any, k: Any) -> Any:
    n = 0

    def risky(v):
        nonlocal n
        n += 1
        if v > 2:
            raise ValueError("large")
        return v * 2

    try:
        y = risky(x[0]) if k > 1 else risky(x[2]) + risky(5.0)
    except ValueError:
        y = -1.0
    return y, n


@REBINDING(*CALLS)
def returns(x: Any, k: Any) -> Any:
    n = 0

    def go(v):
        nonlocal n
        n += v
        if n > 3:
            return n * 2
        return n

    if k > 0:
        return go(k) + (go(2) if x[0] > 0 else go(4)), n
    return go(5), n


@REBINDING(*CALLS)
def later(x: Any, k: Any) -> Any:
    hits = 0

    def outer_bump():
        nonlocal hits
        hits += 1

    def act(v):
        if v > 1:
            outer_bump()
        return v

    out = np.array([act(v) for v in (k, x[0], x[1])])
    return out, hits


@REBINDING(*CALLS)
def shadow(x: Any, k: Any) -> Any:
    n = 1

    def f(n):
        def g():
            nonlocal n
            n = n * 3
            return n

        return g() if n > 1 else g() + g()

    r = f(k) + f(x[0])
    return r, n


@REBINDING(*CALLS)
def unbound(x: Any, k: Any) -> Any:
    def put():
        nonlocal v
        v = x * 2

    if k > 0:
        put()
    v = x + 1 if k > 5 else v  # noqa: F821
    return v


@REBINDING(*CALLS)
def read_by_another(x: Any, k: Any) -> Any:
    def get() -> Any:
        return v * 1.0

    if k > 1:
        v = x * 2
    return get()


@REBINDING(*CALLS)
def known_first(x: Any, k: Any) -> Any:
    n = 5

    def get() -> Any:
        return n

    first = get()
    n = 6
    return first, get(), x * k


@REBINDING(*CALLS)
def swapped_arrays(x: Any, k: Any) -> Any:
    a, b = x * 1, x * 2

    def swap() -> Any:
        nonlocal a, b
        a, b = b, a
        return a[0]

    s = swap() if x[0] > 0 else b[0]
    for i in range(k):
        s += swap() if x[i % 3] > 1 else 1.0
        a[0] += 1
    return s, a, b


@REBINDING(*CALLS)
def recursive(x: Any, k: Any) -> Any:
    seen = 0

    def down(depth: int) -> Any:
        nonlocal seen
        own = 0.0

        def note(v: Any) -> Any:
            nonlocal own, seen
            own = own + v
            seen += 1
            return own

        y = note(x[depth]) if x[depth] > 0 else note(-1.0) + note(2.0)
        return y if depth == 0 else y + down(depth - 1) + own

    return down(2), seen, k


def loss(x: Any, k: Any) -> Any:
    """For the gradient: what was added up and multiplied on the way."""
    total = 0.0
    hist = x

    def add(v: Any) -> Any:
        nonlocal total, hist
        total += v * v
        hist = hist * v
        return v

    for i in range(3):
        add(x[i] * 2) if x[i] > k else add(np.sin(x[i]))
    return total + (hist.sum() if k > 0 else add(x[0]))
