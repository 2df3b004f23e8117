"""The runner names the pass at fault, and dumps the same bytes in every run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tracejit.ir import ops  # noqa: F401
from tracejit.ir.core import Function
from tracejit.ir.parser import parse_function
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import PassError, run

TEXT = """
func @subject(%a0: f64[]) -> (f64[]) {
  %0: f64[] = neg %a0
  %1: f64[] = neg %0
  return %1
}
"""


def wrong(function: Function) -> Function:
    return replace(function, results=function.params)


def broken(function: Function) -> Function:
    return replace(function, instrs=())


def test_a_changed_result_names_its_pass() -> None:
    subject = parse_function(TEXT.replace("neg %0", "exp %0"))
    run(subject, DEFAULT, inputs=[2.0])
    with pytest.raises(PassError, match="pass wrong changed what the function computes"):
        run(subject, (*DEFAULT, wrong), inputs=[2.0])


def test_a_broken_invariant_names_its_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = parse_function(TEXT)
    with pytest.raises(PassError, match="pass broken broke an invariant: a returned value"):
        run(subject, (broken,), verify=True)
    monkeypatch.setenv("TRACEJIT_VERIFY", "1")
    with pytest.raises(PassError, match="pass broken"):
        run(subject, (broken,))


def test_dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_DUMP", "algebra,cse")
    found = []
    for name in ("first", "second"):
        monkeypatch.setenv("TRACEJIT_DUMP_DIR", str(tmp_path / name))
        run(parse_function(TEXT), DEFAULT)
        files = sorted((tmp_path / name).iterdir())
        found.append([(f.name, f.read_bytes()) for f in files])
    assert found[0] == found[1]
    names = [name for name, _ in found[0]]
    assert names[:2] == ["subject.00.cse.ir", "subject.01.algebra.ir"]


def test_dumps_go_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACEJIT_DUMP", "all")
    monkeypatch.delenv("TRACEJIT_DUMP_DIR", raising=False)
    run(parse_function(TEXT), DEFAULT)
    assert capsys.readouterr().err.startswith("; dce\nfunc @subject(")
