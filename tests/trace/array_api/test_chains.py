"""np.linalg.multi_dot: NumPy's order of products, hence its bits; errors."""

from __future__ import annotations

import numpy as np
import pytest

from tracejit import jit

RNG = np.random.default_rng(0)
SIZES = [
    [(3, 4), (4, 5)],
    [(30, 2), (2, 40), (40, 3)],
    [(2, 30), (30, 2), (2, 40)],
    [(20, 20), (20, 20), (20,)],
    [(20,), (20, 20), (20, 20)],
    [(20,), (20, 30), (30,)],
    [(10, 100), (100, 5), (5, 50), (50, 2)],
    [(30, 35), (35, 15), (15, 5), (5, 10), (10, 20), (20, 25)],
]


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("sizes", SIZES)
def test_products(sizes, shapes):
    chain = [RNG.random(s) for s in sizes]
    f = jit(lambda *a: np.linalg.multi_dot(a), shapes=shapes)
    np.testing.assert_allclose(f(*chain), np.linalg.multi_dot(chain), rtol=1e-12)


def test_the_order_is_the_best_one():
    def products(*sizes):
        f = jit(lambda *a: np.linalg.multi_dot(a))
        return f.inspect_ir(*(np.ones(s) for s in sizes))

    assert "f64[40, 40]" not in products((40, 2), (2, 40), (40, 3))
    assert "f64[30, 2]" in products((30, 40), (40, 30), (30, 2))
    square = jit(lambda *a: np.linalg.multi_dot(a), shapes="dynamic")
    lines = square.inspect_ir(np.ones((9, 9)), np.ones((9, 9)), np.ones(9)).splitlines()
    assert not [x for x in lines if " = dot " in x and x.split(" = ")[0].count(",")]


@pytest.mark.parametrize(
    "chain", [[np.ones((2, 2))], [np.ones((2, 2)), np.ones(2), np.ones((2, 2))], [np.ones(())] * 3]
)
def test_errors(chain):
    with pytest.raises((ValueError, np.linalg.LinAlgError)) as want:
        np.linalg.multi_dot(chain)
    with pytest.raises(type(want.value)) as found:
        jit(lambda *a: np.linalg.multi_dot(a))(*chain)
    assert str(found.value).split("\n")[0] == str(want.value)
