"""Code for another processor gives the same bits: vectors of any width run one algorithm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tracejit.codegen_llvm import engine

SCRIPT = """
import sys
import numpy as np
from tracejit import jit

@jit
def several(x, y, small):
    return (
        np.exp(x), np.expm1(x), np.exp2(x), np.log(y), np.log2(y), np.log10(y), np.log1p(y),
        np.sin(x), np.cos(x), np.tan(x), np.arctan(x), np.arctan2(x, y), np.hypot(x, y),
        np.arcsin(small), np.arccos(small), np.arctanh(small), np.arcsinh(x), np.arccosh(y),
        np.sinh(small), np.cosh(small), np.tanh(x), np.cbrt(x), np.sqrt(y), y**small,
        x**3, x**-2, y**1.5, x // y, x % y, np.fmod(x, y), np.logaddexp(x, y),
        np.sum(np.sin(small)), np.sum(np.exp(small) * small),
    )

rng = np.random.default_rng(0)
found = []
for dtype in (np.float32, np.float64):
    x = (rng.normal(size=1003) * np.exp(rng.uniform(-20, 20, 1003))).astype(dtype)
    odd = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e30, -1e30, 2.0**60, 1e-40, 3]
    x[rng.integers(0, len(x), len(odd))] = np.array(odd, dtype)
    with np.errstate(all="ignore"):
        found += several(x, np.abs(x), np.clip(x, -0.9, 0.9))
np.savez(sys.argv[1], *found)
"""


@pytest.mark.skipif(
    os.uname().machine != "x86_64" or "avx2" not in Path("/proc/cpuinfo").read_text(),
    reason="an x86-64 processor with AVX2 is needed",
)
def test_bits_do_not_depend_on_the_width(tmp_path: Path) -> None:
    results = []
    for cpu in ("x86-64-v3", ""):
        env = {**os.environ, "TRACEJIT_CPU": cpu}
        script, out = tmp_path / "several.py", tmp_path / f"{cpu or 'host'}.npz"
        script.write_text(SCRIPT)
        subprocess.run([sys.executable, str(script), str(out)], env=env, check=True, timeout=300)
        with np.load(out) as found:
            results.append([found[k] for k in found.files])
    for k, (narrow, host) in enumerate(zip(*results, strict=True)):
        same = (narrow == host) | (np.isnan(narrow) & np.isnan(host))
        assert np.all(same), f"result {k}: {np.sum(~same)} differ"
        assert np.array_equal(np.signbit(narrow), np.signbit(host)) or np.isnan(narrow).any()


@pytest.mark.parametrize(
    ("name", "slow"), [("cascadelake", True), ("sapphirerapids", False), ("znver4", False)]
)
def test_elements_are_loaded_one_by_one_where_gathers_are_slow(
    monkeypatch: pytest.MonkeyPatch, name: str, slow: bool
) -> None:
    """Microcode of these processors makes a gather slower than its loads. The bits are the same."""
    monkeypatch.setattr(engine.llvm, "get_host_cpu_name", lambda: name)
    assert ("+prefer-no-gather" in engine.Engine().features.split(",")) == slow
    assert "+prefer-no-gather" not in engine.Engine("x86-64-v4").features
