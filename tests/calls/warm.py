"""Calls that stay native once compiled: how that is asked, and what is the same as an answer."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pytest

from tracejit.python_entry import entry

NATIVE = pytest.mark.skipif(not entry.uses_native_entry(), reason="portable entry in use")
X, Y, Z = np.arange(3.0), np.array([4.0, 5.0, 6.0]), np.array([0.5, 0.25, 2.0])


def outcome(call: Any) -> Any:
    """The value, or what was raised."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def assert_same(got: Any, want: Any) -> None:
    assert type(got) is type(want), (got, want)
    if isinstance(want, tuple | list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif is_dataclass(want):
        assert_same(vars(got), vars(want))
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype
        assert got.strides == want.strides
        assert got.flags.writeable == want.flags.writeable
        np.testing.assert_array_equal(got, want)
    else:
        assert got == want


def assert_warm(f: Any, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    """``f`` answers like its function, and natively from the third time on."""
    for _ in range(2):
        for args, kwargs in calls:
            assert_same(
                outcome(lambda: f(*args, **kwargs)), outcome(lambda: f.py_func(*args, **kwargs))
            )
    before = f.stats().slow_calls
    for args, kwargs in calls:
        assert_same(f(*args, **kwargs), f.py_func(*args, **kwargs))
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


def arrays_in(result: Any) -> list[Any]:
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [a for r in result for a in arrays_in(r)]
    return [result] if isinstance(result, np.ndarray) else []
