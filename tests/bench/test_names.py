"""`--names`: every supported name is timed or has a reason why not, and values are checked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tracejit.bench.names import NameTiming, given, load, measure, program, table

ROOT = Path(__file__).resolve().parents[2]
NAMES = load(ROOT / "benchmarks")


def test_every_supported_name_is_there() -> None:
    page = (ROOT / "docs" / "coverage.md").read_text().split("## Missing")[0]
    supported = set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE))
    assert supported == NAMES.keys() | load(ROOT / "benchmarks", "NOT_TIMED").keys()
    assert not NAMES.keys() & load(ROOT / "benchmarks", "NOT_TIMED").keys()
    for note in ("EXPLAINED", "UNORDERED"):
        assert load(ROOT / "benchmarks", note).keys() <= NAMES.keys()


def test_every_expression_is_one_that_numpy_takes() -> None:
    for name, text in NAMES.items():
        function, params = program(name, text)
        for dtype in ("float64", "int64"):
            known = given(100, dtype)
            try:
                with np.errstate(all="ignore"):
                    function(*[known[p] for p in params])
                break
            except TypeError:
                continue
        else:
            pytest.fail(f"{name}: {text} is not for NumPy")


def test_a_name_is_timed_at_each_size() -> None:
    values = {size: given(size, "float32") for size in (10, 100)}
    found = list(measure("np.add", "np.add(x, y)", "float32", values, 2))
    assert [t.size for t in found] == [10, 100]
    assert all(t.ratio > 0 and not t.problem for t in found)


def test_what_numpy_has_no_loop_for_is_left_out() -> None:
    assert list(measure("np.invert", "~x", "float64", {9: given(9, "float64")}, 1)) == []


def test_errors_are_problems() -> None:
    (refused,) = measure("np.x", "np.array_repr(x)", "int64", {9: given(9, "int64")}, 1)
    assert refused.problem.startswith("UnsupportedError")


def test_the_table_lists_what_is_slower_and_why() -> None:
    found = [
        NameTiming("np.a", "float64", 100, 1.0, 2.0),
        NameTiming("np.a", "int64", 100, 2.0, 1.0),
        NameTiming("np.b", "float64", 100, 2.0, 1.0),
        NameTiming("np.c", "float64", 100, problem="ValueError: no"),
    ]
    text = table(found, {"np.a": "a reason"})
    assert "| `np.a` | 0.50 (float64, 100) | a reason |" in text
    assert "np.b" not in text
    assert "np.c (float64, 100): ValueError: no" in text
    assert "3 timings of 3 names: 1.26 times NumPy (geometric mean), 1 below 0.95" in text
