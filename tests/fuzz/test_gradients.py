"""Derivatives of random NumPy programs: ``jvp`` = differences, ``vjp`` = ``jvp``, both orders, and
a batch is a loop. The programs have loops, mutation, LAPACK, ``vmap`` and transforms inside.

``TRACEJIT_FUZZ_GRADIENTS`` says how many (default 1,000; 20,000 is the long fuzz). One of NATIVE is
compiled, the others are traced once and interpreted. ``tests/fuzz/campaign.py --kind gradients``
and ``--kind interpreted`` run more seeds on several processes.
"""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import interpreted
from tests.fuzz.choose import Chooser, choosers, seeded
from tests.fuzz.gradients import check, smooth_program

pytestmark = pytest.mark.unoptimised  # derivatives are made before LLVM
EXAMPLES = int(os.environ.get("TRACEJIT_FUZZ_GRADIENTS", "1000"))
SHARDS = 8
NATIVE = 20  # one of so many is compiled
SECOND = 9  # one of so many is checked to second order

#: What programs have, and the least share of them that has it.
DRAWN = {
    "a loop": (r"^ +(for|while) ", 0.5),
    "a loop of unknown length": (r"^ +while ", 0.25),
    "mutation": (r"^ +\w+\[.*\] [-+*]?= ", 0.6),
    "LAPACK": (r"linalg\.(?!norm\(2)", 0.15),
    "an FFT": (r"np\.fft\.", 0.02),
    "vmap": (r"vmap\(", 0.08),
    "reverse mode inside": (r"\b(grad|vjp|jacrev)\(", 0.08),
    "forward mode inside": (r"\b(jvp|linearize|jacfwd)\(", 0.06),
    "a transform of a transform": (r"(vmap|jvp)\(grad\(|linearize\(checkpoint\(", 0.02),
}


def from_seed(seed: int) -> str:
    """What came of the compiled program of a seed, in a word."""
    program = smooth_program(seeded(seed))
    return check(program, second=seed % SECOND == 0, together=seed % 3 > 0)


def interpreted_from_seed(seed: int) -> str:
    """What came of the interpreted program of a seed, in a word."""
    return interpreted.check(smooth_program(seeded(seed)), second=seed % SECOND == 0)


@settings(
    max_examples=max(EXAMPLES // 50, 1),
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(choosers())
def test_hypothesis(chooser: Chooser) -> None:
    interpreted.check(smooth_program(chooser))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_seeds(shard: int) -> None:
    found = Counter[str]()
    for seed in range(shard, max(EXAMPLES, SHARDS), SHARDS):
        native = seed // SHARDS % NATIVE == 0
        found[from_seed(seed) if native else interpreted_from_seed(seed)] += 1
    checked = found["first order"] + found["second order"]
    assert checked >= 0.7 * found.total(), f"only {checked} are compared: {found}"


def test_programs_have_what_is_differentiated() -> None:
    sources = [smooth_program(seeded(seed)).source.split("def g(")[0] for seed in range(1000)]
    for what, (pattern, share) in DRAWN.items():
        having = sum(bool(re.search(pattern, s, re.MULTILINE)) for s in sources)
        assert having >= share * len(sources), f"{what}: {having} of {len(sources)}"
