"""``explain``, ``show`` and ``profile`` say what is so, of functions slow in one line."""

from __future__ import annotations

import ctypes
import html
import os
import re
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit
from tracejit.codegen_llvm import perf_map
from tracejit.diagnostics import profile

X = np.linspace(0.1, 1.0, 3000)
FILE = os.path.basename(__file__)


def fused(x: Any) -> Any:
    y = np.sin(x) * 2.0
    return np.sqrt(y + 1.0)


def recurrence(x: Any) -> Any:
    return np.maximum.accumulate(x * 2.0)


def reversed_in_place(x: Any) -> Any:
    x[:] = x[::-1]


def product(x: Any) -> Any:
    m = x.reshape(50, 60)
    return m @ m.T


def small(x: Any) -> Any:
    return x[:5] / 3.0


def small_pieces(x: Any) -> Any:
    return x[0] * x[7]


def line(function: Callable[..., Any], offset: int) -> int:
    return function.__code__.co_firstlineno + offset


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            fused,
            f"kernel 1 ({FILE}, lines {line(fused, 1)}, {line(fused, 2)}): sin, mul, add, sqrt",
        ),
        (fused, "sqrt fused in one loop, 1 read, 1 write of elements"),
        (fused, "vectorised, "),
        (fused, "1 kernel, 0 calls, 0 temporary arrays"),
        (fused, "no array is copied"),
        (recurrence, "not vectorised: each step of its innermost loop needs the one before"),
        (reversed_in_place, "copy: f64[3000] copied once"),
        (reversed_in_place, f"({FILE}:{line(reversed_in_place, 1)}): written over its own memory"),
        (small_pieces, f"in line: 2 kernels without a loop ({FILE}, line {line(small_pieces, 1)})"),
        (product, f"call ({FILE}, line {line(product, 2)}): a product of matrices"),
        (small, "not vectorised: its loop has so few steps that they are written out"),
    ],
)
def test_what_was_made_of_it(function: Callable[..., Any], says: str) -> None:
    assert says in jit(function, shapes="static").explain(X.copy())


def test_a_gradient_is_explained_by_the_lines_of_its_function() -> None:
    text = jit(grad(lambda x: np.tanh(x).sum())).explain(X)
    assert re.search(r"kernel 1 \(test_explain\.py, line \d+\): .*tanh", text)


class Lines(HTMLParser):
    """Of each column: the text of its lines by the user's line that they are linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.column, self.ids = "", [""]
        self.found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.column = given.get("id", self.column)
        self.ids = given.get("data-l", "").split() if "data-l" in given else self.ids
        self.outside += [given[k] for k in ("src", "href") if k in given]

    def handle_data(self, data: str) -> None:
        for each in self.ids:
            self.found[self.column][each].append(data)


def test_the_page_links_source_ir_kernels_and_assembly(tmp_path: Path) -> None:
    f = jit(fused)
    f(X)
    file = f.show(path=tmp_path / "page.html")
    text = file.read_text()
    page = Lines(text)
    assert page.outside == []
    assert "<script src" not in text
    source = page.found["source"]
    (sine,) = [k for k, lines in source.items() if any("np.sin(x)" in t for t in lines)]
    (root,) = [k for k, lines in source.items() if any("np.sqrt(y" in t for t in lines)]
    for name, key, other in (("sin", sine, root), ("sqrt", root, sine)):
        for column in ("ir", "program"):
            linked = [t for t in page.found[column][key] if f" = {name} " in t]
            assert linked, (column, name)
            assert not [t for t in page.found[column][other] if f" = {name} " in t]
    assert any("vsqrt" in t or "sqrt" in t for t in page.found["assembly"][root])
    assert any("kernel 1" in t for t in page.found["program"][sine])
    assert "sin, mul, add, sqrt fused in one loop" in text
    assert "bytes of native code" in text


def test_a_page_of_one_stage_and_of_none(tmp_path: Path) -> None:
    f = jit(fused)
    assert f._repr_html_() is None
    with pytest.raises(ValueError, match="not compiled yet"):
        f.show(path=tmp_path / "page.html")
    f(X)
    with pytest.raises(ValueError, match="a stage is one of all, source, graph, ir"):
        f.show("llvm", path=tmp_path / "page.html")
    columns = Lines(f.show("ir", path=tmp_path / "page.html").read_text()).found
    assert {c for c in columns if c} == {"source", "ir"}
    frame = f._repr_html_()
    assert frame.startswith("<iframe")
    assert "np.sin(x)" in html.unescape(html.unescape(frame))


def slow_line(x: Any, n: Any) -> Any:
    y = x + 1.0
    for _ in range(n):
        y = np.sin(np.exp(np.cos(y)))  # slow
    return y * 2.0


def many_short_ones(x: Any, n: Any) -> Any:
    s = 0.0
    for i in range(n):
        s += np.exp(-x[i % 100] * i)
    return (x + 1.0) * s


def test_what_timing_takes_is_told_and_not_counted() -> None:
    found = jit(many_short_ones).profile(X, 20_000)
    assert max(row.runs for row in found.rows) == 20_000
    assert found.probes > 0.1 * found.milliseconds
    assert "Timing the statements took" in str(found)
    assert "Timing the statements took" in found.html()
    spent = [row.milliseconds for row in found.rows]
    assert min(spent) >= 0.0
    assert sum(spent) + found.rest == pytest.approx(found.milliseconds)
    assert sum(found.lines.values()) == pytest.approx(sum(spent))
    assert "the rest: the host's own code" in str(found)


def test_a_profile_is_of_calls_that_nothing_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(call: Any, args: Any, kwargs: Any) -> float:
        before = timed.counts.copy() if (timed := caught.get("timed")) else None
        call(*args, **kwargs)
        return 7.0 if before is not None and (timed.counts != before).any() else 2.0

    caught: dict[str, Any] = {}
    made = profile._Timed.__init__

    def init(self: Any) -> None:
        made(self)
        caught["timed"] = self

    monkeypatch.setattr(profile._Timed, "__init__", init)
    monkeypatch.setattr(profile, "_seconds", seconds)
    found = jit(many_short_ones).profile(X, 10)
    assert (found.milliseconds, found.probes) == (2000.0, 5000.0)
    assert found.rest > 1900.0


def test_the_slow_line_is_named() -> None:
    found = jit(slow_line).profile(X, 50)
    (file, number), *_ = found.lines
    assert (os.path.basename(file), number) == (FILE, line(slow_line, 3))
    assert found.lines[file, number] > 0.6 * found.milliseconds
    first = found.rows[0]
    assert first.what.startswith("kernel ")
    assert first.places == ((file, line(slow_line, 3)),)
    assert first.runs == 50
    text = str(found)
    assert "np.sin(np.exp(np.cos(y)))" in text
    assert text.splitlines()[3].split()[2] == f"{FILE}:{number}"


def test_a_call_of_numpy_is_a_row_and_arguments_are_left_alone() -> None:
    def sorts(x: Any) -> Any:
        x += 1.0
        return np.linalg.svd(x.reshape(50, 60), compute_uv=False)

    x = X.copy()
    found = jit(sorts).profile(x)
    np.testing.assert_array_equal(x, X)
    slowest = found.rows[0]
    assert not slowest.what.startswith("kernel")
    assert slowest.places[0][1] == line(sorts, 2)


def test_perf_finds_the_functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACEJIT_PERF_MAP", "1")
    monkeypatch.setattr(perf_map, "path", lambda: tmp_path / "perf.map")
    f = jit(fused)
    f(X)
    rows = [r.split(" ", 2) for r in (tmp_path / "perf.map").read_text().splitlines()]
    named = {name: (int(at, 16), int(size, 16)) for at, size, name in rows}
    head = f"tracejit fused ({FILE}:{line(fused, 0)})"
    kernel = f"{head}: kernel.0, lines {line(fused, 1)}, {line(fused, 2)}"
    assert {head, f"{head}: entry", kernel} <= set(named)
    module = f._dispatcher.versions()[0].artefacts.spec.module
    assert named[head][0] == module.addresses["core"]
    # What is loaded there is the kernel: its first instructions are those of the object file.
    start, _ = named[kernel]
    assert ctypes.string_at(start, 4) in module.object_code
    places = sorted(named.values())
    assert all(a + n <= b for (a, n), (b, _) in zip(places, places[1:]))
