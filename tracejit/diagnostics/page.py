"""``f.show()``: one HTML page of a compiled function, its source, IR, kernels and assembly.

Lines that belong together light up together, and so does what is theirs in the graph.
"""

from __future__ import annotations

import html
import linecache
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, get_args

from tracejit.diagnostics.graph import graph_of
from tracejit.diagnostics.graph_svg import drawn
from tracejit.diagnostics.kernels import CompiledKernel, kernels_of, sizes_of
from tracejit.diagnostics.linked import Links, Place, document
from tracejit.diagnostics.report import vector_code, what
from tracejit.diagnostics.source_lines import assembly_of
from tracejit.ir.core import Instr
from tracejit.ir.printer import lines_of
from tracejit.ir.program import instructions
from tracejit.records import dataclass

Stage = Literal["all", "source", "graph", "ir", "program", "assembly"]


@dataclass(frozen=True)
class _Text:
    """A line of a column: its text, and the user's lines that it is for."""

    text: str
    places: Sequence[Place] = ()
    kind: str = ""
    kernel: int | None = None


class Page:
    """The page of one version."""

    def __init__(self, made: Any, signature: str, name: str) -> None:
        self.made, self.signature, self.name = made, signature, name
        self.kernels = kernels_of(made)
        self.sizes = sizes_of(made)
        self._links = Links()

    def html(self, stage: Stage = "all") -> str:
        """The whole page, or a page of one stage beside the source."""
        return document(self.name, self._body(stage))

    def _body(self, stage: Stage) -> str:
        columns = {"ir": self._ir, "program": self._program, "assembly": self._assembly}
        left = self._column("source", self._rows(self._source()))
        if stage in ("all", "graph"):
            picture = drawn(graph_of(self.made.program, self.kernels), self._links)
            left = f'<div class="stack">{left}{self._column("graph", picture)}</div>'
        shown = [n for n in columns if stage in ("all", n)]
        parts = "".join(self._column(n, self._rows(columns[n]())) for n in shown)
        size = sum(self.sizes.values())
        note = (
            f"{self.signature} · {len(self.kernels)} kernels · {size} bytes of native code"
            f" · {len(self.made.program.copies)} copies"
        )
        copies = "".join(f"<br>copy: {html.escape(c)}" for c in self.made.program.copies)
        return (
            f'<h1>{html.escape(self.name)}</h1><p class="note">{html.escape(note)}{copies}</p>'
            f'<div class="columns">{left}{parts}</div>'
        )

    @staticmethod
    def _column(name: str, content: str) -> str:
        return f'<div class="column" id="{name}"><h2>{name}</h2>{content}</div>'

    def _rows(self, lines: Iterable[_Text]) -> str:
        return f"<pre>{''.join(map(self._row, lines))}</pre>"

    def _row(self, line: _Text) -> str:
        kind = f' class="{line.kind}"' if line.kind else ""
        links = self._links.attribute(line.places, line.kernel)
        return f"<div{kind} {links}>{line.text or ' '}</div>"

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
        places = [(p.filename, p.line) for p in kernel.places]
        return _Text(text, places, "kernel", kernel.number)


def _place(instr: Instr | None) -> list[Place]:
    if instr is None or instr.loc is None:
        return []
    return [(instr.loc.filename, instr.loc.line)]


def checked_stage(stage: str) -> Stage:
    """A stage by name. ValueError for another."""
    if stage not in get_args(Stage):
        raise ValueError(f"show: a stage is one of {', '.join(get_args(Stage))}, not {stage!r}")
    return stage  # type: ignore[return-value]
