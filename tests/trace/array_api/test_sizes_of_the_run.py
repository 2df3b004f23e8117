"""Names that lay elements out anew or search, in one version for all sizes: NumPy's values."""

import numpy as np
import pytest

from tracejit import jit

rng = np.random.default_rng(2)
CALLS = [
    lambda x, s: np.resize(x, x.shape[0] + 7),
    lambda x, s: np.resize(x, (3, x.shape[0] // 2)),
    lambda x, s: np.packbits(x > 0.5),
    lambda x, s: np.packbits(x > 0.5, bitorder="little"),
    lambda x, s: np.packbits((x > 0.5)[:, None] | (s > 0.3), axis=0),
    lambda x, s: np.delete(x, x.shape[0] // 2),
    lambda x, s: np.delete(np.stack((x, s)), -1, axis=1),
    lambda x, s: np.kron(np.outer(x, s)[:3], np.outer(s, x)[:, :2]),
    lambda x, s: np.tile(np.outer(x, s)[:3], (2, 3)),
    lambda x, s: np.digitize(x, s),
    lambda x, s: np.digitize(x, s[::-1], right=True),
    lambda x, s: (np.searchsorted(s, x), np.searchsorted(s, s, side="right")),
    lambda x, s: np.searchsorted(s, np.append(x, np.nan)[:, None]),
    lambda x, s: np.interp(x, s, x),
    lambda x, s: np.convolve(x, s) - np.convolve(x, s[:3])[0],
    lambda x, s: (np.convolve(x, s, "same"), np.convolve(x, s, "valid")),
    lambda x, s: np.correlate(x, s, "full"),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8"])
def test_values_are_numpys(number, dtype):
    f = CALLS[number]
    g = jit(f, shapes="dynamic")
    for n in (1, 2, 3, 7, 8, 9, 33, 100):
        x = (rng.random(n) * (9 if dtype == "i8" else 1)).astype(dtype)
        args = x, np.sort(x[::-1])
        found, wanted = g(*args), f(*args)
        pairs = zip(found, wanted) if isinstance(wanted, tuple) else [(found, wanted)]
        for a, b in pairs:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("n", [3, 1, 0])
def test_a_position_that_is_not_there(n, shapes):
    def at(k):
        return jit(lambda x: np.delete(x, k, axis=1), shapes=shapes)

    for k in (n, -n - 1):
        message = f"index {k} is out of bounds for axis 1 with size {n}"
        with pytest.raises(IndexError, match=message):
            at(k)(np.zeros((2, n)))
        with pytest.raises(IndexError, match=message):
            jit(lambda x, k: np.delete(x, k[0], axis=1), shapes=shapes)(
                np.zeros((2, n)), np.array([k])
            )


def test_what_one_position_leaves_has_a_known_length():
    f = jit(lambda x, k: np.delete(x, k[0], axis=1))
    assert "-> (f64[2, 3])" in f.inspect_ir(np.ones((2, 4)), np.array([1]))


def test_the_first_bad_index_is_named():
    x, bad = np.zeros(5), np.array([1, -5, 7, -9])
    for f in (
        lambda x, i: np.take(x, i),
        lambda x, i: np.take_along_axis(x, i, 0),
        lambda x, i: np.put_along_axis(x, i, 1.0, 0),
        lambda x, i: x[i],
    ):
        for shapes in ("static", "dynamic"):
            with pytest.raises(IndexError, match="index 7 is out of bounds"):
                jit(f, shapes=shapes)(x, bad)
