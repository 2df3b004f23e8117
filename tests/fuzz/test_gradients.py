"""Derivatives of random NumPy programs: ``jvp`` = differences, ``vjp`` = ``jvp``, both orders.

``TRACEJIT_FUZZ_GRADIENTS`` says how many (default 150). ``tests/fuzz/campaign.py --kind gradients``
runs more seeds on several processes.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.choose import Chooser, choosers, seeded
from tests.fuzz.gradients import check, smooth_program

pytestmark = pytest.mark.unoptimised  # derivatives are made before LLVM
EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_GRADIENTS", "150"))
SHARDS = 8
SECOND = 15  # one of so many is checked to second order


def from_seed(seed: int) -> str:
    """What came of the program of a seed, in a word."""
    program = smooth_program(seeded(seed))
    return check(program, second=seed % SECOND == 0, together=seed % 3 > 0)


@settings(
    max_examples=max(EXAMPLES // 10, 1),
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(choosers())
def test_hypothesis(chooser: Chooser) -> None:
    check(smooth_program(chooser), together=chooser.often(50))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_seeds(shard: int) -> None:
    seeds = range(shard, max(EXAMPLES * 9 // 10, SHARDS), SHARDS)
    found = Counter(from_seed(seed) for seed in seeds)
    checked = found["first order"] + found["second order"]
    assert checked >= 0.6 * found.total(), f"only {checked} are compared: {found}"
