"""The reference has every public name, and the example of each docstring runs as it stands."""

from __future__ import annotations

import importlib.util
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import tracejit
from tracejit import random

ROOT = Path(__file__).resolve().parent.parent
PAGES = "\n".join(page.read_text() for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
PAGES += (ROOT / "docs" / "migration-numba.md").read_text()
EVERY = [(n, getattr(tracejit, n)) for n in dir(tracejit)]
EVERY += [(f"random.{n}", getattr(random, n)) for n in random.__all__]
NAMES = [(n, x) for n, x in EVERY if callable(x) and not n.startswith("_")]
HEAD = "import numpy as np\nimport tracejit\nfrom tracejit import *\n"


def docstring(x: Any) -> str:
    return inspect.getdoc(getattr(x, "function", x)) or ""


def example(x: Any) -> str:
    """The indented block at the end of a docstring."""
    lines = docstring(x).splitlines()
    first = next((k for k, line in enumerate(lines) if line.startswith("    ")), len(lines))
    block = lines[first:]
    assert all(not line or line.startswith("    ") for line in block), "text after the example"
    return textwrap.dedent("\n".join(block))


@pytest.mark.parametrize(("name", "x"), NAMES, ids=[n for n, _ in NAMES])
def test_the_example_runs(name: str, x: Any, tmp_path: Path) -> None:
    assert len(docstring(x)) > 30
    if isinstance(x, type) and issubclass(x, BaseException):
        return
    code = example(x)
    name = {"remat": "checkpoint", "jacobian": "jacrev", "random.randint": "random.integers"}.get(
        name, name
    )
    assert re.search(rf"\b{name}\b", code), "an example of it"
    file = tmp_path / f"example_of_{name.replace('.', '_')}.py"
    file.write_text(HEAD + code)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("name", [n for n, _ in NAMES] + ["numba", "random"])
def test_every_public_name_has_its_place(name: str) -> None:
    last = name.rpartition(".")[2]
    shown = re.search(rf"^(::: [\w.]*\.{last}|### {last})$", PAGES, re.MULTILINE)
    module = name in ("numba", "random") and f"tracejit.{name}" in PAGES + "tracejit.numba"
    assert shown or module


def test_nothing_else_is_in_the_reference() -> None:
    known = {n.rpartition(".")[2] for n, _ in NAMES}
    shown = re.findall(r"^::: ([\w.]+)$", PAGES, re.MULTILINE)
    assert {s.rpartition(".")[2] for s in shown} <= known
    assert len(set(shown)) == len(shown)
