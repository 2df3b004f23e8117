"""The graph of a Program as SVG: boxes in layers, what is read before what reads it."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tracejit.diagnostics.graph import Box, Graph
from tracejit.diagnostics.linked import Links
from tracejit.records import dataclass

_CHARACTER, _LINE, _PAD, _GAP, _LAYER = 6.7, 14, 6, 14, 26
_HEAD = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)


@dataclass(frozen=True)
class _Area:
    x: float
    y: float
    width: float
    height: float

    def moved(self, x: float, y: float) -> _Area:
        return _Area(self.x + x, self.y + y, self.width, self.height)


def drawn(graph: Graph, links: Links) -> str:
    """The graph as one ``svg`` element, of which each box carries its lines and its kernel."""
    areas = _placed(graph.whole, graph.arrows)
    whole = areas.pop(graph.whole)
    parts = [_arrow(areas[a], areas[b]) for a, b in graph.arrows if not _holds(a, b)]
    boxes = [box for box in graph.whole.all() if box in areas]
    nested, leaves = (
        "".join(_box(b, areas[b], links) for b in boxes if bool(b.inside) is holds)
        for holds in (True, False)
    )
    note = ""
    if graph.left_out:
        note = f'<text x="4" y="{whole.height + 12:.0f}">and {graph.left_out} boxes more</text>'
    size = f'width="{whole.width:.0f}" height="{whole.height + (18 if note else 0):.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        f"{_HEAD}{nested}{''.join(parts)}{leaves}{note}</svg>"
    )


def _holds(box: Box, other: Box) -> bool:
    return any(other is inner for inner in box.all()) or any(box is i for i in other.all())


def _placed(box: Box, arrows: Sequence[tuple[Box, Box]]) -> dict[Box, _Area]:
    """Where a box and all in it lie, from its own upper left corner."""
    if not box.inside:
        width = max((len(line) for line in box.lines), default=1) * _CHARACTER + 2 * _PAD
        return {box: _Area(0, 0, width, len(box.lines) * _LINE + 2 * _PAD)}
    head = len(box.lines) * _LINE + 2 * _PAD
    found: dict[Box, _Area] = {}
    y, widest = float(head), 0.0
    for layer in _layers(box, arrows):
        x, tallest = float(_PAD), 0.0
        for child in layer:
            inner = _placed(child, arrows)
            size = inner[child]
            found |= {b: area.moved(x, y) for b, area in inner.items()}
            x, tallest = x + size.width + _GAP, max(tallest, size.height)
        widest, y = max(widest, x - _GAP + _PAD), y + tallest + _LAYER
    name = max((len(line) for line in box.lines), default=0) * _CHARACTER + 2 * _PAD
    found[box] = _Area(0, 0, max(widest, name), y - _LAYER + _PAD)
    return found


def _layers(box: Box, arrows: Sequence[tuple[Box, Box]]) -> Iterator[list[Box]]:
    """What is in a box, each after all that it reads. Arguments stand in the first layer and
    results in the last."""
    home = {inner: child for child in box.inside for inner in child.all()}
    before: dict[Box, set[Box]] = defaultdict(set)
    for a, b in arrows:
        if a in home and b in home and home[a] is not home[b]:
            before[home[b]].add(home[a])
    order = {child: k for k, child in enumerate(box.inside)}
    ranks: dict[Box, int] = {}
    for child in box.inside:  # in program order, in which what is read comes first
        earlier = [ranks[b] for b in before[child] if order[b] < order[child]]
        ranks[child] = 1 + max(earlier, default=-1)
    last = max(ranks.values())
    for child in box.inside:
        if child.kind == "result":
            ranks[child] = last
    for rank in range(last + 1):
        if layer := [child for child in box.inside if ranks[child] == rank]:
            yield layer


def _arrow(a: _Area, b: _Area) -> str:
    x1, y1, x2, y2 = a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
    bend = max(12.0, abs(y2 - y1) / 2)
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} '
        f'{x2:.0f} {y2:.0f}" marker-end="url(#tip)"/>'
    )


def _box(box: Box, area: _Area, links: Links) -> str:
    lines = "".join(
        f'<text x="{area.x + _PAD:.0f}" y="{area.y + _PAD + 11 + k * _LINE:.0f}">'
        f"{html.escape(line)}</text>"
        for k, line in enumerate(box.lines)
    )
    at = f'x="{area.x:.0f}" y="{area.y:.0f}" width="{area.width:.0f}" height="{area.height:.0f}"'
    return (
        f'<g class="{box.kind}" {links.attribute(box.places, box.number)}>'
        f'<rect {at} rx="3"/>{lines}</g>'
    )
