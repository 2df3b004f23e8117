"""A reshape is a view exactly where NumPy makes one, also where only the run knows the extents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs.program import Program, assert_same, run
from tracejit import UnsupportedError, jit

BOUNDS = [(0, 2), (0, 1), (1, 2), (0, 3), (2, 3)]


def with_shape(v: Any, shape: Any) -> Any:
    v = v[...]
    v.shape = shape
    return v


RESHAPED: dict[str, Any] = {
    "a column": lambda x, a, b: x[:, a:b].reshape(-1),
    "a column raveled": lambda x, a, b: x[:, a:b].ravel(),
    "a column in Fortran order": lambda x, a, b: x[:, a:b].reshape(-1, order="F"),
    "a column in its order": lambda x, a, b: x.T[:, a:b].ravel("A"),
    "in the order of memory": lambda x, a, b: x[a:b].T.ravel("K"),
    "equal extents": lambda x, a, b: x[:b].reshape((*x[:b].shape, 1)),
    "a difference": lambda x, a, b: x[a:b].reshape(b - a, -1),
    "a difference last": lambda x, a, b: x[:, a:b].reshape(-1, b - a),
    "rows of another slice": lambda x, a, b: x[:, a:b].reshape(x[a:b].shape[0], -1),
    "split and merged": lambda x, a, b: x[:, ::2][:, a:b].reshape(2, -1),
    "the shape is set": lambda x, a, b: with_shape(x[a:b], (b - a, -1, 1)),
    "the shape cannot be set": lambda x, a, b: with_shape(x[:, a:b], -1),
    "no copy": lambda x, a, b: np.reshape(x[:, a:b], -1, copy=False),
    "squeezed": lambda x, a, b: x[:, a:b].squeeze().reshape(-1),
    "one of two views": lambda x, a, b: (x if a > 0 else x[::-1])[a:b].reshape(-1),
    "an array or its transpose": lambda x, a, b: (x if a > 0 else x.T)[:, ::3].reshape(-1),
    "one of two, its shape set": lambda x, a, b: with_shape(x if a > 0 else x.T, -1),
    "twice": lambda x, a, b: x[:, a:b].reshape(2, -1).reshape(-1),
    "a new axis between": lambda x, a, b: np.expand_dims(x[a:b], 1).reshape(b - a, -1),
}


@pytest.mark.parametrize("function", RESHAPED.values(), ids=RESHAPED)
def test_what_is_written_reaches_the_array_where_numpy_makes_a_view(function: Any) -> None:
    def written(x: Any, a: Any, b: Any) -> Any:
        y = function(x, a, b)
        y[...] = 9
        x[0] = 3
        return y

    program = Program("reshaped", written, lambda rng: ())
    compiled = jit(written, shapes="dynamic")
    for a, b in BOUNDS:
        x = np.arange(24.0).reshape(4, 6)
        expected = run(written, (x.copy(), a, b))
        assert_same(run(compiled, (x.copy(), a, b)), expected, program)


def test_a_shape_of_no_elements_cannot_be_worked_out() -> None:
    compiled = jit(lambda x, a, b: x[a:b].reshape(b - a, -1), shapes="dynamic")
    assert compiled(np.ones((4, 6)), 1, 3).shape == (2, 6)
    with pytest.raises(ValueError, match=r"array of size 0 into shape \(0,newaxis\)"):
        compiled(np.ones((4, 6)), 1, 1)


@pytest.mark.parametrize("order", "CFAK")
@pytest.mark.parametrize(
    "flat", [lambda x, order: x.flatten(order), lambda x, order: x.ravel(order)]
)
def test_orders(flat: Any, order: str) -> None:
    x = np.arange(24.0).reshape(4, 6)
    compiled = jit(lambda x: flat(x, order), shapes="dynamic")
    for given in (x, x.T, np.asfortranarray(x), x[::2], x.T[::2]):
        np.testing.assert_array_equal(compiled(given), flat(given, order))


def test_an_unknown_order_in_memory_is_not_supposed() -> None:
    compiled = jit(lambda x, k: x[::k].ravel("K"), shapes="dynamic")
    with pytest.raises(UnsupportedError, match="order='C' does not ask"):
        compiled(np.arange(24.0).reshape(4, 6), -1)
