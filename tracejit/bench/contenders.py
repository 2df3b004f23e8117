"""Who runs a row: tracejit, NumPy, and the peers that are installed, each behind one interface."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import optree

from tracejit import get_num_threads
from tracejit.bench.rows import Row
from tracejit.records import dataclass


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Contender:
    """`call` runs the row; `accept` turns NumPy arguments into its own; `wait` ends its work."""

    name: str
    call: Callable[..., Any]
    accept: Callable[[Any], Any] = same
    wait: Callable[[Any], Any] = same


#: The name of what is timed beside the contenders of a row that memory bounds.
COPY = "copy limit"


def copying(arrays: Any) -> Contender:
    """A copy that reads and writes as many bytes as these arrays have together.

    A program that reads its arguments once and writes its results once cannot be faster, unless
    they stay in a cache between calls: the copy's own arrays stay there as well.
    """
    count = sum(np.asarray(a).nbytes for a in optree.tree_leaves(arrays)) // 2
    source, target = np.ones(count, "u1"), np.ones(count, "u1")
    return Contender(COPY, lambda *_: np.copyto(target, source))


def contenders(row: Row, only: frozenset[str] = frozenset()) -> Iterator[Contender]:
    """The baseline first, then tracejit, then each peer whose module can be imported."""
    wanted = {row.baseline, "tracejit", *row.peers} & (only | {row.baseline} if only else ALL)
    yield Contender(row.baseline, row.numpy)
    if "tracejit" in wanted:
        yield Contender("tracejit", traced(row))
    for name in sorted(wanted & set(row.peers)):
        if importlib.util.find_spec(name) is not None:
            yield PEERS[name](name, row)


def traced(row: Row) -> Callable[..., Any]:
    if row.traced is not None:
        return row.traced()
    from tracejit import jit

    compiled: Callable[..., Any] = jit(row.numpy)
    return compiled


def numba(name: str, row: Row) -> Contender:
    return Contender(name, row.peers[name](importlib.import_module(name)))


def numexpr(name: str, row: Row) -> Contender:
    """On as many threads as tracejit has."""
    module = importlib.import_module(name)
    module.set_num_threads(get_num_threads())
    return Contender(name, row.peers[name](module))


def jax(name: str, row: Row) -> Contender:
    """In double precision; a call ends when its result is there."""
    module = importlib.import_module(name)
    module.config.update("jax_enable_x64", True)
    return Contender(
        name, row.peers[name](module), leaves(module.numpy.asarray), module.block_until_ready
    )


def torch(name: str, row: Row) -> Contender:
    module: ModuleType = importlib.import_module(name)
    return Contender(name, row.peers[name](module), leaves(module.as_tensor))


def leaves(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Convert the arrays among a tree's leaves."""

    def one(leaf: Any) -> Any:
        return convert(leaf) if isinstance(leaf, np.ndarray) else leaf

    def tree(value: Any) -> Any:
        return optree.tree_map(one, value)

    return tree


PEERS: dict[str, Callable[[str, Row], Contender]] = {
    "jax": jax,
    "numba": numba,
    "numexpr": numexpr,
    "torch": torch,
}
ALL = frozenset({"numpy", "python", "tracejit", *PEERS})
