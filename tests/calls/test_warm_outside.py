"""Once compiled, calls stay native where code reads variables outside or makes assumptions."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import NATIVE, X, Y, Z, assert_warm
from tracejit import jit
from tracejit.python_entry import entry


@NATIVE
def test_globals_and_enclosing_variables_are_read_natively() -> None:
    space: dict[str, Any] = {"scale": X, "shift": 2.0}
    exec("def f(x, y=1.0): return x * scale + shift + abs(y)", space)
    f, function = jit(space["f"]), space["f"]
    assert_warm(f, ((Y,), {}), ((Y,), {"y": -2.0}))
    for changed in ({"scale": Z}, {"shift": 5.0}, {"scale": X}):
        space.update(changed)
        assert_warm(f, ((Y,), {}), ((Y,), {"y": -2.0}))
    del space["scale"]
    for _ in range(2):
        with pytest.raises(NameError) as got:
            f(Y)
        with pytest.raises(NameError) as want:
            function(Y)
        assert str(got.value) == str(want.value)
    space["scale"] = Z
    assert_warm(f, ((Y,), {}))

    def around() -> tuple[Any, Any]:
        held, by = X, 2.0

        def inner(x: Any) -> Any:
            return x * held * by

        def change(new: Any, factor: Any) -> None:
            nonlocal held, by
            held, by = new, factor

        return inner, change

    inner, change = around()
    g = jit(inner)
    assert_warm(g, ((Y,), {}))
    for new in (Z, X):
        change(new, 2.0)
        assert_warm(g, ((Y,), {}))
    change(X, 7.0)
    assert_warm(g, ((Y,), {}))


# What versions assume ---------------------------------------------------------------------------

REAL, TURN = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
OUTSIDE = np.zeros(2)


def after_writes(a: Any, x: Any, rng: Any) -> Any:
    x += 1.0
    OUTSIDE[0] += x[0]
    x[0] += rng.random()
    values = np.linalg.eigvals(a)
    x *= 2.0
    return values, rng.random()


def test_what_was_written_and_drawn_before_is_put_back_natively() -> None:
    f = jit(after_writes)
    states = []
    for function in (after_writes, f):
        OUTSIDE[:] = 0
        x, rng = np.zeros(3), np.random.default_rng(1)
        seen = []
        for a in [REAL] * 12 + [TURN, REAL, TURN] + [TURN] * 30 + [REAL]:
            seen.append((function(a, x, rng), x.copy(), OUTSIDE.copy()))
        states.append(seen)
    for got, want in zip(*reversed(states), strict=True):
        np.testing.assert_array_equal(got[0][0], want[0][0])
        assert got[0][0].dtype == want[0][0].dtype
        assert got[0][1] == want[0][1]
        np.testing.assert_array_equal(got[1], want[1])
        np.testing.assert_array_equal(got[2], want[2])
    x, rng = np.zeros(3), np.random.default_rng(1)
    f(REAL, x, rng)
    for _ in range(40):
        f(REAL, x, rng)
    before = f.stats().slow_calls
    gc.collect()  # tracebacks
    counts = [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)]
    for _ in range(10):
        f(REAL, x, rng)
        f(a=REAL, rng=rng, x=x)
    assert [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)] == counts
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before
    for _ in range(5):
        f(TURN, x, rng)
    gc.collect()
    assert [sys.getrefcount(o) for o in (x, rng, REAL, OUTSIDE)] == counts
