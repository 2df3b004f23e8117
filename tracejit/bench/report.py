"""`python -m tracejit.bench --html FILE`: measurements as one page that needs nothing else."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tracejit.bench.show import by_row, duration, ratio, relative
from tracejit.bench.timing import Measurement

_COLOURS = {"tracejit": "#c1440e", "numba": "#2a7f9e", "jax": "#7a5195", "numexpr": "#8a8d3b"}
_OTHER = "#777"
_WIDTH, _LEFT, _BAR, _GAP = 900, 320, 12, 10
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left }
.missed { color: #b00020; font-weight: 600 } .kept { color: #1b6e2c }
svg text { font: 12px system-ui, sans-serif; fill: currentColor }
@media (prefers-color-scheme: dark) { body { background: #16181a; color: #e4e4e4 } }
"""


def page(found: Sequence[Measurement], about: Mapping[str, Any], goals: Mapping[str, float]) -> str:
    """A whole HTML document: on what it was measured, a plot, and every figure."""
    facts = "".join(f"<li>{_text(k)}: {_text(v)}</li>" for k, v in about.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>tracejit: benchmarks</title><style>{_STYLE}</style>"
        f"<h1>Benchmarks</h1><ul>{facts}</ul>"
        "<h2>Times faster than the baseline</h2>"
        f"{plot(found)}<h2>Figures</h2>{_table(found, goals)}</html>\n"
    )


def _text(value: Any) -> str:
    return html.escape(str(value))


def plot(found: Sequence[Measurement]) -> str:
    """Bars on a logarithmic scale as SVG, rows downwards, the spread of samples as a line."""
    rows = by_row(found)
    shown = {
        name: [m for m in ms if not m.problem and m.contender not in ("numpy", "python")]
        for name, ms in rows.items()
    }
    values = [ratio(m, rows) for ms in shown.values() for m in ms]
    values = [v for v in values if math.isfinite(v) and v > 0]
    if not values:
        return "<p>Nothing was timed.</p>"
    low = min(0.5, *values) if values else 0.5
    high = max(2.0, *values)
    scale = (_WIDTH - _LEFT - 60) / math.log(high / low)

    def x(value: float) -> float:
        return _LEFT + math.log(max(low, value) / low) * scale

    parts, y = [], 20.0
    for name, ms in shown.items():
        middle = y + _BAR * max(1, len(ms)) / 2 + 4
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle:.1f}" text-anchor="end">{_text(name)}</text>'
        )
        for m in ms:
            value = ratio(m, rows)
            left, right = sorted((x(1.0), x(value)))
            colour = _COLOURS.get(m.contender, _OTHER)
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{_BAR - 2}" '
                f'fill="{colour}"><title>{_text(m.contender)}: {value:.2f}</title></rect>'
                f'<line x1="{x(value / (1 + m.spread)):.1f}" x2="{x(value * (1 + m.spread)):.1f}" '
                f'y1="{y + 5:.1f}" y2="{y + 5:.1f}" stroke="currentColor"/>'
                f'<text x="{right + 4:.1f}" y="{y + 9:.1f}">{value:.2f}</text>'
            )
            y += _BAR
        y += _GAP
    one = f'<line x1="{x(1.0):.1f}" x2="{x(1.0):.1f}" y1="10" y2="{y:.1f}" stroke="currentColor"/>'
    names = dict.fromkeys(m.contender for ms in shown.values() for m in ms)
    legend = " ".join(
        f'<span style="color:{_COLOURS.get(n, _OTHER)}">&#9632;</span> {_text(n)}' for n in names
    )
    return (
        f'<p>{legend}</p><svg viewBox="0 0 {_WIDTH} {y:.0f}" role="img" width="100%">'
        f"{one}{''.join(parts)}</svg>"
    )


def _table(found: Sequence[Measurement], goals: Mapping[str, float]) -> str:
    rows = by_row(found)
    heads = (
        "row",
        "contender",
        "median",
        "spread",
        "times faster",
        "of best peer",
        "goal",
        "first",
    )
    lines = ["".join(f"<th>{h}</th>" for h in heads)]
    for name, ms in rows.items():
        for m in ms:
            if m.problem:
                lines.append(
                    f"<td>{_text(name)}</td><td>{_text(m.contender)}</td>"
                    f'<td colspan="6">{_text(m.problem)}</td>'
                )
                continue
            goal = goals.get(name) if m.contender == "tracejit" else None
            best = relative(m, rows)
            state = "" if goal is None else "kept" if best <= goal else "missed"
            cells = (
                name,
                m.contender,
                duration(m.median),
                f"{m.spread:.0%}",
                f"{ratio(m, rows):.2f}",
                f"{best:.2f}" if m.contender == "tracejit" else "",
                "" if goal is None else f"{goal:.2f}",
                duration(m.first_call),
            )
            lines.append("".join(f'<td class="{state}">{_text(c)}</td>' for c in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
