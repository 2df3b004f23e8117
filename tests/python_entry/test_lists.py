"""Lists, dicts and sets of which the run decides what is in them, as the entries make them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.abi import Unflatten
from tracejit.python_entry.entry import uses_native_entry


def ints(n: int) -> Any:
    return [i * i - 300 for i in range(n)]


def other_numbers(n: int) -> Any:
    floats, complexes, bools, halves = [], [], [], []
    for i in range(n):
        floats.append(i / 2)
        complexes.append(complex(i, -i))
        bools.append(i % 2 == 0)
        halves.append(np.float32(i) / np.float32(2))
    return floats, complexes, bools, halves


def equal_ones(n: int) -> Any:
    return [0.0] * n, [-0.0 if i % 3 else 0.0 for i in range(n)], [1000] * n


def tuples(n: int) -> Any:
    pairs, unlike = [], []
    for i in range(n):
        pairs.append((i, i / 2))
        unlike.append([i, 1.5])
    return pairs, unlike


def rows(n: int) -> Any:
    return [[i * j for i in range(n)] for j in range(n)], [[0.5] * n for _ in range(n)]


def arrays(x: Any, n: int) -> Any:
    found = []
    for i in range(n):
        found.append(x + i)
    return found


def groups(n: int) -> Any:
    near: list[list[int]] = [[] for _ in range(n)]
    for i in range(n):
        near[i % 2].append(i)
        near[i].append(-i)
    last = near[n - 1]
    last.append(7)
    return near, last, near[0]


def deeper(n: int) -> Any:
    out: list[list[list[float]]] = []
    for i in range(n):
        if i % 3 == 0:
            out.append([])
        out[-1].append([float(i)] * i)
    return out


def tables(n: int) -> Any:
    counts: dict[int, int] = {}
    pairs: dict[tuple[int, int], float] = {}
    seen = set()
    for i in range(n):
        counts[i % 3] = counts.get(i % 3, 0) + 1
        pairs[i, i % 2] = i / 4
        seen.add(i % 4)
    return counts, pairs, seen


def mixed(n: int) -> Any:
    both, three, rows = [], [], []
    for i in range(n):
        both.append(i if i % 2 else i * 0.5)
        three.append(i > 2 if i % 3 == 0 else complex(i, -i) if i % 3 == 1 else -i)
        rows.append([i, i / 2 if i % 2 else i])
    return both, three, rows


def texts(n: int) -> Any:
    shown, unlike, widest = [], [], []
    for i in range(n):
        shown.append(f"{i}:{-i * i}, {i / 8} {i % 3 == 0} {complex(i, 1)!r}")
        unlike.append("é\U0001f600\ud800" if i % 2 else f"{i / 3:.2f}|{i / 3:8.3e}|{i:>5}|{i!s:^7}")
        widest.append(f"{(i - 3) * 10**13} {-i / 7:g} {i / 7:.5g} {1e22 * i} {np.float32(i) / 3}")
    return shown, unlike, ", ".join(shown), "".join(widest), len(unlike)


def text_of_numbers(n: int) -> Any:
    x = 10.0 ** (n % 70) / 7
    return (
        f"{n} {n:05d} {x} {x:.2f} {x!r:>30} {-x:e} {n == 7} {x > 1e9!s:>6}",
        str(n),
        str(x),
        f"{x:+.1f}",
    )


def grown(n: int) -> Any:
    digits, last = "", ""
    while n:
        digits = str(n % 2) + digits
        last += f"{n}é"
        n //= 2
    return digits, f"{digits:>12}!", f"<{last}>", f"{digits}{last}"


def chosen(n: int) -> Any:
    small = "few" if n < 5 else f"{n} or so"
    kind = n if n % 2 else n / 2
    found = None
    for i in range(n):
        if i * i > 30:
            found = (i, f"at {i}")
            break
    return small, kind, found, None if n < 5 else n, f"{small} {kind} {found is None}"


MADE: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (ints, ()), (other_numbers, ()), (equal_ones, ()), (tuples, ()), (rows, ()),
    (arrays, (np.arange(3.0),)), (arrays, (np.array(2.5),)), (groups, ()), (deeper, ()),
    (tables, ()), (mixed, ()), (texts, ()), (text_of_numbers, ()), (grown, ()), (chosen, ()),
]  # fmt: skip


def kinds(x: Any) -> Any:
    """Values with their types, signs of zeros and dtypes."""
    if isinstance(x, list | tuple):
        return type(x), tuple(map(kinds, x))
    if isinstance(x, dict):
        return dict, tuple((kinds(k), kinds(v)) for k, v in x.items())
    if isinstance(x, str):
        return x
    if isinstance(x, np.ndarray):
        return x.dtype, x.tolist(), x.base is None
    return type(x), repr(x)


@pytest.mark.parametrize(("f", "before"), MADE)
def test_lists_are_made_natively_and_in_python(f: Any, before: Any) -> None:
    compiled = jit(f, shapes="dynamic")
    for n in (7, 1, 70):
        wanted = kinds(f(*before, n))
        assert kinds(compiled(*before, n)) == wanted
        version = compiled._dispatcher.version_for(*before, n)
        assert not isinstance(version.call.signature.structure, Unflatten)
        assert kinds(version.call.portable.call((*before, n))) == wanted


@pytest.mark.parametrize("f", [mixed, texts, groups, tables, chosen])
@pytest.mark.parametrize("n", [5, 128, 129])
def test_lists_of_known_lengths(f: Any, n: int) -> None:
    """What they are made of is on the stack where it fits there."""
    compiled = jit(lambda k: f(n))
    for k in range(3):
        assert kinds(compiled(k)) == kinds(f(n))


@pytest.mark.skipif(not uses_native_entry(), reason="no native entry here")
def test_one_list_in_several_places_is_one() -> None:
    near, last, first = jit(groups, shapes="dynamic")(5)
    assert last is near[4]
    assert first is near[0]


@pytest.mark.skipif(not uses_native_entry(), reason="no native entry here")
@pytest.mark.parametrize(("f", "before"), MADE)
def test_no_reference_is_left(f: Any, before: Any) -> None:
    compiled = jit(f, shapes="dynamic")
    for _ in range(3):
        compiled(*before, 400)
    gc.collect()
    counted = sys.getallocatedblocks()
    for _ in range(20):
        compiled(*before, 400)
    gc.collect()
    assert sys.getallocatedblocks() - counted < 300


@pytest.mark.parametrize("x", [-(2**63), 2**63 - 1, 0, float("nan"), -float("inf"), 1e16, -0.0])
def test_numbers_in_texts(x: Any) -> None:
    def f(x: Any) -> Any:
        return f"{x}|{x!r}|{x:>30}|{x:.0f}|{x:.3g}", f"{x}"

    assert jit(f, shapes="dynamic")(x) == f(x)


def test_a_text_that_cannot_be_shown() -> None:
    def f(x: Any) -> Any:
        return f"{x}{x + 1:d}", [f"{x:q}"]

    compiled = jit(f)
    for _ in range(3):
        with pytest.raises(ValueError, match="Unknown format code 'd'"):
            compiled(1.5)
