"""``trace_through``: modules of libraries that are compiled like the program."""

from __future__ import annotations

import colorsys
import itertools
import math
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit import UnsupportedError, check_grads, grad, jit, trace_through, vmap
from tracejit.calls.dispatcher import forget_all
from tracejit.trace.session.plain import TRACED_THROUGH


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Nothing is said before, as by an example of the documentation, nor after."""
    said = set(TRACED_THROUGH)
    TRACED_THROUGH.clear()
    forget_all()
    yield
    TRACED_THROUGH.clear()
    TRACED_THROUGH.update(said)
    forget_all()


def hue(red: Any) -> Any:
    return colorsys.rgb_to_hsv(red, 0.2, 0.3)[0]


def test_functions_of_a_module_are_compiled_where_it_is_named() -> None:
    with pytest.raises(UnsupportedError, match=r"rgb_to_hsv.*trace_through\(colorsys\)"):
        jit(hue)(0.5)
    trace_through(colorsys)
    assert jit(hue)(0.5) == hue(0.5)
    assert jit(hue)(0.1) == hue(0.1)  # another branch of it
    check_grads(hue, (0.5,))
    expected = [grad(hue)(0.5), grad(hue)(0.1)]
    assert np.allclose(vmap(grad(hue))(np.array([0.5, 0.1])), expected)


def test_methods_of_its_classes_too() -> None:
    def score(mean: Any) -> Any:
        return statistics.NormalDist(mean, 2.0).zscore(1.0)

    trace_through(statistics)
    assert jit(score)(0.5) == score(0.5) == 0.25
    assert grad(score)(0.5) == -0.5


def test_what_was_compiled_before_is_forgotten() -> None:
    f = jit(lambda x: x * statistics.fmean([1.0, 2.0]))
    assert f(2.0) == 3.0
    assert f.stats().versions == 1
    trace_through(statistics)
    assert f.stats().versions == 0
    assert f(2.0) == 3.0
    trace_through(statistics)  # nothing new
    assert f.stats().versions == 1


def test_a_package_is_all_of_its_modules_and_known_names_stay_known() -> None:
    scipy = pytest.importorskip("scipy")
    special = pytest.importorskip("scipy.special")
    windows = pytest.importorskip("scipy.signal.windows")
    trace_through(scipy)

    def f(width: Any) -> Any:
        shape = windows.gaussian(8, width)
        return np.sum(shape) + special.logsumexp(shape) + special.erf(width)

    assert np.isclose(jit(f)(2.0), f(2.0), rtol=1e-15)
    check_grads(f, (2.0,))


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        (np, ValueError, "numpy is known"),
        (tracejit, ValueError, "tracejit is known"),
        (math, TypeError, "math is not written in Python; register"),
        (itertools, TypeError, "itertools is not written in Python; register"),
        ("colorsys", TypeError, "takes modules, not str: 'colorsys'"),
        (hue, TypeError, "takes modules, not function: hue"),
    ],
)
def test_what_is_no_such_module_is_refused(given: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        trace_through(colorsys, given)
    assert not TRACED_THROUGH


def test_it_is_not_said_in_compiled_code() -> None:
    def f(x: Any) -> Any:
        trace_through(colorsys)
        return x

    with pytest.raises(UnsupportedError, match=r"test_traced_modules.py:\d+: trace_through in com"):
        jit(f)(1.0)
