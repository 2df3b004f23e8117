"""Random programs whose lists, dicts and objects share what they hold: compiled = Python."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.check import Unsupported
from tests.fuzz.sharing import Calls, Rows, Sharing, Things, check

EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_EXAMPLES", "600"))
SHARDS = 5


def one(program: Sharing) -> bool:
    """Check a program; whether tracejit compiles it."""
    try:
        check(program)
    except Unsupported:
        return False
    return True


def from_seed(seed: int) -> str:
    """The outcome for the program of a seed, in a word."""
    return "compiled" if one((Rows, Things, Calls)[seed % 3](seed // 3)) else "refused"


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize(("kind", "part"), [(Rows, 8), (Things, 3), (Calls, 8)])
def test_seeds(kind: type[Sharing], part: int, shard: int) -> None:
    seeds = range(shard, EXAMPLES // part, SHARDS)
    found = [one(kind(seed)) for seed in seeds]
    assert sum(found) >= 0.4 * len(found), f"only {sum(found)} of {len(found)} programs compile"
