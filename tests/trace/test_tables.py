"""Dicts and sets of which the run decides the keys: derivatives, refusals, what they cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, grad, jit, vmap

X = np.array([0.5, 1.5, -0.7, 2.0, 0.3])
K = np.array([3, 1, 3, 2, 1])


def sums_of_squares(x: Any, k: Any) -> Any:
    total: dict[Any, Any] = defaultdict(float)
    for i in range(len(x)):
        total[k[i]] += np.sin(x[i])
    return sum(v * v for v in total.values())


def by_keys(x: Any, k: Any) -> Any:
    at = {}
    for i in range(len(x)):
        at[x[i]] = i + 1.0
    total = 0.0
    for key, v in at.items():
        total += key * key * v
    return total


def remembered(x: Any, k: Any) -> Any:
    memo = {0: x[0], 1: x[1]}
    for i in range(2, 6):
        memo[i] = memo[i - 1] * memo[i - 2] + x[i % len(x)]
    return memo[5]


def with_entries_that_go(x: Any, k: Any) -> Any:
    d = {}
    for i in range(len(x)):
        j = k[i]
        d[j] = d[j] * x[i] if j in d else x[i]
        if len(d) > 2:
            del d[k[0]]
    total = 0.0
    for v in d.values():
        total += v
    return total


@pytest.mark.parametrize("f", [sums_of_squares, by_keys, remembered, with_entries_that_go])
def test_derivatives_go_through_tables(f: Callable[[Any, Any], Any]) -> None:
    step = 1e-6
    wanted = [(f(X + step * e, K) - f(X - step * e, K)) / (2 * step) for e in np.eye(len(X))]
    np.testing.assert_allclose(grad(f)(X, K), wanted, atol=1e-8)


def test_examples_of_a_batch_have_tables_of_their_own() -> None:
    xs, ks = np.stack([X, 2 * X]), np.stack([K, K[::-1]])
    found = vmap(sums_of_squares)(xs, ks)
    np.testing.assert_allclose(found, [sums_of_squares(x, k) for x, k in zip(xs, ks, strict=True)])


def counted(x: Any) -> Any:
    d = {}
    for v in x:
        if v in d:
            d[v] += 1
        else:
            d[v] = 1
    return len(d)


def test_counting_looks_once_and_copies_nothing() -> None:
    compiled = jit(counted)
    compiled(K)
    text = compiled.inspect_ir(K)
    # Once for each number, and once more where the table grows.
    assert text.count("find_key") == 2
    assert "no array is copied" in str(compiled.explain(K))


def table(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = 1
    return d


def items(x: Any) -> Any:
    s = set()
    for v in x:
        s.add(int(v))
    return s


def bytes_of(x: Any) -> Any:
    d = {}
    for v in x:
        d[int(v)] = b"a"
    return d


def keys_of_two_kinds(x: Any) -> Any:
    d = table(x)
    d[0.5] = 1
    return d


def of_the_module(x: Any) -> Any:
    KNOWN[int(x[0])] = 1
    return x


KNOWN = {1: 1}
REFUSED: dict[str, Callable[[Any], Any]] = {
    "the operator -": lambda x: table(x).keys() - {1},
    "str()": lambda x: str(table(x)),
    "the order of a set": lambda x: [v for v in items(x)],
    "the order of a set ": lambda x: list(items(x)),
    "arrays of one dtype and shape": bytes_of,
    "of several kinds": keys_of_two_kinds,
    "would be changed once": of_the_module,
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_a_table_is_not_says_so_with_the_line(words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        jit(REFUSED[words])(K)
    assert words.strip() in str(caught.value)
    assert str(caught.value).startswith("test_tables.py:")
