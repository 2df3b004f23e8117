"""Views of sizes of the run are made natively, as NumPy makes them."""

import numpy as np
import pytest

from tracejit import jit

VIEWS = [
    lambda x: x.diagonal(),
    lambda x: x.diagonal(1),
    lambda x: x.diagonal(-2),
    lambda x: np.diag(x),
    lambda x: np.broadcast_to(x, (3, *x.shape)),
    lambda x: np.broadcast_to(x[:, :1], x.shape),
    lambda x: np.broadcast_to(x[:1], (2, x.shape[0], x.shape[1])),
    lambda x: x.view(np.uint8),
    lambda x: x.view(np.float32),
    lambda x: x[1:].view(np.int16),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, axis=1),
    lambda x: np.lib.stride_tricks.sliding_window_view(x.T[::2], (2, 1))[:, ::-1, 1:],
    lambda x: x.reshape(-1)[:: x.shape[0] + 1],
    lambda x: x[:: x.shape[1] - 2, :: 3 - x.shape[1]],
    lambda x: x[x.shape[0] - 1 :: -1].reshape(-1, 1, x.shape[1])[:, 0].T,
]


@pytest.mark.parametrize("number", range(len(VIEWS)))
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_shapes_and_strides_are_numpys(number, shapes):
    f = VIEWS[number]
    g = jit(f, shapes=shapes)
    for shape in ((4, 4), (5, 7), (7, 5), (1, 4), (4, 6)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        found, wanted = g(x), f(x)
        np.testing.assert_array_equal(found, wanted, strict=True)
        assert np.shares_memory(found, x) or not found.size
        assert found.flags.writeable == wanted.flags.writeable
        moved = [k for k, n in enumerate(wanted.shape) if n > 1]
        assert [found.strides[k] for k in moved] == [wanted.strides[k] for k in moved]


@pytest.mark.parametrize("number", range(len(VIEWS) - 1))
def test_no_such_call_is_slow(number):
    f = jit(VIEWS[number], shapes="dynamic")
    x = np.arange(42.0).reshape(6, 7)
    f(x)
    before = f.stats().slow_calls
    for _ in range(3):
        f(x)
    assert f.stats().slow_calls == before


def test_nothing_is_a_view_too():
    for f in VIEWS[4:8]:
        for shape in ((0, 3), (3, 0), (0, 0)):
            x = np.empty(shape)
            np.testing.assert_array_equal(jit(f, shapes="dynamic")(x), f(x), strict=True)


@pytest.mark.parametrize("view", [np.diag, np.diagonal, lambda x: np.broadcast_to(x, (2, 3, 3))])
def test_what_numpy_makes_read_only_is_not_written(view):
    def f(x):
        view(x)[...] = 0.0
        return x

    for call in (f, jit(f)):
        with pytest.raises(ValueError, match="read-only"):
            call(np.ones((3, 3)))
