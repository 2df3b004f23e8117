"""A profile as a picture: the call, below it the user's functions, their lines, the statements.

Each bar is as wide as its share of the call's time. What is left over on the right of a row is the
way into the call and the host's own code.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from tracejit.diagnostics.linked import Links, Place
from tracejit.records import dataclass

K = TypeVar("K")
_WIDTH, _ROW, _CHARACTER = 900.0, 20, 6.7
#: Bars narrower than this, in pixels, are not drawn.
_LEAST = 0.5


@dataclass(frozen=True)
class LineShare:
    """The time that one statement spends on one line: the function that the line is in, the
    statement in words, its number if it is a kernel, and milliseconds per call."""

    function: str
    place: Place
    statement: str
    kernel: int | None
    milliseconds: float


def drawn(
    name: str,
    milliseconds: float,
    parts: Iterable[LineShare],
    source: Callable[[Place], str],
    links: Links,
) -> str:
    """The flame as one ``svg`` element; ``milliseconds`` is the whole width."""
    every = list(parts)
    total = max(milliseconds, sum(p.milliseconds for p in every)) or 1.0
    bars = [_Bar(name, name, 0.0, milliseconds, 0)]
    functions = _grouped(every, lambda p: p.function)
    at = 0.0
    for function, inside in functions.items():
        bars.append(_Bar(function, function, at, _sum(inside), 1, tuple(p.place for p in inside)))
        for place, on_line in _grouped(inside, lambda p: p.place).items():
            named = f"{place[1]}: {source(place)}"
            bars.append(_Bar(named, named, at, _sum(on_line), 2, (place,)))
            for part in on_line:
                told = f"{part.statement}, line {place[1]}"
                bar = _Bar(part.statement, told, at, part.milliseconds, 3, (place,), part.kernel)
                bars.append(bar)
                at += part.milliseconds
    scale = _WIDTH / total
    shown = "".join(b.svg(scale, total, links) for b in bars if b.milliseconds * scale >= _LEAST)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH:.0f}" height="{4 * _ROW}" '
        f'role="img">{shown}</svg>'
    )


def _grouped(
    parts: Iterable[LineShare], key: Callable[[LineShare], K]
) -> Mapping[K, list[LineShare]]:
    """Parts by what they share, the longest first."""
    found: dict[K, list[LineShare]] = defaultdict(list)
    for part in parts:
        found[key(part)].append(part)
    return dict(sorted(found.items(), key=lambda item: -_sum(item[1])))


def _sum(parts: Iterable[LineShare]) -> float:
    return sum(p.milliseconds for p in parts)


@dataclass(frozen=True)
class _Bar:
    text: str
    told: str
    start: float
    milliseconds: float
    row: int
    places: tuple[Place, ...] = ()
    kernel: int | None = None

    def svg(self, scale: float, total: float, links: Links) -> str:
        x, y, width = self.start * scale, self.row * _ROW, self.milliseconds * scale
        fits = int((width - 6) / _CHARACTER)
        text = self.text if len(self.text) <= fits else f"{self.text[: max(0, fits - 1)]}…"
        share = 100.0 * self.milliseconds / total
        told = f"{self.told}: {self.milliseconds:.4f} ms, {share:.1f} %"
        places = tuple(dict.fromkeys(self.places))
        label = f'<text x="{x + 3:.1f}" y="{y + 14}">{html.escape(text)}</text>' * (fits > 2)
        return (
            f'<g class="flame" {links.attribute(places, self.kernel)}>'
            f"<title>{html.escape(told)}</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 1}"/>{label}</g>'
        )
