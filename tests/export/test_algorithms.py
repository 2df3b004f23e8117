"""The loops that exported code has for rows of libraries agree with the rows' references.

Here they run as plain Python; programs.py has what is exported of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

from tests.ops.library_samples import LIBRARY, library_samples
from tracejit.export.algorithms import linear_systems
from tracejit.export.without_libraries import ALGORITHMS
from tracejit.ir.core import TABLE


def outcome(name: str, found: Any) -> list[Any]:
    """What is the same for every choice of vectors: values, and the matrix that they make."""
    found = list(found) if isinstance(found, tuple) else [found]
    if name == "eigh":
        w, v, ok = found
        return [w, (v * w[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2)), gram(v), ok]
    if name == "svd":
        u, s, vh, ok = found
        k = s.shape[-1]
        made = (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]
        return [s, made, gram(u), gram(np.swapaxes(vh, -1, -2)), ok]
    return found


def gram(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2)) @ x


def selected(name: str, found: Any, x: Any, kth: Any, axis: int) -> Any:
    """All elements, and those at the places: what is the same for every order of the others."""
    if name == "argpartition":
        found = np.take_along_axis(x, found, axis)
    return np.sort(found, axis), np.take(found, kth, axis)


def compare(name: str, got: Any, want: Any) -> None:
    for x, y in zip(outcome(name, got), outcome(name, want), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert (x.dtype, x.shape) == (y.dtype, y.shape), name
        if y.dtype.kind in "fc":
            near = 3e-5 if y.dtype.char in "fF" else 1e-12
            np.testing.assert_allclose(x, y, rtol=near, atol=near, err_msg=name)
        else:
            np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_plain(name: str) -> None:
    for letter in LIBRARY[name][0]:
        for operands, attrs in library_samples(name, letter):
            with np.errstate(all="ignore"):
                got = ALGORITHMS[name](*map(np.asarray, operands), **attrs)
                want = TABLE[name].eval(*map(np.asarray, operands), **attrs)
            if name.endswith("partition"):
                if abs(operands[1][0] + 0.5) > operands[0].shape[attrs["axis"]]:
                    continue  # no such place: nothing is said of the result
                got, want = (selected(name, r, *operands, **attrs) for r in (got, want))
            compare(name, got, want)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_pivots_are_those_of_lapack(dtype: str) -> None:
    rng = np.random.default_rng(3)
    parts = rng.normal(size=(2, 12, 12))
    a = (parts[0] + 1j * parts[1] if dtype == "c16" else parts[0]).astype(dtype)
    lu, x = a.copy(), np.eye(12, dtype=a.dtype)
    linear_systems.factor(lu, x)
    near = 1e-4 if dtype == "f4" else 1e-11
    np.testing.assert_allclose(lu, scipy.linalg.lu_factor(a)[0], rtol=near, atol=near)
    b = a + 4 * np.eye(12, dtype=a.dtype)
    found, ok = linear_systems.solve(b, a)
    assert ok
    assert np.abs(b @ found - a).max() < 20 * np.finfo(a.dtype).eps * np.abs(b).max()
