"""How often Python collects garbage is the program's again after loading and compiling."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tracejit import jit
from tracejit.calls.garbage import OBJECTS, rarely_collected
from tracejit.errors import UnsupportedError


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(600, 11, 12)
    yield
    gc.set_threshold(*before)


def test_it_is_as_before_after_what_compiles_and_what_does_not() -> None:
    jit(lambda x: x + 1, cache=False)(np.ones(3))
    assert gc.get_threshold() == (600, 11, 12)
    with pytest.raises(UnsupportedError):
        jit(lambda x: gc.get_threshold()[0] + x, cache=False)(np.ones(3))
    assert gc.get_threshold() == (600, 11, 12)


def test_it_is_rare_until_the_last_has_ended() -> None:
    with rarely_collected():
        with rarely_collected():
            assert gc.get_threshold() == (OBJECTS, 11, 12)
        assert gc.get_threshold() == (OBJECTS, 11, 12)
    assert gc.get_threshold() == (600, 11, 12)


@pytest.mark.parametrize("theirs", [0, OBJECTS + 1])
def test_what_is_rarer_already_stays(theirs: int) -> None:
    gc.set_threshold(theirs, 5, 5)
    with rarely_collected():
        assert gc.get_threshold() == (theirs, 5, 5)
    assert gc.get_threshold() == (theirs, 5, 5)


def test_what_the_program_sets_meanwhile_stays() -> None:
    with rarely_collected():
        gc.set_threshold(50, 2, 2)
    assert gc.get_threshold() == (50, 2, 2)


_LOAD = """
import gc
import numpy as np
{before}
from tracejit import jit
looked_at = [0]
gc.callbacks.append(lambda phase, info: looked_at.append(gc.get_count()[0]))
f = jit(lambda x: x + 1, cache=False)
f(np.ones(3))
print(max(looked_at), gc.get_freeze_count())
"""


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_loaded_is_not_looked_through(frozen: bool) -> None:
    """Unless the program has frozen objects: those stay frozen."""
    script = _LOAD.format(before="gc.freeze()" if frozen else "")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    most, kept = map(int, run.stdout.split())
    assert (most > 20_000, kept > 0) == (frozen, frozen)
