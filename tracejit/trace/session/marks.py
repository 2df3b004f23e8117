"""Marks: what stands for a value of the run in a text that is made while tracing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.builder import Builder

MARK = "\x1a"


def parts_at_marks(text: str, shown: Sequence[Any]) -> list[Any]:
    """A text as its plain parts and the pairs of its marks, alternating.

    ``shown``: the pairs by number: a value and how it is shown, as after the name in a replacement
    field.
    """
    parts: list[Any] = list(text.split(MARK))
    parts[1::2] = [shown[int(k)] for k in parts[1::2]]
    return parts


def as_fields(template: str, shown: Sequence[Any], b: Builder, payload: list[Any]) -> str:
    """A format string whose marks became further fields, their values appended to ``payload``."""
    parts = parts_at_marks(template, shown)
    for k in range(1, len(parts), 2):
        value, how = parts[k]
        if getattr(value, "ndim", 0):
            parts[k] = "<array>"
            continue
        parts[k] = "{" + str(len(payload)) + how + "}"
        payload.append(b.index(value) if isinstance(value, ex.Extent) else value.read())
    return "".join(parts)
