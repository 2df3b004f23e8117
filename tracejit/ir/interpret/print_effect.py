"""What the ``print`` primitive shows, for every way of running it."""

from __future__ import annotations

import string
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_LOCAL = threading.local()

#: How a text that compiled code knows by number is shown, in a replacement field.
MESSAGE = "message"
#: The same, as ``repr`` shows it.
QUOTED = "quoted"
_OF_MESSAGE, _OF_QUOTED = f":{MESSAGE}}}", f":{QUOTED}}}"
#: Texts by their numbers, which count from 1.
_NUMBER_OF: dict[str, int] = {}
_TEXT_OF: dict[int, str] = {}
_LOCK = threading.Lock()


def number_of(text: str) -> int:
    """A number that stands for a text while compiled code runs."""
    with _LOCK:
        number = _NUMBER_OF.setdefault(text, len(_NUMBER_OF) + 1)
        _TEXT_OF[number] = text
    return number


class _Formatter(string.Formatter):
    def format_field(self, value: Any, spec: str) -> str:
        if spec in (MESSAGE, QUOTED):
            text = _TEXT_OF.get(int(value), "")
            return repr(text) if spec == QUOTED else text
        shown: str = super().format_field(value, spec)
        return shown


def formatted(template: str, values: Sequence[Any]) -> str:
    """``template.format(*values)``, where numbers may stand for texts."""
    if template == "{0!s}":
        return str(values[0])
    if _OF_MESSAGE not in template and _OF_QUOTED not in template:
        return template.format(*values)
    return _Formatter().vformat(template, values, {})


def print_values(attrs: Mapping[str, Any], values: Sequence[Any]) -> None:
    """Python's ``print`` of the attribute ``parts``, each None replaced by the next of the values.

    ``formats`` says how values are shown, as after the name in a replacement field (``":.3f"``,
    ``"!r"``); without it as ``str`` shows them.
    """
    formats = attrs.get("formats") or ("!s",) * len(values)
    shown: Iterator[str] = (
        formatted(f"{{0{how}}}", [value]) for value, how in zip(values, formats, strict=True)
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
