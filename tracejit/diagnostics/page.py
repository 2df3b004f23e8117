"""``f.show()``: one HTML page of a compiled function, its source, IR, kernels and assembly.

Lines that belong together light up together. The page is one file that loads nothing.
"""

from __future__ import annotations

import html
import linecache
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tracejit.diagnostics.kernels import CompiledKernel, kernels_of, sizes_of
from tracejit.diagnostics.report import vector_code, what
from tracejit.diagnostics.source_lines import Place, assembly_of
from tracejit.ir.core import Instr
from tracejit.ir.printer import lines_of
from tracejit.ir.program import instructions

Stage = Literal["all", "source", "ir", "program", "assembly"]
_STYLE = """
body{font:13px/1.45 system-ui,sans-serif;margin:0;color:#222;background:#fff}
h1{font-size:16px;margin:10px 14px 4px} .note{margin:0 14px 8px;color:#555}
.columns{display:flex;gap:1px;background:#ccc;border-top:1px solid #ccc;height:calc(100vh - 70px)}
.column{flex:1;background:#fff;overflow:auto;min-width:0} h2{font-size:12px;position:sticky;top:0;
background:#f2f2f2;margin:0;padding:4px 8px;text-transform:uppercase;letter-spacing:.06em}
pre{margin:0;font:12px/1.4 ui-monospace,monospace} pre div{padding:0 8px;white-space:pre}
pre div.on{background:#ffe9a8} .n{color:#999;display:inline-block;width:4em;user-select:none}
.kernel{border-top:1px solid #ddd;padding:4px 8px;background:#f7fafc;font:12px system-ui}
.kernel.on{background:#ffe9a8} .slow{color:#a33}
"""
_SCRIPT = """
document.querySelectorAll('.tracejit').forEach(page => {
  const light = (event, on) => {
    const line = event.target.closest('[data-l]');
    if (!line || !line.dataset.l) return;
    const wanted = new Set(line.dataset.l.split(' '));
    page.querySelectorAll('[data-l]').forEach(other => {
      if (other.dataset.l.split(' ').some(l => wanted.has(l))) other.classList.toggle('on', on);
    });
  };
  page.addEventListener('mouseover', event => light(event, true));
  page.addEventListener('mouseout', event => light(event, false));
});
"""


@dataclass(frozen=True)
class _Text:
    """A line of a column: its text, and the user's lines that it is for."""

    text: str
    places: Sequence[Place] = ()
    kind: str = ""


class Page:
    """The page of one version."""

    def __init__(self, made: Any, signature: str, name: str) -> None:
        self.made, self.signature, self.name = made, signature, name
        self.kernels = kernels_of(made)
        self.sizes = sizes_of(made)
        self._numbers: dict[Place, str] = {}

    def html(self, stage: Stage = "all") -> str:
        """The whole page, or a page of one stage beside the source."""
        return (
            f'<!doctype html><html><head><meta charset="utf-8"><title>{html.escape(self.name)}'
            f"</title><style>{_STYLE}</style></head><body>{self._body(stage)}"
            f"<script>{_SCRIPT}</script></body></html>"
        )

    def _body(self, stage: Stage) -> str:
        columns = {
            "source": self._source,
            "ir": self._ir,
            "program": self._program,
            "assembly": self._assembly,
        }
        shown = [n for n in columns if stage in ("all", n) or n == "source"]
        parts = "".join(self._column(n, list(columns[n]())) for n in shown)
        size = sum(self.sizes.values())
        note = (
            f"{self.signature} · {len(self.kernels)} kernels · {size} bytes of native code"
            f" · {len(self.made.program.copies)} copies"
        )
        copies = "".join(f"<br>copy: {html.escape(c)}" for c in self.made.program.copies)
        return (
            f'<div class="tracejit"><h1>{html.escape(self.name)}</h1>'
            f'<p class="note">{html.escape(note)}{copies}</p>'
            f'<div class="columns">{parts}</div></div>'
        )

    def _column(self, name: str, lines: Sequence[_Text]) -> str:
        rows = "".join(map(self._row, lines))
        return f'<div class="column" id="{name}"><h2>{name}</h2><pre>{rows}</pre></div>'

    def _row(self, line: _Text) -> str:
        ids = " ".join(self._number(p) for p in line.places)
        kind = f' class="{line.kind}"' if line.kind else ""
        return f'<div{kind} data-l="{ids}">{line.text or " "}</div>'

    def _number(self, place: Place) -> str:
        return self._numbers.setdefault(place, f"p{len(self._numbers) + 1}")

    def _source(self) -> Iterator[_Text]:
        places = {(i.loc.filename, i.loc.line) for i in instructions(self.made.function) if i.loc}
        for file in sorted({file for file, _ in places}):
            numbers = [line for f, line in places if f == file]
            yield _Text(html.escape(os.path.basename(file)), (), "kernel")
            for line in range(max(1, min(numbers) - 2), max(numbers) + 2):
                text = html.escape(linecache.getline(file, line).rstrip())
                shown = f'<span class="n">{line}</span>{text}'
                yield _Text(shown, [(file, line)] if (file, line) in places else ())

    def _ir(self) -> Iterator[_Text]:
        for text, instr in lines_of(self.made.function):
            yield _Text(html.escape(text), _place(instr))

    def _program(self) -> Iterator[_Text]:
        numbered = {k.instr: k for k in self.kernels}
        for text, instr in lines_of(self.made.program.host):
            if instr in numbered:
                yield self._heading(numbered[instr])
            yield _Text(html.escape(text), _place(instr))

    def _assembly(self) -> Iterator[_Text]:
        by_symbol = {k.symbol: k for k in self.kernels}
        function = ""
        for line in assembly_of(self.made):
            if line.function != function:
                function = line.function
                if function in by_symbol:
                    yield self._heading(by_symbol[function])
                else:
                    size = self.sizes.get(function, 0)
                    yield _Text(f"around the kernels · {size} bytes", (), "kernel")
            yield _Text(html.escape(line.text), [line.place] if line.place else ())

    def _heading(self, kernel: CompiledKernel) -> _Text:
        vector, size = vector_code(kernel), self.sizes.get(kernel.symbol or "", 0)
        slow = ' class="slow"' if vector.startswith("not ") else ""
        text = (
            f"<b>kernel {kernel.number}</b> · {html.escape(what(kernel))} · "
            f"<span{slow}>{html.escape(vector)}</span> · {size} bytes"
        )
        return _Text(text, [(p.filename, p.line) for p in kernel.places], "kernel")


def _place(instr: Instr | None) -> list[Place]:
    if instr is None or instr.loc is None:
        return []
    return [(instr.loc.filename, instr.loc.line)]


def checked_stage(stage: str) -> Stage:
    """A stage by name. ValueError for another."""
    if stage not in get_args(Stage):
        raise ValueError(f"show: a stage is one of {', '.join(get_args(Stage))}, not {stage!r}")
    return stage  # type: ignore[return-value]


def written(pages: Mapping[str, Page], stage: Stage, path: str | os.PathLike[str] | None) -> Path:
    """Write the page of the last version to a file, a temporary one if none is named."""
    page = next(reversed(list(pages.values())))
    if path is None:
        handle, path = tempfile.mkstemp(".html", f"tracejit-{page.name.strip('<>')}-")
        os.close(handle)
    file = Path(path)
    file.write_text(page.html(stage), encoding="utf-8")
    return file


def framed(page: Page) -> str:
    """The page inside of a notebook's cell, apart from the notebook's own style."""
    whole = html.escape(page.html(), quote=True)
    return (
        f'<iframe style="width:100%;height:600px;border:1px solid #ccc" srcdoc="{whole}"></iframe>'
    )
