"""HTML that links: what belongs to the same line or kernel lights up together.

A page is one text that loads nothing. Whatever carries ``data-l`` lights up with all that shares a
word of it; ``Links`` gives them out.
"""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

Place = tuple[str, int]
_STYLE = """
body{font:13px/1.45 system-ui,sans-serif;margin:0;color:#222;background:#fff}
h1{font-size:16px;margin:10px 14px 4px} .note{margin:0 14px 8px;color:#555}
.tracejit{display:flex;flex-direction:column;height:100vh}
.columns{display:flex;gap:1px;background:#ccc;border-top:1px solid #ccc;flex:1;min-height:0}
.column{flex:1;background:#fff;overflow:auto;min-width:0} h2{font-size:12px;position:sticky;top:0;
background:#f2f2f2;margin:0;padding:4px 8px;text-transform:uppercase;letter-spacing:.06em}
pre{margin:0;font:12px/1.4 ui-monospace,monospace} pre div{padding:0 8px;white-space:pre}
pre div.on{background:#ffe9a8} .n{color:#999;display:inline-block;width:4em;user-select:none}
.kernel{border-top:1px solid #ddd;padding:4px 8px;background:#f7fafc;font:12px system-ui}
.kernel.on{background:#ffe9a8} .slow{color:#a33}
.stack{flex:1;display:flex;flex-direction:column;gap:1px;min-width:0}
.stack .column{flex:1 1 50%;min-height:0} svg{display:block;margin:8px;flex:none}
svg text{font:11px ui-monospace,monospace;fill:#222;pointer-events:none}
svg rect{fill:#eef3f8;stroke:#7a8ba0}
svg .loop>rect,svg .branch>rect{fill:none;stroke-dasharray:4 3}
svg .call>rect{fill:#fbeee0} svg .argument>rect,svg .result>rect{fill:#fff}
svg .on>rect{fill:#ffe9a8} svg path{fill:none;stroke:#8a98a8} svg marker path{fill:#8a98a8}
svg .flame>rect{fill:#f3c9a0;stroke:#fff} svg .flame.on>rect{fill:#ffe9a8}
table{border-collapse:collapse;margin:8px 14px;font-size:12px}
td{padding:1px 8px} tr.on{background:#ffe9a8}
td.r{text-align:right}
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


class Links:
    """The words of ``data-l`` for lines of the user's and for kernels."""

    def __init__(self) -> None:
        self._numbers: dict[Place, str] = {}

    def attribute(self, places: Iterable[Place], kernel: int | None = None) -> str:
        """``data-l`` of what belongs to these lines and this kernel."""
        words = [self._numbers.setdefault(p, f"p{len(self._numbers) + 1}") for p in places]
        words += [] if kernel is None else [f"k{kernel}"]
        return f'data-l="{" ".join(words)}"'


def document(title: str, body: str) -> str:
    """A whole page."""
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><div class="tracejit">{body}</div>'
        f"<script>{_SCRIPT}</script></body></html>"
    )


def framed(page: str, height: int) -> str:
    """A page inside of a notebook's cell, apart from the notebook's own style."""
    style = f"width:100%;height:{height}px;border:1px solid #ccc"
    return f'<iframe style="{style}" srcdoc="{html.escape(page, quote=True)}"></iframe>'


def written(page: str, name: str, path: str | os.PathLike[str] | None) -> Path:
    """Write a page to a file, a temporary one if none is named."""
    if path is None:
        handle, path = tempfile.mkstemp(".html", f"tracejit-{name.strip('<>')}-")
        os.close(handle)
    file = Path(path)
    file.write_text(page, encoding="utf-8")
    return file


def shown(page: str, name: str, path: str | os.PathLike[str] | None) -> Path:
    """Write a page to a file; without one, to a temporary file that is opened in the browser."""
    file = written(page, name, path)
    if path is None:
        import webbrowser

        webbrowser.open(file.as_uri())
    return file
