"""The graph of a program and the flame of a profile, read as XML and in a browser.

The browser is a headless Chromium; its tests are skipped where there is none. A
script of the test points at something and leaves what lit up in the page's title.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tracejit import jit
from tracejit.diagnostics import graph as graph_module
from tracejit.diagnostics.graph import Box, Graph, graph_of
from tracejit.diagnostics.kernels import kernels_of

BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)
X, W = np.ones((20, 8)), np.ones((8, 8))


def layers(x: Any, w: Any, n: Any) -> Any:
    for _ in range(n):
        x = np.tanh(x @ w)
    if x.sum() > 0.0:
        x[0] = 2.0
    return np.argsort(x.ravel()), np.cumsum(x)


@pytest.fixture(scope="module")
def compiled() -> Any:
    made = jit(layers)
    made(X, W, 5)
    return made


def line(offset: int) -> int:
    return layers.__code__.co_firstlineno + offset


@pytest.fixture(scope="module")
def graph(compiled: Any) -> Graph:
    made = compiled._dispatcher.versions()[0].artefacts
    return graph_of(made.program, kernels_of(made))


def box(graph: Graph, words: str) -> Box:
    (found,) = [b for b in graph.whole.all() if words in "\n".join(b.lines)]
    return found


def test_boxes_are_kernels_calls_loops_and_branches(graph: Graph) -> None:
    loop, branch = box(graph, "loop"), box(graph, "branch")
    product, tanh = box(graph, "product of matrices"), box(graph, "tanh")
    assert [product, tanh] == loop.inside
    assert tanh.kind == "kernel"
    assert [n for _, n in tanh.places] == [line(2)]
    assert [n for b in branch.inside for _, n in b.places] == [line(4)]
    assert [b.kind for b in graph.whole.inside if b.kind in ("argument", "result")] == [
        *("argument", "argument", "result", "result")
    ]
    assert box(graph, "argument 2").lines[1] == "f64[8, 8]"


def test_arrows_follow_memory(graph: Graph) -> None:
    arrows = set(graph.arrows)
    product, tanh = box(graph, "product of matrices"), box(graph, "tanh")
    order = box(graph, "argsort")
    assert (box(graph, "argument 2"), product) in arrows
    assert (product, tanh) in arrows
    assert (tanh, product) not in arrows
    (written,) = box(graph, "branch").inside
    assert (written, order) in arrows
    into = {a for a, b in arrows if b is box(graph, "result 1")}
    assert order in into or any((order, k) in arrows for k in into)
    assert box(graph, "result 2") in {b for _, b in arrows}


def test_boxes_lie_inside_of_theirs_and_do_not_overlap(compiled: Any, tmp_path: Path) -> None:
    (text,) = SVG.findall(compiled.show("graph", path=tmp_path / "page.html").read_text())
    svg = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    areas = {}
    for group in svg.iter(f"{space}g"):
        (rect,) = group.findall(f"{space}rect")
        x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        assert x + w <= float(svg.attrib["width"])
        assert y + h <= float(svg.attrib["height"])
        areas[x, y, x + w, y + h] = group.attrib["class"]
    leaves = sorted(a for a, kind in areas.items() if kind not in ("loop", "branch"))
    for k, (x1, y1, x2, y2) in enumerate(leaves):
        for u1, v1, u2, v2 in leaves[k + 1 :]:
            assert x2 <= u1 or u2 <= x1 or y2 <= v1 or v2 <= y1
    (loop,) = [a for a, kind in areas.items() if kind == "loop"]
    inside = [a for a in leaves if loop[0] <= a[0] and a[2] <= loop[2] and loop[1] <= a[1]]
    assert len([a for a in inside if a[3] <= loop[3]]) == 2
    assert len(list(svg.iter(f"{space}path"))) > len(list(svg.iter(f"{space}g"))) // 2


def test_long_programs_leave_boxes_out(
    compiled: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(graph_module, "_MOST", 3)
    text = compiled.show("graph", path=tmp_path / "page.html").read_text()
    left_out = re.findall(r">and (\d+) boxes more<", text)
    made = compiled._dispatcher.versions()[0].artefacts
    calls = 2
    assert left_out == [str(len(kernels_of(made)) + calls - 3)]


def test_the_flame_has_functions_lines_and_statements(compiled: Any, tmp_path: Path) -> None:
    profile = compiled.profile(np.ones((200, 100)), np.ones((100, 100)), 20)
    page = profile.show(tmp_path / "flame.html").read_text()
    assert "src=" not in page.replace("srcdoc=", "")
    (text,) = SVG.findall(page)
    svg = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    bars: dict[float, list[tuple[float, float, str]]] = {}
    for group in svg.iter(f"{space}g"):
        rect, title = group.find(f"{space}rect"), group.find(f"{space}title")
        assert rect is not None
        assert title is not None
        x, y, w = (float(rect.attrib[k]) for k in ("x", "y", "width"))
        bars.setdefault(y, []).append((x, x + w, title.text or ""))
    assert len(bars) == 4  # the call, functions, lines, statements
    rows = [sorted(bars[y]) for y in sorted(bars)]
    for row in rows:
        assert all(b[0] - a[1] > -0.2 for a, b in pairwise(row))
    assert [t.partition(":")[0] for _, _, t in rows[1]] == ["layers"]
    widest = max(rows[2], key=lambda bar: bar[1] - bar[0])
    assert widest[2].startswith(f"{line(2)}: x = np.tanh(x @ w): ")
    assert any(t.startswith(f"gemm, line {line(2)}: ") for _, _, t in rows[3])
    assert profile._repr_html_().startswith("<iframe")


Ask = Callable[..., str]


@pytest.fixture
def asked(tmp_path: Path) -> Ask:
    """The text that a script leaves in the page's title, and a picture of the page then."""

    def ask(page: Path, script: str, picture: Path) -> str:
        changed = page.read_text().replace("</body>", f"<script>{script}</script></body>")
        page.write_text(changed)
        command = [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000"),
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        subprocess.run(
            [*command, f"--screenshot={picture}", page.as_uri()],
            check=True,
            capture_output=True,
            timeout=60,
        )
        done = subprocess.run(
            [*command, "--dump-dom", page.as_uri()],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        (title,) = re.findall(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[:1]
        return title

    return ask


POINT = """
const all = [...document.querySelectorAll('#%s [data-l]')];
const there = all.find(e => e.textContent.includes('%s'));
there.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
const columns = ['source', 'graph', 'ir', 'program', 'assembly'];
document.title = columns.map(c => {
  const lit = [...document.querySelectorAll(`#${c} .on`)];
  lit.forEach(e => e.scrollIntoView({block: 'nearest'}));
  return `${c}=${lit.map(e => e.textContent.trim()).join('; ')}`;
}).join('|');
"""


@needs_browser
def test_pointing_at_a_line_lights_up_what_became_of_it(
    compiled: Any, asked: Ask, tmp_path: Path
) -> None:
    page = compiled.show(path=tmp_path / "page.html")
    told = asked(page, POINT % ("source", "np.tanh"), tmp_path / "page.png")
    lit = dict(part.split("=", 1) for part in told.split("|"))
    assert lit["source"].endswith("x = np.tanh(x @ w)")
    assert "tanh" in lit["graph"]
    assert "product of matrices" in lit["graph"]
    assert "argsort" not in lit["graph"]
    assert re.search(r"= tanh %\d+", lit["ir"])
    assert "argsort" not in lit["ir"]
    assert "kernel" in lit["program"]
    assert re.search(r"v(f?n?m|mul|add|mov|div)\w+ ", lit["assembly"].replace("\t", " "))
    # The picture shows it: each column has pixels of the colour of what is lit.
    images = pytest.importorskip("PIL.Image")
    pixels = np.asarray(images.open(tmp_path / "page.png").convert("RGB"))
    shade = np.all(pixels == (0xFF, 0xE9, 0xA8), axis=2)
    for start in range(0, 1600, 400):
        assert shade[:, start : start + 400].sum() > 500, start


@needs_browser
def test_pointing_at_a_kernel_of_the_graph_lights_up_its_code(
    compiled: Any, asked: Ask, tmp_path: Path
) -> None:
    page = compiled.show(path=tmp_path / "page.html")
    told = asked(page, POINT % ("graph", "tanh"), tmp_path / "page.png")
    lit = dict(part.split("=", 1) for part in told.split("|"))
    assert "np.tanh(x @ w)" in lit["source"]
    number = re.findall(r"kernel (\d+)", lit["graph"])[0]
    for column in ("program", "assembly"):
        assert f"kernel {number} ·" in lit[column]
