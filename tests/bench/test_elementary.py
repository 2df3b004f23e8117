"""The measuring of elementary functions: another target is compiled for, and peers are beside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tracejit.bench import elementary
from tracejit.codegen_llvm.engine import Engine, named_cpu

TRIPLE = "define void @f(ptr %p) #0 {\n  ret void\n}"


def test_a_named_processor_has_its_own_features_and_keys() -> None:
    narrow, wide = Engine("x86-64-v3"), Engine("x86-64-v4")
    assert not narrow.has_wide_registers
    assert wide.has_wide_registers
    assert narrow.cache_key(TRIPLE, 3) != wide.cache_key(TRIPLE, 3) != Engine().cache_key(TRIPLE, 3)
    assert "512" in wide.attributes
    assert "512" not in narrow.attributes


def test_the_processor_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_CPU", " x86-64-v3 ")
    assert named_cpu() == "x86-64-v3"
    monkeypatch.setenv("TRACEJIT_CPU", "")
    assert named_cpu() is None


@pytest.mark.parametrize("case", elementary.CASES, ids=lambda c: c.name)
def test_each_case_is_what_numpy_computes(case: elementary.Case) -> None:
    with np.errstate(all="raise", under="ignore"):
        operands = case.operands("float64")
        out = np.empty_like(operands[0])
        case.function()(*operands, out)
    assert np.isfinite(out).all()


def test_measured_in_processes_of_their_own(tmp_path, capsys) -> None:
    assert elementary.show("x**2", 3, tmp_path / "times.json") == 0
    printed = capsys.readouterr().out
    assert "| `x**2` |" in printed
    rows = json.loads((tmp_path / "times.json").read_text())
    assert {r["dtype"] for r in rows} == {"float64", "float32"}
    assert all(v > 0 for r in rows for v in r["nanoseconds"].values())
    assert elementary.show("no such function", 3, None) == 1
