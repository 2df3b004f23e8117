"""Type checkers accept right calls and find an error on each wrong line, and on no other.

``tests/typing/accepted.py`` and ``rejected.py`` are what they read; ``# error`` marks wrong lines.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_docs import program

ROOT = Path(__file__).resolve().parent.parent
TYPING = ROOT / "tests" / "typing"


def mypy(*files: Path) -> set[tuple[str, int]]:
    """Name and line of what mypy objects to under ``--strict``."""
    pytest.importorskip("mypy")
    options = ["--strict", "--follow-imports=silent", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(.*?):(\d+): error: ", done.stdout, re.MULTILINE)
    return {(Path(file).name, int(line)) for file, line in found}


def pyright(*files: Path) -> set[tuple[str, int]]:
    """The same of pyright, which ``basedpyright`` brings whole."""
    if importlib.util.find_spec("basedpyright") is None:
        pytest.skip("needs basedpyright")
    config = {
        "typeCheckingMode": "standard",
        "reportPossiblyUnboundVariable": False,  # of a name that a loop binds
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.11",
    }
    folder = files[0].parent
    copies = {}
    for file in files:
        copies[file.name] = folder / file.name
    settings = folder / "pyrightconfig.json"
    settings.write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "-p", str(settings), "--outputjson"]
        + ["--pythonpath", sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    answer = json.loads(done.stdout)["generalDiagnostics"]
    return {
        (Path(d["file"]).name, d["range"]["start"]["line"] + 1)
        for d in answer
        if d["severity"] == "error"
    }


CHECKERS = pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda c: c.__name__)


@CHECKERS
def test_right_calls_pass_and_wrong_ones_do_not(
    checker: Callable[..., set[tuple[str, int]]], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("accepted.py", "rejected.py", "readme.py")]
    for file in files[:2]:
        file.write_text((TYPING / file.name).read_text())
    # The functions of the README have no annotations, as most that are written have none.
    files[2].write_text("# mypy: disable-error-code=no-untyped-def\n" + readme())
    wrong = [
        ("rejected.py", number)
        for number, line in enumerate(files[1].read_text().splitlines(), 1)
        if line.endswith("# error")
    ]
    assert len(wrong) > 30
    assert checker(*files) == set(wrong)


def readme() -> str:
    return program((ROOT / "README.md").read_text())


def test_what_is_accepted_runs() -> None:
    """Also with the annotations taken at their word: `assert_type` gives what it is given."""
    done = subprocess.run(
        [sys.executable, str(TYPING / "accepted.py")],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
