"""Programs that once gave other answers than NumPy: versions taken for the wrong arguments, views
of arrays that are not dense, containers changed in the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_equal_trees
from tracejit import UnsupportedError, jit


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)


def check(function: Callable[..., Any], calls: Sequence[Callable[[], tuple[Any, ...]]]) -> None:
    """One compiled function answers all calls, in this order, as Python does."""
    compiled = jit(function)
    for make in calls:
        mine, theirs = make(), make()
        wanted = outcome(function, theirs)
        got = outcome(compiled, mine)
        assert type(got) is type(wanted), (got, wanted)
        if not isinstance(wanted, Exception):
            assert_equal_trees(got, wanted)
        assert_equal_trees(mine, theirs)


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return function(*args)
    except (IndexError, ValueError) as error:
        return error


def shrink(x):
    while len(x) > 1:
        x = x[: len(x) // 2] + 1
    return x


def test_extents_of_one_and_none_have_versions_of_their_own():
    check(shrink, [lambda n=n: (numbers(n),) for n in (6, 9, 1, 0, 12)])


def test_an_extent_of_one_broadcasts_after_run_time_extents():
    shapes = [(4, 4), (5, 4), (5, 5), (1, 5), (6, 1), (6, 5)]
    check(lambda x, y: x + y, [lambda s=s: (numbers(s[0]), numbers(s[1])) for s in shapes])


def write_if(x, k):
    if k:
        x[0] = -1
    return x.sum()


def test_writeable_arrays_after_read_only_ones():
    def call(k, writeable):
        x = numbers(5)
        x.flags.writeable = writeable
        return x, k

    kinds = [(0, False), (1, False), (1, True), (1, False), (0, True)]
    check(write_if, [lambda kind=kind: call(*kind) for kind in kinds])


def through_reshape(x):
    flat = x.reshape(-1)
    flat[0] = 100
    return flat


def through_ravel(x):
    flat = x.ravel()
    flat[1] = 100
    return flat


def through_transpose(x):
    flat = x.T.reshape(-1)
    flat[2] = 100
    return flat


def in_memory_order(x):
    return (x + 1).ravel("K"), x.ravel("K"), x.copy("K").T.ravel(), (x * 2).reshape(-1)


WAYS = {
    "padded": lambda: numbers(4, 6)[:, :3],
    "every second": lambda: numbers(4, 6)[:, ::2],
    "C": lambda: numbers(4, 3),
    "F": lambda: np.asfortranarray(numbers(4, 3)),
    "wider": lambda: numbers(9, 7)[:, :5],
    "backwards": lambda: numbers(4, 6)[::-1, ::-1],
    "turned": lambda: numbers(6, 4).T[::2],
}


@pytest.mark.parametrize(
    "function", [through_reshape, through_ravel, through_transpose, in_memory_order]
)
@pytest.mark.parametrize("turn", range(len(WAYS)))
def test_copy_or_view_follows_the_strides_of_each_call(function, turn):
    ways = list(WAYS.values())
    ways = ways[turn:] + ways[:turn]
    check(function, [lambda way=way: (way(),) for way in ways])


def test_memory_order_of_three_axes_and_of_stretched_arrays():
    ways = [
        lambda: numbers(2, 3, 4).transpose(1, 0, 2),
        lambda: numbers(3, 3, 4).transpose(1, 0, 2),
        lambda: numbers(2, 3, 4).transpose(2, 0, 1),
        lambda: numbers(2, 3, 4)[:, :, ::2],
    ]
    check(in_memory_order, [lambda way=way: (way(),) for way in ways])
    check(in_memory_order, [lambda: (np.broadcast_to(numbers(3), (4, 3)),)])


def test_strides_are_in_bytes():
    check(lambda x: (x.strides, x.T[1:].strides), [lambda: (numbers(4, 3),)])
    with pytest.raises(UnsupportedError, match="strides"):
        jit(lambda x: x.strides)(numbers(4, 6)[:, ::2])


def drop_changed(d):
    d["b"][0] = d["a"] * 2
    d["c"] = d["b"][0]
    del d["b"]
    return d["c"]


def test_a_changed_container_may_be_dropped():
    check(drop_changed, [lambda n=n: ({"a": numbers(n), "b": [1, 2]},) for n in (3, 4)])
