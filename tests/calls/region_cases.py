"""Functions as users write them, for ``jit(fallback=True)``, with the number of their loops that
are compiled.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

X = np.arange(6.0)


Case = tuple[Callable[..., Any], tuple[Any, ...], int]


CASES: dict[str, Case] = {}


LIMIT = 2.0


log = logging.getLogger(__name__)


def case(*args: Any, native: int) -> Callable[[Any], Any]:
    """Enters a function, with arguments for it, and how many loops of such a call are compiled."""

    def add(f: Any) -> Any:
        CASES[f.__name__] = f, args, native
        return f

    return add


def opaque(x: Any) -> int:
    """What cannot be compiled."""
    return len(bytearray(np.asarray(x).tobytes()))


@case(X, 5, native=2)
def unsupported_call_between_loops(x: Any, n: int) -> Any:
    a = np.zeros(n)
    for i in range(n):
        a[i] = x[i] * 2
    size = opaque(a)
    total = 0.0
    k = 0
    while k < n:
        total += a[k] + size
        last = a[k] * 2
        k += 1
    return a, total, last, i, k


@case([X, X[1:]], native=1)
def print_in_the_outer_loop(rows: Any) -> Any:
    totals = {}
    for k, row in enumerate(rows):
        print("row", k, opaque(row))
        total = 0.0
        for value in row:
            total += value**2
        totals[f"row {k}"] = total
    return totals


@case(X, native=1)
def logging_before_a_loop(x: Any) -> Any:
    log.debug("%d elements, %d bytes", len(x), opaque(x))
    for i in range(1, len(x)):
        x[i] += x[i - 1]
    return x


@case(X, 3.0, native=1)
def early_return(x: Any, limit: float) -> Any:
    opaque(x)
    best = 0.0
    for i in range(len(x)):
        if x[i] > limit:
            return i, x[i], x
        best = max(best, x[i])
    return best, i


@case(X, 30.0, native=1)
def return_that_is_not_reached(x: Any, limit: float) -> Any:
    opaque(x)
    best = 0.0
    for i in range(len(x)):
        if x[i] > limit:
            return i
        best = max(best, x[i])
    return best, i


@case(X, native=1)
def exception_out_of_a_loop(x: Any) -> Any:
    opaque(x)
    try:
        for i in range(len(x) + 1):
            x[i] = -1
    except IndexError as error:
        return str(error), x
    return x


@case(X, native=0)
def variable_read_where_an_exception_is_caught(x: Any) -> Any:
    opaque(x)
    done = 0
    try:
        for i in range(len(x)):
            x[i + 1] = x[i]
            done += 1
    except IndexError:
        return done
    return None


@case(X, native=1)
def error_that_is_not_caught(x: Any) -> Any:
    opaque(x)
    for i in range(len(x)):
        if x[i] == 3:
            raise ValueError("three is too much")
        x[i] = 0
    return x


@case(X, 0, native=1)
def variable_that_stays_unbound(x: Any, n: int) -> Any:
    opaque(x)
    for i in range(n):
        y = x[i]
    return y


@case(X, native=2)
def aliases_made_in_a_loop(x: Any) -> Any:
    opaque(x)
    for k in range(2):
        view = x[k:]
        same = x
        fresh = np.zeros(3)
        twin = fresh
    opaque(x)
    for k in range(2):
        view[0] += 10
        twin[k] = 1
    return view, same, fresh, twin, x


@case([1.0, 2.0], {"a": 1.0}, native=0)
def containers_of_the_caller(numbers: Any, table: Any) -> Any:
    opaque(numbers)
    mine = numbers
    for k in range(3):
        numbers.append(k * 0.5)
        table["a"] += numbers[k]
    return mine is numbers, numbers, table


@case(X, native=1)
def generator_expression_and_lambda_in_a_loop(x: Any) -> Any:
    opaque(x)
    total = 0.0
    for i in range(1, 4):
        total += sum(x[k] for k in range(i)) + (lambda v: v * i)(x[i])
    return total


@case(X, native=0)
def variables_shared_with_functions(x: Any) -> Any:
    opaque(x)
    count = total = 0

    def bump() -> None:
        nonlocal count
        count += 1

    def seen() -> int:
        return total

    for _ in range(2):
        bump()
        x[0] += count
    for k in range(3):
        total += k
        x[1] += seen()
    return x, count, seen()


@case(X, native=1)
def loop_in_a_loop_whose_variables_live_on(x: Any) -> Any:
    step = 0
    while step < 3:
        opaque(x)
        for k in range(len(x)):
            if k == step:
                continue
            worst = abs(x[k])
            x[k] *= 0.5
        if worst < 1:
            break
        step += 1
    else:
        step = -1
    return x, step, worst, k


@case(X, np.arange(3), native=1)
def loop_else_and_with(x: Any, wanted: Any) -> Any:
    with np.errstate(all="ignore"):
        opaque(x)
        found = np.zeros(3, bool)
        for k in range(3):
            for v in x:
                if v == wanted[k]:
                    found[k] = True
                    break
            else:
                x[0] = -1
    return found, x


@case(X, 3, native=1)
def view_made_in_a_loop(x: Any, n: int) -> Any:
    opaque(x)
    for k in range(n):
        last = x[k:]
    last[0] = 50
    return last, x


@case(X, 3, native=1)
def views_whose_storage_a_loop_decides(x: Any, n: int) -> Any:
    opaque(x)
    for k in range(n):
        last = x[k:] * 2
        part = last[1:]
    part[0] = 50
    return last, part


@case(X, native=0)
def functions_made_in_a_loop(x: Any) -> Any:
    opaque(x)
    made = []
    for k in range(3):
        made.append(lambda: k)
    k = 10
    for value in x:
        made.append(lambda: value)
    return [f() for f in made]


@case(X, native=1)
def global_number(x: Any) -> Any:
    opaque(x)
    for k in range(len(x)):
        x[k] += LIMIT
    return x


class Counted:
    """What a user's class may be."""

    made = 0

    def __init__(self) -> None:
        self.v = 0

    def count(self) -> None:
        type(self).made += 1


SEEN: list[int] = []


QUEUE: deque[int] = deque()


TABLE = (1, [2])


@case(X, [], {}, native=0)
def containers_when_it_raises(x: Any, numbers: Any, table: Any) -> Any:
    opaque(x)
    try:
        for i in range(10):
            numbers.append(i)
            table[i] = i
            x[i] = 10 // (2 - i)
    except ZeroDivisionError:
        pass
    return numbers, table


@case({"x": [1]}, 3, native=0)
def other_names_of_a_list(table: Any, n: int) -> Any:
    opaque(n)
    found = None
    for _ in range(n):
        found = table["x"]
    found.append(2)
    for i in range(n):
        q = {"i": i}
        r = q
    q["i"] = 100
    return table, found, q, r


@case(3, native=0)
def other_names_of_an_object(n: int) -> Any:
    opaque(n)
    made, found = Counted(), None
    for _ in range(n):
        found = made
    found.v = 100
    return made.v


@case(3, native=0)
def arrays_in_containers(n: int) -> Any:
    opaque(n)
    table = {}
    for i in range(n):
        row = np.zeros(2)
        table[i] = row
    row += 100
    for _ in range(n):
        x = np.zeros(2)
        pair = (x, x)
    pair[0][0] = 1
    return table, row, pair, pair[0] is pair[1]


@case((1, 2.0), 3, native=0)
def one_tuple(pair: Any, n: int) -> Any:
    opaque(n)
    found, table = pair, TABLE
    for _ in range(n):
        found, table = pair, TABLE
    for _ in range(n):
        pair = pair[1], pair[0]
    return found is TABLE, table is TABLE, pair


@case(deque([1, 2]), native=0)
def queues(queue: Any) -> Any:
    opaque(1)
    QUEUE.clear()
    total = 0
    while queue:
        total += queue.popleft()
    for k in range(3):
        QUEUE.append(k)
    return total, list(queue), list(QUEUE)


@case(3, native=0)
def what_is_outside(n: int) -> Any:
    opaque(n)
    SEEN.clear()
    mine: list[int] = []

    def add(k: int) -> None:
        mine.append(k)

    for k in range(n):
        SEEN.append(k)
    for k in range(n):
        add(k)
    return list(SEEN), mine


@case(3, native=0)
def attributes_of_a_class(n: int) -> Any:
    opaque(n)
    Counted.made = 0
    counted = Counted()
    for _ in range(n):
        counted.count()
    for _ in range(n):
        Counted.made += 1
    return Counted.made


@case(3, native=0)
def bound_methods(n: int) -> Any:
    opaque(n)
    found: set[int] = set()
    add = found.add
    for k in range(n):
        add(k)
    return found


@case(60, native=0)
def beyond_64_bits(n: int) -> Any:
    opaque(n)
    product = 1
    for _ in range(n):
        product *= 3
    return product


@case(X, native=1)
def tuple_that_is_returned(x: Any) -> Any:
    opaque(x)
    for k in range(4):
        row = np.zeros(2)
        if x[k] > 2:
            return row, row, x
    return None
