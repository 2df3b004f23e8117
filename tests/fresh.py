"""The package as a reader has it: the built wheel, and no checkout.

``python -m tests.fresh dist/*.whl`` makes a fresh environment from the wheel, pastes the tutorial
at its prompt, runs the README, and calls the command line; ``make dist`` does it. Nothing but
Python's library is imported here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from codeop import compile_command
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
WHERE = "import tracejit; print('at the end of', tracejit.__file__)"


def pasted() -> str:
    """The blocks of the tutorial as they stand, with Enter pressed after each."""
    page = (ROOT / "docs" / "tutorial.md").read_text()
    return "\n".join([*BLOCK.findall(page), WHERE, ""])


def refused_at_prompt(block: str) -> list[str]:
    """The lines at which a prompt of Python, to which a block is pasted, says a SyntaxError."""
    found: list[str] = []
    under_way: list[str] = []
    for line in [*block.splitlines(), ""]:
        under_way.append(line)
        try:
            code = compile_command("\n".join(under_way), "<prompt>", "single")
        except SyntaxError:
            found.append(line)
            under_way = []
        else:
            under_way = under_way if code is None else []
    return [*found, *under_way]


def at_prompt(command: list[str], folder: Path, text: str, package: Path | None = None) -> str:
    """What a prompt says to ``text``, where ``package``, or what is installed, is the package.

    Raises ``AssertionError`` where it says an error, or ran something else.
    """
    own = {"IPYTHONDIR": str(folder), "PYTHON_HISTORY": os.devnull}
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if package is not None:
        own["PYTHONPATH"] = str(package)
    (folder / "pasted.txt").write_text(text)  # a file, because the source of a pipe cannot be read
    with (folder / "pasted.txt").open() as file:
        done = subprocess.run(
            command, stdin=file, capture_output=True, text=True, cwd=folder, env={**kept, **own}
        )
    told = done.stdout + done.stderr
    assert "Error" not in told, told
    (ran,) = re.findall(r"at the end of (\S+)", done.stdout)
    assert not Path(ran).is_relative_to(ROOT) or package is not None, ran
    assert package is None or Path(ran).is_relative_to(package), ran
    return told


def _commands(folder: Path) -> list[tuple[str, ...]]:
    """What a new user types, on the README's program; it stands in ``folder``."""
    readme = "\n".join(BLOCK.findall((ROOT / "README.md").read_text()))
    (folder / "readme.py").write_text(readme)
    target = ("readme.py:loss", "--args", "params, x, y")
    return [
        ("readme.py",),
        ("-m", "tracejit", "doctor"),
        ("-m", "tracejit", "inspect", *target, "--page", "page.html"),
        ("-m", "tracejit", "explain", *target),
        ("-m", "tracejit", "export", "readme.py:smooth", "smooth.o", "-s", "(f8[n, m], i8)"),
    ]


def main(wheel: Path) -> None:
    """Raises where something that a reader does first does not work."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        venv.create(folder / "env", with_pip=True)
        python = str(folder / "env" / "bin" / "python")
        subprocess.run(
            [python, "-m", "pip", "install", "-q", f"{wheel.resolve()}[cli]"], check=True
        )
        at_prompt([python, "-i"], folder, pasted())
        print("the tutorial runs, pasted at a prompt")
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        for words in _commands(folder):
            done = subprocess.run(
                [python, *words], cwd=folder, env=kept, capture_output=True, text=True
            )
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            print("python", *words)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
