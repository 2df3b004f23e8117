"""Reductions, statistics and scans: traced and interpreted equals NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare

GENERATOR = np.random.default_rng(7)
ARRAYS = {
    "f8": GENERATOR.standard_normal((3, 4)),
    "f4-F": np.asfortranarray(GENERATOR.standard_normal((2, 3, 4)).astype("f4")),
    "i4": GENERATOR.integers(-9, 9, (3, 4)).astype("i4"),
    "u1": GENERATOR.integers(0, 9, (3, 4)).astype("u1"),
    "bool": GENERATOR.integers(0, 2, (3, 4)).astype("?"),
    "c8": (GENERATOR.standard_normal((3, 4)) * (1 + 2j)).astype("c8"),
    "nan": np.where(GENERATOR.random((3, 4)) < 0.4, np.nan, 1.5),
    "0-d": np.array(2.5),
    "empty": np.zeros((0, 3)),
    "empty result": np.zeros((3, 0)),
}
NAMES = (
    "sum prod min max mean var std any all argmin argmax ptp count_nonzero cumsum cumprod "
    "nansum nanprod nanmin nanmax nanmean nanvar nanstd"
).split()
ARGUMENTS = ["", ", axis=0", ", axis=-1", ", axis=1, keepdims=True", ", axis=5"]


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("key", ARRAYS)
@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("name", NAMES)
def test_reduction(name: str, arguments: str, key: str, symbolic: bool) -> None:
    if name.startswith("cum") and "keepdims" in arguments:
        arguments = ", axis=1, dtype='f8'"
    if name in ("nanmean", "nanvar", "nanstd") and key == "c8":
        pytest.skip("covered by mean and var")
    compare(f"np.{name}(x{arguments})", ARRAYS[key], symbolic=symbolic)


METHODS = "sum prod min max mean var std any all argmin argmax cumsum cumprod trace".split()


@pytest.mark.parametrize("key", ["f8", "i4", "bool"])
@pytest.mark.parametrize("name", METHODS)
def test_method(name: str, key: str) -> None:
    compare(f"x.{name}()", ARRAYS[key])
    compare(f"x.{name}(0)", ARRAYS[key])


CALLS = [
    "np.sum(x, axis=(0, 1))",
    "np.sum(x, axis=(0, 0))",
    "np.sum(x, (0, -1), keepdims=True)",
    "np.sum(x, axis=())",
    "np.sum(x, dtype='f4')",
    "np.sum(x, initial=10)",
    "np.sum(x, axis=1, where=x > 0)",
    "np.sum(x, where=x > 0, initial=2.5)",
    "np.prod(x, axis=0, where=[True, False, True, True])",
    "np.min(x, axis=1, initial=0.25)",
    "np.max(x, where=x > 0)",
    "np.max(x, where=x > 0, initial=-1)",
    "np.mean(x, where=x > 0)",
    "np.mean(x, axis=1, dtype='f4')",
    "np.var(x, ddof=1, axis=0)",
    "np.var(x, axis=0, where=x > -1)",
    "np.std(x, 1, correction=1)",
    "np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True))",
    "np.std(x, ddof=100)",
    "np.any(x > 1, axis=1, keepdims=True)",
    "np.all(x > 1, where=x > 0)",
    "r = np.zeros(4); np.sum(x, axis=0, out=r)",
    "r = np.zeros(4, 'i4'); np.sum(x, axis=0, out=r)",
    "r = np.zeros(3); np.sum(x, axis=0, out=r)",
    "r = np.zeros((3, 4)); np.cumsum(x, axis=0, out=r)",
    "r = np.zeros(4, int); np.argmax(x, axis=0, out=r)",
    "np.argmax(x, keepdims=True)",
    "np.argmin(x, axis=1, keepdims=True)",
    "np.average(x)",
    "np.average(x, axis=0, weights=[1, 2, 3])",
    "np.average(x, axis=1, weights=np.ones((3, 4)))",
    "np.average(x, axis=0, weights=[1, 2, 3], returned=True)",
    "np.average(x, weights=[1, 2, 3])",
    "np.count_nonzero(x > 0)",
    "np.count_nonzero(x > 0, axis=0)",
    "np.nanargmax(x, axis=1)",
    "np.nanargmin(x)",
    "np.cumulative_sum(x, axis=1, include_initial=True)",
    "np.cumulative_prod(x, axis=0)",
    "np.cumulative_sum(x)",
    "x.sum(axis=0, keepdims=True)",
    *([] if hasattr(np.ndarray, "ptp") else ["x.ptp()"]),  # up to 2.3 a method that says it is gone
    "np.ptp(x, axis=1)",
    "np.sum([x[0], x[1]])",
    "np.max([1, 5, 2])",
    "np.sum(3.5)",
    "np.amax(x, 1)",
]


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("source", CALLS)
def test_call(source: str, symbolic: bool) -> None:
    compare(source, ARRAYS["f8"], symbolic=symbolic)


EMPTY = ["np.min(x)", "np.max(x, axis=0)", "np.argmax(x)", "np.argmin(x, axis=0)"]


@pytest.mark.parametrize("source", [*EMPTY, "np.max(x, initial=1.0)", "np.sum(x)", "np.mean(x)"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)], ids=str)
def test_of_nothing(source: str, shape: tuple[int, ...]) -> None:
    compare(source, np.zeros(shape))


@pytest.mark.parametrize("source", [*EMPTY[:3], "np.max(x, initial=7.0)", "np.sum(x)"])
def test_of_nothing_found_at_run_time(source: str) -> None:
    compare(source.replace("(x", "(x[x > 9]"), ARRAYS["f8"])


@pytest.mark.parametrize("weights", ["x - x", "x[x > 9]", "x + 1"])
def test_weights_that_sum_to_zero(weights: str) -> None:
    compare(
        f"np.average({weights.replace(' - x', '').replace(' + 1', '')}, weights={weights})",
        ARRAYS["f8"],
    )
