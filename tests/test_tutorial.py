"""The tutorial as a reader runs it: the wheel, and the blocks pasted in order at a prompt.

As a script it runs in test_docs.py, and in a fresh environment in ``make dist``.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.fresh import ROOT, WHERE, at_prompt, pasted, refused_at_prompt


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the wheel installs."""
    pytest.importorskip("hatchling")
    made = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = made.glob("*.whl")
    with ZipFile(wheel) as file:
        file.extractall(made / "installed")
    return made / "installed"


@pytest.mark.parametrize("prompt", ["python", "IPython"])
def test_it_runs_at_a_prompt(prompt: str, installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-i"]
    if prompt == "IPython":
        pytest.importorskip("IPython")
        command = [sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt"]
    at_prompt(command, tmp_path, pasted(), installed)


def test_an_error_at_the_prompt_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="NameError: name 'np' is not"):
        at_prompt([sys.executable, "-i"], tmp_path, f"np.ones(3)\n{WHERE}\n", ROOT)


def test_the_wheel_has_what_is_told_of_it(installed: Path) -> None:
    (told,) = importlib.metadata.distributions(name="tracejit", path=[str(installed)])
    assert (told.version, told.metadata["Requires-Python"]) == ("0.1.0", ">=3.11")
    for page in ("coverage", "export", "ir", "scipy"):
        assert (installed / "tracejit" / "docs" / f"{page}.md").stat().st_size > 1000
    assert (installed / "tracejit" / "py.typed").exists()
    assert {file.name for file in installed.iterdir()} == {"tracejit", "tracejit-0.1.0.dist-info"}


@pytest.mark.parametrize(
    ("block", "refused"),
    [
        ("for k in x:\n    f(k)\n\ny = 1\n", []),
        ("for k in x:\n    f(k)\ny = 1\n", ["y = 1"]),
        ("class A:\n    x = 1\n\n    y = 2\n", ["    y = 2"]),
        ("f(\n", ["f(", ""]),
    ],
)
def test_what_a_prompt_refuses(block: str, refused: list[str]) -> None:
    assert refused_at_prompt(block) == refused
