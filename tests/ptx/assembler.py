"""`assemble`: the vendor's assembler as a check on PTX text, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def assemble(ptx: str, architecture: str, folder: Path) -> str:
    """Runs ptxas; returns its report (registers, spills). Skips the test where there is none."""
    program = shutil.which("ptxas")
    if program is None:
        pytest.skip("ptxas is not installed")
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    command = [program, "-v", f"-arch={architecture}", str(source), "-o", str(folder / "out.cubin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
