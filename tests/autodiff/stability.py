"""Measures the table of ``stability_table.py``: ``python -m tests.autodiff.stability`` prints it.

``nan``: a number that is not finite where the truth is. ``inaccurate``: one whose error is above a
thousandth of the largest component of its vector. What is beyond the range of float32 is not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy

from tests.autodiff.stability_table import FAMILIES, Function, Row
from tracejit import grad, jit

TOLERANCE = 1e-3
VERDICTS = ["ok", "inaccurate", "nan"]
#: Families whose functions are elementwise: each component stands alone.
ALONE = ("sigmoids", "hyperbolics", "quotients", "powers")
Truth = Callable[[Function, list[float]], Any]


class Exact:
    """NumPy's names over object arrays of mpmath numbers."""

    linalg = SimpleNamespace(norm=lambda x: mp.sqrt(numpy.sum(x * x)))
    abs = staticmethod(numpy.frompyfunc(abs, 1, 1))
    log2 = staticmethod(numpy.frompyfunc(lambda x: mp.log(x) / mp.log(2), 1, 1))
    sum, max, stack, array = map(staticmethod, (numpy.sum, numpy.max, numpy.stack, numpy.array))
    dot, where, prod, mean = map(staticmethod, (numpy.dot, numpy.where, numpy.prod, numpy.mean))

    def __getattr__(self, name: str) -> Any:
        return numpy.frompyfunc(getattr(mp, name), 1, 1)

    def float32(self, values: Any) -> Any:
        return numpy.array(numpy.float32(values), object) + mp.mpf(0)

    @staticmethod
    def var(x: Any) -> Any:
        return numpy.mean((x - numpy.mean(x)) ** 2)

    @staticmethod
    def std(x: Any) -> Any:
        return mp.sqrt(Exact.var(x))


def _numbers(at: list[float]) -> Any:
    return numpy.array([mp.mpf(float(numpy.float32(v))) for v in at], object)


def true_gradient(function: Function, at: list[float]) -> Any:
    """Gradient of the sum, by differences in 1200 digits."""
    with mp.workdps(1200):
        x, out = _numbers(at), []
        for k in range(len(at)):
            h = mp.mpf(10) ** -100 * (abs(x[k]) or 1)
            up, down = x.copy(), x.copy()
            up[k], down[k] = x[k] + h, x[k] - h
            out.append((numpy.sum(function(up)) - numpy.sum(function(down))) / (2 * h))
        return numpy.array([float(v) for v in out])


def true_value(function: Function, at: list[float]) -> Any:
    """The value, in 1200 digits."""
    with mp.workdps(1200):
        return numpy.vectorize(float, otypes=[float])(function(_numbers(at)))


def verdict(found: Any, want: Any) -> str:
    """``ok``, ``nan`` or ``inaccurate``."""
    inside = numpy.abs(want) < 3e38
    found, want = numpy.asarray(found, float)[inside], want[inside]
    if not numpy.isfinite(found).all():
        return "nan"
    scale = numpy.abs(want).max(initial=0.0)
    return "ok" if (numpy.abs(found - want) <= TOLERANCE * scale + 1e-37).all() else "inaccurate"


def worst(function: Function, row: Row, truth: Truth, alone: bool) -> str:
    """The worst verdict of a function at the points of a row, of which it has the exact text."""
    out = "ok"
    for at in row[2]:
        want = numpy.atleast_1d(truth(row[1], at))
        with numpy.errstate(all="ignore"):
            found = numpy.atleast_1d(function(numpy.float32(at)))
        parts = [[k] for k in range(want.size)] if alone else [list(range(want.size))]
        for p in parts:
            out = max(out, verdict(found[p], want[p]), key=VERDICTS.index)
    return out


def measure(family: Any, compiled: Callable[[Function], Function], truth: Truth) -> dict[str, str]:
    """The worst verdict of each expression of a family that is not ``ok``."""
    out = {}
    for (name, function, _), row in zip(family(numpy), family(Exact()), strict=True):
        found = worst(compiled(function), row, truth, family.__name__ in ALONE)
        if found != "ok":
            out[name] = found
    return out


def gradient(function: Function) -> Function:
    """Our gradient of the sum."""
    return jit(grad(lambda x: numpy.sum(function(x))))


def value(function: Function) -> Function:
    """Our value under ``stabilize=True``."""
    return jit(function, stabilize=True)


if __name__ == "__main__":
    for kind, truth in ((gradient, true_gradient), (value, true_value)):
        for family in FAMILIES:
            print(kind.__name__, family.__name__, len(family(numpy)), measure(family, kind, truth))
