"""Goals, pages, comparison with an older run, and a user's own function."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import optree
import pytest

from tracejit import jit
from tracejit.bench import compare, regressions, report, show
from tracejit.bench.rows import load
from tracejit.bench.timing import Measurement

ROOT = Path(__file__).resolve().parents[2]


def run(name: str, numpy: float, ours: float, peer: float | None = None) -> list[Measurement]:
    """Measurements with some spread, the same for the same medians."""
    noise = 1.0 + 0.02 * np.random.default_rng(1).standard_normal(25)
    times = {"numpy": numpy, "tracejit": ours} | ({} if peer is None else {"numba": peer})
    return [Measurement(name, k, 0.1, tuple(t * noise)) for k, t in times.items()]


def test_time_relative_to_the_best_peer() -> None:
    found = run("r", 4.0, 1.0, 2.0)
    rows = show.by_row(found)
    assert show.relative(found[1], rows) == pytest.approx(0.5)
    assert show.against_goal(0.5, 0.6) == ["0.50", "0.60"]
    assert show.against_goal(0.7, 0.6) == ["[red]0.70[/]", "0.60"]


def test_what_became_slower_is_told_and_a_slower_machine_is_not(tmp_path: Path) -> None:
    then = [*run("a", 4.0, 1.0), *run("b", 4.0, 1.0), *run("c", 4.0, 1.0), *run("gone", 1.0, 1.0)]
    show.write_json(then, tmp_path / "old.json")
    now = [*run("a", 8.0, 2.0), *run("b", 4.0, 1.3), *run("c", 4.0, 0.5), *run("new", 1.0, 1.0)]
    found = regressions.changes(now, regressions.read(tmp_path / "old.json"))
    assert [(c.row, c.verdict) for c in found] == [("a", ""), ("b", "slower"), ("c", "faster")]
    assert all(c.low <= c.ratio <= c.high for c in found)
    assert found[1].ratio == pytest.approx(1.3, rel=0.02)
    assert regressions.table(found).endswith("3 rows: 1 slower, 1 faster")


def test_few_noisy_samples_are_no_regression() -> None:
    then = [
        Measurement("r", "numpy", 0.1, (1.0, 1.0, 1.0)),
        Measurement("r", "tracejit", 0.1, (0.5, 1.0, 2.0)),
    ]
    now = [then[0], Measurement("r", "tracejit", 0.1, (0.6, 1.2, 2.4))]
    (found,) = regressions.changes(now, then)
    assert found.verdict == ""


def test_a_page_needs_nothing_else_and_escapes() -> None:
    found = [*run("a < b & c", 4.0, 1.0, 2.0), Measurement("a < b & c", "jax", 0.0, problem="<no>")]
    text = report.page(found, show.about(), {"a < b & c": 0.4})
    assert "a &lt; b &amp; c" in text
    assert "&lt;no&gt;" in text
    assert re.search(r'class="missed">0\.50<', text)
    assert "<svg" in text
    assert not re.search(r"<script|src=|href=|url\(", text)
    assert "processor" in text


def test_rows_with_goals_are_those_of_the_table() -> None:
    goals = [row for row in load(ROOT / "benchmarks") if row.goal is not None]
    assert len(goals) == 14
    assert all(row.name.startswith("goal: ") and row.peers for row in goals)


def test_gradients_by_hand_are_right() -> None:
    small = {
        "elementwise": lambda rng: (rng.standard_normal(50),),
        "MLP": lambda rng: tuple(rng.standard_normal(s) for s in ((4, 3), (3, 2), (5, 4), (5, 2))),
        "RNN": lambda rng: (0.3 * rng.random((3, 3)), rng.random(3), rng.random(4)),
        "Runge-Kutta": lambda rng: (np.array([9.8, 0.1]), 50),
        "mixture": lambda rng: (rng.random((3, 2)), rng.random((3, 2)), rng.random((7, 2))),
    }
    rows = [row for row in load(ROOT / "benchmarks") if "value and gradient" in row.name]
    for row in rows:
        (setup,) = (make for name, make in small.items() if name in row.name)
        args = setup(np.random.default_rng(0))
        assert row.traced is not None
        value, slopes = row.traced()(*args)
        want, by_hand = row.numpy(*args)
        np.testing.assert_allclose(value, want, rtol=1e-12)
        for a, b in zip(optree.tree_leaves(slopes), optree.tree_leaves(by_hand), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_users_own_function() -> None:
    def f(x, y):
        return np.sqrt(x) + y

    found = compare(f, [np.ones(1000), np.ones(1000)], rounds=3)
    assert [m.contender for m in found.measurements] == ["python", "tracejit"]
    assert all(len(m.samples) == 3 for m in found.measurements)
    assert found.speedup > 0
    assert "times faster" in str(found)
    assert len(compare(jit(f), [np.ones(10), 1.0], rounds=2).measurements) == 2
    with pytest.raises(ValueError, match="no such peer: julia; known: numba, jax"):
        compare(f, [1.0, 2.0], peers=["julia"])


def test_a_function_of_ones_own_that_writes_gets_copies() -> None:
    def f(x):
        x += 1.0

    x = np.zeros(3)
    found = compare(f, [x], rounds=4)
    assert [m.problem for m in found.measurements] == ["", ""]
    np.testing.assert_array_equal(x, np.zeros(3))


def test_a_difference_is_a_problem() -> None:
    found = compare(lambda x: np.random.default_rng().random() + x, [1.0], rounds=2)
    assert found.measurements[1].problem
    assert found.measurements[1].problem in str(found)
