"""The harness itself, with contenders made up here: what it checks, keeps apart and writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tracejit.bench import Row, first, show
from tracejit.bench.__main__ import main
from tracejit.bench.calls import CallRow, cost
from tracejit.bench.calls import load as load_calls
from tracejit.bench.contenders import COPY, Contender, contenders, copying
from tracejit.bench.rows import load
from tracejit.bench.timing import Measurement, copied, difference, measure, prepare

ROOT = Path(__file__).resolve().parents[2]


def bump(x: np.ndarray) -> None:
    x += 1.0


def row(**changes: object) -> Row:
    given = {"name": "r", "setup": lambda rng: (rng.random(5),), "numpy": np.sin, **changes}
    return Row(traced=lambda: given["numpy"], **given)


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_right_values_are_timed(clock: str) -> None:
    steps: list[int] = []
    found = list(measure(row(), frozenset(), 3, lambda: steps.append(1), clock))
    assert [m.contender for m in found] == ["numpy", "tracejit"]
    assert [len(m.samples) for m in found] == [3, 3]
    assert len(steps) == 3
    assert all(m.first_call > 0 and m.median > 0 for m in found)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda x: np.sin(x) + 1e-6, "values differ"),
        (lambda x: np.sin(x)[:2], "shape (2,), expected (5,)"),
        (lambda x: (np.sin(x),) * 2, "2 results, expected 1"),
        (lambda x: x.nothing, "AttributeError"),
    ],
)
def test_wrong_values_are_not_timed(wrong, problem: str) -> None:
    args = row().setup(np.random.default_rng(0))
    found = prepare(row(), Contender("peer", wrong), args, np.sin(args[0]))
    assert isinstance(found, Measurement)
    assert problem in found.problem
    assert found.samples == ()


def test_a_program_that_writes_gets_fresh_arguments() -> None:
    args = (np.zeros(3),)
    writing = row(numpy=bump, writes=True, setup=lambda rng: args)
    found = list(measure(writing, frozenset(), 4, lambda: None))
    assert [m.problem for m in found] == ["", ""]
    np.testing.assert_array_equal(args[0], np.zeros(3))


def test_a_peer_that_is_not_installed_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with_peer = row(peers={"numba": lambda module: pytest.fail("imported")})
    assert [c.name for c in contenders(with_peer)] == ["numpy", "tracejit"]


def test_copies_keep_the_structure() -> None:
    x = np.ones(2)
    (tree, number) = copied(({"a": [x]}, 3))
    assert tree["a"][0] is not x
    assert number == 3
    assert difference(tree, {"a": [x]}, 1e-12) == ""


def test_beside_a_row_that_memory_bounds_a_copy_of_as_many_bytes_is_timed() -> None:
    found = list(measure(row(streams=True), frozenset({"tracejit"}), 4, lambda: None))
    assert [m.contender for m in found] == ["numpy", "tracejit", COPY]
    assert len(found[-1].samples) == 4
    copy = copying((np.ones(6), [np.ones(4, "f4")]))
    source, target = (c.cell_contents for c in copy.call.__closure__ or ())
    assert source.nbytes == target.nbytes == (48 + 16) // 2
    limit = Measurement("r", COPY, 0.1, (0.1, 0.1))
    others = [Measurement("r", n, 0.1, (t, t)) for n, t in (("numpy", 4.0), ("tracejit", 1.0))]
    rows = show.by_row([*others, limit])
    assert show.relative(others[1], rows) == 0.25
    assert COPY not in show.means([*others, limit])


def test_statistics_and_files(tmp_path: Path) -> None:
    found = [
        Measurement("r", "numpy", 1.0, (4.0, 4.0, 4.0)),
        Measurement("r", "tracejit", 2.0, (1.0, 2.0, 3.0)),
        Measurement("r", "peer", 0.0, problem="broken"),
    ]
    assert found[1].median == 2.0
    assert found[1].spread == 0.25
    assert show.means(found) == {"numpy": (1.0, 1), "tracejit": (2.0, 1)}
    show.write_json(found, tmp_path / "t.json")
    entries = json.loads((tmp_path / "t.json").read_text())["measurements"]
    assert [e["median_s"] for e in entries] == [4.0, 2.0, None]


def test_every_row_has_a_name_of_its_own() -> None:
    rows = load(ROOT / "benchmarks")
    assert len({r.name for r in rows}) == len(rows) >= 15
    assert all(callable(factory) for r in rows for factory in r.peers.values())


def test_calls_are_timed_and_slow_ones_counted() -> None:
    found = cost(CallRow("r", bump, (np.ones(3),)), number=5, rounds=2)
    assert found.time > 0
    assert found.plain > 0
    assert found.slow == 0.0
    names = [call.name for call in load_calls(ROOT / "benchmarks")]
    assert len(names) == len(set(names)) > 10


def test_first_calls_are_timed_in_processes_of_their_own(tmp_path: Path) -> None:
    assert all("def f" in text or "f = jit" in text for text in first.PROGRAMS.values())
    row = first.measure("x + 1.0", "versions", tmp_path, rounds=1)
    assert min(row.imported, row.decorated, row.called) > 0.0
    assert list(tmp_path.glob("??/*.obj"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--rounds", "0"], "'0' is not a number of samples"),
        (["--peers", "numba,julia"], "'julia' is none of "),
        (["--names", "--dtypes", "f64"], "'f64' is none of float64, float32, int64"),
        (["--json", "no such folder/times.json"], "is in no folder"),
        (["--html", "."], "is in no folder, or is one"),
        (["--compare", "no such file"], "there is no file 'no such file'"),
        (["--npbench", "."], "'.' is no checkout of NPBench"),
        (["--npbench", ".", "--preset", "XL"], "'.' is no checkout"),
        (["--preset", "XL"], "invalid choice: 'XL'"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_runs(
    given: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(given)
    assert said in capsys.readouterr().err
