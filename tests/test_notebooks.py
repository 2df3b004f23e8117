"""The notebooks of the documentation run, and draw."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_and_draws(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it finds is asserted in it."""
    for needed in ("erfa", "PIL", "sklearn"):
        pytest.importorskip(needed)
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    spec = importlib.util.spec_from_file_location(f"notebook_{notebook.stem}", notebook)
    assert spec is not None
    assert spec.loader is not None
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        drawn = [axis for k in plt.get_fignums() for axis in plt.figure(k).axes if axis.has_data()]
        assert len(drawn) >= 2
    finally:
        plt.close("all")


def test_every_notebook_is_in_the_navigation() -> None:
    known = (ROOT / "mkdocs.yml").read_text()
    assert len(NOTEBOOKS) == 6
    assert [n.name for n in NOTEBOOKS if f"notebooks/{n.name}" not in known] == []


def test_every_notebook_can_be_downloaded() -> None:
    """The site has its source beside the page, and the theme a link to that."""
    site = (ROOT / "mkdocs.yml").read_text()
    assert "include_source: true" in site
    theme = re.findall(r"custom_dir: (\S+)", site)[0]
    page = (ROOT / theme / "main.html").read_text()
    assert re.search(r'<a href="{{ page.nb_url }}"[^>]* download>', page)
    assert f'"{theme}"' in (ROOT / "pyproject.toml").read_text()
