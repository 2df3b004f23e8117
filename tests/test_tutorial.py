"""The tutorial as a reader runs it: pasted in order at a prompt of Python, and of IPython.

As a script it runs in test_docs.py.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pasted() -> str:
    """The statements of the page, as a prompt takes them: an empty line ends a block."""
    page = (ROOT / "docs" / "tutorial.md").read_text()
    found: list[str] = []
    for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            marks = [d.lineno for d in getattr(statement, "decorator_list", [])]
            first = min([statement.lineno, *marks]) - 1
            found += [line for line in lines[first : statement.end_lineno] if line.strip()]
            if hasattr(statement, "body"):
                found.append("")
    return "\n".join([*found, "print('at the end')", ""])


@pytest.mark.parametrize("prompt", ["python", "IPython"])
def test_it_runs_at_a_prompt(prompt: str, tmp_path: Path) -> None:
    command = [sys.executable, "-i"]
    if prompt == "IPython":
        pytest.importorskip("IPython")
        command = [sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt"]
    (tmp_path / "pasted.txt").write_text(pasted())
    own = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path), "PYTHON_HISTORY": os.devnull}
    with (tmp_path / "pasted.txt").open() as file:
        done = subprocess.run(
            command,
            stdin=file,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **own},
        )
    assert "Error" not in done.stderr + done.stdout
    assert "at the end" in done.stdout
