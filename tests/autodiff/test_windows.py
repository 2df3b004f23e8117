"""Which elements two windows share, with any steps, is what enumerating them gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit.autodiff.windows import within
from tracejit.ir.builder import Builder
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import INDEX


@pytest.mark.parametrize("known", [True, False], ids=["known", "of the run"])
@pytest.mark.parametrize("seed", range(60))
def test_elements_of_one_window_in_another(seed: int, known: bool) -> None:
    rng = np.random.default_rng(seed)
    starts, steps, sizes = rng.integers(0, 9, 2), rng.integers(1, 4, 2), rng.integers(1, 5, 2)
    b = Builder("f")
    given: list[Any] = [] if known else [b.param(INDEX), b.param(INDEX)]
    at = [b.index(int(s)) for s in starts] if known else given
    places = [
        ((start, b.index(int(step))), (int(size),))
        for start, step, size in zip(at, steps, sizes, strict=True)
    ]
    found = within(b, places[0], places[1])
    near, far = (s + t * np.arange(n) for s, t, n in zip(starts, steps, sizes, strict=True))
    want = np.isin(near, far)
    if isinstance(found, bool):
        assert (want == found).all()
        return
    assert found is not None
    values = [] if known else [int(s) for s in starts]
    (got,) = interpret(b.build([found]), values)
    np.testing.assert_array_equal(got, want)
