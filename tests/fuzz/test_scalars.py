"""Programs of single numbers of many kinds: the types and values that Python gives.

More of them: ``python -m tests.fuzz.campaign --kind scalars``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.fuzz.check import Difference
from tests.fuzz.scalars import number_arguments, scalar_program
from tracejit import jit
from tracejit.errors import TracejitError

#: Python's ints have 64 bits here, and 53 where other runs have a float.
LARGE = 2**53


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """What a call returns or raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(args[0].copy(), *args[1:])
        except Exception as error:
            return error


def alike(got: Any, want: Any) -> bool:
    """Whether two outcomes are of the same types, and the same up to rounding."""
    if type(got) is not type(want):
        return False
    if isinstance(want, tuple):
        return all(map(alike, got, want))
    if isinstance(want, Exception) or repr(got) == repr(want):
        return True
    short = getattr(want, "itemsize", 16) <= 4 or isinstance(want, np.complex64)
    with np.errstate(all="ignore"):
        return bool(np.isclose(got, want, rtol=1e-3 if short else 1e-13, equal_nan=True))


def is_large(want: Any) -> bool:
    """Whether Python goes on with ints that compiled code has no room for."""
    return isinstance(want, OverflowError) or (
        isinstance(want, tuple) and any(isinstance(x, int) and abs(x) >= LARGE for x in want)
    )


def from_seed(seed: int) -> str:
    """The outcome for the program of a seed, in a word; a Difference shows the program."""
    program = scalar_program(seed)
    function = program.function()
    compiled = jit(function, opt_level=0)
    for args in number_arguments(seed):
        want, got = outcome(function, args), outcome(compiled, args)
        if isinstance(got, TracejitError):
            return "refused"
        if isinstance(got, OverflowError) and is_large(want):
            continue
        if not alike(got, want):
            raise Difference(f"{got!r} instead of {want!r}\n{args}\n{program}")
    return "compiled"


@pytest.mark.parametrize("shard", range(2))
def test_seeds(shard: int) -> None:
    found = [from_seed(seed) for seed in range(shard, 16, 2)]
    assert found.count("compiled") >= len(found) - 1
