"""LLVM texts of draws that call one another, and functions of the C library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from tracejit.llvm_text.nested import plain

#: By name: the text of a function, which others it calls, and which of the C library.
DrawTexts: TypeAlias = Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]


def with_callees(
    prefix: str, texts: DrawTexts, numbers: Mapping[str, str], name: str
) -> tuple[list[tuple[str, str]], set[str]]:
    """What defines `@<prefix>_<name>`, as symbols and texts, callees first; and the functions of
    the C library that it calls, which the module knows as `@tj_c_<name>`. ``numbers``: what stands
    for words in the texts."""
    text, callees, library = texts[name]
    found: list[tuple[str, str]] = []
    needed = set(library)
    for callee in callees:
        made, more = with_callees(prefix, texts, numbers, callee)
        found += [t for t in made if t not in found]
        needed |= more
    text = plain(text)
    for word, number in numbers.items():
        text = text.replace(word, number)
    return [*found, (f"@{prefix}_{name}", text.strip())], needed
