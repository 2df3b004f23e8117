"""Arrays that cannot be joined: which one, along which axis, in NumPy's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

ONES = np.ones
JOINS: dict[str, Callable[..., Any]] = {
    "concatenate": lambda a, b: np.concatenate([a, a, b]),
    "along axis 1": lambda a, b: np.concatenate([a, b], axis=1),
    "hstack": lambda a, b: np.hstack([a, b]),
    "append": lambda a, b: np.append(a, b, axis=0),
}
SHAPES = [((2, 3), (3,)), ((2, 3), (3, 2)), ((4, 2), (5, 3)), ((3,), ()), ((), ())]


def raised(function: Callable[..., Any], arrays: tuple[Any, ...]) -> str | None:
    try:
        function(*arrays)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("name", JOINS)
def test_the_error_is_numpys(name: str) -> None:
    function = JOINS[name]
    f = jit(function)
    for shapes in SHAPES:
        arrays = tuple(map(ONES, shapes))
        error = raised(function, arrays)
        assert raised(f, arrays) == error
        if error is None:
            assert np.array_equal(f(*arrays), function(*arrays))
