"""The worked example of docs/add-an-op.md: a copy of the package with one more row, and its tests.

The page's diff touches one source file. No table of the tests knows the row: they come from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-an-op.md"
#: Each has tests that are named after the row.
GENERATED = """
tests/ir/test_rows.py tests/ir/test_lowering.py tests/ir/test_elementary.py
tests/codegen_llvm/test_emit.py tests/ptx/test_scalar_ops.py
tests/autodiff/test_rows.py tests/autodiff/test_edges.py tests/autodiff/test_batching.py
""".split()
#: ``test_native.py`` compiles all rows of a dtype together: of these this is one.
NATIVE = """
from tests.ops.test_native import ALL, check
for found in ALL.values():
    mine = [case for case in found if case.name == "sinc"]
    for level in range(4 if mine else 0):
        check(mine, level)
        print("checked", level)
"""


def example() -> str:
    """The diff that the page shows."""
    (text,) = re.findall(r"```diff\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(text)


def test_a_row_is_one_file() -> None:
    assert re.findall(r"^\+\+\+ b/(.*)$", example(), re.MULTILINE) == [
        "tracejit/ir/ops/functions.py"
    ]


def test_the_tests_of_a_row_come_from_the_row(tmp_path: Path) -> None:
    for folder in ("tracejit", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    applied = ["git", "apply", "--unsafe-paths", f"--directory={tmp_path}", "-"]
    subprocess.run(applied, input=example(), text=True, check=True, cwd=tmp_path)
    given = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(tmp_path)}}
    command = [sys.executable, "-m", "pytest", "-v", "-k", "sinc", "-p", "no:cacheprovider"]
    done = output([*command, *GENERATED], **given)
    passed = set(re.findall(r"^(\S+?)::\S*sinc\S* PASSED", done, re.MULTILINE))
    assert passed == set(GENERATED)
    native = output([sys.executable, "-c", NATIVE], **given)
    levels = ["checked", *"0 checked 1 checked 2 checked 3".split()]
    assert native.split() == levels * 3  # float16, float32, float64


def output(command: list[str], **given: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
