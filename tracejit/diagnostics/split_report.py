"""``f.explain()`` of calls that run in Python: which loops are compiled, and why others are not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tracejit.calls.fallback import Fallback, Reason
from tracejit.calls.regions import Region, SplitCalls, lines
from tracejit.calls.signature_strings import describe
from tracejit.diagnostics.report import explained


def explained_in_python(fallback: Fallback, name: str, reason: Reason | str) -> str:
    """The text for a function that could not be compiled for this reason."""
    found = [f"{name} is not compiled as a whole: {reason}"]
    parts = fallback.parts
    if isinstance(parts, SplitCalls):
        by_line = [(r.lines, "\n".join(_of_region(r, name))) for r in parts.regions if r.native]
        by_line += [(at, f"{lines(at)} in Python: {why}") for at, why in parts.refused]
        by_line += [(r.lines, f"{lines(r.lines)} not reached yet") for r in parts.unreached]
        found += [text for _, text in sorted(by_line)]
    return "\n".join(found)


def _of_region(region: Region, name: str) -> Iterator[str]:
    yield f"{lines(region.lines)} compiled: {region.native} calls"
    for version in region.compiled._dispatcher.versions():
        signature = describe(version.args, version.count, version.assumptions.sites)
        text = explained(version.artefacts, f"{name}{signature}")
        yield textwrap.indent(text, "  ")
