"""Phrases of generators that builtins go over: few items and many, conditions, early ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

GENERATORS = Phrases()


def _numbers(n: int) -> np.ndarray:
    return np.random.default_rng(n).random(n) - 0.25


SIZES = tuple((_numbers(n),) for n in (40, 5, 17, 16))


@GENERATORS(*SIZES)
def squares(x: Any) -> Any:
    return sum(v * v for v in x), sum((v for v in reversed(x)), start=2), sum((v for v in x), 0.5)


@GENERATORS(*SIZES)
def chosen(x: Any) -> Any:
    return sum(v * 2 for v in x if v > 0), sum(1 for v in x if v > 0 if v < 0.5)


@GENERATORS(*SIZES)
def counted(x: Any) -> Any:
    return sum(v > 0 for v in x), sum(k * v for k, v in enumerate(x)), sum(1 for _ in x)


@GENERATORS(*SIZES)
def in_pairs(x: Any) -> Any:
    return sum(a * b for a, b in zip(x, x[1:], strict=False)), max(
        abs(a - b) for a, b in zip(x[1:], x, strict=False)
    )


@GENERATORS(*SIZES)
def extremes(x: Any) -> Any:
    return max(v * 2 for v in x), min(-v for v in x if v > 0), max(int(v * 9) for v in x)


@GENERATORS(*SIZES)
def extremes_of_none(x: Any) -> Any:
    return min(v for v in x if v > 2)


@GENERATORS(*SIZES)
def with_nan(x: Any) -> Any:
    x[3] = np.nan
    return max(v for v in x), min(v for v in x), max(v for v in x[3:]), min(v for v in x[3:])


@GENERATORS(*SIZES)
def searches(x: Any) -> Any:
    return any(v > 0.7 for v in x), all(v > -0.2 for v in x), any(v for v in x > 2)


@GENERATORS(*SIZES)
def asks_no_more(x: Any) -> Any:
    asked = np.zeros(3, int)

    def is_large(v: Any, k: int) -> Any:
        asked[k] += 1
        return v > 0.4

    found = any(is_large(v, 0) for v in x), all(is_large(v, 1) for v in x)
    return found, any(is_large(x[k], 2) for k in range(len(x)) if k % 2), asked


@GENERATORS(*SIZES)
def counts_outside(x: Any) -> Any:
    asked = 0

    def is_small(v: Any) -> Any:
        nonlocal asked
        asked += 1
        return v < 0.6

    return all(is_small(v) for v in x), asked


@GENERATORS(*SIZES)
def one_in_another(x: Any) -> Any:
    total = sum(sum(a * b for b in x if b > a) for a in x)
    return total, any(all(a >= b for b in x) for a in x)


@GENERATORS(*SIZES)
def of_what_was_kept(x: Any) -> Any:
    out = []
    for v in x:
        if v > 0:
            out.append(v)
    return sum(v * v for v in out), any(v > 0.7 for v in out), max(v for v in out if v < 0.9)


@GENERATORS(*SIZES)
def of_a_selection(x: Any) -> Any:
    kept = x[x > 0]
    return sum(v * 3 for v in kept), min(v * 3 for v in kept), all(v < 0.5 for v in kept)


@GENERATORS(*SIZES)
def caught(x: Any) -> Any:
    try:
        return sum(1 // int(v * 4) for v in x)
    except ZeroDivisionError:
        return -1


@GENERATORS(*SIZES, policies=("auto",))
def rows(x: Any) -> Any:
    table = np.outer(x, x[:3])
    return sum(r * 2 for r in table), sum(r.sum() for r in table), sum(a * c for a, _, c in table)


@GENERATORS(*SIZES)
def functions_by_number(x: Any) -> Any:
    waves = [np.sin, np.cos] * 10
    return sum(waves[k](x[0]) for k in range(20)), sum(f(x[1]) for f in waves)


@GENERATORS(*SIZES)
def of_numbers_known(x: Any) -> Any:
    size = max(k for k in range(50) if k * k < 300)
    found = any(k == 30 for k in range(40)), sum(2**k for k in range(80)) % 7
    return np.zeros(size) + x[0], found, sum(x[k % 5] for k in range(30) if k % 3)


TABLE = {f"w{k}": float(k) for k in range(40)} | {k: 2.0 * k for k in range(40)} | {(1, 2): 3.0}


@GENERATORS(*SIZES)
def lookups_by_number(x: Any) -> Any:
    some = sum(TABLE[f"w{k}"] * x[0] for k in range(20)), sum(TABLE[k] * x[1] for k in range(20))
    text = sum(TABLE["w" + str(k)] * x[0] for k in range(20))
    pair = sum(TABLE[k % 1 + 1, 2] * x[0] for k in range(20))
    bits = sum(k.bit_length() * x[0] for k in range(20))
    return some, text, pair, bits, sum(TABLE.get(k, 0.5) * x[0] for k in range(50))


@GENERATORS(*SIZES)
def errors_by_number(x: Any) -> Any:
    try:
        return sum(TABLE["w%d" % k] * x[0] for k in range(50))
    except KeyError:
        return -1.0


class Named:
    """Its methods have names of what takes the items of a generator."""

    def prod(self, items: Any) -> Any:
        total = 2.0
        for v in items:
            total = total * v
        return total

    def join(self, items: Any, start: Any = 0.0) -> Any:
        for v in items:
            start = start + v
        return start


@GENERATORS(*SIZES)
def of_methods_that_are_named_so(x: Any) -> Any:
    """A generator goes to the program's own method as to any other function."""
    named = Named()
    some = named.prod(v for v in x if v > 0.5), named.join(v * 2 for v in x)
    return some, named.join((v for v in (x[0], 1.0) if v > 0), start=3.0)
