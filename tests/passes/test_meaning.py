"""No pass changes what a program computes: bits, effects and exceptions, in the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import PROGRAMS
from tests.autodiff.test_random_programs import SIZE, program
from tests.passes.derived import derivative
from tracejit.ir.core import Function
from tracejit.ir.verifier import verify
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import outcome, run

SUBJECTS: dict[str, Callable[[], tuple[Function, list[Any], list[int]]]] = dict(PROGRAMS)
PASSES = sorted(set(DEFAULT), key=lambda p: p.__name__)


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize(
    "each", sorted(set(DEFAULT), key=lambda p: p.__name__), ids=lambda p: p.__name__
)
def test_pass_keeps_the_meaning(name: str, each: Callable[[Function], Function]) -> None:
    function, args, wrt = SUBJECTS[name]()
    for subject, inputs in [(function, args), derivative(function, args, wrt)]:
        want = outcome(subject, inputs)
        after = each(subject)
        verify(after)
        assert outcome(after, inputs) == want


@pytest.mark.parametrize("seed", range(40))
def test_pipeline_on_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = [SIZE, *rng.uniform(0.3, 1.2, 3), *rng.uniform(0.3, 1.2, (2, SIZE))]
    function = program(seed)
    for subject, inputs in [(function, args), derivative(function, args, list(range(1, 6)))]:
        verify(run(subject, DEFAULT, verify=True, inputs=inputs))
