"""What the ``print`` primitive shows, for every way of running it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_LOCAL = threading.local()


def print_values(attrs: Mapping[str, Any], values: Sequence[Any]) -> None:
    """Python's ``print`` of the attribute ``parts``, each None replaced by the next of the values.

    ``formats`` says how values are shown, as after the name in a replacement field (``":.3f"``,
    ``"!r"``); without it as ``str`` shows them.
    """
    formats = attrs.get("formats") or ("!s",) * len(values)
    shown: Iterator[str] = (
        f"{{{how}}}".format(value) for value, how in zip(values, formats, strict=True)
    )
    parts = [next(shown) if part is None else str(part) for part in attrs["parts"]]
    waiting: list[str] | None = getattr(_LOCAL, "waiting", None)
    text = attrs.get("sep", " ").join(parts) + attrs.get("end", "\n")
    if waiting is None:
        print(text, end="")
    else:
        waiting.append(text)


@contextmanager
def kept_back(wanted: bool, unless: type[BaseException]) -> Iterator[None]:
    """If ``wanted``, what this thread prints inside is shown at the end, not after ``unless``."""
    if not wanted:
        yield
        return
    outer: list[str] | None = getattr(_LOCAL, "waiting", None)
    texts: list[str] = []
    _LOCAL.waiting = texts
    try:
        yield
    except unless:
        texts.clear()
        raise
    finally:
        _LOCAL.waiting = outer
        if outer is not None:
            outer.extend(texts)
        elif texts:
            print(*texts, sep="", end="")
