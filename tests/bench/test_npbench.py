"""NPBench mode, on a checkout made up here: data, fresh arguments, checks, processes, the table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tracejit
from tracejit.bench import npbench
from tracejit.bench.__main__ import main
from tracejit.bench.npbench import Outcome

SETUP = """
import numpy as np

def initialize(n):
    return np.arange(float(n)), np.zeros(n)
"""
PROGRAMS = {
    "doubled": "def kernel(x, out, n):\n    out[:n] = 2 * x\n    return x.sum()\n",
    "unsupported": "def kernel(x, out, n):\n    return float(repr(x.sum()))\n",
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "bench_info").mkdir()
    for name, text in PROGRAMS.items():
        folder = tmp_path / "npbench" / "benchmarks" / "made" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(SETUP)
        (folder / f"{name}_numpy.py").write_text(text)
        about = {
            "relative_path": f"made/{name}",
            "module_name": name,
            "func_name": "kernel",
            "parameters": {"S": {"n": 10}, "M": {"n": 100}},
            "init": {"func_name": "initialize", "input_args": ["n"], "output_args": ["x", "out"]},
            "input_args": ["x", "out", "n"],
            "output_args": ["out"],
        }
        info = tmp_path / "bench_info" / f"{name}.json"
        info.write_text(json.dumps({"benchmark": about}))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for module in [m for m in sys.modules if m.split(".")[0] == "npbench"]:
        del sys.modules[module]


def test_results_and_what_is_written_are_compared(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = npbench.measure(checkout, "doubled", "M", 2, 1.0)
    assert not good.problem
    assert good.ratio > 0
    for wrong, problem in {
        lambda x, out, n: x.sum(): "values differ by 2.0e+02",
        lambda x, out, n: (x.sum(), 1.0): "3 results, expected 2",
        lambda x, out, n: np.float32(x.sum()): "float32[], expected float64[]",
    }.items():
        monkeypatch.setattr(tracejit, "jit", lambda f, wrong=wrong: wrong)
        found = npbench.measure(checkout, "doubled", "M", 2, 1.0)
        assert found.problem == problem


def test_every_call_gets_fresh_arguments(checkout: Path) -> None:
    program = npbench.BenchProgram(checkout, "doubled", "S")
    for _ in range(2):
        _, (total, out) = program.run(program.numpy)
        assert total == 45
        np.testing.assert_array_equal(out, 2 * np.arange(10.0))
    np.testing.assert_array_equal(program.data["out"], np.zeros(10))


def test_a_chaotic_program_is_held_to_what_numpy_holds() -> None:
    want, moved = [np.array([1.0, 2.0])], [np.array([1.0, 2.1])]
    assert npbench.within([np.array([1.5, 2.0])], want, moved)
    assert not npbench.within([np.array([1.0, 3.5])], want, moved)
    assert not npbench.within([np.array([1.0, 2.1])], want, want)
    assert npbench.nudged(np.ones(1))[0] == np.nextafter(1.0, 2.0)
    assert npbench.nudged(3) == 3


def test_the_table_and_the_exit_code(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / "times.json"
    given = ["--npbench", str(checkout), "--rounds", "2"]
    assert main([*given, "-k", "doubled", "--json", str(file)]) == 0
    assert [o["name"] for o in json.loads(file.read_text())] == ["doubled"]
    assert main(given) == 1
    shown = capsys.readouterr().out
    assert "1 of 2 right" in shown
    assert "| unsupported | – | – | – | " in shown
    assert main([*given, "-k", "no such program"]) == 1


def test_rows_and_summary() -> None:
    found = [Outcome("a", 2e-3, 1e-3, 0.5), Outcome("b", 8e-3, 1e-3, 0.7, chaotic=True)]
    assert npbench.line(found[0]) == "| a | 2 | 1 | 2.00 | 0.50 |"
    assert npbench.line(found[1]).startswith("| b * |")
    assert npbench.summary(found) == (
        "2 of 2 right; 4.00 times NumPy (geometric mean), least 2.00 (a); median first call 0.60 s"
    )
