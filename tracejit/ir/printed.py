"""What the ``print`` primitive shows, for every way of running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def print_values(attrs: Mapping[str, Any], values: Sequence[Any]) -> None:
    """Python's ``print`` of the attribute ``parts``, each None replaced by the next of the values.

    ``formats`` says how values are shown, as after the name in a replacement field (``":.3f"``,
    ``"!r"``); without it as ``str`` shows them.
    """
    formats = attrs.get("formats") or ("!s",) * len(values)
    shown: Iterator[str] = (
        f"{{{how}}}".format(value) for value, how in zip(values, formats, strict=True)
    )
    parts = [next(shown) if part is None else part for part in attrs["parts"]]
    print(*parts, sep=attrs.get("sep", " "), end=attrs.get("end", "\n"))
