"""Phrases of lists that keep their length, which is known, while their items are put elsewhere: so
tuples of them are ordinary ones, keys among others."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

KEPT = Phrases()
IX = ((np.array([0, 2, 1, 0, 3, 1]),), (np.array([3, 3, 0, -1, 2, -4]),), (np.array([0]),))


@KEPT((5,), (3,), (6,), policies=("auto",))
def permutations(n: Any) -> Any:
    out = []
    order = list(range(4))
    cycles = list(range(1, 5))[::-1]
    out.append(tuple([order[k] * n for k in range(4)]))
    while True:
        for i in reversed(range(4)):
            cycles[i] -= 1
            if cycles[i] == 0:
                order[i:] = order[i + 1 :] + order[i : i + 1]
                cycles[i] = 4 - i
            else:
                j = cycles[i]
                order[i], order[-j] = order[-j], order[i]
                out.append(tuple([k * n for k in order]))
                break
        else:
            return out


@KEPT(*IX)
def turned_in_a_loop(x: Any) -> Any:
    order = [0, 10, 20, 30]
    seen = set()
    for k in x:
        order = order[k:] + order[:k]
        seen.add(tuple(order))
    return order, len(seen), seen


@KEPT(*IX)
def a_while_that_swaps(x: Any) -> Any:
    order = [1.5, 2.5, 3.5, 4.5]
    n = 0
    while n < len(x):
        i = int(x[n])
        order[0], order[i] = order[i], order[0]
        n += 1
    return tuple(order), order, n


@KEPT(*IX)
def longer_in_some_turns(x: Any) -> Any:
    held = [7, 8, 9]
    for k in x:
        if k > 1:
            held.append(int(k))
        held = held[1:] + held[:1]
    return held, len(held), tuple(held)


@KEPT(*IX)
def longer_in_an_inner_loop(x: Any) -> Any:
    held = [7, 8, 9]
    found = []
    for k in x:
        for j in range(k):
            held[j % 3] += 1
            if held[0] > 8:
                held = [*held, j]
        found.append(len(held))
    return held, found


@KEPT(*IX)
def made_in_a_branch(x: Any) -> Any:
    held = [0, 0, 0]
    for k in x:
        held[abs(k) % 3] += 1
        if k > 1:
            held = held[::-1]
        else:
            held = [k, 1, 2]
    return held, tuple(held)


@KEPT(*IX)
def boards_seen(x: Any) -> Any:
    board = [0, 1, 2, 3]
    seen = {(0, 1, 2, 3): 0}
    for n, k in enumerate(x):
        board[k], board[k - 1] = board[k - 1], board[k]
        seen[tuple(board)] = seen.get(tuple(board), n) + 1
    return seen


@KEPT(*IX)
def shortened_to_none(x: Any) -> Any:
    held = [1, 2, 3]
    for k in x:
        if k != 1 and held:
            held.pop()
    return held, len(held)
