"""Random NumPy programs: NumPy = native = interpreter = native without passes.

``TRACEJIT_FUZZ_EXAMPLES`` says how many (default 600); half of them come from Hypothesis, which
makes a failing one small, half from seeds, which reach further. ``tests/fuzz/campaign.py`` runs
more seeds on several processes.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.check import Unsupported, quietly
from tests.fuzz.choose import Chooser, choosers, seeded
from tests.fuzz.program import program

EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_EXAMPLES", "600"))
SHARDS = 20


def one(chooser: Chooser) -> bool:
    """Check a program; whether tracejit compiles it."""
    try:
        quietly(program(chooser))
    except Unsupported:
        return False
    return True


def from_seed(seed: int) -> str:
    """The outcome for the program of a seed, in a word."""
    return "compiled" if one(seeded(seed)) else "refused"


@settings(
    max_examples=max(EXAMPLES // 2, 1),
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(choosers())
def test_hypothesis(chooser: Chooser) -> None:
    one(chooser)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_seeds(shard: int) -> None:
    seeds = range(shard, max(EXAMPLES // 2, SHARDS), SHARDS)
    found = [one(seeded(seed)) for seed in seeds]
    assert sum(found) >= 0.8 * len(found), f"only {sum(found)} of {len(found)} programs compile"
