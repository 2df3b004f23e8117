"""Functions whose names share storage in some runs only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []


def case(*arguments: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run the function on arange(4.0) and these."""

    def note(function: Callable[..., Any]) -> Callable[..., Any]:
        CASES.append((function, arguments))
        return function

    return note


@case(True)
def shared_on_one_side(x: Any, p: bool) -> Any:
    if x[0] < 1:
        v = x + 1
        w = v
    else:
        v = x + 1
        w = x + 2
    v[0] = 9
    return v, w


@case()
def view_on_one_side(x: Any) -> Any:
    if x[0] < 1:
        v = x + 1
        w = v[1:]
    else:
        v = x + 1
        w = x[1:] + 2
    v[1] = 9
    return v, w


@case()
def bound_on_one_side(x: Any) -> Any:
    if x[0] < 1:
        v = x + 1
        w = v
    else:
        v = x + 1
    v[1] = 9
    if x[0] < 1:
        v = w
    return v


@case()
def either_fresh_or_old(x: Any) -> Any:
    w = x * 3
    if x[0] < 1:
        v = x + 1
        w = v
    else:
        v = x + 1
    v[1] = 9
    w[2] = 5
    return v, w


@case()
def lists_on_both_sides(x: Any) -> Any:
    if x[0] < 1:
        v = x + 1
        w = [v, v]
    else:
        v = x + 1
        w = [x, v]
    v[1] = 9
    w[0][2] = 5
    return v, w


@case()
def chosen_twice(x: Any) -> Any:
    a = x + 1
    b = x + 2
    v = a if x[0] < 1 else b
    w = v if x[1] < 3 else a
    v[1] = 9
    w[2] = 5
    return v, w, a, b


@case(3)
def caller_sees_later_write(x: Any, n: int) -> Any:
    for i in range(n):
        x[i] = 7
        if i > 0:
            x = x + 1
    return x, x


@case(3)
def alias_sees_later_write(x: Any, n: int) -> Any:
    y = x * 1.5
    old = y
    for i in range(n):
        y[i] = 7
        if i > 0:
            y = y + 1
    return y, old


@case(3)
def alias_made_each_time(x: Any, n: int) -> Any:
    v = x + 0
    w = x + 1
    for i in range(n):
        v[0] += 1
        x[1] += w[0]
        w = v
    return v, w, x


@case(4)
def alias_made_sometimes(x: Any, n: int) -> Any:
    v = x + 0
    w = x + 1
    for i in range(n):
        v[0] += 1
        x[1] += w[0]
        if i % 2 == 0:
            w = v
        else:
            v = v + 1
    return v, w, x


@case(5)
def both_bound_sometimes(x: Any, n: int) -> Any:
    v = x + 0
    w = x + 1
    for i in range(n):
        v[0] += 1
        w[1] += v[0]
        if x[i % 4] > 1.5:
            v = v + 1
            w = v
    w[2] = 11
    return v, w, x


@case(5)
def written_after_through_the_other(x: Any, n: int) -> Any:
    y = x + 0
    for i in range(n):
        if x[i % 4] > 1.5:
            y = x
    x[0] = 100
    return y, x


@case(5)
def bound_to_the_callers(x: Any, n: int) -> Any:
    y = x + 0
    for i in range(n):
        if x[i % 4] > 1.5:
            y = x
        y[1] += 1
    y[0] = 100
    return y, x


@case(5)
def two_aliases_part(x: Any, n: int) -> Any:
    y = x + 0
    z = y
    for i in range(n):
        z[0] += 1
        y[1] += 1
        if i == 2:
            y = y * 2
        if i == 3:
            z = y
    y[0] = 100
    return y, z, x


@case(5)
def list_sees_write(x: Any, n: int) -> Any:
    L = [x + 0]
    y = L[0]
    for i in range(n):
        y[1] += 1
        if i == 2:
            y = y * 2
    y[0] = 100
    return y, L, x


def helper(u: Any, n: int) -> Any:
    for i in range(n):
        u[0] += 7
        if i > 0:
            u = u + 1
    return u


@case(5)
def helper_binds_its_argument(x: Any, n: int) -> Any:
    y = x + 0
    z = helper(y, n)
    return y, z, x


@case(5)
def while_with_alias(x: Any, n: int) -> Any:
    y = x + 0
    old = y
    while y[0] < 20:
        y[0] += 7
        y[1] += 1
        if y[1] > 3:
            y = y + 1
    old[2] = 5
    return y, old


@case(0)
def no_iteration(x: Any, n: int) -> Any:
    y = x + 0
    old = y
    for i in range(n):
        y = y + 1
    old[0] = 99
    return y, old


@case(2)
def loop_in_loop(x: Any, n: int) -> Any:
    y = x + 0
    for k in range(n):
        old = y
        for i in range(n):
            y[0] += 3
            if i > 0:
                y = y + 1
        old[1] += 1
    return y, old


@case(5)
def chosen_among_carried(x: Any, n: int) -> Any:
    a = x + 0
    b = x + 1
    c = a
    for i in range(n):
        a[0] += 1
        b[1] += 1
        if x[i % 4] > 1.5:
            c = b
        else:
            c = a
        c[2] += 1
        if i == 3:
            a = a + 1
    return a, b, c


@case(5)
def back_to_the_callers(x: Any, n: int) -> Any:
    y = x
    for i in range(n):
        y[0] += 1
        if i == 2:
            y = x[1:] * 1
        if i == 3:
            y = x
    return y, x


@case(5)
def one_behind(x: Any, n: int) -> Any:
    prev = x
    for i in range(n):
        new = prev + 1
        prev[0] = i
        prev = new
        x[1] += prev[0]
    return prev, x


@case(5)
def best_so_far(x: Any, n: int) -> Any:
    best = x + 0
    cur = x + 0
    for i in range(n):
        cur = cur + 1
        cur[i % 4] -= 3
        if cur[0] > best[0]:
            best = cur
    return best, cur


@case(5)
def best_so_far_in_place(x: Any, n: int) -> Any:
    best = x + 0
    cur = x + 0
    for i in range(n):
        cur[i % 4] -= 3
        cur[0] += 2
        if cur[0] > best[0]:
            best = cur
    return best, cur


@case(5)
def list_of_two(x: Any, n: int) -> Any:
    hist = [x, x + 1]
    for i in range(n):
        hist[0][1] += 1
        hist = [hist[1], hist[0] + hist[1]]
    return hist, x


@case(5)
def while_with_break(x: Any, n: int) -> Any:
    i = 0
    v = x
    while True:
        v[0] += 1
        if i >= n:
            break
        if i % 2 == 1:
            v = v * 2
        i += 1
    return v, x


@case()
def chosen_in_a_loop_in_a_loop(x: Any) -> Any:
    y = x
    turn = 0
    while turn < 1:
        turn += 1
        for _ in range(0, turn % 7, 2):
            if (x > 0).any():
                break
            old = x * 2
            y, old = old, y
    y[1] *= 4
    return y, x


@case(3)
def written_in_the_next_loop(x: Any, n: int) -> Any:
    y = x + 0
    for _ in range(int(x[1]) % 5):
        y = y * 2.0
    for _ in range(n):
        y -= 1.0
    for _ in range(int(x[0])):
        x = x * 2.0
    for _ in range(n):
        x -= 1.0
    return y, x
