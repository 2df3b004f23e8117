"""Random programs: vmap is a loop, pullbacks and pushforwards are derivatives."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.choose import seeded
from tests.fuzz.gradients import smooth_program
from tests.fuzz.transforms import check

pytestmark = pytest.mark.unoptimised  # derivatives are made before LLVM
EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_GRADIENTS", "60")) // 4


def from_seed(seed: int) -> str:
    """What came of the program of a seed, in a word."""
    return check(smooth_program(seeded(seed)))


@pytest.mark.parametrize("part", range(5))
def test_transforms_of_random_programs(part: int) -> None:
    each = max(1, EXAMPLES // 5)
    seeds = range(7000 + part * each, 7000 + (part + 1) * each)
    done = [from_seed(seed) for seed in seeds]
    assert done.count("checked") >= len(done) // 2
